"""What a worker or learner tells the main process, gathered into a report now and then."""

from collections.abc import Callable

import numpy as np

from a3c.learning.diagnostics import DIAGNOSTICS
from a3c.roles.messages import Report

REPORT_EVERY = 0.05
"""Seconds between two reports: each wakes the main process, which takes time from the workers."""


class Reporter:
    """Sends the reports of process `index`."""

    def __init__(self, index: int, send: Callable[[Report], None], every: float, own: tuple[str, ...] = ()):
        """`own` are the names of what the algorithm's gradients say besides DIAGNOSTICS."""
        self._index, self._send, self._every = index, send, every
        self._names = (*DIAGNOSTICS, *own)
        self.report, self._reported = Report(index), 0.0
        self.threads: dict[str, int] = {}
        """A learner's threads by their duty: every report has them."""
        self._diagnostics: list[np.ndarray] = []
        self._updated = False

    def add_update(self, now: float, lag: float, diagnostics: np.ndarray, waiting: int = 0) -> None:
        """Notes an applied gradient; `now` is on the clock of `time.monotonic`."""
        self.report.updates += 1
        self.report.lag += lag
        self.report.waiting += waiting
        self._diagnostics.append(diagnostics)
        if not self._updated:
            self.report.first_update, self._updated = now, True

    def flush_when_due(self, now: float) -> None:
        if now - self._reported >= self._every:
            self.flush(now)

    def flush(self, now: float = 0.0) -> None:
        """Sends what has gathered."""
        if self._diagnostics:
            means = np.stack(self._diagnostics).astype(np.float64).mean(axis=0)
            self.report.diagnostics = dict(zip(self._names, means.tolist(), strict=True))
            self._diagnostics = []
        self.report.threads = self.threads
        self._send(self.report)
        self.report, self._reported = Report(self._index), now
