"""A2C: synchronous advantage actor-critic (Mnih et al. 2016, in step; Wu et al. 2017, arXiv 1708.05144).

The workers of A3C, but they wait for each other, and learn from all their segments at once:

    repeat, every worker
        take T steps of B environments with pi(.; theta)    a segment
        d theta_k <- the gradient of A3C
        wait until all have theirs
        apply the mean of d theta_1 .. d theta_N to theta, once

No gradient is older than the parameters it is applied to. The mean is taken in the order of the workers, and limits and
annealing go by the counters at the last meeting: one seed and one number of workers give the same parameters, bit for
bit, however fast each worker is.
"""

import dataclasses
import math

import jax
import numpy as np

from a3c.config.schedules import entropy_coefficient_at, epsilon_at, learning_rate_at
from a3c.gradient import lambda_targets, make_gradient
from a3c.learning.diagnostics import norm_of
from a3c.learning.optimizers import clip_by_global_norm
from a3c.roles.worker import Worker


def run(worker: Worker) -> None:
    """A worker's whole life."""
    config, store, team, order = worker.config, worker.store, worker.exchange.team, worker.order
    # It is the mean of the gradients that is clipped, not each.
    gradient_of = make_gradient(worker.policy, dataclasses.replace(config, max_gradient_norm=0.0), lambda_targets)
    clip = jax.jit(lambda gradient: clip_by_global_norm(gradient, config.max_gradient_norm))
    while worker.running(order.totals):
        step = order.totals["steps"]
        snapshot = store.read()
        segment, episodes = worker.collector.collect(snapshot, epsilon_at(config, worker.index, step))
        gradient, diagnostics = gradient_of(snapshot, segment, entropy_coefficient_at(config, step))
        gradient, diagnostics = np.asarray(gradient), np.asarray(diagnostics)
        finite = math.isfinite(norm_of(diagnostics))
        worker.count(segment, episodes)
        # All meet, also where one has a gradient by which the mean is to be skipped.
        with team.meeting(worker.index, gradient if finite else np.full_like(gradient, np.nan)) as mean:
            if mean is not None:
                clipped, norm = clip(mean)
                store.learn(np.asarray(clipped), float(norm), learning_rate_at(config, step), snapshot.version)
                store.normalize()
        worker.report(episodes, 0 if finite else None, diagnostics)
