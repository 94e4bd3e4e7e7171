"""A Team: workers that compute their gradients apart and learn in step.

In use:

    while worker.running(worker.order.totals):
        ...
        worker.count(segment, episodes)
        with team.meeting(worker.index, gradient) as mean:
            if mean is not None:
                store.learn(mean, ...)                     worker 0, for all
        worker.report(episodes, ...)
"""

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np

from a3c.learning.snapshot import Snapshot
from a3c.processes.shared_memory import SharedArray
from a3c.processes.tokens import TokenPipe
from a3c.sharing.course import Course
from a3c.sharing.order import Freely
from a3c.sharing.parameter_store import COUNTERS, ParameterStore
from a3c.sharing.target import Target


class Team:
    """Of `workers`, whose gradients are vectors `[P]`. Ends with the run that `store` belongs to."""

    def __init__(
        self, workers: int, parameters: int, store: ParameterStore, target: Target | None = None, most: int = 0
    ):
        """`target` is judged at meetings, by the returns of at most so many episodes of each worker."""
        self.store, self.workers, self._target = store, workers, target
        self._returns, self._ended = SharedArray((workers, most), np.float64), SharedArray((workers,), np.int64)
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

    def place(self, worker: int, course: Course) -> "Member":
        return Member(self, worker, course)

    def note(self, worker: int, returns: list[float]) -> None:
        """The returns of this worker's episodes that have ended since the last meeting."""
        self._ended.array[worker] = len(returns)
        self._returns.array[worker, : len(returns)] = returns

    def met(self, worker: int) -> int:
        """How often this worker has been at meetings, or is on its way out of."""
        return self._meetings[worker]

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
        self._judge()
        if others:
            released.put(*others)

    def _note_totals(self) -> None:
        self._totals.array[:] = list(self.store.totals().values())

    def _judge(self) -> None:
        if self._target is None:
            return
        step = self.totals["steps"]
        for returns, ended in zip(self._returns.array, self._ended.array.tolist(), strict=True):
            self._target.add(returns[:ended].tolist(), step, self.store.snapshot)
        self._ended.array[:] = 0

    def _stopping(self) -> bool:
        return self.store.stopping


class Member(Freely):
    """A worker's place in a Team: between two meetings nobody waits, and what it says is of the last one."""

    def __init__(self, team: Team, worker: int, course: Course):
        self._team, self._worker = team, worker
        super().__init__(team.store, course)

    @property
    def number(self) -> int:
        """Of the worker's turn: in the order of the meetings, and of the workers."""
        return self._team.met(self._worker) * self._team.workers + self._worker

    @property
    def totals(self) -> dict[str, int]:
        return self._team.totals

    @property
    def step(self) -> int:
        return self.totals["steps"]

    def note(self, returns: list[float], acted: Snapshot) -> None:
        self._team.note(self._worker, returns)
