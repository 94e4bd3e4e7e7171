"""What boundaries cost in learning: steps until a task's target is reached, with none, as many as by default, and more.

    python benchmarks/boundaries.py                             CartPole, 20 seeds, and Pong, 3
    python benchmarks/boundaries.py --only cartpole --seeds 5

At a boundary (`checkpoint_steps`) all environments start anew. Steps are counted, not seconds: other work may run
meanwhile. A run that has not reached the target counts with the steps that it may take. CartPole takes some minutes on
two cores, Pong some for each run.
"""

import argparse
import statistics
from collections import deque
from typing import Any, NamedTuple

from rich.console import Console
from rich.table import Table

import a3c
from a3c.training.progress import FinishedEpisode
from benchmark import some_of


class Task(NamedTuple):
    """Runs that give one result, of a target in training; nothing is evaluated, or confirmed."""

    environment: str
    settings: dict[str, Any]
    target: float
    most: int
    seeds: int
    every: tuple[int, ...]
    """Steps between boundaries."""


TASKS = {
    # The plain defaults, in one process.
    "cartpole": Task(
        "CartPole-v1", {"recipe": "none", "backend": "inline"}, 475.0, 500_000, 20, (0, 100_000, 20_000, 5_000)
    ),
    # The recipe, ordered; half way to its aim is where learning is fast.
    "pong": Task("ALE/Pong-v5", {"workers": 2, "ordered": True}, 0.0, 1_500_000, 3, (0, 100_000)),
}


class Look(a3c.Callback):
    """Ends a run at its target."""

    def __init__(self, target: float):
        self._target, self._returns = target, deque[float](maxlen=100)
        self.reached: int | None = None

    def on_episodes(self, training: a3c.Training, episodes: list[FinishedEpisode]) -> None:
        for episode in episodes:
            self._returns.append(episode.return_)
            if self.reached is None and len(self._returns) == 100 and statistics.fmean(self._returns) >= self._target:
                self.reached = episode.step
                training.stop("at its target")


def steps_to_target(task: Task, seed: int, every: int) -> int:
    """Steps until the mean of 100 episodes has reached it."""
    look = Look(task.target)
    agent = a3c.A3C(
        task.environment,
        seed=seed,
        checkpoint_steps=every,
        evaluate_every=0,
        stop_when_solved=False,
        **task.settings,
    )
    agent.learn(steps=task.most, callback=look)
    return look.reached or task.most


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False
    )
    parser.add_argument("--only", type=some_of("task", TASKS), default=",".join(TASKS), help="tasks, of %(default)s")
    parser.add_argument("--seeds", type=int, help="of each task")
    flags = parser.parse_args()
    table = Table("task", "boundary every", "reached", "steps, median", "mean", "worst")
    for name in flags.only:
        task = TASKS[name]
        for every in task.every:
            steps = [steps_to_target(task, seed, every) for seed in range(1, (flags.seeds or task.seeds) + 1)]
            print(f"{name}, every {every:,}: {', '.join(f'{count:,}' for count in steps)}", flush=True)
            reached = sum(count < task.most for count in steps)
            table.add_row(
                *(name, f"{every:,}" if every else "none", f"{reached} of {len(steps)}"),
                *(f"{function(steps):,.0f}" for function in (statistics.median, statistics.mean, max)),
            )
    Console().print(table)


if __name__ == "__main__":
    main()
