"""`a3c plot`: learning curves of one or more runs in one picture."""

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from a3c.cli.command import Command
from a3c.cli.flags import read


@dataclass(frozen=True)
class PlotFlags:
    """Flags of `a3c plot`."""

    runs: tuple[Path, ...] = ()
    """Run folders. One shows every episode's return; several show their moving means. A folder of repeats
    (a3c train --repeats) stands for its runs, and shows their mean; any other folder for all that is in it."""

    mean: bool = False
    """Show the mean over the runs with their standard deviation as a band, and each run as a thin line."""

    output: Path = Path("curve.png")
    """Picture to write: .png, .svg or .pdf."""


COMMAND = Command(
    prog="a3c plot",
    description="Draw the learning curves of one or more runs.",
    groups={"flags": PlotFlags},
    argument="runs",
    many=True,
    short={"-o": "output"},
)


def run(arguments: list[str]) -> int:
    """Runs the command; `arguments` come after `plot`."""
    flags = PlotFlags(**read(COMMAND, arguments))
    from a3c.errors import SettingsError
    from a3c.runs.files import exists
    from a3c.runs.folder import RunFolder
    from a3c.runs.plots import plot_means, plot_runs
    from a3c.runs.repeats import RepeatsFolder

    if not flags.runs:
        raise SettingsError("name at least one run folder: a3c plot runs/first -o curve.png")
    if not (exists(flags.output.parent) and flags.output.resolve().parent.is_dir()):
        raise SettingsError(f"--output {flags.output}: there is no folder {flags.output.parent}")
    found = [what for path in flags.runs for what in _in_folder(path)]
    repeats = [(str(what.path), what.runs()) for what in found if isinstance(what, RepeatsFolder)]
    single = [what for what in found if isinstance(what, RunFolder)]
    if not flags.mean and not repeats:
        print(plot_runs(single, flags.output))
        return 0
    # Each folder of repeats has a mean of its own, so that what was repeated can be compared.
    groups = [*repeats, ("single runs", single)] if single else repeats
    print(plot_means(groups, flags.output))
    return 0


def _in_folder(path: Path) -> list[Any]:
    """The run or the repeats that a folder is, or all that are in it. Raises RunFolderError where there is none."""
    from a3c.runs.files import exists
    from a3c.runs.folder import RunFolder
    from a3c.runs.metrics import EPISODE_COLUMNS, read_rows
    from a3c.runs.repeats import RepeatsFolder

    if RepeatsFolder(path).seeds():
        return [RepeatsFolder(path)]
    a_run = exists(RunFolder(path).config_path)
    inside = sorted(path.iterdir()) if not a_run and exists(path) and path.is_dir() else []
    found = [RepeatsFolder(folder) for folder in inside if RepeatsFolder(folder).seeds()]
    runs = [RunFolder(folder) for folder in inside if RunFolder(folder).config_path.exists()]
    if not found and not runs:
        return [RunFolder.open(path)]
    begun = [run for run in runs if read_rows(run.episodes_path, EPISODE_COLUMNS)]
    if not found and not begun:
        return runs
    if left_out := [str(run.path) for run in runs if run not in begun]:
        print(f"left out, without a finished episode: {', '.join(left_out)}", file=sys.stderr)
    return [*found, *begun]
