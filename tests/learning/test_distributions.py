import jax
import numpy as np
import pytest
import scipy.special
import scipy.stats

from a3c.learning.distributions import Categorical

LOGITS = np.random.default_rng(0).normal(scale=3, size=(4, 3, 5)).astype(np.float32)
PROBS = scipy.special.softmax(LOGITS, -1)
NEARLY_ONE = np.nextafter(np.float32(1), np.float32(0))


def test_log_prob_equals_scipy():
    actions = np.random.default_rng(1).integers(5, size=(4, 3))
    expected = np.take_along_axis(scipy.special.log_softmax(LOGITS, -1), actions[..., None], -1)[..., 0]
    np.testing.assert_allclose(Categorical(LOGITS).log_prob(actions), expected, rtol=1e-5)


def test_entropy_equals_scipy():
    np.testing.assert_allclose(Categorical(LOGITS).entropy(), scipy.stats.entropy(PROBS, axis=-1), rtol=1e-5)


@pytest.mark.parametrize(("logits", "entropy"), [([0, 0, 0], np.log(3)), ([0, -200, -200], 0), ([1e4, -1e4, 0], 0)])
def test_entropy_at_its_bounds(logits, entropy):
    logits = np.array(logits, np.float32)
    np.testing.assert_allclose(Categorical(logits).entropy(), entropy, atol=1e-6)
    assert np.isfinite(jax.grad(lambda x: Categorical(x).entropy())(logits)).all()


def test_mode_is_the_likeliest_action():
    np.testing.assert_array_equal(Categorical(LOGITS).mode(), PROBS.argmax(-1))


@pytest.mark.parametrize("probs", [[0.1, 0.2, 0.7], [0.25] * 4, [0.5, 0.0, 0.5], [1.0]])
def test_each_action_gets_its_share_of_the_noise(probs):
    count = 10_000
    noise = ((np.arange(count) + 0.5) / count).astype(np.float32)
    with np.errstate(divide="ignore"):
        logits = np.log(np.array(probs, np.float32))
    actions = Categorical(np.tile(logits, (count, 1))).sample(noise)
    np.testing.assert_allclose(np.bincount(actions, minlength=len(probs)) / count, probs, atol=2 / count)


def test_frequencies_of_drawn_actions_match_the_probabilities():
    count = 20_000
    noise = Categorical.noise(np.random.default_rng(0), (count,))
    actions = Categorical(np.tile(LOGITS[0, 0], (count, 1))).sample(noise)
    frequencies = np.bincount(actions, minlength=5)
    assert scipy.stats.chisquare(frequencies, PROBS[0, 0].astype(float) / PROBS[0, 0].sum() * count).pvalue > 0.001


def test_noise_is_uniform_below_one():
    noise = Categorical.noise(np.random.default_rng(0), (1000, 20))
    assert noise.shape == (1000, 20)
    assert noise.dtype == np.float32
    assert noise.min() >= 0
    assert noise.max() < 1
    assert scipy.stats.kstest(noise.ravel(), "uniform").pvalue > 0.001


def test_an_action_is_never_out_of_range_though_rounding_keeps_the_sum_below_one():
    logits = np.random.default_rng(0).normal(size=(100, 1000)).astype(np.float32)
    distribution = Categorical(logits)
    assert (np.cumsum(np.exp(distribution.log_probs), -1)[:, -1] <= NEARLY_ONE).any()
    actions = distribution.sample(np.full(100, NEARLY_ONE))
    assert np.max(actions) == 999


def test_an_impossible_first_action_is_not_taken_at_noise_zero():
    assert Categorical(np.array([-np.inf, 0.0], np.float32)).sample(np.float32(0)) == 1


@pytest.mark.parametrize("epsilon", [0.0, 0.3, 1.0])
def test_mix_uniform_adds_a_share_of_random_actions(epsilon):
    mixed = Categorical(LOGITS).mix_uniform(epsilon)
    np.testing.assert_allclose(np.exp(mixed.log_probs), (1 - epsilon) * PROBS + epsilon / 5, rtol=1e-4)
    assert np.isfinite(Categorical(np.array([0, -500.0], np.float32)).mix_uniform(epsilon).log_probs).all()
