"""Trains the recipes of the tasks that everyone tries first, until solved or out of steps, and plays their best agents.

    python benchmarks/tasks.py                             everything, about 45 minutes on two cores
    python benchmarks/tasks.py --only pendulum,memory --seeds 2   a part of it
    python benchmarks/tasks.py --figures-only              draw the figures again from the results

What counts is the mean of 100 episodes that the best checkpoint plays greedily after the run, not the training returns.
Every run is a fresh process, timed from its start. All runs are kept in the results, bad ones included; a part that is
not measured again keeps its earlier results.
"""

import argparse
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median

from rich.table import Table

from benchmark import Benchmark, Part, tell
from measure import Record, train
from pictures import draw_task
from report import Finding, Measured, by, column, number


@dataclass(frozen=True)
class Task:
    """A task and what its recipe is to reach."""

    environment: str
    aim: float
    """Mean return of 100 episodes."""
    steps: int
    """Within so many."""
    seeds: int = 5
    needed: int = 5
    """Seeds that have to reach it."""
    least: float | None = None
    """What the worst seed has to reach, where not all have to reach the aim."""
    seconds: float | None = None
    """Within so many, from the start of the process."""
    zoo: str = ""
    """What the agents of the Stable-Baselines3 zoo reach with A2C."""


TASKS = {
    "mountain-car": Task("MountainCar-v0", -110, 1_000_000, zoo="-111"),
    "mountain-car-continuous": Task("MountainCarContinuous-v0", 90, 500_000, zoo="91"),
    "pendulum": Task("Pendulum-v1", -180, 1_000_000, zoo="-163"),
    "lunar-lander": Task("LunarLander-v3", 200, 1_000_000, seconds=300, zoo="36 to 156 (200k steps)"),
    "bipedal-walker": Task("BipedalWalker-v3", 300, 5_000_000, 3, 2, 270, seconds=1200, zoo="300 (5M steps)"),
    "half-cheetah": Task(
        "HalfCheetah-v5", 5_900, 1_000_000, needed=3, least=4_500, seconds=180, zoo="3,041; with PPO 5,819"
    ),
}

MEMORY = "cartpole-without-velocities"
WITH_MEMORY, WITHOUT_MEMORY = "LSTM", "feed-forward"
MEMORY_FLAGS = {WITH_MEMORY: (), WITHOUT_MEMORY: ("--recurrent", "None")}
MEMORY_TASK = Task("CartPole-v1", 450, 1_000_000)
FORGETFUL = 200
"""What the feed-forward policy has to stay below, for the task to need memory."""

COST = 2.5
"""How many times the time of the feed-forward policy an LSTM may take for the same steps."""
COST_FLAGS = ("--recipe", "none", "--steps", "400_000", "--no-stop-when-solved")


def solve(task: Task, arguments: argparse.Namespace) -> list[Record]:
    """The task's recipe with every seed."""
    return [_trained(task.environment, task, seed) for seed in range(1, (arguments.seeds or task.seeds) + 1)]


def _trained(system: str, task: Task, seed: int, flags: tuple[str, ...] = ()) -> Record:
    run = train(task.environment, *flags, "--seed", str(seed), limit=3600.0, evaluated=("best",))
    tell({"system": system} | run)
    print(f"    greedy: {_score(run):.1f}", flush=True)
    return {"system": system} | run


def _score(run: Measured) -> float:
    """Mean return of 100 episodes of the best checkpoint; minus infinity where there is none."""
    return run.get("greedy", {}).get("best", {}).get("mean", float("-inf"))


def solve_findings(task: Task, part: Measured) -> Iterator[Finding]:
    yield from _findings(task, part["runs"])
    if task.zoo:
        yield Finding(f"{task.environment}: A2C of the Stable-Baselines3 zoo, published", task.zoo)


def _findings(task: Task, runs: list[Measured]) -> Iterator[Finding]:
    scores, steps = [_score(run) for run in runs], column(runs, "steps")
    above = sum(score >= task.aim for score in scores)
    yield Finding(
        f"{task.environment}: >= {task.aim:g}",
        f"{above} of {len(runs)} seeds, median {median(scores):.1f}",
        f"{task.needed} of {task.seeds} seeds",
        above >= task.needed,
    )
    worst = number(min(scores), ".1f", missing="failed")
    least = task.least
    if least is None:
        yield Finding(f"{task.environment}: worst seed", worst)
    else:
        yield Finding(f"{task.environment}: worst seed", worst, f">= {least:g}", min(scores) >= least)
    # A segment of every worker may be under way when the limit is met.
    within = max(steps) <= task.steps * 1.01
    yield Finding(f"{task.environment}: steps, most", number(max(steps), ",.0f"), f"<= {task.steps:,}", within)
    seconds = column(runs, "process_seconds")
    said = f"median {median(seconds):.0f} s, most {max(seconds):.0f} s"
    if task.seconds is None:
        yield Finding(f"{task.environment}: time", said)
    else:
        yield Finding(f"{task.environment}: time", said, f"<= {task.seconds:.0f} s", max(seconds) <= task.seconds)


def memory(arguments: argparse.Namespace) -> list[Record]:
    """CartPole with its velocities hidden: the recipe, and the same without its recurrent layer."""
    return [
        _trained(system, MEMORY_TASK, seed, ("--recipe", MEMORY, *flags))
        for seed in range(1, (arguments.seeds or MEMORY_TASK.seeds) + 1)
        for system, flags in MEMORY_FLAGS.items()
    ]


def memory_findings(part: Measured) -> Iterator[Finding]:
    systems = by(part, "system")
    for finding in _findings(MEMORY_TASK, systems[WITH_MEMORY]):
        yield Finding(f"{WITH_MEMORY}, {finding.name}", finding.measured, finding.target, finding.reached)
    best = max(_score(run) for run in systems[WITHOUT_MEMORY])
    name = f"{WITHOUT_MEMORY}, {MEMORY_TASK.environment}: best seed"
    yield Finding(name, number(best, ".1f"), f"< {FORGETFUL}", best < FORGETFUL)


def cost(arguments: argparse.Namespace) -> list[Record]:
    """Training of a feed-forward policy and of one with an LSTM behind the same layers, in turn."""
    runs = []
    for repeat in range(1, (arguments.seeds or 5) + 1):
        for system, flags in {WITHOUT_MEMORY: (), WITH_MEMORY: ("--recurrent", "lstm")}.items():
            run = train("CartPole-v1", *COST_FLAGS, "--shared-trunk", *flags, "--seed", str(repeat))
            runs.append({"system": system} | run)
            tell(runs[-1])
    return runs


def cost_findings(part: Measured) -> Iterator[Finding]:
    systems = by(part, "system")
    rates = {system: column(runs, "steps_per_second", missing=0.0) for system, runs in systems.items()}
    for system, found in rates.items():
        yield Finding(f"CartPole-v1, {system}", f"{median(found):,.0f} steps/s, worst {min(found):,.0f}")
    ratios = [plain / recurrent for plain, recurrent in zip(rates[WITHOUT_MEMORY], rates[WITH_MEMORY], strict=True)]
    said = f"{median(ratios):.2f} x, most {max(ratios):.2f} x"
    yield Finding("time with an LSTM for the same steps", said, f"<= {COST} x", median(ratios) <= COST)


def tasks_table(part: Measured, title: str) -> Table:
    """A row for each seed."""
    table = Table("", "seed", "greedy mean of 100", "steps", "seconds", "steps/s", "why it ended", title=title)
    for run in part["runs"]:
        table.add_row(
            run["system"],
            str(run.get("seed", "")),
            number(_score(run), ".1f", missing="failed"),
            f"{run.get('steps', 0):,}",
            f"{run['process_seconds']:.0f}",
            f"{run.get('steps_per_second') or 0:,.0f}",
            run["error"] or run["status"],
        )
    return table


def _part(name: str, task: Task) -> Part:
    draw = partial(draw_task, title=task.environment, aim=task.aim)
    return Part(
        partial(solve, task),
        partial(solve_findings, task),
        partial(tasks_table, title=task.environment),
        {f"task_{name.replace('-', '_')}.png": draw},
    )


def draw_memory(part: Measured, path: Path) -> None:
    draw_task(part, path, title="CartPole-v1 without its velocities", aim=MEMORY_TASK.aim)


PARTS = {name: _part(name, task) for name, task in TASKS.items()} | {
    "memory": Part(
        memory,
        memory_findings,
        partial(tasks_table, title="CartPole-v1 without its velocities"),
        {"task_memory.png": draw_memory},
    ),
    "cost-of-memory": Part(cost, cost_findings),
}


def main() -> None:
    benchmark = Benchmark("tasks", PARTS)
    parser = benchmark.parser(__doc__)
    parser.add_argument("--seeds", type=int, help="seeds of every task (default: 5, and 3 where runs are long)")
    benchmark.run(parser.parse_args())


if __name__ == "__main__":
    main()
