from functools import partial

import equinox as eqx
import gymnasium
import jax
import numpy as np
import pytest
from gymnasium.spaces import Box
from gymnasium.vector import AutoresetMode, SyncVectorEnv

from a3c.errors import InvalidEnvironment
from a3c.learning.returns import lambda_returns, step_continues, step_discounts
from a3c.learning.snapshot import Snapshot
from environments_for_tests import MODES, Bandit, Broken, Counting, Endless, counting

GAMMA = 0.5
WEIGHTS, BIAS = (0.0, 3.0, 1.0), 2.0
ENDINGS = [("terminated",), ("truncated",), ("both",), ("terminated", "truncated", "both")]

each_mode = pytest.mark.parametrize("mode", MODES, ids=lambda mode: mode.value)
each_end = pytest.mark.parametrize("segment_ends", ["steps", "episode"])


def value_of(episode, step):
    return 3 * episode + step + BIAS


@jax.jit
def returns_of(segment, values, lambda_):
    discounts = step_discounts(segment.terminated, GAMMA)
    continues = step_continues(segment.terminated, segment.truncated, segment.mask)
    return lambda_returns(segment.rewards, values, discounts, continues, lambda_)


def steps_of(segment):
    return int(segment.mask.sum())


def collect(collector, segments, parameters=None):
    """Segments, the episodes of each, and all episodes."""
    parameters = collector.policy.initial_parameters if parameters is None else parameters
    collected = [collector.collect(Snapshot(parameters)) for _ in range(segments)]
    return [segment for segment, _ in collected], [episode for _, episodes in collected for episode in episodes]


def true_targets(environment, rows, lambda_):
    """Lambda-returns of the (id, episode, step) of consecutive real steps, from what the environment is known to do."""
    targets, after = [], None
    for _, episode, step in reversed(rows):
        reward, value_after = Counting.reward_of(episode, step), value_of(episode, step + 1)
        ending = environment.endings[episode % len(environment.endings)]
        last = step + 1 == environment.length_of(episode)
        if last and ending != "truncated":
            target = reward
        elif last or after is None:
            target = reward + GAMMA * value_after
        else:
            target = reward + GAMMA * ((1 - lambda_) * value_after + lambda_ * after)
        targets.insert(0, target)
        after = target
    return targets


@each_mode
@each_end
@pytest.mark.parametrize("endings", ENDINGS, ids="-".join)
@pytest.mark.parametrize("count", [1, 3])
def test_every_real_step_is_there_once_and_in_order(mode, segment_ends, endings, count, make_collector):
    environments = counting(mode, count, lengths=(1, 4, 7), endings=endings)
    collector = make_collector(environments, segment_length=5, segment_ends=segment_ends)
    segments, episodes = collect(collector, 8)
    for index, environment in enumerate(environments.envs):
        rows = [tuple(o) for s in segments for o in s.observations[:-1, index][s.mask[:, index]].astype(int)]
        assert len(rows) == environment.calls
        expected = [(index, e, s) for e in range(environment.episode + 1) for s in range(environment.length_of(e))]
        assert rows == expected[: len(rows)]
    assert sum(steps_of(segment) for segment in segments) == sum(e.calls for e in environments.envs)
    assert len(episodes) == sum(s.terminated.astype(bool).sum() + (s.truncated & ~s.terminated).sum() for s in segments)


@each_mode
@each_end
@pytest.mark.parametrize("endings", ENDINGS, ids="-".join)
@pytest.mark.parametrize("lambda_", [0.0, 0.5, 1.0])
def test_targets_are_those_of_the_environment(mode, segment_ends, endings, lambda_, make_collector, linear_values):
    environments = counting(mode, 2, lengths=(1, 4, 7), endings=endings)
    collector = make_collector(environments, segment_length=6, segment_ends=segment_ends, gamma=GAMMA)
    parameters = linear_values(collector.policy, WEIGHTS, BIAS)
    segments, _ = collect(collector, 6, parameters)
    for segment in segments:
        returns = returns_of(segment, collector.policy.value(Snapshot(parameters), segment.observations), lambda_)
        for index, environment in enumerate(environments.envs):
            real = segment.mask[:, index]
            rows = segment.observations[:-1, index][real].astype(int)
            expected = true_targets(environment, rows, lambda_)
            np.testing.assert_allclose(np.asarray(returns)[real, index], expected, rtol=1e-5)


@each_mode
@each_end
@pytest.mark.parametrize("endings", ENDINGS, ids="-".join)
def test_episodes_are_the_environments_own(mode, segment_ends, endings, make_collector):
    environments = counting(mode, 1, lengths=(1, 4, 7), endings=endings)
    changed = {"reward_scale": 0.1, "reward_clip": 0.5, "termination_reward": -9.0}
    collector = make_collector(environments, segment_length=5, segment_ends=segment_ends, **changed)
    _, episodes = collect(collector, 10)
    assert len(episodes) > 5
    environment = environments.envs[0]
    for number, episode in enumerate(episodes):
        length = environment.length_of(number)
        assert episode == (sum(Counting.reward_of(number, step) for step in range(length)), length)


def test_next_step_rows_keep_the_final_observation_and_mask_the_dummy_step(make_collector):
    environments = counting(AutoresetMode.NEXT_STEP, 1, lengths=(2,), endings=("terminated", "truncated"))
    segment, _ = make_collector(environments, segment_length=7).collect(Snapshot(np.zeros(12, np.float32)))
    steps = segment.observations[:, 0, 1:].astype(int).tolist()
    assert steps == [[0, 0], [0, 1], [0, 2], [1, 0], [1, 1], [1, 2], [2, 0], [2, 1]]
    assert segment.mask[:, 0].tolist() == [True, True, False, True, True, False, True]
    assert segment.terminated[:, 0].tolist() == [False, True, False, False, False, False, False]
    assert segment.truncated[:, 0].tolist() == [False, False, False, False, True, False, False]
    assert segment.rewards[:, 0].tolist() == [1, 2, 0, 11, 12, 0, 21]
    assert steps_of(segment) == 5


def test_a_segment_may_start_with_the_dummy_step(make_collector):
    environments = counting(AutoresetMode.NEXT_STEP, 1, lengths=(3,))
    first, second = collect(make_collector(environments, segment_length=3), 2)[0]
    assert first.mask[:, 0].tolist() == [True, True, True]
    assert second.mask[:, 0].tolist() == [False, True, True]
    assert first.observations[-1, 0].tolist() == second.observations[0, 0].tolist() == [0, 0, 3]


def test_with_one_environment_the_dummy_step_lies_between_segments_that_end_with_the_episode(make_collector):
    environments = counting(AutoresetMode.NEXT_STEP, 1, lengths=(3, 8, 1), endings=("terminated", "truncated"))
    segments, _ = collect(make_collector(environments, segment_length=5, segment_ends="episode"), 6)
    assert [steps_of(segment) for segment in segments] == [3, 5, 3, 1, 3, 5]
    for segment in segments:
        assert segment.mask[:, 0].tolist() == [True] * steps_of(segment) + [False] * (5 - steps_of(segment))
    starts = [segment.observations[0, 0, 1:].tolist() for segment in segments]
    assert starts == [[0, 0], [1, 0], [1, 5], [2, 0], [3, 0], [4, 0]]
    lasts = [segment.observations[steps_of(segment), 0, 1:].tolist() for segment in segments]
    assert lasts == [[0, 3], [1, 5], [1, 8], [2, 1], [3, 3], [4, 5]]


@each_mode
def test_a_short_segment_has_the_shape_of_a_long_one(mode, make_collector):
    segments, _ = collect(make_collector(counting(mode), segment_length=9, segment_ends="episode"), 3)
    for segment in segments:
        assert segment.observations.shape == (10, 2, 3)
        assert {array.shape for array in segment[1:6]} == {(9, 2)}
        assert segment.log_probs is None
    assert not any(segment.mask.all() for segment in segments)


@each_mode
@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({}, [1, 2, 3]),
        ({"reward_scale": 0.5}, [0.5, 1, 1.5]),
        ({"reward_clip": 2.0}, [1, 2, 2]),
        ({"reward_scale": 2.0, "reward_clip": 3.0}, [2, 3, 3]),
        ({"termination_reward": -7.0}, [1, 2, -7]),
        ({"termination_reward": -7.0, "reward_scale": 0.1, "reward_clip": 1.0}, [0.1, 0.2, -7]),
    ],
)
def test_training_rewards(mode, settings, expected, make_collector):
    collector = make_collector(counting(mode, 1, lengths=(3,), endings=("terminated",)), segment_length=3, **settings)
    np.testing.assert_allclose(collect(collector, 1)[0][0].rewards[:, 0], expected, rtol=1e-6)


@each_mode
def test_changed_rewards_leave_the_bootstrap_as_it_is(mode, make_collector, linear_values):
    settings = {"reward_scale": 0.5, "reward_clip": 1.0, "termination_reward": -7.0, "gamma": GAMMA}
    collector = make_collector(counting(mode, 1, lengths=(3,), endings=("truncated",)), segment_length=3, **settings)
    segment = collector.collect(Snapshot(linear_values(collector.policy, WEIGHTS, BIAS)))[0]
    added = 0 if mode is AutoresetMode.NEXT_STEP else GAMMA * value_of(0, 3)
    np.testing.assert_allclose(segment.rewards[:, 0], [0.5, 1, 1 + added], rtol=1e-6)


@pytest.mark.parametrize("start", [0, 1, -3])
def test_actions_sent_are_inside_the_space(start, make_collector):
    environments = SyncVectorEnv([partial(Bandit, start=start)] * 4, autoreset_mode=AutoresetMode.SAME_STEP)
    collector = make_collector(environments, segment_length=64)
    segment, episodes = collector.collect(Snapshot(np.zeros(10, np.float32)), epsilon=1.0)
    assert set(segment.actions.ravel()) == {0, 1, 2, 3}
    np.testing.assert_array_equal(segment.rewards, segment.actions == 2)
    assert sum(episode.return_ for episode in episodes) == segment.rewards.sum() > 0


@each_end
def test_dummy_steps_send_an_action_inside_the_space(segment_ends, make_collector):
    environments = SyncVectorEnv([partial(Bandit, start=5)], autoreset_mode=AutoresetMode.NEXT_STEP)
    sent, step = [], environments.step
    environments.step = lambda actions: sent.append(actions) or step(actions)
    collect(make_collector(environments, segment_length=4, segment_ends=segment_ends), 3)
    assert len(sent) >= 5
    assert all(environments.action_space.contains(actions) for actions in sent)


@pytest.mark.parametrize("epsilon", [0.0, 0.5, 1.0])
def test_epsilon_is_the_share_of_random_actions(epsilon, make_collector):
    collector = make_collector(counting(AutoresetMode.SAME_STEP, 4), segment_length=500)
    network = collector.policy.network(0 * collector.policy.initial_parameters)
    certain = eqx.tree_at(lambda n: n.policy_head.bias, network, np.array([50, 0], np.float32))
    segment, _ = collector.collect(Snapshot(np.asarray(collector.policy.flatten(certain))), epsilon)
    assert segment.actions.mean() == pytest.approx(epsilon / 2, abs=0.06 if epsilon else 0)


def test_the_seed_alone_decides_actions_and_resets(make_collector):
    def run(seed):
        environments = counting(AutoresetMode.NEXT_STEP, 3)
        segments, _ = collect(make_collector(environments, segment_length=16, seed=seed), 2)
        return np.stack([segment.actions for segment in segments]), [e.seeds[0] for e in environments.envs]

    actions, seeds = run(1)
    assert len(set(seeds)) == 3
    same_actions, same_seeds = run(1)
    other_actions, other_seeds = run(2)
    assert (actions == same_actions).all()
    assert seeds == same_seeds
    assert (actions != other_actions).any()
    assert not set(seeds) & set(other_seeds)


@pytest.mark.parametrize("value", [np.nan, np.inf])
@pytest.mark.parametrize(
    ("what", "at", "mode"),
    [
        ("observation", 0, AutoresetMode.NEXT_STEP),
        ("observation", 3, AutoresetMode.NEXT_STEP),
        ("observation", 8, AutoresetMode.NEXT_STEP),
        ("observation", 10, AutoresetMode.NEXT_STEP),
        ("observation", 3, AutoresetMode.SAME_STEP),
        ("observation", 10, AutoresetMode.SAME_STEP),
        ("observation", 10, AutoresetMode.DISABLED),
        ("reward", 3, AutoresetMode.NEXT_STEP),
        ("reward", 10, AutoresetMode.SAME_STEP),
    ],
)
def test_numbers_that_are_not_finite_are_named(what, at, mode, value, make_collector):
    makers = [Endless, partial(Broken, what, value, at)]
    collector = make_collector(SyncVectorEnv(makers, autoreset_mode=mode), segment_length=8)
    with pytest.raises(InvalidEnvironment, match=f"{what} .*{value}.*environment 1"):
        collect(collector, 2)


def test_an_observation_of_another_shape_than_its_space_is_refused(make_collector):
    environments = counting(AutoresetMode.NEXT_STEP)
    environments.single_observation_space = Box(0, 1, (4,), np.float32)
    with pytest.raises(InvalidEnvironment, match=r"\(3,\).*\(4,\)"):
        make_collector(environments)


def test_an_environment_that_does_not_say_how_it_resets_is_refused(make_collector):
    environments = counting(AutoresetMode.NEXT_STEP)
    environments.metadata = {}
    with pytest.raises(InvalidEnvironment, match="autoreset_mode"):
        make_collector(environments)


def test_cartpole_as_a_vector_of_its_own_counts_as_separate_environments_do(make_collector):
    vector = gymnasium.make_vec("CartPole-v1", 4, vectorization_mode="vector_entry_point", max_episode_steps=12)
    segments, episodes = collect(make_collector(vector, segment_length=50), 4)
    assert max(episode.length for episode in episodes) == 12
    assert all(episode.return_ == episode.length for episode in episodes)
    assert any(segment.truncated.any() for segment in segments)
    assert all((segment.rewards == segment.mask).all() for segment in segments)


def test_bytes_stay_bytes_and_other_numbers_become_float32(make_collector):
    class Typed(Endless):
        def __init__(self, dtype):
            super().__init__()
            self.observation_space = Box(0, 1, (1,), dtype)

        def reset(self, **_):
            return super().reset()[0].astype(self.observation_space.dtype), {}

        def step(self, action):
            observation, *rest = super().step(action)
            return observation.astype(self.observation_space.dtype), *rest

    for given, kept in ((np.uint8, np.uint8), (np.float64, np.float32), (np.int64, np.float32)):
        environments = SyncVectorEnv([partial(Typed, given)])
        assert collect(make_collector(environments), 1)[0][0].observations.dtype == kept
