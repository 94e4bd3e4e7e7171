"""Random play: what an environment gives when its actions are drawn at random, and how fast.

In use:

    play = play_randomly(environment, observations, steps=1000, seconds=1.0, seed=0)
    play.failure     None, or what would end a training; play.high, play.rewards, ... else
"""

import time
from dataclasses import dataclass, field
from typing import Any

import gymnasium
import numpy as np
from gymnasium.spaces import Box

from a3c.environments import results
from a3c.environments.masks import KEY, mask_counts, mask_of, sample_valid
from a3c.environments.observations import Observations, part_of, parts
from a3c.errors import A3CError, described

PATIENCE = 10.0
"""Seconds after which a slow environment need not take all the steps."""
LOOKED_AT = 256
"""Observations that are looked at together."""
FIRST_STEPS = 20
"""Steps by which two seeds are compared."""


@dataclass(frozen=True)
class Outside:
    """An observation outside its space, the first one."""

    step: int
    name: str
    """Which number of it."""
    value: float
    low: float
    high: float


@dataclass
class RandomPlay:
    """What was seen."""

    steps: int = 0
    lengths: list[int] = field(default_factory=list)
    """Steps of each finished episode."""
    terminated: list[bool] = field(default_factory=list)
    """Whether each finished episode terminated; the others were truncated."""
    rewards: list[float] = field(default_factory=list)
    seconds: float = 0.0
    """Spent in the environment."""
    processor_seconds: float = 0.0
    """Of them, those in which this process computed."""
    low: np.ndarray | None = None
    """The least of each number of a packed observation, flat."""
    high: np.ndarray | None = None
    outside: Outside | None = None
    cast: tuple[np.dtype, np.dtype] | None = None
    """The kind of numbers in observations and in their space, where they differ but can be cast."""
    lives: bool = False
    """Whether it tells how many lives are left."""
    late_masks: bool = False
    """Whether action masks came with a step, and none with the reset before, by which they are found."""
    failure: str | None = None
    """What a training would end with."""

    @property
    def returns(self) -> list[float]:
        """Of the finished episodes."""
        ends = np.cumsum(self.lengths, dtype=int)
        return [float(np.sum(part)) for part in np.split(np.array(self.rewards), ends)[:-1]]

    @property
    def steps_per_second(self) -> float:
        return self.steps / max(self.seconds, 1e-9)


class _Watch:
    """Looks at observations, many at a time: their least and largest numbers, and what is wrong with them."""

    def __init__(self, observations: Observations, play: RandomPlay):
        self._observations, self._play = observations, play
        bounds = observations.bounds
        self._bounds = None if bounds is None else (bounds[0].ravel(), bounds[1].ravel())
        self._waiting: list[tuple[int, np.ndarray]] = []

    def add(self, observation: Any) -> None:
        """Raises InvalidEnvironment for one that no segment can hold."""
        self._observations.check(observation)
        if self._play.steps == 0:
            for path, part in parts(self._observations.space).items():
                given = np.asarray(part_of(observation, path)).dtype
                if isinstance(part, Box) and given != part.dtype:
                    self._play.cast = given, part.dtype
        self._waiting.append((self._play.steps, self._observations.pack_any(observation)[0].ravel()))
        if len(self._waiting) == LOOKED_AT:
            self.look()

    def look(self) -> None:
        """At those that wait; notes a failure where a number is not finite."""
        if not self._waiting:
            return
        play, steps, seen = self._play, *map(np.array, zip(*self._waiting, strict=True))
        self._waiting = []
        for row, number in np.argwhere(~np.isfinite(seen))[:1]:
            play.failure = f"the observation of step {steps[row]} holds {seen[row, number]} ({self._name(number)})"
            return
        play.low = seen.min(0) if play.low is None else np.minimum(play.low, seen.min(0))
        play.high = seen.max(0) if play.high is None else np.maximum(play.high, seen.max(0))
        if self._bounds is not None and play.outside is None:
            low, high = self._bounds
            for row, number in np.argwhere((seen < low.astype(np.float32)) | (seen > high.astype(np.float32)))[:1]:
                value = float(seen[row, number])
                limits = float(low[number]), float(high[number])
                play.outside = Outside(int(steps[row]), self._name(number), value, *limits)

    def _name(self, number: int) -> str:
        return self._observations.name(np.unravel_index(number, self._observations.shape))


def play_randomly(
    environment: gymnasium.Env,
    observations: Observations | None,
    steps: int,
    seconds: float,
    seed: int,
    masks: bool = True,
) -> RandomPlay:
    """Takes `steps` random steps at least, unless they take long, and goes on for so many seconds; stops at a failure.

    Observations are numbered by the steps before them, that of the first reset with 0. Without `observations`, as where
    their space is none that a policy takes, they are not looked at. `masks`: whether to take valid actions alone, where
    the environment says which are.
    """
    play = RandomPlay()
    watch = None if observations is None else _Watch(observations, play)
    environment.action_space.seed(seed)
    started = time.monotonic()
    try:
        last = _reset(environment, play, watch, seed)
        unmasked = masks and bool(mask_counts(environment.action_space)) and mask_of(environment, *last) is None
        length = 0
        while play.failure is None:
            passed = time.monotonic() - started
            if passed >= seconds and (play.steps >= steps or passed >= PATIENCE):
                break
            action = sample_valid(environment, *last) if masks else environment.action_space.sample()
            ended, *last = _step(environment, play, watch, action)
            play.late_masks |= unmasked and isinstance(last[1], dict) and KEY in last[1]
            length += 1
            if ended:
                play.lengths.append(length)
                length = 0
                last = _reset(environment, play, watch, None)
    except A3CError as error:
        play.failure = f"{error} (step {play.steps} of random play)"
    except Exception as error:
        play.failure = f"step {play.steps} of random play raised {described(error)}"
    if watch is not None:
        watch.look()
    return play


def seeds_matter(environment: gymnasium.Env, observations: Observations) -> bool:
    """Whether the first steps differ at all between seeds, with the same actions; True where they fail."""
    try:
        return len({_first_steps(environment, observations, seed) for seed in (1, 2, 3)}) > 1
    except Exception:
        return True


def _first_steps(environment: gymnasium.Env, observations: Observations, seed: int) -> bytes:
    environment.action_space.seed(0)
    observation, info = results.reset(environment, seed)
    seen = [observations.pack_any(observation)[0].tobytes()]
    for _ in range(FIRST_STEPS):
        action = sample_valid(environment, observation, info)
        observation, reward, terminated, truncated, info = results.step(environment, action)
        seen += [observations.pack_any(observation)[0].tobytes(), repr(reward).encode()]
        if terminated or truncated:
            break
    return b"".join(seen)


def _reset(environment: gymnasium.Env, play: RandomPlay, watch: _Watch | None, seed: int | None) -> tuple[Any, Any]:
    """What reset gave."""
    before = time.perf_counter(), time.process_time()
    observation, info = results.reset(environment, seed)
    _spent(play, before)
    play.lives = isinstance(info, dict) and "lives" in info
    if watch is not None:
        watch.add(observation)
    return observation, info


def _step(environment: gymnasium.Env, play: RandomPlay, watch: _Watch | None, action: Any) -> tuple[bool, Any, Any]:
    """Whether the episode has ended; observation and info."""
    play.steps += 1
    before = time.perf_counter(), time.process_time()
    observation, reward, terminated, truncated, info = results.step(environment, action)
    _spent(play, before)
    play.rewards.append(reward)
    if not np.isfinite(reward):
        play.failure = f"the reward of step {play.steps} is {reward}"
    if watch is not None:
        watch.add(observation)
    if terminated or truncated:
        play.terminated.append(terminated)
    return terminated or truncated, observation, info


def _spent(play: RandomPlay, before: tuple[float, float]) -> None:
    play.seconds += time.perf_counter() - before[0]
    play.processor_seconds += time.process_time() - before[1]
