"""Observations that a user gives an agent to act on: what is none is named in one line."""

from collections.abc import Mapping
from typing import Any, TypeAlias

import numpy as np
from gymnasium.spaces import Box, Dict, Discrete, MultiDiscrete, Space, Tuple
from numpy.typing import ArrayLike

from a3c.environments.masks import flat_mask, has_choices, mask_counts, rows_of
from a3c.environments.observations import Observations, part_of, parts
from a3c.errors import InvalidEnvironment, InvalidObservation

Observation: TypeAlias = "ArrayLike | Mapping[str, Observation] | tuple[Observation, ...]"
"""One observation or a batch: what NumPy makes an array of, or for a Dict or Tuple, such for each of its parts."""


def pack_given(observations: Observations, observation: Observation) -> tuple[np.ndarray, bool]:
    """One observation or a batch -> `[B, *shape]`, and whether it was one. Raises InvalidObservation."""
    space = observations.space
    if isinstance(observation, tuple) and (came := _came_with_info(observation, space)):
        raise InvalidObservation(f"this is all that {came}: give the observation alone, the first of them")
    counts = set()
    for path, part in parts(space).items():
        where = f"{'/'.join(map(str, path))} of the observation" if path else "observation"
        try:
            given = part_of(observation, path)
        except InvalidEnvironment:
            raise InvalidObservation(f"there is no {where}: expected one of {space}, or a batch of that") from None
        counts.add(_count(where, _array(where, given, part), part))
    if len(counts) > 1:
        raise InvalidObservation("the parts of the observation are not of one batch: give each as many rows, or none")
    return observations.pack_any(observation)


WITH_INFO = {2: "reset gives, (observation, info)", 5: "step gives, (observation, reward, terminated, truncated, info)"}


def _came_with_info(observation: tuple, space: Space) -> str | None:
    """Where it is not the observation alone: what it is. A Tuple may have as many parts, a Dict last."""
    came, info = WITH_INFO.get(len(observation)), observation[-1] if observation else None
    if came is None or not isinstance(info, dict):
        return None
    if isinstance(space, Tuple) and len(space.spaces) == len(observation):
        last = space.spaces[-1]
        return None if isinstance(last, Dict) and last.spaces.keys() <= info.keys() else came
    return came


def _array(where: str, given: Any, part: Space) -> np.ndarray:
    """What is given as an array of numbers that the space has."""
    try:
        array = np.asarray(given)
    except ValueError:
        raise InvalidObservation(f"{where} is ragged: its rows are not of one length") from None
    if array.dtype.kind not in "biuf":
        raise InvalidObservation(f"{where} is no array of numbers: {' '.join(repr(given).split()):.40}")
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        raise InvalidObservation(f"{where} holds {array[~np.isfinite(array)][0]}, which no policy can act on")
    wrong = np.zeros(array.shape, bool)
    if isinstance(part, Box) and part.dtype == np.uint8 and array.dtype != np.uint8:
        wrong = (array < 0) | (array > 255) | (array % 1 != 0)
    elif isinstance(part, Discrete | MultiDiscrete) and array.shape[array.ndim - len(part.shape or ()) :] == part.shape:
        choices = array - part.start
        wrong = (choices < 0) | (choices >= (part.n if isinstance(part, Discrete) else part.nvec)) | (choices % 1 != 0)
    if wrong.any():
        raise InvalidObservation(f"{where} holds {array[wrong][0]}, which is not in {part}")
    return array


def _count(where: str, array: np.ndarray, part: Space) -> int | None:
    """How many there are of a batch; None for a single one."""
    shape = part.shape or ()
    if array.shape == shape:
        return None
    if array.ndim == 0 or array.shape[1:] != shape:
        raise InvalidObservation(f"{where} has shape {array.shape}; expected {shape}, or a batch of that")
    if not len(array):
        raise InvalidObservation(f"{where} is a batch of none: there is nothing to act on")
    return len(array)


def given_masks(space: Space[Any], mask: Any, count: int, single: bool) -> np.ndarray:
    """Action masks as `[B, n]`, of one observation or of a batch of so many. Raises InvalidObservation."""
    counts = mask_counts(space)
    if not counts:
        raise InvalidObservation(f"action_mask is for Discrete and MultiDiscrete actions, and these are {space}")
    rows = [mask] if single else rows_of(mask, counts)
    if len(rows) != count:
        raise InvalidObservation(f"action_mask has {len(rows)} rows for {count} observations: give one for each")
    try:
        masks = np.stack([flat_mask(row, counts) for row in rows])
    except ValueError as error:
        raise InvalidObservation(f"action_mask {error}") from None
    if not has_choices(masks, counts).all():
        raise InvalidObservation("action_mask leaves no valid action: there is nothing to choose from")
    return masks


def given_state(state: Any, shape: tuple[int, int], single: bool) -> np.ndarray:
    """What a recurrent policy remembers, `[B, S]`: 0 for None. Raises InvalidObservation."""
    if state is None:
        return np.zeros(shape, np.float32)
    expected = shape[1:] if single else shape
    try:
        states = np.asarray(state, np.float32)
    except (TypeError, ValueError):
        raise InvalidObservation(f"state is no array of numbers, {expected}, as predict gave it") from None
    if states.shape != expected:
        raise InvalidObservation(f"state has shape {states.shape}; expected {expected}, as predict gave it")
    if not np.isfinite(states).all():
        raise InvalidObservation("state holds numbers that are not finite, which predict never gave")
    return states[None] if single else states
