"""A Monitor whose worker the test plays."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from a3c.learning.optimizers import SharedOptimizer
from a3c.roles.messages import EpisodeRecord, Report
from a3c.runs.checkpoint import Checkpoint
from a3c.runs.folder import RunFolder
from a3c.sharing.parameter_store import ParameterStore
from a3c.training.monitor import Monitor
from a3c.training.progress import NoDisplay
from configs_for_tests import config_with

OPTIMIZER = SharedOptimizer("adam", {}, 3)


class Run:
    """A Monitor with a store in this process, whose one worker the test plays."""

    def __init__(self, path: Path | None = None, checkpoint: dict | None = None, **settings):
        plain = {"backend": "inline", "workers": 1, "seed": 1, "tensorboard": False, "checkpoint_steps": 0}
        config = config_with("Some-v0", **plain | settings)
        state = OPTIMIZER.initial_state()
        self.start = Checkpoint(config, np.zeros(3, np.float32), state, {"observation": {}, "action": {}})
        for name, value in (checkpoint or {}).items():
            setattr(self.start, name, value)
        self.store = ParameterStore(self.start.parameters, state, 1, counts=self.start.counts, shared=False)
        self.store.attach(0, OPTIMIZER)
        self.folder = None if path is None else RunFolder.create(path / "run", config)
        self.monitor = Monitor(self.start, self.store, self.folder, NoDisplay(), time.monotonic())

    def work(self, *returns: float, steps: int = 10, lag: float = 0.0, waiting: int = 0, **diagnostics: float) -> None:
        """A segment with an update, in which episodes with these returns ended."""
        self.store.apply(np.ones(3, np.float32), 0.1, self.store.total("updates"))
        self.store.count(steps=steps, episodes=len(returns))
        now, step = time.monotonic(), self.store.total("steps")
        episodes = [EpisodeRecord(step, now, return_, 4) for return_ in returns]
        self.monitor.receive(Report(0, episodes, 1, lag, waiting, diagnostics, first_update=now))

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
            run.monitor.records.episodes.close()
            run.monitor.records.metrics.close()
