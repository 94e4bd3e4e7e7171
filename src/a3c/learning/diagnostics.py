"""What a gradient says of itself."""

import math

import numpy as np

from a3c.errors import TrainingDiverged

DIAGNOSTICS = ("loss", "policy_loss", "value_loss", "entropy", "gradient_norm", "explained_variance")
"""Their names, in the order in which a gradient gives them."""


def norm_of(diagnostics: np.ndarray) -> float:
    """The gradient's."""
    return float(diagnostics[DIAGNOSTICS.index("gradient_norm")])


def check_norm(norm: float) -> None:
    """Raises TrainingDiverged rather than let a gradient that is not a number reach everyone's parameters."""
    if not math.isfinite(norm):
        raise TrainingDiverged(
            "the gradient is no longer finite: lower `learning_rate`, or scale the rewards down with `reward_scale`"
        )


def check_change(change: np.ndarray) -> None:
    """Raises TrainingDiverged where an optimizer's change to parameters and state is not finite."""
    # One pass without an array of truths; what overflows in it has diverged too.
    with np.errstate(all="ignore"):
        total = change.sum()
    if not math.isfinite(total):
        raise TrainingDiverged(
            "the optimizer's step is no longer finite: lower `learning_rate`, or clip gradients with "
            "`max_gradient_norm`"
        )
