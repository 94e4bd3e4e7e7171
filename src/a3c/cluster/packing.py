"""Segments as they travel: stacks of frames as their newest frames, and compressed where the link is slower than that.

    packed = packing.pack(segment)      a station
    segment = unpacked(packed)          a relay; the same, bit for bit

A stack of k frames differs from the one before it by one frame: what travels is a k-th of the bytes. Where a stack does
not follow from the one before, as at an episode's start, it travels whole.
"""

import math
import time
import zlib
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from a3c.rollout.segment import Segment

PROBE_EVERY = 50
"""Segments of which one is compressed to see what that takes and saves, where others are not."""
FOLLOWING = 0.5
"""The share of stacks that have to follow from the one before, for newest frames to be worth it."""


class Frames(NamedTuple):
    """The observations of a segment, `[T+1, B, h, w, n]`, as newest frames of c channels each."""

    first: np.ndarray
    """Row 0, `[B, h, w, n]`."""
    newest: np.ndarray
    """Of the rows after it, `[T, B, h, w, c]`."""
    others: np.ndarray
    """Which of those, counted through rows and environments, do not follow: `[N]`."""
    whole: np.ndarray
    """What these are, `[N, h, w, n]`."""


class Packed(NamedTuple):
    """A segment on its way."""

    rest: Segment
    """Without its observations, where these are packed."""
    frames: Frames | None
    compressed: tuple[bytes, tuple[int, ...], tuple[int, ...]] | None = None
    """Row 0 and the newest frames, one behind the other, and their shapes, where they are compressed."""

    @property
    def size(self) -> int:
        """Bytes of it."""
        arrays = [array for array in (*self.rest, *(self.frames or ())) if array is not None]
        return sum(array.nbytes for array in arrays) + (0 if self.compressed is None else len(self.compressed[0]))


class Packing:
    """A station's way to pack its segments, which learns from them what frames are, and what compressing takes."""

    def __init__(self) -> None:
        self._channels: int | None = None
        """Of a frame; 0 where observations are no stacks of frames."""
        self._count = 0
        self._saves = 0.0
        """Bytes that compressing saves in each second that it takes."""

    def pack(self, segment: Segment, link: float = math.inf) -> Packed:
        """For a link of so many bytes a second."""
        observations = segment.observations
        if self._channels is None:
            self._channels = channels_of(observations)
        if not self._channels:
            return Packed(segment, None)
        follows = _follow(observations, self._channels)
        if follows.mean() < FOLLOWING:
            self._channels = channels_of(observations)
            return Packed(segment, None)
        others = np.flatnonzero(~follows)
        later = observations[1:].reshape(-1, *observations.shape[2:])
        newest = np.ascontiguousarray(observations[1:, ..., -self._channels :])
        frames = Frames(observations[0], newest, others, later[others])
        rest = segment._replace(observations=np.empty(0, np.uint8))
        return self._compressed(Packed(rest, frames), link)

    def _compressed(self, packed: Packed, link: float) -> Packed:
        assert packed.frames is not None
        first, newest = packed.frames.first, packed.frames.newest
        self._count += 1
        if self._saves < link and self._count % PROBE_EVERY != 1:
            return packed
        began = time.perf_counter()
        data = zlib.compress(first.tobytes() + newest.tobytes(), 1)
        self._saves = (first.nbytes + newest.nbytes - len(data)) / max(time.perf_counter() - began, 1e-9)
        if self._saves < link:
            return packed
        frames = packed.frames._replace(first=first[:0], newest=newest[:0])
        return Packed(packed.rest, frames, (data, first.shape, newest.shape))


def unpacked(packed: Packed) -> Segment:
    """The segment."""
    frames = packed.frames
    if frames is None:
        return packed.rest
    first, newest = frames.first, frames.newest
    if packed.compressed is not None:
        data, *shapes = packed.compressed
        pixels = np.split(np.frombuffer(zlib.decompress(data), np.uint8), [math.prod(shapes[0])])
        first, newest = (part.reshape(shape) for part, shape in zip(pixels, shapes, strict=True))
    channels, whole = newest.shape[-1], dict(zip(frames.others.tolist(), frames.whole, strict=True))
    count = len(first)
    observations = np.empty((len(newest) + 1, *first.shape), np.uint8)
    observations[0] = first
    for row in range(len(newest)):
        # Moving all numbers on by a frame's channels moves every stack on, and is one copy; the newest are then wrong.
        observations[row + 1].reshape(-1)[:-channels] = observations[row].reshape(-1)[channels:]
        observations[row + 1, ..., -channels:] = newest[row]
        for index in range(count) if whole else ():
            if (stack := whole.get(row * count + index)) is not None:
                observations[row + 1, index] = stack
    return packed.rest._replace(observations=observations)


def channels_of(observations: np.ndarray) -> int:
    """The channels of each frame, where most observations `[T+1, B, h, w, n]` are stacks that follow from those before;
    else 0."""
    if observations.ndim != 5 or observations.dtype != np.uint8 or len(observations) < 2:
        return 0
    most = observations.shape[-1]
    divisors = [channels for channels in range(1, most // 2 + 1) if most % channels == 0]
    return next((one for one in divisors if _follow(observations, one).mean() >= FOLLOWING), 0)


def _follow(observations: np.ndarray, channels: int) -> np.ndarray:
    """Which rows after the first are those before them with a frame of so many channels more, `[T, B]`."""
    # Row by row, as so much stays in the cache.
    if observations.shape[-1] == 4 and channels == 1:
        # The most usual stack at once: its oldest frame is the lowest byte.
        rows = pairwise(observations.view("<u4"))
        differences = ((after << 8) ^ (before & 0xFFFFFF00) for before, after in rows)
    else:
        rows = pairwise(observations)
        differences = (after[..., :-channels] != before[..., channels:] for before, after in rows)
    return np.stack([~different.any(axis=(1, 2, 3)) for different in differences])
