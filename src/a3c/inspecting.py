"""Inspecting an environment before it is trained on: what it is, what its policy will be, how fast it goes, and what to
change.

In use:

    inspection = inspect(TrainConfig("CartPole-v1"), seconds=0)
    inspection.trainable, [remark.text for remark in inspection.remarks]
"""

import dataclasses
import math
import re
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

import gymnasium
import numpy as np
from gymnasium.utils.env_checker import check_env

from a3c.advice import Remark, Speed, problem, remarks
from a3c.config import TrainConfig
from a3c.config.schedules import with_limits
from a3c.environments.atari import FRAMES_PER_SECOND, MOST_FRAMES, AtariGame
from a3c.environments.factories import EnvironmentFactory
from a3c.environments.generators import GlobalGenerators, play_seed, seed_unseeded
from a3c.environments.making import EnvironmentMaker
from a3c.environments.observations import Observations
from a3c.environments.pixels import FrameSkip
from a3c.environments.serial import close
from a3c.environments.stepper import Stepper
from a3c.errors import A3CError, InvalidEnvironment, UnsupportedSpace, described
from a3c.networks.layers import Layer, layers
from a3c.networks.policy import NetworkFactory
from a3c.roles.worker import Work
from a3c.rollout.random_play import RandomPlay, play_randomly, seeds_matter
from a3c.runs.checkpoint import Checkpoint
from a3c.training.callbacks import as_callbacks
from a3c.training.preparing import prepare, resolve
from a3c.training.progress import Progress
from a3c.training.training import train

RANDOM_STEPS = 1000
"""Random steps that are taken at least."""
SEGMENTS_WITHIN = 60.0
"""Seconds that the segments of a training that is measured may take, after the first of them."""
SLOW = 20.0
"""Steps a second below which what takes many steps is not looked at."""
NOTHING_READ: dict[str, Any] = {"network": None, "input_layout": None, "input_scaling": None, "input_parts": {}}
"""The settings that say how observations are read, left open."""
NOT_FOR_US = "we recommend using a symmetric and normalized space"
"""What Gymnasium's checker says of actions, which are rescaled here."""


@dataclass(frozen=True)
class PolicyFacts:
    """What a policy for an environment is made of."""

    description: str
    """Which network, why, and what it is given."""
    actions: str
    """The distribution that actions are drawn from."""
    layers: dict[str, list[Layer]]
    """By the part of the network they belong to."""
    size: int
    """Parameters, P."""


@dataclass(frozen=True)
class Inspection:
    """What was found."""

    config: TrainConfig
    """The settings, with those left open filled in."""
    observation_space: gymnasium.Space
    action_space: gymnasium.Space
    time_limit: int | None
    """Steps of an episode at most, as far as that is registered or set."""
    own_vector: bool
    """Whether workers step a vector environment of its own."""
    frames_per_second: int | None
    """At which it is drawn."""
    checks: list[str]
    """What Gymnasium's checker says, in a line each."""
    play: RandomPlay
    policy: PolicyFacts | None
    """None where there cannot be one, which a remark says."""
    speed: Speed | None
    """None where it was not measured."""
    remarks: list[Remark]

    @property
    def trainable(self) -> bool:
        return not any(remark.problem for remark in self.remarks)


def inspect(
    config: TrainConfig,
    environment: EnvironmentFactory | None = None,
    network: NetworkFactory | None = None,
    *,
    seconds: float = 4.0,
    say: Callable[[str], object] = lambda line: None,
) -> Inspection:
    """Makes the environment, has Gymnasium check it, plays at random, and trains for a moment to measure.

    Args:
        config: the settings of the training to be.
        environment: a factory of one environment, in place of the id in `config`.
        network: your own, as for an Agent.
        seconds: how long to measure training, after its first updates; random play and a worker's environments take a
            quarter of that each. 0: a thousand random steps, and nothing is measured.
        say: called with a line for people before each part that takes time.

    Raises:
        InvalidEnvironment, SettingsError: it cannot be made at all. All else that is wrong is among the remarks.
    """
    with GlobalGenerators(play_seed(config.seed or 0)).swapped():
        return _inspect(config, environment, network, seconds, say)


def _inspect(
    config: TrainConfig,
    environment: EnvironmentFactory | None,
    network: NetworkFactory | None,
    seconds: float,
    say: Callable[[str], object],
) -> Inspection:
    maker = EnvironmentMaker(environment or config.environment, config)
    one = maker.make()
    seed_unseeded([one], play_seed(config.seed or 0))
    found: list[Remark] = []
    try:
        say("Gymnasium's checker looks at it")
        checks = _check(maker)
        observations = _observations(maker, one.observation_space, found)
        say("random play")
        with warnings.catch_warnings():
            # Gymnasium's wrapper warns of the first step; the checker has said it.
            warnings.simplefilter("ignore")
            masks = config.action_masks is not False
            play = play_randomly(one, observations, RANDOM_STEPS, seconds / 4, config.seed or 0, masks)
            seeded = True
            if observations is not None and play.failure is None and play.steps_per_second >= SLOW:
                seeded = seeds_matter(one, observations)
        policy = speed = resolved = None
        try:
            work, start = prepare(config, environment, network)
            policy, resolved = _policy_facts(work), start.config
            maker = work.environments
            if seconds > 0 and play.failure is None:
                speed = _measure(work, start, seconds, say)
        except A3CError as error:
            if observations is not None:
                found.append(problem(error))
        # What of how observations are to be read does not fit is said already.
        resolved = resolved or dataclasses.replace(resolve(config, maker), **NOTHING_READ)
        limit = _time_limit(one, config)
        if observations is not None:
            found += remarks(resolved, one, limit, play, seeded, speed)
        return Inspection(
            resolved,
            one.observation_space,
            one.action_space,
            limit,
            maker.has_own_vector,
            one.metadata.get("render_fps"),
            checks,
            play,
            policy,
            speed,
            sorted(found, key=lambda remark: not remark.problem),
        )
    finally:
        close(one)


def _observations(maker: EnvironmentMaker, space: gymnasium.Space, found: list[Remark]) -> Observations | None:
    try:
        with maker.blaming_wrappers():
            return Observations(space)
    except UnsupportedSpace as error:
        found.append(problem(error))
        return None


def _check(maker: EnvironmentMaker) -> list[str]:
    """What Gymnasium's checker has to say about the environment itself, without the wrappers around it."""
    environment = maker.make().unwrapped
    said: list[str] = []
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            check_env(environment, skip_render_check=True)
        except Exception as error:
            said.append(str(error) if isinstance(error, AssertionError) and str(error) else described(error))
    if wrong := close(environment):
        said.append(wrong)
    said = [str(warning.message) for warning in caught if warning.category is not DeprecationWarning] + said
    return list(dict.fromkeys(map(_first_sentence, (line for line in said if NOT_FOR_US not in line))))


def _first_sentence(text: str) -> str:
    """Without colours, and what comes after the first line or sentence."""
    text = re.sub(r"\x1b\[\d+m|^\s*WARN: ", "", text.strip()).removeprefix("WARN: ")
    return re.split(r"\n|(?<=[a-z)])\. (?=[A-Z])", text)[0].strip().rstrip(".")


def _time_limit(environment: gymnasium.Env, config: TrainConfig) -> int | None:
    """In steps of the policy, each of which may be several of the environment's own."""
    skipped = 1
    while isinstance(environment, gymnasium.Wrapper):
        if isinstance(environment, gymnasium.wrappers.TimeLimit):
            return math.ceil(environment._max_episode_steps / skipped)
        if isinstance(environment, FrameSkip):
            skipped = config.frame_skip or 1
        environment = environment.env
    if isinstance(environment, AtariGame):
        return MOST_FRAMES * environment.metadata["render_fps"] // FRAMES_PER_SECOND
    return None


def _policy_facts(work: Work) -> PolicyFacts:
    policy = work.policy
    network = policy.network(policy.initial_parameters)  # type: ignore[arg-type]
    return PolicyFacts(work.description, policy.actions.description, layers(network), policy.size)


def _measure(work: Work, start: Checkpoint, seconds: float, say: Callable[[str], object]) -> Speed:
    """How fast a worker's environments are alone, and how fast training is."""
    config = start.config
    say("a worker's environments, with random actions")
    together = _rate_together(work, config.environments_each, seconds / 4)
    say(f"training for about {seconds:g} s, once it is compiled")
    return Speed(config.workers or 1, config.environments_each, together, _training_rate(work, start, seconds))


def _rate_together(work: Work, count: int, seconds: float) -> float:
    vector, actions = work.environments.make_vector(count), cast("Any", work.policy.actions)
    generator = np.random.default_rng(0)
    # Drawn before, as it is the environments that are measured; which of them are valid is known only then.
    drawn = [actions.to_environment(actions.random(generator, (count,)).astype(actions.dtype)) for _ in range(64)]
    noise = actions.noise(generator, (count,))
    try:
        stepper = Stepper(vector, np.random.SeedSequence(0), masks=bool(work.policy.layout.mask))
        started = time.perf_counter()
        while time.perf_counter() - started < seconds:
            random = drawn[stepper.steps % len(drawn)]
            if stepper.masks is not None:
                random = actions.to_environment(actions.choose(noise, stepper.masks))
            stepper.step(random)
        return stepper.steps * count / (time.perf_counter() - started)
    except A3CError:
        raise
    except Exception as error:
        raise InvalidEnvironment(f"with {count} of them, one raised {described(error)}") from error
    finally:
        close(vector)


def _training_rate(work: Work, start: Checkpoint, seconds: float) -> float | None:
    """Steps a second of a training that nobody keeps, from a while after its first update on."""
    config = start.config
    limits = {"steps": None, "episodes": None, "seconds": SEGMENTS_WITHIN + seconds, "target_return": None}
    config = dataclasses.replace(with_limits(config, limits), report_interval=0.05)
    marks: list[tuple[float, int]] = []

    def mark(progress: Progress) -> bool:
        now, learned = time.monotonic(), progress.updates or config.algorithm.learns == "nowhere"
        # Steps are counted by the segment: of a slow environment they come seldom.
        if learned and (not marks or progress.steps > marks[-1][1]):
            marks.append((now, progress.steps))
        return len(marks) < 3 or now - marks[0][0] < 1.25 * seconds

    packed = work if config.backend == "inline" else work.pack()
    train(dataclasses.replace(start, config=config), packed, callbacks=as_callbacks(mark))
    if len(marks) < 2:
        return None
    # The first workers run alone while others still start.
    settled = [moment for moment in marks if moment[0] - marks[0][0] >= 0.25 * seconds]
    (began, before), (ended, after) = settled[0] if len(settled) > 1 else marks[0], marks[-1]
    return (after - before) / (ended - began)
