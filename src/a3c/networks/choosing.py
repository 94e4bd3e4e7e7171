"""Which layers a policy has: those that the readings of its observations ask for."""

from typing import Any

import equinox as eqx
import gymnasium
import jax
import jax.numpy as jnp
import numpy as np
from gymnasium.spaces import Dict, Tuple

from a3c.config import TrainConfig
from a3c.config.network import NetworkSettings
from a3c.environments.observations import part_of, parts
from a3c.errors import SettingsError
from a3c.networks.conv import LAYERS, WIDTHS, ConvNet
from a3c.networks.inputs import input_size
from a3c.networks.mlp import MLP
from a3c.networks.readings import Reading, frame_shape, readings


def make_torso(config: TrainConfig, space: gymnasium.Space, generator: np.random.Generator) -> tuple[eqx.Module, int]:
    """The layers from an observation to features, and how many features. Raises SettingsError where they don't fit."""
    found = readings(config, space)
    if isinstance(space, Dict | Tuple):
        return _make_joined(config, space, found, generator)
    reading = found[()]
    if reading.network == "mlp":
        return _make_mlp(config, input_size(space, reading.scaling), generator)
    hidden = WIDTHS[reading.network] if config.hidden is None else config.hidden
    if not hidden:
        raise SettingsError(
            f"`network` {reading.network} needs a dense layer after its convolutions: give `hidden` a width"
        )
    return _make_convolutions(config, space, reading, hidden, generator), hidden[-1]


def _make_convolutions(
    config: TrainConfig,
    part: gymnasium.Space,
    reading: Reading,
    hidden: tuple[int, ...],
    generator: np.random.Generator,
) -> ConvNet:
    layers, activation = LAYERS[reading.network], config.activation or "relu"
    rows = reading.layout.index("H")
    axes = part.shape or (), rows
    return ConvNet(frame_shape(reading, part), layers, hidden, activation, generator, axes, config.layer_norm)


def _make_mlp(config: NetworkSettings, inputs: int, generator: np.random.Generator) -> tuple[MLP, int]:
    hidden = (64, 64) if config.hidden is None else config.hidden
    mlp = MLP(inputs, hidden, config.activation or "tanh", generator, config.layer_norm)
    return mlp, hidden[-1] if hidden else inputs


def _make_joined(
    config: TrainConfig, space: gymnasium.Space, found: dict[tuple, Reading], generator: np.random.Generator
) -> tuple[eqx.Module, int]:
    """Pictures and grids have convolutions of their own; `hidden` comes after."""
    encoders, joined = {}, 0
    for path, part in parts(space).items():
        reading, encoders[path] = found[path], None
        if reading.network == "mlp":
            joined += input_size(part, reading.scaling)
        else:
            width = WIDTHS[reading.network]
            encoders[path] = _make_convolutions(config, part, reading, width, generator)
            joined += width[-1]
    dense, features = _make_mlp(config, joined, generator)
    return Joined(list(encoders.values()), dense, tuple(encoders)), features


class Joined(eqx.Module):
    """An observation of several parts: some encoded by a network of their own, and dense layers over all of them."""

    encoders: list[eqx.Module | None]
    dense: MLP
    paths: tuple[tuple, ...] = eqx.field(static=True)

    def __call__(self, inputs: Any) -> jax.Array:
        found = [part_of(inputs, path) for path in self.paths]
        features = [x if encode is None else encode(x) for encode, x in zip(self.encoders, found, strict=True)]  # type: ignore[operator]
        return self.dense(jnp.concatenate([x.ravel() for x in features]))


def shares_trunk(config: TrainConfig, space: gymnasium.Space | None) -> bool:
    """Whether policy and value have the same features; `space` is None for a network of the user's own."""
    if config.shared_trunk or config.recurrent is not None:
        return True
    return space is not None and any(reading.network != "mlp" for reading in readings(config, space).values())
