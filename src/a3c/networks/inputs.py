"""Inputs: what a network is given of a packed observation (`environments/observations.py`).

A Box is an array of its shape; bytes are scaled, `(byte - pixel_mean) / pixel_std`. A Discrete is one-hot, `[n]`; a
MultiDiscrete the one-hots of its choices in a row; a MultiBinary its bits. A Dict is a dictionary of these, and a Tuple
a tuple. That is what a network of the user's own gets. Where `input_scaling` says so, and for the networks here where
it suits the space (`networks/readings.py`), a Box is scaled by its bounds, or one-hot, `[*shape, n]`.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import gymnasium
import jax
import jax.numpy as jnp
import numpy as np
from gymnasium.spaces import Box, Dict, Discrete, MultiDiscrete, Tuple

from a3c.environments.observations import Observations, size_of
from a3c.learning.arrays import AnyArray
from a3c.networks.readings import choices


def network_input(
    space: gymnasium.Space, packed: AnyArray, scalings: Sequence[str], pixel_mean: float, pixel_std: float
) -> Any:
    """The input of one observation, inside jit; `packed` is `[*shape]`, `scalings` are of its parts, in order."""
    inputs, used = _input(space, packed.reshape(-1), iter(scalings), pixel_mean, pixel_std)
    assert used == packed.size
    return inputs


def _input(
    space: gymnasium.Space, numbers: AnyArray, scalings: Iterator[str], mean: float, std: float
) -> tuple[Any, int]:
    """The input of what these numbers begin with, and how many numbers that is."""
    if isinstance(space, Dict | Tuple):
        inputs, used = [], 0
        for inner in space.spaces.values() if isinstance(space, Dict) else space.spaces:
            part, size = _input(inner, numbers[used:], scalings, mean, std)
            inputs.append(part)
            used += size
        return (dict(zip(space.spaces, inputs, strict=True)) if isinstance(space, Dict) else tuple(inputs)), used
    size, scaling = size_of(space), next(scalings)
    values = numbers[:size]
    if isinstance(space, Discrete):
        return jax.nn.one_hot(values[0].astype(jnp.int32), int(space.n)), size
    if isinstance(space, MultiDiscrete):
        return _choices(values.astype(jnp.int32), space.nvec.ravel()), size
    values = values.astype(jnp.float32)
    return (_scaled(values, space, scaling, mean, std) if isinstance(space, Box) else values), size


def _choices(values: AnyArray, numbers: np.ndarray) -> jax.Array:
    """The one-hots of choices in a row; in one piece where all have as many options."""
    if (numbers == numbers[0]).all():
        return jax.nn.one_hot(values, int(numbers[0])).ravel()
    return jnp.concatenate([jax.nn.one_hot(values[i], int(n)) for i, n in enumerate(numbers)])


def _scaled(values: AnyArray, space: Box, scaling: str, mean: float, std: float) -> AnyArray:
    """The numbers of a Box, `[*shape]` or, one-hot, `[*shape, n]`."""
    if scaling == "pixels":
        values = (values - mean) / std
    values = values.reshape(space.shape)
    low = space.low.astype(np.float64)
    if scaling == "bounds":
        span = space.high.astype(np.float64) - low
        # What is always the same is 0.
        values = (values - low.astype(np.float32)) / np.where(span > 0, span, 1.0).astype(np.float32)
    if scaling == "one_hot":
        values = jax.nn.one_hot((values - low.astype(np.float32)).astype(jnp.int32), choices(space))
    return values


def input_shapes(space: gymnasium.Space, scalings: Sequence[str]) -> Any:
    """Shapes of the input of one observation, each a ShapeDtypeStruct."""
    packed = jax.ShapeDtypeStruct(Observations(space).shape, jnp.float32)
    return jax.eval_shape(lambda packed: network_input(space, packed, scalings, 0.0, 1.0), packed)


def input_size(part: gymnasium.Space, scaling: str) -> int:
    """Numbers that a network is given of a part of an observation."""
    if isinstance(part, Discrete):
        return int(part.n)
    if isinstance(part, MultiDiscrete):
        return int(part.nvec.sum())
    return size_of(part) * (choices(part) if scaling == "one_hot" else 1)
