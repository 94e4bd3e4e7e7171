"""The policy of the random baseline."""

from typing import Any, cast

import numpy as np

from a3c.learning.snapshot import Snapshot
from a3c.networks.policy import Policy


class RandomPolicy:
    """What a Collector takes for its policy: uniformly random actions, whatever is seen; all is worth nothing."""

    def __init__(self, policy: Policy, masked: bool | None = None):
        """`masked`: whether `act` is given masks; by default as the policy's layout has it."""
        self._masked = policy.layout.mask > 0 if masked is None else masked
        # Only actions that are choices have masks.
        self.observations, self.actions = policy.observations, cast("Any", policy.actions)
        self.layout = policy.layout._replace(state=0)

    def noise(self, generator: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
        """The actions; where they are masked, what they are chosen by."""
        return self.actions.noise(generator, shape) if self._masked else self.actions.random(generator, shape)

    def act(
        self,
        snapshot: Snapshot,
        observations: np.ndarray,
        noise: np.ndarray,
        epsilon: float,
        masks: np.ndarray | None = None,
    ) -> np.ndarray:
        return noise if masks is None else self.actions.choose(noise, masks)

    def value(self, snapshot: Snapshot, observations: np.ndarray, masks: np.ndarray | None = None) -> np.ndarray:
        return np.zeros(len(observations), np.float32)
