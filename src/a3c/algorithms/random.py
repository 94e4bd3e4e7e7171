"""The random baseline: uniformly random actions, nothing is learned. What any agent has to beat."""

import numpy as np

from a3c.parallel.worker import Worker
from a3c.policy import Policy


def run(worker: Worker) -> None:
    """A worker's whole life."""
    worker.collector.policy = RandomPolicy(worker.policy)
    while worker.running():
        segment, episodes = worker.collector.collect(worker.store.statistics)
        worker.record(segment, episodes)


class RandomPolicy:
    """What a Collector takes for its policy: uniformly random actions, whatever is seen; all is worth nothing."""

    def __init__(self, policy: Policy):
        self.layout, self.observations, self.actions = policy.layout, policy.observations, policy.actions

    def noise(self, generator: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
        """The actions."""
        return self.actions.random(generator, shape)

    def act(self, parameters: None, observations: np.ndarray, noise: np.ndarray, epsilon: float) -> np.ndarray:
        return noise

    def value(self, parameters: None, observations: np.ndarray) -> np.ndarray:
        return np.zeros(len(observations), np.float32)
