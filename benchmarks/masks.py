"""What action masks save: steps until a target return is reached, with the mask that an environment gives and without.

    python benchmarks/masks.py                                  everything, about a quarter of an hour on two cores
    python benchmarks/masks.py --only scheduling --seeds 2      a part of it

Two tasks: Gymnasium's Taxi, and one of scheduling (`scheduling.py`) with 200 actions, of which 8 are valid at a time.
There an action that is not valid does nothing. In Taxi too, but it costs a step's 1, and 10 where a passenger cannot be
picked up or dropped. All else is the same with a mask and without. Every run is a fresh process. All runs are kept in
the results; a part that is not measured again keeps its earlier results.
"""

import argparse
import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median

from rich.table import Table

from benchmark import Benchmark, Part, tell
from measure import Record, train
from report import Finding, Measured, by, column, number, solved, systems_table

SEEDS = 5
MASKED, UNMASKED = "with the mask", "without"
SYSTEMS = {MASKED: (), UNMASKED: ("--no-action-masks",)}


@dataclass(frozen=True)
class Task:
    """An environment, the mean return of 100 episodes that is to be reached, and the steps that this may take."""

    environment: str
    target: float
    steps: int


TASKS = {
    "taxi": Task("Taxi-v4", 7.0, 1_000_000),
    "scheduling": Task("scheduling:Dispatch-v0", 38.0, 4_000_000),
}
MOST = 0.5
"""Steps with the mask, in those without, that are to be enough."""


def learn(task: Task, arguments: argparse.Namespace) -> list[Record]:
    """The task with every seed, with the mask and without in turn."""
    runs = []
    for seed in range(1, (arguments.seeds or SEEDS) + 1):
        for system, flags in SYSTEMS.items():
            limits = ("--target-return", str(task.target), "--steps", str(task.steps))
            given = (task.environment, *flags, *limits, "--evaluate-every", "0", "--workers", "2", "--seed", str(seed))
            # Where the task of scheduling is.
            run = train(*given, limit=3600.0, environment={"PYTHONPATH": str(Path(__file__).parent)})
            runs.append({"system": system, **run})
            tell(runs[-1])
    return runs


def findings(task: Task, part: Measured) -> Iterator[Finding]:
    """Of one task."""
    runs = by(part, "system")
    steps = {system: median(column(runs[system], "solved_at_step")) for system in SYSTEMS}
    for system in SYSTEMS:
        of_all = f"{solved(runs[system])} of {len(runs[system])}"
        yield Finding(f"{task.environment} to {task.target:g}, {system}: solved", of_all)
    for system in SYSTEMS:
        yield Finding(f"{task.environment}, {system}: median steps", number(steps[system], ",.0f"))
    # Those that never got there took more than they were given.
    without = min(steps[UNMASKED], task.steps)
    share = steps[MASKED] / without
    at_most = "at most " if math.isinf(steps[UNMASKED]) else ""
    measured = at_most + number(share, ".2f")
    yield Finding(f"{task.environment}: steps with the mask / without", measured, f"<= {MOST}", share <= MOST)


def table(task: Task, part: Measured) -> Table:
    """A row for each system."""
    return systems_table(part, f"{task.environment} to a mean return of {task.target:g}")


PARTS = {
    name: Part(partial(learn, task), partial(findings, task), partial(table, task)) for name, task in TASKS.items()
}
BENCHMARK = Benchmark("masks", PARTS)


def main() -> None:
    parser = BENCHMARK.parser(__doc__)
    parser.add_argument("--seeds", type=int, help=f"seeds of each, instead of {SEEDS}")
    BENCHMARK.run(parser.parse_args())


if __name__ == "__main__":
    main()
