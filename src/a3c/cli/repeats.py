"""`a3c train --repeats N`: the same training with N seeds, one after another, and what they come to together."""

import dataclasses
import time
from contextlib import suppress
from typing import Any

from a3c.cli.train import check_same, go_on, prepare, solved_now, train_into
from a3c.config import TrainConfig
from a3c.config.checks import check_ranges
from a3c.errors import A3CError, DiskError, OutputError, RunFolderError, SettingsError
from a3c.runs.folder import RunFolder, default_repeats_path
from a3c.runs.lock import locked
from a3c.runs.progress import output_errors
from a3c.runs.repeats import RepeatsFolder


class SeedsFailed(A3CError):
    """Some seeds failed, after the others were trained; carries the traceback of the first."""

    exit_status = 1

    def __init__(self, errors: dict[int, A3CError], repeats: int):
        error = next(iter(errors.values()))
        seeds = f"seed{'s' if len(errors) != 1 else ''} {', '.join(map(str, errors))}"
        super().__init__(f"{len(errors)} of {repeats} seeds failed ({seeds}): {error}")
        self.traceback = getattr(error, "traceback", "")


def repeat(flags: Any, config: TrainConfig, limited: bool) -> int:
    """Trains with each seed, then draws the picture and prints the table. `limited` is whether a limit was asked for.

    A seed that fails does not end the others: SeedsFailed is raised after all.
    """
    check_ranges(flags)
    if flags.resume:
        repeats = _to_resume(flags, config)
        recipe = repeats.recipe()
    else:
        repeats = RepeatsFolder.new(flags.run or default_repeats_path(config, flags.repeats))
        recipe = _recipe(flags, config)
    with locked(repeats.path):
        return _repeat(Series(repeats, config, recipe, flags, limited), repeats, config, flags)


def _repeat(series: "Series", repeats: RepeatsFolder, config: TrainConfig, flags: Any) -> int:
    command = f"a3c train {config.environment} --repeats {flags.repeats} --resume {repeats.path}"
    interrupted = False
    try:
        series.run()
    except OutputError as error:
        raise OutputError(f"{error}; stopped and saved, continue with {command}") from None
    except KeyboardInterrupt:
        if not repeats.seeds():
            raise
        interrupted = True
    report = series.report()
    _draw(repeats)
    _print_table(report)
    for title, path in (("picture", repeats.picture_path), ("numbers", repeats.report_path)):
        if path.exists():
            print(f"{title:8} {path}")
    if interrupted:
        print(f"stopped and saved; continue with: {command}")
        return 130
    if series.errors:
        raise SeedsFailed(series.errors, flags.repeats)
    return 0


class Series:
    """The seeds of one command, one after another."""

    def __init__(self, repeats: RepeatsFolder, config: TrainConfig, recipe: str | None, flags: Any, limited: bool):
        self._repeats, self._config, self._recipe, self._flags = repeats, config, recipe, flags
        self._limited = limited
        self.errors: dict[int, A3CError] = {}
        """What made seeds fail, by seed."""

    def run(self) -> None:
        first = 1 if self._config.seed is None else self._config.seed
        for number in range(self._flags.repeats):
            seed = first + number
            with locked(self._repeats.run(seed).path):
                self._train(seed, f"seed {number + 1} of {self._flags.repeats}: ")

    def report(self) -> dict[str, Any]:
        return self._repeats.write_report(self._config, self._recipe, self._flags.repeats)

    def _train(self, seed: int, heading: str) -> None:
        started = time.monotonic()
        run = self._repeats.run(seed)
        begun = self._begin(run, dataclasses.replace(self._config, seed=seed))
        if isinstance(begun, str):
            self._say(heading + begun)
            return
        work, begin = begun
        # The seeds that follow get what was resolved here: the workers, the target.
        self._config = begin.config
        self.report()
        try:
            result = train_into(run, work, begin, self._flags.progress, started, heading)
        except (DiskError, OutputError):
            raise
        except A3CError as error:
            self.errors[seed] = error
            self._say(f"failed: {error}")
        else:
            self._say(_outcome(result.summary, begin.counts["steps"]))
        self.report()

    def _begin(self, run: RunFolder, config: TrainConfig) -> Any:
        """What training needs, anew or from where the run stopped; a sentence where it needs nothing more."""
        if not run.config_path.exists():
            work, begin = prepare(config)
            RunFolder.create(run.path, begin.config)
            return work, begin
        if not self._limited and config == run.config() and (done := _done(run)):
            return f"{run.path} is {done} already"
        return go_on(run, config, self._limited, self._say)

    def _say(self, line: str) -> None:
        if self._flags.progress:
            with output_errors():
                print(line, flush=True)


def _done(run: RunFolder) -> str | None:
    """How the run ended, where it came to its end; what cannot be read is as good as not there."""
    with suppress(RunFolderError):
        status = run.summary().get("status")
        return status if status in ("solved", "finished") else None
    return None


def _to_resume(flags: Any, config: TrainConfig) -> RepeatsFolder:
    repeats = RepeatsFolder(flags.resume)
    seeds = repeats.seeds()
    if not seeds:
        raise SettingsError(
            f"{flags.resume} holds a single run, not repeats: continue it without --repeats, or start repeats in "
            "another folder with --run"
        )
    check_same(repeats.path, repeats.config(), config)
    if config.seed != seeds[0]:
        raise SettingsError(f"{flags.resume} holds repeats from seed {seeds[0]} on: leave --seed out")
    needed = seeds[-1] - seeds[0] + 1
    if flags.repeats < needed:
        raise SettingsError(f"{flags.resume} holds {needed} seeds already: give --repeats {needed} or more")
    return repeats


def _recipe(flags: Any, config: TrainConfig) -> str | None:
    """The name of the recipe that the settings started from; None where they are those of a file."""
    from a3c.recipes import find_recipe

    if flags.config:
        return None
    recipe = find_recipe(flags.recipe, config.environment)
    return "none" if recipe is None else recipe.name


def _draw(repeats: RepeatsFolder) -> None:
    from a3c.runs.plots import plot_means

    # A run without a finished episode has no curve, which is not worth failing for.
    with suppress(RunFolderError):
        runs = [run for run in repeats.runs() if run.summary_path.exists() and run.summary().get("episodes")]
        if runs:
            plot_means([(repeats.path.name, runs)], repeats.picture_path)


def _outcome(summary: dict[str, Any], steps_before: int) -> str:
    if line := solved_now(summary, steps_before):
        return line
    mean = summary["return_mean_100"]
    last = "" if mean is None else f", mean return of the last 100 episodes {mean:.1f}"
    return f"finished: {summary['steps']:,} steps, {summary['wall_seconds']:.2f} s{last}"


def _print_table(report: dict[str, Any]) -> None:
    from rich.console import Console
    from rich.table import Table

    has_target = report["target_return"] is not None
    table = Table("seed", "status", box=None, header_style="bold", pad_edge=False)
    titles = ["steps", "seconds", "last 100", "best 100", *(["solved at (s)"] if has_target else [])]
    for title in titles:
        table.add_column(title, justify="right")
    together = [{"seed": name, "status": "", **report[name]} for name in ("median", "worst")]
    for row in [*report["seeds"], *together]:
        cells = [_number(row["steps"], ",.0f"), _number(row["seconds"], ".2f")]
        cells += [_number(row[name], ".1f") for name in ("return_mean_100", "best_return_mean_100")]
        cells += [_number(row["solved_at_second"], ".2f", "not solved")] if has_target else []
        table.add_row(str(row["seed"]), row["status"], *cells)
    Console().print(table)
    ran, repeats = len(report["seeds"]), report["repeats"]
    missing = f"; {repeats - ran} of {repeats} seeds not begun" if ran < repeats else ""
    if has_target:
        print(f"solved {report['solved']} of {ran} seed{'s' if ran != 1 else ''}{missing}")


def _number(value: float | None, form: str, missing: str = "-") -> str:
    return missing if value is None else format(value, form)
