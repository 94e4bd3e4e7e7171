"""Sizes that nobody set: by how long a step takes, and never where a run promises one result."""

import dataclasses

import pytest

from a3c.config.setting import names_of
from a3c.config.sizes import flags_for, open_sizes, steps_of_an_update, with_sizes
from configs_for_tests import config_with


def sizes(step_seconds, **settings):
    config = with_sizes(config_with("Some-v0", **settings), step_seconds)
    return config.envs_per_worker, config.segment_length


@pytest.mark.parametrize(
    ("step_seconds", "expected"),
    [
        (0.0, (16, 16)),
        (2e-5, (16, 16)),
        (3.9e-3, (16, 16)),
        (8e-3, (7, 16)),
        (0.02, (3, 16)),
        (0.05, (1, 16)),
        (0.1, (1, 10)),
        (1.0, (1, 5)),
        (100.0, (1, 5)),
    ],
)
def test_slow_steps_give_fewer_environments_and_then_shorter_segments(step_seconds, expected):
    assert sizes(step_seconds) == sizes(step_seconds, algorithm="random") == expected
    if 4e-3 < step_seconds <= 0.2:
        assert 0.5 < step_seconds * expected[0] * expected[1] <= 1.0


@pytest.mark.parametrize(
    ("step_seconds", "appo", "pqn"),
    [(0.0, (16, 64), (16, 5)), (5e-3, (3, 64), (16, 5)), (0.05, (1, 20), (4, 5)), (1.0, (1, 5), (1, 5))],
)
def test_sizes_that_an_algorithm_has_by_default_are_chosen_smaller_too(step_seconds, appo, pqn):
    assert sizes(step_seconds, algorithm="appo") == appo
    assert sizes(step_seconds, algorithm="pqn") == sizes(step_seconds, algorithm="n-step-q") == pqn
    assert sizes(step_seconds, algorithm="appo", backend="inline") == (16, 64)
    assert sizes(step_seconds, algorithm="appo", segment_length=64) == (16, 64)


@pytest.mark.parametrize("settings", [{"backend": "inline"}, {"algorithm": "a2c"}])
def test_a_run_that_promises_one_result_does_not_hang_on_a_clock(settings):
    assert not open_sizes(config_with(**settings))
    assert sizes(0.05, **settings) == (16, 16)


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"envs_per_worker": 8}, (8, 16)),
        ({"segment_length": 40}, (16, 40)),
        ({"envs_per_worker": 16, "segment_length": 16}, (16, 16)),
    ],
)
def test_what_is_set_stays_and_so_does_the_other(settings, expected):
    assert not open_sizes(config_with(**settings))
    assert sizes(0.05, **settings) == expected


@pytest.mark.parametrize("algorithm", ["ga3c", "impala"])
@pytest.mark.parametrize(
    ("step_seconds", "settings", "batch"),
    [
        (2e-5, {}, 256),
        (0.05, {}, 64),
        (0.05, {"workers": 80}, 256),
        (0.05, {"queue_size": 2}, 32),
        (0.05, {"min_batch": 100}, 100),
        (0.05, {"envs_per_worker": 4}, 256),
    ],
)
def test_a_batch_comes_as_often_as_segments_do(algorithm, step_seconds, settings, batch):
    config = config_with(algorithm=algorithm, **{"workers": 4} | settings)
    assert with_sizes(config, step_seconds).learner.min_batch == batch


def test_what_has_no_learner_has_no_batch():
    assert "min_batch" not in names_of(type(with_sizes(config_with(), 0.05).own))


def test_what_was_chosen_stays():
    chosen = with_sizes(config_with(algorithm="impala", workers=2), 0.05)
    assert with_sizes(chosen, 1e-5) == with_sizes(chosen, 1.0) == chosen


@pytest.mark.parametrize(
    ("settings", "steps"),
    [
        ({}, 256),
        ({"workers": 3, "envs_per_worker": 2, "segment_length": 5}, 10),
        ({"workers": 3, "algorithm": "a2c"}, 768),
        ({"workers": 3, "algorithm": "impala", "envs_per_worker": 2, "segment_length": 5, "min_batch": 31}, 40),
        ({"algorithm": "appo"}, 12.8),
        ({"algorithm": "impact", "workers": 3}, 64),
    ],
)
def test_an_update_takes_so_many_steps(settings, steps):
    assert steps_of_an_update(config_with(**settings)) == steps


def test_no_flags_are_given_where_sizes_are_as_small_already():
    config = config_with(envs_per_worker=1, segment_length=5)
    assert flags_for(config, 1.0) is None
    assert flags_for(dataclasses.replace(config, segment_length=6), 1.0) == "`envs_per_worker` 1 `segment_length` 5"
