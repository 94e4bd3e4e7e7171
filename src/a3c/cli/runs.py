"""`a3c runs`: a table of the runs below a folder."""

import json
import shutil
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from a3c.cli.command import Command
from a3c.cli.flags import read

if TYPE_CHECKING:
    from a3c.runs.listing import ListedRun

Sort = Literal["age", "run", "environment", "algorithm", "status", "steps", "episodes", "return", "evaluated", "time"]
Status = Literal["running", "solved", "finished", "interrupted", "failed", "killed", "damaged"]


@dataclass(frozen=True)
class RunsFlags:
    """Flags of `a3c runs`."""

    folder: Path = Path("runs")
    """Folder to look in, and in all below it."""

    environment: str | None = None
    """Only runs on this environment; a pattern such as 'ALE/*' stands for several."""

    algorithm: str | None = None
    """Only runs of this algorithm."""

    status: Status | None = None
    """Only runs of this status. Killed are those whose process has ended without a word, as by kill -9."""

    where: tuple[str, ...] = ()
    """Only runs with these settings, each as learning_rate=0.001."""

    sort: Sort = "age"
    """What to sort by: the youngest first, names by the alphabet, numbers with the largest first."""

    expand: bool = False
    """Show each seed of a folder of repeats in a line of its own, not all in one."""

    json: bool = False
    """Print the runs as JSON, each seed by itself, with what is damaged of each."""


COMMAND = Command(
    prog="a3c runs",
    description="""List the runs below a folder: what was trained, how each ended, and what it reached. "last 100" is
the mean return of the last 100 training episodes, "evaluated" that of the best model in whole episodes. Of repeats
(a3c train --repeats) there is one line, with medians over their seeds. A narrow terminal shows fewer columns.

a3c runs --status running                      what trains now, by the last row of its metrics
a3c runs --where learning_rate=0.001 --sort evaluated
a3c runs old_runs --environment 'ALE/*' --json""",
    groups={"flags": RunsFlags},
    argument="folder",
)


@dataclass(frozen=True)
class Line:
    """A line of the table: a run, or the seeds of repeats."""

    path: Path
    runs: list["ListedRun"]

    def median(self, name: str) -> float | None:
        """Of what the summaries say; None where none says it."""
        values = [run.summary.get(name) for run in self.runs]
        return self.median_of([value for value in values if value is not None])

    @property
    def evaluated(self) -> float | None:
        return self.median_of([run.evaluated for run in self.runs if run.evaluated is not None])

    @staticmethod
    def median_of(values: Sequence[float]) -> float | None:
        return statistics.median(values) if values else None

    @property
    def began(self) -> float:
        return min(run.began for run in self.runs)

    def said(self, name: str) -> str:
        """A setting that all have in common, as text."""
        return ", ".join(dict.fromkeys(str(run.get(name) or "-") for run in self.runs))

    @property
    def seeds(self) -> str:
        seeds = sorted(seed for run in self.runs if (seed := run.get("seed")) is not None)
        in_a_row = len(seeds) > 2 and seeds == list(range(seeds[0], seeds[-1] + 1))
        return f"{seeds[0]} to {seeds[-1]}" if in_a_row else ", ".join(map(str, seeds)) or "-"

    @property
    def status(self) -> str:
        counts = {status: [run.status for run in self.runs].count(status) for status in (r.status for r in self.runs)}
        if len(self.runs) == 1:
            return self.runs[0].status
        return ", ".join(f"{count} {status}" for status, count in counts.items())


def run(arguments: list[str]) -> int:
    """Runs the command; `arguments` come after `runs`."""
    flags = RunsFlags(**read(COMMAND, arguments))
    from a3c.errors import RunFolderError
    from a3c.runs.files import exists
    from a3c.runs.listing import find_runs

    if not exists(flags.folder):
        raise RunFolderError(f"there is no folder {flags.folder}: name the one that your runs are in")
    found = find_runs(flags.folder)
    runs = list(filter(_filter(flags, found), found))
    if flags.json:
        lines = sorted((Line(one.path, [one]) for one in runs), key=KEYS[flags.sort])
        print(json.dumps([_as_json(line.runs[0]) for line in lines], indent=2))
        return 0
    if not runs:
        what = f"none of {len(found)} runs in {flags.folder} is such a one" if found else f"no run in {flags.folder}"
        print(what, file=sys.stderr)
        return 0
    _print(sorted(_lines(runs, flags.expand), key=KEYS[flags.sort]), len(runs))
    for one in runs:
        if one.problem:
            print(f"damaged: {one.problem}", file=sys.stderr)
    return 0


def _lines(runs: list["ListedRun"], expand: bool) -> list[Line]:
    lines: dict[Path, list[ListedRun]] = {}
    for one in runs:
        lines.setdefault(one.path if expand or one.repeats is None else one.repeats, []).append(one)
    return [Line(path, of_line) for path, of_line in lines.items()]


def _filter(flags: RunsFlags, runs: list["ListedRun"]) -> Callable[["ListedRun"], bool]:
    """What a run must be to be listed. Raises SettingsError for a setting that none has."""
    from a3c.errors import SettingsError
    from a3c.names import called

    known = {name for one in runs for name in one.settings}
    named = [(name, text) for name in ("environment", "algorithm") if (text := getattr(flags, name)) is not None]
    for pair in flags.where:
        name, equals, text = pair.partition("=")
        if not equals:
            raise SettingsError(f"`where` {pair}: give a setting and its value, as learning_rate=0.001")
        if known and name not in known:
            raise SettingsError(f"`where` {pair}: these runs have no setting {name!r}{called(name, known)}")
        named.append((name, text))

    def fits(one: "ListedRun") -> bool:
        right_status = flags.status is None or one.status == flags.status
        return right_status and all(_is_written(one.get(name), text) for name, text in named)

    return fits


def _is_written(value: Any, text: str) -> bool:
    """Whether a setting's value is what somebody wrote."""
    if isinstance(value, list | tuple):
        parts = text.replace(",", " ").split()
        return len(parts) == len(value) and all(map(_is_written, value, parts))
    if isinstance(value, bool) or value is None:
        return text.lower() in {True: ("true", "yes"), False: ("false", "no"), None: ("none",)}[value]
    if isinstance(value, int | float):
        try:
            return float(text) == value
        except ValueError:
            return False
    return fnmatchcase(str(value), text)


def _largest_first(number: Callable[[Line], float | None]) -> Callable[[Line], float]:
    return lambda line: float("inf") if (value := number(line)) is None else -value


KEYS: dict[str, Callable[[Line], Any]] = {
    "age": lambda line: -line.began,
    "run": lambda line: str(line.path),
    "status": lambda line: line.status,
    "environment": lambda line: line.said("environment"),
    "algorithm": lambda line: line.said("algorithm"),
    "steps": _largest_first(lambda line: line.median("steps")),
    "episodes": _largest_first(lambda line: line.median("episodes")),
    "return": _largest_first(lambda line: line.median("return_mean_100")),
    "evaluated": _largest_first(lambda line: line.evaluated),
    "time": _largest_first(lambda line: line.median("wall_seconds")),
}
COLUMNS: dict[str, Callable[[Line, float], str]] = {
    "run": lambda line, now: _printable(str(line.path)),
    "environment": lambda line, now: _printable(line.said("environment")),
    "algorithm": lambda line, now: _printable(line.said("algorithm")),
    "seed": lambda line, now: line.seeds,
    "status": lambda line, now: line.status,
    "steps": lambda line, now: _number(line.median("steps"), ",.0f"),
    "episodes": lambda line, now: _number(line.median("episodes"), ",.0f"),
    "last 100": lambda line, now: _number(line.median("return_mean_100"), ".1f"),
    "evaluated": lambda line, now: _number(line.evaluated, ".1f"),
    "age": lambda line, now: _duration(now - line.began),
    "time": lambda line, now: _duration(line.median("wall_seconds")),
}
NUMBERS = ("steps", "episodes", "last 100", "evaluated", "age", "time")
LEAST_NEEDED = ("episodes", "time", "age", "seed", "algorithm")
"""The columns that a narrow terminal does without, in this order."""
COLORS = {"running": "cyan", "solved": "green", "failed": "red", "killed": "red", "damaged": "red"}


def _print(lines: list[Line], count: int) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    # Lines are whole: in a pipe or a file, and in a terminal that is too narrow for what is needed.
    console, shown, now = Console(width=10_000), list(COLUMNS), time.time()
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else console.width
    while True:
        table = Table(box=None, header_style="bold", pad_edge=False)
        for title in shown:
            # Names are to be typed: they are never cut.
            table.add_column(title, justify="right" if title in NUMBERS else "left", no_wrap=True)
        for line in lines:
            color = COLORS.get(line.status, "") if len(line.runs) == 1 else ""
            cells = {title: COLUMNS[title](line, now) for title in shown}
            # Text, as names may hold what rich takes for markup.
            table.add_row(*(Text(cell, color if title == "status" else "") for title, cell in cells.items()))
        left_out = next((title for title in LEAST_NEEDED if title in shown), None)
        if left_out is None or console.measure(table).maximum <= width:
            break
        shown.remove(left_out)
    with console.capture() as captured:
        console.print(table)
    print("\n".join(text.rstrip() for text in captured.get().splitlines()))
    folded = f", in {len(lines)} lines: --expand shows each seed" if len(lines) < count else ""
    print(f"{count} run{'s' if count != 1 else ''}{folded}")


def _printable(text: str) -> str:
    return text if text.isprintable() else repr(text)


def _number(value: float | None, form: str) -> str:
    return "-" if value is None else format(value, form)


def _duration(seconds: float | None) -> str:
    """`42 s`, `3.5 min`, `2.1 h`, `12 d`."""
    if seconds is None:
        return "-"
    for unit, size in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= size:
            number = seconds / size
            return f"{number:.0f} {unit}" if number >= 10 else f"{number:.1f} {unit}"
    return f"{max(seconds, 0):.0f} s"


def _as_json(one: "ListedRun") -> dict[str, Any]:
    said = {name: one.get(name) for name in ("environment", "algorithm", "seed")}
    numbers = ("steps", "episodes", "return_mean_100", "solved_at_step", "solved_at_second", "wall_seconds")
    return {
        "run": str(one.path),
        "repeats": one.repeats and str(one.repeats),
        **said,
        "status": one.status,
        **{name: one.summary.get(name) for name in numbers},
        "evaluated": one.evaluated,
        "began": datetime.fromtimestamp(one.began, UTC).isoformat(timespec="seconds"),
        "error": one.summary.get("error"),
        "problem": one.problem,
    }
