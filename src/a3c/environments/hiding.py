"""Hiding parts of an observation: what they say has to be remembered from what was seen before, or is nothing that a
network can read."""

from collections.abc import Sequence

import gymnasium
import numpy as np
from gymnasium.spaces import Box, Dict

from a3c.errors import SettingsError, nearest


def hide(environment: gymnasium.Env, hidden: Sequence[int | str]) -> gymnasium.Env:
    """The environment without these parts of its observation: numbers of a vector, named parts of a Dict. A Dict of
    which one part is left is that part. Raises SettingsError."""
    space = environment.observation_space
    if isinstance(space, Dict):
        return _without_parts(environment, space, hidden)
    if not isinstance(space, Box) or len(space.shape) != 1:
        raise SettingsError(
            f"`hide` takes numbers from a vector or named parts from a Dict, but observations are {space}: leave it out"
        )
    size = space.shape[0]
    if wrong := [place for place in hidden if not (isinstance(place, int) and 0 <= place < size)]:
        raise SettingsError(f"`hide` {wrong[0]}: observations have the numbers 0 to {size - 1}")
    seen = np.setdiff1d(np.arange(size), hidden)
    if not seen.size:
        raise SettingsError("`hide` leaves nothing to see: name fewer numbers")
    part = Box(space.low[seen], space.high[seen], dtype=space.dtype.type)
    return gymnasium.wrappers.TransformObservation(environment, lambda observation: observation[seen], part)


def _without_parts(environment: gymnasium.Env, space: Dict, hidden: Sequence[int | str]) -> gymnasium.Env:
    names = list(space.spaces)
    if wrong := [name for name in hidden if name not in names]:
        known = list(map(str, names))
        meant = nearest(str(wrong[0]), known)
        raise SettingsError(f"`hide` {wrong[0]}: observations have the parts {', '.join(known)}{meant}")
    seen = [name for name in names if name not in hidden]
    if not seen:
        raise SettingsError("`hide` leaves nothing to see: name fewer parts")
    if len(seen) == 1:
        return gymnasium.wrappers.TransformObservation(environment, lambda parts: parts[seen[0]], space[seen[0]])
    left = Dict({name: space[name] for name in seen})
    return gymnasium.wrappers.TransformObservation(
        environment, lambda parts: {name: parts[name] for name in seen}, left
    )
