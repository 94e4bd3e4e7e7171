"""Keras models as networks: what the policy gives is what the model gives, and what cannot be trained is refused."""

import os
import pickle
import subprocess
import sys

import cloudpickle
import gymnasium
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from gymnasium.spaces import Box, Dict, Discrete, MultiBinary, MultiDiscrete

from a3c.errors import SettingsError
from a3c.learning.snapshot import Snapshot
from a3c.networks.policy import Policy
from configs_for_tests import config_with

os.environ.setdefault("KERAS_BACKEND", "jax")
keras = pytest.importorskip("keras")
layers = keras.layers

NUMBERS, CHOICES = Box(-1, 1, (3,), np.float32), Discrete(4)
FRAMES = Box(0, 255, (12, 12, 2), np.uint8)
PARTS = Dict({"right": NUMBERS, "left": Discrete(5)})


def make(model, observation_space=NUMBERS, action_space=CHOICES, **settings) -> Policy:
    return Policy.make(observation_space, action_space, config_with(**{"seed": 0} | settings), model)


def dense(activation=None, outputs=4):
    inputs = layers.Input((3,))
    x = layers.Dense(6, activation="tanh")(inputs)
    return keras.Model(inputs, [layers.Dense(outputs, activation=activation)(x), layers.Dense(1)(x)])


def features():
    return keras.Sequential([layers.Dense(6, activation="relu"), layers.Dense(5, activation="tanh")])


def convolutions():
    inputs = layers.Input((12, 12, 2))
    x = layers.Flatten()(layers.Conv2D(3, 3, strides=2, activation="relu", padding="same")(inputs))
    return keras.Model(inputs, [layers.Softmax()(layers.Dense(4)(layers.LayerNormalization()(x))), layers.Dense(1)(x)])


def of_parts():
    inputs = {"left": layers.Input((5,), name="left"), "right": layers.Input((3,), name="right")}
    x = layers.Dense(6)(layers.Concatenate()([inputs["right"], inputs["left"]]))
    return keras.Model(inputs, [layers.Dense(4)(x), layers.Dense(1)(x)])


class Subclassed(keras.Model):
    """With a seed that nothing draws from, as layers of Keras's own have, which is no state."""

    def __init__(self):
        super().__init__()
        self.seed = keras.random.SeedGenerator(1)
        self.hidden, self.policy, self.critic = layers.Dense(6), layers.Dense(4), layers.Dense(1)

    def call(self, observations):
        x = keras.ops.tanh(self.hidden(observations))
        return keras.ops.softmax(self.policy(x)), self.critic(x)


MODELS = {
    "softmax": (lambda: dense("softmax"), NUMBERS, True),
    "features": (features, NUMBERS, False),
    "convolutions": (convolutions, FRAMES, True),
    "parts": (of_parts, PARTS, False),
    "subclassed": (Subclassed, NUMBERS, True),
}
each = pytest.mark.parametrize(("make_model", "space", "softmax"), MODELS.values(), ids=MODELS)


def sampled(space: gymnasium.Space, count: int = 5):
    """Observations as a user has them, packed for a policy, and as the network gets them."""
    space.seed(0)
    batch = [space.sample() for _ in range(count)]
    if isinstance(space, Dict):
        columns = {key: np.stack([observation[key] for observation in batch]) for key in space.spaces}
        return columns, {"left": np.eye(5, dtype=np.float32)[columns["left"]], "right": columns["right"]}
    batch = np.stack(batch)
    return batch, (batch / np.float32(255) if space.dtype == np.uint8 else batch)


def some_parameters(policy: Policy) -> np.ndarray:
    return np.random.default_rng(1).normal(scale=0.5, size=policy.size).astype(np.float32)


def outputs_of(policy: Policy, parameters: np.ndarray, batch) -> tuple[jax.Array, jax.Array]:
    distribution, values = jax.jit(policy)(Snapshot(parameters), policy.observations.pack(batch))
    return distribution.log_probs, values


@each
def test_the_policy_gives_what_the_model_gives_and_so_does_its_gradient(make_model, space, softmax):
    policy = make(make_model(), space)
    parameters = some_parameters(policy)
    batch, seen = sampled(space)
    model = policy.network(parameters).keras_model()
    state = [variable.value for variable in model.non_trainable_variables]

    def loss(log_probs, values):
        return jnp.sum(log_probs[:, 1]) + jnp.sum(values**2), (log_probs, values)

    def of_policy(parameters):
        return loss(*outputs_of(policy, parameters, batch))

    def of_model(weights):
        (outputs, values), _ = model.stateless_call(weights, state, seen)
        return loss(jnp.log(outputs) if softmax else jax.nn.log_softmax(outputs), values[:, 0])

    found, outputs = jax.jit(jax.grad(of_policy, has_aux=True))(parameters)
    weights = [variable.value for variable in model.trainable_variables]
    expected, expected_outputs = jax.jit(jax.grad(of_model, has_aux=True))(weights)
    for one, other in zip(outputs, expected_outputs, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-5)
    assert np.abs(found).max() > 0.1
    np.testing.assert_allclose(found, jnp.concatenate([x.ravel() for x in expected]), rtol=1e-3, atol=1e-4)


def test_training_starts_from_the_models_weights():
    model = dense()
    policy = make(model)
    expected = np.concatenate([np.array(variable.value).ravel() for variable in model.trainable_variables])
    np.testing.assert_array_equal(policy.initial_parameters, expected)
    np.testing.assert_array_equal(policy.flatten(policy.network(expected)), expected)


def test_features_get_heads_whose_first_policy_is_close_to_uniform():
    policy = make(features())
    batch, _ = sampled(NUMBERS)
    log_probs, _ = outputs_of(policy, policy.initial_parameters, batch)
    np.testing.assert_allclose(np.exp(log_probs), 0.25, atol=0.02)
    model = policy.network(policy.initial_parameters).keras_model()
    assert [layer.name for layer in model.layers[-2:]] == ["policy", "value"]


def test_probabilities_that_round_to_zero_leave_the_gradient_finite():
    policy = make(dense("softmax"))
    batch, _ = sampled(NUMBERS)

    def least(parameters):
        return outputs_of(policy, parameters, batch)[0].min()

    value, gradient = jax.jit(jax.value_and_grad(least))(1000 * some_parameters(policy))
    assert value < -60
    assert np.isfinite(value)
    assert np.isfinite(gradient).all()


def test_another_process_needs_no_keras():
    policy = make(dense("softmax"))
    parameters = some_parameters(policy)
    batch, _ = sampled(NUMBERS)
    code = """
import pickle, sys
sys.modules["keras"] = None
policy, arguments = pickle.load(sys.stdin.buffer)
distribution, values = policy(*arguments)
pickle.dump((distribution.log_probs.tolist(), values.tolist()), sys.stdout.buffer)
"""
    work = cloudpickle.dumps((policy, (Snapshot(parameters), batch)))
    done = subprocess.run([sys.executable, "-c", code], input=work, capture_output=True, timeout=120, check=True)
    for found, expected in zip(pickle.loads(done.stdout), outputs_of(policy, parameters, batch), strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)


def test_continuous_actions_have_the_models_output_as_mean():
    policy = make(dense("tanh", 2), action_space=Box(-3, 3, (2,), np.float32))
    parameters = some_parameters(policy)
    batch, seen = sampled(NUMBERS)
    distribution, _ = jax.jit(policy)(Snapshot(parameters), batch)
    network = policy.network(parameters)
    np.testing.assert_allclose(distribution.mean, network.keras_model()(seen)[0], rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(distribution.log_std, np.tile(network.log_std, (5, 1)))


HYBRID = Dict(choice=Discrete(2), numbers=Box(-1, 1, (2,)))


@pytest.mark.parametrize("space", [MultiDiscrete([2, 2]), MultiBinary(4), HYBRID], ids=str)
def test_logits_are_for_every_kind_of_choice(space):
    policy = make(dense(), action_space=space)
    assert np.asarray(policy.best_action(policy.first_snapshot, np.zeros((5, 3), np.float32))).shape[0] == 5


def with_layer(layer):
    return keras.Sequential([layers.Input((3,)), layers.Dense(4), layer])


def frozen():
    layer = layers.Dense(4)
    layer.trainable = False
    return with_layer(layer)


def of_dictionary():
    inputs = layers.Input((3,))
    return keras.Model(inputs, {"policy": layers.Dense(4)(inputs), "value": layers.Dense(1)(inputs)})


REFUSED = {
    "dropout": (lambda: with_layer(layers.Dropout(0.5)), {}, "keeps .*seed_generator_state.* leave out .*Dropout"),
    "batch normalization": (lambda: with_layer(layers.BatchNormalization()), {}, "keeps .*moving_mean"),
    "frozen": (frozen, {}, "keeps .*kernel.* freeze none"),
    "inputs": (dense, {"observation_space": Box(-1, 1, (7,))}, r"fails on .* \[\(7,\)\]: .*expected shape=\(None, 3\)"),
    "frames": (features, {"observation_space": FRAMES}, r"gives \[\(None, 12, 12, 5\)\]"),
    "outputs": (lambda: dense(outputs=3), {}, r"gives \[\(None, 3\), \(None, 1\)\], .* \[\(None, 4\), \(None, 1\)\]"),
    "dictionary": (of_dictionary, {}, "gives a dictionary: give policy and value as a list"),
    "softmax of bits": (lambda: dense("softmax"), {"action_space": MultiBinary(4)}, "softmax, but actions are Multi"),
    "gsde": (dense, {"action_space": Box(-1, 1, (4,)), "action_std": "gsde"}, "`action_std` gsde .* Keras"),
    "recurrent": (dense, {"recurrent": "lstm"}, "`recurrent` needs a network of another kind than Keras"),
}


@pytest.mark.parametrize(("make_model", "settings", "message"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_trained_is_refused_in_one_line(make_model, settings, message):
    with pytest.raises(SettingsError, match=message) as error:
        make(make_model(), **settings)
    assert len(str(error.value).splitlines()) == 1


def test_three_outputs_are_refused():
    inputs = layers.Input((3,))
    with pytest.raises(SettingsError, match="must give policy and value"):
        make(keras.Model(inputs, [layers.Dense(4)(inputs), layers.Dense(1)(inputs), layers.Dense(1)(inputs)]))


def test_what_is_not_installed_is_named(monkeypatch):
    def serialize(self, **options):
        raise ImportError("Please install 'flatbuffers'")

    monkeypatch.setattr(jax.export.Exported, "serialize", serialize)
    with pytest.raises(SettingsError, match=r"pip install '\.\[keras\]' \(Please install 'flatbuffers'\)"):
        make(dense())


def test_another_backend_is_refused():
    code = """
import keras
from a3c import A3C, A3CError
model = keras.Sequential([keras.layers.Input((4,)), keras.layers.Dense(3)])
try:
    A3C("CartPole-v1", network=model, backend="inline")
except A3CError as error:
    print(error)
"""
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ | {"KERAS_BACKEND": "numpy"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    expected = "network: Keras runs on numpy: set KERAS_BACKEND=jax before importing keras\n"
    assert done.stdout == expected, done.stderr
