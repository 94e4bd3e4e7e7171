"""A task of scheduling with many actions, few of which are valid at a time, for measuring what action masks save.

a3c train scheduling:Dispatch-v0        from the folder of this file
"""

import gymnasium
import numpy as np
from gymnasium.spaces import Discrete, MultiBinary

KINDS, WAITING, STEPS = 200, 8, 50


class Dispatch(gymnasium.Env):
    """A machine runs jobs of 200 kinds; 8 kinds wait at a time, which is what is seen. An action is the kind to run.

    A kind is worth 0 to 1, always the same, which has to be found out. Once one has run, 8 others wait. A kind that
    does not wait cannot be run: nothing happens, and nothing is lost but the step. An episode has 50 steps. Its return
    is 25 for valid actions at random, 1 for any at random, and 44.4 for the best.
    """

    observation_space = MultiBinary(KINDS)
    action_space = Discrete(KINDS)
    worth = np.random.default_rng(0).permutation(np.linspace(0.0, 1.0, KINDS))

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self._steps = 0
        self._draw()
        return self._waiting.copy(), {"action_mask": self._waiting.copy()}

    def _draw(self) -> None:
        self._waiting = np.zeros(KINDS, np.int8)
        self._waiting[self.np_random.choice(KINDS, WAITING, replace=False)] = 1

    def step(self, action):
        reward = 0.0
        if self._waiting[action]:
            reward = float(self.worth[action])
            self._draw()
        self._steps += 1
        return self._waiting.copy(), reward, False, self._steps == STEPS, {"action_mask": self._waiting.copy()}


gymnasium.register("Dispatch-v0", f"{__name__}:Dispatch")
