"""The returns and lengths of episodes; in training they go on from segment to segment."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np


class Episode(NamedTuple):
    """A finished episode: the environment's own undiscounted return, before any change to rewards, and its steps."""

    return_: float
    length: int


@dataclass(frozen=True)
class WholeEpisodes:
    """Whole episodes that a fixed policy played, which are not learned from."""

    returns: list[float] = field(repr=False)
    """Undiscounted, in the environment's own units."""
    lengths: list[int] = field(repr=False)
    """In steps."""
    cut: int = 0
    """How many of them were cut, as they did not end: their returns are those until then."""
    info: Mapping[str, list[float]] = field(default_factory=dict, repr=False)
    """By the keys of `track_info`, what the environment's info said at the last step of each; nan where it said
    nothing."""

    @property
    def mean(self) -> float:
        return float(np.mean(self.returns))

    @property
    def info_means(self) -> dict[str, float | None]:
        """By the keys of `track_info`, the mean over the episodes of which info said anything; None where there are
        none."""
        return {key: mean_of(values) for key, values in self.info.items()}

    @property
    def std(self) -> float:
        return float(np.std(self.returns))


def mean_of(values: Iterable[float]) -> float | None:
    """Without those that are nan; None where there are no others."""
    there = [value for value in values if not math.isnan(value)]
    return sum(there) / len(there) if there else None


class OpenEpisodes:
    """The episodes that are under way in a batch of environments: their returns and lengths until now."""

    def __init__(self, environments: int):
        self._returns = np.zeros(environments)
        self._lengths = np.zeros(environments, np.int64)

    def finished(self, rewards: np.ndarray, mask: np.ndarray, done: np.ndarray) -> list[Episode]:
        """The episodes that ended in the next rows `[T, B]`, in the order they ended."""
        returns = self._returns + np.cumsum(np.where(mask, rewards, 0.0), axis=0)
        lengths = self._lengths + np.cumsum(mask, axis=0)
        # What the sums held when the episode before ended, in each environment.
        returns_before, lengths_before = np.zeros_like(returns[0]), np.zeros_like(lengths[0])
        episodes: list[Episode] = []
        for t in np.flatnonzero(done.any(axis=1)):
            ended = done[t]
            new = zip((returns[t] - returns_before)[ended], (lengths[t] - lengths_before)[ended], strict=True)
            episodes += [Episode(float(return_), int(length)) for return_, length in new]
            returns_before[ended], lengths_before[ended] = returns[t, ended], lengths[t, ended]
        self._returns, self._lengths = returns[-1] - returns_before, lengths[-1] - lengths_before
        return episodes
