"""Convolutions over frames, and the networks of the papers that are made of them."""

from collections.abc import Callable, Sequence
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.extend.core import Primitive
from jax.interpreters import ad, batching, mlir
from jaxtyping import Array, Float, Shaped

from a3c.errors import SettingsError
from a3c.learning.arrays import AnyArray
from a3c.networks.mlp import MLP, SUMS, activate, orthogonal

LAYERS: dict[str, tuple[tuple[int, int, int], ...]] = {
    "a3c": ((16, 8, 4), (32, 4, 2)),
    "nature": ((32, 8, 4), (64, 4, 2), (64, 3, 1)),
    "small": ((16, 4, 2), (16, 4, 2)),
    "grid": ((16, 3, 1),),
}
"""Output channels, kernel size and stride of each convolution: Mnih et al. 2016, section 8; Mnih et al. 2015; the last
is that of Young and Tian 2019, "MinAtar", section 3."""

DEEP = 64
"""Numbers that a block of pixels has to hold for the product of matrices to be faster."""

AT_A_TIME = 32
"""Frames that are convolved together where there are many: what becomes of them stays in a core's cache."""

WIDTHS = {"a3c": (256,), "nature": (512,), "small": (128,), "grid": (128,)}
"""Widths of the dense layers after them."""


def _batch_of_products(pair: Sequence[Any], axes: Sequence[int | None]) -> tuple[Float[Array, "N n m"], int]:
    """What vmap makes of `_product`, and the axis of the batch; that of a `pair` is at these `axes`."""
    left, right = (x if axis is None else jnp.moveaxis(x, axis, 0) for x, axis in zip(pair, axes, strict=True))
    if axes[1] is not None:
        return left @ right, 0
    return (left.reshape(-1, left.shape[-1]) @ right).reshape(*left.shape[:-1], -1), 0


_product = Primitive("product")
"""`[n, k] @ [k, m]`, under vmap that of the `n` of all frames in a row.

The gradient by the second of what vmap makes of `@` sums over two axes, frames and `n`: XLA copies all numbers for it
into another order, slowly.
"""
_product.def_impl(jnp.matmul)
_product.def_abstract_eval(lambda left, right: left.update(shape=(left.shape[0], right.shape[1])))
ad.defbilinear(_product, lambda g, left, right: g @ right.T, lambda g, left, right: left.T @ g)
batching.primitive_batchers[_product] = _batch_of_products
mlir.register_lowering(_product, mlir.lower_fun(jnp.matmul, multiple_results=False))


class Conv(eqx.Module):
    """A convolution without padding, over one frame `[H, W, C]`, whose stride divides its kernel.

    Where blocks of `stride` x `stride` pixels hold enough numbers, it is one matrix product of all blocks with all
    parts of the kernel, and shifted sums of that: on a CPU a network's gradient takes 0.6 to 0.7 of the time of XLA's.
    """

    weight: Any
    """`[kernel, kernel, C, channels]`."""
    bias: Any
    stride: int = eqx.field(static=True)

    def __init__(self, inputs: int, channels: int, kernel: int, stride: int, generator: np.random.Generator):
        weight = orthogonal(generator, kernel * kernel * inputs, channels, np.sqrt(2))
        self.weight = weight.reshape(kernel, kernel, inputs, channels)
        self.bias = np.zeros(channels, np.float32)
        self.stride = stride

    @property
    def is_product(self) -> bool:
        """Whether it is computed as a product of matrices."""
        return self.stride**2 * self.weight.shape[2] >= DEEP

    def __call__(self, frame: Float[AnyArray, "H W C"]) -> Float[Array, "h w channels"]:
        """`[H, W, C]` -> `[h, w, channels]`."""
        frame = jnp.asarray(frame)
        if not self.is_product:
            window, layout = (self.stride, self.stride), ("NHWC", "HWIO", "NHWC")
            result = jax.lax.conv_general_dilated(frame[None], self.weight, window, "VALID", dimension_numbers=layout)
            return result[0] + self.bias
        stride, (kernel, _, inputs, channels) = self.stride, self.weight.shape
        parts = kernel // stride
        rows, columns = (size_after(size, kernel, stride) for size in frame.shape[:2])
        blocks = _blocks(frame[: (rows + parts - 1) * stride, : (columns + parts - 1) * stride], stride)
        weight = self.weight.reshape(parts, stride, parts, stride, inputs, channels).transpose(1, 3, 4, 0, 2, 5)
        products = _product.bind(blocks.reshape(-1, blocks.shape[-1]), weight.reshape(blocks.shape[-1], -1))
        result = self.bias
        # The gradient of a split puts parts together; that of indexing adds up arrays of zeros.
        for part, product in enumerate(jnp.split(products.reshape(*blocks.shape[:2], -1), parts**2, axis=-1)):
            row, column = divmod(part, parts)
            result = result + product[row : row + rows, column : column + columns]
        return result


def _blocks(frame: Float[Array, "H W C"], size: int) -> Float[Array, "H//{size} W//{size} C*{size}**2"]:
    """`[H, W, C]` -> `[H/size, W/size, size * size * C]`: the pixels of each block one after the other."""
    height, width, channels = frame.shape
    blocks = frame.reshape(height // size, size, width // size, size, channels)
    return blocks.transpose(0, 2, 1, 3, 4).reshape(height // size, width // size, -1)


def apply_to_frames(
    network: eqx.Module, function: Callable[[Any], Any], observations: Shaped[AnyArray, "N ..."]
) -> Any:
    """`function`, which applies the `network`, of every observation, inside jit.

    Where all convolutions are products of matrices, for some frames at a time; only what layers sum up is kept of these
    for the gradient, the rest is computed anew. XLA's own convolutions take twice as long in a loop.
    The batch of an exported model has no size yet.
    """
    count = observations.shape[0]
    convolutions = [layer for layer in jax.tree.leaves(network, is_leaf=_is_conv) if _is_conv(layer)]
    many = isinstance(count, int) and count > AT_A_TIME
    if many and convolutions and all(layer.is_product for layer in convolutions):
        kept = jax.checkpoint_policies.save_only_these_names(SUMS)
        return jax.lax.map(jax.checkpoint(function, policy=kept), observations, batch_size=AT_A_TIME)
    return jax.vmap(function)(observations)


def _is_conv(layer: Any) -> bool:
    return isinstance(layer, Conv)


def size_after(size: int, kernel: int, stride: int) -> int:
    """Rows (or columns) that a convolution makes of `size`."""
    return (size - kernel) // stride + 1


class ConvNet(eqx.Module):
    """Convolutions, then dense layers, each followed by the activation: one frame `[H, W, C]` to features.

    Or what becomes a frame: an array in which rows and columns are other axes. All further ones are channels.
    """

    convolutions: list[Conv]
    dense: MLP
    activation: str = eqx.field(static=True)
    layer_norm: bool = eqx.field(static=True)
    shape: tuple[int, int, int] = eqx.field(static=True)
    """A frame's, `[H, W, C]`."""
    axes: tuple[tuple[int, ...], int] = eqx.field(static=True)
    """The shape of what becomes a frame, and its axis of rows, before that of columns."""

    def __init__(
        self,
        shape: tuple[int, ...],
        layers: Sequence[tuple[int, int, int]],
        hidden: Sequence[int],
        activation: str,
        generator: np.random.Generator,
        axes: tuple[tuple[int, ...], int] | None = None,
        layer_norm: bool = False,
    ):
        """`shape` is a frame's, `[H, W, C]`; raises SettingsError where it is too small for the `layers`."""
        self.shape, self.axes = (shape[0], shape[1], shape[2]), axes or (shape, 0)
        self.convolutions = []
        height, width, inputs = shape
        for channels, kernel, stride in layers:
            if min(height, width) < kernel:
                raise SettingsError(f"frames of {shape[0]}x{shape[1]} are too small for this network: set `network`")
            self.convolutions.append(Conv(inputs, channels, kernel, stride, generator))
            height, width, inputs = size_after(height, kernel, stride), size_after(width, kernel, stride), channels
        self.dense = MLP(height * width * inputs, hidden, activation, generator, layer_norm)
        self.activation, self.layer_norm = activation, layer_norm

    def __call__(self, frame: Float[AnyArray, "..."]) -> Float[Array, "f"]:
        """One-hot numbers have one more axis, or are flat."""
        shape, rows = self.axes
        if frame.shape != self.shape or rows:
            frame = jnp.moveaxis(frame.reshape(*shape, -1), (rows, rows + 1), (0, 1)).reshape(self.shape)
        for convolution in self.convolutions:
            frame = activate(convolution(frame), self.activation, self.layer_norm)
        return self.dense(frame)
