"""Memory: the state that a recurrent policy has of each environment while a Collector steps them."""

from typing import Any

import numpy as np

from a3c.environments.spaces import Prediction
from a3c.environments.stepper import Stepper
from a3c.learning.snapshot import Snapshot
from a3c.rollout.segment import Segment


class Memory:
    """Acts in place of its policy, and notes for the Segment what the policy remembered before it."""

    def __init__(self, policy: Any, stepper: Stepper):
        """`stepper` says where an observation is the first of an episode: nothing is remembered then."""
        self._policy, self._stepper = policy, stepper
        self._state: Any = np.zeros((stepper.count, policy.layout.state), np.float32)
        self._rows: list[tuple[Any, np.ndarray]] = []

    def act(
        self, snapshot: Snapshot, observations: np.ndarray, noise: np.ndarray, epsilon: float, **masked: np.ndarray
    ) -> Any:
        """Actions of a batch, as `Policy.act` gives them; `masked` are its masks, where there are any."""
        state = self._recall()
        actions, self._state = self._policy.act(snapshot, observations, noise, epsilon, state, **masked)
        return actions

    def choose(
        self, snapshot: Snapshot, observations: np.ndarray, noise: np.ndarray, epsilon: float, **masked: np.ndarray
    ) -> Prediction:
        """The same, as `Policy.choose` gives them."""
        said = self._policy.choose(snapshot, observations, noise, epsilon, self._recall(), **masked)
        self._state = said.state
        return said

    def _recall(self) -> Any:
        """The state to act with."""
        starts = self._stepper.starts
        if starts.any():
            self._state = np.where(starts[:, None], np.float32(0), self._state)
        self._rows.append((self._state, starts))
        return self._state

    def value(self, snapshot: Snapshot, observations: np.ndarray, **masked: np.ndarray) -> Any:
        """Values of what the last actions led to in the episodes that they were of."""
        return self._policy.value(snapshot, observations, self._state, **masked)

    def fill(self, segment: Segment, overlap: int) -> None:
        """Completes a segment, whose rows behind those that overlap the one before are those that were acted in."""
        assert segment.starts is not None
        assert segment.first_state is not None
        missing = len(segment.mask) - len(self._rows) if overlap else 0
        rows = self._rows[:1] * missing + self._rows
        segment.first_state[0] = rows[0][0]
        segment.starts[: len(rows)] = [starts for _, starts in rows]
        segment.starts[len(rows)] = self._stepper.starts
        self._rows = self._rows[-overlap:] if overlap else []
