"""How long a step takes, by a clock that the environment moves."""

import gymnasium
import numpy as np
import pytest
from gymnasium.spaces import Box, Discrete

from a3c.environments.step_time import step_seconds


class Timed(gymnasium.Env):
    """Each step takes the next of some seconds, and the last of them from then on; an episode has three steps."""

    observation_space, action_space = Box(-1.0, 1.0, (1,), np.float32), Discrete(2)

    def __init__(self, *seconds: float):
        self.now, self.steps, self._seconds = 0.0, 0, seconds

    def reset(self, **_):
        return np.zeros(1, np.float32), {}

    def step(self, action):
        self.now += self._seconds[min(self.steps, len(self._seconds) - 1)]
        self.steps += 1
        return np.zeros(1, np.float32), 0.0, self.steps % 3 == 0, False, {}


@pytest.mark.parametrize(
    ("seconds", "expected", "steps"),
    [
        ((1e-5,), 1e-5, 20),
        ((5e-3,), 5e-3, 10),
        ((0.5, 0.04), 0.04, 2),
        ((0.001, 0.02, 0.001), 0.001, 20),
        ((7.0,), 7.0, 2),
    ],
)
def test_it_is_the_median_of_a_few_steps_less_the_first(seconds, expected, steps):
    environment = Timed(*seconds)
    assert step_seconds(environment, clock=lambda: environment.now) == pytest.approx(expected)
    assert environment.steps == pytest.approx(steps, abs=1)


@pytest.mark.parametrize("method", ["reset", "step"])
def test_an_environment_that_fails_is_left_to_the_run(method, monkeypatch):
    def fail(self, *_, **__):
        raise RuntimeError("broken")

    monkeypatch.setattr(Timed, method, fail)
    assert step_seconds(Timed(1.0)) == 0.0
