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
from dataclasses import replace
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from a3c.algorithm.builtin import IMPACTSettings
from a3c.config import TrainConfig
from a3c.gradient import Sample, judged, make_clipped_gradient, vtrace_targets
from a3c.learning.arrays import AnyArray
from a3c.learning.snapshot import Snapshot
from a3c.networks.policy import Policy
from a3c.roles.learner import Learner
from a3c.sharing.duties import Duties


def duties(learner: Learner) -> Duties:
    """What the learner does, again and again."""
    config, store, published, own = learner.config, learner.store, learner.exchange.published, learner.config.own
    assert isinstance(own, IMPACTSettings)
    judge = make_judge(learner.policy, config, own)
    gradient_of = jax.jit(make_clipped_gradient(learner.policy, config, own.clip_range))
    gradient_of(learner.current, judge(Snapshot(store.target, store.statistics), learner.no_batch()), 0.0)
    circle, target_updates = Circle(own.buffer_size, own.passes), own.target_updates or own.buffer_size * own.passes
    # What is judged is in no checkpoint.
    learner.forget = circle.clear

    def gradient(batch: Judged, passes: int, now: Snapshot, entropy_coefficient: float) -> tuple[Any, np.ndarray]:
        now = replace(now, statistics=batch.statistics)
        gradient, diagnostics = gradient_of(now, batch.sample, entropy_coefficient)
        return gradient, np.append(diagnostics, passes)

    def train(timeout: float) -> bool:
        newest = learner.get(timeout)
        if newest is None:
            return False
        new = Judged(judge(Snapshot(store.target, newest.statistics), newest.segment), newest.statistics)
        for batch, version, passes in circle.put(new, newest.version):
            learner.learn(newest, version, partial(gradient, batch, passes))
            published.publish(learner.latest)
            store.renew_target(target_updates, "updates")
            if store.stopping:
                break
        return True

    return Duties({"trainer": train})


class Judged(NamedTuple):
    """A batch as it is learned from, each time."""

    sample: Sample
    """By the target network of when it came."""
    statistics: Float[AnyArray, "S"]
    """Observations stay normalised as they were."""


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
        self._batches: list[tuple[Judged, float]] = []
        self._learned: list[int] = []
        self._oldest = self._next = 0

    def put(self, batch: Judged, version: float) -> Iterator[tuple[Judged, float, int]]:
        """Takes a batch, that was acted with in this version, in; gives those to learn from then, and how often each
        was with this time."""
        if len(self._batches) < self._size:
            self._batches.append((batch, version))
            self._learned.append(0)
        else:
            self._batches[self._oldest], self._learned[self._oldest] = (batch, version), 0
            self._oldest = (self._oldest + 1) % self._size
        for _ in range(self._passes if len(self._batches) == self._size else 0):
            place, self._next = self._next, (self._next + 1) % self._size
            self._learned[place] += 1
            yield *self._batches[place], self._learned[place]


def make_judge(policy: Policy, config: TrainConfig, own: IMPACTSettings) -> Callable[..., Sample]:
    """Jitted `(target network's snapshot, segment) -> sample`, with ratios to max(pi(a_t; theta^-), mu(a_t) / rho)."""
    targets_of = vtrace_targets()

    def judge(target: Snapshot, segment: Any) -> Sample:
        sample, log_probs = judged(policy, config, targets_of, target, segment)
        return sample._replace(log_probs=jnp.maximum(log_probs, sample.log_probs - jnp.log(own.worker_clip)))

    return jax.jit(judge)
