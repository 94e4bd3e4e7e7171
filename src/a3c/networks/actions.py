"""Actions: what each kind of action space asks of a policy, and how a policy's actions become the environment's.

In use:

    actions = make_actions(action_space, config, features)
    distribution = actions.distribution(outputs, features, log_std)     # inside jit; outputs are the network's
    action = distribution.sample(actions.noise(generator, (B,)))
    environments.step(actions.to_environment(action))                   # always inside the space
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import gymnasium
import jax.numpy as jnp
import numpy as np
from gymnasium import spaces
from jaxtyping import ArrayLike, Bool, Float

from a3c.algorithm.builtin import BUILT_IN
from a3c.config import TrainConfig
from a3c.config.learning import ContinuousSettings
from a3c.config.setting import changed, names_of
from a3c.environments.masks import choose_valid, mask_counts
from a3c.environments.spaces import in_a_line, ordinary_parts
from a3c.errors import SettingsError, UnsupportedSpace
from a3c.learning.arrays import AnyArray
from a3c.learning.distributions import Bernoulli, Categorical, EpsilonGreedy, MultiCategorical
from a3c.learning.gaussians import Gaussian, SquashedGaussian, StateNoiseGaussian
from a3c.networks.hybrid_actions import HybridActions

SMALLEST_LOG_STD, LARGEST_LOG_STD = -5.0, 2.0
"""Between these a network's logarithms of standard deviations are kept."""

CLOSEST = 0.999
"""To bounds of -1 and 1, of an action whose number before tanh is asked for: at a bound there is none."""

LOG_STD = {"learned": 0.0, "state": 0.0, "gsde": -2.0}
"""Where they start, unless `log_std` says otherwise."""


class OneKind:
    """Actions of one kind, which are no Dict or Tuple: they are their own only part. See HybridActions."""

    @property
    def parts(self) -> "dict[tuple, DiscreteActions | BoxActions]":
        return {(): self}  # type: ignore[dict-item]

    def each(self, actions: Any) -> list[Any]:
        return [actions]

    def one_noise(self, each: Sequence[Any]) -> Any:
        (noise,) = each
        return noise


@dataclass(frozen=True)
class DiscreteActions(OneKind):
    """One of n; a Discrete space."""

    space: spaces.Discrete
    shape: tuple[int, ...] = ()
    noise_shape: tuple[int, ...] = ()
    dtype = np.dtype(np.int64)
    initial_log_std = None
    played_epsilon = 0.0
    """Share of uniformly random actions where actions are drawn to be played."""
    held_noise = True
    """Which numbers of the noise `hold_noise` holds: all, or those where an array `[*noise_shape]` says so."""

    @property
    def outputs(self) -> int:
        """Numbers that the network gives for one observation."""
        return int(self.space.n)

    @property
    def description(self) -> str:
        """The distribution, for people."""
        return f"Categorical over {self.outputs}"

    def distribution(
        self,
        outputs: Float[AnyArray, "*B outputs"],
        features: AnyArray,
        log_std: None,
        masks: Bool[AnyArray, "*B outputs"] | None = None,
    ) -> Categorical:
        """`masks` say which actions are valid (`environments/masks.py`)."""
        return Categorical(outputs, masks)

    def explore(self, distribution: Any, epsilon: Float[ArrayLike, "..."]) -> Any:
        """The distribution with uniformly random actions mixed in, with probability `epsilon` `[...]`."""
        return distribution.mix_uniform(epsilon)

    def noise(self, generator: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
        """What distributions sample actions of a batch `shape` from."""
        return generator.random((*shape, *self.noise_shape), np.float32)

    def random(self, generator: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
        """Uniformly random actions, of a batch `shape`."""
        return generator.integers(self.space.n, size=shape)

    def choose(self, noise: np.ndarray, masks: np.ndarray) -> np.ndarray:
        """Uniformly random valid actions, from `noise` of the same batch as the masks `[..., outputs]`."""
        counts = mask_counts(self.space)
        chosen = choose_valid(noise.reshape(*masks.shape[:-1], len(counts)), masks, counts)
        return chosen.reshape(noise.shape)

    def to_environment(self, actions: np.ndarray) -> np.ndarray:
        """The environment's form of a batch of actions `[B, *shape]`."""
        return actions + self.space.start if self.space.start else actions

    def from_environment(self, actions: np.ndarray) -> np.ndarray:
        """The inverse of `to_environment`."""
        return (actions - getattr(self.space, "start", 0)).reshape(len(actions), *self.shape).astype(self.dtype)


@dataclass(frozen=True)
class ValuedActions(DiscreteActions):
    """One of n, each with a value; a Discrete space. The best is taken, but for what is explored."""

    # As the agents of Mnih et al. 2015 were evaluated.
    played_epsilon = 0.05

    @property
    def description(self) -> str:
        return f"the best of {self.outputs} action values"

    def distribution(  # type: ignore[override]
        self,
        outputs: Float[AnyArray, "*B outputs"],
        features: AnyArray,
        log_std: None,
        masks: Bool[AnyArray, "*B outputs"] | None = None,
    ) -> EpsilonGreedy:
        return EpsilonGreedy(outputs, mask=masks)


@dataclass(frozen=True)
class MultiDiscreteActions(DiscreteActions):
    """One of n_i for every i; a MultiDiscrete space of any shape, flat in here."""

    space: spaces.MultiDiscrete  # type: ignore[assignment]

    @property
    def outputs(self) -> int:
        return int(self.space.nvec.sum())

    @property
    def description(self) -> str:
        return f"independent Categoricals over {', '.join(map(str, self.space.nvec.ravel()))}"

    def distribution(  # type: ignore[override]
        self,
        outputs: Float[AnyArray, "*B outputs"],
        features: AnyArray,
        log_std: None,
        masks: Bool[AnyArray, "*B outputs"] | None = None,
    ) -> MultiCategorical:
        return MultiCategorical(outputs, mask_counts(self.space), masks)

    def random(self, generator: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
        return generator.integers(self.space.nvec.ravel(), size=(*shape, *self.shape))

    def to_environment(self, actions: np.ndarray) -> np.ndarray:
        return (actions.reshape(len(actions), *self.space.shape) + self.space.start).astype(self.space.dtype)


@dataclass(frozen=True)
class MultiBinaryActions(DiscreteActions):
    """Bits; a MultiBinary space of any shape, flat in here."""

    space: spaces.MultiBinary  # type: ignore[assignment]

    @property
    def outputs(self) -> int:
        return self.shape[0]

    @property
    def description(self) -> str:
        return f"{self.outputs} independent Bernoullis"

    def distribution(self, outputs: Float[AnyArray, "*B outputs"], features: AnyArray, log_std: None) -> Bernoulli:  # type: ignore[override]
        return Bernoulli(outputs)

    def random(self, generator: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
        return generator.integers(2, size=(*shape, *self.shape))

    def to_environment(self, actions: np.ndarray) -> np.ndarray:
        return actions.reshape(len(actions), *self.space.shape).astype(self.space.dtype)


class BoxActions(OneKind):
    """Numbers; a Box of any shape, flat in here.

    In here -1 and 1 stand for the bounds of a bounded dimension; others are as they are. What lies beyond the bounds is
    clipped where it goes to the environment only: the policy learns from what it gave (`action_bounds` clip). Or there
    is no beyond, as it is the tanh of what the policy gave (`action_bounds` tanh).
    """

    dtype = np.dtype(np.float32)
    played_epsilon = 0.0
    held_noise = True

    def __init__(self, space: spaces.Box, config: ContinuousSettings, features: int):
        self._low, self._high = space.low.ravel().astype(np.float64), space.high.ravel().astype(np.float64)
        self._bounded = np.isfinite(self._low) & np.isfinite(self._high)
        self.space, self.tanh, self._std = space, config.action_bounds == "tanh", config.action_std
        if self.tanh and not self._bounded.all():
            raise SettingsError(
                f"`action_bounds` tanh needs bounds, which the actions {in_a_line(space)} lack: use clip"
            )
        self.shape = self._low.shape
        size = self._low.size
        self.outputs = size * (2 if self._std == "state" else 1)
        self.noise_shape = (features, size) if self._std == "gsde" else (size,)
        self._log_std = LOG_STD[self._std] if config.log_std is None else config.log_std
        self.initial_log_std = None if self._std == "state" else np.full(self.noise_shape, self._log_std, np.float32)
        """Logarithms of standard deviations, where they are parameters of their own."""

    @property
    def description(self) -> str:
        """The distribution, for people."""
        stds = {"learned": "learned", "state": "of the state", "gsde": "of the state, smooth (gSDE)"}
        bounds = "squashed by tanh" if self.tanh else "clipped to bounds" if self._bounded.any() else "no bounds"
        numbers = f"{self._low.size} number{'s' if self._low.size != 1 else ''}"
        return f"Gaussian of {numbers}, standard deviation {stds[self._std]}, {bounds}"

    def distribution(self, outputs: Float[AnyArray, "*B outputs"], features: AnyArray, log_std: Any) -> Gaussian:
        if self._std == "gsde":
            return StateNoiseGaussian(outputs, features, log_std)
        if self._std == "state":
            outputs, log_std = jnp.split(outputs, 2, axis=-1)
            log_std = jnp.clip(self._log_std + log_std, SMALLEST_LOG_STD, LARGEST_LOG_STD)
        gaussian = SquashedGaussian if self.tanh else Gaussian
        return gaussian(outputs, jnp.broadcast_to(log_std, outputs.shape))

    def explore(self, distribution: Gaussian, epsilon: Float[ArrayLike, "..."]) -> Gaussian:
        """As it is: where there are no bounds, there is no uniform distribution."""
        return distribution

    def noise(self, generator: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
        return generator.standard_normal((*shape, *self.noise_shape), np.float32)

    def random(self, generator: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
        """Uniform between bounds; standard normal numbers where there are none."""
        uniform = generator.uniform(-1, 1, (*shape, *self.shape))
        actions = np.where(self._bounded, uniform, generator.standard_normal(uniform.shape)).astype(np.float32)
        return np.arctanh(actions) if self.tanh else actions

    def to_environment(self, actions: np.ndarray) -> np.ndarray:
        actions = np.asarray(actions, np.float64)
        if self.tanh:
            actions = np.tanh(actions)
        actions = np.clip(self._scaled(actions), self._low, self._high)
        if np.issubdtype(self.space.dtype, np.integer):
            actions = np.rint(actions)
        return actions.astype(self.space.dtype).reshape(len(actions), *self.space.shape)

    def from_environment(self, actions: np.ndarray) -> np.ndarray:
        """The inverse of `to_environment`, for actions within the bounds; before tanh those at a bound are near it."""
        actions = actions.reshape(len(actions), -1).astype(np.float64)
        span = np.where(self._bounded & (self._high > self._low), self._high - self._low, 1.0)
        actions = np.where(self._bounded, (actions - np.where(self._bounded, self._low, 0.0)) / span * 2 - 1, actions)
        if self.tanh:
            actions = np.arctanh(np.clip(actions, -CLOSEST, CLOSEST))
        return actions.astype(self.dtype)

    def in_units(self, numbers: np.ndarray, spread: bool = False) -> np.ndarray:
        """Numbers `[B, *shape]` in the environment's units, whatever its bounds; or the `spread` of such numbers."""
        scaled = self._scaled(numbers) - (self._scaled(np.zeros_like(numbers)) if spread else 0.0)
        return scaled.astype(np.float32).reshape(len(numbers), *self.space.shape)

    def _scaled(self, actions: np.ndarray) -> np.ndarray:
        with np.errstate(invalid="ignore"):
            middle = self._low + (actions + 1.0) / 2.0 * (self._high - self._low)
        return np.where(self._bounded, middle, actions)


Actions = DiscreteActions | BoxActions | HybridActions


def make_actions(space: gymnasium.Space, config: TrainConfig, features: int) -> Actions:
    """For a space, and a network with so many features.

    Raises UnsupportedSpace, and SettingsError for settings that don't go with the space.
    """
    if config.algorithm.network == "action_values":
        if isinstance(space, spaces.Discrete):
            return ValuedActions(space)
        policies = [name for name, one in BUILT_IN.items() if one.network == "policy" and one.learns != "nowhere"]
        raise UnsupportedSpace(
            f"{config.algorithm} learns a value for each action of a Discrete space, and these are "
            f"{in_a_line(space)}: use {', '.join(policies)}"
        )
    parts = ordinary_parts(space, "action")
    continuous = [isinstance(part, spaces.Box) for part in parts.values()]
    if config.epsilon and all(continuous):
        raise SettingsError("`epsilon` is for discrete actions: explore with `log_std`, `action_std` instead")
    if not any(continuous) and (wrong := changed(config, names_of(ContinuousSettings))):
        raise SettingsError(f"`{wrong[0]}` is for continuous actions, but these are {in_a_line(space)}: leave it out")
    made = {path: _of_one_kind(part, config, features) for path, part in parts.items()}
    return HybridActions(space, made) if isinstance(space, spaces.Dict | spaces.Tuple) else made[()]


def _of_one_kind(space: gymnasium.Space, config: TrainConfig, features: int) -> DiscreteActions | BoxActions:
    if isinstance(space, spaces.Box):
        return BoxActions(space, config, features)
    if isinstance(space, spaces.Discrete):
        return DiscreteActions(space)
    if isinstance(space, spaces.MultiDiscrete):
        return MultiDiscreteActions(space, (space.nvec.size,), (space.nvec.size,))
    assert isinstance(space, spaces.MultiBinary)
    size = int(np.prod(space.shape))
    return MultiBinaryActions(space, (size,), (size,))
