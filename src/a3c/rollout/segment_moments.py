"""The moments of what segments saw: what the statistics are made of that a policy normalises with."""

import numpy as np

from a3c.learning.moments import Moments, Statistics

MOST_NUMBERS = 100_000
"""Of a segment's observations, at most about twice as many are looked at for their mean and variance."""


class SegmentMoments:
    """The moments of observations, and of discounted returns, which go on from segment to segment."""

    def __init__(self, statistics: Statistics, environments: int, gamma: float):
        self._statistics, self._gamma = statistics, gamma
        self._discounted = np.zeros(environments)

    def row(
        self, observations: np.ndarray, rewards: np.ndarray, mask: np.ndarray, done: np.ndarray
    ) -> np.ndarray | None:
        """Those of the next rows `[T, B, ...]`, as a row of Statistics; of some observations where they are large.

        None where nothing is normalised.
        """
        statistics, seen, returns = self._statistics, None, None
        if not statistics.size:
            return None
        if statistics.normalized:
            rows = observations[mask].reshape(int(mask.sum()), -1)
            seen = Moments.of(rows[:: 1 + rows.size // MOST_NUMBERS])
        if statistics.rewards:
            returns = Moments.of(self._discounted_returns(rewards, done)[mask][:, None])
        return statistics.row(seen, returns)

    def _discounted_returns(self, rewards: np.ndarray, done: np.ndarray) -> np.ndarray:
        """Of each row: the rewards until then of its episode, discounted."""
        discounted = np.empty(rewards.shape)
        for t in range(len(rewards)):
            self._discounted = self._gamma * self._discounted + rewards[t]
            discounted[t] = self._discounted
            self._discounted = np.where(done[t], 0.0, self._discounted)
        return discounted
