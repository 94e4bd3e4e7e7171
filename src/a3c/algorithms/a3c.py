"""A3C: asynchronous advantage actor-critic (Mnih et al. 2016, arXiv 1602.01783, algorithm S3).

Every worker has its own copy of the parameters and its own environments, and without waiting for anyone:

    repeat
        theta' <- theta                                     copy the shared parameters
        take T steps of B environments with pi(.; theta')   a segment
        R <- 0 if terminal else V(s_T; theta')              bootstrap
        for t = T-1 .. 0:  R <- r_t + gamma R               `lambda_targets`
            d theta' += grad log pi(a_t | s_t) (R - V(s_t)) + beta grad H(pi(s_t)) - c grad (R - V(s_t))^2
        apply d theta' to theta through the shared optimizer
"""

import numpy as np

from a3c.config.schedules import entropy_coefficient_at, epsilon_at, learning_rate_at
from a3c.gradient import lambda_targets, make_gradient
from a3c.learning.diagnostics import norm_of
from a3c.roles.worker import Worker


def run(worker: Worker) -> None:
    """A worker's whole life."""
    config, store, order = worker.config, worker.store, worker.order
    gradient_of = make_gradient(worker.policy, config, lambda_targets)
    while worker.running(order.totals):
        step, snapshot = order.totals["steps"], order.read()
        segment, episodes = worker.collector.collect(snapshot, epsilon_at(config, worker.index, step))
        gradient, diagnostics = gradient_of(snapshot, segment, entropy_coefficient_at(config, step))
        gradient, diagnostics = np.asarray(gradient), np.asarray(diagnostics)
        with order.turn():
            lag = store.learn(gradient, norm_of(diagnostics), learning_rate_at(config, step), snapshot.version)
            worker.record(segment, episodes, lag, diagnostics)
