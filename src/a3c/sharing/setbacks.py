"""Setbacks: updates that were not finite and were skipped, and what training goes back to after many in a row.

    setbacks.keep(floats, statistics)       the main process, when it saves
    if setbacks.skip(worker, updates): ...  whoever was to apply one; true after many, with no update between

Each process writes its own row, as in the counters. Going back is done by whoever sees that it is time: others may see
it at the same moment, and do the same.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

IN_A_ROW = 10
"""Updates that are not finite, with no other between, after which the parameters are beyond help."""


class Setbacks:
    """`make` makes arrays that all processes share; `floats` and `statistics` are what training starts with, after so
    many `updates`, and `state` is that of the run that this one continues."""

    def __init__(
        self, make: Any, floats: np.ndarray, statistics: np.ndarray, workers: int, updates: int, state: Sequence[int]
    ):
        self._floats, self._statistics = make(floats.shape, np.float32), make(statistics.shape, np.float32)
        self._skipped, self._begun = make((workers,), np.int64), make((2,), np.int64)
        """What `_begun` holds: the updates, and those that were skipped, when the last row of skipped ones began."""
        self._times = make((1,), np.int64)
        skipped, in_a_row, self._times.array[0] = state
        self._skipped.array[0] = skipped
        self._begun.array[:] = updates, skipped - in_a_row
        self.keep(floats, statistics)

    def state(self, updates: int) -> list[int]:
        """For a checkpoint after so many updates: those that were skipped, of them the last in a row, and how often
        training went back."""
        in_a_row = self.skipped - int(self._begun.array[1]) if updates == self._begun.array[0] else 0
        return [self.skipped, in_a_row, self.times]

    def keep(self, floats: np.ndarray, statistics: np.ndarray) -> None:
        """Notes what to go back to."""
        self._floats.array[:], self._statistics.array[:] = floats, statistics

    @property
    def skipped(self) -> int:
        """Updates that were."""
        return int(self._skipped.array.sum())

    @property
    def times(self) -> int:
        """How often training went back."""
        return int(self._times.array[0])

    @property
    def factor(self) -> float:
        """What learning rates are multiplied by."""
        return 0.5 ** int(self._times.array[0])

    def skip(self, worker: int, updates: int) -> bool:
        """Counts one; whether there were so many since the last of the `updates` that it is time to go back."""
        self._skipped.array[worker] += 1
        skipped, begun = self.skipped, self._begun.array
        if updates != begun[0]:
            begun[:] = updates, skipped - 1
        return skipped - int(begun[1]) >= IN_A_ROW

    def note(self, worker: int, skipped: int) -> None:
        """Counts updates that were skipped elsewhere, where it is seen to when it is time to go back."""
        self._skipped.array[worker] += skipped

    def go_back(self, floats: np.ndarray, statistics: np.ndarray) -> None:
        """Writes into these what was kept."""
        floats[:], statistics[:] = self._floats.array, self._statistics.array
        self._begun.array[1] = self.skipped
        # Last: who sees it sees a row that begins anew, too.
        self._times.array[0] = 1
