"""A Team: workers that compute their gradients apart and learn in step.

In use:

    while worker.running(team.totals):
        ...
        with team.meeting(worker.index, gradient) as mean:
            if mean is not None:
                store.learn(mean, ...)                     worker 0, for all
"""

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np

from a3c.processes.shared_memory import SharedArray
from a3c.processes.tokens import TokenPipe
from a3c.sharing.parameter_store import COUNTERS, ParameterStore


class Team:
    """Of `workers`, whose gradients are vectors `[P]`. Ends with the run that `store` belongs to."""

    def __init__(self, workers: int, parameters: int, store: ParameterStore):
        self.store = store
        self._gradients = SharedArray((workers, parameters), np.float32)
        self._totals = SharedArray((len(COUNTERS),), np.int64)
        self._arrived = TokenPipe()
        # Two that take turns: who is slow to wake finds its token still there when the fast wait at the next meeting.
        self._released, self._meetings = (TokenPipe(), TokenPipe()), [0] * workers
        self._note_totals()

    @property
    def totals(self) -> dict[str, int]:
        """The counters at the last meeting: the same for all, while those of the store already go on."""
        return dict(zip(COUNTERS, self._totals.array.tolist(), strict=True))

    @contextmanager
    def meeting(self, worker: int, gradient: np.ndarray) -> Iterator[np.ndarray | None]:
        """Waits until all workers have brought their gradients.

        Worker 0 gets the mean, added up in the order of the workers, and the others go on when it leaves; they get
        None. Whatever is counted must be counted before. Raises Stopped when the run stops meanwhile.
        """
        self._gradients.array[worker] = gradient
        released = self._released[self._meetings[worker] % 2]
        self._meetings[worker] += 1
        if worker > 0:
            self._arrived.put(worker)
            released.wait(1, self._stopping)
            yield None
            return
        others = range(1, len(self._gradients.array))
        missing = len(others)
        while missing:
            missing -= len(self._arrived.wait(missing, self._stopping))
        yield self._gradients.array.mean(axis=0)
        self._note_totals()
        if others:
            released.put(*others)

    def _note_totals(self) -> None:
        self._totals.array[:] = list(self.store.totals().values())

    def _stopping(self) -> bool:
        return self.store.stopping
