"""Convolutions as matrix products are convolutions, and the networks are those of the papers."""

import operator
from functools import partial

import jax
import jax.export
import jax.numpy as jnp
import numpy as np
import pytest

from a3c.errors import SettingsError
from a3c.networks.conv import LAYERS, WIDTHS, Conv, ConvNet, apply_to_frames, size_after


@pytest.fixture
def without_drawing(monkeypatch):
    """Weights are zeros: drawing large ones takes seconds."""
    for module in ("conv", "mlp"):
        monkeypatch.setattr(
            f"a3c.networks.{module}.orthogonal", lambda _, inputs, outputs, gain: np.zeros((inputs, outputs))
        )


def of_lax(weight, bias, frame, stride):
    return (
        bias
        + jax.lax.conv_general_dilated(
            frame[None],
            weight,
            (stride, stride),
            "VALID",
            dimension_numbers=("NHWC", "HWIO", "NHWC"),
            precision="highest",
        )[0]
    )


def random_conv(generator, inputs, channels, kernel, stride):
    conv = Conv(inputs, channels, kernel, stride, generator)
    conv = jax.tree.map(lambda leaf: generator.normal(size=leaf.shape).astype(np.float32), conv)
    return conv, conv.weight, conv.bias


@pytest.mark.parametrize("deep", [0, 10**9], ids=["product", "by XLA"])
@pytest.mark.parametrize(("inputs", "channels"), [(1, 2), (3, 5)])
@pytest.mark.parametrize("rest", [(0, 0), (1, 1), (0, 1), (5, 3)])
@pytest.mark.parametrize(("kernel", "stride"), [(8, 4), (4, 2), (3, 1), (6, 3), (2, 2)])
def test_a_convolution_and_its_gradient_are_those_of_lax(kernel, stride, rest, inputs, channels, deep, monkeypatch):
    monkeypatch.setattr("a3c.networks.conv.DEEP", deep)
    generator = np.random.default_rng(0)
    conv, weight, bias = random_conv(generator, inputs, channels, kernel, stride)
    height, width = kernel + 2 * stride + rest[0] % stride, kernel + 3 * stride + rest[1] % stride
    frame = generator.normal(size=(height, width, inputs)).astype(np.float32)

    def result_and_gradients(function, arguments):
        result = function(*arguments)
        # Another weight for every number of the result, so that no place is taken for another.
        weights = np.random.default_rng(1).normal(size=result.shape).astype(np.float32)
        return result, jax.grad(lambda arguments: jnp.sum(weights * function(*arguments)))(arguments)

    with jax.default_matmul_precision("highest"):
        found, found_gradients = jax.jit(
            lambda conv, frame: result_and_gradients(lambda conv, frame: conv(frame), (conv, frame))
        )(conv, frame)
        expected, (by_weight, by_bias, by_frame) = jax.jit(
            lambda *arguments: result_and_gradients(lambda *a: of_lax(*a, stride), arguments)
        )(weight, bias, frame)
    assert found.shape == (3, 4, channels) == (size_after(height, kernel, stride), 4, channels)
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4)
    of_conv, of_frame = found_gradients
    for gradient, right in ((of_conv.weight, by_weight), (of_conv.bias, by_bias), (of_frame, by_frame)):
        assert np.abs(right).max() > 0.1
        np.testing.assert_allclose(gradient, right, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        # Weights and biases of each convolution, then of the dense layer over 9x9x32, 7x7x64 and 19x19x16.
        ("a3c", (4_112, 8_224, 663_808)),
        ("nature", (8_224, 32_832, 36_928, 1_606_144)),
        ("small", (1_040, 4_112, 739_456)),
    ],
)
def test_the_networks_have_as_many_parameters_as_in_the_papers(name, parameters, without_drawing):
    network = ConvNet((84, 84, 4), LAYERS[name], WIDTHS[name], "relu", np.random.default_rng(0))
    layers = [*network.convolutions, *network.dense.layers]
    assert tuple(layer.weight.size + layer.bias.size for layer in layers) == parameters


def test_convolutions_begin_orthogonal_and_without_bias():
    conv = Conv(4, 16, 8, 4, np.random.default_rng(0))
    columns = conv.weight.reshape(-1, 16)
    np.testing.assert_allclose(columns.T @ columns, 2 * np.eye(16), atol=1e-5)
    assert not conv.bias.any()


def test_a_network_applies_its_activation_after_every_layer():
    generator = np.random.default_rng(0)
    network = ConvNet((16, 20, 2), ((3, 4, 2), (5, 3, 1)), (7,), "elu", generator)
    frame = generator.normal(size=(16, 20, 2)).astype(np.float32)
    expected = frame
    for layer, stride in zip(network.convolutions, (2, 1), strict=True):
        expected = jax.nn.elu(of_lax(layer.weight, layer.bias, expected, stride))
    dense = network.dense.layers[0]
    expected = jax.nn.elu(expected.ravel() @ dense.weight + dense.bias)
    np.testing.assert_allclose(network(frame), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("axes", [(None, 0), (None, 2), (0, None), (0, 0)], ids=str)
def test_a_batch_of_networks_or_of_frames_has_the_results_and_gradients_of_each_alone(axes):
    generator = np.random.default_rng(0)
    convs, frames = [random_conv(generator, 4, 3, 8, 4)[0] for _ in range(2)], generator.normal(size=(2, 16, 20, 4))

    def result_and_gradients(conv, frame):
        return conv(frame), jax.grad(lambda both: jnp.sum(both[0](both[1]) ** 2))((conv, frame))

    of_convs, of_frames = axes
    batch = (
        convs[0] if of_convs is None else jax.tree.map(lambda *leaves: np.stack(leaves), *convs),
        frames[0] if of_frames is None else np.moveaxis(frames, 0, of_frames),
    )
    with jax.default_matmul_precision("highest"):
        found = jax.jit(jax.vmap(result_and_gradients, axes))(*batch)
        for i in range(2):
            expected = result_and_gradients(convs[i * (of_convs == 0)], frames[i * (of_frames is not None)])
            of_one = jax.tree.map(operator.itemgetter(i), found)
            jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-2), of_one, expected)


@pytest.mark.parametrize("count", [31, 32, 70, 96], ids=lambda count: f"{count} frames")
@pytest.mark.parametrize(("name", "looped"), [("a3c", True), ("small", False)])
def test_many_frames_have_the_features_and_the_gradient_of_each_alone(name, looped, count):
    generator = np.random.default_rng(0)
    network = ConvNet((20, 24, 4), LAYERS[name], (7,), "relu", generator)
    frames = generator.integers(0, 255, (count, 20, 24, 4)).astype(np.uint8)
    weights = generator.normal(size=(count, 7)).astype(np.float32)

    def weighted(network, apply):
        features = apply(lambda frame: network(frame.astype(np.float32) / 255))
        return jnp.sum(weights * features), features

    def of_many(features_of):
        return apply_to_frames(network, features_of, jnp.asarray(frames))

    def of_each(features_of):
        return jax.vmap(features_of)(frames)

    with jax.default_matmul_precision("highest"):
        found, expected = (
            jax.jit(jax.grad(partial(weighted, apply=apply), has_aux=True))(network) for apply in (of_many, of_each)
        )
    jax.tree.map(lambda one, other: np.testing.assert_allclose(one, other, rtol=1e-3, atol=1e-3), found, expected)
    loops = str(jax.make_jaxpr(partial(weighted, apply=of_many))(network)).count("scan[")
    assert loops == (1 if looped and count > 32 else 0)


def test_a_batch_whose_size_is_not_known_is_exported():
    network = ConvNet((20, 24, 4), LAYERS["a3c"], (7,), "relu", np.random.default_rng(0))
    (batch,) = jax.export.symbolic_shape("batch")
    frames = jax.ShapeDtypeStruct((batch, 20, 24, 4), np.float32)
    exported = jax.export.export(jax.jit(lambda frames: apply_to_frames(network, network, frames)))(frames)
    assert exported.call(np.zeros((70, 20, 24, 4), np.float32)).shape == (70, 7)


@pytest.mark.parametrize(
    ("name", "large_enough"),
    [("a3c", (20, 20)), ("nature", (36, 36)), ("small", (10, 10)), ("grid", (3, 3))],
    ids=LAYERS,
)
@pytest.mark.parametrize("smaller", [(0, 1), (1, 0)])
def test_a_frame_too_small_is_refused(name, large_enough, smaller):
    def make(height, width):
        return ConvNet((height, width, 1), LAYERS[name], (3,), "relu", np.random.default_rng(0))

    make(*large_enough)
    height, width = large_enough[0] - smaller[0], large_enough[1] - smaller[1]
    with pytest.raises(SettingsError, match=rf"frames of {height}x{width} are too small .* `network`"):
        make(height, width)
