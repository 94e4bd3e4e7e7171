"""The loggers of a run: TensorBoard's files are written with the others (`runs/metrics.py`), all else goes elsewhere.

In use:

    logs = Loggers(make_loggers(config), start, folder, display, interrupted)
    ... logs is a Callback among the others, and logs.display is shown what display was ...
    logs.end(monitor)
"""

import importlib
import json
import math
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from threading import Event
from typing import Any

from a3c.config import TrainConfig
from a3c.config.making import recorded
from a3c.errors import A3CError
from a3c.runs.checkpoint import Checkpoint
from a3c.runs.files import write_atomically
from a3c.runs.folder import RunFolder
from a3c.runs.metrics import evaluation_tags, metric_tags
from a3c.runs.repeats import repeats_of
from a3c.training.callbacks import Callback, Training
from a3c.training.loggers.logger import LoggedRun, Logger
from a3c.training.loggers.sending import Sending
from a3c.training.monitor import Monitor
from a3c.training.progress import Display, FinishedEpisode, Shown
from a3c.training.run_evaluation import RunEvaluation

HOMES = {"wandb": "WandbLogger", "trackio": "TrackioLogger", "mlflow": "MlflowLogger"}
"""The classes of those that the setting `log` names, in a module of their name each."""
PATIENCE, HURRIED = 30.0, 5.0
"""Seconds that loggers have at the end for what is left; and where somebody waits who pressed Ctrl-C."""


def _classes(config: TrainConfig) -> list[type[Logger]]:
    named = [(name, HOMES[name]) for name in config.log if name in HOMES]
    return [getattr(importlib.import_module(f"{__name__}.to_{name}"), kind) for name, kind in named]


def check_loggers(config: TrainConfig) -> None:
    """Raises SettingsError where one that is to be logged to is not installed."""
    for kind in _classes(config):
        kind.check()


def make_loggers(config: TrainConfig) -> list[Logger]:
    """Those that the settings name, but TensorBoard."""
    return [kind() for kind in _classes(config)]


class Loggers(Callback):
    """All loggers of one run, each in a thread of its own."""

    def __init__(
        self,
        loggers: Sequence[Logger],
        start: Checkpoint,
        folder: RunFolder | None,
        display: Display,
        interrupted: Event,
    ):
        self._folder, self._display, self._interrupted = folder, display, interrupted
        self.display: Display = _Overheard(display, self._text) if loggers else display
        """What shows what `display` does, and tells the loggers what is said."""
        self._monitor: Monitor | None = None
        self._returns, self._lengths = list[float](), list[int]()
        self._ids: dict[str, str] = _ids(folder) if start.counts["steps"] else {}
        self._all = [Sending(one, self._run_for(one, start), self._remembering(one)) for one in loggers]
        self._loggers = loggers
        if folder is not None:
            self._put("artefact", folder.config_path, "config")

    def _run_for(self, logger: Logger, start: Checkpoint) -> LoggedRun:
        config, folder = start.config, self._folder
        name, group = f"{config.environment}-{config.algorithm}-{config.seed}", None
        if folder is not None:
            group = repeats_of(folder)
            name = folder.path.name if group is None else f"{group}/{folder.path.name}"
        settings = recorded(config)
        return LoggedRun(name, group, folder and folder.path, settings, self._ids.get(logger.called()))

    def _remembering(self, logger: Logger) -> Any:
        def remember(id_: str) -> None:
            self._ids[logger.called()] = id_
            if self._folder is not None:
                write_atomically(self._folder.logged_path, (json.dumps(self._ids, indent=2) + "\n").encode())

        return remember

    def _put(self, method: str, *arguments: Any) -> None:
        for sending, logger in zip(self._all, self._loggers, strict=True):
            sending.put(getattr(logger, method), *arguments)

    def _text(self, line: str) -> None:
        self._put("text", 0 if self._monitor is None else self._monitor.store.total("steps"), line)

    @property
    def any(self) -> bool:
        """Whether there are any."""
        return bool(self._all)

    def follow(self, monitor: Monitor) -> None:
        """From here on what is said is of this run."""
        self._monitor = monitor

    def on_start(self, training: Training) -> None:
        for sending in self._all:
            sending.start()

    def on_episodes(self, training: Training, episodes: list[FinishedEpisode]) -> None:
        self._returns += [episode.return_ for episode in episodes]
        self._lengths += [episode.length for episode in episodes]

    def on_row(self, training: Training, row: Mapping[str, float | None]) -> None:
        numbers = metric_tags(row) | self._episodes()
        self._put("scalars", row["steps"], dict(_finite(numbers)))

    def _episodes(self) -> dict[str, float]:
        """What the episodes since the last row came to, together: there may be thousands a second."""
        returns, lengths, self._returns, self._lengths = self._returns, self._lengths, [], []
        if not returns:
            return {}
        return {
            "episodes/return_mean": math.fsum(returns) / len(returns),
            "episodes/return_min": min(returns),
            "episodes/return_max": max(returns),
            "episodes/length_mean": math.fsum(lengths) / len(lengths),
        }

    def on_evaluation(self, training: Training, evaluation: RunEvaluation) -> None:
        self._put("scalars", evaluation.step, dict(_finite(evaluation_tags(evaluation.row))))

    def on_report(self, training: Training) -> None:
        self._say()

    def _say(self) -> None:
        """What loggers have to say, in the thread that may say it. Raises DiskError and OutputError."""
        for sending in self._all:
            while sending.where:
                self._display.tell(f"log to {sending.name}: {sending.where.popleft()}")
            while sending.failures and self._monitor is not None:
                self._monitor.incidents.logger_failed(sending.name, sending.failures.popleft())

    def end(self) -> None:
        """Whatever came of the run: gives them its files and its summary, and waits a little until they have them."""
        monitor = self._monitor
        if not self._all or monitor is None:
            return
        folder, outcome = self._folder, monitor.outcome
        if folder is not None:
            files = {"best": folder.checkpoint_path("best"), "latest": folder.checkpoint_path("latest")}
            files |= {"summary": folder.summary_path, "events": folder.events_path}
            for kind, path in files.items():
                if path.exists():
                    self._put("artefact", path, kind)
        self._put("end", monitor.summary(*outcome))
        for sending in self._all:
            sending.finish()
        try:
            self._wait()
        except KeyboardInterrupt:
            # The second. All is saved, and nobody waits any more.
            self._interrupted.set()
        with suppress(A3CError):
            self._say()

    def _wait(self) -> None:
        started, told = time.monotonic(), False
        left = [sending for sending in self._all if not sending.wait(0.0)]
        while left:
            took = time.monotonic() - started
            hurried = self._interrupted.is_set()
            if took > (HURRIED if hurried else PATIENCE):
                break
            if took > 1.0 and not told and not hurried:
                told = True
                names = " and ".join(sending.name for sending in left)
                with suppress(A3CError):
                    self._display.tell(f"{names} takes what is left, for {PATIENCE:.0f} s at most")
            left = [sending for sending in left if not sending.wait(0.1)]
        for sending in left:
            sending.give_up()
            sending.failures.append(f"it had not taken everything {time.monotonic() - started:.0f} s after the end")


class _Overheard:
    """A display, of which the loggers hear what is said."""

    def __init__(self, display: Display, hear: Any):
        self._display, self._hear, self.every = display, hear, display.every

    def show(self, progress: Shown) -> None:
        self._display.show(progress)

    def say(self, line: str) -> None:
        self._hear(line)
        self._display.say(line)

    def tell(self, line: str) -> None:
        self._display.tell(line)

    def close(self, progress: Shown) -> None:
        self._display.close(progress)

    def check(self) -> None:
        self._display.check()


def _finite(numbers: Mapping[str, Any]) -> Iterator[tuple[str, float]]:
    """Those that there are: other tools make of the others what they like."""
    for name, number in numbers.items():
        if number is not None and math.isfinite(number):
            yield name, number


def _ids(folder: RunFolder | None) -> dict[str, str]:
    """By the loggers' names, what the run was called there before."""
    found: Any = None
    if folder is not None:
        with suppress(OSError, ValueError, RecursionError):
            found = json.loads(folder.logged_path.read_text(encoding="utf-8"))
    if not isinstance(found, dict):
        return {}
    return {name: id_ for name, id_ in found.items() if isinstance(id_, str)}
