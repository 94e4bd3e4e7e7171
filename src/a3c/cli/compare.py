"""`a3c compare`: which settings of runs differ, and whether what they reached does."""

import dataclasses
import json
import math
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from a3c.cli.chosen import GroupFlags, named_runs, names_in
from a3c.cli.command import Command
from a3c.cli.flags import read

if TYPE_CHECKING:
    from a3c.runs.comparison import Comparison
    from a3c.runs.groups import Group, OpenedRun


@dataclass(frozen=True)
class CompareFlags(GroupFlags):
    """Flags of `a3c compare`."""

    runs: tuple[Path, ...] = ()
    """Run folders, folders of repeats, or folders with runs in them. Runs whose settings differ in nothing but the seed
    are a group, whose seeds are compared with those of the others."""

    json: bool = False
    """Print what was found as JSON."""


COMMAND = Command(
    prog="a3c compare",
    description="""Say which settings of runs differ, what each group of runs reached, and whether the difference is
more than chance: the probability that a run of the best is better than one of another group, with its interval of 95%
by bootstrap over seeds, and a rank test. Give four seeds of each or more: three can't tell.

a3c compare runs/before runs/after             two folders of repeats
a3c compare runs --by algorithm""",
    groups={"flags": CompareFlags},
    argument="runs",
    many=True,
)


def run(arguments: list[str]) -> int:
    """Runs the command; `arguments` come after `compare`."""
    flags = CompareFlags(**read(COMMAND, arguments))
    opened = named_runs(flags.runs, "a3c compare runs/before runs/after")
    from a3c.runs.comparison import compare

    comparison = compare(_sides(opened, names_in(flags.by)))
    if flags.json:
        print(json.dumps(_as_json(comparison), indent=2))
        return 0
    _print(comparison)
    return 0


def _sides(opened: list["OpenedRun"], by: tuple[str, ...]) -> list["Group"]:
    """The groups that are compared; where all runs that were named are seeds of one, each by itself."""
    from a3c.errors import SettingsError
    from a3c.runs.groups import RUN, grouped

    groups = grouped(opened, by)
    if len(groups) == 1 and not by and all(one.origin is None for one in opened):
        groups = grouped(opened, (RUN,))
    if len(groups) < 2:
        if len(opened) == 1:
            raise SettingsError(f"{opened[0].run.path} is one run: name another to compare it with")
        what = f"`by` {', '.join(by)}" if by else "they differ in nothing but the seed"
        raise SettingsError(f"the runs that were named are one group ({what}): name another to compare it with")
    return groups


def _print(comparison: "Comparison") -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console() if sys.stdout.isatty() else Console(width=10_000)

    def table(*rows: list[str]) -> None:
        made = Table(box=None, header_style="bold", pad_edge=False)
        for number, title in enumerate(rows[0]):
            made.add_column(Text(title), justify="right" if number else "left", overflow="fold")
        for row in rows[1:]:
            made.add_row(*map(Text, row))
        with console.capture() as captured:
            console.print(made)
        print("\n".join(line.rstrip() for line in captured.get().splitlines()))

    names = [group.name for group in comparison.groups]
    if comparison.settings:
        table(["settings that differ", *names], *([name, *values] for name, values in comparison.settings.items()))
    else:
        print("no setting differs")
    print()
    table(["what they reached", *names], *comparison.results())
    print()
    print(*(verdict.sentence for verdict in comparison.verdicts), *comparison.remarks, sep="\n")


def _as_json(comparison: "Comparison") -> dict[str, Any]:
    def numbers(values: Any) -> list[float | None]:
        return [float(value) if math.isfinite(value) else None for value in values]

    return {
        "groups": [{"name": group.name, "runs": [str(run.path) for run in group.runs]} for group in comparison.groups],
        "settings": comparison.settings,
        "measures": {measure.name: [numbers(values) for values in measure.values] for measure in comparison.measures},
        "verdicts": [
            dataclasses.asdict(verdict) | {"probability": verdict.probability._asdict()}
            for verdict in comparison.verdicts
        ],
        "remarks": comparison.remarks,
    }
