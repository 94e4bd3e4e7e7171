"""The same training with several seeds, one after another, and what comes of them together."""

import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

from a3c.config import TrainConfig
from a3c.errors import A3CError, DiskError, OutputError, RunFolderError, SettingsError
from a3c.runs.folder import RunFolder
from a3c.runs.lock import locked
from a3c.runs.repeats import RepeatsFolder
from a3c.runs.summaries import RepeatsSummary, Summary
from a3c.training.beginning import NOTHING_OWN, Begun, Own, Say, check_same, go_on, prepare
from a3c.training.callbacks import Callback


class SeedsFailed(A3CError):
    """Some seeds failed, after the others were trained; carries the traceback of the first."""

    exit_status = 1

    def __init__(self, errors: dict[int, A3CError], repeats: int):
        error = next(iter(errors.values()))
        seeds = f"seed{'s' if len(errors) != 1 else ''} {', '.join(map(str, errors))}"
        super().__init__(f"{len(errors)} of {repeats} seeds failed ({seeds}): {error}")
        self.traceback = getattr(error, "traceback", "")


class Series:
    """The seeds of one call or command, one after another. A seed that fails does not end the others."""

    def __init__(
        self,
        folder: RepeatsFolder,
        config: TrainConfig,
        repeats: int,
        *,
        recipe: str | None = None,
        limited: bool = False,
        progress: bool = False,
        say: Say = lambda line: None,
        spell: Callable[[str], str] = str,
        own: Own = NOTHING_OWN,
        callbacks: Sequence[Callback] = (),
    ):
        self._folder, self._config, self._repeats, self._recipe = folder, config, repeats, recipe
        self._limited, self._progress, self._say, self._spell, self._own = limited, progress, say, spell, own
        self._callbacks = callbacks
        self.errors: dict[int, A3CError] = {}
        """What made seeds fail, by seed."""

    def run(self) -> None:
        """Trains with each seed that is not done yet."""
        first = 1 if self._config.seed is None else self._config.seed
        for number in range(self._repeats):
            seed = first + number
            with locked(self._folder.run(seed).path):
                self._train(seed, f"seed {number + 1} of {self._repeats}: ")

    def report(self) -> RepeatsSummary:
        """What the seeds came to until now; also written to `repeats.json`."""
        return self._folder.write_report(self._config, self._recipe, self._repeats)

    def _train(self, seed: int, heading: str) -> None:
        started = time.monotonic()
        run = self._folder.run(seed)
        begun = self._begin(run, self._config.replace(seed=seed))
        if isinstance(begun, str):
            self._say(heading + begun)
            return
        # The seeds that follow get what was resolved here: the workers, the target.
        self._config = begun.start.config
        self.report()
        try:
            result = begun.train(self._progress, started, heading, self._spell, callbacks=self._callbacks)
        except (DiskError, OutputError):
            raise
        except A3CError as error:
            self.errors[seed] = error
            self._say(f"failed: {error}")
        else:
            self._say(_outcome(result.summary, begun.start.counts["steps"]))
        self.report()

    def _begin(self, run: RunFolder, config: TrainConfig) -> Begun | str:
        """What training needs, anew or from where the run stopped; a sentence where it needs nothing more."""
        if not run.config_path.exists():
            work, start = prepare(config, own=self._own)
            return Begun(work, start, RunFolder.create(run.path, start.config))
        if not self._limited and config == run.config(config.algorithm) and (done := _done(run)):
            return f"{run.path} is {done} already"
        return go_on(run, config, self._limited, self._say, self._own)


def to_resume(path: Any, config: TrainConfig, repeats: int) -> RepeatsFolder:
    """The repeats that go on with these settings. Raises SettingsError where they are others."""
    folder = RepeatsFolder(path)
    seeds = folder.seeds()
    if not seeds:
        raise SettingsError(
            f"{path} holds a single run, not repeats: continue it without `repeats`, or start repeats in "
            "another folder with `run`"
        )
    check_same(folder.path, folder.config(config.algorithm), config)
    if config.seed != seeds[0]:
        raise SettingsError(f"{path} holds repeats from seed {seeds[0]} on: leave `seed` out")
    needed = seeds[-1] - seeds[0] + 1
    if repeats < needed:
        raise SettingsError(f"{path} holds {needed} seeds already: give `repeats` {needed} or more")
    return folder


def draw(folder: RepeatsFolder) -> None:
    """Draws the median of the seeds, with its spread."""
    from a3c.runs.plots import plot_groups

    # A run without a finished episode has no curve, which is not worth failing for.
    with suppress(RunFolderError):
        runs = [run for run in folder.runs() if run.summary_path.exists() and run.summary().get("episodes")]
        if runs:
            plot_groups([(folder.path.name, runs)], folder.picture_path)


def solved_now(summary: Summary, steps_before: int) -> str | None:
    """The line that says so; None where the run was not solved, or before it was continued from these steps."""
    if summary["solved_at_step"] is None or summary["solved_at_step"] <= steps_before:
        return None
    return f"solved: {summary['solved_at_step']:,} steps, {summary['solved_at_second']:.2f} s"


def _done(run: RunFolder) -> str | None:
    """How the run ended, where it came to its end; what cannot be read is as good as not there."""
    with suppress(RunFolderError):
        status = run.summary().get("status")
        return status if status in ("solved", "finished") else None
    return None


def _outcome(summary: Summary, steps_before: int) -> str:
    if line := solved_now(summary, steps_before):
        return line
    mean = summary["return_mean_100"]
    last = "" if mean is None else f", mean return of the last 100 episodes {mean:.1f}"
    return f"finished: {summary['steps']:,} steps, {summary['training_seconds']:.2f} s{last}"
