"""GA3C and IMPALA: segments on their way to the learner, the lag they come with, and what corrects for it."""

import numpy as np
import pytest
from gymnasium.vector import AutoresetMode
from learning_agents import learn, probabilities

from environments_for_tests import Bandit, Endless, vector_of

# Every row is a step, so that the steps tell how many segments there were.
ENDLESS = vector_of(Endless, AutoresetMode.SAME_STEP)
PROCESSES = {"backend": "processes", "workers": 2}


@pytest.mark.parametrize(
    ("algorithm", "settings", "workers"),
    [
        ("ga3c", {}, 1),
        ("ga3c", {"trainers": 2, "predictors": 2, "adjust_threads": True} | PROCESSES, 2),
        ("impala", {}, 1),
        ("impala", {"queue_size": 2} | PROCESSES, 2),
    ],
    ids=str,
)
def test_all_steps_are_trained_on_but_for_less_than_a_batch(algorithm, settings, workers):
    # Batches of 2 segments of 8 * 8 steps.
    _, result = learn(ENDLESS, 4991, algorithm, min_batch=100, **settings)
    segments, rest = divmod(result.summary["steps"], 64)
    assert rest == 0
    assert 4991 / 64 <= segments < 4991 / 64 + workers
    assert result.summary["updates"] == segments // 2
    # In one process a segment is learned from at once, and nothing else comes between.
    assert result.summary["policy_lag"] == 0 or workers > 1


def test_what_waits_when_the_last_worker_ends_is_trained_on_too():
    # The queue holds all segments, and the learner is still compiling when the last one comes.
    settings = {"min_batch": 128, "queue_size": 30, "hidden": (64, 64)}
    _, result = learn(ENDLESS, 1500, "impala", **PROCESSES | settings)
    assert result.summary["updates"] == result.summary["steps"] // 128


@pytest.mark.parametrize("settings", [{}, PROCESSES], ids=["inline", "processes"])
def test_a_forced_lag_is_the_least_there_is(settings):
    _, result = learn(ENDLESS, 5000, "impala", forced_lag=7, min_batch=128, **settings)
    updates = result.summary["updates"]
    # The first are learned from before there have been so many updates.
    least = np.minimum(np.arange(updates), 7).mean()
    assert 5 < least < 7
    lag = result.summary["policy_lag"]
    assert lag >= round(least, 3)
    if settings is not PROCESSES:
        assert lag == round(least, 3)


@pytest.mark.parametrize(
    ("algorithm", "correction", "value"),
    [("ga3c", "vtrace", 1.0), ("ga3c", None, 0.625), ("impala", None, 1.0), ("impala", "none", 0.625)],
)
def test_vtrace_learns_the_value_of_the_policy_and_not_of_what_explored(algorithm, correction, value):
    # Half of the actions are random, so that 0.5 + 0.5 / 4 of them pull the best of the four arms.
    settings = {"epsilon": (0.5,), "lag_correction": correction, "learning_rate": 0.005}
    agent, _ = learn(Bandit, 10_000, algorithm, **settings)
    assert probabilities(agent, [1])[2] > 0.95
    assert agent.value(np.ones(1)) == pytest.approx(value, abs=0.1)


def test_a_bandit_is_learned_from_old_segments():
    agent, result = learn(Bandit, 8000, "impala", forced_lag=5)
    assert probabilities(agent, [1])[2] > 0.95
    assert result.summary["policy_lag"] > 4
