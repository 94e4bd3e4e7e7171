"""Measures the default settings of a3c, without any recipe, beside those of Stable-Baselines3, on ten public tasks.

    python benchmarks/defaults.py                          everything, some five hours on two cores
    python benchmarks/defaults.py --only pendulum,taxi --seeds 2 --peer-seeds 0   a part of it
    python benchmarks/defaults.py --figures-only           draw the figure again from the results

Every system trains for the same number of steps, whether it has solved the task before or not. What counts is the mean
of 100 new episodes that the policy of the end plays greedily. Every run is a fresh process; systems take turns. All
runs are kept in the results, bad ones included; a part, or a system in it, that is not measured again keeps its earlier
results.
"""

import argparse
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median

from rich.table import Table

from a3c.algorithm.builtin import BUILT_IN
from benchmark import Benchmark, Part, check_peers, some_of, tell
from measure import Record, train, train_peer_by_default
from pictures import draw_tasks
from report import Finding, Measured, by, final_score, load, number


@dataclass(frozen=True)
class Task:
    """A task, and how long every system trains on it."""

    environment: str
    steps: int


TASKS = {
    "cartpole": Task("CartPole-v1", 100_000),
    "acrobot": Task("Acrobot-v1", 100_000),
    "mountain-car": Task("MountainCar-v0", 200_000),
    "taxi": Task("Taxi-v4", 300_000),
    "pendulum": Task("Pendulum-v1", 200_000),
    "lunar-lander": Task("LunarLander-v3", 300_000),
    "lunar-lander-continuous": Task("LunarLanderContinuous-v3", 300_000),
    "bipedal-walker": Task("BipedalWalker-v3", 500_000),
    "half-cheetah": Task("HalfCheetah-v5", 500_000),
    "hopper": Task("Hopper-v5", 500_000),
}
ALGORITHMS = [name for name, algorithm in BUILT_IN.items() if algorithm.learns != "nowhere"]
PEERS = {"SB3 A2C": "a2c", "SB3 PPO": "ppo"}
RIVALS = {"a3c": "SB3 A2C", "appo": "SB3 PPO"}
"""The system that each of ours is to be as good as: of one gradient from each step, or of several."""
DEFAULTS = ("--recipe", "none", "--no-stop-when-solved")


def solve(name: str, arguments: argparse.Namespace) -> list[Record]:
    """The task with every system and seed that is asked for, and what there was before of the other systems."""
    task = TASKS[name]
    steps, runs = arguments.steps or task.steps, []
    for seed in range(1, max(arguments.seeds, arguments.peer_seeds) + 1):
        if seed <= arguments.seeds:
            for algorithm in arguments.algorithms:
                runs.append({"system": algorithm} | _trained(task.environment, algorithm, seed, steps))
                _tell(runs[-1])
        if seed <= arguments.peer_seeds:
            for system, algorithm in PEERS.items():
                run = train_peer_by_default(arguments.peer_python, task.environment, algorithm, seed, steps)
                runs.append({"system": system} | run)
                _tell(runs[-1])
    measured = {run["system"] for run in runs}
    earlier = load(arguments.output).get(name, {"runs": []})["runs"]
    return runs + [run for run in earlier if run["system"] not in measured]


def _trained(environment: str, algorithm: str, seed: int, steps: int) -> Record:
    flags = (environment, "--algorithm", algorithm, *DEFAULTS, "--steps", str(steps), "--seed", str(seed))
    return train(*flags, limit=3600.0, evaluated=("latest",), evaluated_with=("--greedy",), curve=False)


def _tell(run: Record) -> None:
    tell(run)
    print(f"    greedy: {_said(final_score(run))}", flush=True)


def findings(task: Task, part: Measured) -> Iterator[Finding]:
    scores = _scores(part)
    for system, found in scores.items():
        name, said = f"{task.environment}, {system}: median", f"{_said(median(found))}, worst {_said(min(found))}"
        rival = RIVALS.get(system)
        if rival in scores:
            theirs = median(scores[rival])
            yield Finding(name, said, f">= {_said(theirs)}, {rival}", median(found) >= theirs)
        else:
            yield Finding(name, said)


def defaults_table(parts: dict[str, Measured]) -> Table:
    """A row for each task: the median of every system's seeds, the worst, and how many there are."""
    systems = _systems(parts)
    title = "the policy of the end, greedily: median of the seeds (worst; seeds)"
    table = Table("", "steps", *systems, title=title)
    for environment, part in _by_environment(parts).items():
        scores, steps = _scores(part), (run.get("steps", 0) for run in part["runs"])
        cells = [
            f"{_said(median(found))} ({_said(min(found))}; {len(found)})" if (found := scores.get(system)) else ""
            for system in systems
        ]
        table.add_row(environment, f"{max(steps, default=0):,}", *cells)
    return table


def draw_defaults(parts: dict[str, Measured], path: Path) -> None:
    draw_tasks(_by_environment(parts), path, _systems(parts))


def _by_environment(parts: dict[str, Measured]) -> dict[str, Measured]:
    """The parts there are results of, in the order of the tasks."""
    return {task.environment: parts[name] for name, task in TASKS.items() if name in parts}


def _scores(part: Measured) -> dict[str, list[float]]:
    """The scores of every system's seeds."""
    return {system: [final_score(run) for run in runs] for system, runs in by(part, "system").items()}


def _systems(parts: dict[str, Measured]) -> list[str]:
    """The systems there are results of: ours, then the peers."""
    measured = {run["system"] for part in parts.values() for run in part["runs"]}
    return [system for system in (*ALGORITHMS, *PEERS) if system in measured]


def _said(score: float) -> str:
    return number(score, ".1f", missing="failed")


PARTS = {name: Part(partial(solve, name), partial(findings, task)) for name, task in TASKS.items()}


def main() -> None:
    benchmark = Benchmark("defaults", PARTS, defaults_table, {"defaults.png": draw_defaults})
    parser = benchmark.parser(__doc__)
    ours = some_of("algorithm", ALGORITHMS)
    parser.add_argument("--algorithms", type=ours, default="a3c,appo", help="ours to measure (%(default)s)")
    parser.add_argument("--seeds", type=int, default=5, help="seeds of each of ours, 0 for none (%(default)s)")
    parser.add_argument("--peer-seeds", type=int, default=3, help="seeds of each peer, 0 for none (%(default)s)")
    parser.add_argument("--peer-python", default=sys.executable, help="an interpreter with stable-baselines3")
    parser.add_argument("--steps", type=int, help="steps of every run (default: those of its task)")
    arguments = parser.parse_args()
    if arguments.peer_seeds and not arguments.figures_only:
        check_peers(parser, arguments.peer_python)
    benchmark.run(arguments)


if __name__ == "__main__":
    main()
