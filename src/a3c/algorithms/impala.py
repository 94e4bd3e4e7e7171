"""IMPALA: importance weighted actor-learner architecture (Espeholt et al. 2018, arXiv 1802.01561).

Workers only act, a learner only learns, and neither waits for the other while the queue between them is neither full
nor empty:

    worker, repeat
        theta' <- the latest published parameters
        take T steps of B environments with mu = pi(.; theta'), noting mu(a_t)      a segment
        put the segment into the queue

    learner, repeat
        take a batch of segments from the queue
        rho_t, c_t <- pi(a_t; theta) / mu(a_t), clipped
        vs_t <- V(s_t) corrected by all that follows                                `vtrace_targets`
        d theta <- rho_t grad log pi(a_t) (r_t + gamma vs_{t+1} - V(s_t))
                   + beta grad H(pi(s_t)) - c grad (vs_t - V(s_t))^2
        apply d theta to theta, and publish theta

The parameters have moved on when a segment is learned from: V-trace corrects for it (section 4.1).
"""

from a3c.config.schedules import epsilon_at
from a3c.gradient import make_corrected_gradient
from a3c.roles.learner import Learner
from a3c.roles.worker import Worker
from a3c.sharing.duties import Duties


def run(worker: Worker) -> None:
    """A worker's whole life."""
    queue, published, order = worker.exchange.queue, worker.exchange.published, worker.order
    while worker.running(order.totals):
        epsilon = epsilon_at(worker.config, worker.index, order.totals["steps"])
        if order.before is None:
            snapshot = published.read()
        else:
            snapshot = published.read_at(published.version_at(order.before), worker.index, worker.store)
        segment, episodes = worker.collector.collect(snapshot, epsilon)
        with order.turn():
            worker.record(segment, episodes)
            queue.put(segment, snapshot.version, order.row)


def duties(learner: Learner) -> Duties:
    """What the learner does, again and again."""
    gradient_of = make_corrected_gradient(learner.policy, learner.config)
    gradient_of(learner.current, learner.no_batch(), 0.0)

    def train(timeout: float) -> bool:
        trained = learner.train(gradient_of, timeout)
        if trained:
            learner.exchange.published.publish(learner.latest)
        return trained

    return Duties({"trainer": train})
