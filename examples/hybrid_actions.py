"""Hybrid actions: a choice and a number in one action. A catapult has two charges and an angle.

The light charge throws up to 4 m far, the heavy one 10 m, and costs a little. A throw is worth 1, less what it misses
the target by; on average the best throws are worth 0.875. Prints the return of 200 throws, and what the agent does for
some distances.
"""

import gymnasium
import numpy as np
from gymnasium.spaces import Box, Dict, Discrete

from a3c import A3C

REACH = (4.0, 10.0)
"""Metres that each charge throws at 45 degrees."""
COST = (0.0, 0.2)


class Catapult(gymnasium.Env):
    """One throw at a target 1 to 9 m away."""

    observation_space = Box(1.0, 9.0, (1,), np.float32)
    action_space = Dict(charge=Discrete(2), angle=Box(0.0, 45.0, (1,), np.float32))

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.distance = self.np_random.uniform(1, 9)
        return self._observation(), {}

    def step(self, action):
        missed = abs(lands(action) - self.distance)
        return self._observation(), max(0.0, 1.0 - missed) - COST[action["charge"]], True, False, {}

    def _observation(self):
        return np.array([self.distance], np.float32)


def lands(action):
    """Metres from here."""
    return REACH[action["charge"]] * np.sin(2 * np.radians(action["angle"][0]))


agent = A3C(Catapult, seed=1, learning_rate=3e-3)
agent.learn(steps=150_000, progress=True)
print(agent.evaluate(episodes=200, deterministic=True))

for distance in (1.5, 3.5, 6.0, 8.5):
    action, _ = agent.predict([distance], deterministic=True)
    charge, angle = ("light", "heavy")[action["charge"]], action["angle"][0]
    print(f"{distance} m away: the {charge} charge at {angle:.0f} degrees, which lands at {lands(action):.1f} m")
