"""Convolutions over frames, and the networks of the papers that are made of them."""

from collections.abc import Sequence
from typing import Any

import equinox as eqx
import jax
import numpy as np

from a3c.errors import SettingsError
from a3c.networks.mlp import ACTIVATIONS, MLP, orthogonal

LAYERS: dict[str, tuple[tuple[int, int, int], ...]] = {
    "a3c": ((16, 8, 4), (32, 4, 2)),
    "nature": ((32, 8, 4), (64, 4, 2), (64, 3, 1)),
    "small": ((16, 4, 2), (32, 4, 2)),
}
"""Output channels, kernel size and stride of each convolution: Mnih et al. 2016, section 8; Mnih et al. 2015."""

WIDTHS = {"a3c": (256,), "nature": (512,), "small": (256,)}
"""Widths of the dense layers after them."""


class Conv(eqx.Module):
    """A convolution without padding, over one frame `[H, W, C]`, as one matrix product.

    The stride divides the kernel. The frame is cut into blocks of `stride` x `stride` pixels, which are multiplied with
    all parts of the kernel at once; shifted sums of the products are the convolution. On a CPU its gradient takes half
    to two thirds of the time of XLA's own.
    """

    weight: Any
    """`[kernel * kernel * C, channels]`, the rows in the order block row, block column, row, column, C."""
    bias: Any
    kernel: int = eqx.field(static=True)
    stride: int = eqx.field(static=True)

    def __init__(self, inputs: int, channels: int, kernel: int, stride: int, generator: np.random.Generator):
        self.weight = orthogonal(generator, kernel * kernel * inputs, channels, np.sqrt(2))
        self.bias = np.zeros(channels, np.float32)
        self.kernel, self.stride = kernel, stride

    def __call__(self, frame: jax.Array) -> jax.Array:
        """`[H, W, C]` -> `[h, w, channels]`."""
        stride, channels = self.stride, self.weight.shape[-1]
        parts = self.kernel // stride
        rows, columns = (size_after(size, self.kernel, stride) for size in frame.shape[:2])
        blocks = _blocks(frame[: (rows + parts - 1) * stride, : (columns + parts - 1) * stride], stride)
        weight = self.weight.reshape(parts * parts, -1, channels).transpose(1, 0, 2).reshape(blocks.shape[-1], -1)
        products = (blocks.reshape(-1, blocks.shape[-1]) @ weight).reshape(*blocks.shape[:2], parts * parts, channels)
        result = self.bias
        for row in range(parts):
            for column in range(parts):
                result = result + products[row : row + rows, column : column + columns, row * parts + column]
        return result


def _blocks(frame: jax.Array, size: int) -> jax.Array:
    """`[H, W, C]` -> `[H/size, W/size, size * size * C]`: the pixels of each block one after the other."""
    height, width, channels = frame.shape
    blocks = frame.reshape(height // size, size, width // size, size, channels)
    return blocks.transpose(0, 2, 1, 3, 4).reshape(height // size, width // size, -1)


def size_after(size: int, kernel: int, stride: int) -> int:
    """Rows (or columns) that a convolution makes of `size`."""
    return (size - kernel) // stride + 1


class ConvNet(eqx.Module):
    """Convolutions, then dense layers, each followed by the activation: one frame `[H, W, C]` to features."""

    convolutions: list[Conv]
    dense: MLP
    activation: str = eqx.field(static=True)

    def __init__(
        self,
        shape: tuple[int, ...],
        layers: Sequence[tuple[int, int, int]],
        hidden: Sequence[int],
        activation: str,
        generator: np.random.Generator,
    ):
        """`shape` is a frame's, `[H, W, C]`; raises SettingsError where it is too small for the `layers`."""
        self.convolutions = []
        height, width, inputs = shape
        for channels, kernel, stride in layers:
            if min(height, width) < kernel:
                raise SettingsError(f"frames of {shape[0]}x{shape[1]} are too small for this network: set --network")
            self.convolutions.append(Conv(inputs, channels, kernel, stride, generator))
            height, width, inputs = size_after(height, kernel, stride), size_after(width, kernel, stride), channels
        self.dense = MLP(height * width * inputs, hidden, activation, generator)
        self.activation = activation

    def __call__(self, frame: jax.Array) -> jax.Array:
        for convolution in self.convolutions:
            frame = ACTIVATIONS[self.activation](convolution(frame))
        return self.dense(frame)
