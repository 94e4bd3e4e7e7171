"""The random numbers that a policy chooses its actions by, for the steps of a segment."""

from typing import Any

import numpy as np


class Noise:
    """Draws what `policy.act` needs; that of a step is held for `hold` steps, over segments too."""

    def __init__(
        self, policy: Any, seed_sequence: np.random.SeedSequence, hold: int = 1, held: bool | np.ndarray = True
    ):
        """`held` are the numbers of it that are held, `[*noise_shape]`; the others are drawn for each step."""
        self._policy, self._generator, self._hold = policy, np.random.default_rng(seed_sequence), hold
        self._held = held
        self._last, self._steps = np.empty(0), 0

    def draw(self, steps: int, environments: int) -> Any:
        """Noise for each of the next steps."""
        if self._hold == 1:
            return self._policy.noise(self._generator, (steps, environments))
        drawn = (self._steps + np.arange(steps)) % self._hold == 0
        held = [self._last, *self._policy.noise(self._generator, (int(drawn.sum()), environments))]
        self._last, self._steps = held[-1], self._steps + steps
        rows = [held[index] for index in np.cumsum(drawn)]
        if self._held is True:
            return rows
        return np.where(self._held, rows, self._policy.noise(self._generator, (steps, environments)))
