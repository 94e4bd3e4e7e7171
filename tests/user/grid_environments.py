"""Environments whose observations are grids and pictures of many kinds: reward 1 for saying where the mark is."""

import gymnasium
import numpy as np
from gymnasium.spaces import Box, Dict, Discrete


class Symbols(gymnasium.Env):
    """Symbols 0 to 3, one of them a 3: reward 1 for saying whether it is left or right."""

    observation_space = Box(0, 3, (6, 6), np.uint8)
    action_space = Discrete(2)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.left = 4
        return self._observation(), {}

    def step(self, action):
        self.left -= 1
        reward = float(action == self.right)
        return self._observation(), reward, not self.left, False, {}

    def _symbols(self):
        symbols = self.np_random.integers(0, 3, (6, 6), np.uint8)
        place = int(self.np_random.integers(36))
        symbols.flat[place] = 3
        self.right = place % 6 >= 3
        return symbols

    def _observation(self):
        return self._symbols()


class Unreached(Symbols):
    """The same symbols in a space of bytes that does not say how many there are."""

    observation_space = Box(0, 255, (6, 6), np.uint8)


class Stacked(Symbols):
    """Four frames, the channels first, as fractions."""

    observation_space = Box(0, 1, (4, 6, 6), np.float32)

    def _observation(self):
        return np.stack([self._symbols() == symbol for symbol in range(4)]).astype(np.float32)


class Parts(Symbols):
    """The symbols and something else."""

    observation_space = Dict(map=Box(0, 3, (6, 6), np.uint8), speed=Box(-1, 1, (2,), np.float32))

    def _observation(self):
        return {"map": self._symbols(), "speed": np.zeros(2, np.float32)}


for environment in (Symbols, Unreached, Stacked, Parts):
    gymnasium.register(f"{environment.__name__}-v0", environment)
