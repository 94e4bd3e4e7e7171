"""A Keras model as the network of an agent, as tutorials define it: trained in worker processes, saved, loaded."""

import os

import numpy as np
import pytest
from small_agents import BATCH, cartpole

import a3c
from a3c.errors import CheckpointError, ExportError, SettingsError

os.environ.setdefault("KERAS_BACKEND", "jax")
keras = pytest.importorskip("keras")

# Keras converts its weights in a way that NumPy 2 has another one for.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")


def make_model(hidden: int = 16) -> "keras.Model":
    keras.utils.set_random_seed(1)
    inputs = keras.layers.Input(shape=(4,))
    x = keras.layers.Dense(hidden, activation="relu")(inputs)
    policy = keras.layers.Dense(2, activation="softmax")(x)
    value = keras.layers.Dense(1, activation="linear")(x)
    return keras.Model(inputs, [policy, value])


def check_same(model: "keras.Model", agent: a3c.A3C) -> None:
    policy, values = (np.asarray(output) for output in model(BATCH))
    np.testing.assert_array_equal(policy.argmax(axis=-1), agent.predict(BATCH)[0])
    np.testing.assert_allclose(values[:, 0], agent.policy.value(agent.snapshot, BATCH), rtol=1e-4, atol=1e-5)
    distribution, _ = agent.policy(agent.snapshot, BATCH)
    np.testing.assert_allclose(np.log(policy), distribution.log_probs, rtol=1e-4, atol=1e-5)


# In GA3C's learner it also chooses actions.
@pytest.mark.parametrize("algorithm", ["a3c", "ga3c"])
def test_workers_train_it_and_it_is_saved_as_a_keras_file(algorithm, tmp_path):
    agent = a3c.agent.AGENTS[algorithm]("CartPole-v1", network=make_model(), workers=2, seed=1)
    before = agent.value(BATCH)
    summary = agent.learn(steps=3000).summary
    assert summary["steps"] >= 3000
    assert summary["updates"] > 0
    assert not np.allclose(agent.value(BATCH), before)
    agent.keras_model().save(tmp_path / "cartpole.keras")
    check_same(keras.saving.load_model(tmp_path / "cartpole.keras"), agent)


def test_features_are_saved_with_the_heads_that_they_got(tmp_path):
    features = keras.Sequential([keras.layers.Dense(16, activation="relu"), keras.layers.Dense(8, activation="relu")])
    agent = cartpole(network=features)
    agent.learn(steps=256)
    agent.keras_model().save(tmp_path / "cartpole.keras")
    logits, values = keras.saving.load_model(tmp_path / "cartpole.keras")(BATCH)
    np.testing.assert_array_equal(np.asarray(logits).argmax(axis=-1), agent.predict(BATCH)[0])
    np.testing.assert_allclose(
        np.asarray(values)[:, 0], agent.policy.value(agent.snapshot, BATCH), rtol=1e-4, atol=1e-5
    )


def test_a_checkpoint_and_the_model_give_the_agent_back_and_it_learns_on(tmp_path):
    agent = cartpole(network=make_model())
    steps = agent.learn(steps=640).summary["steps"]
    agent.save(tmp_path / "agent.safetensors")
    again = a3c.load(tmp_path / "agent.safetensors", network=make_model())
    np.testing.assert_array_equal(again.value(BATCH), agent.value(BATCH))
    assert again.learn(steps=320).summary["steps"] >= steps + 320
    check_same(again.keras_model(), again)
    with pytest.raises(CheckpointError, match="parameters, but this network has"):
        a3c.load(tmp_path / "agent.safetensors", network=make_model(hidden=8))
    with pytest.raises(SettingsError, match="give it again with network="):
        a3c.load(tmp_path / "agent.safetensors")


def test_it_is_not_exported_to_onnx_and_its_weights_are(tmp_path):
    agent = cartpole(network=make_model())
    with pytest.raises(ExportError, match=r"agent\.keras_model\(\) gives it"):
        agent.export(tmp_path / "policy.onnx")
    agent.export(tmp_path / "policy.npz")
    weights = [array for name, array in np.load(tmp_path / "policy.npz").items() if name.startswith("weights.")]
    assert sum(array.size for array in weights) == agent.policy.size


def test_an_agent_with_another_network_has_no_keras_model():
    with pytest.raises(SettingsError, match="no Keras model"):
        cartpole().keras_model()
