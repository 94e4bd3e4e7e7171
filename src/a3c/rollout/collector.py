"""A Collector steps a vector environment with a policy, and gives a Segment at a time.

    collector = Collector(vector_environment, policy, config, seed_sequence)
    segment, episodes = collector.collect(snapshot, epsilon)

However the environments start the next episode (`environments/stepper.py`), it comes out in the Segment's canonical
layout. Where they do as that has it, NEXT_STEP, rows pass as they are. Else the observation after an ended episode
already belongs to the next one, so the value of the final observation, which the learner could not see, is added to the
last reward of a truncated episode, and the step counts as terminated.
"""

from typing import Any, NamedTuple

import numpy as np
from gymnasium.vector import VectorEnv

from a3c.config import TrainConfig
from a3c.environments.stepper import Stepper
from a3c.learning.snapshot import Snapshot
from a3c.rollout.checks import Checks
from a3c.rollout.episodes import Episode, OpenEpisodes
from a3c.rollout.memory import Memory
from a3c.rollout.noise import Noise
from a3c.rollout.overlap import Overlap
from a3c.rollout.rewards import training_rewards
from a3c.rollout.segment import Segment
from a3c.rollout.segment_moments import SegmentMoments


class _Rows(NamedTuple):
    """What the rewards and ends of a segment are made from, `[T, B]` each."""

    rewards: np.ndarray
    """The environment's own."""
    bootstraps: np.ndarray
    """Discounted values of final observations that the segment has no room for; 0 elsewhere."""
    bootstrapped: np.ndarray
    """Where there are any."""
    lost: np.ndarray
    """Where a life was lost."""

    @classmethod
    def zeros(cls, steps: int, environments: int) -> "_Rows":
        shape = (steps, environments)
        return cls(np.zeros(shape), np.zeros(shape, np.float32), np.zeros(shape, bool), np.zeros(shape, bool))


class Collector:
    """Steps `environments` with `policy`: a Policy, or what stands for one whose network is elsewhere, RemotePolicy.

    Its random numbers come from `seed_sequence` alone.
    """

    def __init__(
        self, environments: VectorEnv, policy: Any, config: TrainConfig, seed_sequence: np.random.SeedSequence
    ):
        self.policy, self.config = policy, config
        sampling, resets = seed_sequence.spawn(2)
        masks, track = bool(policy.layout.mask), config.track_info
        self.stepper = Stepper(environments, resets, lives=config.episodic_life, masks=masks, track=track)
        self.checks = Checks(config, policy.observations, self.stepper.observations)
        self._noise = Noise(policy, sampling, config.hold_noise, policy.actions.held_noise)
        self._memory = Memory(policy, self.stepper) if policy.layout.state else None
        self._episodes = OpenEpisodes(environments.num_envs)
        self._moments = SegmentMoments(policy.layout.statistics, environments.num_envs, config.gamma)
        self._overlap = Overlap(config.overlap)
        self.acted: Snapshot | None = None
        """What the last segment was collected with."""
        self.observed: np.ndarray | None = None
        """The moments of what the last segment saw, where it is normalised: a row of Statistics."""
        self.tracked: list[list[float]] = []
        """What `info` said of the episodes that ended in the last segment, a number for each key of `track_info`; empty
        where nothing is tracked."""
        self.largest_reward = 0.0
        """Of the last segment's training rewards, without its sign."""

    def collect(self, snapshot: Snapshot, epsilon: float = 0.0) -> tuple[Segment, list[Episode]]:
        """The next segment, and the episodes that ended in it, in the order they ended.

        With `n_step` the segment begins with the last rows of the one before, whose returns can reach far enough now.

        Args:
            snapshot: what the policy acts with, and rewards are normalised with; of no parameters where the policy's
                are elsewhere.
            epsilon: probability of a uniformly random action.

        Raises:
            InvalidEnvironment: an observation or reward is not finite, or has another shape or kind of numbers than
                its space says.
        """
        config, count, overlap = self.config, self.stepper.count, self.config.overlap
        segment = Segment.zeros(config, count, self.policy.layout)
        # These are views, behind the rows that overlap the segment before: filling them fills the segment.
        new = segment.from_row(overlap)
        rows = _Rows.zeros(config.segment_steps, count)
        taken, self.acted = self._act(snapshot, epsilon, new, rows), snapshot
        self._check(new.observations, rows.rewards, taken)

        rewards, terminated, mask = rows.rewards, new.terminated, new.mask[:taken]
        done = terminated[:taken] | new.truncated[:taken]
        episodes = self._episodes.finished(rewards[:taken], mask, done)
        self.observed = self._moments.row(new.observations[:taken], rewards[:taken], mask, done)
        if config.rewards_are_normalized:
            rewards = rewards / snapshot.return_deviation
        terminated |= rows.lost
        rewards = training_rewards(config, rewards, terminated)
        self.largest_reward = float(np.abs(rewards).max())
        new.rewards[:] = rewards + rows.bootstraps
        terminated |= rows.bootstrapped
        self._overlap.repeat(segment)
        if self._memory is not None:
            self._memory.fill(segment, overlap)
        return segment, episodes

    def _act(self, snapshot: Snapshot, epsilon: float, new: Segment, rows: _Rows) -> int:
        """Acts, steps and fills the rows of a segment, `new`. Returns how many steps that took."""
        config, stepper, policy = self.config, self.stepper, self.policy
        to_environment, until_episode = policy.actions.to_environment, config.segment_ends == "episode"
        if until_episode and stepper.resetting.all():
            # Each segment begins with a real step.
            stepper.step(to_environment(np.zeros_like(new.actions[0])))

        observations, actions, _, terminated, truncated, mask, log_probs, expected, *_ = new
        masks: Any = new.action_masks
        rewards, bootstraps, bootstrapped, lost = rows
        actor = self._memory or policy
        noise = self._noise.draw(config.segment_steps, stepper.count)
        observations[0] = stepper.observations
        if masks is not None:
            masks[0] = stepper.masks
        taken, masked, self.tracked = 0, {}, []
        for t in range(config.segment_steps):
            if masks is not None:
                masked = {"masks": masks[t]}
            asked = snapshot, observations[t], noise[t], epsilon
            if log_probs is None:
                actions[t] = np.asarray(actor.act(*asked, **masked))
            else:
                actions[t], log_probs[t], values, _ = actor.choose(*asked, **masked)
                if expected is not None:
                    expected[t] = values
            np.logical_not(stepper.resetting, out=mask[t])
            step = stepper.step(to_environment(actions[t]))
            rewards[t], terminated[t], truncated[t] = step.rewards, step.terminated, step.truncated
            observations[t + 1] = stepper.observations
            if masks is not None:
                masks[t + 1] = stepper.masks
            if step.final_observations is not None:
                self.checks.finite("final observation", step.final_observations[None], stepper.steps)
                of_final = {} if step.final_masks is None else {"masks": step.final_masks}
                values = actor.value(snapshot.bootstrap, step.final_observations, **of_final)
                bootstrapped[t] = truncated[t] & ~terminated[t]
                bootstraps[t] = config.gamma * np.where(bootstrapped[t], values, 0.0)
            if step.tracked is not None:
                self.tracked += step.tracked[step.done].tolist()
            if step.lost is not None:
                lost[t] = step.lost & mask[t]
            taken = t + 1
            if until_episode and step.done.any():
                # Padding repeats the last observation, which a network can stand where zeros might not be.
                observations[taken + 1 :] = observations[taken]
                if masks is not None and taken < config.segment_steps:
                    # Not learned from, but its probability is not to be 0.
                    actions[taken] = policy.actions.choose(np.zeros_like(actions[taken], np.float32), masks[taken])
                break
        if expected is not None:
            masked = {} if masks is None else {"masks": masks[taken]}
            expected[taken] = actor.value(snapshot, observations[taken], **masked)
        return taken

    def _check(self, observations: np.ndarray, rewards: np.ndarray, taken: int) -> None:
        """Raises InvalidEnvironment for numbers that are not finite; may remark on the observations."""
        first_step = self.stepper.steps - taken
        self.checks.finite("observation", observations, first_step)
        self.checks.finite("reward", rewards, first_step + 1)
        self.checks.look(observations[: taken + 1], first_step)
