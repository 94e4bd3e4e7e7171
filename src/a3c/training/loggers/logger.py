"""A Logger tells a tool elsewhere, such as Weights & Biases, what a run does.

One of your own overrides what it needs:

    class Printing(a3c.Logger):
        def scalars(self, step, numbers):
            print(step, numbers["charts/return_mean_100"])

    agent.learn(steps=100_000, callback=Printing())
"""

from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

from a3c.errors import SettingsError, install
from a3c.runs.summaries import Summary
from a3c.training.callbacks import Callback


class LoggedRun(NamedTuple):
    """What a logger is told when a run begins, or goes on."""

    name: str
    """That of its folder, or what it trains."""
    group: str | None
    """The folder of repeats that it is in."""
    folder: Path | None
    """Where it is written; None where it is not."""
    config: Mapping[str, Any]
    """All settings by name, as `config.toml` has them."""
    id: str | None
    """What `begin` gave when it began, where it is resumed."""


class Logger(Callback):
    """Takes what a run has to say, in a thread of its own: it may take its time, and training goes on meanwhile.

    It is called in this order: `begin`, then `scalars`, `text` and `artefact` as they come, and `end`, where `begin`
    has not raised. What one of them raises is a line in `events.csv`, once a run, and spoils nothing.
    """

    name: ClassVar[str] = ""
    """What it is called in messages, and in the setting `log`; its class's name, where there is none."""
    needs: ClassVar[str] = ""
    """The module that must be installed for it; the extra of a3c that brings it is called as the logger is."""
    where: str = ""
    """Where people find the run, once it has begun."""

    @classmethod
    def called(cls) -> str:
        return cls.name or cls.__name__

    @classmethod
    def check(cls) -> None:
        """Raises SettingsError where what it needs is not installed."""
        spec = find_spec(cls.needs) if cls.needs else None
        # A folder of that name, as W&B leaves one, is a module too, but has no file.
        if cls.needs and (spec is None or spec.origin is None):
            raise SettingsError(
                f"`log` {cls.name} needs the module {cls.needs}, which is not installed: {install(cls.name)}"
            )

    def begin(self, run: LoggedRun) -> str | None:
        """The run begins, or goes on where `run.id` is given. Gives the id that it is to be continued by, if any."""

    def scalars(self, step: int, numbers: Mapping[str, float]) -> None:
        """Numbers of a step: a row of `metrics.csv`, with the episodes since the one before, or an evaluation. Their
        names are those of TensorBoard, such as charts/return_mean_100, losses/entropy, eval/greedy/mean."""

    def text(self, step: int, line: str) -> None:
        """What was said of the run, such as remarks, and what befell it."""

    def artefact(self, path: Path, kind: str) -> None:
        """A file: when the run begins its "config"; at the end the "best" and the "latest" checkpoint, its "summary",
        and its "events" where there are any."""

    def end(self, summary: Summary) -> None:
        """The run has ended, as its summary says."""
