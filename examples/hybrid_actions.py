"""Hybrid actions: a choice and a number in one action. An air conditioner heats or cools, with more or less power.

The room starts up to 5 degrees too warm or too cold, and drifts. A step is worth 1 less a fifth of the degrees that the
room is off by then; who does best gets about 18 in the 20 steps of an episode. Prints the return of 20 episodes, and
what the agent does in some rooms.
"""

import gymnasium
import numpy as np
from gymnasium.spaces import Box, Dict, Discrete

from a3c import A3C


class Room(gymnasium.Env):
    """20 steps of a room's temperature, as degrees above what is wanted."""

    observation_space = Box(-np.inf, np.inf, (1,), np.float32)
    action_space = Dict(mode=Discrete(2), power=Box(0.0, 1.0, (1,), np.float32))

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.degrees, self.steps = self.np_random.uniform(-5, 5), 0
        return self._observation(), {}

    def step(self, action):
        warmer = 4.0 * float(action["power"][0])
        self.degrees += (warmer if action["mode"] == 0 else -warmer) + self.np_random.normal(scale=0.3)
        self.steps += 1
        return self._observation(), 1.0 - abs(self.degrees) / 5, False, self.steps == 20, {}

    def _observation(self):
        return np.array([self.degrees], np.float32)


agent = A3C(Room, seed=1, gamma=0.9, learning_rate=3e-3)
agent.learn(steps=100_000, progress=True)
print(agent.evaluate(episodes=20, deterministic=True))

for degrees in (-4.0, -1.0, 1.0, 4.0):
    action, _ = agent.predict([degrees], deterministic=True)
    print(f"{degrees:+.0f} degrees: {('heat', 'cool')[action['mode']]} at {action['power'][0]:.0%}")
