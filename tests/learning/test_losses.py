import inspect

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from a3c.learning.distributions import Categorical
from a3c.learning.losses import actor_critic_loss, explained_variance, masked_mean, normalize
from a3c.learning.returns import Targets

COEFFICIENTS = {"value_coefficient": 0.5, "entropy_coefficient": 0.01}
NAMES = ("log_probs", "entropies", "values", "returns", "advantages", "weights", "mask")


def batch(shape=(5, 3), seed=0):
    generator = np.random.default_rng(seed)
    arrays = {name: generator.normal(size=shape).astype(np.float32) for name in NAMES[:-1]}
    mask = generator.random(shape) < 0.7
    mask.flat[:2] = True, False
    return arrays | {"mask": mask}


def loss_of(arrays, loss=actor_critic_loss, **options):
    others = {name: array for name, array in arrays.items() if name not in Targets._fields}
    targets = Targets(*(arrays[name] for name in Targets._fields))
    return loss(**others, targets=targets, **COEFFICIENTS | options)


@pytest.mark.parametrize("reduction", ["mean", "sum"])
@pytest.mark.parametrize("normalized", [False, True])
@pytest.mark.parametrize("shape", [(6,), (5, 3)])
def test_loss_equals_a_plain_loop(shape, normalized, reduction):
    arrays = batch(shape)
    real = [index for index in np.ndindex(shape) if arrays["mask"][index]]
    advantages = {i: float(arrays["advantages"][i]) for i in real}
    if normalized:
        mean = sum(advantages.values()) / len(real)
        deviation = (sum((a - mean) ** 2 for a in advantages.values()) / len(real)) ** 0.5
        advantages = {i: (a - mean) / deviation for i, a in advantages.items()}
    policy = sum(-arrays["log_probs"][i] * advantages[i] * arrays["weights"][i] for i in real) / len(real)
    value = sum((arrays["returns"][i] - arrays["values"][i]) ** 2 for i in real) / len(real)
    entropy = sum(arrays["entropies"][i] for i in real) / len(real)
    total = policy + 0.5 * value - 0.01 * entropy

    losses = loss_of(arrays, normalize_advantages=normalized, reduction=reduction)
    np.testing.assert_allclose(losses[1:], [policy, value, entropy], rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(losses.total, total * (len(real) if reduction == "sum" else 1), rtol=1e-4)


@pytest.mark.parametrize("misshapen", NAMES)
def test_a_column_where_steps_are_expected_is_refused(misshapen):
    arrays = batch((4,))
    arrays[misshapen] = arrays[misshapen][:, None]
    # As outside the tests, where the annotations are not checked.
    with pytest.raises(ValueError, match="shapes differ"):
        loss_of(arrays, inspect.unwrap(actor_critic_loss))


def test_every_step_keeps_its_own_advantage():
    arrays = batch((4,)) | {"mask": np.ones(4, bool)}
    gradient = jax.grad(lambda log_probs: loss_of(arrays | {"log_probs": log_probs}).total)(arrays["log_probs"])
    np.testing.assert_allclose(gradient, -arrays["advantages"] * arrays["weights"] / 4, rtol=1e-5)


@pytest.mark.parametrize("normalized", [False, True])
def test_the_value_gradient_comes_from_the_value_term_alone(normalized):
    arrays = batch()

    def loss(values, returns):
        changed = arrays | {"values": values, "returns": returns, "advantages": returns - values}
        return loss_of(changed, normalize_advantages=normalized).total

    by_values, by_returns = jax.grad(loss, argnums=(0, 1))(arrays["values"], arrays["returns"])
    error = arrays["returns"] - arrays["values"]
    expected = np.where(arrays["mask"], -2 * 0.5 * error / arrays["mask"].sum(), 0)
    np.testing.assert_allclose(by_values, expected, rtol=1e-5)
    np.testing.assert_array_equal(by_returns, 0)


@pytest.mark.parametrize("reduction", ["mean", "sum"])
@pytest.mark.parametrize("normalized", [False, True])
def test_masked_steps_add_nothing(normalized, reduction):
    arrays = batch()
    others = {name: np.where(arrays["mask"], arrays[name], 1e3) for name in NAMES[:-1]} | {"mask": arrays["mask"]}

    def loss(arrays):
        floats = {name: arrays[name] for name in NAMES[:-1]}

        def total(floats):
            changed = floats | {"mask": arrays["mask"]}
            return loss_of(changed, normalize_advantages=normalized, reduction=reduction).total

        return jax.value_and_grad(total)(floats)

    jax.tree.map(np.testing.assert_array_equal, loss(arrays), loss(others))


def test_a_segment_without_real_steps_gives_zero():
    arrays = batch() | {"mask": np.zeros((5, 3), bool)}
    np.testing.assert_array_equal(loss_of(arrays, normalize_advantages=True), 0)


@pytest.fixture
def entropy_step():
    def loss(logits):
        distribution = Categorical(logits[None])
        zeros = jnp.zeros(1)
        return actor_critic_loss(
            distribution.log_prob(jnp.zeros(1, int)),
            distribution.entropy(),
            zeros,
            Targets(zeros, zeros),
            jnp.ones(1, bool),
            value_coefficient=0.5,
            entropy_coefficient=1.0,
        ).total

    gradient = jax.jit(jax.grad(loss))
    return lambda logits: logits - gradient(logits)


def test_the_entropy_bonus_lowers_the_likely_action_and_raises_the_unlikely(entropy_step):
    before = jnp.array([2.0, 0.0, -2.0])
    change = np.asarray(entropy_step(before) - before)
    assert change[0] < 0 < change[2]


def test_the_entropy_bonus_alone_makes_the_policy_uniform(entropy_step):
    logits = jnp.array([2.0, 0.0, -2.0])
    for _ in range(100):
        logits = entropy_step(logits)
    np.testing.assert_allclose(jax.nn.softmax(logits), [1 / 3] * 3, atol=1e-3)


def test_a_positive_advantage_makes_its_action_likelier():
    def loss(logits, advantage):
        log_prob = Categorical(logits[None]).log_prob(jnp.array([1]))
        one = jnp.ones(1)
        targets = Targets(0 * one, advantage * one)
        return actor_critic_loss(
            log_prob, 0 * one, 0 * one, targets, one > 0, value_coefficient=0.5, entropy_coefficient=0.0
        ).total

    assert -jax.grad(loss)(jnp.zeros(3), 1.0)[1] > 0
    assert -jax.grad(loss)(jnp.zeros(3), -1.0)[1] < 0


def test_normalized_advantages_have_mean_zero_and_deviation_one_over_real_steps():
    advantages, mask = np.array([[1.0, 2.0], [500.0, 6.0]], np.float32), np.array([[1, 1], [0, 1]], bool)
    real = np.asarray(normalize(advantages, mask))[mask]
    np.testing.assert_allclose([real.mean(), real.std()], [0, 1], atol=1e-6)
    assert masked_mean(advantages, mask) == 3


def test_explained_variance_by_hand():
    returns, mask = np.array([1.0, 3.0, 100.0], np.float32), np.array([1, 1, 0], bool)
    assert explained_variance(returns, returns, mask) == 1
    assert explained_variance(np.array([7.0, 7.0, 0.0]), returns, mask) == 0
    assert explained_variance(np.array([1.5, 2.5, 0.0]), returns, mask) == 0.75


def test_explained_variance_is_the_same_far_from_zero():
    returns, mask = np.array([1000.1, 1000.2], np.float32), np.ones(2, bool)
    assert explained_variance(np.float32([1000, 1000]), returns, mask) == pytest.approx(0, abs=0.01)
    assert explained_variance(returns - np.float32([-0.02, 0.02]), returns, mask) == pytest.approx(0.84, abs=0.01)
