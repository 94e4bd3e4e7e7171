"""What a policy would do, for people: probabilities, or mean and deviation in the environment's units.

In use, inside `agent.distribution(observation)`:

    distribution, values = policy.distribution(snapshot, observations)
    described = describe(policy.actions, distribution, values, unit, single)
"""

from dataclasses import dataclass
from typing import Any

import jax
import numpy as np

from a3c.learning.distributions import Bernoulli, Categorical, EpsilonGreedy, MultiCategorical
from a3c.learning.gaussians import NODES, WEIGHTS, Gaussian, SquashedGaussian
from a3c.networks.actions import Actions, BoxActions


@dataclass(frozen=True)
class ActionDistribution:
    """What a policy draws its action from after one observation; after a batch everything has an axis `[B]` before it.

    It is what `predict(deterministic=False)` draws from. What a kind of action space does not have is None.
    """

    action: np.ndarray | np.integer
    """The most probable action, as `predict(deterministic=True)` gives it."""
    probabilities: np.ndarray | tuple[np.ndarray, ...] | None
    """Discrete: of each action, `[n]`, of which the first is the space's `start`. MultiDiscrete: such an array for each
    of its choices. MultiBinary: of each bit being 1, of the space's shape."""
    mean: np.ndarray | None
    """Box: in the environment's units, before numbers are clipped to the bounds; of the space's shape."""
    std: np.ndarray | None
    """Box: the standard deviation, likewise."""
    entropy: float | np.ndarray
    """In nats, as `metrics.csv` has it: of a Box the differential one, in units of which -1 and 1 are its bounds."""
    value: float | np.ndarray
    """The discounted return that is expected, as `agent.value` gives it."""
    action_values: np.ndarray | None
    """With an algorithm that learns them: those of all actions, `[n]`, in the same units."""


def describe(actions: Actions, distribution: Any, values: np.ndarray, unit: float, single: bool) -> ActionDistribution:
    """A batch's distribution, or that of a `single` observation; values are in deviations of `unit`."""
    distribution = jax.tree.map(np.asarray, distribution)
    mean, std = _moments(actions, distribution)
    found = {
        "action": actions.to_environment(np.asarray(distribution.mode(), actions.dtype)),
        "probabilities": _probabilities(actions, distribution),
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
