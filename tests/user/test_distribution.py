"""`agent.distribution`: what the policy would do, held against what `predict` draws."""

import numpy as np
import pytest
from gymnasium import spaces
from odd_environments import Walk
from small_agents import BATCH, OBSERVATION, cartpole

import a3c
from a3c.errors import AgentLearning, InvalidObservation, SettingsError

DRAWN = 20_000


def agent_of(space, scale=0.4, algorithm=a3c.A3C, **settings):
    """An agent whose actions are of this space, not all as likely: its parameters are those at first and drawn ones."""

    class Acts(Walk):
        action_space = space

    agent = algorithm(Acts, backend="inline", seed=1, **settings)
    drawn = np.random.default_rng(5).normal(0, scale, agent.policy.size)
    agent._start.parameters = (agent.parameters + drawn).astype(np.float32)
    return agent


def drawn(agent):
    """What `predict` draws after one observation, many times, and what `distribution` says of it."""
    observation = agent.make_environment().observation_space.sample()
    batch = np.repeat(observation[None], DRAWN, axis=0)
    return agent.predict(batch, deterministic=False)[0], observation


@pytest.mark.parametrize("algorithm", [a3c.A3C, a3c.PQN], ids=str)
def test_probabilities_are_those_of_the_actions_that_are_drawn(algorithm):
    agent = agent_of(spaces.Discrete(4, start=3), algorithm=algorithm)
    actions, observation = drawn(agent)
    said = agent.distribution(observation)
    np.testing.assert_allclose(said.probabilities, np.bincount(actions - 3, minlength=4) / DRAWN, atol=0.015)
    assert said.action == agent.predict(observation, deterministic=True)[0] == 3 + np.argmax(said.probabilities)
    assert said.entropy == pytest.approx(-np.sum(said.probabilities * np.log(said.probabilities)), rel=1e-4)
    assert said.value == pytest.approx(agent.value(observation))
    assert said.mean is said.std is None
    if algorithm is a3c.PQN:
        # 0.05 of what is drawn is random.
        assert max(said.probabilities) == pytest.approx(0.95 + 0.05 / 4)
        assert np.argmax(said.action_values) == said.action - 3
    else:
        assert said.action_values is None


def test_every_choice_and_every_bit_has_its_probabilities():
    agent = agent_of(spaces.MultiDiscrete([2, 4]))
    actions, observation = drawn(agent)
    for choice, (probabilities, size) in enumerate(
        zip(agent.distribution(observation).probabilities, (2, 4), strict=True)
    ):
        np.testing.assert_allclose(probabilities, np.bincount(actions[:, choice], minlength=size) / DRAWN, atol=0.015)
    agent = agent_of(spaces.MultiBinary((2, 2)))
    actions, observation = drawn(agent)
    np.testing.assert_allclose(agent.distribution(observation).probabilities, actions.mean(axis=0), atol=0.015)


def test_actions_of_several_parts_have_what_each_part_has():
    parts = {"lever": spaces.Discrete(3, start=5), "force": spaces.Box(-3, 5, (2,)), "bits": spaces.MultiBinary(2)}
    agent = agent_of(spaces.Dict(inner=spaces.Tuple([spaces.Dict(parts)])), 0.05, log_std=-2.0)
    actions, observation = drawn(agent)
    said, actions = agent.distribution(observation), actions["inner"][0]
    probabilities, mean, std = (numbers["inner"][0] for numbers in (said.probabilities, said.mean, said.std))
    shares = np.bincount(actions["lever"] - 5, minlength=3) / DRAWN
    np.testing.assert_allclose(probabilities["lever"], shares, atol=0.015)
    np.testing.assert_allclose(probabilities["bits"], actions["bits"].mean(axis=0), atol=0.015)
    np.testing.assert_allclose(std["force"], actions["force"].std(axis=0), rtol=0.05)
    np.testing.assert_array_less(np.abs(mean["force"] - actions["force"].mean(axis=0)), 0.05 * std["force"])
    assert probabilities["force"] is mean["lever"] is std["bits"] is None
    assert said.action["inner"][0]["lever"] == 5 + np.argmax(probabilities["lever"])
    assert isinstance(said.entropy, float)


@pytest.mark.parametrize("settings", [{"log_std": -2.0}, {"action_bounds": "tanh"}], ids=str)
def test_mean_and_deviation_are_in_the_units_of_the_environment(settings):
    # Nothing is clipped: the deviation is small at first, or kept within the bounds by tanh.
    agent = agent_of(spaces.Box(np.array([[-3, -100]]), np.array([[5, 300]]), dtype=np.float64), 0.05, **settings)
    actions, observation = drawn(agent)
    said = agent.distribution(observation)
    assert said.probabilities is None
    np.testing.assert_allclose(said.std, actions.std(axis=0), rtol=0.05)
    np.testing.assert_array_less(np.abs(said.mean - actions.mean(axis=0)), 0.05 * said.std)


def test_a_batch_gives_what_its_observations_give_alone():
    agent = cartpole()
    said = agent.distribution(BATCH)
    assert said.probabilities.shape == (6, 2)
    assert said.action.shape == said.entropy.shape == said.value.shape == (6,)
    alone = agent.distribution(BATCH[3])
    np.testing.assert_allclose(said.probabilities[3], alone.probabilities, rtol=1e-5)
    assert isinstance(alone.entropy, float)
    assert isinstance(alone.value, float)


def test_what_is_remembered_is_taken_into_account():
    agent = cartpole(recurrent="gru")
    _, state = agent.predict(OBSERVATION)
    first, next = (agent.distribution(OBSERVATION, given).value for given in (None, state))
    assert first != next
    assert next == agent.value(OBSERVATION, state)


def test_what_has_no_distribution_is_refused_in_one_line():
    with pytest.raises(InvalidObservation, match="observation has shape"):
        cartpole().distribution(np.zeros(3))
    with pytest.raises(SettingsError, match="actions of a random agent are uniform"):
        a3c.RandomAgent("CartPole-v1", backend="inline").distribution(OBSERVATION)
    agent = cartpole()
    with pytest.raises(AgentLearning, match="distribution"):
        agent.learn(steps=64, callback=lambda training: agent.distribution(OBSERVATION) is None)
