"""Environments with a fault of which the benchmark of faults chooses the place and the moment."""

import time
from pathlib import Path

import gymnasium
import numpy as np
from gymnasium.spaces import Box, Discrete


class Faulty(gymnasium.Env):
    """Episodes of 20 steps; `fault` is "raises", or what it hangs in: "constructor", "step" or "close".

    With `once`, a file that is not there yet, it has a step's fault once in all processes.
    """

    observation_space = Box(-1, 1, (4,), np.float32)
    action_space = Discrete(2)

    def __init__(self, fault: str = "", at: int = 0, once: str = ""):
        """A step's fault comes at its `at`-th step."""
        self._fault, self._at, self._once, self._steps = fault, at, once, 0
        self._hang_in("constructor")

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        return self._observation(), {}

    def step(self, action):
        self._steps += 1
        # Others have the processor, too.
        time.sleep(0.0002)
        if self._steps == self._at and self._is_due():
            self._hang_in("step")
            if self._fault == "raises":
                raise RuntimeError("the wheel came off")
        return self._observation(), 1.0, self._steps % 20 == 0, False, {}

    def close(self):
        self._hang_in("close")

    def _is_due(self) -> bool:
        try:
            return not self._once or Path(self._once).touch(exist_ok=False) is None
        except FileExistsError:
            return False

    def _hang_in(self, place: str) -> None:
        if self._fault == place:
            time.sleep(3600)

    def _observation(self):
        return self.np_random.uniform(-1, 1, 4).astype(np.float32)


gymnasium.register("Faulty-v0", "faulty_environments:Faulty")
