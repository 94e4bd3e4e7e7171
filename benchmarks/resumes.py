"""Whether runs that are killed at random and resumed come to the same as those that are not, to the bit: a table.

    python benchmarks/resumes.py                        20 runs of each case below, each killed up to three times
    python benchmarks/resumes.py --only "a2c,pong" --runs 3 --seed 2

For each case one run is left alone. The others are killed (`kill -9`) at moments drawn from a seed, also while they
start, and resumed until they end. Parameters, optimizer states, statistics, counts, the rows of `episodes.csv` and
`evaluations.csv` (but for their seconds) and of `metrics.csv` (but for seconds, rates and what waited) are to be equal.
Ends with status 1 where anything is not. About two hours on two cores.
"""

import argparse
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from a3c.runs.checkpoint import Checkpoint
from a3c.runs.folder import RunFolder
from benchmark import some_of

COMMON = ("--seed", "1", "--no-stop-when-solved", "--log")
CARTPOLE = ("CartPole-v1", "--steps", "150_000", "--checkpoint-steps", "6_000")
CASES: dict[str, tuple[str, ...]] = {
    "inline": (*CARTPOLE, "--backend", "inline"),
    "a2c": (*CARTPOLE, "--algorithm", "a2c", "--workers", "2"),
    "ordered a3c": (*CARTPOLE, "--ordered", "--workers", "2"),
    "ordered impala": (*CARTPOLE, "--algorithm", "impala", "--ordered", "--workers", "2"),
    "pendulum": (
        *("Pendulum-v1", "--steps", "40_000", "--checkpoint-steps", "3_000", "--ordered", "--workers", "2"),
        *("--normalize-observations", "--normalize-rewards"),
    ),
    "memory": (
        *("CartPole-v1", "--recipe", "cartpole-without-velocities", "--steps", "60_000"),
        *("--checkpoint-steps", "5_000", "--ordered", "--workers", "2"),
    ),
    "pong": (
        *("ALE/Pong-v5", "--recipe", "none", "--steps", "24_000", "--checkpoint-steps", "4_000", "--ordered"),
        *("--workers", "2", "--sticky-actions", "0.25", "--frame-size", "42", "42", "--envs-per-worker", "4"),
        *("--evaluate-every", "8_000", "--evaluation-episodes", "1"),
    ),
}
MOST_KILLS = 3
EARLY = 0.15
"""Share of the kills that may hit a run before it trains."""
BY_CLOCK = {"seconds", "steps_per_second", "queue_length"}
"""Columns that no two runs have in common."""


class Run:
    """A run of one case in its folder, on the command line."""

    def __init__(self, arguments: tuple[str, ...], folder: Path):
        self._arguments, self.folder = arguments, RunFolder(folder)

    def start(self) -> subprocess.Popen[bytes]:
        """Begins it, or goes on."""
        begun = self.folder.config_path.exists()
        arguments = [self._arguments[0], "--resume"] if begun else [*self._arguments, *COMMON, "--run"]
        command = [str(Path(sys.executable).parent / "a3c"), "train", *arguments, str(self.folder.path)]
        return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)

    def whole(self) -> float:
        """To its end; gives the seconds that it trained for."""
        process = self.start()
        _, error = process.communicate()
        if process.returncode:
            raise SystemExit(f"{' '.join(self._arguments)}: {error.decode()}")
        summary = self.folder.summary()
        return summary["training_seconds"] - (summary["startup_seconds"] or 0.0)

    def killed(self, trained: float, chance: random.Random) -> list[int]:
        """To its end, with kills at random; gives the steps of the boundaries that it went on from."""
        from_steps: list[int] = []
        process = self.start()
        while process.poll() is None:
            if len(from_steps) == MOST_KILLS or not self._wait(process, trained, chance):
                process.wait()
                break
            process.send_signal(signal.SIGKILL)
            process.wait()
            from_steps.append(self._boundary())
            process = self.start()
        _, error = process.communicate()
        if process.returncode:
            print(f"  status {process.returncode}: {error.decode().strip()}", flush=True)
        return from_steps

    def _wait(self, process: subprocess.Popen[bytes], trained: float, chance: random.Random) -> bool:
        """Until it is to be killed; whether it still runs."""
        if chance.random() < EARLY:
            end = time.monotonic() + 6 * chance.random()
        else:
            before = self._boundary()
            while process.poll() is None and self._boundary() == before:
                time.sleep(0.02)
            end = time.monotonic() + 0.6 * trained * chance.random()
        while process.poll() is None and time.monotonic() < end:
            time.sleep(0.01)
        return process.poll() is None

    def _boundary(self) -> int:
        path = self.folder.checkpoint_path("boundary")
        return Checkpoint.load(path).counts["steps"] if path.exists() else 0

    def differences(self, other: "Run") -> list[str]:
        """What is not as in the other."""
        mine, theirs = (Checkpoint.load(run.folder.checkpoint_path("latest")) for run in (self, other))
        different = [
            name
            for name in ("parameters", "optimizer_state", "statistics", "moments", "counts", "returns")
            if not np.array_equal(_plain(getattr(mine, name)), _plain(getattr(theirs, name)))
        ]
        return different + [
            name
            for name in ("episodes.csv", "evaluations.csv", "metrics.csv")
            if _rows(self.folder.path / name) != _rows(other.folder.path / name)
        ]


def _plain(value: Any) -> Any:
    return sorted(value.items()) if isinstance(value, dict) else value


def _rows(path: Path) -> list[list[str]]:
    names, *rows = (line.split(",") for line in path.read_text().splitlines())
    return [[cell for name, cell in zip(names, row, strict=True) if name not in BY_CLOCK] for row in rows]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False
    )
    parser.add_argument("--only", type=some_of("case", CASES), default=",".join(CASES), help="cases, of %(default)s")
    parser.add_argument("--runs", type=int, default=20, help="runs of each case that are killed (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="of the moments (default: %(default)s)")
    flags = parser.parse_args()
    table = Table("case", "runs", "kills", "different")
    wrong = 0
    os.environ.setdefault("JAX_PLATFORMS", "cpu")
    for name in flags.only:
        chance, kills, differ = random.Random(f"{flags.seed} {name}"), 0, 0
        with tempfile.TemporaryDirectory() as folder:
            alone = Run(CASES[name], Path(folder) / "alone")
            trained = alone.whole()
            for number in range(flags.runs):
                run = Run(CASES[name], Path(folder) / str(number))
                from_steps = run.killed(trained, chance)
                different = run.differences(alone)
                kills, differ = kills + len(from_steps), differ + bool(different)
                what = f"differs in {', '.join(different)}" if different else "equal"
                print(f"  {name} {number + 1}: killed {len(from_steps)} times ({from_steps}), {what}", flush=True)
        table.add_row(name, str(flags.runs), str(kills), str(differ))
        wrong += differ
    Console().print(table)
    raise SystemExit(1 if wrong else 0)


if __name__ == "__main__":
    main()
