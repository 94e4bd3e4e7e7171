"""Numbers of the environment's own that are followed: what its `info` says of an episode at its last step.

In use:

    tracked = TrackedInfo(("is_success", "episode.r"), environments)
    rows = tracked.of(info, done)       # [B, K], nan where there is no such number; after a step with which some ended
    remarks = tracked.take_remarks()
"""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from gymnasium.vector import VectorEnv

from a3c.environments.serial import SerialVectorEnv

NAMED = "info/"
"""What the names of columns begin with."""
PATIENCE = 5
"""Episodes without a number, of a batch of environments, before it is said that it is not there."""
LISTED = 12
"""Keys that are named at most."""


def columns_of(keys: tuple[str, ...]) -> tuple[str, ...]:
    """The columns of these keys, in files and elsewhere."""
    return tuple(NAMED + key for key in keys)


class TrackedInfo:
    """The numbers under some keys of `info`; a dot leads into a dict that is in it."""

    def __init__(self, keys: tuple[str, ...], environments: VectorEnv):
        self._keys = keys
        bare = environments.unwrapped
        # It does not batch what environments say.
        self._serial = bare if isinstance(bare, SerialVectorEnv) else None
        self._missing = dict.fromkeys(keys, 0)
        """Episodes without a number, by the keys that never had one."""
        self._remarks: dict[str, str] = {}

    def take_remarks(self) -> dict[str, str]:
        """What people should know of keys that are not there, by what it is about; each once."""
        remarks, self._remarks = self._remarks, {}
        return remarks

    def of(self, info: Mapping[str, Any], done: np.ndarray) -> np.ndarray:
        """What the infos of a step say of the episodes that ended with it, `done`, `[B, K]`; nan elsewhere."""
        rows = np.full((len(done), len(self._keys)), np.nan)
        for index in np.flatnonzero(done):
            said = self._of_one(info, int(index))
            for place, key in enumerate(self._keys):
                rows[index, place] = number = _number(_found(said, key))
                if not math.isnan(number):
                    self._missing.pop(key, None)
                elif key in self._missing:
                    self._miss(key, said)
        return rows

    def _of_one(self, info: Mapping[str, Any], index: int) -> Mapping[str, Any]:
        """The info of one environment, at the last step of its episode."""
        if self._serial is not None:
            said = self._serial.infos[index]
            return said if isinstance(said, Mapping) else {}
        final = info.get("final_info")
        if final is not None and not isinstance(final, Mapping):
            # Of Gymnasium 1.0, and of vector environments that are like it: one dict for each.
            return final[index] or {}
        return _unbatched(info if final is None else final, index)

    def _miss(self, key: str, said: Mapping[str, Any]) -> None:
        self._missing[key] += 1
        if self._missing[key] == PATIENCE:
            del self._missing[key]
            there = sorted(_numbers(said))
            more = f" and {len(there) - LISTED} more" if len(there) > LISTED else ""
            listed = f"there are {', '.join(there[:LISTED])}{more}" if there else "there are no numbers in it"
            self._remarks[f"track_info {key}"] = (
                f"`track_info` {key}: the environment's info had no such number at the end of {PATIENCE} episodes; "
                f"{listed}"
            )


def _unbatched(info: Mapping[str, Any], index: int) -> dict[str, Any]:
    """The part of a batched info that one environment gave, as its masks say."""
    said: dict[str, Any] = {}
    for key, values in info.items():
        if key.startswith("_") and key[1:] in info:
            continue
        there = info.get(f"_{key}")
        if there is not None and not there[index]:
            continue
        if isinstance(values, Mapping):
            said[key] = _unbatched(values, index)
        elif isinstance(values, (np.ndarray, list, tuple)) and len(values) > index:
            said[key] = values[index]
    return said


def _found(said: Mapping[str, Any], key: str) -> Any:
    """What stands under a key, which may itself have dots in it; None where nothing does."""
    if key in said:
        return said[key]
    first, dot, rest = key.partition(".")
    inner = said.get(first)
    return _found(inner, rest) if dot and isinstance(inner, Mapping) else None


def _numbers(said: Mapping[str, Any]) -> list[str]:
    """The keys under which there is a number."""
    found: list[str] = []
    for key, value in said.items():
        if isinstance(value, Mapping):
            found += [f"{key}.{inner}" for inner in _numbers(value)]
        elif not math.isnan(_number(value)):
            found.append(str(key))
    return found


def _number(value: Any) -> float:
    """A finite number, True and False as 1 and 0, also in an array of its own; nan for all else."""
    if value is None or isinstance(value, (str, bytes)):
        return math.nan
    try:
        array = np.asarray(value)
        number = float(array.item()) if array.size == 1 and array.dtype.kind in "biuf" else math.nan
    except (TypeError, ValueError, OverflowError):
        return math.nan
    return number if math.isfinite(number) else math.nan
