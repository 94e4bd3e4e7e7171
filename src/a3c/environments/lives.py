"""Lost lives: in some games nothing is to be gained after one, though the game and its score go on."""

from typing import Any

import numpy as np

from a3c.errors import InvalidEnvironment


class Lives:
    """How many lives a batch of environments has left, as their `info["lives"]` says (Mnih et al. 2015, methods)."""

    def __init__(self, info: dict[str, Any]):
        """`info` is that of a reset; raises InvalidEnvironment where it does not tell."""
        self._left = _left(info)

    def lost(self, info: dict[str, Any], ended: np.ndarray) -> np.ndarray:
        """Where a life was lost in a step that did not end the episode, `[B]`."""
        before, self._left = self._left, _left(info)
        return (self._left < before) & ~ended

    def renew(self, info: dict[str, Any], started: np.ndarray) -> None:
        """Takes the lives of the episodes that a reset has `started`, `[B]`, from its `info`."""
        self._left = np.where(started, _left(info), self._left)


def _left(info: dict[str, Any]) -> np.ndarray:
    if "lives" not in info:
        raise InvalidEnvironment(
            "`episodic_life` needs an environment that tells the lives left, in info['lives']: leave it out"
        )
    return np.array(info["lives"])
