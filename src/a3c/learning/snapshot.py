"""A Snapshot: what a policy acts with at one moment of training."""

from dataclasses import dataclass, field

import numpy as np


def nothing() -> np.ndarray:
    """The statistics of a run that normalises nothing."""
    return np.empty(0, np.float32)


@dataclass(frozen=True, eq=False)
class Snapshot:
    """Workers read it, gradients are computed from it, evaluation plays it, checkpoints hold it; it never changes."""

    parameters: np.ndarray
    """`[P]` float32: those of the network, which nobody can write to. A learner on a GPU has JAX's arrays here."""
    statistics: np.ndarray = field(default_factory=nothing)
    """`[S]` float32: what observations and rewards are normalised with (`Statistics.vector`), if they are."""
    version: float = 0
    """The updates that had been applied to the parameters."""
    target: np.ndarray = field(default_factory=nothing)
    """`[P]` float32: the parameters of a target network, where the algorithm has one."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "parameters", _to_be_read(self.parameters))
        object.__setattr__(self, "statistics", _to_be_read(self.statistics))
        object.__setattr__(self, "target", _to_be_read(self.target))

    @property
    def return_deviation(self) -> np.floating:
        """What rewards are divided by, where they are normalised."""
        return self.statistics[-1]

    @property
    def bootstrap(self) -> "Snapshot":
        """Whose values returns are bootstrapped with: the target network's, where there is one."""
        return Snapshot(self.target, self.statistics, self.version) if self.target.size else self

    def __reduce__(self) -> tuple[type, tuple[np.ndarray, np.ndarray, float, np.ndarray]]:
        """Copies and pickles are made anew: NumPy's arrays would come out of them as arrays that can be written to."""
        return type(self), (self.parameters, self.statistics, self.version, self.target)


def _to_be_read(array: np.ndarray) -> np.ndarray:
    """A view that cannot be written to. JAX's arrays, which have no flags, cannot be anyway."""
    flags = getattr(array, "flags", None)
    if flags is None or not flags.writeable:
        return array
    view = array.view()
    view.flags.writeable = False
    return view
