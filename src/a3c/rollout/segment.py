"""A Segment: T steps of B environments, the unit of experience that a gradient is computed from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from a3c.config import TrainConfig
from a3c.environments.spaces import Layout

if TYPE_CHECKING:  # importing it takes longer than all else in here
    from jaxtyping import Bool, Float32, Shaped


class Segment(NamedTuple):
    """Arrays with time first, `[T, B, ...]`, in the canonical layout, which is Gymnasium's NEXT_STEP.

    The episode that ends at row t has its final observation in row t+1. That row is a dummy: its action was ignored,
    its reward is 0 and its `mask` is False; row t+2 starts the next episode. So `observations[t + 1]` always is what
    the action of a real row t led to. Rows after the end of a short segment are padding, masked too; the row right
    after its last step holds the observation that this step led to.
    """

    observations: Shaped[np.ndarray, "T+1 B *shape"]
    """Row T is the observation after the last step."""
    actions: Shaped[np.ndarray, "T B *shape"]
    """As the policy gave them: see `networks/actions.py`."""
    rewards: Float32[np.ndarray, "T B"]
    """Training rewards, after clipping, scaling and the reward at termination."""
    terminated: Bool[np.ndarray, "T B"]
    """Nothing is to be gained after this step."""
    truncated: Bool[np.ndarray, "T B"]
    """The episode was cut off after this step, its final observation still has a value."""
    mask: Bool[np.ndarray, "T B"]
    """True at real steps."""
    log_probs: Float32[np.ndarray, "T B"] | None = None
    """The log-probability that each action had when it was chosen, where an algorithm carries it."""
    values: Float32[np.ndarray, "T+1 B"] | None = None
    """What the policy that acted expected at each observation, where an algorithm carries it; of row T too."""
    starts: Bool[np.ndarray, "T+1 B"] | None = None
    """Of a recurrent policy: True where a row is the first of an episode."""
    action_masks: Bool[np.ndarray, "T+1 B n"] | None = None
    """Where actions are masked: True where one is valid. All are where no step was taken."""
    first_state: Float32[np.ndarray, "1 B S"] | None = None
    """Of a recurrent policy: its state before row 0."""

    @property
    def context(self) -> tuple[Any, Any, Any]:
        """What a policy takes of a segment beside its observations, all rows of it (`Policy.apply_in_time`)."""
        return self.starts, self.first_state, self.action_masks

    def from_row(self, row: int) -> Segment:
        """The rows from this one on, as views; without a state, as only that before row 0 is known."""
        rows = (None if array is None else array[row:] for array in self[:-1])
        return Segment(*rows)  # type: ignore[arg-type]

    @classmethod
    def zeros(cls, config: TrainConfig, environments: int, layout: Layout) -> Segment:
        """Zeros of the shapes that a segment of this configuration has; all actions are valid."""
        rows = (config.overlap + config.segment_steps, environments)
        terminated, truncated, mask = np.zeros((3, *rows), bool)
        return cls(
            observations=np.zeros((rows[0] + 1, environments, *layout.observation), layout.observation_dtype),
            actions=np.zeros((*rows, *layout.action), layout.action_dtype),
            rewards=np.zeros(rows, np.float32),
            terminated=terminated,
            truncated=truncated,
            mask=mask,
            log_probs=np.zeros(rows, np.float32) if "log_probs" in config.own.carries else None,
            values=np.zeros((rows[0] + 1, environments), np.float32) if "values" in config.own.carries else None,
            starts=np.zeros((rows[0] + 1, environments), bool) if layout.state else None,
            action_masks=np.ones((rows[0] + 1, environments, layout.mask), bool) if layout.mask else None,
            first_state=np.zeros((1, environments, layout.state), np.float32) if layout.state else None,
        )
