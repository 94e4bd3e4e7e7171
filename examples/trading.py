"""A trading task: what prices do does not depend on what the agent does.

Prices revert to a mean. Each day the agent is short, flat or long; it gets the next day's return times its position,
less a cost for what it buys and sells. It learns from one history of prices and is judged on another, beside a linear
forecast, random positions, and buying and holding. Prints the mean yearly return of each, in percent, on both.

What such a task means for A3C, or any actor-critic: an action decides the next reward and the position, but never the
next prices. Without costs this is a contextual bandit: the best action is the one of the best next reward, and a
discount (gamma) of 0 would do. Costs tie the days together, for as long as a position is held; 0.9 looks some ten days
ahead. Nothing has to be explored: the prices are the same whatever one does. What makes it hard is noise. Here a tenth
of a day's variance can be foreseen, in real markets far less: then a gradient needs many days to average over, and
only a history that the agent has not learned from says what it has learned.
"""

import gymnasium
import numpy as np

from a3c import A3C

DAYS = 250
"""In an episode."""
WINDOW = 10
"""Days whose returns the agent sees."""
COST = 0.05
"""Percent of what is bought or sold."""


class Market(gymnasium.Env):
    """A year from a history of prices, which `history`, a seed, decides. Returns are in percent."""

    observation_space = gymnasium.spaces.Box(-np.inf, np.inf, (WINDOW + 1,), np.float32)
    action_space = gymnasium.spaces.Discrete(3)  # short, flat, long

    def __init__(self, history=0, days=50_000):
        noise = np.random.default_rng(history).normal(size=days)
        log_price = np.zeros(days)
        for day in range(1, days):
            log_price[day] = 0.8 * log_price[day - 1] + noise[day]
        self.returns = np.diff(log_price).astype(np.float32)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.day = self.first = int(self.np_random.integers(WINDOW, len(self.returns) - DAYS))
        self.position = 0
        return self._observation(), {}

    def step(self, action):
        position = int(action) - 1
        cost = COST * abs(position - self.position)
        reward = position * float(self.returns[self.day]) - cost
        self.position, self.day = position, self.day + 1
        # The market goes on after the year: it is truncated, not terminated.
        return self._observation(), reward, False, self.day == self.first + DAYS, {}

    def _observation(self):
        return np.append(self.returns[self.day - WINDOW : self.day], np.float32(self.position))


def mean_yearly_return(choose, history, years=20):
    """Of the actions that `choose` gives for observations."""
    market, total = Market(history), 0.0
    for year in range(years):
        observation, _ = market.reset(seed=year)
        truncated = False
        while not truncated:
            observation, reward, _, truncated, _ = market.step(choose(observation))
            total += reward
    return total / years


agent = A3C(Market, env_kwargs={"history": 1}, seed=1, gamma=0.9, envs_per_worker=16, learning_rate=3e-3)
agent.learn(steps=100_000)

# The forecast of the next return that is linear in the last ones, from the history that the agent learned from.
returns = Market(history=1).returns
weights, *_ = np.linalg.lstsq(np.lib.stride_tricks.sliding_window_view(returns[:-1], WINDOW), returns[WINDOW:])
generator = np.random.default_rng(1)
policies = {
    "agent": lambda observation: agent.predict(observation)[0],
    "forecast": lambda observation: 2 if observation[:WINDOW] @ weights > 0 else 0,
    "random": lambda observation: generator.integers(3),
    "buy and hold": lambda observation: 2,
}
print(f"{'':12}  learned from  held out")
for name, choose in policies.items():
    learned_from, held_out = (mean_yearly_return(choose, history) for history in (1, 2))
    print(f"{name:12} {learned_from:12.1f}% {held_out:8.1f}%")
