"""Returns over a segment.

Time comes first: a step `t` has reward `r_t`, value `v_t` and leads to `v_{t+1}`; a segment of T steps has T rewards
and T+1 values. Arrays are `[T, B]` for B environments, or `[T]`.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from a3c.learning.arrays import AnyArray, Scalar


class Targets(NamedTuple):
    """What the value estimate is to become, the advantage of each action taken, and its weight: of each step."""

    returns: Float[AnyArray, "T *B"]
    advantages: Float[AnyArray, "T *B"]
    weights: Float[AnyArray, "T *B"] | Scalar = 1.0
    """Importance weights of the policy's gradient: 1 where the policy that learns took the actions."""


def step_discounts(terminated: Bool[AnyArray, "T *B"], gamma: Scalar) -> Float[AnyArray, "T *B"]:
    """Weight of `v_{t+1}` in the target of step t: gamma, or 0 where the episode terminated.

    A truncated step keeps gamma, since in the canonical layout row t+1 is the episode's final observation, whose value
    is what the time limit cut off (Pardo et al. 2018, section 3).
    """
    return gamma * (1.0 - terminated)


def step_continues(
    terminated: Bool[AnyArray, "T *B"], truncated: Bool[AnyArray, "T *B"], mask: Bool[AnyArray, "T *B"]
) -> Float[AnyArray, "T *B"]:
    """1 where step t+1 belongs to the same episode and is real, so that a return may reach through it; else 0.

    It is 0 at an episode's end, and before a dummy or padding row (mask 0). The last row's value does not matter.
    """
    ended = terminated | truncated
    next_is_real = jnp.concatenate([mask[1:], jnp.ones_like(mask[:1])])
    return (~ended & next_is_real).astype(jnp.float32)


def lambda_returns(
    rewards: Float[AnyArray, "T *B"],
    values: Float[AnyArray, "T+1 *B"],
    discounts: Float[AnyArray, "T *B"],
    continues: Float[AnyArray, "T *B"],
    lambda_: Scalar,
) -> Float[Array, "T *B"]:
    """Lambda-returns, the targets of the value estimate (Sutton and Barto 2018, section 12.1).

        G_t = r_t + discount_t * ((1 - lambda * c_t) * v_{t+1} + lambda * c_t * G_{t+1}),    G_T = v_T

    with c_t the `continues`. With `lambda_` = 1 they are the n-step bootstrapped returns of A3C (Mnih et al. 2016,
    algorithm S3); `G_t - v_t` is the generalised advantage estimate (Schulman et al. 2016, equation 16).

    Args:
        rewards: r_t.
        values: v_0 to v_T.
        discounts: from `step_discounts`.
        continues: from `step_continues`.
        lambda_: between 0 (one step) and 1 (as many steps as the segment has).
    """

    def step_back(return_after, inputs):
        reward, value_after, discount, continue_ = inputs
        through = lambda_ * continue_
        return_ = reward + discount * ((1.0 - through) * value_after + through * return_after)
        return return_, return_

    inputs = (rewards, values[1:], discounts, continues)
    _, returns = jax.lax.scan(step_back, values[-1], inputs, reverse=True, unroll=min(8, rewards.shape[0]))
    return returns


def n_step_returns(
    rewards: Float[AnyArray, "T *B"],
    values: Float[AnyArray, "T+1 *B"],
    discounts: Float[AnyArray, "T *B"],
    continues: Float[AnyArray, "T *B"],
    lambda_: Scalar,
    n: int,
) -> Float[AnyArray, "T *B"]:
    """`lambda_returns` that reach through n steps at most, and are bootstrapped there.

    With `lambda_` = 1: `G_t = r_t + gamma r_{t+1} + ... + gamma^n v_{t+n}`, shorter where the episode or the segment
    ends before.
    """
    through = lambda_ * continues
    bootstraps = (1.0 - through) * values[1:]
    returns = values
    for _ in range(n):
        returns = rewards + discounts * (bootstraps + through * returns[1:])
        returns = jnp.concatenate([returns, values[-1:]])
    return returns[:-1]


def vtrace(
    rewards: Float[AnyArray, "T *B"],
    values: Float[AnyArray, "T+1 *B"],
    discounts: Float[AnyArray, "T *B"],
    continues: Float[AnyArray, "T *B"],
    ratios: Float[AnyArray, "T *B"],
    lambda_: Scalar = 1.0,
    rho_clip: Scalar = 1.0,
    c_clip: Scalar = 1.0,
) -> Targets:
    """V-trace: targets for the policy pi from steps that another one, mu, took (Espeholt et al. 2018, section 4.1).

        vs_t - v_t = rho_t (r_t + discount_t v_{t+1} - v_t) + discount_t c_t (vs_{t+1} - v_{t+1})
        advantage_t = r_t + discount_t q_{t+1} - v_t,    weight_t = rho_t

    with rho_t and c_t the ratios pi(a_t) / mu(a_t), clipped; c_t is times `lambda_` (remark 2), and 0 where step t+1 is
    another episode's. q_{t+1} is vs_{t+1}, mixed with v_{t+1} by `lambda_`. Where pi is mu, these are `lambda_returns`
    and the generalised advantage estimates.

    The policy's gradient is that of `weight_t advantage_t log pi(a_t)`. They come apart, as advantages may be shifted
    before they are weighted, which leaves the gradient's mean as it is, but not after.

    Args:
        ratios: pi(a_t) / mu(a_t).
        rho_clip: rho-bar, which decides whose value function is learned: pi's where infinite, nearer mu's where small.
        c_clip: c-bar, which limits how far back a correction is carried.
        The others are those of `lambda_returns`.
    """
    rho, c = jnp.minimum(rho_clip, ratios), lambda_ * jnp.minimum(c_clip, ratios) * continues
    errors = rewards + discounts * values[1:] - values[:-1]

    def step_back(correction_after, inputs):
        error, discount, c = inputs
        correction = error + discount * c * correction_after
        return correction, correction

    unroll = min(8, rewards.shape[0])
    _, corrections = jax.lax.scan(
        step_back, jnp.zeros_like(values[-1]), (rho * errors, discounts, c), reverse=True, unroll=unroll
    )
    through = lambda_ * continues
    next_corrections = jnp.concatenate([corrections[1:], jnp.zeros_like(corrections[:1])])
    advantages = errors + discounts * through * next_corrections
    return Targets(values[:-1] + corrections, advantages, rho)
