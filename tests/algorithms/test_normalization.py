"""Running statistics of observations and returns, with every algorithm."""

import gymnasium
import numpy as np
import pytest
from gymnasium.spaces import Box, Dict, Discrete
from learning_agents import ALGORITHMS, VALUES, learn, learned, make

import a3c
from a3c.learning.moments import Moments, Statistics
from a3c.learning.snapshot import Snapshot

BOTH = {"normalize_observations": True, "normalize_rewards": True}
# Those that learn action values have a loop in common.
each_algorithm = pytest.mark.parametrize("algorithm", [one for one in ALGORITHMS if one not in (*VALUES[1:], "impact")])


class Far(gymnasium.Env):
    """Numbers far from zero of different sizes, and bytes; large rewards for saying whether the first one is large."""

    def __init__(self, frames=False, scale=1000.0):
        self.frames, self.scale = frames, scale
        self.observation_space = Box(0, 255, (3, 2), np.uint8) if frames else Box(-1e6, 1e6, (2,), np.float32)
        self.action_space = Discrete(2)

    def _observation(self):
        if self.frames:
            self.last = self.np_random.integers(100, 110, (3, 2)).astype(np.uint8)
            self.large = self.last[0, 0] >= 105
        else:
            self.last = self.np_random.normal((500, 0.1), (3, 0.01)).astype(np.float32)
            self.large = self.last[0] > 500
        return self.last

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.steps = 0
        return self._observation(), {}

    def step(self, action):
        reward = self.scale * float(action == self.large)
        self.steps += 1
        return self._observation(), reward, self.steps == 5, False, {}


def statistics_of(agent):
    return agent.policy.layout.statistics


# What is observed is normalised by the policy, whatever the algorithm. In one process A2C learns as A3C does.
@pytest.mark.parametrize(
    ("algorithm", "frames"),
    [("a3c", True), ("a3c", False), ("appo", False), ("ga3c", False), ("impala", False), ("n-step-q", False)],
)
def test_what_is_far_from_zero_is_learned_once_it_is_normalised(algorithm, frames):
    agent, _ = learn(lambda: Far(frames), 10_000, algorithm, gamma=0.5, learning_rate=0.01, **BOTH)
    assert agent.evaluate(episodes=40).mean > 4200


@each_algorithm
def test_the_moments_are_those_of_every_real_step(algorithm):
    agent, result = learn(Far, 2000, algorithm, **BOTH)
    statistics = statistics_of(agent)
    assert statistics == Statistics((True, True), rewards=True)
    count, *mean = result.latest.moments[:3]
    variance = result.latest.moments[3:5] / count
    assert count == result.latest.moments[5] == result.summary["steps"]
    np.testing.assert_allclose(mean, (500, 0.1), rtol=0.01)
    np.testing.assert_allclose(np.sqrt(variance), (3, 0.01), rtol=0.1)
    np.testing.assert_allclose(result.latest.statistics, statistics.vector(result.latest.moments), rtol=0.05)


def test_evaluation_and_acting_leave_the_statistics_alone_and_a_checkpoint_has_them(tmp_path):
    agent, result = learn(Far, 1000, **BOTH)
    agent.evaluate(episodes=5)
    agent.predict(np.zeros(2))
    np.testing.assert_array_equal(agent.snapshot.statistics, result.latest.statistics)
    agent.save(tmp_path / "agent.safetensors")
    loaded = a3c.load(tmp_path / "agent.safetensors", environment=Far)
    np.testing.assert_array_equal(loaded.snapshot.statistics, result.latest.statistics)
    observations = np.random.default_rng(0).normal((500, 0.1), (3, 0.01), (50, 2))
    np.testing.assert_array_equal(loaded.predict(observations)[0], agent.predict(observations)[0])
    again = loaded.learn(steps=1000)
    assert again.latest.moments[0] == result.latest.moments[0] + again.summary["steps"] - result.summary["steps"]


@each_algorithm
def test_worker_processes_merge_what_they_see(algorithm):
    settings = {"backend": "processes", "workers": 2, **BOTH}
    result = learn(Far, 2000, algorithm, **settings)[1]
    assert result.latest.moments[0] == result.summary["steps"]
    np.testing.assert_allclose(result.latest.moments[1:3], (500, 0.1), rtol=0.01)


def test_a2c_repeats_itself_bit_for_bit():
    settings = {"backend": "processes", "workers": 2, **BOTH}
    first, second = (learn(Far, 1500, "a2c", seed=1, **settings)[1] for _ in range(2))
    for a, b in zip((*learned(first), first.latest.moments), (*learned(second), second.latest.moments), strict=True):
        np.testing.assert_array_equal(a, b)


def test_a_policy_sees_the_distance_from_the_mean_in_standard_deviations():
    plain, normalized = make(Far), make(Far, normalize_observations=True, optimizer="adamw")
    policies = plain.policy, normalized.policy
    moments = Moments.of(np.array([[490.0, 0.0], [510.0, 0.2]]))
    vector = statistics_of(normalized).vector(statistics_of(normalized).row(moments, None))
    parameters = plain.snapshot.parameters
    observations = np.array([[495, 0.2], [500, 0.1], [1e6, -1e6]], np.float32)
    expected = policies[0].value(Snapshot(parameters), np.array([[-0.5, 1], [0, 0], [10, -10]], np.float32))
    np.testing.assert_allclose(policies[1].value(Snapshot(parameters, vector), observations), expected, atol=1e-5)
    result = normalized.learn(steps=1000)
    np.testing.assert_allclose(
        result.latest.statistics, statistics_of(normalized).vector(result.latest.moments), rtol=1e-6
    )


def test_choices_are_not_normalised():
    space = Dict(gear=Discrete(50), speed=Box(-1, 1, (1,), np.float32))

    class Geared(Far):
        def __init__(self):
            super().__init__()
            self.observation_space = space

        def _observation(self):
            self.large = True
            return {"gear": int(self.np_random.integers(40, 50)), "speed": np.ones(1, np.float32)}

    agent, result = learn(Geared, 500, normalize_observations=True)
    assert statistics_of(agent).normalized == (False, True)
    assert result.latest.statistics[0] == 0
    assert result.latest.statistics[2] == 1


def test_rewards_are_divided_by_the_standard_deviation_of_discounted_returns(make_collector):
    environments = gymnasium.vector.SyncVectorEnv([Far] * 4, autoreset_mode=gymnasium.vector.AutoresetMode.NEXT_STEP)
    collector = make_collector(environments, segment_length=40, gamma=0.5, normalize_rewards=True)
    snapshot = collector.policy.first_snapshot
    first, episodes = collector.collect(snapshot)
    assert first.rewards.max() == pytest.approx(1000)
    returns = []
    for index in range(4):
        discounted = 0.0
        for t in range(40):
            if first.mask[t, index]:
                discounted = 0.5 * discounted + first.rewards[t, index]
                returns.append(discounted)
            if first.terminated[t, index]:
                discounted = 0.0
    count, mean, squares = collector.observed
    assert count == len(returns) == first.mask.sum()
    np.testing.assert_allclose([mean, squares / count], [np.mean(returns), np.var(returns)], rtol=1e-6)
    second, episodes = collector.collect(Snapshot(snapshot.parameters, np.array([500.0], np.float32)))
    assert second.rewards.max() == pytest.approx(2)
    assert max(episode.return_ for episode in episodes) > 1000
