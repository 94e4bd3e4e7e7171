"""Returns over a segment.

Time comes first: a step `t` has reward `r_t`, value `v_t` and leads to `v_{t+1}`; a segment of T steps has T rewards
and T+1 values. Arrays are `[T, B]` for B environments, or `[T]`.
"""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float


def step_discounts(terminated: Bool[Array, "T ..."], gamma: float) -> Float[Array, "T ..."]:
    """Weight of `v_{t+1}` in the target of step t: gamma, or 0 where the episode terminated.

    A truncated step keeps gamma, since in the canonical layout row t+1 is the episode's final observation, whose value
    is what the time limit cut off (Pardo et al. 2018, section 3).
    """
    return gamma * (1.0 - terminated)


def step_continues(
    terminated: Bool[Array, "T ..."], truncated: Bool[Array, "T ..."], mask: Bool[Array, "T ..."]
) -> Float[Array, "T ..."]:
    """1 where step t+1 belongs to the same episode and is real, so that a return may reach through it; else 0.

    It is 0 at an episode's end, and before a dummy or padding row (mask 0). The last row's value does not matter.
    """
    ended = terminated | truncated
    next_is_real = jnp.concatenate([mask[1:], jnp.ones_like(mask[:1])])
    return (~ended & next_is_real).astype(jnp.float32)


def lambda_returns(
    rewards: Float[Array, "T ..."],
    values: Float[Array, "T1 ..."],
    discounts: Float[Array, "T ..."],
    continues: Float[Array, "T ..."],
    lambda_: float,
) -> Float[Array, "T ..."]:
    """Lambda-returns, the targets of the value estimate (Sutton and Barto 2018, section 12.1).

        G_t = r_t + discount_t * ((1 - lambda * c_t) * v_{t+1} + lambda * c_t * G_{t+1}),    G_T = v_T

    with c_t the `continues`. With `lambda_` = 1 they are the n-step bootstrapped returns of A3C (Mnih et al. 2016,
    algorithm S3); `G_t - v_t` is the generalised advantage estimate (Schulman et al. 2016, equation 16).

    Args:
        rewards: r_t, `[T, ...]`.
        values: v_0 to v_T, `[T+1, ...]`.
        discounts: from `step_discounts`, `[T, ...]`.
        continues: from `step_continues`, `[T, ...]`.
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
