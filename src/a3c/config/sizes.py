"""How many environments a worker has and how long its segments are: updates are to come often enough.

An update of a worker takes B environments times T steps. Where a step takes microseconds, 16 times 16 of them keep the
network busy; where it takes 50 ms, they would be 13 seconds. APPO, which learns from a segment many times, has 16 times
64: a minute.
"""

import math

from a3c.algorithm import MIN_BATCH
from a3c.config import TrainConfig
from a3c.config.run import BOUNDARIES, TIME_LIMITS

UPDATE_WITHIN = 1.0
"""Seconds that the steps of a segment may take, about."""
SHORTEST = 5
"""Steps of a segment at least, where they are chosen (t_max in the A3C paper)."""
FEW_UPDATES = 100
"""A network hardly learns by fewer updates than some of these."""


def sizes_for(config: TrainConfig, step_seconds: float) -> tuple[int, int]:
    """Environments of a worker, and steps of a segment, where a step of one environment takes so many seconds.

    Environments are the first to be fewer: returns reach further ahead in long segments.
    """
    environments, length = config.default_sizes
    steps = UPDATE_WITHIN / max(step_seconds, 1e-9)
    if steps >= length:
        return min(environments, int(steps / length)), length
    return 1, min(length, max(SHORTEST, int(steps)))


def open_sizes(config: TrainConfig) -> bool:
    """Whether sizes may be chosen by what a step takes: nobody set them, and the run promises no one result."""
    unset = config.envs_per_worker is None and config.segment_length is None
    return unset and config.backend == "processes" and not (config.algorithm.in_step or config.ordered)


def with_sizes(config: TrainConfig, step_seconds: float) -> TrainConfig:
    """The configuration, its `workers` filled in, with the sizes that nobody set."""
    environments, length = sizes_for(config, step_seconds) if open_sizes(config) else config.default_sizes
    environments, length = config.envs_per_worker or environments, config.segment_length or length
    sizes: dict[str, int] = {"envs_per_worker": environments, "segment_length": length}
    if config.has_learner and config.learner.min_batch is None:
        # What all workers take meanwhile: a batch is to come as often as their segments do.
        together = min(config.workers_of_all, config.learner.queue_size or MIN_BATCH) * environments * length
        sizes["min_batch"] = min(MIN_BATCH, together) if open_sizes(config) else MIN_BATCH
    return config.replace(**sizes)


def with_boundaries(config: TrainConfig, time_limit: int | None) -> TrainConfig:
    """The configuration, its sizes filled in, with the boundaries that nobody set: there are some where a run gives one
    result. `time_limit` is that of an episode."""
    if config.checkpoint_steps is not None or not config.gives_one_result:
        return config
    limits = TIME_LIMITS * (time_limit or 0) * (config.workers or 1) * config.environments_each
    return config.replace(checkpoint_steps=max(BOUNDARIES, limits))


def steps_at_once(config: TrainConfig) -> int:
    """Steps that are learned from at once, over all workers that it takes."""
    segments = config.segments_per_batch if config.has_learner else 1
    if config.algorithm.in_step:
        segments = config.workers or 1
    return segments * config.environments_each * config.segment_steps


def steps_of_an_update(config: TrainConfig) -> float:
    """Steps that come to one update; less than are learned from at once where these are learned from several times."""
    return steps_at_once(config) / config.own.updates_from(steps_at_once(config))


def flags_for(config: TrainConfig, step_seconds: float) -> str | None:
    """The flags by which updates come about every second; None where the sizes are no larger than those already."""
    environments, length = sizes_for(config, step_seconds)
    if environments * length >= config.environments_each * config.segment_steps:
        return None
    flags = f"`envs_per_worker` {environments} `segment_length` {length}"
    together = config.workers_of_all * environments * length
    return f"{flags} `min_batch` {together}" if config.has_learner and together < MIN_BATCH else flags


def few_updates(config: TrainConfig) -> str | None:
    """A line where the limit on steps allows fewer updates than a network needs; None where it allows enough."""
    if config.algorithm.learns == "nowhere" or config.steps is None:
        return None
    each = steps_at_once(config)
    from_each = config.own.updates_from(each)
    updates = math.ceil(config.steps / each) * from_each
    if updates >= FEW_UPDATES:
        return None
    of = f", {from_each} from each" if from_each > 1 else " of"
    return (
        f"`steps` {config.steps:,} are {updates} update{'s' if updates != 1 else ''}{of} {each:,} steps, and a network "
        f"hardly learns by fewer than {FEW_UPDATES}: give it more steps, or smaller updates by `envs_per_worker` and "
        "`segment_length`"
    )
