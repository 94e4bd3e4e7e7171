"""APPO: asynchronous proximal policy optimisation (Schulman et al. 2017, arXiv 1707.06347, algorithm 1).

The workers of A3C, each of which learns from what it collected several times:

    repeat
        theta' <- theta                                     copy the shared parameters
        take T steps of B environments with mu = pi(.; theta'), noting mu(a_t) and V(s_t; theta')     a segment
        G_t, A_t <- returns and advantages, with these V                            `lambda_targets`
        K times, for each minibatch of the segment, shuffled
            theta' <- theta
            r_t <- pi(a_t; theta') / mu(a_t)
            d theta' <- grad min(r_t A_t, clip(r_t, 1 - e, 1 + e) A_t)
                        + beta grad H(pi(s_t)) - c grad (G_t - V(s_t))^2
            enough, where KL(mu, pi) > 1.5 target
            apply d theta' to theta through the shared optimizer, with a step of alpha
        alpha <- smaller, if KL came beyond the target; larger, if not to half of it              `Stride`

Others change theta meanwhile: the ratio r_t is to the policy that collected, and sees their changes too. So clip and
target bound what all of them together make of an action (Heess et al. 2017, arXiv 1707.02286, section 3, has workers
that wait instead).
"""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int

from a3c.algorithm.builtin import APPOSettings
from a3c.config import TrainConfig
from a3c.config.schedules import entropy_coefficient_at, epsilon_at, learning_rate_at
from a3c.gradient import Sample, judged, lambda_targets, make_clipped_gradient, sampled, vtrace_targets
from a3c.learning.arrays import Scalar
from a3c.learning.diagnostics import norm_of
from a3c.learning.snapshot import Snapshot
from a3c.networks.policy import Policy
from a3c.roles.worker import Worker

KL = -1
"""Where a gradient's diagnostics have the divergence."""
TOO_FAR = 1.5
"""Times `target_kl`: there passes end, as in the implementations that introduced it."""
NEAR = 0.5
"""Times `target_kl`: where passes end nearer than that, steps could be larger."""
FACTOR = 1.5
"""By which steps become smaller or larger after a segment."""
SMALLEST = 0.01
"""Share of the learning rate."""


def run(worker: Worker) -> None:
    """A worker's whole life."""
    config, order, own = worker.config, worker.order, worker.config.own
    assert isinstance(own, APPOSettings)
    sample_of, gradient_of = make_sample(worker.policy, config, own), make_gradient(worker.policy, config, own)
    shuffle, stride = Shuffle(config, own, worker.policy.recurrent), Stride(own.target_kl)
    # How far the last segment led is in no checkpoint.
    worker.forget = stride.begin
    while worker.running(order.totals):
        step, acted = order.totals["steps"], order.read()
        segment, episodes = worker.collector.collect(acted, epsilon_at(config, worker.index, step))
        with order.turn():
            worker.record(segment, episodes)
        entropy_coefficient, rate = entropy_coefficient_at(config, step), learning_rate_at(config, step) * stride.share
        sample, learned, enough = None, [], False
        for number, places in enumerate(shuffle.minibatches(worker.generator, segment.mask)):
            if not worker.goes_on:
                break
            # What was observed stays what it was: normalised as when it was acted upon.
            now = replace(order.read(), statistics=acted.statistics)
            if sample is None or (own.recompute_advantages and number % shuffle.count == 0):
                # V-trace corrects for what others have changed since.
                as_acted = sample is None and own.advantages == "gae"
                sample = sample_of(None if as_acted else now, segment)
            gradient, diagnostics = gradient_of(now, sample, places, entropy_coefficient)
            gradient, diagnostics = np.asarray(gradient), np.asarray(diagnostics)
            if enough := stride.is_too_far(diagnostics[KL]):
                break
            with order.turn():
                lag = worker.store.learn(gradient, norm_of(diagnostics), rate, now.version)
            learned.append((lag, diagnostics))
        passes = len(learned) / shuffle.count
        for lag, diagnostics in learned:
            worker.learned(lag, np.append(diagnostics, (passes, stride.share)))
        stride.adapt([diagnostics[KL] for _, diagnostics in learned[-shuffle.count :]], enough)


class Minibatch(NamedTuple):
    """Which rows of a Sample, or which environments of a recurrent policy's, a gradient is computed from."""

    places: Int[np.ndarray, "M"]
    real: Bool[np.ndarray, "M"]
    """Minibatches are of one size: what one lacks is filled up, and not real."""


class Shuffle:
    """How a segment is shared out to minibatches."""

    def __init__(self, config: TrainConfig, own: APPOSettings, recurrent: bool):
        self._passes, self._recurrent = own.passes, recurrent
        whole = config.environments_each if recurrent else config.segment_size
        self.count = min(own.minibatches(config.segment_size), whole)
        """Minibatches of a pass."""
        self._size = -(-whole // self.count)

    def minibatches(self, generator: np.random.Generator, mask: Bool[np.ndarray, "T B"]) -> Iterator[Minibatch]:
        """Of all passes, over the real rows."""
        whole = np.arange(mask.shape[1]) if self._recurrent else np.flatnonzero(mask)
        for _ in range(self._passes):
            for part in np.array_split(generator.permutation(whole), self.count):
                places, real = np.zeros(self._size, np.int32), np.zeros(self._size, bool)
                places[: len(part)], real[: len(part)] = part, True
                yield Minibatch(places, real)


class Stride:
    """How large a worker's steps are, as a share of the learning rate: by how far its last segment moved the policy.

    Passes that end early are lost to the value estimates too; smaller steps come as far in all of them. An adaptive
    learning rate as by Rudin et al. 2021, arXiv 2109.11978; adapted by each worker alone, to what all have moved.
    """

    def __init__(self, target_kl: float):
        self._target = target_kl or math.inf
        self.begin()

    def begin(self) -> None:
        """As where nothing is known of how far a segment leads."""
        self.share = 1.0

    def is_too_far(self, kl: float) -> bool:
        """Whether the passes over a segment are to end, where the policy has moved away by this divergence, in nats."""
        return kl > TOO_FAR * self._target

    def adapt(self, last_pass: Sequence[float], ended: bool) -> None:
        """After a segment: by the divergences of its last pass, or where its passes ended early."""
        if ended or (last_pass and np.mean(last_pass) > self._target):
            self.share = max(self.share / FACTOR, SMALLEST)
        elif last_pass and np.mean(last_pass) < NEAR * self._target:
            self.share = min(self.share * FACTOR, 1.0)


def make_sample(policy: Policy, config: TrainConfig, own: APPOSettings) -> Callable[..., Sample]:
    """Jitted `(snapshot, segment) -> sample`: with returns and advantages by the values of this snapshot, or of None by
    those of acting; its rows in one but for a recurrent policy."""
    targets_of = vtrace_targets() if own.advantages == "vtrace" else lambda_targets

    def sample_of(snapshot: Snapshot | None, segment: Any) -> Sample:
        if snapshot is None:
            sample = sampled(config, targets_of, segment, segment.values, segment.log_probs)
        else:
            sample, _ = judged(policy, config, targets_of, snapshot, segment)
        # V-trace's weights are the ratios, which the loss has itself.
        sample = sample._replace(targets=sample.targets._replace(weights=jnp.ones_like(sample.log_probs)))
        return sample if policy.recurrent else jax.tree.map(lambda x: x.reshape(-1, *x.shape[2:]), sample)

    return jax.jit(sample_of)


def make_gradient(policy: Policy, config: TrainConfig, own: APPOSettings) -> Callable[..., Any]:
    """Jitted `(snapshot, sample, minibatch, entropy_coefficient) -> (gradient [P], diagnostics)`, those of
    `make_clipped_gradient`."""
    clipped_gradient_of = make_clipped_gradient(policy, config, own.clip_range, own.value_clip_range)

    def gradient_of(
        snapshot: Snapshot, sample: Sample, minibatch: Minibatch, entropy_coefficient: Scalar
    ) -> tuple[Float[Array, "P"], Float[Array, "D"]]:
        batch = jax.tree.map(lambda x: jnp.take(x, minibatch.places, axis=int(policy.recurrent)), sample)
        batch = batch._replace(mask=batch.mask & minibatch.real)
        return clipped_gradient_of(snapshot, batch, entropy_coefficient)

    return jax.jit(gradient_of)
