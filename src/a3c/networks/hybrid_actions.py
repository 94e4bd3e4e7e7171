"""Hybrid actions: those of a Dict or Tuple space, of parts that are choices, bits and numbers.

In use:

    make_actions(Dict(lever=Discrete(3), force=Box(-1, 1)), config, features)      gives HybridActions
    environments.step(actions.to_environment(batch))            {"lever": [B], "force": [B]}

The parts are independent given the state: each has its own outputs of the network, of which it makes its own
distribution, and a setting for actions of one kind holds for the parts of that kind.
"""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import gymnasium
import jax.numpy as jnp
import numpy as np
from gymnasium.spaces import Discrete, MultiDiscrete
from jaxtyping import ArrayLike, Float

from a3c.environments.observations import part_of
from a3c.environments.spaces import in_form, joined
from a3c.errors import UnsupportedSpace
from a3c.learning.arrays import AnyArray
from a3c.learning.joint import Joint, Part, flat, split

if TYPE_CHECKING:
    from a3c.networks.actions import BoxActions, DiscreteActions

MOST_CHOICES = 2**24
"""Up to here every whole number is a float32."""


class HybridActions:
    """Actions of several parts; a Dict or Tuple space, also of such spaces. In here they are one vector of float32."""

    dtype = np.dtype(np.float32)
    played_epsilon = 0.0

    def __init__(self, space: gymnasium.Space, parts: "dict[tuple, DiscreteActions | BoxActions]"):
        """`parts` by the keys that lead to each, in the order of the space. Raises UnsupportedSpace."""
        self.space, self.parts = space, parts
        self._actions = list(parts.values())
        for path, part in parts.items():
            if (choices := _choices(part.space)) > MOST_CHOICES:
                raise UnsupportedSpace(
                    f"{joined(path)!r} of the actions has {choices:,} choices, and a part of an action may have "
                    f"{MOST_CHOICES:,}: make a MultiDiscrete of it, with a gymnasium.wrappers.TransformAction of your "
                    "own"
                )
        self._parts = tuple(Part(one.shape, one.noise_shape, one.dtype.kind == "i") for one in self._actions)
        self._shapes = [part.shape for part in self._parts]
        self.shape = (sum(int(np.prod(shape)) for shape in self._shapes),)
        self.noise_shape = (sum(int(np.prod(part.noise_shape)) for part in self._parts),)
        self.outputs = sum(one.outputs for one in self._actions)
        log_stds = [one.initial_log_std for one in self._actions if one.initial_log_std is not None]
        self.initial_log_std = np.concatenate(log_stds, axis=-1) if log_stds else None
        """Logarithms of standard deviations of all numbers, one after the other, where they are parameters."""
        self.held_noise = np.concatenate([np.full(int(np.prod(p.noise_shape)), not p.chosen) for p in self._parts])

    @property
    def description(self) -> str:
        """The distributions, for people."""
        return "; ".join(f"{joined(path)}: {one.description}" for path, one in self.parts.items())

    def distribution(self, outputs: Float[AnyArray, "*B outputs"], features: AnyArray, log_std: Any) -> Joint:
        distributions, numbers = [], 0
        each = split(outputs, [(one.outputs,) for one in self._actions])
        for one, its_outputs in zip(self._actions, each, strict=True):
            its_log_std = None
            if one.initial_log_std is not None:
                its_log_std = log_std[..., numbers : numbers + one.outputs]
                numbers += one.outputs
            distributions.append(one.distribution(its_outputs, features, its_log_std))
        return Joint(distributions, self._parts)

    def explore(self, distribution: Joint, epsilon: Float[ArrayLike, "..."]) -> Joint:
        """Each part of choices or bits, by itself, uniformly random with probability `epsilon`; numbers as they are."""
        each = zip(self._actions, distribution.distributions, strict=True)
        return Joint([one.explore(its, epsilon) for one, its in each], self._parts)

    def noise(self, generator: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
        each = zip(self._actions, self._parts, strict=True)
        return np.concatenate([flat(one.noise(generator, shape), part.noise_shape) for one, part in each], axis=-1)

    def random(self, generator: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
        """Random actions of each part."""
        rows = [flat(one.random(generator, shape), one.shape) for one in self._actions]
        return np.concatenate(rows, axis=-1, dtype=np.float32, casting="unsafe")

    def to_environment(self, actions: np.ndarray) -> Any:
        """In the form of the space, with a batch of each part in its place, as Gymnasium has batches."""
        each = zip(self._actions, self.each(actions), strict=True)
        return self.in_form(one.to_environment(its.astype(one.dtype)) for one, its in each)

    def from_environment(self, actions: Any) -> np.ndarray:
        """The inverse of `to_environment`; see BoxActions."""
        rows = [one.from_environment(np.asarray(part_of(actions, path))) for path, one in self.parts.items()]
        return np.concatenate([row.reshape(len(row), -1) for row in rows], axis=-1, dtype=np.float32, casting="unsafe")

    def each(self, actions: Any) -> list[Any]:
        """Of actions `[B, *shape]` those of each part, `[B, *its shape]`."""
        return split(actions, self._shapes)

    def one_noise(self, each: Sequence[Any]) -> Any:
        """What actions are sampled from, of that of each part."""
        rows = [flat(noise, part.noise_shape) for noise, part in zip(each, self._parts, strict=True)]
        return jnp.concatenate(rows, axis=-1)

    def in_form(self, parts: Iterable[Any]) -> Any:
        """What there is of each part, in the form of the space."""
        return in_form(self.space, iter(parts))


def _choices(space: gymnasium.Space) -> int:
    """Between how many is chosen, at most; 0 where nothing is."""
    if isinstance(space, Discrete):
        return int(space.n)
    return int(space.nvec.max()) if isinstance(space, MultiDiscrete) else 0
