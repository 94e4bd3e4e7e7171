"""Independent parts of an action, together: sums, by hand, and the parts as they are drawn."""

import jax
import numpy as np
import pytest

from a3c.learning.distributions import Bernoulli, Categorical, MultiCategorical
from a3c.learning.gaussians import Gaussian
from a3c.learning.joint import Joint, Part, flat, split

PROBABILITIES, BITS = [0.1, 0.2, 0.7], [0.9, 0.25]
ROWS = [[0.5, 0.5], [0.2, 0.2, 0.6]]
MEAN, STD = [1.0, -2.0], [0.5, 2.0]
PARTS = (Part((), (), True), Part((2,), (2,), False), Part((2,), (2,), True), Part((2,), (2,), True))


@pytest.fixture
def joint() -> Joint:
    bits = np.array(BITS)
    given = map(
        row, [np.log(PROBABILITIES), MEAN, np.log(STD), np.log(np.concatenate(ROWS)), np.log(bits / (1 - bits))]
    )
    choice, mean, log_std, rows, logits = given
    distributions = [Categorical(choice), Gaussian(mean, log_std), MultiCategorical(rows, (2, 3)), Bernoulli(logits)]
    return Joint(distributions, PARTS)


def row(numbers) -> np.ndarray:
    """A batch of one."""
    return np.array([numbers], np.float32)


def test_the_log_probability_is_the_sum_of_those_of_the_parts(joint):
    density = [
        np.exp(-0.5 * ((x - m) / s) ** 2) / (s * np.sqrt(2 * np.pi))
        for x, m, s in zip((0.3, 1), MEAN, STD, strict=True)
    ]
    by_hand = np.log([0.2, *density, 0.5, 0.6, 0.9, 0.75]).sum()
    np.testing.assert_allclose(joint.log_prob(row([1, 0.3, 1.0, 0, 2, 1, 0])), [by_hand], rtol=1e-5)


def test_the_entropy_is_the_sum_of_those_of_the_parts(joint):
    choices = -sum(p * np.log(p) for p in [*PROBABILITIES, *ROWS[0], *ROWS[1]])
    bits = -sum(p * np.log(p) + (1 - p) * np.log(1 - p) for p in BITS)
    numbers = sum(0.5 * np.log(2 * np.pi * np.e * s**2) for s in STD)
    np.testing.assert_allclose(joint.entropy(), [choices + bits + numbers], rtol=1e-5)


def test_the_mode_is_that_of_each_part(joint):
    np.testing.assert_allclose(joint.mode(), [[2, 1, -2, 0, 2, 1, 0]])


def test_each_part_is_drawn_by_its_own_distribution_and_independently(joint):
    generator, count = np.random.default_rng(0), 40_000
    uniform, normal = generator.random((count, 5)), generator.standard_normal((count, 2))
    noise = np.concatenate([uniform[:, :1], normal, uniform[:, 1:]], axis=1, dtype=np.float32)
    repeated = jax.tree.map(lambda leaf: np.broadcast_to(leaf[0], (count, *leaf.shape[1:])), joint)
    drawn = np.asarray(repeated.sample(noise))
    assert drawn.dtype == np.float32
    choice, numbers, rows, bits = split(drawn, [part.shape for part in PARTS])
    np.testing.assert_allclose(np.bincount(choice.astype(int)) / count, PROBABILITIES, atol=0.01)
    np.testing.assert_allclose(numbers.mean(0), MEAN, atol=0.04)
    np.testing.assert_allclose(numbers.std(0), STD, rtol=0.02)
    for column, wanted in zip(rows.astype(int).T, ROWS, strict=True):
        np.testing.assert_allclose(np.bincount(column) / count, wanted, atol=0.01)
    np.testing.assert_allclose(bits.mean(0), BITS, atol=0.01)
    np.testing.assert_allclose(np.corrcoef(drawn.T), np.eye(7), atol=0.02)
    # Of what is drawn so, the mean log-probability is minus the entropy.
    np.testing.assert_allclose(np.mean(repeated.log_prob(drawn)), -joint.entropy()[0], atol=0.03)


def test_what_is_split_is_put_together_again():
    vectors, shapes = np.arange(24.0).reshape(2, 12), [(), (2, 3), (0,), (5,)]
    parts = split(vectors, shapes)
    assert [part.shape for part in parts] == [(2,), (2, 2, 3), (2, 0), (2, 5)]
    again = np.concatenate([flat(part, shape) for part, shape in zip(parts, shapes, strict=True)], axis=-1)
    np.testing.assert_array_equal(again, vectors)
