"""A2C: workers in step, whose every update is the mean of their gradients, whatever each one's speed."""

import dataclasses

import numpy as np
import pytest
from gymnasium.vector import AutoresetMode
from learning_agents import learn, learned, make

from a3c.environments.making import EnvironmentMaker
from a3c.gradient import make_gradient
from a3c.learning.snapshot import Snapshot
from a3c.loading import agent_from
from a3c.rollout.collector import Collector
from a3c.runs.checkpoint import Checkpoint, worker_seeds
from environments_for_tests import Bandit, Corridor, Endless, vector_of

PROCESSES = {"backend": "processes", "workers": 2}
# Segments of 32 rows.
SMALL = {"envs_per_worker": 4, "segment_length": 8, "hidden": ()}


def train(workers=2, seed=1, steps=3000):
    settings = {"learning_rate_final": 0.0, "epsilon": (0.2, 0.1), "epsilon_final": (0.0,)}
    limits = {"steps": steps, "seconds": 120}
    agent = make(Corridor, "a2c", seed=seed, **PROCESSES | SMALL | settings | limits | {"workers": workers})
    return agent.learn()


@pytest.fixture(scope="module")
def two_workers():
    """A run whose learning rate and epsilon go by the step."""
    return train()


@pytest.fixture(scope="module")
def three_workers():
    return train(workers=3)


@pytest.mark.parametrize("workers", [2, 3])
def test_one_seed_gives_the_same_run_after_run(workers, two_workers, three_workers):
    first, second = (two_workers if workers == 2 else three_workers), train(workers=workers)
    for before, after in zip(learned(first), learned(second), strict=True):
        assert np.abs(before).max() > 0.01
        np.testing.assert_array_equal(before, after)
    assert first.latest.counts == second.latest.counts


def test_another_seed_or_number_of_workers_gives_other_parameters(two_workers, three_workers):
    parameters = [learned(result)[0] for result in (two_workers, three_workers, train(seed=2))]
    for one, other in ((0, 1), (0, 2), (1, 2)):
        assert np.abs(parameters[one] - parameters[other]).max() > 1e-3


@pytest.mark.parametrize("workers", [2, 3])
def test_all_workers_take_one_segment_an_update(workers, two_workers, three_workers):
    summary = (two_workers if workers == 2 else three_workers).summary
    rows = summary["updates"] * workers * 32
    # Each episode that ended has a dummy row, but for the last ones, whose row was not reached.
    assert summary["episodes"] - workers * 4 <= rows - summary["steps"] <= summary["episodes"]
    assert 3000 <= summary["steps"] < 3000 + workers * 32


def test_without_dummy_steps_the_counts_are_exact():
    endless = vector_of(Endless, AutoresetMode.SAME_STEP)
    _, result = learn(endless, 1000, "a2c", **PROCESSES | SMALL)
    assert result.latest.counts == {"steps": 1024, "updates": 16, "episodes": 2 * 4 * (16 * 8 // 10)}


def test_nothing_is_learned_from_late(two_workers, three_workers):
    assert two_workers.summary["policy_lag"] == three_workers.summary["policy_lag"] == 0


@pytest.mark.parametrize("max_gradient_norm", [0.0, 0.05])
def test_the_mean_of_the_workers_gradients_is_clipped_and_applied_once(make_policy, max_gradient_norm, tmp_path):
    settings = {"optimizer": "sgd", "learning_rate": 0.5, "max_gradient_norm": max_gradient_norm, "epsilon": (0.0, 1.0)}
    agent = make(Corridor, "a2c", **PROCESSES | SMALL | settings)
    # Parameters with which the policy is far from random, unlike that of the worker whose epsilon is 1.
    start = np.random.default_rng(0).normal(size=agent.parameters.size).astype(np.float32)
    agent.save(tmp_path / "agent.safetensors")
    checkpoint = dataclasses.replace(Checkpoint.load(tmp_path / "agent.safetensors"), parameters=start)
    agent = agent_from(checkpoint, Corridor)
    result = agent.learn(steps=1)
    assert result.summary["updates"] == 1

    config, gradients = agent.config, []
    policy = make_policy(Corridor(), config)
    whole = make_gradient(policy, dataclasses.replace(config, max_gradient_norm=0.0))
    for seed, epsilon in zip(worker_seeds(config, 0, 2), config.epsilon, strict=True):
        environments = EnvironmentMaker(Corridor).make_vector(config.envs_per_worker)
        segment, _ = Collector(environments, policy, config, seed).collect(Snapshot(start), epsilon)
        gradients.append(np.asarray(whole(Snapshot(start), segment, config.entropy_coefficient)[0]))
    mean = (gradients[0] + gradients[1]) / 2
    norms = [np.linalg.norm(gradient) for gradient in (mean, *gradients)]
    assert min(norms) > 0.1
    assert np.abs(gradients[0] - gradients[1]).max() > 0.01
    clipped = mean * (max_gradient_norm / norms[0] if max_gradient_norm else 1)
    np.testing.assert_allclose(result.latest.parameters, start - 0.5 * clipped, rtol=1e-5, atol=1e-6)


def test_one_worker_learns_as_one_of_a3c_does():
    (_, alone), (_, a3c) = (learn(Bandit, 500, algorithm, seed=3, **SMALL) for algorithm in ("a2c", "a3c"))
    assert alone.latest.counts == a3c.latest.counts
    for ours, theirs in zip(learned(alone), learned(a3c), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-6)


def test_a_limit_on_episodes_is_met_by_all_together():
    agent = make(Bandit, "a2c", **PROCESSES | SMALL)
    first = agent.learn(episodes=500, seconds=120).latest
    # Every second row ends an episode.
    assert first.counts["episodes"] == 500 + -500 % (2 * 16)
    second = make(Bandit, "a2c", **PROCESSES | SMALL).learn(episodes=500, seconds=120).latest
    np.testing.assert_array_equal(first.parameters, second.parameters)
