"""PublishedParameters: a learner's parameters for workers to copy, each version whole."""

import numpy as np

from a3c.processes.shared_memory import SharedArray

SPARE = 3
"""Versions kept beyond the oldest that anyone reads, so that one is rarely written over while it is being copied."""


class PublishedParameters:
    """One process publishes, others read; `lag` updates behind the latest, where they are to be.

    The versions lie in a ring. A reader whose version was written over while it copied takes a newer one.
    """

    def __init__(self, parameters: np.ndarray, version: int, lag: int = 0):
        self._lag, self._slots = lag, lag + 1 + SPARE
        self._ring = SharedArray((self._slots, parameters.size), np.float32)
        # The first version published here, and the latest.
        self._versions = SharedArray((2,), np.int64)
        self._versions.array[:] = version
        self._ring.array[version % self._slots] = parameters

    def publish(self, parameters: np.ndarray, version: int) -> None:
        """Makes these the latest parameters; versions are numbered by updates, without gaps."""
        self._ring.array[version % self._slots] = parameters
        self._versions.array[1] = version

    def read(self) -> tuple[np.ndarray, int]:
        """A copy of the parameters that workers are to act with, and their version."""
        while True:
            first, latest = self._versions.array.tolist()
            version = max(first, latest - self._lag)
            parameters = self._ring.array[version % self._slots].copy()
            # The one being written now may be the latest + 1.
            if self._versions.array[1] + 1 < version + self._slots:
                return parameters, version
