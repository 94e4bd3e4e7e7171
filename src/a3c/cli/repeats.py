"""`a3c train --repeats N`: the same training with N seeds, one after another, and what they come to together."""

from typing import Any

from a3c.cli.command import with_flags
from a3c.cli.train import after_training, trusting
from a3c.config import TrainConfig
from a3c.config.checks import check_ranges
from a3c.environments.modules import to_be_named
from a3c.errors import OutputError
from a3c.recipes import recipe_name
from a3c.runs.folder import default_repeats_path
from a3c.runs.lock import locked
from a3c.runs.repeats import RepeatsFolder
from a3c.runs.summaries import RepeatsSummary
from a3c.training.progress import output_errors
from a3c.training.repeating import SeedsFailed, Series, draw, to_resume
from a3c.training.training import Interrupted


def repeat(flags: Any, config: TrainConfig, limited: bool) -> int:
    """Trains with each seed, then draws the picture and prints the table. `limited` is whether a limit was asked for.

    A seed that fails does not end the others: SeedsFailed is raised after all.
    """
    check_ranges(flags)
    if flags.resume:
        repeats = to_resume(flags.resume, config, flags.repeats)
        recipe = repeats.recipe()
    else:
        repeats = RepeatsFolder.new(flags.run or default_repeats_path(config, flags.repeats))
        # A file's settings started from no recipe that is known.
        recipe = None if flags.config else recipe_name(flags.recipe, config.environment)
    with locked(repeats.path):
        series = Series(
            repeats,
            config,
            flags.repeats,
            recipe=recipe,
            limited=limited,
            progress=flags.progress,
            say=_say if flags.progress else lambda line: None,
            spell=with_flags,
        )
        return _repeat(series, repeats, config, flags)


def _say(line: str) -> None:
    with output_errors():
        print(with_flags(line), flush=True)


def _repeat(series: Series, repeats: RepeatsFolder, config: TrainConfig, flags: Any) -> int:
    trusted = trusting(to_be_named(config))
    command = f"a3c train {config.environment} --repeats {flags.repeats} --resume {repeats.path}{trusted}"
    interrupted, ended = False, list[str]()
    try:
        series.run()
    except OutputError as error:
        raise OutputError(f"{error}; stopped and saved, continue with {command}") from None
    except KeyboardInterrupt as error:
        if not repeats.seeds():
            raise
        interrupted = True
        if isinstance(error, Interrupted) and error.trained_to_end:
            ended = after_training(error, config)
    report = series.report()
    draw(repeats)
    _print_table(report)
    for title, path in (("picture", repeats.picture_path), ("numbers", repeats.report_path)):
        if path.exists():
            print(f"{title:8} {path}")
    if interrupted:
        print(*(f"{line}\n" for line in ended), sep="", end="")
        print(f"stopped and saved; continue with: {command}")
        return 130
    if series.errors:
        raise SeedsFailed(series.errors, flags.repeats)
    return 0


def _print_table(report: RepeatsSummary) -> None:
    from rich.console import Console
    from rich.table import Table

    has_target = report["target_return"] is not None
    table = Table("seed", "status", box=None, header_style="bold", pad_edge=False)
    returns = {"return_mean_100": "last 100", "best_return_mean_100": "best 100"}
    if any(row["best_evaluation"] is not None for row in report["seeds"]):
        returns["best_evaluation"] = "evaluated"
    titles = ["steps", "seconds", *returns.values(), *(["solved at (s)"] if has_target else [])]
    for title in titles:
        table.add_column(title, justify="right")
    together = [{"seed": name, "status": "", **report[name]} for name in ("median", "worst")]
    for row in [*report["seeds"], *together]:
        cells = [_number(row["steps"], ",.0f"), _number(row["seconds"], ".2f")]
        cells += [_number(row[name], ".1f") for name in returns]
        cells += [_number(row["solved_at_second"], ".2f", "not solved")] if has_target else []
        table.add_row(str(row["seed"]), row["status"], *cells)
    Console().print(table)
    ran, repeats = len(report["seeds"]), report["repeats"]
    missing = f"; {repeats - ran} of {repeats} seeds not begun" if ran < repeats else ""
    if has_target:
        print(f"solved {report['solved']} of {ran} seed{'s' if ran != 1 else ''}{missing}")


def _number(value: float | None, form: str, missing: str = "-") -> str:
    return missing if value is None else format(value, form)
