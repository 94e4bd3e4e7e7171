"""Two small games on grids, for measuring what networks make of such observations.

a3c train grids:Search-v0 --env-kwargs dtype float32        from the folder of this file
"""

import gymnasium
import numpy as np
from gymnasium.spaces import Box, Discrete


class Search(gymnasium.Env):
    """Symbols 0 to 3 on a grid, of which one is a 2: reward 1 for saying in which row. One step an episode."""

    size = 5

    def __init__(self, dtype: str = "uint8"):
        self.observation_space = Box(0, 3, (self.size, self.size), np.dtype(dtype).type)
        self.action_space = Discrete(self.size)

    def _observation(self) -> np.ndarray:
        symbols = self.np_random.choice((0, 1, 3), (self.size, self.size)).astype(self.observation_space.dtype)
        place = int(self.np_random.integers(self.size**2))
        symbols.flat[place], self._row = 2, place // self.size
        return symbols

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        return self._observation(), {}

    def step(self, action):
        reward = float(action == self._row)
        return self._observation(), reward, True, False, {}


class Bricks(gymnasium.Env):
    """The Breakout of MinAtar (Young and Tian 2019), on bits `[10, 10, 4]`: paddle, ball, where it was, bricks.

    Actions are nothing, left and right. Reward 1 for a brick. The game ends with a ball that is missed, or after 1,000
    steps.
    """

    observation_space = Box(0, 1, (10, 10, 4), bool)  # type: ignore[arg-type]
    action_space = Discrete(3)
    limit = 1000

    def _observation(self) -> np.ndarray:
        seen = np.zeros((10, 10, 4), np.bool_)
        seen[9, self._paddle, 0] = seen[self._ball_y, self._ball_x, 1] = seen[self._last_y, self._last_x, 2] = True
        seen[..., 3] = self._bricks
        return seen

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self._ball_y, left = 3, bool(self.np_random.integers(2))
        self._ball_x, self._right = (0, 1) if left else (9, -1)
        self._down, self._paddle, self._steps = 1, 4, 0
        self._bricks = np.zeros((10, 10), np.bool_)
        self._bricks[1:4] = True
        self._inside = False
        self._last_y, self._last_x = self._ball_y, self._ball_x
        return self._observation(), {}

    def step(self, action):
        self._paddle = int(np.clip(self._paddle + (0, -1, 1)[action], 0, 9))
        self._last_y, self._last_x = self._ball_y, self._ball_x
        self._steps += 1
        reward, missed = 0.0, False
        y, x = self._ball_y + self._down, self._ball_x + self._right
        if not 0 <= x <= 9:
            x, self._right = min(max(x, 0), 9), -self._right
        struck = False
        if y < 0:
            y, self._down = 0, -self._down
        elif self._bricks[y, x]:
            struck = True
            if not self._inside:
                self._inside, reward = True, 1.0
                self._bricks[y, x] = False
                y, self._down = self._last_y, -self._down
        elif y == 9:
            if not self._bricks.any():
                self._bricks[1:4] = True
            if self._ball_x == self._paddle:
                y, self._down = self._last_y, -self._down
            elif x == self._paddle:
                y, self._down, self._right = self._last_y, -self._down, -self._right
            else:
                missed = True
        self._inside = self._inside and struck
        self._ball_y, self._ball_x = y, x
        return self._observation(), reward, missed, self._steps == self.limit, {}


for environment in (Search, Bricks):
    gymnasium.register(f"{environment.__name__}-v0", lambda make=environment, **arguments: make(**arguments))
