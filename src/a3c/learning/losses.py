"""The actor-critic loss of A3C and its parts, over the real steps of a segment."""

from typing import Literal, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from a3c.learning.arrays import AnyArray, Scalar
from a3c.learning.returns import Targets


class Losses(NamedTuple):
    """Scalars: the loss to minimise, and its parts before their weights."""

    total: Float[Array, ""]
    policy: Float[Array, ""]
    value: Float[Array, ""]
    entropy: Float[Array, ""]


def masked_mean(x: Float[AnyArray, "..."], mask: Bool[AnyArray, "T *B"]) -> Float[Array, "..."]:
    """Mean over the steps where `mask` holds, 0 where none does; axes of `x` before those of `mask` stay.

    Means of several quantities are taken of their stack at once: XLA compiles each reduction separately.
    """
    axes = tuple(range(-mask.ndim, 0))
    return jnp.sum(jnp.where(mask, x, 0.0), axis=axes) / jnp.maximum(jnp.sum(mask), 1)


def normalize(x: Float[AnyArray, "T *B"], mask: Bool[AnyArray, "T *B"]) -> Float[AnyArray, "T *B"]:
    """Advantages or returns with mean 0 and standard deviation 1 over the real steps."""
    centred = x - masked_mean(x, mask)
    return centred / (jnp.sqrt(masked_mean(centred**2, mask)) + 1e-8)


def actor_critic_loss(
    log_probs: Float[AnyArray, "T *B"],
    entropies: Float[AnyArray, "T *B"],
    values: Float[AnyArray, "T *B"],
    targets: Targets,
    mask: Bool[AnyArray, "T *B"],
    *,
    value_coefficient: Scalar,
    entropy_coefficient: Scalar,
    normalize_advantages: bool = False,
    reduction: Literal["mean", "sum"] = "mean",
) -> Losses:
    """Policy gradient, value error and entropy bonus (Mnih et al. 2016, section 4 and algorithm S3).

        loss = -log pi(a_t) * A_t + value_coefficient * (G_t - v_t)^2 - entropy_coefficient * H_t

    The advantage A_t, which is `G_t - v_t` or V-trace's, is a constant in the policy term: its gradient would otherwise
    move the value estimate to please the policy. Every step keeps its own advantage: all arrays have one shape
    `[T, ...]`.

    Args:
        log_probs: log-probability of each action taken.
        entropies: entropy of the policy at each step, in nats.
        values: v_t.
        targets: G_t, A_t and its weight.
        mask: True at real steps; dummy reset steps and padding add nothing.
        reduction: `mean` over real steps, or the paper's `sum`.
    """
    _check_shapes(log_probs, entropies, values, *targets, mask)
    returns, advantages, weights = jax.lax.stop_gradient(targets)
    if normalize_advantages:
        advantages = normalize(advantages, mask)
    terms = jnp.stack([-log_probs * advantages * weights, (returns - values) ** 2, entropies])
    policy, value, entropy = masked_mean(terms, mask)
    total = policy + value_coefficient * value - entropy_coefficient * entropy
    return Losses(reduced(total, mask, reduction), policy, value, entropy)


def _check_shapes(*of_each_step: AnyArray | Scalar) -> None:
    """Raises ValueError where arrays would be broadcast; plain numbers may be."""
    shapes = {jnp.shape(x) for x in of_each_step if jnp.ndim(x)}
    if len(shapes) != 1:
        raise ValueError(f"every step needs its own value: shapes differ, {sorted(shapes)}")


def reduced(
    mean: Float[AnyArray, ""], mask: Bool[AnyArray, "T *B"], reduction: Literal["mean", "sum"]
) -> Float[Array, ""]:
    """A mean over the real steps, or the sum over them."""
    return jnp.asarray(mean * jnp.sum(mask) if reduction == "sum" else mean)


class Clipped(NamedTuple):
    """Scalars: how far the policy has moved from the one that took the actions."""

    fraction: Float[Array, ""]
    """Share of the steps whose ratio is beyond the clip."""
    kl: Float[Array, ""]
    """The mean Kullback-Leibler divergence, approximately, in nats."""


def clipped_loss(
    log_probs: Float[AnyArray, "T *B"],
    log_probs_before: Float[AnyArray, "T *B"],
    entropies: Float[AnyArray, "T *B"],
    values: Float[AnyArray, "T *B"],
    values_before: Float[AnyArray, "T *B"],
    targets: Targets,
    mask: Bool[AnyArray, "T *B"],
    *,
    clip_range: Scalar,
    value_clip_range: Scalar | None,
    value_coefficient: Scalar,
    entropy_coefficient: Scalar,
    normalize_advantages: bool = False,
    reduction: Literal["mean", "sum"] = "mean",
) -> tuple[Losses, Clipped]:
    """The clipped surrogate objective (Schulman et al. 2017, equations 7 and 9).

        loss = -w_t min(r_t A_t, clip(r_t, 1 - e, 1 + e) A_t) + value_coefficient * (G_t - v_t)^2
               - entropy_coefficient * H_t,    r_t = pi(a_t) / mu(a_t)

    An action is made no more probable, or less, than it is worth trusting what was seen of it with the policy mu.

    Args:
        log_probs_before: log mu(a_t), of the policy that took the actions.
        values_before: its v_t; with `value_clip_range` the worse of two errors is the value's loss, the other that of
            a v_t no further away from these.
        clip_range: e.
        targets: G_t, A_t and its weight w_t, 1 where mu is the policy that A_t is of.
        The others are those of `actor_critic_loss`.
    """
    _check_shapes(log_probs, log_probs_before, entropies, values, values_before, *targets, mask)
    returns, advantages, weights = jax.lax.stop_gradient(targets)
    if normalize_advantages:
        advantages = normalize(advantages, mask)
    moved = log_probs - log_probs_before
    ratios = jnp.exp(moved)
    clipped = jnp.clip(ratios, 1.0 - clip_range, 1.0 + clip_range)
    gains = weights * jnp.minimum(ratios * advantages, clipped * advantages)
    errors = (returns - values) ** 2
    if value_clip_range is not None:
        near = values_before + jnp.clip(values - values_before, -value_clip_range, value_clip_range)
        errors = jnp.maximum(errors, (returns - near) ** 2)
    beyond = (jnp.abs(ratios - 1.0) > clip_range).astype(ratios.dtype)
    # The estimate that is never below 0, and of little variance.
    kl = ratios - 1.0 - moved
    policy, value, entropy, fraction, kl = masked_mean(jnp.stack([-gains, errors, entropies, beyond, kl]), mask)
    total = policy + value_coefficient * value - entropy_coefficient * entropy
    return Losses(reduced(total, mask, reduction), policy, value, entropy), Clipped(fraction, kl)


def explained_variance(
    values: Float[AnyArray, "T *B"], returns: Float[AnyArray, "T *B"], mask: Bool[AnyArray, "T *B"]
) -> Float[Array, ""]:
    """1 - Var[G - v] / Var[G] over real steps: 1 is a perfect critic, 0 no better than a constant."""
    both = jnp.stack([returns - values, returns])
    means = masked_mean(both, mask)
    centred = both - means.reshape(2, *(1 for _ in mask.shape))
    unexplained, total = masked_mean(centred**2, mask)
    return 1.0 - unexplained / jnp.maximum(total, 1e-8)
