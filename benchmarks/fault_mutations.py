"""Loads checkpoints that a bad disk damaged or somebody else made: each has to end in one line, or to load and act.

    python benchmarks/fault_mutations.py                        1,000 of them, about two minutes
    python benchmarks/fault_mutations.py --count 300 --seed 5

Valid checkpoints of all algorithms are changed at random, from a seed, and loaded with `Checkpoint.load` and `a3c.load`
in this process. That ended well where within a few seconds, without taking more memory than twice the file and what JAX
needs, and without running a module that only the file names,
- an A3CError of one line was raised, or
- what was loaded is what was saved, or something that a run could have saved, and its agent's values are finite.
What no run could have saved, such as other types of numbers, has to be refused, whatever its checksum says.
"""

import argparse
import dataclasses
import os
import random
import resource
import signal
import sys
import tempfile
import time
import warnings
import zipfile
from collections.abc import Callable, Iterator
from contextlib import chdir, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from mutations import EVIL, KINDS, Chance, file_of

SECONDS = 5.0
MEMORY = 400 * 2**20
"""Bytes besides twice the file, of which an agent's environment and compiled programs take a part."""
CONFIGS = {
    "a3c": {"optimizer": "adam", "normalize_observations": True, "normalize_rewards": True},
    "a2c": {"optimizer": "rmsprop", "shared_trunk": True},
    "ga3c": {"optimizer": "adam", "recurrent": "gru", "recurrent_units": 6},
    "impala": {"optimizer": "rmsprop", "recurrent": "lstm", "normalize_observations": True},
}


class Row(NamedTuple):
    """How many of a kind were tried and ended well, and what the others did."""

    kind: str
    tried: int
    well: int
    bad: list[str]


class TooLong(BaseException):
    """Nobody catches this."""


def _zip(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("data.pkl", b"cos\nsystem\n(S'touch it_ran'\ntR.")


def _sparse(path: Path) -> None:
    """A terabyte, of which nothing is on the disk."""
    with path.open("r+b") as file:
        file.truncate(2**40)


def _sparse_with_header(path: Path) -> None:
    header = {"parameters": {"dtype": "F32", "shape": [2**38], "data_offsets": [0, 2**40]}}
    start = file_of(header | {"__metadata__": {"a3c": "{}"}})
    with path.open("wb") as file:
        file.write(start)
        file.truncate(len(start) + 2**40)


PLACES: dict[str, Callable[[Path], Any]] = {
    "a folder": lambda path: (path.unlink(), path.mkdir()),
    "nothing": Path.unlink,
    "a pipe": lambda path: (path.unlink(), os.mkfifo(path)),
    "a link to itself": lambda path: (path.unlink(), path.symlink_to(path)),
    "a link to nothing": lambda path: (path.unlink(), path.symlink_to("nowhere")),
    "a device": lambda path: (path.unlink(), path.symlink_to("/dev/zero")),
    "a zip": _zip,
    "a terabyte": _sparse,
    "a terabyte with a header": _sparse_with_header,
}
"""What stands where a checkpoint was."""


def mutations(count: int, seed: int, steps: int = 512) -> list[Row]:
    """Tries so many mutations, of agents that trained for `steps`; a row for each kind."""
    tried: dict[str, list[str | None]] = {kind: [] for kind in (*KINDS, "another thing")}
    chance = random.Random(seed)
    with tempfile.TemporaryDirectory() as name, chdir(name), _evil():
        valid = [_valid(algorithm, seed, steps) for algorithm in CONFIGS]
        for number in range(count):
            kind = list(tried)[number % len(tried)]
            problem = _try(kind, valid[chance.randrange(len(valid))], chance)
            tried[kind].append(problem and f"number {number}: {problem}")
    return [
        Row(kind, len(problems), problems.count(None), [problem for problem in problems if problem])
        for kind, problems in tried.items()
    ]


def _valid(algorithm: str, seed: int, steps: int) -> bytes:
    """A checkpoint of this algorithm, as `save` writes it."""
    from a3c.agent import AGENTS

    settings = {"recipe": "none", "backend": "inline", "seed": seed, "envs_per_worker": 4, "hidden": (8, 6)}
    batch = {"min_batch": 64} if algorithm in ("ga3c", "impala") else {}
    agent = AGENTS[algorithm]("CartPole-v1", **settings, **batch, **CONFIGS[algorithm])
    if steps:
        with warnings.catch_warnings(action="ignore"):
            # A few steps will do.
            agent.learn(steps=steps)
    path = Path(f"{algorithm}.safetensors")
    agent.save(path)
    return path.read_bytes()


def _try(kind: str, content: bytes, chance: Chance) -> str | None:
    """What is wrong with how loading ended; None where nothing is."""
    path = Path("it.safetensors")
    path.write_bytes(content)
    may_be, what = False, kind
    if kind == "another thing":
        what = chance.choice(list(PLACES))
        PLACES[what](path)
    else:
        mutate, may_be = KINDS[kind]
        changed = mutate(chance, content)
        while changed == content:
            changed = mutate(chance, content)
        path.write_bytes(changed)
    try:
        return _load(path, content, may_be)
    finally:
        if path.is_dir():
            path.rmdir()
        else:
            path.unlink(missing_ok=True)


def _load(path: Path, content: bytes, may_be: bool) -> str | None:
    import a3c
    from a3c.runs.checkpoint import Checkpoint

    size = len(content) if path.is_dir() or not path.is_file() else min(path.stat().st_size, 2**24)
    loaded = {}
    for load in (Checkpoint.load, a3c.load):
        started = time.perf_counter()
        try:
            with _bounded(2 * size + MEMORY):
                loaded[load] = load(path)
        except a3c.A3CError as error:
            line = str(error)
            if "\n" in line or not line.isprintable() or len(line) > 1000:
                return f"the message is no line: {line[:200]!r}"
        except TooLong:
            return f"it took longer than {SECONDS:g} s"
        except BaseException as error:
            return f"{type(error).__name__}: {str(error)[:200]}"
        if (passed := time.perf_counter() - started) > SECONDS:
            return f"it took {passed:.1f} s"
        if Path("it_ran").exists() or "evil" in sys.modules:
            Path("it_ran").unlink(missing_ok=True)
            sys.modules.pop("evil", None)
            return "it ran what only the file names"
    if a3c.load in loaded and not may_be and not _same(loaded[Checkpoint.load], content):
        return "it was loaded, though no run could have saved it"
    if a3c.load in loaded and not _acts(loaded[a3c.load]):
        return "it was loaded, but its values are not finite"
    return None


def _same(checkpoint: Any, content: bytes) -> bool:
    """Whether a checkpoint is what was saved."""
    from a3c.runs.checkpoint import Checkpoint

    before = Path("before.safetensors")
    before.write_bytes(content)
    same = True
    saved = Checkpoint.load(before)
    for name in (field.name for field in dataclasses.fields(saved)):
        found, value = getattr(checkpoint, name), getattr(saved, name)
        same &= np.array_equal(found, value) if isinstance(value, np.ndarray) else found == value
    return same


def _acts(agent: Any) -> bool:
    observations = np.zeros((3, *agent.make_environment().observation_space.shape), np.float32)
    _, state = agent.predict(observations)
    values = agent.value(observations, state)
    actions, _ = agent.predict(observations, state)
    return bool(np.isfinite(values).all() and np.isfinite(actions).all())


@contextmanager
def _bounded(memory: int) -> Iterator[None]:
    """Raises TooLong after some seconds, and MemoryError where so much more memory is asked for than there is now."""

    def too_long(number: int, frame: Any) -> None:
        raise TooLong

    before = signal.signal(signal.SIGALRM, too_long), resource.getrlimit(resource.RLIMIT_AS)
    now = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (now + memory, before[1][1]))
    signal.setitimer(signal.ITIMER_REAL, SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        resource.setrlimit(resource.RLIMIT_AS, before[1])
        signal.signal(signal.SIGALRM, before[0])


@contextmanager
def _evil() -> Iterator[None]:
    """Modules in the current folder that nobody is to import."""
    Path("evil.py").write_text(EVIL)
    sys.path.insert(0, str(Path.cwd()))
    try:
        yield
    finally:
        sys.path.remove(str(Path.cwd()))


def main() -> None:
    from rich.console import Console
    from rich.table import Table

    parser = argparse.ArgumentParser(description="Loads damaged and forged checkpoints.")
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    rows = mutations(arguments.count, arguments.seed)
    table = Table("checkpoints", "tried", "ended well", "bad")
    total = Row("all", sum(r.tried for r in rows), sum(r.well for r in rows), [bad for r in rows for bad in r.bad])
    for row in (*rows, total):
        table.add_row(row.kind, f"{row.tried:,}", f"{row.well:,}", f"{len(row.bad):,}")
    Console().print(table)
    for row in rows:
        for problem in row.bad:
            print(f"{row.kind}: {problem}")
    sys.exit(1 if total.bad else 0)


if __name__ == "__main__":
    main()
