"""The Course of a run: whether it goes on, comes to a boundary, or ends, by its counters alone.

At a boundary all who train wait for each other, and everything starts anew that no checkpoint holds: environments,
what policies remember, random streams, queues. What they start from is a function of the seed and the boundary, so that
a run that was killed and resumed there does the same as one that was not.
"""

from enum import IntEnum

from a3c.config import TrainConfig
from a3c.processes.shared_memory import SharedArray
from a3c.processes.tokens import TokenPipe
from a3c.sharing.parameter_store import ParameterStore
from a3c.sharing.target import Target


class Verdict(IntEnum):
    """What is to be done next."""

    GO_ON = 0
    CROSS = 1
    END = 2


class Course:
    """By the limits and boundaries of `config`, and by `target` where the workers judge that themselves.

    It starts at so many `steps`.
    """

    def __init__(self, config: TrainConfig, steps: int = 0, target: Target | None = None):
        self._config, self._every, self.target = config, config.checkpoint_steps, target
        self._row_steps = config.row_steps
        self._next = SharedArray((1,), "i8") if self._every else None
        self.begin(steps)

    def begin(self, steps: int) -> None:
        """From a boundary, or where a run starts."""
        if self._next is not None and self._every is not None:
            self._next.array[0] = (steps // self._every + 1) * self._every
        if self.target is not None:
            self.target.begin(self.target.returns)

    def verdict(self, totals: dict[str, int]) -> Verdict:
        """By these counters. A boundary comes first: who ends does so behind it."""
        if self._next is not None and totals["steps"] >= self._next.array[0]:
            return Verdict.CROSS
        limits = (self._config.steps, totals["steps"]), (self._config.episodes, totals["episodes"])
        over = any(limit is not None and total >= limit for limit, total in limits)
        return Verdict.END if over or self._solved else Verdict.GO_ON

    def row(self, steps: int) -> int:
        """How many rows have fallen due until this step."""
        return steps // self._row_steps if self._row_steps else 0

    @property
    def _solved(self) -> bool:
        return self.target is not None and self.target.reached and self._config.stop_when_solved


class Gate:
    """Where processes wait until the main process lets them go on."""

    def __init__(self, processes: int, store: ParameterStore):
        self._store, self._pipes = store, [TokenPipe() for _ in range(processes)]

    def wait(self, process: int) -> None:
        """Raises Stopped when the run stops before it is opened."""
        self._pipes[process].wait(1, lambda: self._store.stopping)

    def open(self) -> None:
        """For each once."""
        for pipe in self._pipes:
            pipe.put(0)
