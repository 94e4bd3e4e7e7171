"""What intervals and tests say of groups of numbers, against values worked out by hand or elsewhere."""

import math

import numpy as np
import pytest

from a3c.runs.comparison import (
    interquartile_interval,
    interquartile_mean,
    least_chance,
    middle,
    probability_interval,
    rank_test,
)


def test_the_interquartile_mean_leaves_a_quarter_out_at_each_end():
    assert interquartile_mean(np.array([100.0, 1, 2, 3, 4, 5, 6, -100])) == 3.5
    assert interquartile_mean(np.array([1.0, 2, 9])) == 4


def test_the_probability_of_improvement_counts_pairs_and_ties_half():
    found = probability_interval(np.array([1.0, 2, 3]), np.array([1.0, 0, 5]))
    assert found.value == pytest.approx((1.5 + 2 + 2) / 9)
    assert 0 <= found.low < found.value < found.high <= 1
    assert found == probability_interval(np.array([1.0, 2, 3]), np.array([1.0, 0, 5]))


def test_the_interval_of_many_runs_is_that_of_their_mean():
    values = np.random.default_rng(1).normal(10, 2, 400)
    found = interquartile_interval(values)
    assert found.low < 10 < found.high
    assert found.high - found.low == pytest.approx(2 * 1.96 * 2 * 1.09 / 20, rel=0.2)


@pytest.mark.parametrize(
    ("ours", "theirs", "chance"),
    [
        # All apart: 2 of all ways to deal them out.
        ([4, 5, 6], [1, 2, 3], 2 / 20),
        ([5, 6, 7, 8], [1, 2, 3, 4], 2 / 70),
        # Nobody ever reached the target.
        ([math.inf] * 3, [math.inf] * 3, 1.0),
        # As scipy.stats.mannwhitneyu(..., method="exact") has it.
        ([1.1, 2.2, 3.3, 4.4, 9], [2, 3, 5, 6, 7, 8], 0.536797),
    ],
)
def test_the_rank_test_is_exact_for_few_runs(ours, theirs, chance):
    assert rank_test(np.array(ours, float), np.array(theirs, float)) == pytest.approx(chance, abs=1e-4)


def test_many_runs_are_dealt_out_at_random_and_always_the_same():
    generator = np.random.default_rng(0)
    ours, theirs = generator.normal(0.5, 1, 40), generator.normal(0, 1, 40)
    # By scipy.stats.mannwhitneyu(..., method="asymptotic").
    assert rank_test(ours, theirs) == pytest.approx(0.6826, abs=0.02)
    assert rank_test(ours, theirs) == rank_test(ours, theirs)
    assert least_chance(3, 3) == 0.1


def test_the_median_of_times_may_be_never():
    assert middle(np.array([1.0, math.inf, math.inf])) == math.inf
    assert middle(np.array([1.0, 3.0, math.inf])) == 3.0
    assert middle(np.array([math.inf, math.inf])) == math.inf
