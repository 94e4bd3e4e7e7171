"""What order costs: steps a second of asynchronous workers, free and ordered, in pairs; a table.

    python benchmarks/ordered.py                                        CartPole, Pong, HalfCheetah, 2 and 4 workers
    python benchmarks/ordered.py --only cartpole --workers 2 --pairs 3

Free and ordered runs take turns on the same seeds, so that what else the machine does falls on both. Tasks whose
environments are not installed are left out. About half an hour on two cores.
"""

import argparse
import statistics
from typing import Any

from rich.console import Console
from rich.table import Table

import a3c
from benchmark import installed, some_of

TASKS: dict[str, tuple[str, dict[str, Any], int]] = {
    "cartpole": ("CartPole-v1", {}, 2_000_000),
    "pong": ("ALE/Pong-v5", {}, 60_000),
    "halfcheetah": ("HalfCheetah-v5", {}, 150_000),
}
"""The environment, settings, and steps of each run."""
ALGORITHMS = {"a3c": a3c.A3C, "impala": a3c.IMPALA}


def rate(algorithm: str, task: str, workers: int, seed: int, ordered: bool) -> float:
    environment, settings, steps = TASKS[task]
    # Nothing is evaluated, as ordered runs would wait for that.
    alike = {"workers": workers, "seed": seed, "stop_when_solved": False, "evaluate_every": 0}
    agent = ALGORITHMS[algorithm](environment, ordered=ordered, **alike, **settings)
    return agent.learn(steps=steps).summary["steps_per_second"] or 0.0


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False
    )
    parser.add_argument("--only", type=some_of("task", TASKS), default=",".join(TASKS), help="tasks, of %(default)s")
    parser.add_argument("--algorithms", default="a3c,impala", help="of %(default)s")
    parser.add_argument("--workers", type=int, nargs="+", default=[2, 4], help="(default: 2 4)")
    parser.add_argument("--pairs", type=int, default=5, help="of runs, a seed each (default: %(default)s)")
    flags = parser.parse_args()
    table = Table("task", "algorithm", "workers", "free, steps/s", "ordered, steps/s", "share, median", "worst")
    for task in (task for task in flags.only if installed(TASKS[task][0])):
        for algorithm in flags.algorithms.split(","):
            for workers in flags.workers:
                pairs = [
                    (rate(algorithm, task, workers, seed, False), rate(algorithm, task, workers, seed, True))
                    for seed in range(1, flags.pairs + 1)
                ]
                free, ordered = (statistics.median(rates) for rates in zip(*pairs, strict=True))
                shares = [second / first for first, second in pairs]
                table.add_row(
                    *(task, algorithm, str(workers), f"{free:,.0f}", f"{ordered:,.0f}"),
                    *(f"{statistics.median(shares):.1%}", f"{min(shares):.1%}"),
                )
                print(
                    f"{task}, {algorithm}, {workers} workers: {', '.join(f'{share:.1%}' for share in shares)}",
                    flush=True,
                )
    Console().print(table)


if __name__ == "__main__":
    main()
