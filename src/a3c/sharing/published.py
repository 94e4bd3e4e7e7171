"""PublishedSnapshots: a learner's snapshots for workers to copy, each version whole."""

import numpy as np

from a3c.learning.snapshot import Snapshot
from a3c.processes.shared_memory import SharedArray

SPARE = 3
"""Versions kept beyond the oldest that anyone reads, so that one is rarely written over while it is being copied."""


class PublishedSnapshots:
    """One process publishes, others read; `lag` updates behind the latest, where they are to be.

    The versions lie in a ring. A reader whose version was written over while it copied takes a newer one.
    """

    def __init__(self, first: Snapshot, lag: int = 0):
        self._lag, self._slots, self._parameters = lag, lag + 1 + SPARE, first.parameters.size
        # Parameters, and behind them the statistics.
        self._ring = SharedArray((self._slots, self._parameters + first.statistics.size), np.float32)
        # The first version published here, and the latest.
        self._versions = SharedArray((2,), np.int64)
        self._versions.array[0] = first.version
        self.publish(first)

    def publish(self, snapshot: Snapshot) -> None:
        """Makes this the latest; versions are numbered by updates, without gaps."""
        version, row = int(snapshot.version), self._ring.array[int(snapshot.version) % self._slots]
        row[: self._parameters], row[self._parameters :] = snapshot.parameters, snapshot.statistics
        self._versions.array[1] = version

    def read(self) -> Snapshot:
        """A copy of what workers are to act with."""
        while True:
            first, latest = self._versions.array.tolist()
            version = max(first, latest - self._lag)
            row = self._ring.array[version % self._slots].copy()
            # The one being written now may be the latest + 1.
            if self._versions.array[1] + 1 < version + self._slots:
                return Snapshot(row[: self._parameters], row[self._parameters :], version)
