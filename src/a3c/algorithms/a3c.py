"""A3C: asynchronous advantage actor-critic (Mnih et al. 2016, arXiv 1602.01783, algorithm S3).

Every worker has its own copy of the parameters and its own environments, and without waiting for anyone:

    repeat
        theta' <- theta                                     copy the shared parameters
        take T steps of B environments with pi(.; theta')   a segment
        R <- 0 if terminal else V(s_T; theta')              bootstrap
        for t = T-1 .. 0:  R <- r_t + gamma R
            d theta' += grad log pi(a_t | s_t) (R - V(s_t)) + beta grad H(pi(s_t)) - c grad (R - V(s_t))^2
        apply d theta' to theta through the shared optimizer
"""

import math
from collections.abc import Callable

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from a3c.config import TrainConfig
from a3c.errors import A3CError
from a3c.learning.losses import actor_critic_loss, explained_variance
from a3c.learning.optimizers import clip_by_global_norm
from a3c.learning.returns import lambda_returns, step_continues, step_discounts
from a3c.learning.schedules import entropy_coefficient_at, epsilon_at, learning_rate_at
from a3c.parallel.worker import Worker
from a3c.policy import Policy

DIAGNOSTICS = ("loss", "policy_loss", "value_loss", "entropy", "gradient_norm", "explained_variance")


class TrainingDiverged(A3CError):
    """A gradient was not finite."""

    exit_status = 1


def run(worker: Worker) -> None:
    """A worker's whole life."""
    config, store = worker.config, worker.store
    gradient_of = make_gradient(worker.policy, config)
    while worker.running():
        step = store.total("steps")
        parameters, version = store.read()
        segment, episodes = worker.collector.collect(parameters, epsilon_at(config, worker.index, step))
        gradient, diagnostics = gradient_of(parameters, segment, entropy_coefficient_at(config, step))
        diagnostics = np.asarray(diagnostics)
        check_finite(diagnostics)
        lag = store.apply(np.asarray(gradient), learning_rate_at(config, step), version)
        worker.record(segment.steps, episodes, lag, diagnostics, DIAGNOSTICS)


def make_gradient(policy: Policy, config: TrainConfig) -> Callable:
    """Jitted `(parameters [P], segment, entropy_coefficient) -> (gradient [P], diagnostics)`."""

    def loss(network, segment, entropy_coefficient):
        distribution, values = policy.apply(network, segment.observations)
        real_steps = jax.tree.map(lambda x: x[:-1], distribution)
        returns = lambda_returns(
            segment.rewards,
            values,
            step_discounts(segment.terminated, config.gamma),
            step_continues(segment.terminated, segment.truncated, segment.mask),
            config.gae_lambda,
        )
        losses = actor_critic_loss(
            real_steps.log_prob(segment.actions),
            real_steps.entropy(),
            values[:-1],
            returns,
            segment.mask,
            value_coefficient=config.value_coefficient,
            entropy_coefficient=entropy_coefficient,
            normalize_advantages=config.normalize_advantages,
            reduction=config.loss_reduction,
        )
        return losses.total, (losses, explained_variance(values[:-1], returns, segment.mask))

    def gradient_of(parameters, segment, entropy_coefficient):
        network = policy.network(parameters)
        gradient, (losses, explained) = eqx.filter_grad(loss, has_aux=True)(network, segment, entropy_coefficient)
        gradient, norm = clip_by_global_norm(policy.flatten(gradient), config.max_gradient_norm)
        return gradient, jnp.stack([*losses, norm, explained])

    return jax.jit(gradient_of)


def check_finite(diagnostics: np.ndarray) -> None:
    """Raises TrainingDiverged rather than let a gradient that is not a number reach everyone's parameters."""
    if not math.isfinite(diagnostics[DIAGNOSTICS.index("gradient_norm")]):
        raise TrainingDiverged(
            "the gradient is no longer finite: lower --learning-rate, or scale the rewards down with --reward-scale"
        )
