"""What evaluation beside training costs: steps per second with it and without, the same runs in turn.

    python benchmarks/evaluation.py                     everything, about 20 minutes on two cores
    python benchmarks/evaluation.py --only cartpole --rounds 3

`with` evaluates at the default interval, `without` never (`--evaluate-every 0`). What is counted are steps of training;
the evaluation at the end, when nothing is trained any more, is not in the rate. Every run is a fresh process; every
other round begins with the other kind.
"""

import argparse
from collections.abc import Callable, Iterator
from functools import partial
from statistics import median

from benchmark import Benchmark, Part, tell
from measure import Record, train
from report import Finding, Measured, by

TASKS = {
    "cartpole": ("CartPole-v1", 2_000_000),
    "pong": ("ALE/Pong-v5", 120_000),
    "half_cheetah": ("HalfCheetah-v5", 200_000),
}
"""Environments, and the steps of a run."""
KINDS: dict[str, tuple[str, ...]] = {"with": (), "without": ("--evaluate-every", "0")}


def cost(arguments: argparse.Namespace, task: str) -> list[Record]:
    """Runs of both kinds, in turn."""
    environment, steps = TASKS[task]
    runs = []
    train(environment, "--steps", "5000", "--seed", "0", limit=arguments.limit)
    for seed in range(1, arguments.rounds + 1):
        for kind in list(KINDS)[:: 1 if seed % 2 else -1]:
            flags = ("--steps", str(steps), "--no-stop-when-solved", "--seed", str(seed), *KINDS[kind])
            run = train(environment, *flags, limit=arguments.limit, curve=False)
            runs.append({"system": kind, "environment": environment} | run)
            tell(runs[-1])
    return runs


def findings(part: Measured) -> Iterator[Finding]:
    kinds = by(part, "system")
    rates = {
        kind: [run["steps_per_second"] for run in runs if run.get("steps_per_second")] for kind, runs in kinds.items()
    }
    if not all(rates.get(kind) for kind in KINDS):
        return
    environment = part["runs"][0]["environment"]
    ratios = [a / b for a, b in zip(rates["with"], rates["without"], strict=False)]
    evaluations = median(run["evaluations"] for run in kinds["with"])
    yield Finding(
        f"{environment}, steps/s with evaluation and without",
        f"{median(rates['with']):,.0f} and {median(rates['without']):,.0f}, median of pairs {median(ratios):.3f} "
        f"( {min(ratios):.3f} to {max(ratios):.3f}); {evaluations:.0f} evaluations a run",
    )


MEASURES: dict[str, Callable[[argparse.Namespace], list[Record]]] = {task: partial(cost, task=task) for task in TASKS}


def main() -> None:
    benchmark = Benchmark("evaluation", {task: Part(measure, findings) for task, measure in MEASURES.items()})
    parser = benchmark.parser(__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="runs of each kind (%(default)s)")
    parser.add_argument("--limit", type=float, default=900.0, help="seconds after which a run has failed (%(default)s)")
    arguments = parser.parse_args()
    for part in benchmark.measured(arguments).values():
        for finding in findings(part):
            print(f"{finding.name}: {finding.measured}")


if __name__ == "__main__":
    main()
