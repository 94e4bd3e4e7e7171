"""The Course of a run: whether it goes on, pauses, comes to a boundary, or ends, by its counters alone.

In a pause all who train wait for each other, while what was learned until then is evaluated. At a boundary everything
starts anew besides that no checkpoint holds: environments, what policies remember, random streams, queues. What they
start from is a function of the seed and the boundary, so that a run that was killed and resumed there does the same as
one that was not.
"""

from collections.abc import Iterable
from enum import IntEnum

from a3c.config import TrainConfig
from a3c.learning.snapshot import Snapshot
from a3c.processes.shared_memory import SharedArray
from a3c.processes.tokens import TokenPipe
from a3c.sharing.parameter_store import ParameterStore
from a3c.sharing.target import Target


class Verdict(IntEnum):
    """What is to be done next."""

    GO_ON = 0
    PAUSE = 1
    CROSS = 2
    END = 3


class Course:
    """By the limits and boundaries of `config`; and where the workers judge `target` themselves, by that, with pauses
    in which evaluations are played.

    It starts at so many `steps`.
    """

    def __init__(self, config: TrainConfig, steps: int = 0, target: Target | None = None):
        self.target, self._row_steps = target, config.row_steps
        # Numbers alone, as it travels: an algorithm may be one that a script defines.
        self._limits = config.steps, config.episodes
        self._every = config.checkpoint_steps or 0, 0 if target is None else config.evaluation_interval
        # The next boundary, and the next evaluation.
        self._next = SharedArray((2,), "i8")
        self._look_ahead(steps)

    def _look_ahead(self, steps: int) -> None:
        self._next.array[:] = [(steps // every + 1) * every if every else 2**62 for every in self._every]

    def go_on(self, steps: int, wait: int, restart: Snapshot | None) -> None:
        """After a pause, or a boundary, with the snapshot that it starts anew from; the target is judged after `wait`
        episodes at the earliest."""
        self._look_ahead(steps)
        if self.target is None:
            return
        if restart is None:
            self.target.judge_after(wait)
        else:
            self.target.begin(self.target.returns, restart, wait)

    def is_boundary(self, steps: int) -> bool:
        return steps >= self._next.array[0]

    def verdict(self, totals: dict[str, int]) -> Verdict:
        """By these counters. A boundary comes first: who ends does so behind it."""
        boundary, evaluation = self._next.array.tolist()
        if totals["steps"] >= boundary:
            return Verdict.CROSS
        counts = totals["steps"], totals["episodes"]
        if any(limit is not None and count >= limit for limit, count in zip(self._limits, counts, strict=True)):
            return Verdict.END
        pauses = totals["steps"] >= evaluation or (self.target is not None and self.target.reached)
        return Verdict.PAUSE if pauses else Verdict.GO_ON

    def row(self, steps: int) -> int:
        """How many rows of metrics have fallen due until this step."""
        return steps // self._row_steps if self._row_steps else 0


class Gate:
    """Where processes wait until the main process lets them go on."""

    def __init__(self, processes: int, store: ParameterStore):
        self._store, self._pipes = store, [TokenPipe() for _ in range(processes)]

    def wait(self, process: int) -> None:
        """Raises Stopped when the run stops before it is opened."""
        self._pipes[process].wait(1, lambda: self._store.stopping)

    def open(self, processes: Iterable[int] | None = None) -> None:
        """For each of these once; for all where none are named."""
        for process in range(len(self._pipes)) if processes is None else processes:
            self._pipes[process].put(0)
