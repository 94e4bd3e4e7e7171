"""The Python surface of a trained agent: predict, value, evaluate, save, load."""

import dataclasses

import numpy as np
import pytest
from odd_environments import Walk
from small_agents import BATCH, OBSERVATION, cartpole

import a3c
from a3c import A3C, RandomAgent
from a3c.errors import CheckpointError, SettingsError
from a3c.runs.checkpoint import Checkpoint
from configs_for_tests import PLAIN


@pytest.fixture(scope="module")
def agent() -> A3C:
    """A trained agent that tests only read."""
    agent = cartpole(**PLAIN)
    agent.learn(steps=2000)
    return agent


@pytest.mark.parametrize("deterministic", [True, False])
def test_predict_takes_one_observation_or_a_batch(agent, deterministic):
    action, state = agent.predict(OBSERVATION, deterministic=deterministic)
    assert np.shape(action) == ()
    assert action in (0, 1)
    assert state is None
    actions, state = agent.predict(BATCH, deterministic=deterministic)
    assert actions.shape == (6,)
    assert set(actions.tolist()) <= {0, 1}
    # An action of CartPole that its `step` accepts.
    environment = agent.make_environment()
    environment.reset(seed=1)
    environment.step(action)
    environment.close()


def actions(agent, **how) -> set[int]:
    """The actions that it takes, asked for one a hundred times."""
    return {int(agent.predict(np.zeros(4), **how)[0]) for _ in range(100)}


def test_predict_is_deterministic_unless_told(agent):
    assert agent.plays == "greedy"
    assert len(actions(agent)) == 1
    assert len(actions(agent, deterministic=False)) == 2


def test_an_agent_plays_as_its_checkpoint_says_unless_told(agent, tmp_path):
    agent.save(tmp_path / "greedy.safetensors")
    checkpoint = Checkpoint.load(tmp_path / "greedy.safetensors")
    dataclasses.replace(checkpoint, plays="sampled").save(tmp_path / "sampled.safetensors")
    drawing = a3c.load(tmp_path / "sampled.safetensors")
    assert drawing.plays == "sampled"
    assert len(actions(drawing)) == 2
    assert len(actions(drawing, deterministic=True)) == 1
    recorded, asked, greedy = (drawing.evaluate(episodes=3, deterministic=how) for how in (None, False, True))
    assert [str(one.manner) for one in (recorded, asked, greedy)] == [
        *("sampled, as recorded for this model", "sampled", "greedy")
    ]
    assert str(recorded).startswith("sampled, as recorded for this model: ")
    assert greedy.returns == agent.evaluate(episodes=3).returns
    drawing.save(tmp_path / "again.safetensors")
    assert a3c.load(tmp_path / "again.safetensors").plays == "sampled"


def test_a_random_agent_says_that_it_is():
    agent = RandomAgent("CartPole-v1", backend="inline", seed=1)
    assert str(agent.evaluate(episodes=2)).startswith("at random: ")


def test_a_batch_gives_what_its_observations_give_alone(agent):
    assert agent.predict(BATCH)[0].tolist() == [int(agent.predict(observation)[0]) for observation in BATCH]
    np.testing.assert_allclose(agent.value(BATCH), [agent.value(observation) for observation in BATCH], rtol=1e-5)


def test_value_is_a_number_or_an_array(agent):
    assert isinstance(agent.value(OBSERVATION), float)
    assert agent.value(BATCH).shape == (6,)


@pytest.mark.parametrize("observation", [np.zeros(3), np.zeros((2, 5)), np.zeros((2, 2, 4)), 0.0])
def test_an_observation_of_another_shape_is_refused(agent, observation):
    with pytest.raises(ValueError, match=r"expected \(4,\), or a batch of that"):
        agent.predict(observation)


def test_evaluate_plays_whole_episodes(agent):
    report = agent.evaluate(episodes=5)
    assert len(report.returns) == len(report.lengths) == 5
    assert report.mean == pytest.approx(np.mean(report.returns))
    assert report.std == pytest.approx(np.std(report.returns))
    assert report.returns == report.lengths
    assert agent.evaluate(episodes=5) == report
    assert agent.evaluate(episodes=5, seed=99) != report


def test_saving_and_loading_gives_the_same_agent(agent, tmp_path):
    agent.save(tmp_path / "agent.safetensors")
    loaded = a3c.load(tmp_path / "agent.safetensors")
    assert type(loaded) is A3C
    assert loaded.config == agent.config
    np.testing.assert_array_equal(loaded.predict(BATCH)[0], agent.predict(BATCH)[0])
    np.testing.assert_array_equal(loaded.value(BATCH), agent.value(BATCH))
    assert loaded.evaluate(episodes=3) == agent.evaluate(episodes=3)


def test_a_loaded_agent_learns_on_exactly_as_the_saved_one(tmp_path):
    agent = cartpole()
    agent.learn(steps=640)
    agent.save(tmp_path / "agent.safetensors")
    loaded = a3c.load(tmp_path / "agent.safetensors")
    assert loaded.learn(steps=320).summary["steps"] == agent.learn(steps=320).summary["steps"] >= 960
    np.testing.assert_array_equal(loaded.value(BATCH), agent.value(BATCH))


def test_a_factory_has_to_be_given_again(tmp_path):
    agent = A3C(Walk, backend="inline", seed=1, envs_per_worker=2)
    agent.learn(steps=64)
    agent.save(tmp_path / "agent.safetensors")
    with pytest.raises(SettingsError, match=r"environment factory, or .* \(Walk\): give what makes its environment as"):
        a3c.load(tmp_path / "agent.safetensors")
    loaded = a3c.load(tmp_path / "agent.safetensors", environment=Walk)
    assert loaded.value(np.ones(3)) == agent.value(np.ones(3))
    with pytest.raises(CheckpointError, match="was trained for the observation space"):
        a3c.load(tmp_path / "agent.safetensors", environment="CartPole-v1")


def test_a_network_has_to_be_given_again(tmp_path):
    import equinox as eqx

    def network(observation_space, key):
        return eqx.nn.Linear(observation_space.shape[0], 5, key=key)

    def larger(observation_space, key):
        return eqx.nn.Linear(observation_space.shape[0], 6, key=key)

    agent = cartpole(network=network)
    agent.learn(steps=64)
    agent.save(tmp_path / "agent.safetensors")
    with pytest.raises(SettingsError, match="give it again with network="):
        a3c.load(tmp_path / "agent.safetensors")
    with pytest.raises(CheckpointError, match="parameters, but this network has"):
        a3c.load(tmp_path / "agent.safetensors", network=larger)
    loaded = a3c.load(tmp_path / "agent.safetensors", network=network)
    np.testing.assert_array_equal(loaded.value(BATCH), agent.value(BATCH))


@pytest.mark.parametrize("content", [b"", b"no checkpoint at all"])
def test_loading_what_is_no_checkpoint(tmp_path, content):
    (tmp_path / "agent.safetensors").write_bytes(content)
    with pytest.raises(CheckpointError, match="is damaged or not a checkpoint"):
        a3c.load(tmp_path / "agent.safetensors")
