"""`a3c report`: a page about one or more runs, for a browser."""

from dataclasses import dataclass
from pathlib import Path

from a3c.cli.chosen import GroupFlags, check_place, named_runs, names_in
from a3c.cli.command import Command
from a3c.cli.flags import read


@dataclass(frozen=True)
class ReportFlags(GroupFlags):
    """Flags of `a3c report`."""

    runs: tuple[Path, ...] = ()
    """Run folders, or folders with runs in them. Several are shown together, and their groups are compared."""

    output: Path = Path("report.html")
    """Page to write."""


COMMAND = Command(
    prog="a3c report",
    description="""Write a page about one or more runs, for a browser: curves to zoom into, evaluations, settings,
events, machine, and a film where there is one in the run folder. It is one file, which needs no server and no network.

a3c play runs/first --video runs/first/film.mp4     a film for it
a3c report runs/first
a3c report runs/a runs/b -o both.html               both in one picture, compared""",
    groups={"flags": ReportFlags},
    argument="runs",
    many=True,
    short={"-o": "output"},
)


def run(arguments: list[str]) -> int:
    """Runs the command; `arguments` come after `report`."""
    flags = ReportFlags(**read(COMMAND, arguments))
    opened = named_runs(flags.runs, "a3c report runs/first -o report.html")
    check_place(flags.output)
    from a3c.runs.groups import grouped
    from a3c.runs.report import write_report

    print(write_report(grouped(opened, names_in(flags.by)), flags.output))
    return 0
