"""The ParameterStore: what all workers share.

    snapshot = store.read()                     # a private copy, and the updates applied so far
    lag = store.learn(gradient, norm, learning_rate, snapshot.version)
    store.count(steps=512, episodes=3)

Lock-free (Hogwild!, Recht et al. 2011; Mnih et al. 2016, section 4): a worker adds its step in place, element by
element, while others read and add. An element can lose an addition when two workers hit it in the same instant; a
vector is never written back whole, so no worker undoes another's work. With `locked` updates are one at a time.

A worker may be held up anywhere, for seconds: what it does then is bounded. Its state changes by factors and sums that
keep its sign (`SharedOptimizer.update`), and a change that is too old is computed anew.
"""

from collections.abc import Sequence
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

import numpy as np

from a3c.environments.spaces import NO_STATISTICS
from a3c.errors import TrainingDiverged
from a3c.learning.diagnostics import check_change, check_norm
from a3c.learning.moments import Statistics
from a3c.learning.snapshot import Snapshot, nothing
from a3c.processes.shared_memory import FileLock, SharedArray
from a3c.sharing.setbacks import Setbacks

if TYPE_CHECKING:
    # The main process needs no JAX.
    from a3c.learning.optimizers import SharedOptimizer

COUNTERS = ("steps", "episodes", "updates")
OLDEST_CHANGE = 50
"""Updates by others after which a change to parameters and state is computed anew. With many workers on few cores some
come between."""


class ParameterStore:
    """Parameters `[P]`, optimizer state `[K, P]`, statistics `[S]` and counters, shared or in this process alone.

    Each worker writes its own row of the counters, so that a total is a sum, exact without a lock. Row `workers` holds
    what was counted before this run started.
    """

    def __init__(
        self,
        parameters: np.ndarray,
        optimizer_state: np.ndarray,
        workers: int,
        *,
        counts: dict[str, int] | None = None,
        shared: bool = True,
        locked: bool = False,
        normalizes: Statistics = NO_STATISTICS,
        statistics: np.ndarray | None = None,
        moments: np.ndarray | None = None,
        setbacks: Sequence[int] = (0, 0, 0),
        target: np.ndarray | None = None,
    ):
        """`statistics` and `moments` are those that training starts with, where it `normalizes`; `setbacks` what became
        of updates before; `target` the target network's parameters, where there is one."""
        make = SharedArray if shared else _LocalArray
        self._floats = make((1 + len(optimizer_state), parameters.size), np.float32)
        self._floats.array[0], self._floats.array[1:] = parameters, optimizer_state
        self._counters = make((workers + 1, len(COUNTERS)), np.int64)
        self._normalizes = normalizes
        self._statistics = make((normalizes.size,), np.float32)
        self._moments = make((workers + 1, normalizes.row_size), np.float64)
        if statistics is not None:
            self._statistics.array[:] = statistics
        if moments is not None:
            self._moments.array[workers] = moments
        self._counters.array[workers] = [(counts or {}).get(name, 0) for name in COUNTERS]
        self._target = make((0 if target is None else target.size,), np.float32)
        # The counters when it was last renewed.
        self._renewed = make((len(COUNTERS),), np.int64)
        if target is not None:
            self._target.array[:] = target
        self._renewed.array[:] = list(self.totals().values())
        self._stop = make((1,), np.int64)
        floats, updates = self._floats.array, self.total("updates")
        self.setbacks = Setbacks(make, floats, self._statistics.array, workers, updates, setbacks)
        self._lock = FileLock() if locked else None
        self._worker: int | None = None
        self._optimizer: SharedOptimizer | None = None

    def attach(self, worker: int, optimizer: "SharedOptimizer | None" = None) -> None:
        """Says which worker this process is, so that it counts in its own row, and how it applies gradients."""
        self._worker, self._optimizer = worker, optimizer

    @property
    def parameters(self) -> np.ndarray:
        """A copy of the shared parameters."""
        return self._floats.array[0].copy()

    @property
    def optimizer_state(self) -> np.ndarray:
        """A copy of the shared optimizer state."""
        return self._floats.array[1:].copy()

    @property
    def snapshot(self) -> Snapshot:
        """A copy of what policies act with now, for those who only watch: no worker's lock holds them up."""
        version = self.total("updates")
        return Snapshot(self.parameters, self.statistics, version, self.target)

    def read(self) -> Snapshot:
        """A copy of what policies act with now; with `locked`, of no update that is under way."""
        with self._held():
            return self.snapshot

    def read_statistics(self) -> Snapshot:
        """The same without parameters, for those who collect with a policy that has its own."""
        return Snapshot(nothing(), self.statistics)

    def learn(self, gradient: np.ndarray, norm: float, learning_rate: float, version: float) -> float | None:
        """What `apply` does and returns, where the gradient, which has this norm, and the step are finite.

        Else the update is skipped: None. After 10 in a row parameters, state and statistics go back to what was kept
        last, and learning rates are half of what is asked for from then on; another time raises TrainingDiverged.
        """
        before = self.setbacks.times
        try:
            check_norm(norm)
            return self.apply(gradient, learning_rate, version)
        except TrainingDiverged:
            assert self._worker is not None
            if self.setbacks.skip(self._worker, self.total("updates")):
                if before:
                    raise
                with self._held():
                    self.setbacks.go_back(self._floats.array, self._statistics.array)
                    if self._target.array.size:
                        self._target.array[:] = self._floats.array[0]
            return None

    def apply(self, gradient: np.ndarray, learning_rate: float, version: float) -> float:
        """Adds the optimizer's step for `gradient` to the shared parameters, and updates the shared state.

        The learning rate is halved where training went back.

        Returns the policy lag: the updates applied since `read` gave `version`, a mean where several reads were.
        Raises TrainingDiverged, and changes nothing, where the step is not finite.
        """
        if self._optimizer is None:
            raise RuntimeError("attach() the store with an optimizer before applying gradients")
        learning_rate *= self.setbacks.factor
        with self._held():
            count, change = self._change(gradient, learning_rate)
            # Who was held up meanwhile, as by a machine that slept, has a step from a state that is long gone.
            while self.total("updates") - count > OLDEST_CHANGE:
                count, change = self._change(gradient, learning_rate)
            floats, rows = self._floats.array, len(self._floats.array)
            floats[1:] *= change[rows:]
            floats += change[:rows]
            self.count(updates=1)
        return count - version

    def _change(self, gradient: np.ndarray, learning_rate: float) -> tuple[int, np.ndarray]:
        """The updates so far, and the optimizer's change to the floats as they are now."""
        assert self._optimizer is not None
        count = self.total("updates")
        # A copy, since JAX may read an array in place while other workers write to it.
        change = np.asarray(self._optimizer.update(gradient, self._floats.array.copy(), count, learning_rate))
        check_change(change)
        return count, change

    def count(self, **amounts: int) -> None:
        """Adds to this worker's counters, among `steps`, `episodes` and `updates`."""
        if self._worker is None:
            raise RuntimeError("attach() the store before counting")
        for name, amount in amounts.items():
            self._counters.array[self._worker, COUNTERS.index(name)] += amount

    def observe(self, row: np.ndarray) -> None:
        """Adds to this worker's moments, a row of Statistics."""
        own = self._moments.array[self._worker]
        own[:] = self._normalizes.merged(np.stack([own, row]))

    @property
    def moments(self) -> np.ndarray:
        """The moments of all workers, and of the runs that this one continues, merged: a row of Statistics."""
        return self._normalizes.merged(self._moments.array[::-1])

    def merge(self) -> None:
        """Has the moments of all workers be those that this run began with, as they are in a run that is resumed now:
        sums that are added up in another order differ in their last bits. Nobody may observe meanwhile."""
        merged = self.moments
        self._moments.array[:] = 0.0
        self._moments.array[-1] = merged

    def normalize(self) -> None:
        """Lets what policies normalise with be of all that workers have observed up to now."""
        if self._normalizes.size:
            self._statistics.array[:] = self._normalizes.vector(self.moments)

    @property
    def statistics(self) -> np.ndarray:
        """A copy of what policies normalise with."""
        return self._statistics.array.copy()

    @property
    def target(self) -> np.ndarray:
        """A copy of the target network's parameters; of none where there is no such network."""
        return self._target.array.copy()

    def absorb(self, change: np.ndarray) -> None:
        """Adds what was learned elsewhere, as a change `[P]` of the parameters, in place as others read and add."""
        self._floats.array[0] += change

    def keep_state(self, state: np.ndarray, target: np.ndarray) -> None:
        """Has the optimizer's state `[K, P]`, and the target network, be those of workers elsewhere."""
        self._floats.array[1:], self._target.array[:] = state, target

    def set_elsewhere(self, counts: dict[str, int], moments: np.ndarray) -> None:
        """Has the totals, and the moments, be those of workers elsewhere and of the workers of this store, who go on
        counting and observing meanwhile. A counter that is not named stays."""
        for name, count in counts.items():
            self._counters.array[-1, COUNTERS.index(name)] = count
        self._moments.array[-1] = moments

    def set_observed(self, row: int, moments: np.ndarray) -> None:
        """Has these be the moments in a row, that of workers elsewhere."""
        self._moments.array[row] = moments

    def observed(self, row: int) -> np.ndarray:
        """A copy of the moments in a row."""
        return self._moments.array[row].copy()

    def moments_besides(self, row: int) -> np.ndarray:
        """Those of all rows but this, merged."""
        return self._normalizes.merged(np.delete(self._moments.array, row, axis=0)[::-1])

    @property
    def counted(self) -> dict[str, int]:
        """What the workers of this store have counted, without what was before, or elsewhere."""
        return dict(zip(COUNTERS, self._counters.array[:-1].sum(axis=0).tolist(), strict=True))

    def counted_in(self, row: int) -> dict[str, int]:
        """What was counted in a row."""
        return dict(zip(COUNTERS, self._counters.array[row].tolist(), strict=True))

    def renew_target(self, interval: int, counter: str = "steps") -> None:
        """Has the target network be the parameters of now, whenever the counter has come past a multiple of this."""
        total, index = self.total(counter), COUNTERS.index(counter)
        if total // interval > self._renewed.array[index] // interval:
            self._renewed.array[index] = total
            self._target.array[:] = self._floats.array[0]

    def total(self, counter: str) -> int:
        """A counter over all workers, and over the runs that this one continues."""
        return int(self._counters.array[:, COUNTERS.index(counter)].sum())

    def steps_of(self, worker: int) -> int:
        """Those that a worker has taken in this run."""
        return int(self._counters.array[worker, COUNTERS.index("steps")])

    def totals(self) -> dict[str, int]:
        return dict(zip(COUNTERS, self._counters.array.sum(axis=0).tolist(), strict=True))

    def stop(self) -> None:
        """Asks all workers to end after their current segment."""
        self._stop.array[0] = 1

    @property
    def stopping(self) -> bool:
        return bool(self._stop.array[0])

    def _held(self) -> Any:
        return self._lock if self._lock else nullcontext()


class _LocalArray:
    """What SharedArray is, for one process."""

    def __init__(self, shape: tuple[int, ...], dtype: Any):
        self.array = np.zeros(shape, dtype)
