"""Environments for the tests of what a user sees: a quick one, and some that go wrong."""

import time
from contextlib import suppress
from pathlib import Path

import gymnasium
import numpy as np
from gymnasium.spaces import Box, Discrete, Text


class Walk(gymnasium.Env):
    """Episodes of `length` steps with a reward of 1 each; raises at step `breaks_at`, if that is set."""

    observation_space = Box(-1, 1, (3,), np.float32)
    action_space = Discrete(2)

    def __init__(self, length: int = 5, breaks_at: int | None = None):
        self.length, self.breaks_at = length, breaks_at
        self.taken = self.taken_in_all = 0

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.taken = 0
        return self._observation(), {}

    def step(self, action):
        self.taken += 1
        self.taken_in_all += 1
        if self.taken_in_all == self.breaks_at:
            raise RuntimeError("the wheel came off")
        return self._observation(), 1.0, self.taken >= self.length, False, {}

    def _observation(self):
        return self.np_random.uniform(-1, 1, 3).astype(np.float32)


class Faults(Walk):
    """Has each of its `faults` once, whoever comes first to step 100: it hangs, or raises."""

    def __init__(self, log: str, faults=("hangs", "raises")):
        super().__init__()
        self.log, self.faults = Path(log), faults

    def step(self, action):
        result = super().step(action)
        # Others have the time to do something about it before the run is over.
        time.sleep(0.0005)
        for fault in self.faults if self.taken_in_all == 100 else ():
            with suppress(FileExistsError):
                (self.log / fault).touch(exist_ok=False)
                if fault == "hangs":
                    time.sleep(600)
                raise RuntimeError("the wheel came off")
        return result


class Frames(Walk):
    observation_space = Box(0, 255, (24, 24, 3), np.uint8)

    def _observation(self):
        return self.np_random.integers(0, 256, (24, 24, 3), np.uint8)


class Measures(Walk):
    """Its space takes several lines to print."""

    observation_space = Box(np.arange(-30, 0, dtype=np.float32), np.arange(30, dtype=np.float32))


class NotANumber(Walk):
    """From step `at` on there is one."""

    def __init__(self, at: int = 12):
        super().__init__()
        self.at = at

    def _observation(self):
        observation = super()._observation()
        if self.taken_in_all >= self.at:
            observation[1] = np.nan
        return observation


class Outside(Walk):
    """Step 3 of each episode leads outside."""

    def _observation(self):
        return np.array([0, 0, 2.5], np.float32) if self.taken == 3 else super()._observation()


class Endless(Walk):
    """Never ends. It can be drawn."""

    metadata = {"render_modes": ["rgb_array"], "render_fps": 10}  # noqa: RUF012  as gymnasium.Env has it

    def __init__(self, render_mode: str | None = None):
        super().__init__(length=10**9)
        self.render_mode = render_mode

    def render(self):
        return np.full((8, 8, 3), self.taken % 256, np.uint8)


class Undrawable(Endless):
    """Needs what is not installed to draw itself, and finds out when it does, as Gymnasium's own do."""

    def render(self):
        raise gymnasium.error.DependencyNotInstalled('pygame is not installed, run `pip install "gymnasium[classic]"`')


class TextObservations(Walk):
    observation_space = Text(5)


class TextActions(Walk):
    action_space = Text(5)


class Unmakeable(Walk):
    def __init__(self):
        raise OSError("the camera is not connected")


ALL = (Walk, Frames, Measures, NotANumber, Outside, Endless, Undrawable, TextObservations, TextActions, Unmakeable)
for environment in (*ALL, Faults):
    gymnasium.register(f"{environment.__name__}-v0", environment)
