"""A learner's side of training: what GA3C, IMPALA and IMPACT have where A3C has none."""

import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import jax
import numpy as np

from a3c.config.schedules import entropy_coefficient_at, learning_rate_at
from a3c.learning.diagnostics import norm_of
from a3c.learning.snapshot import Snapshot
from a3c.processes.tokens import Stopped
from a3c.roles.messages import Report, Task
from a3c.roles.reporter import REPORT_EVERY, Reporter
from a3c.roles.worker import Work
from a3c.rollout.segment import Segment
from a3c.runs.checkpoint import seed_at
from a3c.sharing.segment_queue import Batch

Gradient = Callable[[Snapshot, float], tuple[Any, Any]]
"""`(snapshot, entropy_coefficient) -> (gradient [P], diagnostics)`, of a batch."""


class Learner:
    """A learner's side: the queue of segments, the store, and reports. An algorithm's duties are written against this.

    In use:

        snapshot = learner.current
        learner.train(gradient_of, timeout)

    or, where several updates are made for each batch that comes:

        newest = learner.get(timeout)
        learner.learn(newest, version, gradient)
    """

    forget: Callable[[], None] | None = None
    """What an algorithm does at boundaries and in pauses, where what no checkpoint holds is given up."""

    def __init__(self, task: Task, work: Work, send: Callable[[Report], None], report_every: float = REPORT_EVERY):
        self.index = task.index
        self.config, self.policy, self.store, self.exchange = task.config, work.policy, task.store, task.exchange
        self.generator = np.random.default_rng(task.seed)
        self.store.attach(task.index, work.optimizer)
        self.reporter = Reporter(task.index, send, report_every, task.config.algorithm.diagnostics)
        self._take(self._read())
        self._applying, self._row = threading.Lock(), 0

    def train(self, gradient_of: Callable, timeout: float) -> bool:
        """One update, from the next batch of segments; False where none came within `timeout` seconds.

        Several threads may train: their gradients are computed side by side and applied one at a time. Raises
        TrainingDiverged where too many of them were not finite.
        """
        batch = self.get(timeout)
        if batch is None:
            return False
        self.learn(batch, batch.version, lambda now, coefficient: gradient_of(now, batch.segment, coefficient))
        return True

    def get(self, timeout: float) -> Batch | None:
        """The next batch of segments; None where none came within `timeout` seconds."""
        batch = self.exchange.queue.get(self.config.segments_per_batch, timeout)
        if batch is None:
            if self.exchange.queue.at_end:
                self._cross()
            return None
        while self.config.in_turns and batch.row > self._row:
            # Before this update: those until now are all that the row is of.
            self._row += 1
            self.reporter.report.row = {"updates": self.store.total("updates")}
            self.reporter.flush(time.monotonic())
        return batch

    def learn(self, newest: Batch, version: float, gradient_of: Gradient) -> None:
        """One update, at the step of the newest batch, from one that was acted with in this version."""
        config, store = self.config, self.store
        # What was counted since is no function of what the learner trains on.
        step = newest.step
        gradient, diagnostics = gradient_of(self.current, entropy_coefficient_at(config, step))
        gradient, diagnostics = np.asarray(gradient), np.asarray(diagnostics)
        with self._applying:
            version -= store.setbacks.skipped
            lag = store.learn(gradient, norm_of(diagnostics), learning_rate_at(config, step), version)
            latest = self._read()
            self._take(Snapshot(latest.parameters, newest.statistics, latest.version))
            now = time.monotonic()
            if lag is not None:
                self.reporter.add_update(now, lag, diagnostics, newest.waiting)
            self.reporter.flush_when_due(now)

    def _cross(self) -> None:
        """In a pause or at a boundary, as the workers (`Worker.running`): all starts anew from what was learned."""
        self.generator = np.random.default_rng(seed_at(self.config, self.store.total("steps"), self.index))
        self._take(self._read())
        if self.forget is not None:
            self.forget()
        if "published" in self.config.algorithm.shares:
            self.exchange.published.begin(self.latest)
        self._row, self.reporter.report.waits = 0, True
        self.reporter.flush(time.monotonic())
        if self.exchange.gate is not None:
            with suppress(Stopped):
                self.exchange.gate.wait(self.index)

    def _read(self) -> Snapshot:
        """What was learned until now. Its version counts the batches: those whose updates were skipped too, as workers
        in order wait for each."""
        now = self.store.read()
        return Snapshot(now.parameters, now.statistics, now.version + self.store.setbacks.skipped)

    def _take(self, latest: Snapshot) -> None:
        self.latest = self.current = latest
        """The latest Snapshot, and the same where gradients are computed. Each update replaces it whole: threads may
        share it."""
        # On a CPU jitted functions take NumPy arrays as they are, and faster.
        if jax.default_backend() != "cpu":
            parameters, statistics = jax.device_put(latest.parameters), jax.device_put(latest.statistics)
            self.current = Snapshot(parameters, statistics, latest.version)

    def ended(self) -> bool:
        """Whether there is nothing more to train on: no worker is left, and less than a batch is in the queue."""
        queue = self.exchange.queue
        return self.store.stopping or (queue.closed and len(queue) < self.config.segments_per_batch)

    def no_batch(self) -> Segment:
        """A batch of which no step is real: to compile for its shapes before there is one that is."""
        config = self.config
        return Segment.zeros(config, config.segments_per_batch * config.environments_each, self.policy.layout)
