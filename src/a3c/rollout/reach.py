"""Reach: whether observations come near the bounds that they are scaled by.

Symbols 0 to 10 in a space of 0 to 255 are next to nothing to a network, as would be a picture of 0 to 1.

In use:

    reach = Reach(config, space)
    if remark := reach.look(observations, len(observations)):       # packed, [N, *shape], from the first on
"""

import math
from dataclasses import dataclass, field

import gymnasium
import numpy as np

from a3c.config import TrainConfig
from a3c.environments.observations import parts, size_of
from a3c.networks.readings import normalized_numbers, readings

LEAST_SPAN = 32
"""Bounds that are at least so far apart are looked at,"""
NEAR = 1 / 8
"""and observations that take up less than this part of what lies between them are remarked on,"""
LOOKED_AT = 1000
"""once so many were seen."""


@dataclass
class _Part:
    name: str
    places: slice
    low: float
    high: float
    seen: list[float] = field(default_factory=lambda: [math.inf, -math.inf])

    def look(self, numbers: np.ndarray) -> bool:
        """At numbers `[N, size]`; whether they still are far from the bounds."""
        seen = numbers[:, self.places]
        self.seen = [min(self.seen[0], float(seen.min())), max(self.seen[1], float(seen.max()))]
        return self.seen[1] - self.seen[0] < NEAR * (self.high - self.low)


class Reach:
    """Looks at the first observations; at no more as soon as all parts have come near their bounds."""

    def __init__(self, config: TrainConfig, space: gymnasium.Space):
        self._parts: list[_Part] = []
        self._count, start = 0, 0
        normalized = normalized_numbers(config, space)
        for path, reading in readings(config, space).items():
            part = parts(space)[path]
            size = size_of(part)
            # What is normalised is not scaled by bounds.
            if reading.scaling in ("pixels", "bounds") and not normalized[start]:
                low, high = float(part.low.min()), float(part.high.max())  # type: ignore[attr-defined]
                if high - low >= LEAST_SPAN and math.isfinite(high - low):
                    name = "/".join(map(str, path)) or "observations"
                    self._parts.append(_Part(name, slice(start, start + size), low, high))
            start += size

    def look(self, observations: np.ndarray, count: int) -> str | None:
        """At packed observations `[N, ...]`, which are all or the extremes of `count`.

        Once enough were seen, a line on the first part that is far from its bounds.
        """
        if not self._parts:
            return None
        numbers = observations.reshape(len(observations), -1)
        self._count += count
        self._parts = [part for part in self._parts if part.look(numbers)]
        if self._count < LOOKED_AT or not self._parts:
            return None
        part, self._parts = self._parts[0], []
        return (
            f"{part.name} were {part.seen[0]:g} to {part.seen[1]:g} in {self._count:,} steps, but are scaled by their "
            f"bounds {part.low:g} to {part.high:g}, so that little is left of them: give the space the bounds that "
            "they reach, or set `normalize_observations`"
        )
