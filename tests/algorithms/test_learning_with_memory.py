"""Recurrent policies, with every algorithm: what has to be remembered is learned, saved, and played."""

import numpy as np
import pytest
from gymnasium.vector import AutoresetMode
from learning_agents import make

import a3c
from a3c import RandomAgent
from environments_for_tests import MODES, Recall, vector_of

LEARN = {"learning_rate": 0.01, "entropy_coefficient": 0.003}


def score_of(agent, steps):
    agent.learn(steps=steps, seconds=120)
    return agent.evaluate(episodes=100, seed=1).mean


# A3C recalls in the tests below, and in one process A2C learns as A3C does.
@pytest.mark.parametrize(("algorithm", "recurrent"), [("ga3c", "lstm"), ("impala", "gru"), ("n-step-q", "gru")])
def test_what_was_seen_first_is_recalled(algorithm, recurrent):
    more = {"lag_correction": "vtrace"} if algorithm == "ga3c" else {"hidden": (16,)} if algorithm == "n-step-q" else {}
    assert score_of(make(Recall, algorithm, recurrent=recurrent, **LEARN | more), 8_000) > 0.95


def test_without_memory_it_is_not():
    assert score_of(make(Recall, **LEARN), 8_000) < 0.7


# In the other tests they start at the next step.
@pytest.mark.parametrize(
    "mode", [mode for mode in MODES if mode is not AutoresetMode.NEXT_STEP], ids=lambda mode: mode.value
)
def test_it_is_recalled_however_episodes_start(mode):
    agent = make(vector_of(Recall, mode), recurrent="lstm", **LEARN)
    assert score_of(agent, 8_000) > 0.95


@pytest.mark.parametrize("settings", [{"n_step": 4}, {"segment_ends": "episode"}], ids=str)
def test_it_is_recalled_with_segments_of_other_forms(settings):
    assert score_of(make(Recall, recurrent="gru", **LEARN | settings), 8_000) > 0.95


def test_an_agent_that_recalls_is_saved_and_goes_on(tmp_path):
    agent = make(Recall, recurrent="lstm", recurrent_units=8, **LEARN)
    result = agent.learn(steps=400, run=tmp_path / "run")
    loaded = a3c.load(result.run / "checkpoints" / "latest.safetensors", environment=Recall)
    batch = np.array([[1], [-1], [0]], np.float32)
    states = np.random.default_rng(0).normal(size=(3, 16)).astype(np.float32)
    np.testing.assert_array_equal(loaded.value(batch, states), agent.value(batch, states))
    assert score_of(loaded, 8_000) > 0.95


def test_the_random_agent_takes_the_settings_of_a_recurrent_one():
    assert RandomAgent(Recall, backend="inline", recurrent="lstm", seed=1).learn(steps=100).summary["steps"] >= 100


@pytest.mark.parametrize("algorithm", ["a3c", "ga3c"])
def test_two_processes_hand_over_what_is_remembered(algorithm):
    agent = make(vector_of(Recall, AutoresetMode.SAME_STEP), algorithm, backend="processes", workers=2, recurrent="gru")
    summary = agent.learn(steps=600, seconds=120).summary
    assert summary["episodes"] == summary["steps"] // 4
