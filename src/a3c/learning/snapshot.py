"""A Snapshot: what a policy acts with at one moment of training."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np


def nothing() -> np.ndarray:
    """The statistics of a run that normalises nothing."""
    return np.empty(0, np.float32)


@dataclass(frozen=True, eq=False)
class Snapshot:
    """Workers read it, gradients are computed from it, evaluation plays it, checkpoints hold it; it never changes."""

    parameters: Any
    """`[P]` float32: those of the network. A NumPy array, which nobody can write to, or one on JAX's device."""
    statistics: Any = field(default_factory=nothing)
    """`[S]` float32: what observations and rewards are normalised with (`Statistics.vector`), if they are."""
    version: float = 0
    """The updates that had been applied to the parameters."""

    def __post_init__(self) -> None:
        for name in ("parameters", "statistics"):
            array = getattr(self, name)
            if isinstance(array, np.ndarray) and array.flags.writeable:
                array = array.view()
                array.flags.writeable = False
                object.__setattr__(self, name, array)
