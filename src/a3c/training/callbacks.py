"""Callbacks: what a training tells while it runs, and what can be done with it then.

In use:

    class Evaluating(a3c.Callback):
        def on_report(self, training):
            training.log("greedy_return", training.snapshot().evaluate(episodes=10).mean)

    agent.learn(steps=100_000, callback=[Evaluating(), lambda training: training.seconds < 60])
"""

import inspect
import math
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Self, SupportsFloat, TypeAlias, cast

import numpy as np

from a3c.config import TrainConfig
from a3c.errors import SettingsError, brief
from a3c.roles.messages import PackedWork
from a3c.runs.metrics import METRIC_COLUMNS, can_be_column
from a3c.training.keeping import STOP_WHEN
from a3c.training.monitor import Monitor
from a3c.training.progress import FinishedEpisode, Progress
from a3c.training.run_evaluation import RunEvaluation

if TYPE_CHECKING:
    # The main process of a command needs no JAX.
    from a3c.acting import ActingAgent
    from a3c.roles.worker import Work

EVENTS = ("on_start", "on_row", "on_report", "on_episodes", "on_evaluation", "on_checkpoint", "on_end")


class Training(Progress):
    """The running training, as a callback gets it: its numbers are those of the moment when the callback was called.

    What is done with it is of the moment when it is done.
    """

    # Beside the fields of Progress, which are all that `vars` and `dataclasses.asdict` give, as of plain numbers.
    __slots__ = ("_events", "_numbers")
    _events: "Events"
    _numbers: Mapping[str, float | None]

    @classmethod
    def of(cls, events: "Events") -> Self:
        """What callbacks get now, for Events."""
        monitor = events.monitor
        training = cls(**vars(monitor.progress()))
        training._events = events
        training._numbers = MappingProxyType(dict.fromkeys(METRIC_COLUMNS) | monitor.row | monitor.logged)
        return training

    @property
    def config(self) -> TrainConfig:
        """The settings, with those left open filled in, and the limits of this run."""
        return self._events.monitor.config

    @property
    def run(self) -> Path | None:
        """The run's folder; None where nothing is written."""
        folder = self._events.monitor.keeper.folder
        return None if folder is None else folder.path

    @property
    def progress(self) -> Mapping[str, float | None]:
        """By their names, all columns of the last row of `metrics.csv` and the latest of what was logged; None where
        there is nothing to say yet."""
        return self._numbers

    def snapshot(self) -> "ActingAgent":
        """An agent with the parameters of now, which acts, evaluates and is saved; training changes it no more."""
        from a3c.acting import ActingAgent

        return ActingAgent(self._events.work, self._events.monitor.keeper.checkpoint())

    def log(self, name: str, value: SupportsFloat) -> None:
        """Writes a number into a column of its own, in the next row of `metrics.csv` and in TensorBoard.

        Where none is logged until the row after, that is left empty.

        Raises SettingsError where no column can have that name, or the package's own have it, where the value is no
        number, or infinite (nan may be), and where the run has ended.
        """
        monitor = self._events.monitor
        if monitor.ended:
            raise SettingsError(f"log: the run has ended, so there is no row left to write {brief(name)} to")
        _check_name(name, [*METRIC_COLUMNS, *(monitor.row.keys() - monitor.logged.keys())])
        monitor.log(name, _number(name, value))

    def save(self, path: str | Path) -> None:
        """Saves a checkpoint of now, which `a3c.load` reads. Raises DiskError; and TrainingDiverged where it holds what
        is no number."""
        self._events.monitor.keeper.checkpoint().save(path)

    def stop(self, reason: str) -> None:
        """Ends the run, as a limit does; `stop_reason` in `summary.json` and in the Result says why.

        Raises SettingsError where the reason is no text.
        """
        if not isinstance(cast("object", reason), str):
            raise SettingsError(f"stop: the reason is {brief(repr(reason))}, but must be text that says why")
        self._events.monitor.stop(reason)


Answer: TypeAlias = bool | np.bool_ | None
"""What a callback gives back at a report; False, of Python or NumPy, stops the training."""


class Callback:
    """What is called on events of a training, in the thread that called `learn`. Override what you need.

    While it runs workers go on, with `backend="processes"`. What it raises ends the run, which is saved, and comes out
    of `learn`. With `backend="inline"` it draws from the caller's own global random generators, not from the run's.
    """

    def on_start(self, training: Training) -> None:
        """Before the first step."""

    def on_row(self, training: Training, row: Mapping[str, float | None]) -> None:
        """After each row of `metrics.csv`, of which several may be written between two reports: its numbers by name."""

    def on_report(self, training: Training) -> Answer:
        """After new rows of `metrics.csv`, every `report_interval` seconds and at the end; False stops the training."""

    def on_episodes(self, training: Training, episodes: list[FinishedEpisode]) -> None:
        """After episodes have ended: those since the last call, at least one."""

    def on_evaluation(self, training: Training, evaluation: RunEvaluation) -> None:
        """After each row of `evaluations.csv`: whole episodes that a snapshot of the policy has played."""

    def on_checkpoint(self, training: Training, path: Path) -> None:
        """After the latest checkpoint was saved into the run folder, under this path."""

    def on_end(self, training: Training) -> None:
        """After the last report and checkpoint, of a run that came to its end or was interrupted, not of one that
        failed."""


OneCallback: TypeAlias = Callback | Callable[[Training], Answer]
GivenCallbacks: TypeAlias = OneCallback | Sequence[OneCallback] | None
"""What `learn` takes: a function, which is called as `on_report` is, a Callback, or several of them."""


GivenStopWhen: TypeAlias = Callable[[Sequence[RunEvaluation]], object] | None
"""What `learn` takes to end by evaluations: a function of all that there are so far, which says whether to stop."""


class _Function(Callback):
    """A function, called at every report."""

    def __init__(self, function: Callable[[Training], Answer]):
        self._function = function

    def on_report(self, training: Training) -> Answer:
        return self._function(training)


class StopWhen(Callback):
    """Ends the run once a function of its evaluations says so."""

    def __init__(self, function: Callable[[Sequence[RunEvaluation]], object]):
        self._function, self._evaluations = function, list[RunEvaluation]()

    def on_start(self, training: Training) -> None:
        if training.config.evaluation_interval == 0:
            raise SettingsError("`stop_when` looks at evaluations, and `evaluate_every` 0 asks for none")
        self._evaluations = []

    def go_back(self, evaluations: int) -> None:
        """To where there were so many of this run: the others come again."""
        del self._evaluations[evaluations:]

    def on_evaluation(self, training: Training, evaluation: RunEvaluation) -> None:
        self._evaluations.append(evaluation)
        if self._function(tuple(self._evaluations)):
            training.stop(STOP_WHEN)


def as_callbacks(given: GivenCallbacks, stop_when: GivenStopWhen = None) -> tuple[Callback, ...]:
    """What was given as `callback` and `stop_when`; raises SettingsError where it is none."""
    if stop_when is not None:
        if not callable(stop_when):
            raise SettingsError(f"stop_when: {brief(repr(stop_when))} is no function of evaluations")
        _check_runs(stop_when, "stop_when")
        return (*as_callbacks(given), StopWhen(stop_when))
    if given is None:
        return ()
    if isinstance(given, Sequence):
        return tuple(_as_callback(one) for one in cast("Sequence[OneCallback]", given))
    return (_as_callback(given),)


def _as_callback(one: object) -> Callback:
    if isinstance(one, Callback):
        for event in EVENTS:
            _check_runs(getattr(one, event))
        return one
    if not callable(one):
        raise SettingsError(f"callback: {brief(one)} is neither a function nor a Callback")
    if isinstance(one, type) and issubclass(one, Callback):
        raise SettingsError(f"callback: {one.__name__} is a class; give one of it, {one.__name__}()")
    _check_runs(cast("object", one))
    return _Function(cast("Callable[[Training], Answer]", one))


def _check_runs(function: object, argument: str = "callback") -> None:
    """Raises SettingsError where a call of it would only make what is to be awaited, or iterated over."""
    kinds = (inspect.iscoroutinefunction, inspect.isgeneratorfunction, inspect.isasyncgenfunction)
    if any(is_kind(function) for is_kind in kinds):
        name = brief(getattr(function, "__qualname__", repr(function)))
        raise SettingsError(
            f"{argument}: {name} would do nothing when it is called, as it is async or has a yield: give an ordinary "
            "function"
        )


class Events:
    """Tells the callbacks of one run what happens in it.

    In use:

        events.start()
        events.tell()       often: what is new since it was called last
        events.end()
    """

    def __init__(
        self,
        callbacks: Sequence[Callback],
        monitor: Monitor,
        work: "Work | PackedWork",
        swapped: Callable[[], AbstractContextManager[object]],
    ):
        """`swapped` exchanges the global random generators, the caller's for the run's, and back where it is called
        again."""
        self.monitor, self._work, self.swapped, self._callbacks = monitor, work, swapped, callbacks
        self._evaluations = monitor.records.evaluated
        self._calls = {
            event: [getattr(callback, event) for callback in callbacks if _has(callback, event)] for event in EVENTS
        }

    @cached_property
    def work(self) -> "Work":
        """What workers work with, for this process."""
        if not isinstance(self._work, PackedWork):
            return self._work
        from a3c.roles.worker import Work

        return self._work.made or Work.unpack(self._work.pickled)

    def start(self) -> None:
        self._call("on_start")

    def tell(self) -> None:
        news = self.monitor.news()
        if news.episodes:
            self._call("on_episodes", news.episodes)
        for evaluation in news.evaluations:
            self._call("on_evaluation", evaluation)
        for row in news.rows:
            self._call("on_row", MappingProxyType(row))
        if news.reported:
            self._call("on_report")
        if news.checkpoint is not None:
            self._call("on_checkpoint", news.checkpoint)

    def go_back(self, evaluations: int) -> None:
        """The run went back to where it had so many evaluations."""
        for callback in self._callbacks:
            if isinstance(callback, StopWhen):
                callback.go_back(evaluations - self._evaluations)

    def end(self) -> None:
        self._call("on_end")

    def _call(self, event: str, *more: Any) -> None:
        for call in self._calls[event]:
            with self.swapped():
                answer = call(Training.of(self), *more)
            if event == "on_report" and _is_false(answer):
                self.monitor.stop("a callback returned False")


def _is_false(answer: Any) -> bool:
    """Whether it is False, of Python, NumPy or JAX."""
    # A comparison with a number of NumPy or JAX gives a False of theirs.
    return answer is False or (getattr(answer, "dtype", None) == np.bool_ and np.shape(answer) == () and not answer)


def _has(callback: Callback, event: str) -> bool:
    """Whether it does something on this event."""
    return getattr(getattr(callback, event), "__func__", None) is not getattr(Callback, event)


def _check_name(name: object, taken: Sequence[str]) -> None:
    if not isinstance(name, str) or not can_be_column(name):
        raise SettingsError(
            f"log: {brief(repr(name))} cannot be the name of a column: give text of one line without commas and quotes"
        )
    if name in taken:
        raise SettingsError(f"log: {name!r} is a column of a3c's own: give another name, such as 'my_{name}'")


def _number(name: str, value: SupportsFloat) -> float:
    """The value as a number of Python; NumPy's and JAX's are numbers too."""
    try:
        number = math.inf if isinstance(value, (str, bytes)) else float(value)
    except (TypeError, ValueError, OverflowError):
        number = math.inf
    if math.isinf(number):
        given = brief(" ".join(repr(value).split()))
        raise SettingsError(f"log: {name!r} is {given}, but must be a number that is not infinite")
    return int(cast("int", value)) if isinstance(value, (int, np.integer)) else number
