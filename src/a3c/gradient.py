"""Gradients from a Snapshot and what was collected: what the algorithms here have in common.

Those that learn once from a Segment differ in where its gradient is computed and in its targets: `lambda_targets` where
it was collected with the parameters that learn from it, `vtrace_targets` where it was collected with older ones. Those
that learn several times have it judged once, as a Sample, and take the gradients of the clipped objective.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Shaped

from a3c.algorithm import LearnerSettings
from a3c.config import TrainConfig
from a3c.config.learning import LearningSettings, RolloutSettings
from a3c.learning.arrays import AnyArray, Scalar
from a3c.learning.losses import actor_critic_loss, clipped_loss, explained_variance, normalize
from a3c.learning.optimizers import clip_by_global_norm
from a3c.learning.returns import Targets, lambda_returns, n_step_returns, step_continues, step_discounts, vtrace
from a3c.learning.snapshot import Snapshot
from a3c.networks.policy import Policy

Targeting = Callable[[LearningSettings, Any, jax.Array, jax.Array], Targets]
"""`(config, segment, values [T+1, B], log_probs [T, B]) -> targets`, inside jit; `log_probs` are the present ones."""


def lambda_targets(
    config: LearningSettings, segment: Any, values: Float[AnyArray, "rows B"], log_probs: Float[AnyArray, "rows-1 B"]
) -> Targets:
    """Lambda-returns, and `G_t - v_t` as the advantage (Mnih et al. 2016, algorithm S3)."""
    returns = returns_of(config, segment, values, config.gae_lambda)
    if config.normalize_returns:
        returns = normalize(returns, segment.mask)
    return Targets(returns, returns - values[:-1])


def returns_of(
    config: LearningSettings, segment: Any, values: Float[AnyArray, "rows B"], lambda_: Scalar
) -> Float[AnyArray, "rows-1 B"]:
    """Lambda-returns that reach to the end of the segment, or through `n_step` steps."""
    steps = _steps(config, segment, values)
    if config.n_step is None:
        return lambda_returns(*steps, lambda_)
    return n_step_returns(*steps, lambda_, config.n_step)


def vtrace_targets(rho_clip: float = 1.0, c_clip: float = 1.0) -> Targeting:
    """V-trace, from how probable the actions are now and how probable they were (Espeholt et al. 2018)."""

    def targets(
        config: LearningSettings,
        segment: Any,
        values: Float[AnyArray, "rows B"],
        log_probs: Float[AnyArray, "rows-1 B"],
    ) -> Targets:
        ratios = jnp.exp(log_probs - segment.log_probs)
        return vtrace(*_steps(config, segment, values), ratios, config.gae_lambda, rho_clip, c_clip)

    return targets


def _steps(
    config: LearningSettings, segment: Any, values: Float[AnyArray, "rows B"]
) -> tuple[
    Float[AnyArray, "rows-1 B"], Float[AnyArray, "rows B"], Float[AnyArray, "rows-1 B"], Float[AnyArray, "rows-1 B"]
]:
    discounts = step_discounts(segment.terminated, config.gamma)
    if config.restart_at_reward:
        discounts = jnp.where(segment.rewards == 0, discounts, 0.0)
    continues = step_continues(segment.terminated, segment.truncated, segment.mask)
    return segment.rewards, values, discounts, continues


def make_gradient(
    policy: Policy,
    config: LearningSettings,
    targets: Targeting = lambda_targets,
    log_epsilon: float = 0.0,
) -> Callable:
    """Jitted `(snapshot, segment, entropy_coefficient) -> (gradient [P], diagnostics)`, those of DIAGNOSTICS.

    `log_epsilon` is what is added to a probability before its logarithm is taken.
    """

    def loss(
        network: Any, statistics: Float[AnyArray, "S"], segment: Any, entropy_coefficient: Scalar
    ) -> tuple[Float[Array, ""], Any]:
        distribution, values = policy.apply_in_time(network, statistics, segment.observations, *segment.context)
        real_steps = jax.tree.map(lambda x: x[:-1], distribution)
        log_probs = real_steps.log_prob(segment.actions)
        aims = targets(config, segment, values, log_probs)
        if log_epsilon:
            log_probs = jnp.log(jnp.exp(log_probs) + log_epsilon)
        mask = learned_steps(config, segment)
        losses = actor_critic_loss(
            log_probs,
            real_steps.entropy(),
            values[:-1],
            aims,
            mask,
            value_coefficient=config.value_coefficient,
            entropy_coefficient=entropy_coefficient,
            normalize_advantages=config.normalize_advantages,
            reduction=config.loss_reduction,
        )
        return losses.total, (losses, explained_variance(values[:-1], aims.returns, mask))

    def gradient_of(
        snapshot: Snapshot, segment: Any, entropy_coefficient: Scalar
    ) -> tuple[Float[Array, "P"], Float[Array, "D"]]:
        network = policy.network(snapshot.parameters)
        given = snapshot.statistics, segment, entropy_coefficient
        gradient, norm, (losses, explained) = flat_gradient(policy, config, loss, network, *given)
        return gradient, jnp.stack([*losses, norm, explained])

    return jax.jit(gradient_of)


def flat_gradient(
    policy: Policy, config: LearningSettings, loss: Callable[..., tuple[jax.Array, Any]], network: Any, *given: Any
) -> tuple[Float[Array, "P"], Float[Array, ""], Any]:
    """Of `loss(network, *given) -> (loss, other)`, inside jit: the gradient, clipped; the norm it had; other."""
    gradient, others = eqx.filter_grad(loss, has_aux=True)(network, *given)
    return *clip_by_global_norm(policy.flatten(gradient), config.max_gradient_norm), others


class Sample(NamedTuple):
    """Steps as they are learned from several times: `[T, B, ...]`; without memory also in one row, `[T * B, ...]`."""

    observations: Shaped[Array, "*B"]
    actions: Shaped[Array, "*B"]
    log_probs: Float[Array, "*B"]
    """Of the policy that ratios are to: first, that which collected."""
    values: Float[Array, "*B"]
    targets: Targets
    mask: Bool[Array, "*B"]
    starts: Bool[Array, "*B"] | None
    first_state: Float[Array, "1 B S"] | None
    action_masks: Bool[Array, "*B n"] | None = None

    @property
    def context(self) -> tuple[Any, Any, Any]:
        """What a policy takes beside the observations, as `Segment.context`."""
        return self.starts, self.first_state, self.action_masks


def judged(
    policy: Policy, config: LearningSettings, targets_of: Targeting, snapshot: Snapshot, segment: Any
) -> tuple[Sample, Float[Array, "T B"]]:
    """A segment with values and targets by this snapshot, and how probable its actions are to it; inside jit."""
    network = policy.network(snapshot.parameters)
    distribution, values = policy.apply_in_time(network, snapshot.statistics, segment.observations, *segment.context)
    log_probs = jax.tree.map(lambda x: x[:-1], distribution).log_prob(segment.actions)
    return sampled(config, targets_of, segment, values, log_probs), log_probs


def sampled(
    config: LearningSettings,
    targets_of: Targeting,
    segment: Any,
    values: Float[Array, "rows B"],
    log_probs: Float[Array, "rows-1 B"],
) -> Sample:
    """A segment with these values, and targets by them; inside jit."""
    targets = targets_of(config, segment, values, log_probs)
    starts, masks = (None if rows is None else rows[:-1] for rows in (segment.starts, segment.action_masks))
    rows = segment.observations[:-1], segment.actions, segment.log_probs, values[:-1]
    return Sample(*rows, targets, segment.mask, starts, segment.first_state, masks)


def make_clipped_gradient(
    policy: Policy, config: LearningSettings, clip_range: float, value_clip_range: float | None = None
) -> Callable[..., Any]:
    """`(snapshot, sample, entropy_coefficient) -> (gradient [P], diagnostics)`, inside jit: those of DIAGNOSTICS, the
    share of clipped steps, and the divergence from the policy that ratios are to."""

    def loss(
        network: Any, statistics: Float[AnyArray, "S"], sample: Sample, entropy_coefficient: Scalar
    ) -> tuple[Float[Array, ""], Any]:
        distribution, values = policy.apply_in_time(network, statistics, sample.observations, *sample.context)
        losses, clipped = clipped_loss(
            distribution.log_prob(sample.actions),
            sample.log_probs,
            distribution.entropy(),
            values,
            sample.values,
            sample.targets,
            sample.mask,
            clip_range=clip_range,
            value_clip_range=value_clip_range,
            value_coefficient=config.value_coefficient,
            entropy_coefficient=entropy_coefficient,
            normalize_advantages=config.normalize_advantages,
            reduction=config.loss_reduction,
        )
        return losses.total, (losses, explained_variance(values, sample.targets.returns, sample.mask), clipped)

    def gradient_of(
        snapshot: Snapshot, sample: Sample, entropy_coefficient: Scalar
    ) -> tuple[Float[Array, "P"], Float[Array, "D"]]:
        network = policy.network(snapshot.parameters)
        given = snapshot.statistics, sample, entropy_coefficient
        gradient, norm, (losses, explained, clipped) = flat_gradient(policy, config, loss, network, *given)
        return gradient, jnp.stack([*losses, norm, explained, *clipped])

    return gradient_of


def make_corrected_gradient(policy: Policy, config: TrainConfig) -> Callable:
    """The gradient with what a learner does about segments that older parameters collected (`lag_correction`)."""
    own = config.own
    assert isinstance(own, LearnerSettings)
    match own.lag_correction:
        case "vtrace":
            return make_gradient(policy, config, vtrace_targets(own.rho_clip, own.c_clip))
        case "epsilon":
            return make_gradient(policy, config, log_epsilon=own.log_epsilon)
        case "none":
            return make_gradient(policy, config)


def learned_steps(config: RolloutSettings, segment: Any) -> Bool[AnyArray, "T B"]:
    """The real steps, less those at the end that the next segment, which overlaps this one, has too."""
    if config.overlap == 0:
        return segment.mask
    rows = jnp.arange(segment.mask.shape[0])[:, None]
    return segment.mask & (rows < segment.mask.shape[0] - config.overlap)
