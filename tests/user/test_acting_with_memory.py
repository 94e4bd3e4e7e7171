"""The Python surface of an agent that remembers: predict, value and evaluate with its state."""

import numpy as np
import pytest
from gymnasium.vector import AutoresetMode
from small_agents import BATCH, OBSERVATION, cartpole

from a3c import A3C
from environments_for_tests import MODES, Recall, vector_of


@pytest.fixture(scope="module")
def agent() -> A3C:
    """An agent that tests only read."""
    return cartpole(recurrent="lstm", recurrent_units=5)


@pytest.mark.parametrize("deterministic", [True, False])
def test_predict_gives_the_state_that_it_takes(agent, deterministic):
    action, first = agent.predict(OBSERVATION, deterministic=deterministic)
    assert np.shape(action) == ()
    assert first.shape == (10,)
    _, second = agent.predict(OBSERVATION, first, deterministic)
    _, again = agent.predict(OBSERVATION, None, deterministic)
    assert not np.allclose(first, second)
    np.testing.assert_array_equal(first, again)
    assert agent.value(OBSERVATION, first) != agent.value(OBSERVATION)


def test_a_policy_that_is_called_by_hand_remembers_nothing_at_first(agent):
    nothing = np.zeros((6, 10), np.float32)
    for given in ((), (nothing,)):
        np.testing.assert_array_equal(agent.policy.value(agent.snapshot, BATCH, *given), agent.value(BATCH))
    actions, _ = agent.policy.best_action(agent.snapshot, BATCH)
    np.testing.assert_array_equal(actions, agent.predict(BATCH)[0])


def test_a_batch_gives_what_its_observations_give_alone(agent):
    states = np.random.default_rng(0).normal(size=(6, 10)).astype(np.float32)
    actions, after = agent.predict(BATCH, states)
    alone = [agent.predict(observation, state) for observation, state in zip(BATCH, states, strict=True)]
    assert actions.tolist() == [int(action) for action, _ in alone]
    np.testing.assert_allclose(after, [state for _, state in alone], rtol=1e-5, atol=1e-6)
    # Rows may be set to 0 where an episode starts.
    after[2] = 0.0
    np.testing.assert_allclose(agent.predict(BATCH, after)[1][2], agent.predict(BATCH[2])[1], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(("observation", "state"), [(OBSERVATION, np.zeros(9)), (BATCH, np.zeros(10))])
def test_a_state_of_another_shape_is_refused(agent, observation, state):
    with pytest.raises(ValueError, match=r"state has shape .*; expected .*10.*, as predict gave it"):
        agent.predict(observation, state)


@pytest.mark.parametrize("mode", MODES, ids=lambda mode: mode.value)
def test_evaluate_starts_each_episode_with_nothing_remembered(mode, monkeypatch):
    agent = A3C(vector_of(Recall, mode), backend="inline", seed=1, recurrent="gru", recurrent_units=4)
    seen, make_player = [], agent._player

    def noting(snapshot, manner):
        player = make_player(snapshot, manner)

        def play(observations, state):
            seen.append((observations[:, 0], np.zeros((20, 4)) if state is None else state.copy()))
            return player(observations, state)

        return play

    monkeypatch.setattr(agent, "_player", noting)
    agent.evaluate(episodes=20)
    ages = np.full(20, -1)
    for step, (observations, states) in enumerate(seen):
        # An episode shows its cue in its first observation alone.
        starts = observations != 0
        np.testing.assert_array_equal((states == 0).all(axis=1), starts)
        ages = np.where(starts, 0, ages + 1)
        assert ages.max() <= (4 if mode is AutoresetMode.NEXT_STEP else 3), step
    assert sum((observations != 0).sum() for observations, _ in seen) >= 20
