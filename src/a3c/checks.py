"""Which settings a run can have: what is out of range or contradictory is named, with what to do."""

import dataclasses
import math
import sys
import typing
from collections.abc import Callable
from typing import Any, Literal

from a3c.errors import SettingsError, brief

LEARNERS = ("ga3c", "impala")
"""The algorithms with a learner process."""
MIN_BATCH = 256
"""Steps of a learner's batch where nothing else is set or chosen."""
MOST_WAITING = 32_768
"""Segments that a queue holds at most: their numbers fill a pipe."""
MOST_ASKING = 100
"""Workers that ga3c serves at most: each takes two descriptors, and a process starts with 256."""
MOST_LAYERS = 100
"""Hidden layers of a network at most."""
MOST_PIXELS, MOST_STACKED = 10_000_000, 100
"""Pixels, and frames, that are seen at once at most: memory is taken for them before anything can be learned."""
SETTINGS_OF = {
    **dict.fromkeys(["min_batch", "queue_size", "lag_correction", "rho_clip", "c_clip", "log_epsilon"], LEARNERS),
    **dict.fromkeys(["predictors", "trainers", "adjust_threads"], ("ga3c",)),
    "forced_lag": ("impala",),
}
"""Settings that only some algorithms have: setting one for another is a mistake that is named."""

BOUNDS: dict[str, tuple[Callable[[float], bool], str]] = {
    "be at least 1": (
        lambda value: value >= 1,
        "workers envs_per_worker steps episodes max_episode_steps segment_length anneal_steps epsilon_anneal_steps "
        "n_step min_batch queue_size predictors trainers frame_skip frame_stack hold_noise recurrent_units",
    ),
    "be above 0": (
        lambda value: value > 0,
        "seconds reward_scale reward_clip learning_rate checkpoint_interval report_interval "
        "rho_clip c_clip log_epsilon pixel_std",
    ),
    "not be below 0": (
        lambda value: value >= 0,
        "seed entropy_coefficient entropy_coefficient_final value_coefficient learning_rate_final "
        "max_gradient_norm forced_lag noop_max",
    ),
}
"""What the numbers in a setting must be, where it is set."""


def flag(name: str) -> str:
    """The command-line flag of a field: `envs_per_worker` -> `--envs-per-worker`."""
    return "--" + name.replace("_", "-")


def check_ranges(config: Any) -> None:
    """Raises SettingsError for a value that no run can have."""
    for field in dataclasses.fields(config):
        value = getattr(config, field.name)
        for number in value if isinstance(value, tuple) else (value,):
            if isinstance(number, int) and not -(2**63) <= number < 2**63:
                raise SettingsError(f"{flag(field.name)} is {brief(number)}, but must fit into 64 bits")
    for _, names in BOUNDS.values():
        for name in names.split():
            check_bound(name, getattr(config, name), flag(name))
    for name in ("gamma", "gae_lambda"):
        if not 0 <= getattr(config, name) <= 1:
            raise SettingsError(f"{flag(name)} is {getattr(config, name)}, but must lie between 0 and 1")
    if not 0 <= (config.sticky_actions or 0.0) < 1:
        raise SettingsError(f"--sticky-actions is {config.sticky_actions}, but must be at least 0 and below 1")
    if not math.isfinite(config.pixel_mean):
        raise SettingsError(f"--pixel-mean is {config.pixel_mean}, but must be a number")
    if not 0 <= (config.threshold or 0) <= 254:
        raise SettingsError(f"--threshold is {config.threshold}, but must lie between 0 and 254")
    for name in ("epsilon", "epsilon_final"):
        if any(not 0 <= value <= 1 for value in getattr(config, name)):
            raise SettingsError(f"{flag(name)} holds a value outside 0 to 1")
    for name, most in (("hidden", MOST_LAYERS), ("frame_size", 2)):
        values = getattr(config, name) or ()
        if any(value < 1 for value in values):
            raise SettingsError(f"{flag(name)} holds a number below 1")
        if len(values) > most:
            raise SettingsError(f"{flag(name)} takes at most {most} numbers, not {len(values)}")
    stack = config.frame_stack or 1
    if stack > MOST_STACKED:
        raise SettingsError(f"--frame-stack is {stack}, but must be at most {MOST_STACKED:,}")
    seen = math.prod(config.frame_size * (1 if len(config.frame_size) == 2 else 2)) * stack
    if seen > MOST_PIXELS:
        raise SettingsError(
            f"--frame-size and --frame-stack ask for observations of {seen:,} pixels: make them smaller, as "
            f"{MOST_PIXELS:,} can be seen at most"
        )
    if len(config.crop) > 4:
        raise SettingsError(f"--crop takes at most 4 numbers, TOP BOTTOM LEFT RIGHT, not {len(config.crop)}")
    for name, allowed in words_of(config).items():
        value = getattr(config, name)
        if value not in allowed:
            raise SettingsError(f"{flag(name)} is {value!r}, but must be one of {', '.join(filter(None, allowed))}")


def check_bound(name: str, value: Any, title: str) -> None:
    """Raises SettingsError for a number that is out of the bounds of this setting."""
    for requirement, (holds, names) in BOUNDS.items():
        if value is not None and name in names.split() and not holds(value):
            raise SettingsError(f"{title} is {value}, but must {requirement}")


def check_contradictions(config: Any) -> None:
    """Raises SettingsError for settings that don't go together."""
    if config.backend == "inline" and config.workers not in (None, 1):
        raise SettingsError("--backend inline runs one worker in this process: leave --workers out, or set it to 1")
    if config.backend == "inline" and config.locked:
        raise SettingsError("--locked needs worker processes: leave it out with --backend inline")
    if config.locked and sys.platform == "win32":
        raise SettingsError("--locked needs a file lock that Windows does not have: leave it out")
    if config.epsilon_final and not config.epsilon:
        raise SettingsError("--epsilon-final is set without --epsilon: set where the annealing starts too")
    if config.anneals and config.anneal_steps is None and config.steps is None:
        raise SettingsError("annealing needs to know how long: set --steps or --anneal-steps")
    if config.epsilon_final and config.epsilon_anneal_steps is None and config.steps is None:
        raise SettingsError("annealing epsilon needs to know how long: set --steps or --epsilon-anneal-steps")
    if config.recurrent_units is not None and config.recurrent is None:
        raise SettingsError("--recurrent-units is set without --recurrent: set --recurrent lstm or gru too")
    for name in config.changed(SETTINGS_OF):
        if config.algorithm not in SETTINGS_OF[name]:
            algorithms = " and ".join(SETTINGS_OF[name])
            raise SettingsError(f"{flag(name)} is a setting of {algorithms}, not of {config.algorithm}")
    if config.has_learner and sys.platform == "win32":
        raise SettingsError(f"--algorithm {config.algorithm} needs pipes that Windows does not have: use a3c or a2c")
    if config.has_learner and config.locked:
        raise SettingsError(f"--locked is of no use to {config.algorithm}, where one process trains: leave it out")
    if config.has_learner and config.segments_that_may_wait > MOST_WAITING:
        raise SettingsError(
            f"--queue-size and --min-batch ask for a queue of {config.segments_that_may_wait:,} segments; it holds "
            f"at most {MOST_WAITING:,}: make them smaller, or segments longer with --segment-length"
        )
    if config.algorithm == "ga3c" and (config.workers or 1) > MOST_ASKING:
        raise SettingsError(
            f"--workers is {config.workers}, but ga3c serves at most {MOST_ASKING}: give each more environments with "
            "--envs-per-worker"
        )
    if config.queue_size is not None and config.queue_size < config.segments_per_batch:
        raise SettingsError(
            f"--queue-size is {config.queue_size}, but a batch of --min-batch {config.min_batch or MIN_BATCH} steps "
            f"takes {config.segments_per_batch} segments: make it at least that"
        )
    if config.n_step is not None and config.segment_ends == "episode":
        raise SettingsError("--n-step needs segments of fixed length: leave --segment-ends episode out")
    if config.n_step is not None and config.correction == "vtrace":
        raise SettingsError("--n-step is not defined for V-trace: leave it out, or set --lag-correction epsilon")
    if config.normalize_returns and config.correction == "vtrace":
        raise SettingsError("--normalize-returns is not defined for V-trace: leave it out, or set --lag-correction")


def check_ends(config: Any) -> None:
    """Raises SettingsError where no limit would ever end a run."""
    if config.steps is None and config.episodes is None and config.seconds is None:
        if config.target_return is None:
            raise SettingsError(
                f"nothing would ever end this run, as {config.environment} registers no target: "
                "set --steps, --episodes, --seconds or --target-return"
            )
        if not config.stop_when_solved:
            raise SettingsError(
                "nothing would ever end this run with --no-stop-when-solved: set --steps, --episodes or --seconds"
            )


def words_of(config: Any) -> dict[str, tuple[Any, ...]]:
    """What the fields allow that take one of a few words."""
    found = {}
    for field in dataclasses.fields(config):
        annotation = field.type
        options = typing.get_args(annotation) if typing.get_origin(annotation) is not Literal else (annotation,)
        words = [option for option in options if typing.get_origin(option) is Literal]
        if words:
            found[field.name] = typing.get_args(words[0]) + ((None,) if type(None) in options else ())
    return found
