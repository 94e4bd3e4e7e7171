"""Observations of any ordinary space, packed: each is one array, so that segments and queues hold arrays only.

In use:

    observations = Observations(space)
    packed = observations.pack(batch)                   # [B, *observations.shape], as a vector environment gives them
    packed, single = observations.pack_any(observation)  # what a user gives: one, or a batch

A Box is as it is. All others become one vector of numbers: their parts one after the other, each Discrete as the number
of the choice. What a network is given of that is in `networks/inputs.py`.
"""

from typing import Any

import gymnasium
import numpy as np
from gymnasium.spaces import Box, Discrete, MultiDiscrete

from a3c.environments.spaces import joined, observation_dtype, ordinary_parts
from a3c.errors import InvalidEnvironment, described


class Observations:
    """How the observations of a space are packed. Raises UnsupportedSpace."""

    def __init__(self, space: gymnasium.Space):
        self.space = space
        parts_by_path = parts(space)
        self._paths, self._parts = list(parts_by_path), list(parts_by_path.values())
        if isinstance(space, Box):
            self.shape, self.dtype = space.shape, observation_dtype(space)
        else:
            self.shape = (sum(size_of(part) for part in self._parts),)
            bytes_only = all(part.dtype == np.uint8 and isinstance(part, Box) for part in self._parts)
            self.dtype = np.dtype(np.uint8 if bytes_only else np.float32)

    def pack(self, batch: Any) -> np.ndarray:
        """Observations of a batch of environments -> `[B, *shape]`.

        Raises InvalidEnvironment where they have another shape or kind of numbers than their space says, or a choice
        that is none.
        """
        if isinstance(self.space, Box):
            packed = np.asarray(batch)
            # At every step: what is just right is not looked at further.
            if packed.dtype != self.space.dtype or packed.shape[1:] != self.shape:
                _check(packed, self.space)
            return packed
        arrays = [np.asarray(part_of(batch, path)) for path in self._paths]
        for path, part, array in zip(self._paths, self._parts, arrays, strict=True):
            _check(array, part, path)
        return self._join(arrays)

    def check(self, observation: Any) -> None:
        """Raises InvalidEnvironment where one observation is not what `pack` takes."""
        for path, part in zip(self._paths, self._parts, strict=True):
            given = part_of(observation, path)
            if given is None:
                raise InvalidEnvironment(f"the environment gives None as {_what(path, 'observation')}")
            try:
                array = np.asarray(given)[None]
            except ValueError as error:
                raise InvalidEnvironment(
                    f"the environment gives {_what(path)} that are no array ({described(error)})"
                ) from None
            _check(array, part, path)
            _numbers(part, array, path)

    def name(self, place: Any) -> str:
        """For people: the number at a place of a packed observation, an index for each of its axes."""
        if isinstance(self.space, Box):
            return f"number {', '.join(map(str, place))}" if len(place) else "the number"
        (number,) = place
        for path, part in zip(self._paths, self._parts, strict=True):
            if number < size_of(part):
                return f"number {number} of {joined(path)}" if path else f"number {number}"
            number -= size_of(part)
        raise IndexError(place)

    @property
    def bounds(self) -> tuple[np.ndarray, np.ndarray] | None:
        """Least and largest value of each number of a packed observation, float64 `[*shape]`; None where none is bound.

        Only numbers have bounds here: bytes cannot leave 0 to 255, and choices are checked when they are packed.
        """
        rows = [_bounds(part) for part in self._parts]
        low, high = (np.concatenate([row[i].ravel() for row in rows], dtype=np.float64) for i in range(2))
        if not (np.isfinite(low) | np.isfinite(high)).any():
            return None
        return low.reshape(self.shape), high.reshape(self.shape)

    def pack_any(self, observation: Any) -> tuple[np.ndarray, bool]:
        """One observation or a batch -> `[B, *shape]`, and whether it was one. Raises ValueError for other shapes."""
        arrays = [np.asarray(part_of(observation, path)) for path in self._paths]
        single = all(array.shape == (part.shape or ()) for part, array in zip(self._parts, arrays, strict=True))
        if single:
            arrays = [array[None] for array in arrays]
        for part, array in zip(self._parts, arrays, strict=True):
            if array.ndim == 0 or array.shape[1:] != (part.shape or ()):
                raise ValueError(
                    f"observation has shape {array.shape}; expected {part.shape or ()}, or a batch of that"
                )
        return (arrays[0].astype(self.dtype) if isinstance(self.space, Box) else self._join(arrays)), single

    def _join(self, arrays: list[np.ndarray]) -> np.ndarray:
        """The parts of a batch `[B, *shape]`, as `[B, numbers]`; choices counted from 0."""
        columns = [_numbers(*each) for each in zip(self._parts, arrays, self._paths, strict=True)]
        return np.concatenate(columns, axis=1, dtype=self.dtype, casting="unsafe")


def parts(space: gymnasium.Space) -> dict[tuple, gymnasium.Space]:
    """The spaces that an observation space is made of; see `ordinary_parts`."""
    return ordinary_parts(space, "observation")


def part_of(observation: Any, path: tuple) -> Any:
    """What the keys of a path lead to. Raises InvalidEnvironment where they lead nowhere."""
    for depth, key in enumerate(path):
        try:
            observation = observation[key]
        except (IndexError, KeyError, TypeError):
            inside = f" in {_what(path[:depth], 'the observation')}" if depth else ""
            raise InvalidEnvironment(
                f"the observation lacks {key!r}{inside}, which its space says it has: it is a "
                f"{type(observation).__name__}"
            ) from None
    return observation


def size_of(space: gymnasium.Space) -> int:
    """How many numbers a part takes in a packed observation."""
    return int(np.prod(space.shape or ()))


def _bounds(part: gymnasium.Space) -> tuple[np.ndarray, np.ndarray]:
    """Of each number, where its kind of numbers has any beyond them; else infinite."""
    if isinstance(part, Box) and not (part.dtype == np.uint8 and (part.high - part.low == 255).all()):
        return part.low, part.high
    infinite = np.full(size_of(part), np.inf)
    return -infinite, infinite


def _what(path: tuple, name: str = "observations") -> str:
    """For people: the observation, or the part of it that a path leads to."""
    return name + "".join(f"[{key!r}]" for key in path)


def _numbers(part: gymnasium.Space, batch: np.ndarray, path: tuple = ()) -> np.ndarray:
    """The numbers of a batch of the right shape, `[B, size]`; choices counted from 0. Raises where one is none."""
    if isinstance(part, Discrete | MultiDiscrete):
        choices = batch - part.start
        wrong = (choices < 0) | (choices >= (part.n if isinstance(part, Discrete) else part.nvec))
        if wrong.any():
            where = f" as {_what(path, 'observation')}" if path else ""
            raise InvalidEnvironment(f"the environment gave {batch[wrong][0]}{where}, which is not in {part}")
        batch = choices
    return batch.reshape(len(batch), -1)


def _check(batch: np.ndarray, space: gymnasium.Space, path: tuple = ()) -> None:
    """The shape, and the kind of numbers: those that Gymnasium's batches take too, which NumPy casts to the space's."""
    if batch.shape[1:] != (space.shape or ()):
        raise InvalidEnvironment(
            f"the environment gives {_what(path)} of shape {batch.shape[1:]}, "
            f"but its observation space says {space.shape or ()}"
        )
    # Only bytes become bytes: a wider number might not fit.
    casting = "safe" if space.dtype == np.uint8 else "same_kind"
    if batch.dtype != space.dtype and space.dtype is not None and not np.can_cast(batch.dtype, space.dtype, casting):
        raise InvalidEnvironment(
            f"the environment gives {_what(path)} of {batch.dtype}, such as {batch.ravel()[0]!s:.50}, "
            f"but its observation space says {space.dtype}: make them that, or change the space"
        )
