"""Environments that say which actions are valid, in each of the ways there are, and raise where one is not."""

from functools import partial
from typing import Any

import gymnasium
import numpy as np
from gymnasium.spaces import Box, Dict, Discrete, MultiDiscrete
from gymnasium.vector import AutoresetMode, SyncVectorEnv

COUNTS = (2, 3)


class Masked(gymnasium.Env):
    """Episodes of 5 steps, which are terminated or, each second one, cut off. One or two of the actions are valid at
    each step; the largest valid one gives reward 1. In its last observation none is.

    `says` is how: "info", "observation", or "method"; `choices` are of a MultiDiscrete where there are two.
    """

    def __init__(self, says: str = "info", choices: tuple[int, ...] = (6,), start: int = 0, wrong: Any = None):
        self.says, self.choices, self.start, self.wrong = says, choices, start, wrong
        several = len(choices) > 1
        self.action_space = MultiDiscrete(choices) if several else Discrete(choices[0], start=start)
        self.observation_space = Box(0, 1, (sum(choices) + 1,), np.float32)
        if says == "observation":
            self.observation_space = Dict(
                {"seen": self.observation_space, "action_mask": Box(0, 1, (sum(choices),), np.int8)}
            )
        self.episode = -1
        if says == "method":
            self.action_masks = lambda: self.mask

    def _tell(self):
        self.mask = np.zeros(sum(self.choices), np.int8)
        if self.steps < 5:
            start = 0
            for count in self.choices:
                self.mask[start + self.np_random.integers(count, size=2)] = 1
                start += count
        if self.wrong is not None and self.steps == 3:
            self.mask = self.wrong
        seen = np.append(np.resize(self.mask, sum(self.choices)), self.steps / 5).astype(np.float32)
        info = {"action_mask": self.mask} if self.says == "info" else {}
        return ({"seen": seen, "action_mask": self.mask} if self.says == "observation" else seen), info

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.episode, self.steps = self.episode + 1, 0
        return self._tell()

    def step(self, action):
        parts = np.split(self.mask, np.cumsum(self.choices)[:-1])
        chosen = np.atleast_1d(action) - self.start
        for part, one in zip(parts, chosen, strict=True):
            if not part[one]:
                raise AssertionError(f"action {action} is masked: {self.mask}")
        reward = np.mean([one == np.flatnonzero(part)[-1] for part, one in zip(parts, chosen, strict=True)])
        self.steps += 1
        ended = self.steps == 5
        return *self._tell()[:1], float(reward), ended and self.episode % 2 == 0, ended and self.episode % 2 == 1, (
            {"action_mask": self.mask} if self.says == "info" else {}
        )


def vectors(mode: AutoresetMode, **how: Any):
    """A factory of vectors of these, as Gymnasium makes them."""

    def make(count: int) -> SyncVectorEnv:
        return SyncVectorEnv([partial(Masked, **how)] * count, autoreset_mode=mode)

    return make
