"""Inputs: what a network is given of a packed observation (`environments/observations.py`).

A Box is an array of its shape; bytes are scaled, `(byte - pixel_mean) / pixel_std`. A Discrete is one-hot, `[n]`; a
MultiDiscrete the one-hots of its choices in a row; a MultiBinary its bits. A Dict is a dictionary of these, and a Tuple
a tuple.
"""

from typing import Any

import gymnasium
import jax
import jax.numpy as jnp
import numpy as np
from gymnasium.spaces import Box, Dict, Discrete, MultiDiscrete, Tuple

from a3c.environments.observations import Observations, size_of


def network_input(space: gymnasium.Space, packed: jax.Array, pixel_mean: float, pixel_std: float) -> Any:
    """The input of one observation, inside jit; `packed` is `[*shape]`."""
    inputs, used = _input(space, packed.reshape(-1), pixel_mean, pixel_std)
    assert used == packed.size
    return inputs


def _input(space: gymnasium.Space, numbers: jax.Array, mean: float, std: float) -> tuple[Any, int]:
    """The input of what these numbers begin with, and how many numbers that is."""
    if isinstance(space, Dict | Tuple):
        inputs, used = [], 0
        for inner in space.spaces.values() if isinstance(space, Dict) else space.spaces:
            part, size = _input(inner, numbers[used:], mean, std)
            inputs.append(part)
            used += size
        return (dict(zip(space.spaces, inputs, strict=True)) if isinstance(space, Dict) else tuple(inputs)), used
    size = size_of(space)
    values = numbers[:size]
    if isinstance(space, Discrete):
        return jax.nn.one_hot(values[0].astype(jnp.int32), int(space.n)), size
    if isinstance(space, MultiDiscrete):
        rows = [jax.nn.one_hot(values[i].astype(jnp.int32), int(n)) for i, n in enumerate(space.nvec.ravel())]
        return jnp.concatenate(rows), size
    values = values.astype(jnp.float32)
    if isinstance(space, Box):
        if space.dtype == np.uint8:
            values = (values - mean) / std
        values = values.reshape(space.shape)
    return values, size


def input_shapes(space: gymnasium.Space) -> Any:
    """Shapes of the input of one observation, each a ShapeDtypeStruct."""
    packed = jax.ShapeDtypeStruct(Observations(space).shape, jnp.float32)
    return jax.eval_shape(lambda packed: network_input(space, packed, 0.0, 1.0), packed)


def input_size(space: gymnasium.Space) -> int:
    """Numbers that a network is given of a part of an observation."""
    if isinstance(space, Discrete):
        return int(space.n)
    return int(space.nvec.sum()) if isinstance(space, MultiDiscrete) else size_of(space)
