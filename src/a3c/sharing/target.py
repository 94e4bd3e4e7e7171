"""The Target: whether the mean return of the last 100 episodes has reached it, judged by the workers in their turns.

The main process hears of episodes late, at moments that the clock decides. A run that promises one result cannot wait
for what it says: its workers add their episodes in the order that they have, and all see the same at their next turns.
What would be shipped then, the average of the parameters, is followed here for the same reason.
"""

import numpy as np

from a3c.learning.snapshot import Snapshot
from a3c.processes.shared_memory import SharedArray

JUDGED = 100
"""Episodes in the mean."""
AVERAGED = 20
"""Episodes over which the parameters are averaged, about (Polyak and Juditsky 1992). At a constant learning rate they
jitter from update to update, and those of one instant can play far worse than those of the next."""
NEVER = 2**62
"""Episodes to wait until a target is judged that is not to be judged any more."""
COUNT, REACHED, FROM = range(3)
AVERAGE, BEST = range(2)


def followed(average: Snapshot, now: Snapshot, episodes: int) -> Snapshot:
    """The average of snapshots moved towards this one, by as many episodes as ended."""
    kept = (1 - 1 / AVERAGED) ** episodes
    return Snapshot(
        now.parameters + kept * (average.parameters - now.parameters),
        now.statistics + kept * (average.statistics - now.statistics),
        now.version,
    )


def episodes_to_wait(solved: bool, confirm_after: int, episodes: int) -> int:
    """Until the target is judged again, of a run that has had so many and does not try before `confirm_after`."""
    return NEVER if solved else max(0, confirm_after - episodes)


class Target:
    """Of `target` (None: there is none to reach), after these `returns`; in shared memory.

    `now` is the snapshot that the run starts from, `best` the best mean that it had before, with
    `best_snapshot` where that is known.
    """

    def __init__(
        self,
        target: float | None,
        returns: list[float],
        now: Snapshot,
        best: float | None = None,
        best_snapshot: Snapshot | None = None,
    ):
        self._target = target
        self._window = SharedArray((JUDGED,), np.float64)
        # Episodes in all, the step at which the target was reached, or -1, and the episodes from which on it is judged.
        self._numbers = SharedArray((3,), np.int64)
        # The sum over the window, and the best mean.
        self._sums = SharedArray((2,), np.float64)
        self._sums.array[1] = -np.inf if best is None else best
        # Of the average, and of that at the best mean.
        self._parameters = now.parameters.size
        self._floats = SharedArray((2, self._parameters + now.statistics.size), np.float32)
        self._versions = SharedArray((2,), np.int64)
        self.begin(returns, now)
        self._put(BEST, best_snapshot or now)

    def begin(self, returns: list[float], now: Snapshot, wait: int = 0) -> None:
        """Goes on after these returns, as a run does that is resumed, and averages anew. Whether it was reached is
        judged after `wait` episodes at the earliest."""
        last = returns[-JUDGED:]
        self._window.array[:] = 0.0
        self._window.array[: len(last)] = last
        self._numbers.array[COUNT], self._sums.array[0] = len(last), sum(last)
        self._put(AVERAGE, now)
        self.judge_after(wait)

    def judge_after(self, episodes: int) -> None:
        """Forgets that it was reached, until it is again, after so many more episodes at the earliest."""
        self._numbers.array[REACHED] = -1
        self._numbers.array[FROM] = self._numbers.array[COUNT] + episodes

    def add(self, returns: list[float], step: int, acted: Snapshot) -> None:
        """The returns of episodes that have ended by this step, in the order of the run, and what was acted with then.
        One process at a time adds."""
        if not returns:
            return
        average = followed(self.average, acted, len(returns))
        self._put(AVERAGE, average)
        window, count = self._window.array.tolist(), int(self._numbers.array[COUNT])
        total, best = self._sums.array.tolist()
        is_best = False
        for return_ in returns:
            # What has no return yet holds a zero. Subtracted first, as `Returns` does: both are to agree in every bit.
            if count >= JUDGED:
                total -= window[count % JUDGED]
            total += return_
            window[count % JUDGED] = return_
            count += 1
            if count >= JUDGED:
                mean = total / JUDGED
                self._judge(mean, count, step)
                # Of equals the latest.
                if mean >= best:
                    best, is_best = mean, True
        if is_best:
            self._put(BEST, average)
        self._window.array[:], self._sums.array[:], self._numbers.array[COUNT] = window, (total, best), count

    def _judge(self, mean: float, count: int, step: int) -> None:
        is_asked = count >= self._numbers.array[FROM] and not self.reached
        if is_asked and self._target is not None and mean >= self._target:
            self._numbers.array[REACHED] = step

    def _put(self, which: int, snapshot: Snapshot) -> None:
        row = self._floats.array[which]
        row[: self._parameters], row[self._parameters :] = snapshot.parameters, snapshot.statistics
        self._versions.array[which] = int(snapshot.version)

    def _get(self, which: int) -> Snapshot:
        row = self._floats.array[which].copy()
        return Snapshot(row[: self._parameters], row[self._parameters :], int(self._versions.array[which]))

    @property
    def average(self) -> Snapshot:
        """The average over the last episodes. While workers go on, for them alone."""
        return self._get(AVERAGE)

    @property
    def best(self) -> Snapshot:
        """The average as it was at the best mean. While workers go on, for them alone."""
        return self._get(BEST)

    @property
    def returns(self) -> list[float]:
        """The last returns, at most 100, the oldest first."""
        window, count = self._window.array.tolist(), int(self._numbers.array[COUNT])
        return window[:count] if count < JUDGED else window[count % JUDGED :] + window[: count % JUDGED]

    @property
    def reached(self) -> bool:
        return self.reached_at_step is not None

    @property
    def reached_at_step(self) -> int | None:
        """The step of the turn in which the mean reached the target first; None while it has not."""
        step = int(self._numbers.array[REACHED])
        return None if step < 0 else step
