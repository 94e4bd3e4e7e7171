"""Trains, by recipes that are for a whole family, tasks of it other than those that `tasks.py` measures.

    python benchmarks/families.py                          everything, about half an hour for each seed on two cores
    python benchmarks/families.py --only acrobot,swimmer --seeds 3      a part of it

What counts is the mean of 100 fresh episodes that the final policy plays greedily. Every run is a fresh process. All
runs are kept in the results; a part that is not measured again keeps its earlier ones. MiniGrid and MinAtar are left
out where `minigrid` and `minatar` are not installed.
"""

import argparse
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from statistics import median

from rich.table import Table

from benchmark import Benchmark, Part, installed, tell
from measure import Record, train
from report import Finding, Measured, final_score, number


@dataclass(frozen=True)
class Task:
    """A task of a family."""

    recipe: str
    environment: str
    published: str = ""
    """What the Stable-Baselines3 zoo says of its PPO and its A2C."""
    modules: tuple[str, ...] = ()
    """What registers it, where importing its package does not."""


MINATAR = ("minatar.gym:register_envs",)

TASKS = {
    "acrobot": Task("classic-control", "Acrobot-v1", "PPO -73.5 after 1M steps, A2C -83.4 after 500k"),
    "ant": Task("mujoco", "Ant-v5", "PPO 1,327"),
    "swimmer": Task("mujoco", "Swimmer-v5", "PPO 282, A2C 201"),
    "double-pendulum": Task("mujoco", "InvertedDoublePendulum-v5"),
    "reacher": Task("mujoco", "Reacher-v5"),
    "pusher": Task("mujoco", "Pusher-v5"),
    "humanoid": Task("mujoco", "Humanoid-v5"),
    "empty": Task("minigrid", "minigrid:MiniGrid-Empty-8x8-v0"),
    "door-key": Task("minigrid", "minigrid:MiniGrid-DoorKey-5x5-v0"),
    "crossing": Task("minigrid", "minigrid:MiniGrid-SimpleCrossingS9N1-v0"),
    "minatar-breakout": Task("minatar", "MinAtar/Breakout-v1", modules=MINATAR),
    "minatar-asterix": Task("minatar", "MinAtar/Asterix-v1", modules=MINATAR),
    "minatar-space-invaders": Task("minatar", "MinAtar/SpaceInvaders-v1", modules=MINATAR),
}


def solve(task: Task, arguments: argparse.Namespace) -> list[Record]:
    """The task with every seed; none where it is not installed."""
    if not installed(task.environment, task.modules):
        return []
    # A call that only a run's file names is not made for evaluation, before somebody says so.
    named = tuple(flag for module in task.modules for flag in ("--import-module", module))
    runs = []
    for seed in range(1, arguments.seeds + 1):
        flags = ("--seed", str(seed), "--evaluate-every", "0", "--no-stop-when-solved", *named)
        how = ("--greedy", *named)
        run = train(task.environment, *flags, limit=3600.0, evaluated=("latest",), evaluated_with=how, curve=False)
        runs.append({"system": task.environment} | run)
        tell(runs[-1])
        print(f"    greedy: {_said(final_score(run))}", flush=True)
    return runs


def findings(task: Task, part: Measured) -> Iterator[Finding]:
    if scores := [final_score(run) for run in part["runs"]]:
        said = f"{_said(median(scores))}, worst {_said(min(scores))} of {len(scores)} seeds"
        yield Finding(f"{task.environment}, recipe {task.recipe}: median", said, task.published)


def families_table(parts: dict[str, Measured]) -> Table:
    """A row for each task."""
    headings = ("", "recipe", "steps", "final, greedily: median", "worst", "seeds", "seconds", "zoo")
    table = Table(*headings, title="recipes of families, on other tasks than those of tasks.py")
    for name, task in TASKS.items():
        if runs := parts.get(name, {}).get("runs"):
            scores = [final_score(run) for run in runs]
            table.add_row(
                *(task.environment, task.recipe, f"{max(run.get('steps', 0) for run in runs):,}"),
                *(_said(median(scores)), _said(min(scores)), str(len(scores))),
                *(f"{median(run['process_seconds'] for run in runs):.0f}", task.published),
            )
    return table


def _said(score: float) -> str:
    return number(score, ",.2f", missing="failed")


PARTS = {name: Part(partial(solve, task), partial(findings, task)) for name, task in TASKS.items()}


def main() -> None:
    benchmark = Benchmark("families", PARTS, families_table)
    parser = benchmark.parser(__doc__)
    parser.add_argument("--seeds", type=int, default=3, help="seeds of every task (%(default)s)")
    benchmark.run(parser.parse_args())


if __name__ == "__main__":
    main()
