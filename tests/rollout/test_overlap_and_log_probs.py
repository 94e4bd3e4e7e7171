"""What a Collector adds for returns of n steps, for V-trace, and for learning from a segment several times."""

from itertools import pairwise

import numpy as np
import pytest

from a3c.gradient import returns_of
from a3c.learning.snapshot import Snapshot
from environments_for_tests import MODES, counting

each_mode = pytest.mark.parametrize("mode", MODES, ids=lambda mode: mode.value)
LENGTHS, ENDINGS = (1, 4, 7), ("terminated", "truncated")


def random_parameters(policy):
    return np.random.default_rng(0).normal(scale=0.3, size=policy.size).astype(np.float32)


def segments_of(collector, count=6, **arguments):
    parameters = random_parameters(collector.policy)
    return [collector.collect(Snapshot(parameters), **arguments) for _ in range(count)]


@each_mode
@pytest.mark.parametrize(("n", "length"), [(2, 5), (4, 4), (6, 3), (9, 2)])
def test_a_segment_begins_with_the_last_rows_of_the_one_before(mode, n, length, make_collector):
    collector = make_collector(counting(mode, 2, LENGTHS, ENDINGS), n_step=n, segment_length=length)
    segments = [segment for segment, _ in segments_of(collector)]
    overlap = n - 1
    assert not segments[0].mask[:overlap].any()
    assert np.isfinite(segments[0].observations).all()
    for segment in segments:
        assert segment.observations.shape == (overlap + length + 1, 2, 3)
        assert {array.shape for array in segment[1:6]} == {(overlap + length, 2)}
    for before, after in pairwise(segments):
        np.testing.assert_array_equal(after.observations[: overlap + 1], before.observations[length:])
        for name in ("actions", "rewards", "terminated", "truncated", "mask"):
            np.testing.assert_array_equal(getattr(after, name)[:overlap], getattr(before, name)[length:], name)


@each_mode
@pytest.mark.parametrize(("n", "length"), [(1, 4), (3, 4), (9, 2)])
def test_behind_the_overlap_all_is_as_without_it(mode, n, length, make_collector):
    with_overlap, without = (
        segments_of(make_collector(counting(mode, 3, LENGTHS, ENDINGS), segment_length=length, **settings), epsilon=0.2)
        for settings in ({"n_step": n}, {})
    )
    for (segment, episodes), (plain, plain_episodes) in zip(with_overlap, without, strict=True):
        assert episodes == plain_episodes
        for array, plain_array in zip(segment.from_row(n - 1)[:6], plain[:6], strict=True):
            np.testing.assert_array_equal(array, plain_array)


@each_mode
@pytest.mark.parametrize(("n", "length"), [(3, 4), (9, 2)])
def test_behind_the_overlap_each_step_is_there_once(mode, n, length, make_collector):
    environments = counting(mode, 2, LENGTHS, ENDINGS)
    collected = segments_of(make_collector(environments, n_step=n, segment_length=length), 10)
    assert sum(segment.mask[n - 1 :].sum() for segment, _ in collected) == sum(e.calls for e in environments.envs)


@each_mode
@pytest.mark.parametrize("epsilon", [0.0, 0.3, 1.0])
@pytest.mark.parametrize("algorithm", ["impala", "ga3c"])
def test_log_probabilities_are_those_of_the_policy_that_acted_with_its_random_actions(
    mode, epsilon, algorithm, make_collector
):
    settings = {"algorithm": algorithm, "lag_correction": "vtrace", "segment_length": 7}
    collector = make_collector(counting(mode, 3, LENGTHS, ENDINGS), **settings)
    policy, parameters = collector.policy, random_parameters(collector.policy)
    for segment, _ in segments_of(collector, 3, epsilon=epsilon):
        distribution, _ = policy(Snapshot(parameters), segment.observations[:-1])
        probabilities = (1 - epsilon) * np.exp(distribution.log_probs) + epsilon / 2
        chosen = np.take_along_axis(probabilities, segment.actions[..., None], axis=-1)[..., 0]
        assert segment.log_probs.dtype == np.float32
        np.testing.assert_allclose(np.exp(segment.log_probs), chosen, rtol=1e-5)
        assert len(np.unique(chosen)) == 1 if epsilon == 1 else len(np.unique(chosen)) > 5


@pytest.mark.parametrize("settings", [{}, {"algorithm": "impala", "lag_correction": "none"}, {"algorithm": "ga3c"}])
def test_without_vtrace_there_are_no_log_probabilities(settings, make_collector):
    collector = make_collector(counting(MODES[0], 2), **settings)
    assert segments_of(collector, 1)[0][0].log_probs is None


@each_mode
@pytest.mark.parametrize("segment_ends", ["steps", "episode"])
@pytest.mark.parametrize("recurrent", [None, "gru"])
def test_values_of_acting_make_the_returns_that_those_of_the_segments_observations_make(
    mode, segment_ends, recurrent, make_collector
):
    settings = {"algorithm": "appo", "segment_length": 7, "segment_ends": segment_ends, "recurrent": recurrent}
    collector = make_collector(counting(mode, 3, LENGTHS, ENDINGS), **settings)
    policy, parameters = collector.policy, random_parameters(collector.policy)
    network, statistics = policy.network(parameters), policy.first_snapshot.statistics
    seen = []
    for segment, _ in segments_of(collector, 4):
        _, values = policy.apply_in_time(network, statistics, segment.observations, *segment.context)
        assert segment.values.dtype == np.float32
        found, expected = (
            np.where(segment.mask, returns_of(collector.config, segment, numbers, 0.9), 0.0)
            for numbers in (segment.values, np.asarray(values))
        )
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)
        seen += expected.ravel().tolist()
    assert len(np.unique(seen)) > 10


def test_who_learns_once_from_a_segment_needs_no_values_of_acting(make_collector):
    collector = make_collector(counting(MODES[0], 2), algorithm="impala")
    assert segments_of(collector, 1)[0][0].values is None
