"""`a3c plot`: learning curves of one or more runs in one picture."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from a3c.cli.chosen import GroupFlags, check_place, named_runs, names_in
from a3c.cli.command import Command
from a3c.cli.flags import read


@dataclass(frozen=True)
class PlotFlags(GroupFlags):
    """Flags of `a3c plot`."""

    runs: tuple[Path, ...] = ()
    """Run folders, or folders with runs in them. One run shows every episode's return; several are grouped."""

    x: Literal["steps", "seconds"] = "steps"
    """Draw over environment steps, or over the seconds since each run began."""

    what: Literal["training", "evaluation"] | None = None
    """Draw the mean of the last 100 training episodes, or the evaluations that were played beside training. Default:
    evaluations where every run has five or more."""

    mean: bool = False
    """Show the mean over a group's runs with their standard deviation as a band, instead of median and quartiles."""

    output: Path = Path("curve.png")
    """Picture to write: .png, .svg or .pdf."""


COMMAND = Command(
    prog="a3c plot",
    description="""Draw the learning curves of one or more runs. Runs whose settings differ in nothing but the seed are
a group: the median over them is a line, the range between the quartiles a band, and each run a thin line.

a3c plot runs                              all that is there
a3c plot runs --by algorithm --x seconds   a line for each algorithm, over time
a3c plot runs/a runs/b --by run            each run by itself""",
    groups={"flags": PlotFlags},
    argument="runs",
    many=True,
    short={"-o": "output"},
)


def run(arguments: list[str]) -> int:
    """Runs the command; `arguments` come after `plot`."""
    flags = PlotFlags(**read(COMMAND, arguments))
    opened = named_runs(flags.runs, "a3c plot runs/first -o curve.png")
    check_place(flags.output)
    from a3c.runs.groups import grouped
    from a3c.runs.plots import plot_groups, plot_runs

    groups = grouped(opened, names_in(flags.by))
    together = len(opened) > 1 and any(len(group.runs) > 1 or group.runs[0].repeats for group in groups)
    if together or flags.mean or flags.what:
        named = [(group.name, group.folders) for group in groups]
        print(plot_groups(named, flags.output, axis=flags.x, what=flags.what, mean=flags.mean))
        return 0
    folders, names = [one.run.folder for one in opened], [group.name for group in groups]
    print(plot_runs(folders, flags.output, axis=flags.x, names=names))
    return 0
