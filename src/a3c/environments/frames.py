"""Frames: from an environment's pixels to what a network sees. Cropped, greyed, thresholded, resized, stacked.

In use:

    preprocess = Preprocessing((210, 160, 3), config)
    stack = FrameStack(environments, preprocess.shape, config.frame_stack)
    observations = stack.push(preprocess(frames), started)       # [B, h, w, channels * frame_stack]
"""

import math

import numpy as np

from a3c.config.environment import WorldSettings
from a3c.errors import SettingsError

GREY = np.array([0.299, 0.587, 0.114], np.float32)
"""How bright red, green and blue look (ITU-R BT.601)."""


class Preprocessing:
    """What the settings do to the frames of a batch of environments, without memory of what came before."""

    def __init__(self, shape: tuple[int, ...], config: WorldSettings):
        """`shape` is a frame's, `[H, W]` or `[H, W, C]`; raises SettingsError where the settings don't fit it."""
        if len(shape) not in (2, 3):
            raise SettingsError(f"frames need the shape [H, W] or [H, W, C], but observations are {list(shape)}")
        height, width, channels = (*shape, 1)[:3]
        self._crop = _crop(config.crop, height, width)
        self._threshold, self._resize = config.threshold, config.resize
        height, width = self._crop[0].stop - self._crop[0].start, self._crop[1].stop - self._crop[1].start
        self._grey = bool(config.grayscale) and channels == 3
        if config.frame_size:
            size = config.frame_size if len(config.frame_size) == 2 else config.frame_size * 2
            if size[0] > height or size[1] > width:
                raise SettingsError(
                    f"`frame_size` {size[0]} {size[1]} is larger than the frames, which are {height} {width}"
                    + (" after `crop`" if config.crop else "")
                )
            height, width = size
        self.shape = (height, width, 1 if self._grey else channels)
        """A frame's shape afterwards, `[h, w, c]`."""

    def __call__(self, frames: np.ndarray) -> np.ndarray:
        """uint8 `[B, H, W]` or `[B, H, W, C]` -> uint8 `[B, h, w, c]`."""
        frames = frames[:, *self._crop]
        if self._grey:
            frames = np.rint(frames @ GREY).astype(np.uint8)
        if self._threshold is not None:
            # A boolean is a byte of 0 or 1: this takes a fraction of np.where's time.
            frames = (frames > self._threshold).view(np.uint8) * np.uint8(255)
        if frames.shape[1:3] != self.shape[:2]:
            resize = sample if self._resize == "sample" else area
            frames = resize(frames, *self.shape[:2])
        return frames.reshape(len(frames), *self.shape)


def _crop(crop: tuple[int, ...], height: int, width: int) -> tuple[slice, slice]:
    top, bottom, left, right = (*crop, *(0, height, 0, width)[len(crop) :])
    if not (0 <= top < bottom <= height and 0 <= left < right <= width):
        raise SettingsError(
            f"`crop` {' '.join(map(str, crop))} is not inside the frames: give TOP BOTTOM LEFT RIGHT, with "
            f"0 <= TOP < BOTTOM <= {height} and 0 <= LEFT < RIGHT <= {width}"
        )
    return slice(top, bottom), slice(left, right)


def sample(frames: np.ndarray, height: int, width: int) -> np.ndarray:
    """Frames `[B, H, W, ...]` reduced to `[B, height, width, ...]` by taking pixels at even distances."""
    rows = np.arange(height) * frames.shape[1] // height
    columns = np.arange(width) * frames.shape[2] // width
    return frames[:, rows[:, None], columns]


def area(frames: np.ndarray, height: int, width: int) -> np.ndarray:
    """Frames `[B, H, W, ...]` reduced to `[B, height, width, ...]`, each pixel the mean of the area it covers."""
    if frames.shape[1] % height == 0 and frames.shape[2] % width == 0:
        return _mean_of_blocks(frames, frames.shape[1] // height, frames.shape[2] // width)
    means = _mean_along(_mean_along(frames, 1, height), 2, width)
    return np.rint(means).astype(np.uint8)


def _mean_along(x: np.ndarray, axis: int, size: int) -> np.ndarray:
    """`x` with an axis reduced to `size` means over equal parts, whose edges may lie within an element.

    The first element of every part, then the second, and so on: a matrix product would start threads of BLAS.
    """
    before = x.shape[axis]
    edges = np.arange(size + 1) * (before / size)
    first = edges[:-1].astype(int)
    means = np.zeros((*x.shape[:axis], size, *x.shape[axis + 1 :]), np.float32)
    for place in range(math.ceil(before / size) + 1):
        elements = first + place
        inside = np.minimum(elements + 1, edges[1:]) - np.maximum(elements, edges[:-1])
        weights = (np.maximum(inside, 0.0) * (size / before)).astype(np.float32)
        weights = weights.reshape(-1, *(1,) * (x.ndim - axis - 1))
        means += x.take(np.minimum(elements, before - 1), axis) * weights
    return means


def _mean_of_blocks(frames: np.ndarray, rows: int, columns: int) -> np.ndarray:
    """Sums of strided views: several times faster than a mean over an axis of a reshaped array."""
    if rows * columns == 1:
        return frames
    sums = frames[:, ::rows].astype(np.uint16 if rows * columns <= 257 else np.uint32)
    for row in range(1, rows):
        sums += frames[:, row::rows]
    wide, sums = sums, sums[:, :, ::columns].copy()
    for column in range(1, columns):
        sums += wide[:, :, column::columns]
    return np.rint(sums * np.float32(1 / (rows * columns))).astype(np.uint8)


class FrameStack:
    """The last frames of each environment, the oldest first along the channels. None is of an episode before."""

    def __init__(self, environments: int, shape: tuple[int, ...], depth: int):
        """`shape` is a frame's, `[h, w, c]`."""
        self._channels = shape[-1]
        self._stacks = np.zeros((environments, *shape[:-1], shape[-1] * depth), np.uint8)

    def push(self, frames: np.ndarray, started: np.ndarray) -> np.ndarray:
        """A new array `[B, h, w, c * depth]`; stacks of episodes that `started` `[B]` hold their first frame alone."""
        stacks = np.empty_like(self._stacks)
        # Moving all numbers on by a frame's channels moves every stack on, and is one copy; the newest are then wrong.
        stacks.reshape(-1)[: -self._channels] = self._stacks.reshape(-1)[self._channels :]
        stacks[..., -self._channels :] = frames
        for index in np.flatnonzero(started):
            stacks[index] = np.tile(frames[index], stacks.shape[-1] // self._channels)
        self._stacks = stacks
        return stacks
