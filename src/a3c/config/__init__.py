"""Every setting of a training run, in groups: `config.toml` has a table for each, flags and keyword arguments are flat.

A group is a dataclass, and TrainConfig is all of them: what needs the settings of one group (or of some: WorldSettings,
LearningSettings) takes that, and gets a TrainConfig. The algorithm's own settings are a dataclass that its Algorithm
names.
"""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self, cast

from a3c.algorithm import Algorithm, OwnSettings, QueueSettings
from a3c.algorithm.builtin import A3C
from a3c.config.checks import check_contradictions, check_ranges
from a3c.config.cluster import ClusterSettings
from a3c.config.environment import AtariSettings, EnvironmentSettings, FrameSettings, WorldSettings
from a3c.config.evaluating import EVALUATIONS, OTHERWISE, SHORTEST, EvaluationSettings
from a3c.config.learning import (
    ContinuousSettings,
    ExplorationSettings,
    LearningSettings,
    ObjectiveSettings,
    OptimizerSettings,
    RolloutSettings,
)
from a3c.config.network import NetworkSettings
from a3c.config.run import REPORT_INTERVAL, ROWS, RunSettings
from a3c.config.setting import as_tuples, names_of
from a3c.errors import SettingsError

SCHEMA_VERSION = 5
"""Version of `config.toml` and of the checkpoints; raised with a step in `runs/migrations.py` that older ones take."""

GROUPS: dict[str, type] = {
    "environment": EnvironmentSettings,
    "frames": FrameSettings,
    "atari": AtariSettings,
    "rollout": RolloutSettings,
    "objective": ObjectiveSettings,
    "optimizer": OptimizerSettings,
    "exploration": ExplorationSettings,
    "continuous": ContinuousSettings,
    "network": NetworkSettings,
    "evaluation": EvaluationSettings,
    "run": RunSettings,
    "cluster": ClusterSettings,
}
"""The groups by the names of their tables in `config.toml`."""


@dataclass(frozen=True)
class TrainConfig(
    ClusterSettings,
    RunSettings,
    EvaluationSettings,
    NetworkSettings,
    ContinuousSettings,
    ExplorationSettings,
    LearningSettings,
    WorldSettings,
):
    """Settings of a run. Defaults are sound for small vector tasks; recipes hold tuned ones."""

    algorithm: Algorithm = A3C
    """What to train with."""

    own: OwnSettings = OwnSettings()
    """The settings that this algorithm alone has."""

    def __post_init__(self) -> None:
        if type(self.own) is OwnSettings:
            object.__setattr__(self, "own", self.algorithm.settings())
        if type(self.own) is not self.algorithm.settings:
            theirs, wanted = type(self.own).__name__, self.algorithm.settings.__name__
            raise SettingsError(f"`own` is {theirs}, but the settings of {self.algorithm} alone are {wanted}")
        as_tuples(self)
        check_ranges(self)
        check_ranges(self.own)
        check_contradictions(self)

    def replace(self, **changes: object) -> Self:
        """A copy with other values, also of the algorithm's own settings."""
        own = {name: changes.pop(name) for name in names_of(type(self.own)) if name in changes}
        if own:
            changes["own"] = dataclasses.replace(self.own, **own)
        return dataclasses.replace(self, **changes)

    @property
    def overlap(self) -> int:
        """Rows that a segment has in common with the one before."""
        return super().overlap if self.algorithm.looks_ahead is None else self.algorithm.looks_ahead

    @property
    def default_sizes(self) -> tuple[int, int]:
        """Environments of a worker and steps of a segment, where nothing else is set or chosen."""
        environments, length = super().default_sizes
        own = cast("Mapping[str, int]", self.algorithm.defaults)
        return own.get("envs_per_worker", environments), own.get("segment_length", length)

    @property
    def rewards_are_normalized(self) -> bool:
        """Whether training rewards are divided by the deviation of their returns; see `normalize_rewards`."""
        if self.normalize_rewards is not None:
            return self.normalize_rewards
        sized = self.reward_scale != 1.0 or self.reward_clip is not None or self.termination_reward is not None
        return not (sized or self.normalize_returns)

    @property
    def has_learner(self) -> bool:
        """Whether a learner process trains, and the workers only act."""
        return self.algorithm.has_learner

    @property
    def learner(self) -> QueueSettings:
        """The learner's settings, where there is one."""
        assert isinstance(self.own, QueueSettings)
        return self.own

    @property
    def processes(self) -> int:
        """Workers, or with `cluster` the relays in their place, and the learner where there is one; `workers` is filled
        in."""
        return self.worker_processes + self.has_learner

    @property
    def worker_processes(self) -> int:
        """Processes of this machine that collect: the workers, or with `cluster` the relays in their place."""
        return self.relays or self.workers or 1

    def rows_of(self, worker: int) -> range:
        """Where the store has what a worker has counted; for a relay, what each of its stations has, behind those of
        the processes."""
        if not self.relays:
            return range(worker, worker + 1)
        return range(self.processes + worker, self.processes + self.station_count, self.relays)

    @property
    def workers_of_all(self) -> int:
        """Workers on all machines, as far as the settings say."""
        return self.station_count * (self.workers_per_station or 1) or self.workers or 1

    @property
    def most_workers(self) -> int | None:
        """How many workers there may be, where there is a limit."""
        if self.ordered and self.algorithm.orders:
            # Each takes two descriptors, or four beside a learner, and a process starts with 256.
            return 40 if self.has_learner else 80
        return self.algorithm.most_workers

    @property
    def in_turns(self) -> bool:
        """Whether asynchronous workers take turns, as a single one does."""
        alone = self.workers == 1 and not self.has_learner and self.cluster is None
        return self.algorithm.orders and (alone or (self.ordered and self.backend == "processes"))

    @property
    def has_boundaries(self) -> bool:
        return bool(self.checkpoint_steps)

    @property
    def row_steps(self) -> int | None:
        """Steps between two rows of metrics; None where they fall due by the clock."""
        by_steps = self.has_boundaries and self.report_interval == REPORT_INTERVAL
        return min(ROWS, self.checkpoint_steps or ROWS) if by_steps else None

    @property
    def workers_judge(self) -> bool:
        """Whether the workers see themselves that the target is reached, in the order that they have; inline the main
        process sees it at the same moment."""
        return self.backend == "processes" and (self.algorithm.in_step or self.in_turns)

    @property
    def gives_one_result(self) -> bool:
        """Whether one seed gives one result, whatever the clock says; `workers` is filled in."""
        return self.algorithm.in_step or self.backend == "inline" or self.in_turns

    @property
    def segments_per_batch(self) -> int:
        """Segments that a learner trains on at once."""
        return self.learner.segments_per_batch(self.segment_size)

    @property
    def segments_that_may_wait(self) -> int:
        """How many segments the queue to a learner holds."""
        return self.learner.segments_that_may_wait(self.segment_size, self.worker_processes)

    @property
    def evaluation_interval(self) -> int:
        """Steps between two evaluations; 0: none. Where training waits for them and nothing is set, it does so where it
        waits anyway: at boundaries."""
        every = self.steps_worth_evaluating
        return every if self.evaluate_every is not None else max(every, self.checkpoint_steps or 0)

    @property
    def steps_worth_evaluating(self) -> int:
        """Steps of a run from which on it is evaluated, in the end if not before; 0: none is."""
        if self.evaluate_every is not None:
            return self.evaluate_every
        return OTHERWISE if self.steps is None else max(SHORTEST, self.steps // EVALUATIONS)

    @property
    def anneals(self) -> bool:
        """Whether the settings say that the learning rate or the weight of the entropy changes with the steps."""
        return self.learning_rate_final is not None or self.entropy_coefficient_final is not None
