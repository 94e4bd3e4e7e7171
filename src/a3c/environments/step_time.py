"""How long a step of an environment takes."""

import statistics
import time
import warnings
from collections.abc import Callable

import gymnasium

from a3c.environments.masks import sample_valid

MOST_STEPS = 20
ENOUGH = 0.05
"""Seconds after which no further step is taken; of slow environments two steps are."""


def step_seconds(environment: gymnasium.Env, clock: Callable[[], float] = time.perf_counter) -> float:
    """The median of a few steps with random actions, less the first, in which much is made that stays.

    0 where the environment fails: the run will say how.
    """
    times: list[float] = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            observation, info = environment.reset()
            began = clock()
            while len(times) < MOST_STEPS and (len(times) < 2 or clock() - began < ENOUGH):
                before = clock()
                action = sample_valid(environment, observation, info)
                observation, _, terminated, truncated, info = environment.step(action)
                times.append(clock() - before)
                if terminated or truncated:
                    observation, info = environment.reset()
        except Exception:
            return 0.0
    return statistics.median(times[1:])
