"""Whether two checkouts learn the same parameters from the same seeds: a table.

    python benchmarks/same_parameters.py --before OTHER/.venv/bin/python

Each trains the tasks below for a few updates with its own interpreter, where one seed promises one result: inline, and
A2C with two workers. Statistics of what is normalised are compared too: a version that keeps them behind the parameters
has them cut off there. Ends with status 1 where anything differs by more than 1e-6. About three minutes on two cores.
"""

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

TRAIN = """
import sys, warnings
import numpy as np
import a3c
warnings.simplefilter("ignore")
small = {"recipe": "none", "hidden": (16,), "envs_per_worker": 4, "segment_length": 8}
normalized = {"recipe": "none", "normalize_observations": True, "normalize_rewards": True}
learned = {}
def train(task, agent, steps, statistics=0):
    latest = agent.learn(steps=steps).latest
    vector, state = latest.parameters, latest.optimizer_state
    kept = getattr(latest, "statistics", None)
    if kept is None:
        kept, vector = vector[vector.size - statistics:], vector[: vector.size - statistics]
    learned[f"{task}, {latest.counts['updates']} updates"] = np.concatenate(
        [vector, state[:, : vector.size].ravel(), kept[:statistics]]
    )
for algorithm in (a3c.A3C, a3c.A2C, a3c.GA3C, a3c.IMPALA):
    name, own = algorithm.__name__, {"min_batch": 32} if algorithm in (a3c.GA3C, a3c.IMPALA) else {}
    for seed in (1, 2):
        agent = algorithm("CartPole-v1", backend="inline", seed=seed, **small, **own)
        train(f"{name}, CartPole, seed {seed}", agent, 3000)
        agent = algorithm("Pendulum-v1", backend="inline", seed=seed, **normalized, **own)
        train(f"{name}, Pendulum, normalised, seed {seed}", agent, 256, 7)
train("A2C, CartPole, two workers, seed 1", a3c.A2C("CartPole-v1", workers=2, seed=1, **small), 4000)
memory = {"seed": 1, "recipe": "cartpole-without-velocities"}
train("A3C, memory, seed 1", a3c.A3C("CartPole-v1", backend="inline", **memory), 4000)
train("A2C, memory, two workers, seed 1", a3c.A2C("CartPole-v1", workers=2, **memory), 8000)
np.savez(sys.argv[1], **learned)
"""
CLOSE = 1e-6


def learned_by(python: Path) -> dict[str, np.ndarray]:
    """What a checkout learns, by the names of the tasks."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "learned.npz"
        done = subprocess.run([python, "-c", TRAIN, file], capture_output=True, text=True, timeout=1200, check=False)
        if done.returncode:
            sys.exit(f"{python.parents[2].name} failed: {done.stderr.strip().splitlines()[-1]}")
        with np.load(file) as arrays:
            return dict(arrays)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--before", type=Path, required=True, help="the python of the other checkout")
    parser.add_argument("--after", type=Path, default=Path(sys.executable), help="default: this one")
    arguments = parser.parse_args()
    for python in (arguments.before, arguments.after):
        if not python.is_file():
            parser.error(f"there is no {python}: give CHECKOUT/.venv/bin/python")
    before, after = (learned_by(python.absolute()) for python in (arguments.before, arguments.after))
    table, worst = Table("task", "largest difference"), 0.0
    for task in sorted(before.keys() | after.keys()):
        if task not in before or task not in after or before[task].shape != after[task].shape:
            worst, said = np.inf, "not the same task, updates or shapes"
        else:
            worst = max(worst, difference := float(np.abs(before[task] - after[task]).max()))
            said = f"{difference:.1e}" if difference else "none, bit for bit"
        table.add_row(task, said)
    Console().print(table)
    return int(worst > CLOSE)


if __name__ == "__main__":
    sys.exit(main())
