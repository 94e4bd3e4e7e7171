"""Evaluation: whole episodes with a fixed policy."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from gymnasium.vector import AutoresetMode, VectorEnv

from a3c.environments.generators import GlobalGenerators, play_seed, seed_unseeded, separate
from a3c.environments.making import EnvironmentMaker
from a3c.environments.serial import close_and_say
from a3c.machine import available_cores
from a3c.rollout.collector import autoreset_mode, environment_seeds
from a3c.rollout.explaining import Checked

AT_ONCE = 32
"""Environments that evaluation steps together."""


@dataclass(frozen=True)
class Evaluation:
    """Undiscounted returns and lengths of whole episodes, in the environment's own units."""

    returns: list[float]
    lengths: list[int]

    @property
    def mean(self) -> float:
        return float(np.mean(self.returns))

    @property
    def std(self) -> float:
        return float(np.std(self.returns))

    def __str__(self) -> str:
        return (
            f"{self.mean:.1f} +- {self.std:.1f} over {len(self.returns)} episodes "
            f"(worst {min(self.returns):g}, best {max(self.returns):g})"
        )


def evaluate(
    environments: EnvironmentMaker, choose: Callable[[Any, Any], tuple[Any, Any]], episodes: int, seed: int | None
) -> Evaluation:
    """Plays `episodes` whole episodes with what `choose` gives for a batch of observations: actions, and what a
    recurrent policy remembers, which it is given again at the next step; it is 0 at each episode's start.

    Every environment plays its share of them: were the first to finish taken, short episodes would be over-represented.
    NumPy's and Python's global generators, from which some environments draw, are seeded for as long as it takes.
    """
    vector = environments.make_vector(min(episodes, AT_ONCE), threads=available_cores())
    try:
        with GlobalGenerators(play_seed(seed)).swapped():
            return _play(vector, choose, episodes, seed)
    finally:
        close_and_say(vector)


def _play(
    vector: VectorEnv, choose: Callable[[Any, Any], tuple[Any, Any]], episodes: int, seed: int | None
) -> Evaluation:
    count, mode, checked = vector.num_envs, autoreset_mode(vector), Checked(vector)
    seed_unseeded(separate(vector), play_seed(seed))
    shares = np.full(count, episodes // count) + (np.arange(count) < episodes % count)
    observations, _ = checked.reset(seed=environment_seeds(vector, np.random.SeedSequence(seed, spawn_key=(3,))))
    returns, lengths, resetting = np.zeros(count), np.zeros(count, int), np.zeros(count, bool)
    evaluation, state = Evaluation([], []), None
    while shares.any():
        actions, state = choose(observations, state)
        observations, rewards, terminated, truncated, _ = checked.step(actions)
        returns += rewards
        lengths += ~resetting
        done = np.logical_or(terminated, truncated)
        for index in np.flatnonzero(done):
            if shares[index]:
                shares[index] -= 1
                evaluation.returns.append(float(returns[index]))
                evaluation.lengths.append(int(lengths[index]))
        returns[done], lengths[done] = 0.0, 0
        if state is not None:
            state[resetting if mode is AutoresetMode.NEXT_STEP else done] = 0.0
        if mode is AutoresetMode.NEXT_STEP:
            resetting = done
        elif mode is AutoresetMode.DISABLED and done.any():
            observations, _ = checked.reset(options={"reset_mask": done})
    return evaluation
