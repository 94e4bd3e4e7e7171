"""What an evaluation of a run came to."""

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from a3c.config.evaluating import Way
from a3c.environments.tracking import NAMED
from a3c.rollout.episodes import WholeEpisodes

Purpose = Literal["interval", "candidate", "confirmation", "final"]
"""Why something was evaluated: as it was time; as training's mean was better than ever; as it had reached the target;
as it is the best of the run."""


@dataclass(frozen=True, kw_only=True)
class RunEvaluation(WholeEpisodes):
    """Whole episodes that the policy of a run played, as it was at one moment: a row of `evaluations.csv`."""

    step: int
    """Of the run, at which the policy was so."""
    seconds: float
    """When the episodes had been played."""
    version: int
    """The updates behind the policy."""
    purpose: Purpose
    policy: Way

    @property
    def standard_error(self) -> float:
        """Of the mean."""
        return float(np.std(self.returns, ddof=min(1, len(self.returns) - 1)) / len(self.returns) ** 0.5)

    def exceeds(self, other: "RunEvaluation") -> bool:
        """Whether its mean is above the other's by more than chance: one standard error of the difference."""
        return self.mean - other.mean > float(np.hypot(self.standard_error, other.standard_error))

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
            **{f"{NAMED}{key}": mean for key, mean in self.info_means.items()},
        }
