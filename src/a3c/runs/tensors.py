"""Reading a safetensors file that nobody vouches for: what it says of itself is checked before memory is taken for it.

The format: eight bytes with the length of a JSON header, the header, and the numbers of all tensors, one by one.
"""

import json
import math
import os
from collections.abc import Mapping
from typing import Any, BinaryIO

import numpy as np

MOST_HEADER = 8 * 2**20
"""Bytes that a header may have: ours have a few thousand."""
TYPES = {"F32": np.dtype("<f4"), "F64": np.dtype("<f8")}
"""The types of numbers that are read, by the format's names for them."""


def read_header(file: BinaryIO, key: str) -> tuple[str, dict[str, Any]]:
    """The text that a file's metadata have under the key, and what its header says of its tensors, for `read_tensors`.

    Raises OSError; KeyError where there is no such text; and ValueError where the file does not begin as such files do.
    """
    length = int.from_bytes(file.read(8), "little")
    if not 2 <= length <= min(MOST_HEADER, _size(file) - 8):
        raise ValueError("the length of its header is wrong")
    try:
        header = json.loads(_fill(file, np.empty(length, np.uint8)).tobytes())
    except (ValueError, RecursionError):
        raise ValueError("its header cannot be read") from None
    metadata = header.pop("__metadata__", {}) if isinstance(header, dict) else None
    if not isinstance(metadata, dict):
        raise ValueError("its header is of another type")
    text = metadata[key]
    if not isinstance(text, str):
        raise ValueError("its metadata are of another type")
    return text, header


def read_tensors(
    file: BinaryIO, entries: dict[str, Any], wanted: Mapping[str, tuple[str, int]]
) -> dict[str, np.ndarray]:
    """The tensors of a file whose header was read; `entries` is what that says of them.

    `wanted` has the type and the number of axes of each tensor that there may be. Raises OSError; and ValueError where
    the file is not such a file to its last byte.
    """
    before, size = file.tell(), _size(file)
    arrays, end = {}, 0
    for entry, name in sorted((_entry(entry), name) for name, entry in entries.items()):
        if name not in wanted:
            raise ValueError(f"it holds a tensor {name!r} besides its own")
        (start, stop), shape, kind = entry
        if (kind, len(shape)) != wanted[name]:
            raise ValueError(f"{name} is of type {kind}{list(shape)}")
        if start != end or stop - start != math.prod(shape) * TYPES[kind].itemsize or max(shape) > size:
            raise ValueError(f"{name} is not where or what its header says")
        arrays[name], end = (shape, TYPES[kind]), stop
    if before + end != size:
        raise ValueError("it is shorter or longer than its header says")
    return {name: _fill(file, np.empty(shape, dtype)) for name, (shape, dtype) in arrays.items()}


def _size(file: BinaryIO) -> int:
    return os.fstat(file.fileno()).st_size


def _entry(entry: Any) -> tuple[tuple[int, int], tuple[int, ...], str]:
    """Where a tensor lies, its shape and its type, as the header has them."""
    match entry:
        case {"dtype": str(kind), "shape": [*shape], "data_offsets": [int(start), int(stop)]} if len(entry) == 3:
            if all(type(axis) is int and axis >= 0 for axis in shape):
                return (start, stop), tuple(shape), kind
    raise ValueError("what its header says of a tensor cannot be read")


def _fill(file: BinaryIO, array: np.ndarray) -> np.ndarray:
    """Reads the array from the file."""
    if file.readinto(array.reshape(-1).view(np.uint8)) != array.nbytes:  # type: ignore[attr-defined]
        raise ValueError("it ends too early")
    return array
