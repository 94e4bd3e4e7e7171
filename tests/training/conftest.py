"""A Monitor whose worker the test plays."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from a3c.learning.optimizers import SharedOptimizer
from a3c.learning.snapshot import Snapshot
from a3c.roles.messages import EpisodeRecord, Played, Report
from a3c.runs.checkpoint import Checkpoint
from a3c.runs.folder import RunFolder
from a3c.sharing.assignment import Assignment
from a3c.sharing.exchange import Exchange
from a3c.sharing.parameter_store import ParameterStore
from a3c.training.evaluators import EvaluationEnded
from a3c.training.monitor import Monitor
from a3c.training.progress import NoDisplay
from configs_for_tests import config_with

OPTIMIZER = SharedOptimizer("adam", {}, 3)


class PlayedByTheTest:
    """Plays what the test says: `returns` for every order, none yet where that is None."""

    def __init__(self):
        self.returns: list[float] | None = None
        self.asked: list[tuple[Snapshot, str, int, int]] = []
        self.ended: str | None = None
        self.cannot_be_asked: str | None = None

    def ask(self, snapshot, way, episodes, seed, cut_after):
        if self.cannot_be_asked is not None:
            raise EvaluationEnded(self.cannot_be_asked)
        self.asked.append((snapshot, way, episodes, seed))
        self.cut_after = cut_after

    def answer(self, timeout=0.0):
        if self.ended is not None:
            raise EvaluationEnded(self.ended)
        if self.returns is None:
            return []
        return [Played(0, 1, self.returns, [4] * len(self.returns), 0)]

    def have_all_cores(self): ...

    def close(self): ...


class Run:
    """A Monitor with a store in this process, whose one worker the test plays."""

    def __init__(self, path: Path | None = None, checkpoint: dict | None = None, **settings):
        plain = {"backend": "inline", "workers": 1, "seed": 1, "log": (), "checkpoint_steps": 0}
        config = config_with("Some-v0", **(plain | settings))
        state = OPTIMIZER.initial_state()
        self.start = Checkpoint(
            config, np.zeros(3, np.float32), state, {"observation": {}, "action": {"kind": "Discrete", "n": 2}}
        )
        for name, value in (checkpoint or {}).items():
            setattr(self.start, name, value)
        self.store = ParameterStore(self.start.parameters, state, 1, counts=self.start.counts, shared=False)
        self.store.attach(0, OPTIMIZER)
        self.folder = None if path is None else RunFolder.create(path / "run", config)
        self.assignment, self.evaluators = Assignment(self.start.snapshot), PlayedByTheTest()
        self.exchange = Exchange(assignment=self.assignment)
        self.monitor = self.follow(self.start)

    def follow(self, start: Checkpoint) -> Monitor:
        """A Monitor of this run from there."""
        display, now = NoDisplay(), time.monotonic()
        return Monitor(start, self.store, self.folder, display, now, self.evaluators, self.exchange)

    def work(self, *returns: float, steps: int = 10, lag: float = 0.0, waiting: int = 0, **diagnostics: float) -> None:
        """A segment with an update, in which episodes with these returns ended."""
        self.store.apply(np.ones(3, np.float32), 0.1, self.store.total("updates"))
        self.store.count(steps=steps, episodes=len(returns))
        now, step = time.monotonic(), self.store.total("steps")
        episodes = [EpisodeRecord(step, now, return_, 4) for return_ in returns]
        self.monitor.receive(Report(0, episodes, 1, lag, waiting, diagnostics, first_update=now))

    def play(self, *returns: float) -> None:
        """The episodes that the worker is to play come to these."""
        order = self.assignment.order(0)
        assert order is not None
        self.monitor.receive(Report(0, played=Played(0, order.number, list(returns), [4] * len(returns), 0)))

    def summary(self) -> dict:
        return self.monitor.summary("running")


@pytest.fixture
def new_run() -> Iterator[Callable[..., Run]]:
    """Makes a Run, whose files are closed in the end."""
    runs: list[Run] = []

    def new_run(*arguments, **settings) -> Run:
        runs.append(Run(*arguments, **settings))
        return runs[-1]

    yield new_run
    for run in runs:
        if run.folder is not None:
            for close in run.monitor.records.closing():
                close()
