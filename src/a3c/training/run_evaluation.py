"""What an evaluation of a run came to."""

from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from a3c.config.evaluating import Way

Purpose = Literal["interval", "candidate", "confirmation", "final"]
"""Why something was evaluated: as it was time; as training's mean was better than ever; as it had reached the target;
as it is the best of the run."""


@dataclass(frozen=True)
class RunEvaluation:
    """Whole episodes that the policy of a run played, as it was at one moment: a row of `evaluations.csv`."""

    step: int
    """Of the run, at which the policy was so."""
    seconds: float
    """When the episodes had been played."""
    version: int
    """The updates behind the policy."""
    purpose: Purpose
    policy: Way
    returns: list[float] = field(repr=False)
    """Undiscounted, in the environment's own units."""
    lengths: list[int] = field(repr=False)
    cut: int
    """How many of them were cut, as they did not end."""

    @property
    def mean(self) -> float:
        return float(np.mean(self.returns))

    @property
    def std(self) -> float:
        return float(np.std(self.returns))

    @property
    def standard_error(self) -> float:
        """Of the mean."""
        return float(np.std(self.returns, ddof=min(1, len(self.returns) - 1)) / len(self.returns) ** 0.5)

    def reaches(self, target: float) -> bool:
        """Whether its mean, less one standard error, is that at least."""
        return self.mean - self.standard_error >= target

    @property
    def row(self) -> dict[str, Any]:
        """Of `evaluations.csv`."""
        return {
            "step": self.step,
            "seconds": round(self.seconds, 3),
            "version": self.version,
            "purpose": self.purpose,
            "policy": self.policy,
            "mean": self.mean,
            "std": self.std,
            "min": min(self.returns),
            "max": max(self.returns),
            "episodes": len(self.returns),
            "length_mean": float(np.mean(self.lengths)),
            "cut": self.cut,
        }
