"""Which observation and action spaces the policies handle, and how a space is described in a checkpoint."""

from typing import Any

import gymnasium
import numpy as np

from a3c.errors import UnsupportedSpace


def check_spaces(observation_space: gymnasium.Space, action_space: gymnasium.Space) -> None:
    """Raises UnsupportedSpace, naming the space and what is supported."""
    if not isinstance(observation_space, gymnasium.spaces.Box):
        raise UnsupportedSpace(
            f"observation space {observation_space} is not supported; supported: Box (vectors of numbers). "
            "Wrap the environment with gymnasium.wrappers.FlattenObservation, or a TransformObservation of your own"
        )
    if not isinstance(action_space, gymnasium.spaces.Discrete):
        raise UnsupportedSpace(f"action space {action_space} is not supported; supported: Discrete")


def describe_space(space: gymnasium.Space) -> dict[str, Any]:
    """What must match for a policy to fit: kind, shape, type of numbers and number of choices. Plain JSON values."""
    description: dict[str, Any] = {"kind": type(space).__name__, "shape": list(space.shape or ())}
    if isinstance(space, gymnasium.spaces.Discrete):
        description |= {"n": int(space.n), "start": int(space.start)}
    else:
        description["dtype"] = observation_dtype(space).name
    return description


def observation_dtype(space: gymnasium.Space) -> np.dtype:
    """How observations are stored: bytes stay bytes, all else becomes float32."""
    return np.dtype(np.uint8) if space.dtype == np.uint8 else np.dtype(np.float32)
