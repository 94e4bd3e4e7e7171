"""What a policy would do, for people: probabilities, or mean and deviation in the environment's units.

In use, inside `agent.distribution(observation)`:

    distribution, values = policy.distribution(snapshot, observations)
    described = describe(policy.actions, distribution, values, unit, single)
"""

from dataclasses import dataclass
from typing import Any, TypeAlias

import jax
import numpy as np

from a3c.learning.distributions import Bernoulli, Categorical, EpsilonGreedy, MultiCategorical
from a3c.learning.gaussians import NODES, WEIGHTS, Gaussian, SquashedGaussian
from a3c.networks.actions import Actions, BoxActions, DiscreteActions
from a3c.networks.hybrid_actions import HybridActions

# Of a Dict or Tuple they have the form of the action space, which no checker knows.
Probabilities: TypeAlias = np.ndarray | tuple[Any, ...] | dict[str, Any] | None
Numbers: TypeAlias = np.ndarray | tuple[Any, ...] | dict[str, Any] | None


@dataclass(frozen=True)
class ActionDistribution:
    """What a policy draws its action from after one observation; after a batch everything has an axis `[B]` before it.

    It is what `predict(deterministic=False)` draws from. What a kind of action space does not have is None. Of a Dict
    or Tuple of actions there is a dictionary or tuple of each part's: `probabilities["lever"]`, `mean["force"]`.
    """

    action: Any
    """The most probable action, as `predict(deterministic=True)` gives it."""
    probabilities: Probabilities
    """Discrete: of each action, `[n]`, of which the first is the space's `start`. MultiDiscrete: such an array for each
    of its choices. MultiBinary: of each bit being 1, of the space's shape."""
    mean: Numbers
    """Box: in the environment's units, before numbers are clipped to the bounds; of the space's shape."""
    std: Numbers
    """Box: the standard deviation, likewise."""
    entropy: float | np.ndarray
    """In nats, as `metrics.csv` has it: of a Box the differential one, in units of which -1 and 1 are its bounds. Of
    several parts the sum."""
    value: float | np.ndarray
    """The discounted return that is expected, as `agent.value` gives it."""
    action_values: np.ndarray | None
    """With an algorithm that learns them: those of all actions, `[n]`, in the same units."""


def describe(actions: Actions, distribution: Any, values: np.ndarray, unit: float, single: bool) -> ActionDistribution:
    """A batch's distribution, or that of a `single` observation; values are in deviations of `unit`."""
    distribution = jax.tree.map(np.asarray, distribution)
    if isinstance(actions, HybridActions):
        parts = zip(actions.parts.values(), distribution.distributions, strict=True)
        columns = zip(*(_said(part, its) for part, its in parts), strict=True)
        probabilities, mean, std = map(actions.in_form, columns)
    else:
        probabilities, mean, std = _said(actions, distribution)
    found = {
        "action": actions.to_environment(np.asarray(distribution.mode(), actions.dtype)),
        "probabilities": probabilities,
        "mean": mean,
        "std": std,
        "entropy": np.asarray(distribution.entropy()),
        "value": np.asarray(values) * unit,
        "action_values": distribution.values * unit if isinstance(distribution, EpsilonGreedy) else None,
    }
    if single:
        found = jax.tree.map(lambda batch: batch[0], found)
        found |= {name: float(found[name]) for name in ("entropy", "value")}
    return ActionDistribution(**found)


def _said(actions: DiscreteActions | BoxActions, distribution: Any) -> tuple[Any, Any, Any]:
    """Probabilities, mean and standard deviation, None where there are none."""
    return _probabilities(actions, distribution), *_moments(actions, distribution)


def _probabilities(actions: Actions, distribution: Any) -> np.ndarray | tuple[np.ndarray, ...] | None:
    if isinstance(distribution, Categorical | EpsilonGreedy):
        return np.exp(distribution.log_probs)
    if isinstance(distribution, MultiCategorical):
        choices = np.exp(np.asarray(distribution.choices.log_probs))
        return tuple(choices[:, i, :count] for i, count in enumerate(distribution.counts))
    if isinstance(distribution, Bernoulli):
        return np.asarray(jax.nn.sigmoid(distribution.logits)).reshape(-1, *(actions.space.shape or ()))
    return None


def _moments(actions: Actions, distribution: Any) -> tuple[np.ndarray | None, np.ndarray | None]:
    """Mean and standard deviation in the environment's units."""
    if not isinstance(distribution, Gaussian):
        return None, None
    assert isinstance(actions, BoxActions)
    mean, std = np.asarray(distribution.mean), np.exp(np.asarray(distribution.log_std))
    if isinstance(distribution, SquashedGaussian):
        # As there is no formula for those after tanh.
        numbers = np.tanh(mean[..., None] + std[..., None] * NODES)
        mean = numbers @ WEIGHTS
        std = np.sqrt(np.square(numbers - mean[..., None]) @ WEIGHTS)
    return actions.in_units(mean), actions.in_units(std, spread=True)
