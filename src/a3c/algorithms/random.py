"""The random baseline: uniformly random actions, nothing is learned. What any agent has to beat."""

from a3c.parallel.worker import Worker


def run(worker: Worker) -> None:
    """A worker's whole life."""
    parameters, _ = worker.store.read()
    while worker.running():
        segment, episodes = worker.collector.collect(parameters, epsilon=1.0)
        worker.record(segment, episodes)
