"""What all algorithms have in common: they learn, stop where they are told, and repeat themselves."""

import numpy as np
import pytest
from learning_agents import ALGORITHMS, LEARNERS, VALUES, learn, learned, make, probabilities

from a3c.errors import TrainingDiverged
from a3c.runs.folder import RunFolder
from environments_for_tests import Bandit, Corridor, Endless

each_algorithm = pytest.mark.parametrize("algorithm", ALGORITHMS)
# Those that learn action values have a loop in common.
each_loop = pytest.mark.parametrize("algorithm", [name for name in ALGORITHMS if name not in VALUES[1:]])
each_policy = pytest.mark.parametrize("algorithm", [name for name in ALGORITHMS if name not in VALUES])


# Actions are numbered by the policy; GA3C also hands them over. All learn it with two workers below.
@pytest.mark.parametrize(("algorithm", "start"), [("a3c", 0), ("a3c", -2), ("ga3c", -2)])
def test_a_bandit_is_learned(algorithm, start):
    agent, result = learn(lambda: Bandit(start=start), 6000, algorithm)
    assert probabilities(agent, [1])[2] > 0.95
    assert agent.predict(np.ones(1))[0] == start + 2
    assert result.summary["return_mean_100"] > 0.9


@each_algorithm
def test_a_corridor_is_walked_straight_to_its_end(algorithm):
    agent, _ = learn(Corridor, 8000, algorithm, gamma=0.9)
    assert agent.evaluate(episodes=3).lengths == [5, 5, 5]
    # Sarsa learns what it is worth to go on exploring.
    slack = 0.5 if algorithm == "one-step-sarsa" else 0.1
    np.testing.assert_allclose(agent.value(np.eye(6)[:5]), 0.9 ** np.arange(4, -1, -1), atol=slack)


# In one process A2C learns as A3C does, whose defaults are tried in test_a3c.py.
@pytest.mark.parametrize("algorithm", ["appo", "ga3c", "impala"])
def test_cartpole_is_balanced(algorithm):
    # With this learning rate seeds 0 to 3 take 31 to 69 thousand steps.
    batch = {"min_batch": 256} if algorithm in LEARNERS else {}
    agent = ALGORITHMS[algorithm]("CartPole-v1", backend="inline", seed=3, recipe="none", learning_rate=2e-3, **batch)
    assert agent.learn(steps=250_000, target_return=200).solved
    assert agent.evaluate(episodes=20).mean > 150


@each_policy
def test_two_worker_processes_learn_together(algorithm):
    agent, result = learn(Bandit, 12_000, algorithm, backend="processes", workers=2)
    assert probabilities(agent, [1])[2] > 0.95
    assert 12_000 <= result.summary["steps"] < 12_000 + 2 * 64
    assert result.summary["episodes"] == result.summary["steps"]


@pytest.mark.parametrize(
    ("algorithm", "environment", "settings"),
    [
        ("a3c", "CartPole-v1", {}),
        ("a3c", "CartPole-v1", {"epsilon": (0.3,)}),
        ("a3c", "CartPole-v1", {"segment_ends": "episode", "envs_per_worker": 1}),
        ("a2c", "CartPole-v1", {}),
        ("appo", "CartPole-v1", {"minibatch_size": 32, "target_kl": 0.01, "recompute_advantages": True}),
        ("n-step-q", Corridor, {"n_step": 3}),
        ("one-step-sarsa", Corridor, {}),
        ("ga3c", Corridor, {"epsilon": (0.3,)}),
        ("ga3c", Corridor, {"lag_correction": "vtrace", "trainers": 2}),
        ("impala", Corridor, {"forced_lag": 3}),
        ("impact", Corridor, {"buffer_size": 3, "min_batch": 64}),
    ],
    ids=str,
)
def test_inline_runs_of_one_seed_are_equal_bit_for_bit(algorithm, environment, settings):
    def outcome(seed):
        result = learn(environment, 1500, algorithm, seed=seed, gamma=0.9, **settings)[1]
        return *learned(result), result.latest.returns

    first, second, other = outcome(1), outcome(1), outcome(2)
    for a, b in zip(first, second, strict=True):
        np.testing.assert_array_equal(a, b)
    assert (first[0] != other[0]).all(where=first[0] != 0) or first[2] != other[2]


ONCE = {"appo": {"passes": 1}, "impact": {"passes": 1, "buffer_size": 1}}
"""Settings by which each segment is learned from once."""


class Huge(Endless):
    """Rewards too large to learn from: from some step on, or only once an episode."""

    def __init__(self, always: bool = True):
        super().__init__()
        self.always, self.taken = always, 0

    def step(self, action):
        observation, _, *rest = super().step(action)
        # In the second segment.
        self.taken += 1
        return observation, 1e30 if self.steps == 10 or (self.always and self.taken > 10) else 1.0, *rest


@each_loop
def test_training_that_diverges_stops_before_the_parameters_are_spoilt(algorithm, tmp_path):
    agent = make(Huge, algorithm, **ONCE.get(algorithm, {}))
    with pytest.raises(TrainingDiverged, match="`reward_scale`"):
        agent.learn(steps=10_000, run=tmp_path / "run")
    summary, latest = RunFolder(tmp_path / "run").summary(), RunFolder(tmp_path / "run").load("latest")
    assert (latest.counts["updates"], summary["skipped_updates"]) == (1, 20)
    # There was no checkpoint to go back to but the start.
    np.testing.assert_array_equal(latest.parameters, agent.parameters)
    assert np.isfinite(latest.optimizer_state).all()


@each_loop
def test_a_gradient_that_is_not_finite_is_skipped(algorithm):
    result = make(Huge, algorithm, env_kwargs={"always": False}, **ONCE.get(algorithm, {})).learn(steps=1000)
    assert 0 < result.summary["skipped_updates"] < result.summary["updates"] + 10
    assert np.isfinite(result.latest.parameters).all()
