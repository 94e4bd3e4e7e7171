"""Which network a policy gets, by default and when it is named."""

import jax
import numpy as np
import pytest
from gymnasium.spaces import Box, Discrete

from a3c.errors import SettingsError
from a3c.networks.choosing import make_torso, shares_trunk
from a3c.networks.conv import LAYERS, ConvNet
from a3c.networks.mlp import MLP
from a3c.networks.policy import Policy
from a3c.networks.readings import readings
from configs_for_tests import config_with

VECTOR = Box(-1, 1, (5,), np.float32)
MEMORY = Box(0, 255, (128,), np.uint8)
GRID = Box(0, 1, (10, 10, 4), bool)


@pytest.fixture
def without_drawing(monkeypatch):
    """Weights are zeros: drawing large ones takes seconds."""
    for module in ("conv", "mlp"):
        monkeypatch.setattr(
            f"a3c.networks.{module}.orthogonal", lambda _, inputs, outputs, gain: np.zeros((inputs, outputs))
        )


def frames(*shape, dtype=np.uint8):
    return Box(0, 255, shape, dtype)


def torso_of(space, **settings):
    return make_torso(config_with(**settings), space, np.random.default_rng(0))


def widths(mlp):
    return [layer.weight.shape[-1] for layer in mlp.layers]


@pytest.mark.parametrize(
    ("space", "name"),
    [(VECTOR, "mlp"), (MEMORY, "mlp"), (frames(84, 84, 4), "a3c"), (frames(40, 40, 4), "small"), (GRID, "grid")],
    ids=str,
)
def test_observations_have_the_network_that_suits_them(space, name, without_drawing):
    torso, features = torso_of(space)
    assert shares_trunk(config_with(), space) == (name != "mlp") == isinstance(torso, ConvNet)
    if name != "mlp":
        assert [layer.weight.shape[-1] for layer in torso.convolutions] == [size for size, _, _ in LAYERS[name]]
    assert features == {"mlp": 64, "a3c": 256, "small": 128, "grid": 128}[name]


def test_a_named_network_comes_before_what_suits(without_drawing):
    assert readings(config_with(network="mlp"), frames(84, 84, 4))[()].network == "mlp"
    assert readings(config_with(network="nature"), frames(40, 40, 4))[()].network == "nature"
    assert isinstance(torso_of(frames(84, 84, 4, dtype=np.float32), network="a3c")[0], ConvNet)


@pytest.mark.parametrize(
    ("network", "hidden"), [("a3c", [256]), ("nature", [512]), ("small", [128]), ("grid", [128]), ("mlp", [64, 64])]
)
def test_every_network_has_hidden_layers_and_an_activation_of_its_own(network, hidden, without_drawing):
    torso, features = torso_of(frames(36, 36, 2), network=network)
    dense = torso if network == "mlp" else torso.dense
    assert isinstance(torso, MLP if network == "mlp" else ConvNet)
    assert widths(dense) == hidden
    assert features == hidden[-1]
    assert torso.activation == dense.activation == ("tanh" if network == "mlp" else "relu")
    if network != "mlp":
        assert [layer.weight.shape[-1] for layer in torso.convolutions] == [size for size, _, _ in LAYERS[network]]


@pytest.mark.parametrize("network", ["a3c", "nature", "small", "grid", "mlp"])
def test_hidden_layers_and_activation_can_be_set(network, without_drawing):
    torso, features = torso_of(frames(36, 36, 2), network=network, hidden=(30, 20), activation="elu")
    assert widths(torso if network == "mlp" else torso.dense) == [30, 20]
    assert features == 20
    assert torso.activation == "elu"


def test_an_mlp_without_hidden_layers_hands_on_every_number():
    assert torso_of(frames(7, 7, 3), network="mlp", hidden=())[1] == 147


@pytest.mark.parametrize("shared_trunk", [True, False])
@pytest.mark.parametrize(("space", "always"), [(VECTOR, False), (frames(16, 16, 1), True)], ids=["vector", "frames"])
def test_convolutions_always_share_the_trunk(space, always, shared_trunk):
    policy = Policy.make(space, Discrete(3), config_with(seed=0, hidden=(8,), shared_trunk=shared_trunk))
    network = policy.network(policy.initial_parameters)
    assert (network.critic_torso is None) == (always or shared_trunk)
    distribution, values = jax.jit(policy)(policy.first_snapshot, np.zeros((2, *space.shape), space.dtype))
    assert distribution.log_probs.shape == (2, 3)
    assert values.shape == (2,)


@pytest.mark.parametrize("space", [VECTOR, MEMORY, frames(3, 3, 3, 3, 3)], ids=str)
@pytest.mark.parametrize("network", ["a3c", "nature", "small", "grid"])
def test_convolutions_over_what_are_no_frames_are_refused(network, space):
    with pytest.raises(SettingsError, match=rf"`network` {network} needs frames .*: use mlp"):
        torso_of(space, network=network)


@pytest.mark.parametrize("network", ["a3c", None])
def test_convolutions_without_a_dense_layer_are_refused(network):
    with pytest.raises(SettingsError, match=r"`network` a3c needs a dense layer .*`hidden`"):
        torso_of(frames(84, 84, 4), network=network, hidden=())


def test_frames_too_small_for_the_named_network_are_refused():
    with pytest.raises(SettingsError, match=r"frames of 16x16 are too small .*`network`"):
        torso_of(frames(16, 16, 1), network="a3c")
