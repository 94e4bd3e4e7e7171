"""Which layers a policy has: those that the settings name, or what suits the observations."""

from typing import Any

import equinox as eqx
import gymnasium
import numpy as np

from a3c.config import TrainConfig
from a3c.errors import SettingsError
from a3c.networks.conv import LAYERS, WIDTHS, ConvNet
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
    name, shape = network_name(config, space), space.shape or ()
    if name == "mlp":
        hidden = (64, 64) if config.hidden is None else config.hidden
        inputs = int(np.prod(shape))
        return MLP(inputs, hidden, config.activation or "tanh", generator), hidden[-1] if hidden else inputs
    if len(shape) != 3:
        raise SettingsError(f"--network {name} needs frames [H, W, C], but observations are {list(shape)}: use mlp")
    hidden = WIDTHS[name] if config.hidden is None else config.hidden
    if not hidden:
        raise SettingsError(f"--network {name} needs a dense layer after its convolutions: give --hidden a width")
    return ConvNet(shape, LAYERS[name], hidden, config.activation or "relu", generator), hidden[-1]


def shares_trunk(config: TrainConfig, space: gymnasium.Space) -> bool:
    """Whether policy and value have the same features."""
    return config.shared_trunk or network_name(config, space) != "mlp"


def _holds_frames(space: Any) -> bool:
    shape = space.shape or ()
    return space.dtype == np.uint8 and len(shape) == 3 and min(shape[:2]) >= 16
