"""Asynchronous Q-learning and Sarsa (Mnih et al. 2016, arXiv 1602.01783, algorithms 1 and S2), and PQN.

The workers of A3C, which learn what each action is worth, and act by that:

    repeat
        theta' <- theta                                     copy the shared parameters
        take T steps of B environments by argmax_a Q(s, a; theta'), with probability epsilon at random     a segment
        G_t <- what Q(s_t, a_t) is to become, by the target network theta^-         `returns_of`
            n-step Q        r_t + gamma r_{t+1} + ... + gamma^n max_a Q(s_{t+n}, a; theta^-)
            one-step Q      r_t + gamma max_a Q(s_{t+1}, a; theta^-)
            one-step Sarsa  r_t + gamma Q(s_{t+1}, a_{t+1}; theta^-)
        d theta' <- grad (G_t - Q(s_t, a_t; theta'))^2
        apply d theta' to theta through the shared optimizer
        theta^- <- theta                                    once every `target_interval` steps of all workers

Each worker anneals to an epsilon of its own, so that they explore in different ways.

PQN (Gallici et al. 2024, arXiv 2407.04811) has layers that are normalised, and no theta^-, but theta' in its place:

            PQN             r_t + gamma (lambda G_{t+1} + (1 - lambda) max_a Q(s_{t+1}, a; theta'))
"""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from a3c.algorithm.builtin import PQNSettings, QLearningSettings
from a3c.config.learning import LearningSettings
from a3c.config.schedules import epsilon_at, learning_rate_at
from a3c.gradient import flat_gradient, learned_steps, returns_of
from a3c.learning.arrays import AnyArray, Scalar
from a3c.learning.diagnostics import norm_of
from a3c.learning.distributions import EpsilonGreedy
from a3c.learning.losses import explained_variance, masked_mean, reduced
from a3c.learning.snapshot import Snapshot
from a3c.networks.policy import Policy
from a3c.roles.worker import Worker

Bootstrap = Callable[[EpsilonGreedy, Any], Float[AnyArray, "rows B"]]
"""`(what the target network gives for a segment's T+1 rows, segment) -> the values that targets go on with`."""


def best(given: EpsilonGreedy, segment: Any) -> Float[AnyArray, "rows B"]:
    """The value of the best action, of those that are valid."""
    return given.values.max(axis=-1)


def taken(given: EpsilonGreedy, segment: Any) -> Float[AnyArray, "rows B"]:
    """The value of the action that was taken; where an episode was cut off, of the one that was chosen there.

    The last row has none yet. The row before waits for it: it is learned from in the next segment, which repeats it.
    """
    return given.value_of(jnp.concatenate([segment.actions, segment.actions[-1:]]))


def n_step_q(worker: Worker) -> None:
    """A worker's whole life."""
    _run(worker, best, 1.0)


def one_step_q(worker: Worker) -> None:
    """A worker's whole life."""
    _run(worker, best, 0.0)


def one_step_sarsa(worker: Worker) -> None:
    """A worker's whole life."""
    _run(worker, taken, 0.0)


def pqn(worker: Worker) -> None:
    """A worker's whole life."""
    own = worker.config.own
    assert isinstance(own, PQNSettings)
    _run(worker, best, own.q_lambda)


def _run(worker: Worker, bootstrap: Bootstrap, lambda_: float) -> None:
    """With returns that go on for one step, where lambda is 0, or as many as there are, where it is 1."""
    config, store, order, own = worker.config, worker.store, worker.order, worker.config.own
    gradient_of = make_gradient(worker.policy, config, bootstrap, lambda_)
    while worker.running(order.totals):
        step, snapshot = order.totals["steps"], order.read()
        epsilon = epsilon_at(config, worker.index, step)
        segment, episodes = worker.collector.collect(snapshot, epsilon)
        gradient, diagnostics = gradient_of(snapshot, snapshot.bootstrap, segment)
        gradient, diagnostics = np.asarray(gradient), np.append(diagnostics, epsilon)
        with order.turn():
            lag = store.learn(gradient, norm_of(diagnostics), learning_rate_at(config, step), snapshot.version)
            worker.record(segment, episodes, lag, diagnostics)
            if isinstance(own, QLearningSettings):
                store.renew_target(own.target_interval)


def make_gradient(
    policy: Policy, config: LearningSettings, bootstrap: Bootstrap, lambda_: Scalar
) -> Callable[..., Any]:
    """Jitted `(snapshot, target snapshot, segment) -> (gradient [P], diagnostics)`: those of DIAGNOSTICS, of which a
    policy's are no numbers, and the mean of the action values."""

    def loss(network: Any, statistics: Float[AnyArray, "S"], target: Any, segment: Any) -> tuple[Float[Array, ""], Any]:
        rows = statistics, segment.observations, *segment.context
        returns = returns_of(config, segment, bootstrap(policy.apply_in_time(target, *rows)[0], segment), lambda_)
        given, _ = policy.apply_in_time(network, *rows)
        values = EpsilonGreedy(given.values[:-1]).value_of(segment.actions)
        mask = learned_steps(config, segment)
        error, mean = masked_mean(jnp.stack([(returns - values) ** 2, values]), mask)
        total = reduced(error, mask, config.loss_reduction)
        return total, (total, error, explained_variance(values, returns, mask), mean)

    def gradient_of(snapshot: Snapshot, target: Snapshot, segment: Any) -> tuple[Float[Array, "P"], Float[Array, "D"]]:
        network, given = policy.network(snapshot.parameters), (policy.network(target.parameters), segment)
        gradient, norm, (total, error, explained, mean) = flat_gradient(
            policy, config, loss, network, snapshot.statistics, *given
        )
        return gradient, jnp.stack([total, jnp.nan, error, jnp.nan, norm, explained, mean])

    return jax.jit(gradient_of)
