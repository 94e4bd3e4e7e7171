import numpy as np
import pytest

from a3c.learning.moments import Moments, Statistics

NUMBERS = np.random.default_rng(0).normal(3, [1, 5, 0.1], size=(1000, 3))


@pytest.mark.parametrize("cuts", [[], [1], [0, 400, 400, 999], list(range(0, 1000, 7))])
def test_merged_parts_equal_the_whole(cuts):
    merged = Moments.none((3,))
    for part in np.split(NUMBERS, cuts):
        merged = merged.merged(Moments.of(part))
    assert merged.count == 1000
    np.testing.assert_allclose(merged.mean, NUMBERS.mean(0), rtol=1e-12)
    np.testing.assert_allclose(merged.variance, NUMBERS.var(0), rtol=1e-12)


def test_numbers_far_from_zero_keep_their_variance():
    numbers = 1e9 + NUMBERS
    merged = Moments.of(numbers[:300]).merged(Moments.of(numbers[300:]))
    np.testing.assert_allclose(merged.variance, NUMBERS.var(0), rtol=1e-5)


@pytest.mark.parametrize("numbers", [np.empty((0, 3)), NUMBERS[:1]])
def test_without_two_numbers_the_variance_is_one(numbers):
    assert Moments.of(numbers).variance.tolist() == [1, 1, 1]


def test_rows_of_workers_merge_into_that_of_all_they_saw():
    statistics, returns = Statistics((True, False, True), rewards=True), NUMBERS[:, :1]
    rows = [
        statistics.row(Moments.of(NUMBERS[part]), Moments.of(returns[part]))
        for part in (slice(0, 200), slice(200, 210), slice(210, 1000))
    ]
    whole = statistics.row(Moments.of(NUMBERS), Moments.of(returns))
    assert whole.shape == (statistics.row_size,)
    np.testing.assert_allclose(statistics.merged(np.array(rows)), whole, rtol=1e-12)
    vector = statistics.vector(whole)
    assert vector.shape == (statistics.size,)
    std = NUMBERS.std(0)
    expected = [NUMBERS[:, 0].mean(), 0, NUMBERS[:, 2].mean(), 1 / std[0], 1, 1 / std[2], std[0]]
    np.testing.assert_allclose(vector, expected, rtol=1e-5)


@pytest.mark.parametrize(
    ("statistics", "vector"),
    [
        (Statistics(), []),
        (Statistics((True, True)), [0, 0, 1, 1]),
        (Statistics((), rewards=True), [1]),
        (Statistics((False,), rewards=True), [0, 1, 1]),
    ],
)
def test_before_anything_is_seen_nothing_is_changed(statistics, vector):
    np.testing.assert_allclose(statistics.vector(np.zeros(statistics.row_size)), vector, atol=1e-6)


def test_a_vector_without_positive_standard_deviations_does_not_fit():
    statistics = Statistics((True, False), rewards=True)
    vector = statistics.first_vector
    assert statistics.fits_vector(vector)
    assert statistics.fits_vector(vector - [5, 5, 0, 0, 0])
    assert not statistics.fits_vector(vector[:-1])
    for index in (2, 3, 4):
        assert not statistics.fits_vector(np.where(np.arange(5) == index, 0.0, vector))


def test_a_row_that_no_numbers_have_does_not_fit():
    statistics = Statistics((True, True), rewards=True)
    row = np.arange(1.0, 1 + statistics.row_size)
    assert statistics.fits(row)
    assert statistics.fits(-row * [-1, 1, 1, -1, -1, -1, 1, -1])
    assert not statistics.fits(row[:-1])
    for index in (0, 3, 5, 7):
        assert not statistics.fits(np.where(np.arange(8) == index, -1.0, row))
