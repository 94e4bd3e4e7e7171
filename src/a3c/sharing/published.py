"""PublishedSnapshots: a learner's snapshots for workers to copy, each version whole.

Where workers are in order, each segment is acted in with a version that its place in the order alone decides:

    snapshot = published.read_at(published.version_at(turns), worker)
"""

import math

import numpy as np

from a3c.learning.snapshot import Snapshot
from a3c.processes.shared_memory import SharedArray
from a3c.processes.tokens import TokenPipe
from a3c.sharing.parameter_store import ParameterStore

SPARE = 3
"""Versions kept beyond the oldest that anyone reads, so that one is rarely written over while it is being copied."""
LATE = 1
"""Batches that workers in order do not wait for though they are whole, as the learner is about to train on them."""


class PublishedSnapshots:
    """One process publishes, others read; `lag` updates behind the latest, where they are to be.

    The versions lie in a ring. A reader whose version was written over while it copied takes a newer one. Readers in
    order are never as far behind: `readers` of them, whose segments the publisher takes `batch` at a time, to make so
    many `updates` then, once it has that many batches more than `before`.
    """

    def __init__(
        self, first: Snapshot, lag: int = 0, readers: int = 0, batch: int = 1, updates: int = 1, before: int = 0
    ):
        self._lag, self._parameters = lag, first.parameters.size
        self._batch, self._updates, self._before = batch, updates, before
        # While a reader in order copies, no segment after its own turn's is there to be trained on.
        behind = (math.ceil((readers - 1) / batch) + LATE) * updates if readers else 0
        self._slots = lag + behind + 1 + SPARE
        # Parameters, and behind them the statistics.
        self._ring = SharedArray((self._slots, self._parameters + first.statistics.size), np.float32)
        # The first version published here, and the latest.
        self._versions = SharedArray((2,), np.int64)
        # What each reader waits for, or nothing; and where it is told.
        self._awaited, self._told = SharedArray((readers,), np.int64), [TokenPipe() for _ in range(readers)]
        self.begin(first)

    def begin(self, first: Snapshot) -> None:
        """Starts from this version: nobody is given an older one."""
        self._versions.array[0] = first.version
        self.publish(first)

    def publish(self, snapshot: Snapshot) -> None:
        """Makes this the latest; versions are numbered by updates, without gaps."""
        version, row = int(snapshot.version), self._ring.array[int(snapshot.version) % self._slots]
        row[: self._parameters], row[self._parameters :] = snapshot.parameters, snapshot.statistics
        self._versions.array[1] = version
        for reader, awaited in enumerate(self._awaited.array.tolist()):
            if 0 < awaited <= version:
                self._awaited.array[reader] = 0
                self._told[reader].put(0)

    def read(self) -> Snapshot:
        """A copy of what workers are to act with."""
        while True:
            first, latest = self._versions.array.tolist()
            version = max(first, latest - self._lag)
            row = self._ring.array[version % self._slots].copy()
            # The one being written now may be the latest + 1.
            if self._versions.array[1] + 1 < version + self._slots:
                return Snapshot(row[: self._parameters], row[self._parameters :], version)

    def version_at(self, turns: int) -> int:
        """What a reader in order acts with after so many turns of all, since the start: what has been learned from the
        batches that are whole by then, less LATE and the lag. Nobody waits for a segment to come, so nobody waits for
        ever."""
        batches = turns // self._batch - LATE - self._before
        return int(self._versions.array[0]) + max(0, batches * self._updates - self._lag)

    def read_at(self, version: int, reader: int, store: ParameterStore) -> Snapshot:
        """A copy of this version, as soon as it is there; raises Stopped when the run stops before."""
        if self._versions.array[1] < version:
            self._awaited.array[reader] = version
            self._told[reader].wait_for(lambda: self._versions.array[1] >= version, lambda: store.stopping)
        row = self._ring.array[version % self._slots].copy()
        return Snapshot(row[: self._parameters], row[self._parameters :], version)
