"""Which settings a run can have: what is out of range or contradictory is named, with what to do."""

import dataclasses
import math
import operator
import re
import sys
import typing
from collections.abc import Callable
from typing import Any, Literal

from a3c.algorithm import MIN_BATCH, MOST_WAITING, LearnerSettings
from a3c.algorithm.builtin import BUILT_IN
from a3c.config.cluster import PIPES, ClusterSettings
from a3c.config.run import CHECKPOINT_INTERVAL
from a3c.config.setting import changed, names_of
from a3c.errors import SettingsError, brief

IN_ORDER = [name for name, one in BUILT_IN.items() if (one.orders or one.in_step) and one.learns != "nowhere"]
"""The algorithms whose updates have an order."""
SHIPS = [name for name, one in BUILT_IN.items() if one.ships != "none"]
"""The algorithms whose workers can be on other machines."""
MOST_PIXELS = 10_000_000
"""Pixels that are seen at once at most: memory is taken for them before anything can be learned."""
BOUNDS: dict[str, tuple[Callable[[float, float], bool], str]] = {
    "at_least": (operator.ge, "at least"),
    "above": (operator.gt, "above"),
    "below": (operator.lt, "below"),
    "at_most": (operator.le, "at most"),
}
"""What the bounds of a setting ask of a number."""


def check_ranges(settings: Any) -> None:
    """Raises SettingsError for a value, in a group of settings or in all of them, that no run can have."""
    for field in dataclasses.fields(settings):
        value = getattr(settings, field.name)
        numbers = value if isinstance(value, tuple) else (value,)
        for number in numbers:
            check_number(field, number, f"`{field.name}`")
        most = field.metadata.get("values", len(numbers))
        if len(numbers) > most:
            raise SettingsError(f"`{field.name}` takes at most {most} numbers, not {len(numbers)}")
    for name, allowed in words_of(settings).items():
        value = getattr(settings, name)
        if any(one not in allowed for one in (value if isinstance(value, tuple) else (value,))):
            raise SettingsError(f"`{name}` is {value!r}, but must be one of {', '.join(filter(None, allowed))}")


def check_number(field: dataclasses.Field[Any], value: Any, title: str) -> None:
    """Raises SettingsError for a number that is out of the bounds of this setting."""
    if not isinstance(value, (int, float)) or isinstance(value, bool):
        return
    if isinstance(value, int) and not -(2**63) <= value < 2**63:
        raise SettingsError(f"{title} is {brief(value)}, but must fit into 64 bits")
    kept = [(name, field.metadata[name]) for name in BOUNDS if name in field.metadata]
    if all(BOUNDS[name][0](value, bound) for name, bound in kept):
        return
    asked = " and ".join(f"{BOUNDS[name][1]} {bound:,}" for name, bound in kept)
    raise SettingsError(f"{title} is {value}, but must be {asked}")


def check_contradictions(config: Any) -> None:
    """Raises SettingsError for settings that don't go together."""
    if config.backend == "inline" and config.workers not in (None, 1):
        raise SettingsError("`backend` inline runs one worker in this process: leave `workers` out, or set it to 1")
    if config.backend == "inline" and config.locked:
        raise SettingsError("`locked` needs worker processes: leave it out with `backend` inline")
    if config.ordered and config.locked:
        raise SettingsError("`locked` is of no use with `ordered`, where one worker applies at a time: leave it out")
    if config.checkpoint_steps and config.workers is not None and not config.gives_one_result:
        raise SettingsError(
            "`checkpoint_steps` is for runs that give one result: set `ordered`, or `checkpoint_steps` 0 to do without"
        )
    if config.checkpoint_interval != CHECKPOINT_INTERVAL and config.gives_one_result and config.checkpoint_steps != 0:
        raise SettingsError(
            "`checkpoint_interval` is not for runs that give one result, which are saved at the same steps in every "
            "run: set `checkpoint_steps`, or `checkpoint_steps` 0 too to save by the clock"
        )
    if config.locked and sys.platform == "win32":
        raise SettingsError("`locked` needs a file lock that Windows does not have: leave it out")
    if not math.isfinite(config.pixel_mean):
        raise SettingsError(f"`pixel_mean` is {config.pixel_mean}, but must be a number")
    seen = math.prod(config.frame_size * (1 if len(config.frame_size) == 2 else 2)) * (config.frame_stack or 1)
    if seen > MOST_PIXELS:
        raise SettingsError(
            f"`frame_size` and `frame_stack` ask for observations of {seen:,} pixels: make them smaller, as "
            f"{MOST_PIXELS:,} can be seen at most"
        )
    if config.epsilon_final and not config.epsilon:
        raise SettingsError("`epsilon_final` is set without `epsilon`: set where the annealing starts too")
    if config.anneals and config.anneal_steps is None and config.steps is None:
        raise SettingsError("annealing needs to know how long: set `steps` or `anneal_steps`")
    if config.epsilon_final and config.epsilon_anneal_steps is None and config.steps is None:
        raise SettingsError("annealing epsilon needs to know how long: set `steps` or `epsilon_anneal_steps`")
    if config.recurrent_units is not None and config.recurrent is None:
        raise SettingsError("`recurrent_units` is set without `recurrent`: set `recurrent` lstm or gru too")
    for name in ("log", "track_info"):
        if doubled := [one for one in getattr(config, name) if getattr(config, name).count(one) > 1]:
            raise SettingsError(f"`{name}` names {brief(doubled[0])} twice")
    for key in config.track_info:
        if not re.fullmatch(r'[^\s,"]+', key):
            raise SettingsError(
                f"`track_info` is {brief(repr(key))}, which no column of a file can be named after: give a key of info "
                "without commas, quotes and spaces"
            )
    if config.n_step is not None and config.segment_ends == "episode":
        raise SettingsError("`n_step` needs segments of fixed length: leave `segment_ends` episode out")
    _check_algorithm(config)
    _check_cluster(config)
    if config.has_learner:
        _check_learner(config)


def _check_algorithm(config: Any) -> None:
    algorithm = config.algorithm
    if config.most_workers is not None and (config.workers or 1) > config.most_workers:
        which = f"{algorithm} with `ordered`" if config.ordered else algorithm
        raise SettingsError(
            f"`workers` is {config.workers}, but {which} serves at most {config.most_workers}: give each more "
            "environments with `envs_per_worker`"
        )
    if config.ordered and not (algorithm.orders or algorithm.in_step or config.backend == "inline"):
        raise SettingsError(
            f"`algorithm` {algorithm} has no order to its updates: leave `ordered` out, or use {', '.join(IN_ORDER)}"
        )
    if config.n_step is not None and algorithm.looks_ahead is not None:
        raise SettingsError(f"`n_step` is not defined for {algorithm}: leave it out")
    if algorithm.looks_ahead and config.segment_ends == "episode":
        raise SettingsError(f"{algorithm} needs segments of fixed length: leave `segment_ends` episode out")
    if "log_probs" in config.own.carries:
        for name in changed(config, ("n_step", "normalize_returns")):
            if isinstance(config.own, LearnerSettings):
                raise SettingsError(
                    f"`{name}` is not defined for V-trace: leave it out, or set `lag_correction` epsilon"
                )
            raise SettingsError(f"`{name}` is not defined for {algorithm}: leave it out")


def _check_cluster(config: Any) -> None:
    if config.cluster is None:
        for name in changed(config, names_of(ClusterSettings)):
            before = getattr(ClusterSettings, name)
            raise SettingsError(
                f"`{name}` is of use with `cluster` alone: set that too, or leave it out (a run that had both goes on "
                f"without with `{name}` {before})"
            )
        return
    if config.cluster not in (PIPES, "auto") and not re.fullmatch(r"[^\s:/]+:\d{1,5}", config.cluster):
        raise SettingsError(
            f"`cluster` is {brief(repr(config.cluster))}, but must be auto, pipes, or HOST:PORT of a cluster's head, "
            "such as 10.0.0.1:6379"
        )
    if config.algorithm.ships == "none":
        raise SettingsError(
            f"`algorithm` {config.algorithm} has workers that must be on one machine: leave `cluster` out, or use "
            f"{', '.join(SHIPS)}"
        )
    if config.backend == "inline":
        raise SettingsError("`backend` inline has no workers but this process: leave `cluster` out")
    if sys.platform == "win32":
        raise SettingsError("`cluster` needs pipes that Windows does not have: leave it out")
    for name in changed(config, ("ordered", "locked")):
        raise SettingsError(f"`{name}` is of workers on one machine: leave it out, or `cluster`")
    if config.checkpoint_steps:
        raise SettingsError("`checkpoint_steps` is for runs that give one result, as none with `cluster` does")
    if config.workers is not None:
        raise SettingsError("`workers` are those of one machine: with `cluster`, set `workers_per_station`")


def _check_learner(config: Any) -> None:
    algorithm, own = config.algorithm, config.learner
    if sys.platform == "win32":
        raise SettingsError(f"`algorithm` {algorithm} needs pipes that Windows does not have: use a3c or a2c")
    if config.locked:
        raise SettingsError(f"`locked` is of no use to {algorithm}, where one process trains: leave it out")
    if config.segments_that_may_wait > MOST_WAITING:
        raise SettingsError(
            f"`queue_size` and `min_batch` ask for a queue of {config.segments_that_may_wait:,} segments; it holds "
            f"at most {MOST_WAITING:,}: make them smaller, or segments longer with `segment_length`"
        )
    if own.queue_size is not None and own.queue_size < config.segments_per_batch:
        raise SettingsError(
            f"`queue_size` is {own.queue_size}, but a batch of `min_batch` {own.min_batch or MIN_BATCH} steps "
            f"takes {config.segments_per_batch} segments: make it at least that"
        )


def check_ends(config: Any) -> None:
    """Raises SettingsError where no limit would ever end a run."""
    if config.steps is None and config.episodes is None and config.seconds is None:
        if config.target_return is None:
            raise SettingsError(
                f"nothing would ever end this run, as {config.environment} registers no target: "
                "set `steps`, `episodes`, `seconds` or `target_return`"
            )
        if not config.stop_when_solved:
            raise SettingsError(
                "nothing would ever end this run, as `stop_when_solved` is off: set `steps`, `episodes` or `seconds`"
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
