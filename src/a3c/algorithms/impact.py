"""IMPACT: importance weighted asynchronous architectures with clipped target networks (Luo et al. 2020, arXiv
1912.00167).

The workers of IMPALA (`impala.py`), and a learner that learns several times from what they send:

    worker, repeat
        as IMPALA's: take a segment with mu = pi(.; theta'), noting mu(a_t), and put it into the queue

    learner, repeat
        take a batch of segments from the queue, and judge it by the target network theta^-
            vs_t, A_t, w_t <- V-trace with V(.; theta^-) and pi(a_t; theta^-) / mu(a_t)         `vtrace_targets`
        put it into a circle of N batches, in place of the oldest
        K times, for the next batch of the circle
            r_t <- min(mu(a_t) / pi(a_t; theta^-), rho) pi(a_t; theta) / mu(a_t)
                 = pi(a_t; theta) / max(pi(a_t; theta^-), mu(a_t) / rho)
            d theta <- w_t grad min(r_t A_t, clip(r_t, 1 - e, 1 + e) A_t)
                       + beta grad H(pi(s_t)) - c grad (vs_t - V(s_t))^2
            apply d theta to theta, and publish theta
            theta^- <- theta                                        once every `target_updates` updates

Each batch is learned from K times while it is in the circle. Workers' policies differ, and all change: the clip is
around one that stays where it is for a while, the target network's (section 3.1).
"""

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from a3c.algorithm.builtin import IMPACTSettings
from a3c.config import TrainConfig
from a3c.gradient import learned_steps, vtrace_targets
from a3c.learning.arrays import AnyArray, Scalar
from a3c.learning.losses import clipped_loss, explained_variance
from a3c.learning.optimizers import clip_by_global_norm
from a3c.learning.returns import Targets
from a3c.learning.snapshot import Snapshot
from a3c.networks.policy import Policy
from a3c.roles.learner import Learner
from a3c.rollout.segment import Segment
from a3c.sharing.duties import Duties


def duties(learner: Learner) -> Duties:
    """What the learner does, again and again."""
    config, store, published, own = learner.config, learner.store, learner.exchange.published, learner.config.own
    assert isinstance(own, IMPACTSettings)
    judge, gradient_of = make_judge(learner.policy, config, own), make_gradient(learner.policy, config, own)
    gradient_of(learner.current, judge(Snapshot(store.target, store.statistics), learner.no_batch()), 0.0)
    circle, target_updates = Circle(own.buffer_size, own.passes), own.target_updates or own.buffer_size * own.passes
    # What is judged is in no checkpoint.
    learner.forget = circle.clear

    def train(timeout: float) -> bool:
        newest = learner.get(timeout)
        if newest is None:
            return False
        # Observations stay normalised as they were, however often they are learned from.
        judged = judge(Snapshot(store.target, newest.statistics), newest.segment)
        for sample, version, passes in circle.put(judged, newest.version):

            def gradient(
                now: Snapshot, entropy_coefficient: float, sample: Sample = sample, passes: int = passes
            ) -> tuple[Any, np.ndarray]:
                gradient, diagnostics = gradient_of(now, sample, entropy_coefficient)
                return gradient, np.append(diagnostics, passes)

            learner.learn(newest, version, gradient)
            published.publish(learner.latest)
            store.renew_target(target_updates, "updates")
            if store.stopping:
                break
        return True

    return Duties({"trainer": train})


class Sample(NamedTuple):
    """A batch as it is learned from, each time: judged by the target network of when it came."""

    segment: Segment
    statistics: Float[AnyArray, "S"]
    """What it is normalised with."""
    log_probs: Float[Array, "T B"]
    """Of the policy that ratios are to: log max(pi(a_t; theta^-), mu(a_t) / rho)."""
    values: Float[Array, "T B"]
    targets: Targets


class Circle:
    """The last N batches, each of which is learned from K times (Luo et al. 2020, section 3.2): the circular buffer.

    While a batch is there, N come, and there are K turns for each: N K turns, of which every N-th is its own. There are
    none until N are there: the first of them have fewer.
    """

    def __init__(self, size: int, passes: int):
        self._size, self._passes = size, passes
        self.clear()

    def clear(self) -> None:
        """Begins anew, without any."""
        self._batches: list[tuple[Sample, float]] = []
        self._learned: list[int] = []
        self._oldest = self._next = 0

    def put(self, sample: Sample, version: float) -> Iterator[tuple[Sample, float, int]]:
        """Takes a batch, that was acted with in this version, in; gives those to learn from then, and how often each
        was with this time."""
        if len(self._batches) < self._size:
            self._batches.append((sample, version))
            self._learned.append(0)
        else:
            self._batches[self._oldest], self._learned[self._oldest] = (sample, version), 0
            self._oldest = (self._oldest + 1) % self._size
        for _ in range(self._passes if len(self._batches) == self._size else 0):
            place, self._next = self._next, (self._next + 1) % self._size
            self._learned[place] += 1
            yield *self._batches[place], self._learned[place]


def make_judge(policy: Policy, config: TrainConfig, own: IMPACTSettings) -> Callable[..., Sample]:
    """Jitted `(target network's snapshot, segment) -> sample`."""
    targets_of = vtrace_targets()

    def judge(target: Snapshot, segment: Any) -> Sample:
        context = segment.starts, segment.first_state
        network = policy.network(target.parameters)
        distribution, values = policy.apply_in_time(network, target.statistics, segment.observations, *context)
        log_probs = jax.tree.map(lambda x: x[:-1], distribution).log_prob(segment.actions)
        targets = targets_of(config, segment, values, log_probs)
        ratios_to = jnp.maximum(log_probs, segment.log_probs - jnp.log(own.worker_clip))
        return Sample(segment, target.statistics, ratios_to, values[:-1], targets)

    return jax.jit(judge)


def make_gradient(policy: Policy, config: TrainConfig, own: IMPACTSettings) -> Callable[..., Any]:
    """Jitted `(snapshot, sample, entropy_coefficient) -> (gradient [P], diagnostics)`: those of DIAGNOSTICS, the share
    of clipped steps, and the divergence from the target network's policy."""

    def loss(network: Any, sample: Sample, entropy_coefficient: Scalar) -> tuple[Float[Array, ""], Any]:
        segment: Any = sample.segment
        context = segment.starts, segment.first_state
        distribution, values = policy.apply_in_time(network, sample.statistics, segment.observations, *context)
        real_steps = jax.tree.map(lambda x: x[:-1], distribution)
        mask = learned_steps(config, segment)
        losses, clipped = clipped_loss(
            real_steps.log_prob(segment.actions),
            sample.log_probs,
            real_steps.entropy(),
            values[:-1],
            sample.values,
            sample.targets,
            mask,
            clip_range=own.clip_range,
            value_clip_range=None,
            value_coefficient=config.value_coefficient,
            entropy_coefficient=entropy_coefficient,
            normalize_advantages=config.normalize_advantages,
            reduction=config.loss_reduction,
        )
        return losses.total, (losses, explained_variance(values[:-1], sample.targets.returns, mask), clipped)

    def gradient_of(
        snapshot: Snapshot, sample: Sample, entropy_coefficient: Scalar
    ) -> tuple[Float[Array, "P"], Float[Array, "D"]]:
        network = policy.network(snapshot.parameters)
        gradient, (losses, explained, clipped) = eqx.filter_grad(loss, has_aux=True)(
            network, sample, entropy_coefficient
        )
        gradient, norm = clip_by_global_norm(policy.flatten(gradient), config.max_gradient_norm)
        return gradient, jnp.stack([*losses, norm, explained, *clipped])

    return jax.jit(gradient_of)
