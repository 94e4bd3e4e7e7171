"""Tiny environments whose right answers are known."""

import random
import time
from collections.abc import Callable
from copy import deepcopy
from functools import partial

import gymnasium
import numpy as np
from gymnasium.spaces import Box, Discrete
from gymnasium.vector import AutoresetMode, SyncVectorEnv

from a3c.environments.observations import Observations, part_of
from a3c.environments.spaces import parts_of

MODES = tuple(AutoresetMode)


class Bandit(gymnasium.Env):
    """One step: reward 1 for the arm `best`, counted from `start`, 0 for the others."""

    def __init__(self, arms: int = 4, best: int = 2, start: int = 0):
        self.observation_space = Box(-1, 1, (1,), np.float32)
        self.action_space = Discrete(arms, start=start)
        self.best = start + best

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        return np.ones(1, np.float32), {}

    def step(self, action):
        if not self.action_space.contains(action):
            raise ValueError(f"action {action} is outside {self.action_space}")
        return np.ones(1, np.float32), float(action == self.best), True, False, {}


class Corridor(gymnasium.Env):
    """From the left end, action 1 goes right and 0 left; reward 1 at the right end, where the episode terminates."""

    def __init__(self, length: int = 6, limit: int = 60):
        self.length, self.limit = length, limit
        self.observation_space = Box(0, 1, (length,), np.float32)
        self.action_space = Discrete(2)

    def _observation(self):
        return np.eye(self.length, dtype=np.float32)[self.position]

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.position = self.steps = 0
        return self._observation(), {}

    def step(self, action):
        self.steps += 1
        self.position = max(0, self.position + (1 if action == 1 else -1))
        arrived = self.position == self.length - 1
        return self._observation(), float(arrived), arrived, not arrived and self.steps == self.limit, {}


class Endless(gymnasium.Env):
    """Reward 1 at every step, for ever; a time limit cuts the episode off after 10. Nothing tells the steps apart."""

    terminates = False

    def __init__(self):
        self.observation_space = Box(0, 1, (1,), np.float32)
        self.action_space = Discrete(2)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.steps = 0
        return np.ones(1, np.float32), {}

    def step(self, action):
        self.steps += 1
        ended = self.steps == 10
        return np.ones(1, np.float32), 1.0, ended and self.terminates, ended and not self.terminates, {}


class Mortal(Endless):
    """The same, but the tenth step terminates the episode: nothing comes after it."""

    terminates = True


class Counting(gymnasium.Env):
    """Its observation is (id, episode, step). Episode e has `lengths[e % n]` steps and ends as `endings[e % n]` says.

    The reward of a step is `reward_of(episode, step)`. `calls` counts calls of `step`, `seeds` what reset was given.
    """

    def __init__(self, id_: int = 0, lengths: tuple[int, ...] = (3,), endings: tuple[str, ...] = ("terminated",)):
        self.id, self.lengths, self.endings = id_, lengths, endings
        self.observation_space = Box(0, 1e6, (3,), np.float32)
        self.action_space = Discrete(2)
        self.episode, self.calls, self.seeds = -1, 0, []

    @staticmethod
    def reward_of(episode: int, step: int) -> float:
        return 10.0 * episode + step + 1

    def _observation(self):
        return np.array([self.id, self.episode, self.steps], np.float32)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.seeds.append(seed)
        self.episode, self.steps = self.episode + 1, 0
        return self._observation(), {}

    def step(self, action):
        reward = self.reward_of(self.episode, self.steps)
        self.steps, self.calls = self.steps + 1, self.calls + 1
        ended = self.steps == self.length_of(self.episode)
        ending = self.endings[self.episode % len(self.endings)]
        return self._observation(), reward, ended and ending != "truncated", ended and ending != "terminated", {}

    def length_of(self, episode: int) -> int:
        return self.lengths[episode % len(self.lengths)]


class Catch(gymnasium.Env):
    """Frames `[20, 20, 1]`: a ball falls for 9 steps, and the paddle under it moves left (0), stays (1) or moves right.

    Reward 1 at the end for a ball that is caught, -1 for one that is not (Mnih et al. 2014, section 4.2).
    """

    rows, columns = 10, 5

    def __init__(self):
        self.observation_space = Box(0, 255, (20, 20, 1), np.uint8)
        self.action_space = Discrete(3)

    def _observation(self):
        cells = np.zeros((self.rows, self.columns), np.uint8)
        cells[self.row, self.ball] = cells[-1, self.paddle] = 255
        return cells.repeat(2, axis=0).repeat(4, axis=1)[..., None]

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.row, self.ball, self.paddle = 0, int(self.np_random.integers(self.columns)), self.columns // 2
        return self._observation(), {}

    def step(self, action):
        self.row += 1
        self.paddle = int(np.clip(self.paddle + action - 1, 0, self.columns - 1))
        landed = self.row == self.rows - 1
        caught = 1.0 if self.ball == self.paddle else -1.0
        return self._observation(), caught if landed else 0.0, landed, False, {}


class Broken(Endless):
    """Gives something that is not finite at step `at`: as `what` says, an observation or a reward."""

    def __init__(self, what: str, value: float, at: int):
        super().__init__()
        self.what, self.value, self.at = what, value, at

    def reset(self, *, seed=None, options=None):
        observation, info = super().reset(seed=seed)
        return (observation * self.value if self.what == "observation" and self.at == 0 else observation), info

    def step(self, action):
        observation, reward, *rest = super().step(action)
        if self.steps == self.at:
            observation, reward = (
                (observation * self.value, reward) if self.what == "observation" else (observation, self.value)
            )
        return observation, reward, *rest


def counting(mode: AutoresetMode, count: int = 2, lengths=(3, 5), endings=("terminated", "truncated")) -> SyncVectorEnv:
    """Counting environments with the ids 0 to `count` - 1; environment i starts its lengths from the i-th."""
    shifted = [(*lengths[i % len(lengths) :], *lengths[: i % len(lengths)]) for i in range(count)]
    return SyncVectorEnv([partial(Counting, i, shifted[i], endings) for i in range(count)], autoreset_mode=mode)


def vector_of(make: Callable[..., gymnasium.Env], mode: AutoresetMode) -> Callable[[int], SyncVectorEnv]:
    """A vector-environment factory of this autoreset mode; `make` is a class without required arguments."""

    def factory(count: int) -> SyncVectorEnv:
        return SyncVectorEnv([make] * count, autoreset_mode=mode)

    return factory


class Guess(gymnasium.Env):
    """One step: the closer the action is to a hidden one, the better; 1 for that one. Of parts, the mean."""

    def __init__(self, action_space: gymnasium.Space):
        self.observation_space, self.action_space = Box(-1, 1, (1,), np.float32), action_space
        action_space.seed(3)
        self.hidden = action_space.sample()

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        return np.ones(1, np.float32), {}

    def step(self, action):
        if not self.action_space.contains(action):
            raise ValueError(f"action {action!r} is outside {self.action_space}")
        parts = parts_of(self.action_space)
        close = [_close(part, part_of(action, path), part_of(self.hidden, path)) for path, part in parts.items()]
        return np.ones(1, np.float32), float(np.mean(close)), True, False, {}


def _close(space: gymnasium.Space, action: np.ndarray, hidden: np.ndarray) -> float:
    if isinstance(space, Box):
        return float(1 - (np.abs(action - hidden) / (space.high - space.low)).mean())
    return float(np.mean(action == hidden))


class Sum(gymnasium.Env):
    """One step: 1 for the sum of the numbers in the observation, choices counted from 0, 4 at most; less if further."""

    def __init__(self, observation_space: gymnasium.Space):
        self.observation_space, self.action_space = deepcopy(observation_space), Discrete(5)

    def _observation(self):
        self.seen = self.observation_space.sample()
        return self.seen

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        if seed is not None:
            self.observation_space.seed(seed)
        return self._observation(), {}

    def step(self, action):
        numbers, _ = Observations(self.observation_space).pack_any(self.seen)
        return self._observation(), 1 - abs(float(action - numbers.sum())) / 4, True, False, {}


class Recall(gymnasium.Env):
    """Shows -1 or 1 once, then 0; at the last step, reward 1 for the action that says which it was: 0 for -1."""

    def __init__(self, steps: int = 4):
        self.observation_space, self.action_space = Box(-1, 1, (1,), np.float32), Discrete(2)
        self.steps = steps

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.left = self.steps
        self.cue = int(self.np_random.integers(2))
        return np.array([2 * self.cue - 1], np.float32), {}

    def step(self, action):
        self.left -= 1
        return np.zeros(1, np.float32), float(not self.left and action == self.cue), not self.left, False, {}


class Uneven(gymnasium.Wrapper):
    """Sleeps now and then, at random and not by any seed, so that no two runs are scheduled alike."""

    def __init__(self, environment: gymnasium.Env, share: float = 0.02, seconds: float = 0.01):
        super().__init__(environment)
        self._clock, self._share, self._seconds = random.SystemRandom(), share, seconds

    def step(self, action):
        if self._clock.random() < self._share:
            time.sleep(self._clock.random() * self._seconds)
        return super().step(action)


class Telling(gymnasium.Env):
    """Episodes of 3 to 7 steps, with reward 1 each; `info` tells at the end of odd ones that they were a success, and
    at each step, in a dict, how many there were."""

    def __init__(self):
        self.observation_space = Box(0, 1, (1,), np.float32)
        self.action_space = Discrete(2)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.steps, self.most = 0, int(self.np_random.integers(3, 8))
        return np.ones(1, np.float32), {"is_success": False}

    def step(self, action):
        self.steps += 1
        ended = self.steps == self.most
        info = {"deep": {"steps": float(self.steps), "name": "a"}, "name": "b"}
        if ended:
            info |= {"is_success": self.most % 2 == 1}
        if ended and self.most == 5:
            info["five"] = np.array([5])
        return np.ones(1, np.float32), 1.0, ended, False, info
