"""The distribution of actions that have parts of several kinds: choices, bits and numbers."""

from collections.abc import Sequence
from itertools import accumulate, pairwise
from math import prod
from typing import Any, NamedTuple

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from a3c.learning.arrays import AnyArray


class Part(NamedTuple):
    """What a part of an action takes in a vector of all parts."""

    shape: tuple[int, ...]
    """Of the part's actions."""
    noise_shape: tuple[int, ...]
    """Of what they are sampled from."""
    chosen: bool
    """Whether they are choices or bits, whole numbers, and no numbers of any size."""


class Joint(eqx.Module):
    """Independent actions, `[..., n]` in one vector of float32, a part after the other; choices as their number.

    Made from the distribution of each part. The probability of independent actions is the product of theirs.
    """

    distributions: list[Any]
    parts: tuple[Part, ...] = eqx.field(static=True)

    def log_prob(self, actions: Float[AnyArray, "... n"]) -> Float[AnyArray, "..."]:
        """The sum over the parts, of probabilities and densities alike."""
        log_probs = [
            distribution.log_prob(jnp.asarray(action, jnp.int32) if part.chosen else action)
            for distribution, part, action in zip(
                self.distributions, self.parts, split(actions, [part.shape for part in self.parts]), strict=True
            )
        ]
        return jnp.sum(jnp.stack(log_probs), axis=0)

    def entropy(self) -> Float[AnyArray, "..."]:
        """In nats, the sum over the parts: that of choices and the differential one of numbers."""
        return jnp.sum(jnp.stack([distribution.entropy() for distribution in self.distributions]), axis=0)

    def mode(self) -> Float[AnyArray, "... n"]:
        """That of each part."""
        return self._together([distribution.mode() for distribution in self.distributions])

    def sample(self, noise: Float[AnyArray, "... m"]) -> Float[AnyArray, "... n"]:
        """From what each part is sampled from, one after the other."""
        each = split(noise, [part.noise_shape for part in self.parts])
        return self._together([one.sample(its) for one, its in zip(self.distributions, each, strict=True)])

    def _together(self, actions: list[AnyArray]) -> Float[Array, "... n"]:
        shapes = [part.shape for part in self.parts]
        rows = [jnp.asarray(flat(action, shape), jnp.float32) for action, shape in zip(actions, shapes, strict=True)]
        return jnp.concatenate(rows, axis=-1)


def split(vectors: Any, shapes: Sequence[tuple[int, ...]]) -> list[Any]:
    """The arrays `[..., *shape]` that lie one after the other in vectors `[..., n]`."""
    ends = accumulate(map(prod, shapes), initial=0)
    return [
        vectors[..., start:stop].reshape((*vectors.shape[:-1], *shape))
        for (start, stop), shape in zip(pairwise(ends), shapes, strict=True)
    ]


def flat(array: Any, shape: tuple[int, ...]) -> Any:
    """An array `[..., *shape]` as vectors `[..., n]`."""
    return array.reshape((*array.shape[: array.ndim - len(shape)], prod(shape)))
