"""Evaluation: whole episodes with a fixed policy."""

import shutil
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from gymnasium.vector import AutoresetMode

from a3c.config.environment import MOST_EPISODE_STEPS
from a3c.environments.generators import GlobalGenerators, play_seed, seed_unseeded, separate
from a3c.environments.making import EnvironmentMaker
from a3c.environments.serial import close_and_say
from a3c.machine import available_cores
from a3c.rollout.collector import autoreset_mode, environment_seeds
from a3c.rollout.explaining import Checked
from a3c.runs.checkpoint import Checkpoint

AT_ONCE = 32
"""Environments that evaluation steps together."""
SILENT, EVERY = 10.0, 10.0
"""Seconds before the first line of progress, and between two."""


@dataclass(frozen=True)
class Evaluation:
    """Undiscounted returns and lengths of whole episodes, in the environment's own units."""

    returns: list[float]
    lengths: list[int]
    cut: int = 0
    """How many of them were cut, as they did not end: their returns are those until then."""

    @property
    def mean(self) -> float:
        return float(np.mean(self.returns))

    @property
    def std(self) -> float:
        return float(np.std(self.returns))

    def __str__(self) -> str:
        cut = f"; {self.cut} cut after {max(self.lengths):,} steps, without an end" if self.cut else ""
        return (
            f"{self.mean:.1f} +- {self.std:.1f} over {len(self.returns)} episodes "
            f"(worst {min(self.returns):g}, best {max(self.returns):g}){cut}"
        )

    def __repr__(self) -> str:
        """Short, as it is printed where nobody asked for it; all numbers are in `returns` and `lengths`."""
        return f"<Evaluation: {self}>"


def evaluate(
    environments: EnvironmentMaker,
    choose: Callable[[Any, Any], tuple[Any, Any]],
    episodes: int,
    seed: int | None,
    *,
    max_episode_steps: int = MOST_EPISODE_STEPS,
    progress: bool = False,
) -> Evaluation:
    """Plays `episodes` whole episodes with what `choose` gives for a batch of observations: actions, and what a
    recurrent policy remembers, which it is given again at the next step; it is 0 at each episode's start.

    Every environment plays its share of them: were the first to finish taken, short episodes would be over-represented.
    NumPy's and Python's global generators, from which some environments draw, are seeded for as long as it takes.
    """
    with GlobalGenerators(play_seed(seed)).swapped():
        return _play(environments, choose, episodes, seed, max_episode_steps, progress)


def _play(
    environments: EnvironmentMaker,
    choose: Callable[[Any, Any], tuple[Any, Any]],
    episodes: int,
    seed: int | None,
    max_episode_steps: int,
    progress: bool,
) -> Evaluation:
    count = min(episodes, AT_ONCE)
    vector = environments.make_vector(count, threads=available_cores())
    shares = np.full(count, episodes // count) + (np.arange(count) < episodes % count)
    returns, lengths, resetting = np.zeros(count), np.zeros(count, int), np.zeros(count, bool)
    # Where an episode goes on that was cut: nothing of it counts any more.
    idle = np.zeros(count, bool)
    played: list[tuple[float, int, bool]] = []
    state, line, steps = None, _Line(), 0
    try:
        seed_unseeded(separate(vector), play_seed(seed))
        mode, checked = autoreset_mode(vector), Checked(vector)
        observations, _ = checked.reset(seed=environment_seeds(vector, np.random.SeedSequence(seed, spawn_key=(3,))))
        while shares.any():
            actions, state = choose(observations, state)
            observations, rewards, terminated, truncated, _ = checked.step(actions)
            returns += rewards
            lengths += ~resetting
            steps += count
            done = np.logical_or(terminated, truncated)
            cut = (lengths >= max_episode_steps) & ~done & ~idle
            for index in np.flatnonzero((done | cut) & ~idle & (shares > 0)):
                shares[index] -= 1
                played.append((float(returns[index]), int(lengths[index]), bool(cut[index])))
            idle = (idle & ~done) | cut
            returns[done], lengths[done] = 0.0, 0
            if state is not None:
                state[resetting if mode is AutoresetMode.NEXT_STEP else done] = 0.0
            if mode is AutoresetMode.NEXT_STEP:
                resetting = done
            elif mode is AutoresetMode.DISABLED and done.any():
                observations, _ = checked.reset(options={"reset_mask": done})
            if shares.any() and not shares[~idle].any():
                # No vector environment has to know how to start one episode anew, so all start when all are idle.
                observations, _ = checked.reset()
                returns[:], lengths[:], state = 0.0, 0, None
                resetting, idle = np.zeros(count, bool), np.zeros(count, bool)
            if progress and line.due:
                line.show(f"{len(played):,} of {episodes:,} episodes  {steps:,} steps  longest now {lengths.max():,}")
    finally:
        line.clear()
        close_and_say(vector)
    ended_returns, ended_lengths, cuts = (list(column) for column in zip(*played, strict=True))
    return Evaluation(ended_returns, ended_lengths, sum(cuts))


def falls_short(evaluation: Evaluation, checkpoint: Checkpoint) -> bool:
    """Whether it is far below the returns of training: by a quarter, and by more than chance explains."""
    returns, best = checkpoint.returns, checkpoint.best_return_mean_100
    if best is None or evaluation.cut:
        return False
    # The last episodes may be worse than the best: then it is not for want of chance.
    trained = min(best, float(np.mean(returns)))
    chance = np.hypot(evaluation.std / len(evaluation.returns) ** 0.5, np.std(returns) / len(returns) ** 0.5)
    return bool(trained - evaluation.mean > max(4 * chance, 0.25 * abs(trained)))


class _Line:
    """What is being done, on the standard error: one line in a terminal, else a line now and then. What is done soon
    shows nothing."""

    def __init__(self) -> None:
        self._live = sys.stderr is not None and sys.stderr.isatty()
        self._started, self._shown = time.monotonic(), False
        self._next = self._started + (min(3.0, SILENT) if self._live else SILENT)

    @property
    def due(self) -> bool:
        return time.monotonic() >= self._next and sys.stderr is not None

    def show(self, text: str) -> None:
        text += f"  {time.monotonic() - self._started:.0f} s"
        self._next, self._shown = time.monotonic() + (0.25 if self._live else EVERY), True
        if self._live:
            print(f"\r\x1b[K{text[: shutil.get_terminal_size().columns - 1]}", end="", file=sys.stderr, flush=True)
        else:
            print(text, file=sys.stderr, flush=True)

    def clear(self) -> None:
        if self._live and self._shown:
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)
