"""Evaluation: whole episodes with a fixed policy."""

import math
import shutil
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from gymnasium.vector import VectorEnv

from a3c.config.environment import MOST_EPISODE_STEPS
from a3c.config.evaluating import Way
from a3c.environments.generators import GlobalGenerators, play_seed, seed_unseeded, separate
from a3c.environments.making import EnvironmentMaker
from a3c.environments.serial import close_and_say
from a3c.environments.stepper import Stepper
from a3c.errors import InvalidEnvironment
from a3c.learning.snapshot import Snapshot
from a3c.machine import available_cores
from a3c.networks.policy import Policy
from a3c.notebook import table
from a3c.processes.tokens import Stopped
from a3c.rollout.episodes import WholeEpisodes
from a3c.rollout.random_policy import RandomPolicy

AT_ONCE = 32
"""Environments that evaluation steps together."""
SILENT, EVERY = 10.0, 10.0
"""Seconds before the first line of progress, and between two."""


class Manner(NamedTuple):
    """How a policy is played."""

    policy: str
    """By its most probable actions, "greedy", by drawn ones, "sampled", or by any at all, "at random"."""
    recorded: bool = False
    """Whether it is played so because its checkpoint says so, as nobody asked for anything else."""

    @property
    def way(self) -> Way:
        """How actions are chosen by the policy, where it is one that chooses."""
        return "greedy" if self.policy == "greedy" else "sampled"

    def __str__(self) -> str:
        return f"{self.policy}, as recorded for this model" if self.recorded else self.policy


@dataclass(frozen=True)
class Evaluation(WholeEpisodes):
    """Whole episodes that were played, and how."""

    manner: Manner | None = None
    """How was played."""

    def __str__(self) -> str:
        cut = f"; {self.cut} cut after {max(self.lengths):,} steps, without an end" if self.cut else ""
        info = "".join(f"; {key} {mean:.4g}" for key, mean in self.info_means.items() if mean is not None)
        how = f"{self.manner}: " if self.manner is not None else ""
        return (
            f"{how}{self.mean:.1f} +- {self.std:.1f} over {len(self.returns)} episodes "
            f"(worst {min(self.returns):g}, best {max(self.returns):g}){cut}{info}"
        )

    def __repr__(self) -> str:
        """Short, as it is printed where nobody asked for it; all numbers are in `returns` and `lengths`."""
        return f"<Evaluation: {self}>"

    def _repr_html_(self) -> str:
        return table(
            "Evaluation",
            {
                "mean return": f"{self.mean:.1f}",
                "standard deviation": f"{self.std:.1f}",
                "worst, best": f"{min(self.returns):g}, {max(self.returns):g}",
                "episodes": len(self.returns),
                "steps": sum(self.lengths),
                "cut": self.cut or None,
                "played": self.manner,
            },
        )


class Player:
    """A policy that plays with one Snapshot: by its most probable actions, or by actions drawn from it."""

    def __init__(self, policy: Policy, snapshot: Snapshot, way: Way, generator: np.random.Generator, random: bool):
        """`random`: whether actions are drawn from the action space, whatever the policy."""
        # Compiled functions have no types that a checker knows.
        self._policy: Any = policy
        self._snapshot, self._way, self._generator, self._random = snapshot, way, generator, random

    def __call__(
        self, observations: np.ndarray, state: np.ndarray | None, masks: np.ndarray | None = None
    ) -> tuple[np.ndarray, Any]:
        """Actions for a batch of packed observations, as the environment takes them, and what a recurrent policy
        remembers `[B, S]`; None for others, and at an episode's start. `masks` `[B, n]` say which actions are valid."""
        policy, batch = self._policy, observations.shape[:1]
        masked = {} if masks is None else {"masks": masks}
        remembered: tuple[Any, ...] = ()
        if policy.recurrent:
            remembered = (np.zeros((*batch, policy.layout.state), np.float32) if state is None else state,)
        if self._random:
            random = RandomPolicy(policy, masks is not None)
            actions = random.act(self._snapshot, observations, random.noise(self._generator, batch), 0.0, masks)
        elif self._way == "greedy":
            actions = policy.best_action(self._snapshot, observations, *remembered, **masked)
        else:
            noise, epsilon = policy.noise(self._generator, batch), policy.actions.played_epsilon
            actions = policy.act(self._snapshot, observations, noise, epsilon, *remembered, **masked)
        if remembered and not self._random:
            actions, state = actions
            state = np.array(state)
        return policy.actions.to_environment(np.asarray(actions, policy.actions.dtype)), state


def evaluate(
    environments: EnvironmentMaker,
    choose: Callable[..., tuple[Any, Any]],
    episodes: int,
    seed: int | None,
    *,
    max_episode_steps: int = MOST_EPISODE_STEPS,
    progress: bool = False,
) -> Evaluation:
    """Plays `episodes` whole episodes with what `choose` gives for a batch of packed observations: actions, and what a
    recurrent policy remembers, which it is given again at the next step; it is 0 at each episode's start. Where the
    environments' settings say that there are action masks, `choose` is given these too.

    NumPy's and Python's global generators, from which some environments draw, are seeded for as long as it takes.
    """
    with GlobalGenerators(play_seed(seed)).swapped():
        vector = environments.make_vector(min(episodes, AT_ONCE), threads=available_cores())
        try:
            masks, track = bool(environments.config.action_masks), environments.config.track_info
            return play_episodes(
                vector, choose, episodes, seed, max_episode_steps, masks=masks, track=track, progress=progress
            )
        finally:
            close_and_say(vector)


def play_episodes(
    vector: VectorEnv,
    choose: Callable[..., tuple[Any, Any]],
    episodes: int,
    seed: int | None,
    max_episode_steps: int,
    *,
    masks: bool = False,
    progress: bool = False,
    going_on: Callable[[], bool] = lambda: True,
    track: tuple[str, ...] = (),
) -> Evaluation:
    """The same with environments that are there already, with what their info says under the keys `track`; raises
    Stopped once `going_on` says no.

    Every environment plays its share of them: were the first to finish taken, short episodes would be over-represented.
    """
    count = vector.num_envs
    tally, line, state = _Tally(episodes, count, max_episode_steps, len(track)), _Line(), None
    try:
        seed_unseeded(separate(vector), play_seed(seed))
        seeds = np.random.SeedSequence(seed, spawn_key=(3,))
        stepper = Stepper(vector, seeds, masks=masks, track=track, whose="those stepped together")
        while tally.shares.any():
            if not going_on():
                raise Stopped
            if not np.isfinite(stepper.observations).all():
                raise InvalidEnvironment(f"an observation at step {stepper.steps:,} of an evaluation is not finite")
            masked = () if stepper.masks is None else (stepper.masks,)
            actions, state = choose(stepper.observations, state, *masked)
            real = ~stepper.resetting
            step = stepper.step(actions)
            tally.add(step.rewards, real, step.done, step.tracked)
            if state is not None:
                state[stepper.starts] = 0.0
            if tally.only_idle:
                # No vector environment has to know how to start one episode anew, so all start when all are idle.
                stepper.restart()
                tally.restart()
                state = None
            if progress and line.due:
                played, steps = len(tally.played), stepper.steps * count
                longest = f"longest now {tally.lengths.max():,}, cut at {max_episode_steps:,}"
                line.show(f"{played:,} of {episodes:,} episodes  {steps:,} steps  {longest}")
    finally:
        line.clear()
    returns, lengths, cuts, infos = (list(column) for column in zip(*tally.played, strict=True))
    info = {key: [said[place] for said in infos] for place, key in enumerate(track)}
    return Evaluation(returns, lengths, sum(cuts), info)


class _Tally:
    """What the episodes came to, of a batch of environments of which each plays its share of them."""

    def __init__(self, episodes: int, environments: int, max_episode_steps: int, tracked: int = 0):
        """`tracked`: how many numbers of their info are."""
        self._most, self._untold = max_episode_steps, [math.nan] * tracked
        self.shares = np.full(environments, episodes // environments)
        """Episodes that each has still to play."""
        self.shares[: episodes % environments] += 1
        self.played: list[tuple[float, int, bool, list[float]]] = []
        """Return, length, whether it was cut, and what info said, of each."""
        self.restart()

    def restart(self) -> None:
        """All start an episode: those under way do not count."""
        environments = len(self.shares)
        self.returns, self.lengths = np.zeros(environments), np.zeros(environments, int)
        self._idle = np.zeros(environments, bool)
        """Where an episode goes on that was cut: nothing of it counts any more."""

    def add(self, rewards: np.ndarray, real: np.ndarray, done: np.ndarray, tracked: np.ndarray | None = None) -> None:
        """A step of all; it was a step of an episode where it was `real`."""
        self.returns += rewards
        self.lengths += real
        cut = (self.lengths >= self._most) & ~done & ~self._idle
        for index in np.flatnonzero((done | cut) & ~self._idle & (self.shares > 0)):
            self.shares[index] -= 1
            said = self._untold if tracked is None else tracked[index].tolist()
            self.played.append((float(self.returns[index]), int(self.lengths[index]), bool(cut[index]), said))
        self._idle = (self._idle & ~done) | cut
        self.returns[done], self.lengths[done] = 0.0, 0

    @property
    def only_idle(self) -> bool:
        """Whether no environment that has episodes to play is in one that counts."""
        return bool(self.shares.any() and not self.shares[~self._idle].any())


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
