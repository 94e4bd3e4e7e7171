"""The layers of a policy, as people are shown them."""

import re

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from gymnasium.spaces import Box, Dict, Discrete

from a3c.networks.layers import layers
from a3c.networks.policy import Policy
from configs_for_tests import config_with

VECTOR = Box(-1, 1, (5,), np.float32)
FRAMES = Box(0, 255, (40, 36, 4), np.uint8)
NUMBERS = Box(-1, 1, (2,), np.float32)


@pytest.fixture(autouse=True)
def without_drawing(monkeypatch):
    """Weights are zeros: drawing large ones takes seconds."""
    for module in ("conv", "mlp"):
        monkeypatch.setattr(
            f"a3c.networks.{module}.orthogonal",
            lambda _, inputs, outputs, gain: np.zeros((inputs, outputs), np.float32),
        )


def layers_of(space, actions=None, network=None, **settings):
    policy = Policy.make(space, actions or Discrete(3), config_with(seed=0, **settings), network)
    module = policy.network(policy.initial_parameters)
    return policy, module, layers(module)


class Own(eqx.Module):
    layer: eqx.nn.Linear

    def __init__(self, space, key):
        self.layer = eqx.nn.Linear(5, 7, key=key)

    def __call__(self, observation):
        return self.layer(observation)


@pytest.mark.parametrize(
    ("space", "arguments"),
    [
        (VECTOR, {}),
        (VECTOR, {"shared_trunk": True, "hidden": (8,)}),
        (VECTOR, {"algorithm": "n-step-q", "recurrent": "gru"}),
        (FRAMES, {"algorithm": "pqn"}),
        (VECTOR, {"hidden": ()}),
        (VECTOR, {"actions": NUMBERS}),
        (VECTOR, {"actions": NUMBERS, "action_std": "gsde"}),
        (VECTOR, {"normalize_observations": True, "normalize_rewards": True}),
        (VECTOR, {"network": Own}),
        (VECTOR, {"network": Own, "recurrent": "gru", "recurrent_units": 3}),
        (VECTOR, {"recurrent": "lstm", "actions": NUMBERS}),
        (FRAMES, {}),
        (FRAMES, {"network": lambda space, key: eqx.nn.Lambda(jnp.ravel)}),
        (Dict(camera=FRAMES, speed=VECTOR, gear=Discrete(6)), {}),
    ],
    ids=lambda value: re.sub(" at 0x[0-9a-f]+", "", str(value)),
)
def test_every_parameter_is_in_one_of_the_layers(space, arguments):
    policy, _, found = layers_of(space, **arguments)
    assert sum(layer.parameters for part in found.values() for layer in part) == policy.size


def test_policy_and_value_apart_or_together():
    _, _, apart = layers_of(VECTOR, hidden=(8, 4))
    _, _, together = layers_of(VECTOR, hidden=(8, 4), shared_trunk=True)
    dense = [("dense, tanh", (8,), 48), ("dense, tanh", (4,), 36)]
    assert apart == {
        "policy": dense, "value": dense, "heads": [("policy head", (3,), 15), ("value head", (1,), 5)]
    }  # fmt: skip
    assert together == {"policy and value": dense, "heads": apart["heads"]}


@pytest.mark.parametrize("network", ["a3c", "small", "nature"])
def test_convolutions_give_what_they_are_said_to(network):
    space = Box(0, 255, (84, 60, 2), np.uint8)
    settings = config_with(seed=0, network=network, hidden=(16,), activation="elu")
    policy = Policy.make(space, Discrete(3), settings)
    module = policy.network(policy.initial_parameters)
    found = layers(module)["policy and value"]
    frame = jnp.zeros(space.shape)
    for convolution, layer in zip(module.torso.convolutions, found, strict=False):
        frame = jax.eval_shape(convolution, frame)
        assert layer.output == frame.shape
        assert layer.parameters == convolution.weight.size + convolution.bias.size
        kernel = convolution.weight.shape[0]
        assert layer.name == f"convolution {kernel}x{kernel}, stride {convolution.stride}, elu"
    assert len(found) == len(module.torso.convolutions) + 1
    assert found[-1][:2] == ("dense, elu", (16,))


def test_convolutions_of_a_part_bear_its_name():
    _, _, found = layers_of(Dict(eyes=Dict(left=FRAMES), speed=VECTOR))
    names = [layer.name for layer in found["policy and value"]]
    assert names[0] == "eyes/left: convolution 4x4, stride 2, relu"
    assert names[-1] == "dense, tanh"


def test_a_network_of_ones_own_is_one_layer():
    _, _, found = layers_of(VECTOR, network=Own)
    assert found["policy"] == [("Own", (7,), 5 * 7 + 7)]


def test_a_recurrent_layer_comes_last():
    _, _, found = layers_of(VECTOR, network=Own, recurrent="lstm", recurrent_units=3)
    assert found["policy and value"] == [("Own", (7,), 5 * 7 + 7), ("LSTM", (3,), 4 * (7 * 3 + 3 + 3 * 3))]
