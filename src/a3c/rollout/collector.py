"""A Collector steps a vector environment with a policy, and gives a Segment at a time.

    collector = Collector(vector_environment, policy, config, seed_sequence)
    segment, episodes = collector.collect(snapshot, epsilon)

Gymnasium's vector environments start the next episode by themselves in one of three ways, and all of them come out in
the Segment's canonical layout. Under NEXT_STEP rows pass as they are. Under SAME_STEP and DISABLED the observation
after an ended episode already belongs to the next one, so the value of the final observation, which the learner could
not see, is added to the last reward of a truncated episode, and the step counts as terminated.
"""

from typing import Any, NamedTuple

import numpy as np
from gymnasium.vector import AutoresetMode, SyncVectorEnv, VectorEnv

from a3c.config import TrainConfig
from a3c.environments.serial import SerialVectorEnv
from a3c.errors import InvalidEnvironment
from a3c.learning.moments import Moments
from a3c.learning.snapshot import Snapshot
from a3c.networks.readings import raw_numbers
from a3c.rollout.explaining import explain
from a3c.rollout.lives import Lives
from a3c.rollout.memory import Memory
from a3c.rollout.reach import Reach
from a3c.rollout.segment import Segment

TOLERANCE = 1e-3
"""How far beyond its bounds, as a part of what lies between them, an observation still is one that was rounded."""

MOST_NUMBERS = 100_000
"""Of a segment's observations, at most about twice as many are looked at for their mean and variance."""


class Episode(NamedTuple):
    """A finished episode: the environment's own undiscounted return, before any change to rewards, and its steps."""

    return_: float
    length: int


class Collector:
    """Steps `environments` with `policy`: a Policy, or what stands for one whose network is elsewhere, RemotePolicy.

    Its random numbers come from `seed_sequence` alone.
    """

    def __init__(
        self, environments: VectorEnv, policy: Any, config: TrainConfig, seed_sequence: np.random.SeedSequence
    ):
        self.environments, self.policy, self.config = environments, policy, config
        sampling, resets = seed_sequence.spawn(2)
        self._generator = np.random.default_rng(sampling)
        self._mode = autoreset_mode(environments)
        self._pack, self._dtype = policy.observations.pack, policy.layout.observation_dtype
        self._noise, self._noise_steps = np.empty(0), 0
        self._resetting = np.zeros(environments.num_envs, bool)
        self._returns = np.zeros(environments.num_envs)
        self._lengths = np.zeros(environments.num_envs, np.int64)
        self._before: Segment | None = None
        self.observed: np.ndarray | None = None
        """The moments of what the last segment saw, where it is normalised: a row of Statistics."""
        self.largest_reward = 0.0
        """Of the last segment's training rewards, without its sign."""
        self._discounted = np.zeros(environments.num_envs)
        self._steps = 0
        self._bounds = _widened(policy.observations.bounds)
        self._reach = Reach(config, policy.observations.space)
        self.remarks: dict[str, str] = {}
        """What people should know of the environments, in a line each by what it is about, until somebody takes it."""
        self.calls = 1
        """Odd while the environments are called. It grows with each call."""
        try:
            observations, info = environments.reset(seed=environment_seeds(environments, resets))
            self._observations = self._pack(observations)
        except Exception as error:
            explain(error, environments, policy.observations, 0)
            raise
        self.calls += 1
        raw = self._observations.reshape(len(self._observations), -1)[:, raw_numbers(config, policy.observations.space)]
        self.largest_observation = float(np.abs(raw).max(initial=0.0))
        """Of those that the first episodes start with, without its sign."""
        self._lives = Lives(info) if config.episodic_life else None
        self._lost = np.zeros(environments.num_envs, bool)
        self._memory = Memory(policy, environments.num_envs) if policy.layout.state else None

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
        config, count, overlap = self.config, self.environments.num_envs, self.config.overlap
        until_episode = config.segment_ends == "episode"
        if until_episode and self._resetting.all():
            self._step(np.zeros((count, *self.policy.layout.action), self.policy.layout.action_dtype))

        segment = Segment.zeros(config, count, self.policy.layout)
        # These are views, behind the rows that overlap the segment before: filling them fills the segment.
        new = segment.from_row(overlap)
        observations, actions, _, terminated, truncated, mask, log_probs, *_ = new
        rewards = np.zeros((config.segment_steps, count))
        bootstraps = np.zeros((config.segment_steps, count), np.float32)
        bootstrapped = np.zeros((config.segment_steps, count), bool)
        lost = np.zeros((config.segment_steps, count), bool)

        noise = self._draw_noise()
        actor = self.policy if self._memory is None else self._memory
        act = actor.act
        observations[0] = self._observations
        ended, steps_before = 0, self._steps
        for t in range(config.segment_steps):
            actions[t] = np.asarray(act(snapshot, observations[t], noise[t], epsilon))
            np.logical_not(self._resetting, out=mask[t])
            result = self._step(actions[t])
            observations[t + 1], rewards[t], terminated[t], truncated[t], final_observations = result
            if final_observations is not None:
                self._check_finite("final observation", final_observations[None], self._steps)
                values = actor.value(snapshot, final_observations)
                bootstrapped[t] = truncated[t] & ~terminated[t]
                bootstraps[t] = config.gamma * np.where(bootstrapped[t], values, 0.0)
            if self._lives is not None:
                lost[t] = self._lost & mask[t]
            ended = t + 1
            if until_episode and (terminated[t] | truncated[t]).any():
                # Padding repeats the last observation, which a network can stand where zeros might not be.
                observations[ended + 1 :] = observations[ended]
                break

        self._check_finite("observation", observations, steps_before)
        self._check_finite("reward", rewards, steps_before + 1)
        self._check_bounds(observations[: ended + 1], steps_before)
        done = terminated[:ended] | truncated[:ended]
        episodes = self._finished(rewards[:ended], mask[:ended], done)
        if self.policy.layout.statistics.size:
            self.observed = self._observe(observations[:ended], rewards[:ended], mask[:ended], done)
        if config.normalize_rewards:
            rewards = rewards / snapshot.statistics[-1]
        terminated |= lost
        new.rewards[:] = self._training_rewards(rewards, terminated) + bootstraps
        terminated |= bootstrapped
        if overlap:
            self._repeat_last_rows(segment)
        if self._memory is not None:
            self._memory.fill(segment, overlap)
        if log_probs is not None:
            log_probs[:] = self.policy.log_prob(snapshot, observations[:-1], actions, epsilon, *_context(segment))
        return segment, episodes

    def _draw_noise(self) -> Any:
        """Noise for every step of a segment; with `hold_noise` that of a step is drawn, and held for some."""
        length, count, hold = self.config.segment_steps, self.environments.num_envs, self.config.hold_noise
        if hold == 1:
            return self.policy.noise(self._generator, (length, count))
        drawn = (self._noise_steps + np.arange(length)) % hold == 0
        noise = list(self.policy.noise(self._generator, (int(drawn.sum()), count)))
        held = [self._noise, *noise]
        self._noise, self._noise_steps = held[-1], self._noise_steps + length
        return [held[index] for index in np.cumsum(drawn)]

    def _repeat_last_rows(self, segment: Segment) -> None:
        """Begins the segment with the last rows of the one before; with masked rows where there was none."""
        length, overlap = self.config.segment_steps, self.config.overlap
        if self._before is None:
            segment.observations[:overlap] = segment.observations[overlap]
        else:
            for array, before in zip(segment, self._before.from_row(length), strict=True):
                if array is not None and before is not None:
                    array[:overlap] = before[:overlap]
        self._before = segment

    def _step(self, actions: np.ndarray) -> tuple[Any, Any, Any, Any, np.ndarray | None]:
        """One step; the last item is the final observations where an episode ended and a new one has started."""
        self._steps += 1
        try:
            return self._step_all(actions)
        except Exception as error:
            explain(error, self.environments, self.policy.observations, self._steps)
            raise

    def _step_all(self, actions: np.ndarray) -> tuple[Any, Any, Any, Any, np.ndarray | None]:
        actions = self.policy.actions.to_environment(actions)
        self.calls += 1
        observations, rewards, terminated, truncated, info = self.environments.step(actions)
        self.calls += 1
        done = np.logical_or(terminated, truncated)
        if self._lives is not None:
            self._lost = self._lives.lost(info, done)
        final_observations = None
        if self._memory is not None:
            self._memory.starts = self._resetting if self._mode is AutoresetMode.NEXT_STEP else done
        if self._mode is AutoresetMode.NEXT_STEP:
            self._resetting = done
        elif done.any():
            observations, final_observations = self._restart(observations, done, info)
        self._observations = observations = self._pack(observations)
        return observations, rewards, terminated, truncated, final_observations

    def _restart(self, observations: Any, done: np.ndarray, info: dict[str, Any]) -> tuple[Any, np.ndarray]:
        """The observations that the next episodes start with, where there are any, and the final ones, packed."""
        # A copy: resetting may write into what the environments gave.
        final_observations = np.array(self._pack(observations), self._dtype)
        if self._mode is AutoresetMode.DISABLED:
            self.calls += 1
            observations, info = self.environments.reset(options={"reset_mask": done})
            self.calls += 1
            if self._lives is not None:
                self._lives.renew(info, done)
            return observations, final_observations
        pack_any = self.policy.observations.pack_any
        for index in np.flatnonzero(done):
            final_observations[index] = pack_any(info["final_obs"][index])[0][0]
        return observations, final_observations

    def _finished(self, rewards: np.ndarray, mask: np.ndarray, done: np.ndarray) -> list[Episode]:
        """The episodes that ended in these rows; carries the sums of the unfinished ones to the next segment."""
        returns = self._returns + np.cumsum(np.where(mask, rewards, 0.0), axis=0)
        lengths = self._lengths + np.cumsum(mask, axis=0)
        # What the sums held when the episode before ended, in each environment.
        returns_before, lengths_before = np.zeros_like(returns[0]), np.zeros_like(lengths[0])
        episodes: list[Episode] = []
        for t in np.flatnonzero(done.any(axis=1)):
            ended = done[t]
            new = zip((returns[t] - returns_before)[ended], (lengths[t] - lengths_before)[ended], strict=True)
            episodes += [Episode(float(return_), int(length)) for return_, length in new]
            returns_before[ended], lengths_before[ended] = returns[t, ended], lengths[t, ended]
        self._returns, self._lengths = returns[-1] - returns_before, lengths[-1] - lengths_before
        return episodes

    def _observe(self, observations: Any, rewards: np.ndarray, mask: np.ndarray, done: np.ndarray) -> np.ndarray:
        """The moments of these rows' observations and discounted returns; of some observations where they are large."""
        statistics, seen, returns = self.policy.layout.statistics, None, None
        if statistics.normalized:
            rows = observations[mask].reshape(int(mask.sum()), -1)
            seen = Moments.of(rows[:: 1 + rows.size // MOST_NUMBERS])
        if statistics.rewards:
            discounted = np.empty(rewards.shape)
            for t in range(len(rewards)):
                self._discounted = self.config.gamma * self._discounted + rewards[t]
                discounted[t] = self._discounted
                self._discounted = np.where(done[t], 0.0, self._discounted)
            returns = Moments.of(discounted[mask][:, None])
        return statistics.row(seen, returns)

    def _training_rewards(self, rewards: np.ndarray, terminated: np.ndarray) -> np.ndarray:
        config = self.config
        if config.reward_scale != 1.0:
            rewards = rewards * config.reward_scale
        if config.reward_clip is not None:
            rewards = np.clip(rewards, -config.reward_clip, config.reward_clip)
        if config.termination_reward is not None:
            rewards = np.where(terminated, config.termination_reward, rewards)
        self.largest_reward = float(np.abs(rewards).max())
        return rewards

    def _check_finite(self, name: str, values: np.ndarray, first_step: int) -> None:
        """Raises InvalidEnvironment for a number among `[T, B, ...]` that is none; row 0 is that of `first_step`."""
        if values.dtype.kind == "f" and not np.isfinite(values).all():
            row, index, *place = np.argwhere(~np.isfinite(values))[0]
            raise InvalidEnvironment(
                f"the environment gave {name} {values[row, index, *place]} ({self._which(place)}environment {index} of "
                f"this worker, step {first_step + row}); training needs finite numbers"
            )

    def _check_bounds(self, observations: np.ndarray, first_step: int) -> None:
        """Remarks, once, on an observation outside its space: known environments leave theirs, and can be learned.

        And on observations that come nowhere near the bounds they are scaled by.
        """
        count = len(observations) * self.environments.num_envs
        if remark := self._reach.look(observations.reshape(count, -1), count):
            self.remarks["reach"] = remark
        if self._bounds is None:
            return
        outside = (observations < self._bounds[0]) | (observations > self._bounds[1])
        if outside.any():
            row, index, *place = np.argwhere(outside)[0]
            low, high = (bound[tuple(place)] for bound in self.policy.observations.bounds)
            self._bounds = None
            self.remarks["bounds"] = (
                f"the environment gave observation {observations[row, index, *place]:g}, outside its bounds {low:g} to "
                f"{high:g} ({self._which(place)}environment {index} of this worker, step {first_step + row}); training "
                "goes on, but correct the space or the observation"
            )

    def _which(self, place: list[int]) -> str:
        """Which number of an observation; nothing for a reward."""
        return f"{self.policy.observations.name(place)}, " if place else ""


def _widened(bounds: tuple[np.ndarray, np.ndarray] | None) -> tuple[np.ndarray, np.ndarray] | None:
    """The bounds with what rounding may add, float32."""
    if bounds is None:
        return None
    low, high = bounds
    margin = TOLERANCE * np.where(np.isfinite(high - low), high - low, 1.0)
    with np.errstate(over="ignore"):
        return (low - margin).astype(np.float32), (high + margin).astype(np.float32)


def _context(segment: Segment) -> list[np.ndarray]:
    """What a recurrent policy needs to say how probable a segment's actions were; nothing for the others."""
    if segment.starts is None or segment.first_state is None:
        return []
    return [segment.starts[:-1], segment.first_state]


def autoreset_mode(environments: VectorEnv) -> AutoresetMode:
    """How these environments start the next episode; raises InvalidEnvironment where they don't say."""
    mode = environments.metadata.get("autoreset_mode")
    if not isinstance(mode, AutoresetMode):
        raise InvalidEnvironment(
            f"{environments} does not say how it resets: set metadata['autoreset_mode'] to one of "
            "gymnasium.vector.AutoresetMode"
        )
    return mode


def environment_seeds(environments: VectorEnv, seed_sequence: np.random.SeedSequence) -> Any:
    """A seed for each environment where each is an object of its own, else one for them all."""
    if isinstance(environments.unwrapped, (SyncVectorEnv, SerialVectorEnv)):
        return [int(s.generate_state(1)[0] >> 1) for s in seed_sequence.spawn(environments.num_envs)]
    return int(seed_sequence.generate_state(1)[0] >> 1)
