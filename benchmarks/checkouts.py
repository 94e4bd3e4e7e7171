"""Compares two checkouts of this project on one machine: the same runs with each, in turn, and one table.

    python benchmarks/checkouts.py --before OTHER/.venv/bin/a3c      everything, about 15 minutes on two cores
    python benchmarks/checkouts.py --before OTHER/.venv/bin/a3c --only solve,help --seeds 3
    python benchmarks/checkouts.py --table-only                      the table again, from the results

`git worktree add OTHER REVISION && make -C OTHER setup` makes the other checkout.

    solve        CartPole-v1 until solved, with every seed; the seconds from process start to the first update; and what
                 the best model comes to in episodes that it never saw
    throughput   CartPole-v1 for a number of steps, solved or not
    pong         ALE/Pong-v5 for a number of steps, by its recipe; left out where ALE is not installed
    memory       a worker's and the main process's proportional set size in a run of CartPole-v1 (Linux)
    help         seconds that `a3c --help` takes

Every run is a fresh process of the checkout's own interpreter. A round is one run of each, and every other round begins
with the other one, so that a noisy machine hits both alike. Each checkout has a compilation cache of its own, warmed by
a run that does not count. All runs are kept in the results, bad ones included; a part that is not measured again keeps
its earlier results.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median

import report
from benchmark import Benchmark, Part, tell
from measure import MemoryWatch, Record, train
from report import Finding, Measured, by, column, number, solved

CARTPOLE, PONG = "CartPole-v1", "ALE/Pong-v5"
SYSTEMS = ("before", "after")
WARM_STEPS = 10_000
UNSEEN_EPISODES = 1_000
PROBE = """
import json, importlib.metadata as metadata
found = {one.metadata["Name"].lower(): one.version for one in metadata.distributions()}
print(json.dumps({name: found.get(name) for name in ("a3c", "ale-py", "gymnasium", "jax", "jaxlib", "numpy")}))
"""


class Unusable(Exception):
    """What is given cannot be compared, in one line."""


@dataclass(frozen=True)
class Checkout:
    """One of the two, by its command `a3c`."""

    system: str
    command: Path
    cache: Path
    """Where it keeps compiled programs."""
    versions: dict[str, str | None]

    @classmethod
    def at(cls, system: str, command: Path, caches: Path) -> "Checkout":
        """Raises Unusable where the command is none of a virtual environment that holds a3c."""
        # Not resolved: a virtual environment's python is a link to another one.
        command = command.absolute()
        python = command.with_name("python")
        if not command.is_file() or not python.exists():
            raise Unusable(f"--{system} {command} is no a3c of a virtual environment: give CHECKOUT/.venv/bin/a3c")
        said = subprocess.run([python, "-c", PROBE], capture_output=True, text=True, timeout=120, check=False)
        try:
            versions = json.loads(said.stdout)
        except ValueError:
            raise Unusable(f"--{system}: {python} cannot say what is installed beside it") from None
        return cls(system, command, caches / system, versions)

    @property
    def identity(self) -> Record:
        """What the records of its runs begin with."""
        return {"system": self.system, "revision": self._revision()}

    def _revision(self) -> str | None:
        git = ["git", "-C", str(self.command.parent), "describe", "--always", "--dirty", "--exclude=*"]
        said = subprocess.run(git, capture_output=True, text=True, check=False)
        return said.stdout.strip() or None

    def train(
        self,
        *flags: str,
        limit: float,
        watch: Callable[[subprocess.Popen], None] | None = None,
        evaluated: tuple[str, ...] = (),
    ) -> Record:
        environment = {"JAX_COMPILATION_CACHE_DIR": str(self.cache)}
        program = (str(self.command),)
        run = train(
            *flags,
            limit=limit,
            environment=environment,
            watch=watch,
            evaluated=evaluated,
            episodes=UNSEEN_EPISODES,
            curve=False,
            program=program,
        )
        # Paths are this machine's.
        if run["error"]:
            run["error"] = run["error"].replace(str(self.command.parents[2]), "CHECKOUT")
        return self.identity | run


def in_turn(arguments: argparse.Namespace, rounds: int) -> Iterator[tuple[int, Checkout]]:
    """The number of each round, from 1 on, with one checkout and with the other."""
    for turn in range(1, rounds + 1):
        for checkout in arguments.checkouts[:: 1 if turn % 2 else -1]:
            yield turn, checkout


def warm(arguments: argparse.Namespace, environment: str) -> None:
    """One run of each that is forgotten: bytecode, compiled programs and files are where they are from now on."""
    for checkout in arguments.checkouts:
        checkout.train(environment, "--steps", str(WARM_STEPS), "--seed", "0", limit=arguments.limit)


def solve(arguments: argparse.Namespace) -> list[Record]:
    """CartPole until solved, with every seed."""
    warm(arguments, CARTPOLE)
    runs = []
    for seed, checkout in in_turn(arguments, arguments.seeds):
        run = checkout.train(CARTPOLE, "--seed", str(seed), limit=arguments.limit, evaluated=("best",))
        # A thousand returns each would fill the results.
        run.get("greedy", {}).get("best", {}).pop("returns", None)
        runs.append(run)
        tell(run)
    return runs


def throughput(arguments: argparse.Namespace, environment: str, steps: str) -> list[Record]:
    """Steps per second of a run that goes on to its last step."""
    warm(arguments, environment)
    flags = (environment, "--steps", str(getattr(arguments, steps)), "--no-stop-when-solved")
    runs = []
    for seed, checkout in in_turn(arguments, arguments.rounds):
        runs.append(checkout.train(*flags, "--seed", str(seed), limit=arguments.limit))
        tell(runs[-1])
    return runs


def pong(arguments: argparse.Namespace) -> list[Record]:
    """As `throughput`, where both checkouts have the game."""
    for checkout in arguments.checkouts:
        if checkout.versions["ale-py"] is None:
            print(f"  skipped: {checkout.system} has no ale-py (pip install '.[atari]' in its checkout)")
            return []
    return throughput(arguments, PONG, "pong_steps")


def memory(arguments: argparse.Namespace) -> list[Record]:
    """Proportional set size of a run's processes, when they take most."""
    if sys.platform != "linux":
        print("  skipped: only Linux tells the proportional set size")
        return []
    warm(arguments, CARTPOLE)
    flags = (CARTPOLE, "--steps", str(arguments.memory_steps), "--no-stop-when-solved")
    runs = []
    for seed, checkout in in_turn(arguments, arguments.rounds):
        watch = MemoryWatch(every=0.5)
        run = checkout.train(*flags, "--seed", str(seed), limit=arguments.limit, watch=watch)
        each = {"worker_bytes": watch.workers, "main_bytes": watch.main, "total_bytes": watch.total}
        runs.append(run | each | {"worker_median_bytes": median(watch.workers) if watch.workers else None})
        workers = ", ".join(f"{size / 1e6:.0f}" for size in watch.workers)
        print(f"  {checkout.system}: workers {workers} MB, main process {watch.main / 1e6:.0f} MB", flush=True)
    return runs


def help_text(arguments: argparse.Namespace) -> list[Record]:
    """Seconds from the start of `a3c --help` to its end."""
    runs = []
    for turn, checkout in in_turn(arguments, arguments.starts + 1):
        started = time.perf_counter()
        said = subprocess.run([checkout.command, "--help"], capture_output=True, text=True, check=False)
        seconds = time.perf_counter() - started
        error = None if said.returncode == 0 else f"exit status {said.returncode}"
        # The first start of each does not count.
        if turn > 1:
            runs.append(checkout.identity | {"seconds": round(seconds, 4), "error": error})
    return runs


@dataclass(frozen=True)
class Row:
    """A figure of both checkouts: what stands in the table, and the numbers behind it, if there is a ratio."""

    name: str
    figures: dict[str, str]
    numbers: dict[str, float]

    @property
    def ratio(self) -> str:
        """After in parts of before, where both have a number."""
        before, after = (self.numbers.get(system, 0.0) for system in SYSTEMS)
        return number(after / before, ".3f", missing="") if before and after else ""


Figure = Callable[[list[Measured]], float]


def row(name: str, part: Measured, figure: Figure, form: str, missing: str = "failed") -> Row:
    """One figure of the runs of each."""
    numbers = {system: figure(runs) for system, runs in by(part, "system").items()}
    return Row(name, {system: number(value, form, missing=missing) for system, value in numbers.items()}, numbers)


def solve_rows(part: Measured) -> Iterator[Row]:
    counts = {system: f"{solved(runs)} of {len(runs)}" for system, runs in by(part, "system").items()}
    yield Row(f"{CARTPOLE} solved, seeds", counts, {})
    for name, of in (("median", median), ("worst", max)):
        yield row(
            f"{CARTPOLE} solved, {name}, s",
            part,
            lambda runs, of=of: of(column(runs, "solved_at_second")),
            ".2f",
            "never",
        )
    yield row(f"{CARTPOLE} best model over {UNSEEN_EPISODES:,} unseen episodes, median", part, _best(median), ".1f")
    yield row(f"{CARTPOLE} best model over {UNSEEN_EPISODES:,} unseen episodes, worst", part, _best(min), ".1f")
    yield row("start-up, warm cache, median, s", part, _median_of("startup_seconds"), ".2f")


def throughput_rows(part: Measured, environment: str) -> Iterator[Row]:
    yield row(f"{environment}, median, steps/s", part, _median_of("steps_per_second"), ",.0f")


def memory_rows(part: Measured) -> Iterator[Row]:
    for name, field in (("a worker", "worker_median_bytes"), ("the main process", "main_bytes")):
        figure = _median_of(field)
        yield row(f"memory of {name}, PSS, median, MB", part, lambda runs, figure=figure: figure(runs) / 1e6, ".1f")


def help_rows(part: Measured) -> Iterator[Row]:
    yield row("`a3c --help`, median, s", part, _median_of("seconds"), ".3f")


def _best(of: Callable[[list[float]], float]) -> Figure:
    """Of the returns of the best models."""
    return lambda runs: of(
        [run["greedy"]["best"]["mean"] for run in runs if "mean" in run.get("greedy", {}).get("best", {})]
    )


def _median_of(name: str) -> Figure:
    """Over the runs that have it; infinite where none has."""

    def figure(runs: list[Measured]) -> float:
        return median([run[name] for run in runs if run.get(name) and not run["error"]] or [float("inf")])

    return figure


ROWS: dict[str, Callable[[Measured], Iterator[Row]]] = {
    "solve": solve_rows,
    "throughput": partial(throughput_rows, environment=CARTPOLE),
    "pong": partial(throughput_rows, environment=PONG),
    "memory": memory_rows,
    "help": help_rows,
}


def rows_of(name: str, part: Measured) -> list[Row]:
    return list(ROWS[name](part)) if part["runs"] else []


def findings(part: Measured, name: str) -> Iterator[Finding]:
    for found in rows_of(name, part):
        both = ", ".join(f"{figure} {system}" for system, figure in found.figures.items())
        yield Finding(found.name, f"{both}{found.ratio and f', ratio {found.ratio}'}")


def show(results: dict[str, Measured]) -> None:
    """Prints one table of all parts, and what was compared, on which machine."""
    parts = {name: results[name] for name in ROWS if name in results}
    found = [row for name, part in parts.items() for row in rows_of(name, part)]
    cells = [[row.name, *(row.figures.get(system, "") for system in SYSTEMS), row.ratio] for row in found]
    print("\n" + report.markdown(["", *SYSTEMS, "after / before"], cells))
    runs = [run for part in parts.values() for run in part["runs"]]
    for system in SYSTEMS:
        revisions = {run["revision"] or "unknown" for run in runs if run["system"] == system}
        print(f"{system}: revision {' and '.join(sorted(revisions)) or 'none measured'}")
    for where in sorted(
        {f"{part['machine']['cores']} cores of {part['machine']['processor']}" for part in parts.values()}
    ):
        print(f"on {where}")


MEASURES: dict[str, Callable[[argparse.Namespace], list[Record]]] = {
    "solve": solve,
    "throughput": partial(throughput, environment=CARTPOLE, steps="steps"),
    "pong": pong,
    "memory": memory,
    "help": help_text,
}
PARTS = {name: Part(measure, partial(findings, name=name)) for name, measure in MEASURES.items()}


def main() -> None:
    benchmark = Benchmark("checkouts", PARTS)
    parser = benchmark.parser(__doc__)
    own = Path(sys.executable).with_name("a3c")
    parser.add_argument(
        "--before", type=Path, metavar="A3C", help="the command of one checkout: CHECKOUT/.venv/bin/a3c"
    )
    parser.add_argument(
        "--after", type=Path, metavar="A3C", default=own, help="of the other (default: that of this one)"
    )
    parser.add_argument("--seeds", type=int, default=10, help="seeds of solve (%(default)s)")
    parser.add_argument("--rounds", type=int, default=5, help="of throughput, pong and memory (%(default)s)")
    parser.add_argument("--starts", type=int, default=20, help="of help (%(default)s)")
    parser.add_argument("--steps", type=int, default=2_000_000, help="of throughput (%(default)s)")
    parser.add_argument("--pong-steps", type=int, default=100_000, help="of pong (%(default)s)")
    parser.add_argument("--memory-steps", type=int, default=1_000_000, help="of memory (%(default)s)")
    parser.add_argument("--limit", type=float, default=600.0, help="seconds after which a run has failed (%(default)s)")
    parser.add_argument("--table-only", action="store_true", help="measure nothing: print the table of the results")
    arguments = parser.parse_args()
    if arguments.table_only:
        if not (results := report.load(arguments.output)):
            parser.error(f"there are no results in {arguments.output}: measure first, with --before")
        show(results)
        return
    if arguments.before is None:
        parser.error("give --before CHECKOUT/.venv/bin/a3c: what to compare with")
    if wrong := [name for name in ("seeds", "rounds", "starts") if getattr(arguments, name) < 1]:
        parser.error(f"--{wrong[0]} must be at least 1")
    with tempfile.TemporaryDirectory() as caches:
        try:
            given = {"before": arguments.before, "after": arguments.after}
            arguments.checkouts = [Checkout.at(system, command, Path(caches)) for system, command in given.items()]
        except Unusable as error:
            parser.error(str(error))
        _say_what_differs(*arguments.checkouts)
        show(benchmark.measured(arguments))


def _say_what_differs(before: Checkout, after: Checkout) -> None:
    for name, version in before.versions.items():
        if version != after.versions[name] and name != "a3c":
            print(f"they differ in more than their code: {name} {version} before, {after.versions[name]} after")


if __name__ == "__main__":
    main()
