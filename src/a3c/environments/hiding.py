"""Hiding numbers of an observation, so that what they say has to be remembered from what was seen before."""

from collections.abc import Sequence

import gymnasium
import numpy as np
from gymnasium.spaces import Box

from a3c.errors import SettingsError


def hide(environment: gymnasium.Env, indices: Sequence[int]) -> gymnasium.Env:
    """The environment without these numbers of its observation, which is a vector; raises SettingsError."""
    space = environment.observation_space
    if not isinstance(space, Box) or len(space.shape) != 1:
        raise SettingsError(f"`hide` takes numbers from a vector, but observations are {space}: leave it out")
    size = space.shape[0]
    if wrong := [index for index in indices if not 0 <= index < size]:
        raise SettingsError(f"`hide` {wrong[0]}: observations have the numbers 0 to {size - 1}")
    seen = np.setdiff1d(np.arange(size), indices)
    if not seen.size:
        raise SettingsError("`hide` leaves nothing to see: name fewer numbers")
    part = Box(space.low[seen], space.high[seen], dtype=space.dtype.type)
    return gymnasium.wrappers.TransformObservation(environment, lambda observation: observation[seen], part)
