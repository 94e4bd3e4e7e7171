"""Actions that are not always valid: a shop with 30 shelves, of which a few hold something.

The environment says which actions are valid in `info["action_mask"]`, and that is all it takes. Prints the return of 20
episodes: about 14, where 16 is the best there is, and 10 what valid actions at random are worth.
"""

import gymnasium
import numpy as np

from a3c import A3C


class Shop(gymnasium.Env):
    """Take from one of the shelves that hold something, which is worth more or less; 20 times."""

    observation_space = gymnasium.spaces.Box(0.0, 1.0, (30,), np.float32)
    action_space = gymnasium.spaces.Discrete(30)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.taken = 0
        return self._fill()

    def step(self, action):
        reward = float(self.shelves[action])
        assert reward > 0, "there is nothing on this shelf"
        self.taken += 1
        observation, info = self._fill()
        return observation, reward, self.taken == 20, False, info

    def _fill(self):
        self.shelves = np.zeros(30, np.float32)
        filled = self.np_random.choice(30, 4, replace=False)
        self.shelves[filled] = self.np_random.uniform(0.01, 1.0, 4)
        return self.shelves, {"action_mask": self.shelves > 0}


agent = A3C(Shop, seed=1)
agent.learn(steps=100_000, progress=True)
print(agent.evaluate(episodes=20))

environment = agent.make_environment()
observation, info = environment.reset(seed=1)
action, _ = agent.predict(observation, action_mask=info["action_mask"])
print(f"of shelves {np.flatnonzero(info['action_mask'])} it takes {action}")
