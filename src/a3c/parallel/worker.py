"""A worker's side of training."""

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from a3c.environments.making import EnvironmentMaker
from a3c.learning.optimizers import SharedOptimizer
from a3c.parallel.messages import EpisodeRecord, Report, WorkerTask
from a3c.policy import Policy
from a3c.rollout.collector import Collector, Episode

REPORT_EVERY = 0.05
"""Seconds between two reports of a worker: each wakes the main process, which takes time from the workers."""


@dataclass(frozen=True)
class Work:
    """What all workers work with."""

    environments: EnvironmentMaker
    policy: Policy
    optimizer: SharedOptimizer


class Worker:
    """A worker's side: its collector, the store, and reports. An algorithm's loop is written against this.

    In use:

        while worker.running():
            segment, episodes = worker.collector.collect(...)
            worker.record(segment.steps, episodes, lag, diagnostics)
    """

    def __init__(
        self, task: WorkerTask, work: Work, send: Callable[[Report], None], report_every: float = REPORT_EVERY
    ):
        self.index, self.config, self.policy, self.store = task.index, task.config, work.policy, task.store
        self.store.attach(task.index, work.optimizer)
        vector = work.environments.make_vector(task.config.envs_per_worker)
        self.collector = Collector(vector, work.policy, task.config, task.seed)
        self._send, self._report_every = send, report_every
        self._report, self._reported = Report(task.index), 0.0
        self._diagnostics: list[np.ndarray] = []
        self._names: tuple[str, ...] = ()
        self._updated = False

    def running(self) -> bool:
        """False once a limit on steps or episodes is reached, or the main process asked to stop."""
        config, store = self.config, self.store
        if store.stopping:
            return False
        if config.steps is not None and store.total("steps") >= config.steps:
            return False
        return config.episodes is None or store.total("episodes") < config.episodes

    def record(
        self,
        steps: int,
        episodes: list[Episode],
        lag: int = 0,
        diagnostics: np.ndarray | None = None,
        names: tuple[str, ...] = (),
    ) -> None:
        """Counts a segment, and reports when it is time."""
        now = time.monotonic()
        self.store.count(steps=steps, episodes=len(episodes))
        if episodes:
            step = self.store.total("steps")
            self._report.episodes += [EpisodeRecord(step, now, *episode) for episode in episodes]
        if diagnostics is not None:
            self._report.updates += 1
            self._report.lag += lag
            self._diagnostics.append(diagnostics)
            self._names = names
            if not self._updated:
                self._report.first_update, self._updated = now, True
        if now - self._reported >= self._report_every:
            self.flush(now)

    def flush(self, now: float = 0.0) -> None:
        """Sends what has gathered."""
        if self._diagnostics:
            means = np.mean(self._diagnostics, axis=0)
            self._report.diagnostics = dict(zip(self._names, means.tolist(), strict=True))
            self._diagnostics = []
        self._send(self._report)
        self._report, self._reported = Report(self.index), now
