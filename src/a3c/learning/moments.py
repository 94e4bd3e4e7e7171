"""Running statistics of observations and returns, for normalising: moments of parts, merged exactly.

Chan, Golub and LeVeque 1979, "Updating formulae and a pairwise algorithm for computing sample variances": parts can be
merged in any order, and give what all the numbers together give. In use:

    moments = Moments.of(batch).merged(others)
    std = np.sqrt(moments.variance)
"""

from dataclasses import dataclass

import numpy as np

EPSILON = 1e-8
"""Added to variances."""


@dataclass(frozen=True)
class Moments:
    """Of numbers of one shape."""

    count: float
    mean: np.ndarray
    squares: np.ndarray
    """The sum of squared distances from the mean."""

    @classmethod
    def of(cls, numbers: np.ndarray) -> "Moments":
        """Of `[N, *shape]`."""
        numbers = numbers.astype(np.float64)
        if len(numbers) == 0:
            return cls.none(numbers.shape[1:])
        mean = numbers.mean(axis=0)
        return cls(float(len(numbers)), mean, np.square(numbers - mean).sum(axis=0))

    @classmethod
    def none(cls, shape: tuple[int, ...]) -> "Moments":
        """Of no numbers."""
        return cls(0.0, np.zeros(shape), np.zeros(shape))

    def merged(self, other: "Moments") -> "Moments":
        """Of the numbers of both."""
        count = self.count + other.count
        if count == 0:
            return self
        share = other.count / count
        distance = other.mean - self.mean
        squares = self.squares + other.squares + np.square(distance) * self.count * share
        return Moments(count, self.mean + distance * share, squares)

    @property
    def variance(self) -> np.ndarray:
        """1 where there are no two numbers."""
        return self.squares / self.count if self.count > 1 else np.ones_like(self.squares)


@dataclass(frozen=True)
class Statistics:
    """What a run normalises, and how its statistics are kept.

    They stand in two forms. A row of float64, `[row_size]`, has the moments: each worker has its own, and a checkpoint
    all of them merged. A vector of float32, `[size]`, is what a policy normalises with: means and reciprocal standard
    deviations of observations, and the standard deviation of returns. A Snapshot holds it.
    """

    normalized: tuple[bool, ...] = ()
    """Which numbers of a packed observation are; empty where none is."""
    rewards: bool = False

    @property
    def size(self) -> int:
        return 2 * len(self.normalized) + self.rewards

    @property
    def row_size(self) -> int:
        return (1 + 2 * len(self.normalized) if self.normalized else 0) + 3 * self.rewards

    def fits(self, row: np.ndarray) -> bool:
        """Whether it can be a row of these statistics: of their size, nothing counted or squared below 0."""
        if row.shape != (self.row_size,):
            return False
        return all(m.count >= 0 and (m.squares >= 0).all() for m in self._moments(row))

    def fits_vector(self, vector: np.ndarray) -> bool:
        """Whether it can be a vector of these statistics: of their size, and no standard deviation 0 or below."""
        return vector.shape == (self.size,) and bool((vector[len(self.normalized) :] > 0).all())

    def row(self, observations: Moments | None, returns: Moments | None) -> np.ndarray:
        """The row of these moments; None for what is not normalised."""
        moments = [m for m in (observations, returns) if m is not None]
        return np.concatenate([np.empty(0), *(np.hstack([m.count, m.mean, m.squares]) for m in moments)])

    def merged(self, rows: np.ndarray) -> np.ndarray:
        """Several rows `[n, row_size]` as one, in this order."""
        merged = self._moments(rows[0])
        for row in rows[1:]:
            merged = [m.merged(other) for m, other in zip(merged, self._moments(row), strict=True)]
        return np.concatenate([np.empty(0), *(np.hstack([m.count, m.mean, m.squares]) for m in merged)])

    def vector(self, row: np.ndarray) -> np.ndarray:
        """What a policy normalises with, from a row."""
        parts, moments = [], self._moments(row)
        if self.normalized:
            observations = moments.pop(0)
            parts += [
                np.where(self.normalized, observations.mean, 0.0),
                np.where(self.normalized, 1.0 / np.sqrt(observations.variance + EPSILON), 1.0),
            ]
        if self.rewards:
            parts.append(np.sqrt(moments.pop().variance + EPSILON))
        return np.concatenate([np.empty(0), *parts]).astype(np.float32)

    @property
    def first_vector(self) -> np.ndarray:
        """What a policy normalises with before anything was seen: nothing is changed by it."""
        return self.vector(np.zeros(self.row_size))

    def _moments(self, row: np.ndarray) -> list[Moments]:
        sizes = [len(self.normalized)] * bool(self.normalized) + [1] * self.rewards
        moments = []
        for size in sizes:
            moments.append(Moments(float(row[0]), row[1 : 1 + size], row[1 + size : 1 + 2 * size]))
            row = row[1 + 2 * size :]
        return moments
