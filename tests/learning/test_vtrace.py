"""V-trace against loops written from the paper (Espeholt et al. 2018, section 4.1)."""

import jax
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from a3c.learning.returns import lambda_returns, step_continues, step_discounts, vtrace
from segments_for_tests import ends_at, random_segments, segments

GAMMA = 0.9
INFINITE = (1.0, np.inf, np.inf)


@jax.jit
def jitted(rewards, values, terminated, truncated, mask, ratios, lambda_, rho_clip, c_clip):
    discounts, continues = step_discounts(terminated, GAMMA), step_continues(terminated, truncated, mask)
    return vtrace(rewards, values, discounts, continues, ratios, lambda_, rho_clip, c_clip)


def vtrace_of(segment, ratios, lambda_=1.0, rho_clip=1.0, c_clip=1.0):
    targets = jitted(*segment, np.asarray(ratios, np.float32), lambda_, rho_clip, c_clip)
    return tuple(np.asarray(x) for x in targets)


@jax.jit
def lambda_returns_of(rewards, values, terminated, truncated, mask, lambda_):
    discounts, continues = step_discounts(terminated, GAMMA), step_continues(terminated, truncated, mask)
    return lambda_returns(rewards, values, discounts, continues, lambda_)


def by_equation_1(segment, ratios, lambda_, rho_clip, c_clip):
    """v_s = V(x_s) + sum_t gamma^(t-s) (c_s ... c_(t-1)) rho_t (r_t + gamma V(x_(t+1)) - V(x_t)).

    With the advantages r_s + gamma v_(s+1) - V(x_s), and rho_s, which weighs them. The sum ends with the episode, after
    whose termination V is 0; c_i is min(c-bar, ratio) times lambda (remark 2).
    """
    rewards, values, terminated, truncated, mask = segment
    values_after = np.where(terminated, 0, values[1:])
    targets, advantages, weights = np.full((3, len(rewards)), np.nan)
    for s in np.flatnonzero(mask):
        targets[s], traces, t = values[s], 1.0, s
        while True:
            error = min(rho_clip, ratios[t]) * (rewards[t] + GAMMA * values_after[t] - values[t])
            targets[s] += GAMMA ** (t - s) * traces * error
            if ends_at(t, terminated, truncated, mask):
                break
            traces *= lambda_ * min(c_clip, ratios[t])
            t += 1
    for s in np.flatnonzero(mask):
        after = values_after[s]
        if not ends_at(s, terminated, truncated, mask):
            after = (1 - lambda_) * after + lambda_ * targets[s + 1]
        advantages[s], weights[s] = rewards[s] + GAMMA * after - values[s], min(rho_clip, ratios[s])
    return targets, advantages, weights


def check(found, expected, mask):
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one[mask], other[mask], rtol=1e-4, atol=1e-3)


CLIPS = st.sampled_from([(1.0, 1.0), (2.0, 0.5), (0.7, 1.5), (np.inf, 1.0), (1.0, np.inf), (3.0, 3.0)])


@st.composite
def segments_and_ratios(draw):
    segment = draw(segments())
    length = len(segment[0])
    return segment, np.array(draw(st.lists(st.floats(0.0, 4.0, width=32), min_size=length, max_size=length)))


@settings(max_examples=200, deadline=None)
@given(segments_and_ratios(), st.sampled_from([0.0, 0.5, 0.95, 1.0]), CLIPS)
def test_equals_equation_1_by_a_loop(segment_and_ratios, lambda_, clips):
    segment, ratios = segment_and_ratios
    check(vtrace_of(segment, ratios, lambda_, *clips), by_equation_1(segment, ratios, lambda_, *clips), segment[-1])


@pytest.mark.parametrize("clips", [(1.0, 1.0), (2.5, 0.5), (0.5, 2.5)])
@pytest.mark.parametrize("lambda_", [0.9, 1.0])
def test_environments_do_not_mix(lambda_, clips):
    generator = np.random.default_rng(0)
    segment = random_segments(generator, 20, 5)
    ratios = generator.exponential(size=(20, 5))
    together = vtrace_of(segment, ratios, lambda_, *clips)
    for b in range(5):
        columns = [x[:, b] for x in segment]
        check([x[:, b] for x in together], by_equation_1(columns, ratios[:, b], lambda_, *clips), columns[-1])


@settings(max_examples=100, deadline=None)
@given(segments(), st.sampled_from([0.0, 0.5, 1.0]), st.sampled_from([(1.0, 1.0), (2.0, 1.0), INFINITE[1:]]))
def test_on_policy_they_are_lambda_returns_and_generalised_advantages(segment, lambda_, clips):
    returns = np.asarray(lambda_returns_of(*segment, lambda_))
    expected = returns, returns - segment[1][:-1], np.ones(len(returns))
    check(vtrace_of(segment, np.ones(len(returns)), lambda_, *clips), expected, segment[-1])


def importance_sampled(rewards, values_after_the_last, terminated, truncated, mask, ratios):
    """The return of each step under the other policy, reward by reward: each weighs as much as what led to it does.

    Precup et al. 2000: sum_t gamma^(t-s) (ratio_s ... ratio_t) r_t, and at the end what is there in value.
    """
    returns = np.full(len(rewards), np.nan)
    for s in np.flatnonzero(mask):
        t, weight, returns[s] = s, 1.0, 0.0
        while True:
            weight *= ratios[t]
            returns[s] += weight * rewards[t]
            weight *= GAMMA
            if ends_at(t, terminated, truncated, mask):
                break
            t += 1
        if not terminated[t]:
            returns[s] += weight * values_after_the_last[t]
    return returns


@settings(max_examples=100, deadline=None)
@given(segments_and_ratios())
def test_without_clips_and_where_states_have_no_value_they_are_importance_sampled_returns(segment_and_ratios):
    (rewards, values, terminated, truncated, mask), ratios = segment_and_ratios
    # Values remain only where an episode was cut off, or the segment ends: in rows that are not real.
    values = np.append(np.where(mask, 0, values[:-1]), values[-1]).astype(np.float32)
    returns, *_ = vtrace_of((rewards, values, terminated, truncated, mask), ratios, *INFINITE)
    expected = importance_sampled(rewards, values[1:], terminated, truncated, mask, ratios)
    np.testing.assert_allclose(returns[mask], expected[mask], rtol=1e-3, atol=1e-2)


@pytest.mark.parametrize(
    ("ratio", "returns", "advantages"),
    [
        # gamma 0.9, r = 1 and 2, v = 10, 20, 30: errors 1 + 18 - 10 = 9 and 2 + 27 - 20 = 9.
        (0.5, [10 + 0.5 * (9 + 0.9 * 0.5 * 9), 20 + 0.5 * 9], [1 + 0.9 * 24.5 - 10, 9]),
        (1.0, [10 + 9 + 0.9 * 9, 20 + 9], [1 + 0.9 * 29 - 10, 9]),
        # rho is clipped at 2, c at 1.
        (3.0, [10 + 2 * 9 + 0.9 * 2 * 9, 20 + 2 * 9], [1 + 0.9 * 38 - 10, 9]),
    ],
)
def test_worked_by_hand(ratio, returns, advantages):
    none, all_ = np.zeros(2, bool), np.ones(2, bool)
    segment = np.float32([1, 2]), np.float32([10, 20, 30]), none, none, all_
    found = vtrace_of(segment, [ratio] * 2, rho_clip=2.0)
    np.testing.assert_allclose(found, [returns, advantages, [min(ratio, 2.0)] * 2], rtol=1e-6)


@settings(max_examples=100, deadline=None)
@given(segments_and_ratios(), st.floats(-50, 50, width=32), st.floats(0, 50, width=32))
def test_masked_rows_and_what_follows_a_termination_change_nothing(segment_and_ratios, number, ratio):
    (rewards, values, terminated, truncated, mask), ratios = segment_and_ratios
    changed_values = values.copy()
    changed_values[1:][terminated] = number
    changed = np.where(mask, rewards, np.float32(number)), changed_values, terminated, truncated, mask
    before = vtrace_of((rewards, values, terminated, truncated, mask), ratios, 0.9, 2.0, 1.5)
    after = vtrace_of(changed, np.where(mask, ratios, ratio), 0.9, 2.0, 1.5)
    for one, other in zip(before, after, strict=True):
        np.testing.assert_array_equal(one[mask], other[mask])
