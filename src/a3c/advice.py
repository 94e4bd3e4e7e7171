"""Advice: what of an environment, as it is and as random play met it, would go wrong in training or be worth changing.

Each rule gives a Remark of one line that says what to do, and only where it applies.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import gymnasium
import numpy as np
from gymnasium.spaces import Box

from a3c.config import TrainConfig
from a3c.config.checks import check_ends
from a3c.config.sizes import UPDATE_WITHIN, few_updates, flags_for
from a3c.environments.observations import Observations, parts
from a3c.environments.spaces import joined, parts_of
from a3c.errors import SettingsError
from a3c.machine import available_cores
from a3c.networks.readings import frame_shape, normalized_numbers, raw_numbers, readings
from a3c.rollout.random_play import RandomPlay
from a3c.rollout.reach import Reach

LARGE_OBSERVATION = 10.0
"""Numbers beyond this saturate the first layer."""
SMALL_RANGE = 0.1
"""Numbers that vary less than this hardly move it: MountainCar's velocity varies by a few hundredths."""
LARGE_REWARD = 10.0
"""Rewards beyond this make value losses that are hard to learn from at ordinary learning rates."""
LARGE_RETURN = 100.0
"""Discounted returns beyond this, which rewards of 1 add up to with gamma 0.99, are out of the critic's reach."""
SMALL_RETURN = 0.005
"""Discounted returns that stay below this are less than the noise of value estimates."""
LARGE_FRAME = 128
"""Rows and columns of frames that networks for frames are not made for; Atari's are reduced to 84."""
MOSTLY = 0.6
"""Part of a worker's time that an environment takes where it, and not the policy, sets the pace."""
SAME_LENGTH = 10
"""Steps that episodes which all terminate after the same number of them have at least, to be worth a remark."""


@dataclass(frozen=True)
class Remark:
    """One line for people."""

    topic: str
    """A word that tells remarks apart."""
    text: str
    problem: bool = False
    """Whether it keeps the environment from being trained on."""


@dataclass(frozen=True)
class Speed:
    """Steps a second."""

    workers: int
    environments: int
    """Of each worker."""
    together: float
    """Of a worker's environments, with random actions, in one process."""
    training: float | None
    """Of all workers; None where not one update was made in time."""

    @property
    def environment_share(self) -> float | None:
        """The part of a worker's time that its environments take, 0 to 1."""
        if self.training is None:
            return None
        return min(1.0, self.training / (min(self.workers, available_cores()) * self.together))


def remarks(
    config: TrainConfig,
    environment: gymnasium.Env,
    time_limit: int | None,
    play: RandomPlay,
    seeded: bool,
    speed: Speed | None,
) -> list[Remark]:
    """What applies, problems first.

    `config` is resolved; `time_limit` in steps; `seeded` says whether seeds make a difference.
    """
    found: list[Remark] = []
    if play.failure is not None:
        found.append(Remark("failure", f"{play.failure}: training would end there, so correct the environment", True))
    space = environment.observation_space
    found += _frames(config, space)
    found += _numbers(config, Observations(space), play)
    if play.low is not None and (text := Reach(config, space).look(np.array([play.low, play.high]), play.steps)):
        found.append(Remark("reach", text))
    found += _rewards(config, environment.action_space, play)
    found += _ends(config, time_limit, play)
    for path, part in parts_of(environment.action_space).items():
        found += _actions(f"{joined(path)!r} of the actions" if path else "actions", part)
    if play.late_masks:
        text = "info['action_mask'] comes with steps and not with reset, so masks are not used: give it with both"
        found.append(Remark("masks", text))
    found += _updates(config, play)
    if not seeded:
        found.append(
            Remark(
                "seed",
                "the seed changes neither the start nor the first steps: draw what is to be random from "
                "self.np_random, after super().reset(seed=seed)",
            )
        )
    if speed is not None:
        found += _pace(config, play, speed)
    return found


def _frames(config: TrainConfig, space: gymnasium.Space) -> Iterator[Remark]:
    for path, reading in readings(config, space).items():
        shape = parts(space)[path].shape or ()
        if reading.network != "mlp" and max(frame_shape(reading, parts(space)[path])[:2]) > LARGE_FRAME:
            name, size = "/".join(map(str, path)) or "observations", "x".join(map(str, shape))
            # Settings of frames are for these alone.
            by_settings = not path and space.dtype == np.uint8 and reading.layout in ("HW", "HWC")
            what = "`frame_size` 84 `grayscale`" if by_settings else "reduce them in the environment"
            yield Remark("frames", f"{name} of {size} are large, and learning from them slow: {what}")


def _numbers(config: TrainConfig, observations: Observations, play: RandomPlay) -> Iterator[Remark]:
    if (outside := play.outside) is not None:
        yield Remark(
            "bounds",
            f"{outside.name} of the observation was {outside.value:g} at step {outside.step}, "
            f"outside its bounds {outside.low:g} to {outside.high:g}: training goes on with it, but correct "
            "the space or the observation",
        )
    if play.cast is not None:
        given, wanted = play.cast
        yield Remark("dtype", f"observations are {given}, and their space says {wanted}: return .astype(np.{wanted})")
    if play.low is None or play.high is None:
        return
    seen = raw_numbers(config, observations.space) & ~np.array(normalized_numbers(config, observations.space))
    amounts = np.flatnonzero(seen & (play.high > play.low))
    if not amounts.size:
        return
    low, high = (extreme[amounts].astype(np.float64) for extreme in (play.low, play.high))
    largest, narrowest = np.maximum(-low, high), high - low
    most, least = int(largest.argmax()), int(narrowest.argmin())
    if largest[most] <= LARGE_OBSERVATION and narrowest[least] >= SMALL_RANGE:
        return
    extremes = dict.fromkeys([most, least] if narrowest[least] < SMALL_RANGE else [most])
    names = [observations.name(np.unravel_index(amounts[i], observations.shape)) for i in extremes]
    ranges = ", ".join(f"{name} from {low[i]:.3g} to {high[i]:.3g}" for name, i in zip(names, extremes, strict=True))
    yield Remark("scale", f"observations are of unlike or large scale ({ranges}): `normalize_observations`")


def _rewards(config: TrainConfig, action_space: gymnasium.Space, play: RandomPlay) -> Iterator[Remark]:
    if not play.rewards or play.failure is not None:
        return
    # Adding 0 turns -0 into 0.
    rewards = np.array(play.rewards) + 0.0
    low, high = rewards.min(), rewards.max()
    if low == high and (low == 0 or not any(play.terminated)):
        if config.algorithm.network == "action_values":
            how = f"explore longer, `epsilon_anneal_steps` above {config.epsilon_anneal_steps}"
        elif isinstance(action_space, Box):
            how = "let noise last longer, `action_std` gsde `hold_noise` 8 or more"
        else:
            longer = f"`segment_length` {4 * config.segment_steps}"
            further = longer if "log_probs" in config.own.carries else "`n_step` 16"
            how = f"explore more, `entropy_coefficient` above {config.entropy_coefficient:g}, or learn from further "
            how += f"ahead, {further}"
        yield Remark("sparse", f"{play.steps:,} random steps met no reward but {low:g}: {how}")
    if config.rewards_are_normalized:
        return
    largest, returns = max(-low, high) * config.reward_scale, _largest_return(config, rewards, play.lengths)
    if largest > LARGE_REWARD and config.reward_clip is None:
        what, size = f"rewards are large, {low:.4g} to {high:.4g}", largest
    elif returns > LARGE_RETURN:
        # To a tenth of what is large.
        what, size = f"returns are large, {returns:.4g} where rewards are discounted", 10 * returns / LARGE_RETURN
    elif 0 < returns < SMALL_RETURN:
        what, size = f"rewards are small, {low:.4g} to {high:.4g}", largest
    else:
        return
    scale = float(f"{config.reward_scale / size:.0e}")
    yield Remark("rewards", f"{what}: `normalize_rewards`, or `reward_scale` {scale:g}")


def _largest_return(config: TrainConfig, rewards: np.ndarray, lengths: list[int]) -> float:
    """The largest discounted sum of training rewards from a step to its episode's end, without its sign."""
    rewards = rewards * config.reward_scale
    if config.reward_clip is not None:
        rewards = np.clip(rewards, -config.reward_clip, config.reward_clip)
    largest = return_ = 0.0
    last = set((np.cumsum(lengths, dtype=int) - 1).tolist())
    for step in range(len(rewards) - 1, -1, -1):
        return_ = rewards[step] + (0.0 if step in last else config.gamma * return_)
        largest = max(largest, abs(return_))
    return float(largest)


def _ends(config: TrainConfig, time_limit: int | None, play: RandomPlay) -> Iterator[Remark]:
    if play.failure is None and not play.lengths and time_limit is None:
        yield Remark(
            "time limit",
            f"no episode ended within {play.steps:,} random steps, and there is no time limit: set `max_episode_steps`",
        )
    if (
        len(play.lengths) >= 5
        and all(play.terminated)
        and len(set(play.lengths)) == 1
        and play.lengths[0] >= SAME_LENGTH
    ):
        yield Remark(
            "truncation",
            f"every episode terminated after {play.lengths[0]} steps: if that is a time limit, "
            "return truncated instead, so that the value of going on is not learned as 0",
        )
    try:
        check_ends(config)
    except SettingsError as error:
        yield Remark("target", str(error))


def _actions(what: str, space: gymnasium.Space) -> Iterator[Remark]:
    if not isinstance(space, Box):
        return
    if np.issubdtype(space.dtype, np.integer):
        yield Remark(
            "actions",
            f"{what}: whole numbers in a Box are rounded from a Gaussian; Discrete or MultiDiscrete is learned better",
        )
    if not (np.isfinite(space.low) & np.isfinite(space.high)).all():
        yield Remark(
            "actions",
            f"{what}: numbers without bounds start around 0 with a standard deviation of 1; give the space bounds, or "
            "set `log_std`",
        )


def _updates(config: TrainConfig, play: RandomPlay) -> Iterator[Remark]:
    few = few_updates(config)
    if few is not None:
        yield Remark("updates", few)
    seconds = config.environments_each * config.segment_steps / play.steps_per_second if play.steps else 0.0
    flags = flags_for(config, 1 / play.steps_per_second) if seconds > 2 * UPDATE_WITHIN else None
    if flags and config.algorithm.learns != "nowhere":
        yield Remark("updates", f"a segment takes {seconds:.2g} s: {flags} makes that about {UPDATE_WITHIN:g} s")


def _pace(config: TrainConfig, play: RandomPlay, speed: Speed) -> Iterator[Remark]:
    share, cores = speed.environment_share, available_cores()
    if share is None or share < MOSTLY:
        return
    took = f"environments take {share:.0%} of a worker's time"
    if play.processor_seconds < 0.5 * play.seconds:
        yield Remark(
            "pace", f"{took}, and wait more than they compute: `workers` {4 * cores} lets others run meanwhile"
        )
    elif speed.workers < cores:
        yield Remark("pace", f"{took}: `workers` {cores} uses every core")
    else:
        yield Remark(
            "pace", f"{took}: a faster step, `frame_skip`, or a vector form of its own would speed training up"
        )


def problem(error: Exception) -> Remark:
    """An error that keeps training from beginning, as a remark."""
    return Remark("settings", str(error), problem=True)
