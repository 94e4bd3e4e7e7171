"""The random baseline: uniformly random actions, nothing is learned. What any agent has to beat."""

from a3c.roles.worker import Worker


def run(worker: Worker) -> None:
    """A worker's whole life. Its policy is a RandomPolicy."""
    order = worker.order
    while worker.running(order.totals):
        segment, episodes = worker.collector.collect(worker.store.read())
        with order.turn():
            worker.record(segment, episodes)
