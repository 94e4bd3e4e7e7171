"""Trains the recipes of the tasks that everyone tries first, and plays the policies they end with.

    python benchmarks/tasks.py                             everything, about 75 minutes on two cores
    python benchmarks/tasks.py --only pendulum,memory --seeds 2   a part of it
    python benchmarks/tasks.py --only pace                 how fast PPO of Stable-Baselines3 is on the same machine
    python benchmarks/tasks.py --figures-only              draw the figures again from the results

What counts is the mean of 100 fresh episodes that the final policy plays greedily, not the training returns; that of
the best checkpoint is measured beside it. Every run is a fresh process, timed from its start. All runs are kept in the
results, bad ones included; a part that is not measured again keeps its earlier results.
"""

import argparse
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median

from rich.table import Table

from benchmark import Benchmark, Part, check_peers, tell
from measure import Record, train, train_peer_by_default
from pictures import draw_task
from report import Finding, Measured, by, column, final_score, number


@dataclass(frozen=True)
class Task:
    """A task and what its recipe is to reach."""

    environment: str
    steps: int
    """Within so many."""
    aim: float
    """What the median of the seeds is to reach, as mean return of 100 episodes of the final policy."""
    least: float
    """What the worst of them is to reach."""
    published: str = ""
    """What the Stable-Baselines3 zoo says of its PPO and its A2C, at as many steps or more."""
    seconds: float = 240.0
    """Within so many, from the start of the process."""


SEEDS = 5

TASKS = {
    "half-cheetah": Task("HalfCheetah-v5", 1_000_000, 5_900, 4_500, "5,819; 3,041", 180.0),
    "hopper": Task("Hopper-v5", 1_000_000, 3_400, 2_600, "2,410; 733", 180.0),
    "walker2d": Task("Walker2d-v5", 1_000_000, 4_500, 3_500, "3,479; 582", 180.0),
    "lunar-lander": Task("LunarLander-v3", 1_000_000, 265, 240, "242; 156"),
    "lunar-lander-continuous": Task("LunarLanderContinuous-v3", 1_000_000, 270, 250, "271; 84"),
    "bipedal-walker": Task("BipedalWalker-v3", 3_000_000, 300, 285, "288; 300"),
    "pendulum": Task("Pendulum-v1", 100_000, -165, -180, "-172; -163"),
    "mountain-car": Task("MountainCar-v0", 500_000, -105, -112, "-110; -111"),
    "mountain-car-continuous": Task("MountainCarContinuous-v0", 50_000, 94, 92, "89; 91"),
}

MEMORY = "cartpole-without-velocities"
WITH_MEMORY, WITHOUT_MEMORY = "LSTM", "feed-forward"
MEMORY_FLAGS = {WITH_MEMORY: (), WITHOUT_MEMORY: ("--recurrent", "None")}
MEMORY_TASK = Task("CartPole-v1", 500_000, 500, 490)
FORGETFUL = 200
"""What the feed-forward policy has to stay below, for the task to need memory."""

PHYSICS = ("half-cheetah", "hopper", "walker2d")
PEER, PEER_STEPS = "PPO of Stable-Baselines3, by default", 50_000

COST = 2.5
"""How many times the time of the feed-forward policy an LSTM may take for the same steps."""
COST_FLAGS = ("--recipe", "none", "--steps", "400_000", "--no-stop-when-solved")


def solve(task: Task, arguments: argparse.Namespace) -> list[Record]:
    """The task's recipe with every seed."""
    return [_trained(task.environment, task, seed) for seed in range(1, arguments.seeds + 1)]


def _trained(system: str, task: Task, seed: int, flags: tuple[str, ...] = ()) -> Record:
    run = train(task.environment, *flags, "--seed", str(seed), limit=3600.0, evaluated=("latest", "best"))
    tell({"system": system} | run)
    print(f"    greedy: {final_score(run):.1f}, best checkpoint {final_score(run, 'best'):.1f}", flush=True)
    return {"system": system} | run


def solve_findings(task: Task, part: Measured) -> Iterator[Finding]:
    yield from _findings(task, part["runs"])
    if task.published:
        yield Finding(f"{task.environment}: PPO and A2C of the Stable-Baselines3 zoo, published", task.published)


def _findings(task: Task, runs: list[Measured]) -> Iterator[Finding]:
    for name, find, aim in (("median", median, task.aim), ("worst", min, task.least)):
        found = find(final_score(run) for run in runs)
        best = number(find(final_score(run, "best") for run in runs), ".1f", missing="failed")
        said = f"{number(found, '.1f', missing='failed')} of {len(runs)} seeds (best checkpoints {best})"
        yield Finding(f"{task.environment}: {name}", said, f">= {aim:g}", found >= aim)
    steps, seconds = column(runs, "steps"), column(runs, "process_seconds")
    # A segment of every worker may be under way when the limit is met.
    within = max(steps) <= task.steps * 1.01
    yield Finding(f"{task.environment}: steps, most", number(max(steps), ",.0f"), f"<= {task.steps:,}", within)
    said = f"median {median(seconds):.0f} s, most {max(seconds):.0f} s"
    yield Finding(f"{task.environment}: time", said, f"<= {task.seconds:.0f} s", max(seconds) <= task.seconds)


def pace(arguments: argparse.Namespace) -> list[Record]:
    """How fast the physics tasks are trained by their recipes, and by PPO of Stable-Baselines3 on the same machine."""
    runs = []
    for name in PHYSICS:
        environment = TASKS[name].environment
        for system in (f"{environment}, recipe", f"{environment}, {PEER}"):
            if system.endswith(PEER):
                run = train_peer_by_default(arguments.peer_python, environment, "ppo", 1, PEER_STEPS)
            else:
                run = train(environment, "--seed", "1", "--steps", str(2 * PEER_STEPS))
            runs.append({"system": system, "environment": environment} | run)
            tell(runs[-1])
    return runs


def pace_findings(part: Measured) -> Iterator[Finding]:
    for environment, (ours, theirs) in by(part, "environment").items():
        rates = column([ours, theirs], "steps_per_second", missing=0.0)
        seconds = " and ".join(f"{1e6 / rate:,.0f} s" for rate in rates)
        ratio = rates[0] / rates[1]
        yield Finding(f"{environment}: a million steps, ours and PPO's", f"{seconds}, {ratio:.1f} x as fast")


def memory(arguments: argparse.Namespace) -> list[Record]:
    """CartPole with its velocities hidden: the recipe, and the same without its recurrent layer."""
    return [
        _trained(system, MEMORY_TASK, seed, ("--recipe", MEMORY, *flags))
        for seed in range(1, arguments.seeds + 1)
        for system, flags in MEMORY_FLAGS.items()
    ]


def memory_findings(part: Measured) -> Iterator[Finding]:
    systems = by(part, "system")
    for finding in _findings(MEMORY_TASK, systems[WITH_MEMORY]):
        yield Finding(f"{WITH_MEMORY}, {finding.name}", finding.measured, finding.target, finding.reached)
    best = max(final_score(run) for run in systems[WITHOUT_MEMORY])
    name = f"{WITHOUT_MEMORY}, {MEMORY_TASK.environment}: best seed"
    yield Finding(name, number(best, ".1f"), f"< {FORGETFUL}", best < FORGETFUL)


def cost(arguments: argparse.Namespace) -> list[Record]:
    """Training of a feed-forward policy and of one with an LSTM behind the same layers, in turn."""
    runs = []
    for repeat in range(1, arguments.seeds + 1):
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
    table = Table(
        "",
        "seed",
        "final, greedy mean of 100",
        "best checkpoint",
        "steps",
        "seconds",
        "steps/s",
        "why it ended",
        title=title,
    )
    for run in part["runs"]:
        table.add_row(
            run["system"],
            str(run.get("seed", "")),
            number(final_score(run), ".1f", missing="failed"),
            number(final_score(run, "best"), ".1f", missing="failed"),
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
    "pace": Part(pace, pace_findings),
}


def main() -> None:
    benchmark = Benchmark("tasks", PARTS)
    parser = benchmark.parser(__doc__)
    parser.add_argument("--seeds", type=int, default=SEEDS, help="seeds of every task (default: %(default)s)")
    parser.add_argument("--peer-python", default=sys.executable, help="interpreter with stable-baselines3 and torch")
    arguments = parser.parse_args()
    if "pace" in arguments.only and not arguments.figures_only:
        check_peers(parser, arguments.peer_python)
    benchmark.run(arguments)


if __name__ == "__main__":
    main()
