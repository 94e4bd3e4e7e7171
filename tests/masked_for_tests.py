"""Environments that say which actions are valid, in each of the ways there are, and raise at one that is not."""

from collections.abc import Callable
from functools import partial
from typing import Any

import gymnasium
import numpy as np
from gymnasium.spaces import Box, Dict, Discrete, MultiDiscrete
from gymnasium.vector import AutoresetMode, SyncVectorEnv

WAYS = ("info", "observation", "method")


class Masked(gymnasium.Env):
    """Episodes of 5 steps, which are terminated or cut off. Of each choice one or two options are
    valid at a step, which is seen; the last of them gives reward 1. In the last observation none is valid.

    `says` is the way in which it says so. `wrong` takes the place of the fourth mask of an episode.
    """

    def __init__(self, says: str = "info", choices: tuple[int, ...] = (6,), start: int = 0, wrong: Any = None):
        self.says, self.choices, self.start, self.wrong = says, choices, start, wrong
        size = sum(choices)
        self.action_space = MultiDiscrete(choices) if len(choices) > 1 else Discrete(choices[0], start=start)
        self.observation_space = seen = Box(0, 1, (size + 1,), np.float32)
        if says == "observation":
            self.observation_space = Dict({"action_mask": Box(0, 1, (size,), np.int8), "seen": seen})
        if says == "method":
            self.action_masks = lambda: self.mask

    def _look(self) -> tuple[Any, dict[str, Any]]:
        parts = [np.zeros(count, np.int8) for count in self.choices]
        for part in parts:
            part[self.np_random.integers(len(part), size=2)] = self.steps < 5
        seen = np.append(np.concatenate(parts), self.steps / 5).astype(np.float32)
        self.mask = self.wrong if self.wrong is not None and self.steps == 3 else np.concatenate(parts)
        observation = {"action_mask": self.mask, "seen": seen} if self.says == "observation" else seen
        return observation, {"action_mask": self.mask} if self.says == "info" else {}

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.steps, self.terminates = 0, bool(self.np_random.integers(2))
        return self._look()

    def step(self, action):
        parts = np.split(self.mask, np.cumsum(self.choices)[:-1])
        chosen = np.atleast_1d(action) - self.start
        if not all(part[one] for part, one in zip(parts, chosen, strict=True)):
            raise AssertionError(f"action {action} is not valid: {self.mask}")
        reward = np.mean([one == np.flatnonzero(part)[-1] for part, one in zip(parts, chosen, strict=True)])
        self.steps += 1
        observation, info = self._look()
        ended = self.steps == 5
        return observation, float(reward), ended and self.terminates, ended and not self.terminates, info


def masked_vectors(mode: AutoresetMode, **how: Any) -> Callable[[int], SyncVectorEnv]:
    """A factory of vectors of these, as Gymnasium makes them."""

    def make(count: int) -> SyncVectorEnv:
        return SyncVectorEnv([partial(Masked, **how)] * count, autoreset_mode=mode)

    return make
