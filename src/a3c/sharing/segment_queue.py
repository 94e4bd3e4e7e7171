"""The SegmentQueue: a bounded hand-over of segments from workers to a learner.

    queue.put(segment, version)             a worker; waits while the queue is full
    batch = queue.get(segments=2, timeout)  a learner; None where they have not come by then

Segments lie in shared arrays, of as many slots as the queue holds; what travels through two pipes is the numbers of
slots that are full, and of those that are free. Each number is in one place at a time, so that a segment is neither
lost, nor overwritten, nor trained on twice. Beside the pipes it is noted where each slot is, so that what was in the
hand of a worker that was killed can be taken back:

    queue.reclaim(pid)
"""

import os
import threading
import time
from typing import Any, NamedTuple

import numpy as np

from a3c.processes.shared_memory import FileLock, SharedArray
from a3c.processes.tokens import TokenPipe
from a3c.rollout.segment import Segment
from a3c.sharing.duties import Turns
from a3c.sharing.parameter_store import ParameterStore

OWN = ("_gathered", "_gathering", "_moving", "_at_end", "_reserved")
"""What each process has of its own."""
FREE, FULL, TAKEN = -1, -2, -3
"""Where a slot is: in the pipe of the free, of the full, in a trainer's hand; else in that of the process that has this
id."""
END = 65_535
"""What stands for the end of the batches among the numbers of slots."""


class Batch(NamedTuple):
    """Segments side by side, as one of many environments, `[T, segments * B, ...]`."""

    segment: Segment
    version: float
    """The updates that had been applied to the parameters that chose the actions: the mean over the segments."""
    step: int
    """Steps that were counted when the last of them was put."""
    row: int
    """Rows of metrics that had fallen due then."""
    statistics: np.ndarray
    """What observations and rewards were normalised with then."""
    waiting: int
    """Segments that waited in the queue when these were taken."""


class SegmentQueue:
    """Holds up to `slots` segments of the shapes of `like`. Ends with the run that `store` belongs to.

    With `reserves` who has put a segment waits for room for the next one before it collects it, by parameters that are
    newer then: with a slot for each worker, nobody begins the next before the last was taken.
    """

    def __init__(
        self, like: Segment, slots: int, store: ParameterStore, turns: Turns | None = None, reserves: bool = False
    ):
        self.store, self._turns, self._reserves = store, turns, reserves
        self._arrays = [None if a is None else SharedArray((slots, *a.shape), a.dtype) for a in like]
        self._versions, self._steps = SharedArray((slots,), np.float64), SharedArray((slots, 2), np.int64)
        self._statistics = SharedArray((slots, store.statistics.size), np.float32)
        self._closed = SharedArray((1,), np.int64)
        self._full, self._free = TokenPipe(), TokenPipe()
        self._free.put(*range(slots))
        self._where, self._lock = SharedArray((slots,), np.int64), FileLock()
        self._where.array[:] = FREE
        self._begin_gathering()

    def _begin_gathering(self) -> None:
        self._gathered: list[int] = []
        self._at_end = False
        self._reserved: int | None = None
        self._gathering, self._moving = threading.Lock(), threading.Lock()
        """The second, with the lock of all processes, for as long as a slot takes from one place to another: nobody
        else's is under way then, and who is killed meanwhile lets go."""

    def put(self, segment: Segment, version: float, row: int = 0) -> None:
        """Hands a segment over, after so many rows of metrics; raises Stopped when the run stops before there is
        room."""
        slot = self._free_slot() if self._reserved is None else self._reserved
        for shared, array in zip(self._arrays, segment, strict=True):
            if shared is not None:
                shared.array[slot] = array
        self._versions.array[slot], self._steps.array[slot] = version, (self.store.total("steps"), row)
        self._statistics.array[slot] = self.store.statistics
        self._put(self._full, FULL, [slot])
        if self._turns is not None:
            self._turns.take()
        if self._reserves:
            self._reserved = None
            self._reserved = self._free_slot()

    def _free_slot(self) -> int:
        (slot,) = self._free.wait_by(lambda: self._take(self._free, 1, os.getpid()), lambda: self.store.stopping)
        return slot

    def end_batches(self) -> None:
        """Says that no more will be put for now: who gets segments, gets those batches that are whole, and is told."""
        self._full.put(END)
        if self._turns is not None:
            self._turns.take()

    @property
    def at_end(self) -> bool:
        """Whether the batches have ended, for whom `get` gave None; asked once."""
        at_end, self._at_end = self._at_end, False
        return at_end

    def get(self, segments: int, timeout: float) -> Batch | None:
        """The next `segments` segments, in the order they were put; None where fewer came within `timeout` seconds.

        Several threads of one process may ask; one at a time gathers.
        """
        deadline = time.monotonic() + timeout
        if not self._gathering.acquire(timeout=timeout):
            return None
        try:
            while missing := segments - len(self._gathered):
                left = max(0.0, deadline - time.monotonic())
                came = self._full.take_by(lambda most=missing: self._take(self._full, most, TAKEN), left)
                if not came:
                    return None
                self._gathered += came
                if END in came:
                    # The last of them: nobody puts more until this is known.
                    self._put(self._free, FREE, self._gathered[:-1])
                    self._gathered, self._at_end = [], True
                    return None
            slots, self._gathered = self._gathered, []
        finally:
            self._gathering.release()
        fields = (None if a is None else np.concatenate([a.array[s] for s in slots], axis=1) for a in self._arrays)
        step, row = self._steps.array[slots[-1]].tolist()
        version, statistics = float(self._versions.array[slots].mean()), self._statistics.array[slots[-1]].copy()
        batch = Batch(Segment(*fields), version, step, row, statistics, len(self))  # type: ignore[arg-type]
        self._put(self._free, FREE, slots)
        return batch

    def _take(self, pipe: TokenPipe, most: int, where: int) -> list[int]:
        with self._moving, self._lock:
            slots = pipe.take_now(most)
            self._note(slots, where)
        return slots

    def _put(self, pipe: TokenPipe, where: int, slots: list[int]) -> None:
        with self._moving, self._lock:
            self._note(slots, where)
            pipe.put(*slots)

    def _note(self, slots: list[int], where: int) -> None:
        # Of so few one by one is faster.
        for slot in slots:
            if slot != END:
                self._where.array[slot] = where

    def reclaim(self, pid: int) -> None:
        """Takes back what a process held that has ended, however it ended: a segment that was not whole is none."""
        with self._moving, self._lock:
            where = self._where.array
            where[where == pid] = FREE
            # Killed just before or after it put or took one, it has left a pipe without it.
            for pipe, place in ((self._free, FREE), (self._full, FULL)):
                there = pipe.take_now(len(where) + 1)
                pipe.put(*there, *sorted(set(np.flatnonzero(where == place).tolist()) - set(there)))

    def __len__(self) -> int:
        """Segments that wait."""
        return len(self._full) + len(self._gathered)

    def close(self) -> None:
        """Says that no more will be put: what is there can still be taken."""
        self._closed.array[0] = 1

    @property
    def closed(self) -> bool:
        return bool(self._closed.array[0])

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name not in OWN}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._begin_gathering()
