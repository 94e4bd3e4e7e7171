"""Which layers a policy has: those that the settings name, or what suits the observations."""

from typing import Any

import equinox as eqx
import gymnasium
import jax
import jax.numpy as jnp
import numpy as np
from gymnasium.spaces import Dict, Tuple

from a3c.config import TrainConfig
from a3c.environments.observations import part_of, parts
from a3c.errors import SettingsError
from a3c.networks.conv import LAYERS, WIDTHS, ConvNet
from a3c.networks.inputs import input_size
from a3c.networks.mlp import MLP

LARGE = 64
"""Rows and columns of frames from which on the convolutions of the A3C paper, made for 84x84, are used."""


def network_name(config: TrainConfig, space: gymnasium.Space) -> str:
    """The network that the settings name; by default convolutions for frames, uint8 `[H, W, C]`."""
    if config.network is not None:
        return config.network
    if not _holds_frames(space):
        return "mlp"
    return "a3c" if min(space.shape[:2]) >= LARGE else "small"  # type: ignore[index]


def make_torso(config: TrainConfig, space: gymnasium.Space, generator: np.random.Generator) -> tuple[eqx.Module, int]:
    """The layers from an observation to features, and how many features. Raises SettingsError where they don't fit."""
    if isinstance(space, Dict | Tuple):
        return _make_joined(config, space, generator)
    name, shape = network_name(config, space), space.shape or ()
    if name == "mlp":
        return _make_mlp(config, input_size(space), generator)
    if len(shape) != 3:
        raise SettingsError(f"--network {name} needs frames [H, W, C], but observations are {list(shape)}: use mlp")
    hidden = WIDTHS[name] if config.hidden is None else config.hidden
    if not hidden:
        raise SettingsError(f"--network {name} needs a dense layer after its convolutions: give --hidden a width")
    return ConvNet(shape, LAYERS[name], hidden, config.activation or "relu", generator), hidden[-1]


def _make_mlp(config: TrainConfig, inputs: int, generator: np.random.Generator) -> tuple[MLP, int]:
    hidden = (64, 64) if config.hidden is None else config.hidden
    return MLP(inputs, hidden, config.activation or "tanh", generator), hidden[-1] if hidden else inputs


def _make_joined(config: TrainConfig, space: gymnasium.Space, generator: np.random.Generator) -> tuple[eqx.Module, int]:
    """Frames have convolutions of their own, which are those of the settings if they name any; `hidden` comes after."""
    encoders, joined = {}, 0
    for path, part in parts(space).items():
        if _holds_frames(part):
            name = config.network if config.network in LAYERS else network_name(config, part)
            encoders[path] = ConvNet(
                part.shape or (), LAYERS[name], WIDTHS[name], config.activation or "relu", generator
            )
            joined += WIDTHS[name][-1]
        else:
            encoders[path] = None
            joined += input_size(part)
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
    return space is not None and any(network_name(config, part) != "mlp" for part in parts(space).values())


def _holds_frames(space: Any) -> bool:
    shape = space.shape or ()
    return space.dtype == np.uint8 and len(shape) == 3 and min(shape[:2]) >= 16
