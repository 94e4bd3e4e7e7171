import jax
import numpy as np
import pytest
import scipy.special
import scipy.stats

from a3c.learning.distributions import Bernoulli, Categorical, EpsilonGreedy, MultiCategorical

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
    noise = np.random.default_rng(0).random(count, np.float32)
    actions = Categorical(np.tile(LOGITS[0, 0], (count, 1))).sample(noise)
    frequencies = np.bincount(actions, minlength=5)
    assert scipy.stats.chisquare(frequencies, PROBS[0, 0].astype(float) / PROBS[0, 0].sum() * count).pvalue > 0.001


def test_an_action_is_never_out_of_range_though_rounding_keeps_the_sum_below_one():
    logits = np.random.default_rng(0).normal(size=(100, 1000)).astype(np.float32)
    distribution = Categorical(logits)
    assert (np.cumsum(np.exp(distribution.log_probs), -1)[:, -1] <= NEARLY_ONE).any()
    actions = distribution.sample(np.full(100, NEARLY_ONE))
    assert np.max(actions) == 999


def test_an_impossible_first_action_is_not_taken_at_noise_zero():
    assert Categorical(np.array([-np.inf, 0.0], np.float32)).sample(np.zeros((), np.float32)) == 1


@pytest.mark.parametrize("epsilon", [0.0, 0.3, 1.0])
def test_mix_uniform_adds_a_share_of_random_actions(epsilon):
    mixed = Categorical(LOGITS).mix_uniform(epsilon)
    np.testing.assert_allclose(np.exp(mixed.log_probs), (1 - epsilon) * PROBS + epsilon / 5, rtol=1e-4)
    assert np.isfinite(Categorical(np.array([0, -500.0], np.float32)).mix_uniform(epsilon).log_probs).all()


COUNTS = (3, 1, 4)
ROWS = np.split(np.random.default_rng(1).normal(scale=2, size=(6, sum(COUNTS))).astype(np.float32), [3, 4], axis=1)
CHOICES = MultiCategorical(np.concatenate(ROWS, axis=1), COUNTS)


def test_several_choices_are_as_likely_as_each_of_them_together():
    actions = np.stack([np.random.default_rng(2).integers(count, size=6) for count in COUNTS], -1)
    expected = sum(Categorical(row).log_prob(actions[:, i]) for i, row in enumerate(ROWS))
    np.testing.assert_allclose(CHOICES.log_prob(actions), expected, rtol=1e-5)
    entropy = sum(scipy.stats.entropy(scipy.special.softmax(row, -1), axis=-1) for row in ROWS)
    np.testing.assert_allclose(CHOICES.entropy(), entropy, rtol=1e-5)
    np.testing.assert_array_equal(CHOICES.mode(), np.stack([row.argmax(-1) for row in ROWS], -1))
    gradient = jax.grad(lambda x: MultiCategorical(x, COUNTS).entropy().sum())(np.concatenate(ROWS, axis=1))
    assert np.isfinite(gradient).all()


def test_each_of_several_choices_is_drawn_by_its_own_noise_and_within_its_count():
    noise = np.random.default_rng(3).random((6, 3), np.float32)
    expected = np.stack([Categorical(row).sample(noise[:, i]) for i, row in enumerate(ROWS)], -1)
    np.testing.assert_array_equal(CHOICES.sample(noise), expected)
    many = MultiCategorical(np.random.default_rng(0).normal(size=(100, 1010)).astype(np.float32), (10, 1000))
    assert np.max(many.sample(np.full((100, 2), NEARLY_ONE)), axis=0).tolist() == [9, 999]


@pytest.mark.parametrize("epsilon", [0.0, 0.3, 1.0])
def test_mix_uniform_of_several_choices_is_that_of_each(epsilon):
    mixed = CHOICES.mix_uniform(np.full(6, epsilon, np.float32))
    for i, row in enumerate(ROWS):
        expected = np.exp(Categorical(row).mix_uniform(epsilon).log_probs)
        found = np.exp(mixed.choices.log_probs[:, i])
        np.testing.assert_allclose(found[:, : COUNTS[i]], expected, rtol=1e-4, atol=1e-7)
        assert not found[:, COUNTS[i] :].any()


BITS = np.random.default_rng(4).normal(scale=3, size=(7, 5)).astype(np.float32)


def test_bits_equal_scipy():
    actions = np.random.default_rng(5).integers(2, size=BITS.shape)
    bits, expected = Bernoulli(BITS), scipy.stats.bernoulli(scipy.special.expit(BITS.astype(float)))
    np.testing.assert_allclose(bits.log_prob(actions), expected.logpmf(actions).sum(-1), rtol=1e-5)
    np.testing.assert_allclose(bits.entropy(), expected.entropy().sum(-1), rtol=1e-5)
    np.testing.assert_array_equal(bits.mode(), expected.mean() > 0.5)


@pytest.mark.parametrize("epsilon", [0.0, 0.3, 1.0])
def test_bits_are_one_as_often_as_they_should_be(epsilon):
    count = 10_000
    noise = np.tile(((np.arange(count) + 0.5) / count).astype(np.float32)[:, None], 5)
    shares = np.mean(Bernoulli(BITS[0]).mix_uniform(epsilon).sample(noise), axis=0)
    expected = (1 - epsilon) * scipy.special.expit(BITS[0]) + epsilon / 2
    np.testing.assert_allclose(shares, expected, atol=2 / count)


def test_certain_bits_have_no_entropy_and_a_gradient():
    logits = np.array([-300.0, 300.0, 0.0], np.float32)
    np.testing.assert_allclose(Bernoulli(logits).entropy(), np.log(2), rtol=1e-6)
    assert np.isfinite(jax.grad(lambda x: Bernoulli(x).mix_uniform(0.1).entropy())(logits)).all()


MASK = np.random.default_rng(2).random((4, 3, 5)) < 0.5
MASK[..., 1] |= ~MASK.any(axis=-1)
MASK[0, 0] = [False, True, False, False, False]


@pytest.mark.parametrize("make", [Categorical, lambda logits, mask: MultiCategorical(logits, (2, 3), mask).choices])
def test_what_is_masked_has_probability_0(make):
    mask = MASK.copy()
    # Of the first two and of the last three one at least.
    mask[..., 0] |= ~mask[..., :2].any(axis=-1)
    mask[..., 4] |= ~mask[..., 2:].any(axis=-1)
    for distribution in (make(LOGITS, mask), make(LOGITS, mask).mix_uniform(np.float32(0.3))):
        probs = np.exp(distribution.log_probs)
        assert (probs[~np.broadcast_to(distribution.mask, probs.shape)] == 0).all()
        np.testing.assert_allclose(probs.sum(-1), 1, rtol=1e-5)
        np.testing.assert_allclose(distribution.entropy(), scipy.stats.entropy(probs, axis=-1), rtol=1e-4, atol=1e-6)
        for noise in (0.0, 0.3, 0.7, NEARLY_ONE):
            shape = probs.shape[:-1]
            for actions in (distribution.sample(np.full(shape, noise, np.float32)), distribution.mode()):
                assert np.take_along_axis(np.asarray(distribution.mask), np.asarray(actions)[..., None], -1).all()


def test_a_masked_distribution_is_that_of_the_valid_actions_alone():
    logits, mask = LOGITS[1, 1], np.array([True, False, True, False, True])
    masked, alone = Categorical(logits, mask), Categorical(logits[mask])
    np.testing.assert_allclose(masked.log_probs[mask], alone.log_probs, rtol=1e-5)
    np.testing.assert_allclose(masked.entropy(), alone.entropy(), rtol=1e-5)
    mixed = np.exp(masked.mix_uniform(0.5).log_probs[mask])
    np.testing.assert_allclose(mixed, np.exp(alone.mix_uniform(0.5).log_probs), rtol=1e-5)
    greedy = EpsilonGreedy(logits, 0.3, mask)
    best = int(np.argmax(np.where(mask, logits, -np.inf)))
    np.testing.assert_allclose(np.exp(greedy.log_probs), 0.1 * mask + 0.7 * (np.arange(5) == best), rtol=1e-5)
    assert greedy.mode() == best
    assert greedy.mix_uniform(0.5).mask is mask


def test_gradients_of_what_is_masked_are_0_and_all_are_finite():
    mask = np.array([True, False, True, True, False])

    def of(logits):
        distribution = Categorical(logits, mask)
        mixed = distribution.mix_uniform(0.1).log_prob(np.array(0))
        return distribution.log_prob(np.array(2)) + distribution.entropy() + mixed

    for logits in (LOGITS[2, 2], np.zeros(5, np.float32), np.array([1e4, 1e5, -1e4, 0, 0], np.float32)):
        gradient = np.asarray(jax.grad(of)(logits))
        assert np.isfinite(gradient).all()
        assert (gradient[~mask] == 0).all()
    one = np.array([False, True, False, False, False])
    assert not np.asarray(jax.grad(lambda logits: Categorical(logits, one).entropy())(LOGITS[0, 0])).any()
