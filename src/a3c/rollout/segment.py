"""A Segment: T steps of B environments, the unit of experience that a gradient is computed from."""

from typing import NamedTuple

import numpy as np

from a3c.config import TrainConfig
from a3c.environments.spaces import Layout


class Segment(NamedTuple):
    """Arrays with time first, `[T, B, ...]`, in the canonical layout, which is Gymnasium's NEXT_STEP.

    The episode that ends at row t has its final observation in row t+1. That row is a dummy: its action was ignored,
    its reward is 0 and its `mask` is False; row t+2 starts the next episode. So `observations[t + 1]` always is what
    the action of a real row t led to. Rows after the end of a short segment are padding, masked too; the row right
    after its last step holds the observation that this step led to.
    """

    observations: np.ndarray
    """`[T+1, B, *shape]`: row T is the observation after the last step."""
    actions: np.ndarray
    """`[T, B, *shape]`, as the policy gave them: see `networks/actions.py`."""
    rewards: np.ndarray
    """`[T, B]` float32: training rewards, after clipping, scaling and the reward at termination."""
    terminated: np.ndarray
    """`[T, B]` bool: nothing is to be gained after this step."""
    truncated: np.ndarray
    """`[T, B]` bool: the episode was cut off after this step, its final observation still has a value."""
    mask: np.ndarray
    """`[T, B]` bool: True at real steps."""
    log_probs: np.ndarray | None = None
    """`[T, B]` float32: the log-probability that each action had when it was chosen, where V-trace needs it."""
    starts: np.ndarray | None = None
    """`[T+1, B]` bool, of a recurrent policy: True where a row is the first of an episode."""
    first_state: np.ndarray | None = None
    """`[1, B, S]` float32, of a recurrent policy: its state before row 0."""

    def from_row(self, row: int) -> "Segment":
        """The rows from this one on, as views; without a state, as only that before row 0 is known."""
        rows = (None if array is None else array[row:] for array in self[:-1])
        return Segment(*rows)  # type: ignore[arg-type]

    @classmethod
    def zeros(cls, config: TrainConfig, environments: int, layout: Layout) -> "Segment":
        """Zeros of the shapes that a segment of this configuration has."""
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
            starts=np.zeros((rows[0] + 1, environments), bool) if layout.state else None,
            first_state=np.zeros((1, environments, layout.state), np.float32) if layout.state else None,
        )
