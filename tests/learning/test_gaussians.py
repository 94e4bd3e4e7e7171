import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.integrate
import scipy.stats

from a3c.learning.gaussians import Gaussian, SquashedGaussian, StateNoiseGaussian

GENERATOR = np.random.default_rng(0)
MEAN, LOG_STD = (GENERATOR.normal(size=(6, 3)).astype(np.float32) for _ in range(2))
NOISE = GENERATOR.standard_normal((50_000, 3), np.float32)


def test_a_gaussian_equals_scipy():
    actions = GENERATOR.normal(size=(6, 3)).astype(np.float32)
    expected = scipy.stats.norm(MEAN.astype(float), np.exp(LOG_STD.astype(float)))
    np.testing.assert_allclose(Gaussian(MEAN, LOG_STD).log_prob(actions), expected.logpdf(actions).sum(-1), rtol=1e-4)
    np.testing.assert_allclose(Gaussian(MEAN, LOG_STD).entropy(), expected.entropy().sum(-1), rtol=1e-4, atol=1e-5)
    np.testing.assert_array_equal(Gaussian(MEAN, LOG_STD).mode(), MEAN)


def test_samples_of_a_gaussian_have_its_mean_and_standard_deviation():
    samples = np.asarray(Gaussian(MEAN[0], LOG_STD[0]).sample(NOISE))
    for i in range(3):
        assert scipy.stats.kstest(samples[:, i], "norm", (MEAN[0, i], np.exp(LOG_STD[0, i]))).pvalue > 0.001


SQUASHED = [(0.0, 0.0), (0.7, -1.5), (-2.0, 0.5), (1.0, 1.0), (3.0, -1.0)]


def squashed(mean, log_std):
    return SquashedGaussian(jnp.array([mean], jnp.float32), jnp.array([log_std], jnp.float32))


@pytest.mark.parametrize(("mean", "log_std"), SQUASHED)
def test_the_density_of_a_squashed_gaussian_integrates_to_one(mean, log_std):
    u = np.linspace(mean - 8 * np.exp(log_std), mean + 8 * np.exp(log_std), 200_001)
    log_density = np.asarray(squashed(mean, log_std).log_prob(u[:, None].astype(np.float32)), float)
    # The area under the density over actions a = tanh(u): da = (1 - tanh(u)^2) du.
    area = scipy.integrate.simpson(np.exp(log_density) / np.cosh(u) ** 2, x=u)
    assert area == pytest.approx(1, abs=1e-3)


def test_the_density_of_a_squashed_gaussian_is_that_of_its_samples():
    mean, log_std = 0.4, -0.3
    actions = np.tanh(np.asarray(squashed(mean, log_std).sample(NOISE[:, :1])))[:, 0]
    shares, edges = np.histogram(actions, bins=20, range=(-0.95, 0.95))
    middles = np.arctanh((edges[1:] + edges[:-1]) / 2)
    density = np.exp(squashed(mean, log_std).log_prob(middles[:, None].astype(np.float32)))
    np.testing.assert_allclose(shares / len(actions) / np.diff(edges), density, atol=0.05)


@pytest.mark.parametrize(("mean", "log_std"), SQUASHED)
def test_the_entropy_of_a_squashed_gaussian_is_its_mean_surprise(mean, log_std):
    u = np.linspace(mean - 9 * np.exp(log_std), mean + 9 * np.exp(log_std), 100_001)
    surprise = -np.asarray(squashed(mean, log_std).log_prob(u[:, None].astype(np.float32)), float)
    expected = scipy.integrate.simpson(scipy.stats.norm.pdf(u, mean, np.exp(log_std)) * surprise, x=u)
    assert float(squashed(mean, log_std).entropy()) == pytest.approx(expected, abs=0.02)


def test_a_squashed_gaussian_far_from_zero_stays_finite():
    def surprise(mean):
        distribution = SquashedGaussian(mean, jnp.zeros(1))
        return distribution.log_prob(np.array([40.0], np.float32)) + distribution.entropy()

    assert np.isfinite(surprise(jnp.array([30.0])))
    assert np.isfinite(jax.grad(surprise)(jnp.array([30.0]))).all()


FEATURES = GENERATOR.normal(size=(4,)).astype(np.float32)
LOG_SCALES = GENERATOR.normal(size=(4, 3)).astype(np.float32)


def test_noise_by_state_has_the_variance_that_its_log_probability_says():
    noise = GENERATOR.standard_normal((50_000, 4, 3), np.float32)
    samples = np.asarray(jax.vmap(StateNoiseGaussian(MEAN[0], FEATURES, LOG_SCALES).sample)(noise))
    variance = np.square(FEATURES) @ np.square(np.exp(LOG_SCALES))
    np.testing.assert_allclose(samples.std(0), np.sqrt(variance), rtol=0.02)
    expected = scipy.stats.norm(MEAN[0].astype(float), np.sqrt(variance)).logpdf(samples[:5]).sum(-1)
    found = StateNoiseGaussian(MEAN[0], FEATURES, LOG_SCALES).log_prob(samples[:5])
    np.testing.assert_allclose(found, expected, rtol=1e-3)


def test_the_same_noise_by_state_moves_equal_states_alike_and_no_feature_learns_from_its_size():
    distribution = StateNoiseGaussian(np.tile(MEAN[0], (2, 1)), np.tile(FEATURES, (2, 1)), LOG_SCALES)
    noise = np.repeat(GENERATOR.standard_normal((1, 4, 3), np.float32), 2, axis=0)
    first, second = distribution.sample(noise)
    np.testing.assert_array_equal(first, second)
    assert not np.any(jax.grad(lambda f: StateNoiseGaussian(MEAN[0], f, LOG_SCALES).entropy())(FEATURES))
    assert np.all(jax.grad(lambda s: StateNoiseGaussian(MEAN[0], FEATURES, s).entropy())(LOG_SCALES))
