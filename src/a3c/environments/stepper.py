"""A Stepper steps a vector environment, whichever way it starts the next episodes.

In use:

    stepper = Stepper(environments, seed_sequence)
    step = stepper.step(actions)                        # one step of each: rewards, done, ...
    stepper.observations                                # packed: what the next actions are for

Gymnasium's vector environments start the next episode in one of three ways. Under NEXT_STEP an episode's final
observation comes like any other; the next step ignores its action and gives the next episode's first. Under SAME_STEP
the step that ends an episode gives the next one's first observation already, and under DISABLED it is for the caller
to reset what has ended, which is done here: both have final observations apart.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from gymnasium.vector import AutoresetMode, SyncVectorEnv, VectorEnv

from a3c.environments.explaining import explain
from a3c.environments.lives import Lives
from a3c.environments.masks import Masks, unmasked
from a3c.environments.observations import Observations
from a3c.environments.serial import SerialVectorEnv
from a3c.environments.tracking import TrackedInfo
from a3c.errors import InvalidEnvironment


@dataclass(slots=True)
class Step:
    """What a step of all environments gave, `[B]` each."""

    rewards: np.ndarray
    terminated: np.ndarray
    truncated: np.ndarray
    done: np.ndarray
    """Where an episode has ended."""
    final_observations: np.ndarray | None
    """Packed, where episodes have ended and the next ones have started already; the other rows are as they are."""
    lost: np.ndarray | None
    """Where a life was lost in an episode that goes on; None where lives are not looked at."""
    final_masks: np.ndarray | None
    """Action masks of the final observations, `[B, n]`; None where there are none, or no masks."""
    tracked: np.ndarray | None = None
    """What `info` said of the episodes that ended, `[B, K]`; nan where it said nothing. None where none ended, or
    nothing is tracked."""


class Stepper:
    """Steps `environments`; all start an episode when it is made.

    Raises InvalidEnvironment where they don't say how they reset, and in every step for an observation that is not what
    its space says, with environment and step.
    """

    def __init__(
        self,
        environments: VectorEnv,
        seed_sequence: np.random.SeedSequence,
        *,
        lives: bool = False,
        masks: bool = False,
        track: tuple[str, ...] = (),
        whose: str = "this worker",
    ):
        """`lives` and `masks`: whether to look at them; `track`: keys of `info` to follow. `whose` the environments
        are, for errors."""
        self.environments, self.count = environments, environments.num_envs
        space = environments.single_observation_space
        self._packing = Observations(unmasked(space) if masks else space)
        self._whose, self._mode = whose, _autoreset_mode(environments)
        self.steps = 0
        """Of each environment, the dummy ones too."""
        self.calls = 0
        """Odd while the environments are called. It grows with each call."""
        self._masks: Masks | None = None
        self.masks: np.ndarray | None = None
        """The action masks for `observations`, `[B, n]`; None where they are not looked at. All actions are valid where
        the next step is a dummy one, unless the episode was cut off and its final observation has a mask."""
        info = self._reset(_seeds(environments, seed_sequence), masks)
        self._lives = Lives(info) if lives else None
        self.tracked = TrackedInfo(track, environments) if track else None

    def step(self, actions: Any) -> Step:
        """One step, with actions as the environments take them."""
        self.steps += 1
        try:
            self.calls += 1
            self.given, rewards, terminated, truncated, info = self.environments.step(actions)
            self.calls += 1
            done = np.logical_or(terminated, truncated)
            lost = None if self._lives is None else self._lives.lost(info, done)
            tracked = self.tracked.of(info, done) if self.tracked is not None and done.any() else None
            final_observations = final_masks = None
            if self._mode is AutoresetMode.NEXT_STEP:
                self.starts, self.resetting = self.resetting, done
                if self._masks is not None:
                    self.masks = self._masks.read(self.given, info, done, terminated)
            else:
                self.starts = done
                if done.any():
                    if self._masks is not None:
                        final_masks = self._final_masks(info, done, terminated)
                    final_observations, info = self._restart(done, info)
                if self._masks is not None:
                    self.masks = self._masks.read(self.given, info, self.resetting, self.resetting)
            self.observations = self._packing.pack(self.given)
        except Exception as error:
            explain(error, self.environments, self._packing, self.steps, self._whose)
            raise
        return Step(rewards, terminated, truncated, done, final_observations, lost, final_masks, tracked)

    def restart(self) -> None:
        """Starts an episode in every environment, wherever the last ones were."""
        info = self._reset(None)
        if self._lives is not None:
            self._lives.renew(info, self.starts)

    def _reset(self, seed: Any, masks: bool = False) -> dict[str, Any]:
        self.calls += 1
        self.starts = np.ones(self.count, bool)
        """Where `observations` is the first of an episode."""
        self.resetting = np.zeros(self.count, bool)
        """Where the next step is a dummy one: it starts an episode, whatever the action."""
        try:
            self.given, info = self.environments.reset(seed=seed)
            self.observations = self._packing.pack(self.given)
            if masks:
                self._masks = Masks(self.environments, info)
            if self._masks is not None:
                self.masks = self._masks.read(self.given, info, self.resetting, self.resetting)
        except Exception as error:
            explain(error, self.environments, self._packing, self.steps, self._whose)
            raise
        self.calls += 1
        return info

    def _final_masks(self, info: dict[str, Any], done: np.ndarray, terminated: np.ndarray) -> np.ndarray:
        """The masks of final observations, before the next episodes have started where we start them."""
        assert self._masks is not None
        if self._mode is AutoresetMode.DISABLED:
            return self._masks.read(self.given, info, done, terminated)
        return self._masks.read_final(info, done, terminated)

    def _restart(self, done: np.ndarray, info: dict[str, Any]) -> tuple[np.ndarray, dict[str, Any]]:
        """Sees to it that the next episodes have started; gives the final observations of those that are `done`, and
        the `info` of what is next."""
        # A copy: resetting may write into what the environments gave.
        final_observations = np.array(self._packing.pack(self.given), self._packing.dtype)
        if self._mode is AutoresetMode.DISABLED:
            self.calls += 1
            self.given, begun = self.environments.reset(options={"reset_mask": done})
            self.calls += 1
            if self._lives is not None:
                self._lives.renew(begun, done)
            return final_observations, begun if self._masks is None else self._masks.joined(info, begun, done)
        for index in np.flatnonzero(done):
            final_observations[index] = self._packing.pack_any(info["final_obs"][index])[0][0]
        return final_observations, info


def _autoreset_mode(environments: VectorEnv) -> AutoresetMode:
    """How these environments start the next episode; raises InvalidEnvironment where they don't say."""
    mode = environments.metadata.get("autoreset_mode")
    if not isinstance(mode, AutoresetMode):
        raise InvalidEnvironment(
            f"{environments} does not say how it resets: set metadata['autoreset_mode'] to one of "
            "gymnasium.vector.AutoresetMode"
        )
    return mode


def _seeds(environments: VectorEnv, seed_sequence: np.random.SeedSequence) -> Any:
    """A seed for each environment where each is an object of its own, else one for them all."""
    if isinstance(environments.unwrapped, (SyncVectorEnv, SerialVectorEnv)):
        return [int(s.generate_state(1)[0] >> 1) for s in seed_sequence.spawn(environments.num_envs)]
    return int(seed_sequence.generate_state(1)[0] >> 1)
