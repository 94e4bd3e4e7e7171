from functools import partial

import jax
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jaxtyping import TypeCheckError

from a3c.learning.returns import lambda_returns, n_step_returns, step_continues, step_discounts
from segments_for_tests import ends_at, random_segments, segments

both = pytest.mark.parametrize("transform", [lambda f: f, jax.jit], ids=["plain", "jit"])
GAMMA = 0.9


@jax.jit
def jitted(rewards, values, terminated, truncated, mask, lambda_):
    discounts, continues = step_discounts(terminated, GAMMA), step_continues(terminated, truncated, mask)
    return lambda_returns(rewards, values, discounts, continues, lambda_)


def returns_of(*segment_and_lambda):
    return np.asarray(jitted(*segment_and_lambda))


def by_loop(rewards, values, terminated, truncated, mask, lambda_):
    """Backwards over one environment's rows, as the definition reads."""
    returns = np.full(len(rewards), np.nan)
    for t in reversed(range(len(rewards))):
        if not mask[t]:
            continue
        if terminated[t]:
            returns[t] = rewards[t]
        elif ends_at(t, terminated, truncated, mask):
            returns[t] = rewards[t] + GAMMA * values[t + 1]
        else:
            returns[t] = rewards[t] + GAMMA * ((1 - lambda_) * values[t + 1] + lambda_ * returns[t + 1])
    return returns


def n_step(rewards, values, terminated, truncated, mask, n=np.inf):
    """Forwards from each step, n steps or to where its episode or the segment stops, then the value found there."""
    returns = np.full(len(rewards), np.nan)
    for start in np.flatnonzero(mask):
        t, total, weight = start, 0.0, 1.0
        while True:
            total += weight * rewards[t]
            weight *= GAMMA
            if terminated[t]:
                weight = 0.0
            if ends_at(t, terminated, truncated, mask) or t + 1 - start == n:
                break
            t += 1
        returns[start] = total + weight * values[t + 1]
    return returns


@settings(max_examples=150, deadline=None)
@given(segments(), st.sampled_from([0.0, 0.5, 0.95, 1.0]))
def test_equal_plain_loops(segment, lambda_):
    mask = segment[-1]
    np.testing.assert_allclose(
        returns_of(*segment, lambda_)[mask], by_loop(*segment, lambda_)[mask], rtol=1e-4, atol=1e-4
    )


@settings(max_examples=100, deadline=None)
@given(segments())
def test_lambda_one_gives_n_step_bootstrapped_returns(segment):
    mask = segment[-1]
    np.testing.assert_allclose(returns_of(*segment, 1.0)[mask], n_step(*segment)[mask], rtol=1e-4, atol=1e-4)


@settings(max_examples=100, deadline=None)
@given(segments(), st.sampled_from([0.5, 1.0]), st.floats(-100, 100, width=32))
def test_masked_rows_and_what_follows_a_termination_change_nothing(segment, lambda_, other):
    rewards, values, terminated, truncated, mask = segment
    unused = np.flatnonzero(terminated) + 1
    changed_values = values.copy()
    changed_values[unused[unused == len(rewards)]] = other
    changed_values[[t for t in unused if t < len(rewards)]] = other
    before = returns_of(*segment, lambda_)
    after = returns_of(np.where(mask, rewards, other), changed_values, terminated, truncated, mask, lambda_)
    np.testing.assert_array_equal(before[mask], after[mask])


@both
@pytest.mark.parametrize(
    ("lambda_", "expected"),
    [
        # gamma 0.5. Rows: real, real and terminated, dummy, real, real and truncated, dummy, real. v = 2 everywhere.
        (1.0, [1 + 0.5 * 3, 3, None, 10 + 0.5 * (20 + 0.5 * 2), 20 + 0.5 * 2, None, 7 + 0.5 * 2]),
        (0.0, [1 + 0.5 * 2, 3, None, 10 + 0.5 * 2, 20 + 0.5 * 2, None, 7 + 0.5 * 2]),
        (0.5, [1 + 0.5 * 2.5, 3, None, 10 + 0.5 * (1 + 0.5 * 21), 20 + 0.5 * 2, None, 7 + 0.5 * 2]),
    ],
)
def test_worked_by_hand_with_both_kinds_of_end(transform, lambda_, expected):
    rewards = np.array([1, 3, 0, 10, 20, 0, 7], np.float32)
    terminated = np.array([0, 1, 0, 0, 0, 0, 0], bool)
    truncated = np.array([0, 0, 0, 0, 1, 0, 0], bool)
    mask = np.array([1, 1, 0, 1, 1, 0, 1], bool)
    discounts, continues = transform(lambda a, b, c: (step_discounts(a, 0.5), step_continues(a, b, c)))(
        terminated, truncated, mask
    )
    np.testing.assert_array_equal(discounts, [0.5, 0, 0.5, 0.5, 0.5, 0.5, 0.5])
    np.testing.assert_array_equal(np.asarray(continues)[:-1], [1, 0, 1, 1, 0, 1])
    returns = transform(lambda_returns)(rewards, np.full(8, 2, np.float32), discounts, continues, lambda_)
    np.testing.assert_allclose(np.asarray(returns)[mask], [x for x in expected if x is not None], rtol=1e-6)


@both
def test_a_short_segment_bootstraps_from_the_row_after_its_last_step(transform):
    rewards, values = np.array([1, 2, 50, 60], np.float32), np.array([9, 9, 4, 70, 80], np.float32)
    none = np.zeros(4, bool)
    mask = np.array([1, 1, 0, 0], bool)
    continues = step_continues(none, none, mask)
    returns = transform(lambda_returns)(rewards, values, step_discounts(none, 0.5), continues, 1.0)
    np.testing.assert_allclose(returns[:2], [1 + 0.5 * (2 + 0.5 * 4), 2 + 0.5 * 4])


def test_no_return_reaches_through_an_end_even_where_the_next_row_is_real():
    terminated, truncated = np.array([1, 0, 0, 0], bool), np.array([0, 1, 0, 0], bool)
    np.testing.assert_array_equal(step_continues(terminated, truncated, np.ones(4, bool))[:3], [0, 0, 1])


def test_environments_do_not_mix():
    segment = random_segments(np.random.default_rng(0), 6, 3)
    together = returns_of(*segment, 0.9)
    alone = [returns_of(*(x[:, b] for x in segment), 0.9) for b in range(3)]
    np.testing.assert_allclose(together, np.stack(alone, 1), rtol=1e-6)


def test_no_gradient_is_lost_or_gained_through_a_truncated_step():
    terminated, truncated, mask = np.zeros(2, bool), np.array([1, 0], bool), np.array([1, 0], bool)
    gradient = jax.grad(
        lambda values: lambda_returns(
            np.zeros(2, np.float32),
            values,
            step_discounts(terminated, GAMMA),
            step_continues(terminated, truncated, mask),
            1.0,
        )[0]
    )(np.ones(3, np.float32))
    np.testing.assert_allclose(gradient, [0, GAMMA, 0], rtol=1e-6)


@partial(jax.jit, static_argnames="n")
def jitted_n_step(rewards, values, terminated, truncated, mask, lambda_, n):
    discounts, continues = step_discounts(terminated, GAMMA), step_continues(terminated, truncated, mask)
    return n_step_returns(rewards, values, discounts, continues, lambda_, n)


@settings(max_examples=150, deadline=None)
@given(segments(), st.sampled_from([1, 2, 4, 9, 20]))
def test_n_step_returns_reach_through_n_steps_and_less_at_an_end(segment, n):
    mask = segment[-1]
    returns = np.asarray(jitted_n_step(*segment, 1.0, n))
    np.testing.assert_allclose(returns[mask], n_step(*segment, n)[mask], rtol=1e-4, atol=1e-4)


@settings(max_examples=100, deadline=None)
@given(segments(), st.sampled_from([0.0, 0.5, 1.0]))
def test_n_step_returns_that_reach_through_the_segment_are_lambda_returns(segment, lambda_):
    mask = segment[-1]
    returns = np.asarray(jitted_n_step(*segment, lambda_, len(mask)))
    np.testing.assert_allclose(returns[mask], returns_of(*segment, lambda_)[mask], rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("lambda_", [0.0, 0.7, 1.0])
def test_returns_of_one_step_are_targets_of_temporal_differences(lambda_):
    rewards, values, terminated, _, mask = segment = random_segments(np.random.default_rng(1), 12, 4)
    expected = rewards + GAMMA * np.where(terminated, 0, values[1:])
    np.testing.assert_allclose(jitted_n_step(*segment, lambda_, 1)[mask], expected[mask], rtol=1e-5)


def test_with_lambda_an_n_step_return_is_the_mixture_of_the_shorter_ones():
    segment, lambda_ = random_segments(np.random.default_rng(2), 12, 1), 0.7
    columns = [x[:, 0] for x in segment]
    shorter = [n_step(*columns, n) for n in (1, 2, 3)]
    mixture = (1 - lambda_) * shorter[0] + (1 - lambda_) * lambda_ * shorter[1] + lambda_**2 * shorter[2]
    mask = segment[-1][:, 0]
    np.testing.assert_allclose(jitted_n_step(*columns, lambda_, 3)[mask], mixture[mask], rtol=1e-4, atol=1e-5)


def test_a_wrong_shape_is_found_where_it_is_handed_over():
    rewards, values, terminated, truncated, mask = random_segments(np.random.default_rng(0), 4, 2)
    discounts, continues = step_discounts(terminated, GAMMA), step_continues(terminated, truncated, mask)
    # The value after the last step is missing; and one environment's is read as all of them's.
    for wrong in values[:-1], values[:, :1], values[:, 0]:
        with pytest.raises(TypeCheckError, match="'values'"):
            lambda_returns(rewards, wrong, discounts, continues, 1.0)
    assert lambda_returns(rewards, values, discounts, continues, 1.0).shape == rewards.shape
