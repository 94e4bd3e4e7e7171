"""What is wrong, or worth a remark, in what the environments of a worker give: looked at a segment at a time.

In use:

    checks = Checks(config, observations, first)        # the first observations `[B, *shape]`
    checks.finite("reward", rewards, first_step)        # raises InvalidEnvironment
    checks.look(observations, first_step)
    remarks = checks.take_remarks()
"""

import numpy as np

from a3c.config import TrainConfig
from a3c.environments.observations import Observations
from a3c.errors import InvalidEnvironment
from a3c.networks.readings import raw_numbers
from a3c.rollout.reach import Reach

TOLERANCE = 1e-3
"""How far beyond its bounds, as a part of what lies between them, an observation still is one that was rounded."""


class Checks:
    """Looks at numbers `[T, B, ...]`, whose row 0 is that of a `first_step`."""

    def __init__(self, config: TrainConfig, observations: Observations, first: np.ndarray):
        self._observations = observations
        self._bounds = _widened(observations.bounds)
        self._reach = Reach(config, observations.space)
        self.remarks: dict[str, str] = {}
        """What people should know of the environments, in a line each by what it is about, until somebody takes it."""
        raw = first.reshape(len(first), -1)[:, raw_numbers(config, observations.space)]
        self.largest_observation = float(np.abs(raw).max(initial=0.0))
        """Of those that the first episodes start with, without its sign."""

    def take_remarks(self) -> dict[str, str]:
        """The new ones, each once."""
        remarks, self.remarks = self.remarks, {}
        return remarks

    def finite(self, name: str, values: np.ndarray, first_step: int) -> None:
        """Raises InvalidEnvironment for a number that is none."""
        if values.dtype.kind == "f" and not np.isfinite(values).all():
            row, index, *place = np.argwhere(~np.isfinite(values))[0]
            raise InvalidEnvironment(
                f"the environment gave {name} {values[row, index, *place]} ({self._which(place)}environment {index} of "
                f"this worker, step {first_step + row}); training needs finite numbers"
            )

    def look(self, observations: np.ndarray, first_step: int) -> None:
        """Remarks, once, on an observation outside its space: known environments leave theirs, and can be learned.

        And on observations that come nowhere near the bounds they are scaled by.
        """
        count = observations.shape[0] * observations.shape[1]
        if remark := self._reach.look(observations.reshape(count, -1), count):
            self.remarks["reach"] = remark
        if self._bounds is None:
            return
        outside = (observations < self._bounds[0]) | (observations > self._bounds[1])
        if outside.any():
            row, index, *place = np.argwhere(outside)[0]
            low, high = (bound[tuple(place)] for bound in self._observations.bounds)  # type: ignore[union-attr]
            self._bounds = None
            self.remarks["bounds"] = (
                f"the environment gave observation {observations[row, index, *place]:g}, outside its bounds {low:g} to "
                f"{high:g} ({self._which(place)}environment {index} of this worker, step {first_step + row}); training "
                "goes on, but correct the space or the observation"
            )

    def _which(self, place: list[int]) -> str:
        """Which number of an observation; nothing for a reward."""
        return f"{self._observations.name(place)}, " if place else ""


def _widened(bounds: tuple[np.ndarray, np.ndarray] | None) -> tuple[np.ndarray, np.ndarray] | None:
    """The bounds with what rounding may add, float32."""
    if bounds is None:
        return None
    low, high = bounds
    margin = TOLERANCE * np.where(np.isfinite(high - low), high - low, 1.0)
    with np.errstate(over="ignore"):
        return (low - margin).astype(np.float32), (high + margin).astype(np.float32)
