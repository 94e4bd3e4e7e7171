"""`a3c plot`: learning curves of one or more runs in one picture."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated


def run(arguments: list[str]) -> int:
    """Runs the command; `arguments` come after `plot`."""
    import tyro

    @dataclass(frozen=True)
    class PlotFlags:
        runs: Annotated[tuple[Path, ...], tyro.conf.Positional]
        """Run folders. One shows every episode's return; several show their moving means. A folder of repeats
        (a3c train --repeats) stands for its runs, and shows their mean."""

        mean: tyro.conf.FlagCreatePairsOff[bool] = False
        """Show the mean over the runs with their standard deviation as a band, and each run as a thin line."""

        output: Annotated[Path, tyro.conf.arg(aliases=["-o"])] = Path("curve.png")
        """Picture to write: .png, .svg or .pdf."""

    flags = tyro.cli(
        PlotFlags, args=arguments, prog="a3c plot", description="Draw the learning curves of one or more runs."
    )
    from a3c.errors import SettingsError
    from a3c.runs.files import exists
    from a3c.runs.folder import RunFolder
    from a3c.runs.plots import plot_means, plot_runs
    from a3c.runs.repeats import RepeatsFolder

    if not flags.runs:
        raise SettingsError("name at least one run folder: a3c plot runs/first -o curve.png")
    if not (exists(flags.output.parent) and flags.output.resolve().parent.is_dir()):
        raise SettingsError(f"--output {flags.output}: there is no folder {flags.output.parent}")
    repeats = [(str(path), runs) for path in flags.runs if (runs := RepeatsFolder(path).runs())]
    single = [RunFolder.open(path) for path in flags.runs if not RepeatsFolder(path).seeds()]
    if not flags.mean and not repeats:
        print(plot_runs(single, flags.output))
        return 0
    # Each folder of repeats has a mean of its own, so that what was repeated can be compared.
    groups = [*repeats, ("single runs", single)] if single else repeats
    print(plot_means(groups, flags.output))
    return 0
