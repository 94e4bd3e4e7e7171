"""The Target: whether the mean return of the last 100 episodes has reached it, judged by the workers in their turns.

The main process hears of episodes late, at moments that the clock decides. A run that promises one result cannot wait
for what it says: its workers add their episodes in the order that they have, and all see the same at their next turns.
"""

import numpy as np

from a3c.processes.shared_memory import SharedArray

JUDGED = 100
"""Episodes in the mean."""


class Target:
    """Of `target` (None: there is none to reach), after these `returns`; in shared memory."""

    def __init__(self, target: float | None, returns: list[float]):
        self._target = target
        self._window = SharedArray((JUDGED,), np.float64)
        # Episodes in all, the step at which the target was reached, or -1; and the sum over the window.
        self._numbers, self._sum = SharedArray((2,), np.int64), SharedArray((1,), np.float64)
        self.begin(returns)

    def begin(self, returns: list[float]) -> None:
        """Goes on after these returns, as a run does that is resumed, and forgets that it was reached."""
        last = returns[-JUDGED:]
        self._window.array[:] = 0.0
        self._window.array[: len(last)] = last
        self._numbers.array[:], self._sum.array[0] = (len(last), -1), sum(last)

    def add(self, returns: list[float], step: int) -> None:
        """The returns of episodes that have ended by this step, in the order of the run. One process at a time adds."""
        if not returns:
            return
        window, count = self._window.array.tolist(), int(self._numbers.array[0])
        total = float(self._sum.array[0])
        for return_ in returns:
            # What has no return yet holds a zero. Subtracted first, as `Returns` does: both are to agree in every bit.
            if count >= JUDGED:
                total -= window[count % JUDGED]
            total += return_
            window[count % JUDGED] = return_
            count += 1
            if count >= JUDGED and self._target is not None and total / JUDGED >= self._target and not self.reached:
                self._numbers.array[1] = step
        self._window.array[:], self._sum.array[0], self._numbers.array[0] = window, total, count

    @property
    def returns(self) -> list[float]:
        """The last returns, at most 100, the oldest first."""
        window, count = self._window.array.tolist(), int(self._numbers.array[0])
        return window[:count] if count < JUDGED else window[count % JUDGED :] + window[: count % JUDGED]

    @property
    def reached(self) -> bool:
        return self.reached_at_step is not None

    @property
    def reached_at_step(self) -> int | None:
        """The step of the turn in which the mean reached the target first; None while it has not."""
        step = int(self._numbers.array[1])
        return None if step < 0 else step
