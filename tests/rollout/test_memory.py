"""What a recurrent policy remembers while a Collector steps environments: all of the episode, and nothing before it."""

from itertools import pairwise

import numpy as np
import pytest
from gymnasium.vector import AutoresetMode

from a3c.learning.snapshot import Snapshot, nothing
from environments_for_tests import MODES, counting

GAMMA = 0.5
LENGTHS, ENDINGS = (1, 4, 9), ("truncated", "terminated")
RECURRENT = {"recurrent": "lstm", "recurrent_units": 3, "gamma": GAMMA}

each_mode = pytest.mark.parametrize("mode", MODES, ids=lambda mode: mode.value)
each_form = pytest.mark.parametrize(
    "settings",
    [{"segment_length": 5}, {"segment_length": 5, "segment_ends": "episode"}, {"segment_length": 4, "n_step": 3}],
    ids=["steps", "episode", "overlapping"],
)


def random_parameters(policy):
    """Small, as the counting environment's numbers are large."""
    return np.random.default_rng(0).normal(scale=0.1, size=policy.size).astype(np.float32)


def value_of(policy, parameters, id_, episode, step):
    """The value of a step, from a memory of this episode's steps up to it alone."""
    state = np.zeros((1, policy.layout.state), np.float32)
    noise = np.zeros(1, np.float32)
    for before in range(step):
        _, state = policy.act(Snapshot(parameters), np.array([[id_, episode, before]], np.float32), noise, 0.0, state)
    return float(policy.value(Snapshot(parameters), np.array([[id_, episode, step]], np.float32), state)[0])


def values_in(policy, parameters, segment):
    network = policy.network(parameters)
    return np.asarray(
        policy.apply_in_time(network, nothing(), segment.observations, segment.starts, segment.first_state)[1],
        np.float64,
    )


@each_mode
@each_form
def test_a_segment_remembers_each_episode_from_its_first_step(mode, settings, make_collector):
    collector = make_collector(counting(mode, 3, LENGTHS, ENDINGS), **RECURRENT | settings)
    policy, parameters = collector.policy, random_parameters(collector.policy)
    steps = []
    for _ in range(8):
        segment, _ = collector.collect(Snapshot(parameters))
        values = values_in(policy, parameters, segment)
        for row, environment in np.argwhere(segment.mask):
            id_, episode, step = segment.observations[row, environment].astype(int)
            expected = value_of(policy, parameters, id_, episode, step)
            np.testing.assert_allclose(values[row, environment], expected, rtol=1e-4, atol=1e-5)
            steps.append(step)
    # Some of what was compared had much to remember.
    assert max(steps) == 8
    assert steps.count(0) > 5


@each_mode
def test_the_value_after_a_truncated_episode_remembers_it(mode, make_collector):
    collector = make_collector(counting(mode, 2, LENGTHS, ENDINGS), segment_length=30, **RECURRENT)
    policy, parameters = collector.policy, random_parameters(collector.policy)
    segment, _ = collector.collect(Snapshot(parameters))
    values, compared = values_in(policy, parameters, segment), 0
    for row, environment in np.argwhere(segment.mask & segment.truncated):
        id_, episode, step = segment.observations[row, environment].astype(int)
        expected = value_of(policy, parameters, id_, episode, step + 1)
        if mode is AutoresetMode.NEXT_STEP:
            found = values[row + 1, environment]
        else:
            reward = collector.stepper.environments.envs[environment].reward_of(episode, step)
            found = (segment.rewards[row, environment] - reward) / GAMMA
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4)
        compared += step > 0
    assert compared >= 2


@each_mode
def test_episodes_start_where_the_segment_says(mode, make_collector):
    collector = make_collector(counting(mode, 3, LENGTHS, ENDINGS), segment_length=4, **RECURRENT)
    parameters = random_parameters(collector.policy)
    segments = [collector.collect(Snapshot(parameters))[0] for _ in range(6)]
    for segment in segments:
        np.testing.assert_array_equal(
            segment.starts[:-1] & segment.mask, segment.mask & (segment.observations[:-1, :, 2] == 0)
        )
    assert segments[0].starts[0].all()
    for before, after in pairwise(segments):
        np.testing.assert_array_equal(after.starts[0], before.starts[-1])
        np.testing.assert_array_equal(after.first_state[0] == 0, np.repeat(after.starts[0][:, None], 6, axis=1))


@each_mode
def test_log_probabilities_are_those_of_the_policy_that_remembered(mode, make_collector):
    settings = {"algorithm": "impala", "segment_length": 7}
    collector = make_collector(counting(mode, 3, LENGTHS, ENDINGS), **RECURRENT | settings)
    policy, parameters = collector.policy, random_parameters(collector.policy) * 5
    found = []
    for _ in range(3):
        segment, _ = collector.collect(Snapshot(parameters), 0.2)
        network = policy.network(parameters)
        state = segment.first_state[0]
        for row in range(7):
            state = np.where(segment.starts[row][:, None], np.float32(0), state)
            distribution, _, state = policy.apply(network, nothing(), segment.observations[row], state)
            probabilities = 0.8 * np.exp(distribution.log_probs) + 0.1
            chosen = np.take_along_axis(probabilities, segment.actions[row, :, None], axis=-1)[:, 0]
            np.testing.assert_allclose(np.exp(segment.log_probs[row]), chosen, rtol=1e-4)
            found += chosen.tolist()
    assert len(np.unique(np.round(found, 4))) > 10


def test_without_a_recurrent_layer_there_is_nothing_to_remember(make_collector):
    segment, _ = make_collector(counting(MODES[0], 2)).collect(Snapshot(np.zeros(12, np.float32)))
    assert segment.starts is None
    assert segment.first_state is None
