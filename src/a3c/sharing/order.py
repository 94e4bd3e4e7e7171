"""The order of asynchronous workers: none (`Freely`), or a Round in which they take turns.

In use, in a worker's loop:

    order = worker.order
    while worker.running(order.totals):
        step, snapshot = order.totals["steps"], order.read()
        ...                                     collect, and compute a gradient
        with order.turn():
            store.apply(...)
            worker.record(...)

In a Round worker k applies its n-th gradient as update n N + k, and reads right after (the round-robin delayed gradient
of Langford, Smola and Zinkevich 2009, "Slow learners are fast"). What it collects and computes, the most of its time,
goes on beside the others, and nobody waits for a whole round: each gradient is N - 1 updates old. What is shared is
read and changed inside of turns alone, so that one seed gives one result, however fast each worker is.
"""

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

import numpy as np

from a3c.learning.snapshot import Snapshot
from a3c.processes.shared_memory import SharedArray
from a3c.processes.tokens import TokenPipe
from a3c.sharing.course import Course, Verdict
from a3c.sharing.parameter_store import COUNTERS, ParameterStore


class Freely:
    """A worker's place where there is no order: it reads and applies whenever it comes to it."""

    before: int | None = None
    """Turns until the worker's last; there are none."""

    def __init__(self, store: ParameterStore, course: Course):
        self._store, self._course = store, course
        self._row = course.row(store.total("steps"))

    @property
    def number(self) -> int | None:
        """Of the turn; there are none."""
        return None

    @property
    def row(self) -> int:
        """How many rows of metrics have fallen due; that of a boundary is written there, when a learner has trained on
        the batches that are whole."""
        steps = self._store.total("steps")
        return self._row if self._course.is_boundary(steps) else self._course.row(steps)

    @property
    def row_before(self) -> int:
        """The same before what is recorded now."""
        return self._row

    def count_row(self) -> dict[str, int]:
        """Has a row fall due, if it does with what is recorded now; gives its counters."""
        self._row = self.row
        return self.totals

    def verdict(self, totals: dict[str, int] | None = None) -> Verdict:
        """What is to be done next; by these counters, where they are given."""
        return self._course.verdict(totals or self.totals)

    @property
    def is_last(self) -> bool:
        """Whether nobody comes to the boundary later."""
        return True

    def begin(self) -> None:
        """Anew, at a boundary."""

    @property
    def totals(self) -> dict[str, int]:
        """The counters of now."""
        return self._store.totals()

    @property
    def step(self) -> int:
        """That of what is recorded now."""
        return self._store.total("steps")

    def read(self) -> Snapshot:
        return self._store.read()

    def turn(self) -> Any:
        return nullcontext()

    def note(self, returns: list[float], acted: Snapshot) -> None: ...


class Round:
    """Workers in a round, which ends with the run that `store` belongs to: the order itself."""

    def __init__(self, workers: int, store: ParameterStore, course: Course, reads: bool = True):
        """`reads`: whether workers act with what the store holds at their turns; a learner publishes else."""
        self.store, self.workers, self.course, self.reads = store, workers, course, reads
        first = store.snapshot
        self._ends = np.cumsum([first.parameters.size, first.statistics.size, first.target.size])
        self._first = SharedArray((self._ends[-1],), np.float32)
        self._totals = SharedArray((len(COUNTERS),), np.int64)
        # The first that was not to go on, and the turn that it was of.
        self._verdict = SharedArray((2,), np.int64)
        # Rows of metrics that have fallen due, how many would have by steps, and the turn at which the last one did.
        self.rows = SharedArray((3,), np.int64)
        # Whose pipe has a token may take its turn. There is one.
        self._handed = [TokenPipe() for _ in range(workers)]
        self.begin()

    def begin(self) -> None:
        """Has the round begin with worker 0, and all read what the store holds now: others may take their turns while
        one is about to read."""
        snapshot = self.store.snapshot
        self._first.array[:] = np.concatenate([snapshot.parameters, snapshot.statistics, snapshot.target])
        self._totals.array[:] = list(self.store.totals().values())
        self._verdict.array[:] = 0
        self.rows.array[:] = 0, self.course.row(self.store.total("steps")), -self.workers
        self._handed[0].put(0)

    def place(self, worker: int) -> "Place":
        return Place(self, worker)

    @property
    def first(self) -> Snapshot:
        """What all workers begin with."""
        parameters, statistics, target = np.split(self._first.array.copy(), self._ends[:-1])
        return Snapshot(parameters, statistics, self.first_totals["updates"], target)

    @property
    def first_totals(self) -> dict[str, int]:
        return dict(zip(COUNTERS, self._totals.array.tolist(), strict=True))

    def count_row(self, number: int) -> dict[str, int]:
        """Has a row fall due in the turn of this number, if it does. All workers are to tell of one before the next."""
        totals, (rows, by_steps, turn) = self.store.totals(), self.rows.array.tolist()
        going = not self._verdict.array[0] and self.course.verdict(totals) is Verdict.GO_ON
        if going and self.course.row(totals["steps"]) > by_steps and number >= turn + self.workers:
            self.rows.array[:] = rows + 1, self.course.row(totals["steps"]), number
        return totals

    def wait(self, worker: int) -> None:
        """Until it is this worker's turn; raises Stopped when the run stops before."""
        self._handed[worker].wait(1, lambda: self.store.stopping)

    def hand_on(self, worker: int, number: int, totals: dict[str, int]) -> tuple[Verdict, bool]:
        """Ends this worker's turn of that number, with these counters. The first whose turn ends the round, or brings
        it to a boundary, decides for all: each of the others has a turn yet, for what it is about. Says what is next,
        and whether this was the last turn before it."""
        verdict, turn = Verdict(int(self._verdict.array[0])), int(self._verdict.array[1])
        if verdict is Verdict.GO_ON:
            verdict, turn = self.course.verdict(totals), number
            self._verdict.array[:] = verdict, turn
        is_last = verdict is not Verdict.GO_ON and number >= turn + self.workers - 1
        if not is_last:
            self._handed[(worker + 1) % self.workers].put(0)
        return verdict, is_last


class Place:
    """A worker's place in a Round. What it says is of the worker's last turn, and the same in every run."""

    def __init__(self, round_: Round, worker: int):
        self._round, self._worker = round_, worker
        self.begin()

    def begin(self) -> None:
        """With the round, before the first turn."""
        self.number, self.before = self._worker, 0
        """Of the worker's next turn, and how many turns there were until its last, since the round began."""
        self.totals, self._snapshot = self._round.first_totals, self._round.first
        self._verdict, self._is_last = self._round.course.verdict(self.totals), False

    def read(self) -> Snapshot:
        """What the worker acts with until its next turn."""
        return self._snapshot

    @contextmanager
    def turn(self) -> Iterator[None]:
        """The worker's turn: waits for it, and hands it on when it is left. Raises Stopped when the run stops first.

        Whoever fails in it hands nothing on: the main process notices, and stops the run.
        """
        round_ = self._round
        round_.wait(self._worker)
        yield
        self.totals = round_.store.totals()
        if round_.reads:
            self._snapshot = round_.store.read()
        number, self.before, self.number = self.number, self.number + 1, self.number + round_.workers
        self._verdict, self._is_last = round_.hand_on(self._worker, number, self.totals)

    def verdict(self, totals: dict[str, int] | None = None) -> Verdict:
        """What was to be done next at the worker's last turn."""
        return self._verdict

    @property
    def row(self) -> int:
        """How many rows of metrics have fallen due since the round began."""
        return int(self._round.rows.array[0])

    @property
    def row_before(self) -> int:
        return self.row

    def count_row(self) -> dict[str, int]:
        return self._round.count_row(self.number)

    @property
    def is_last(self) -> bool:
        """Whether the worker's last turn was the last before the boundary."""
        return self._is_last

    def note(self, returns: list[float], acted: Snapshot) -> None:
        """The returns of episodes that ended, in the worker's turn, and what it acted with."""
        if self._round.course.target is not None:
            self._round.course.target.add(returns, self.step, acted)

    @property
    def step(self) -> int:
        """Of what is recorded in the worker's turn."""
        return self._round.store.total("steps")
