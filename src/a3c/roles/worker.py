"""A worker's side of training."""

import pickle
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

import numpy as np

from a3c.environments.generators import seed_unseeded, separate
from a3c.environments.making import EnvironmentMaker
from a3c.environments.registrations import Registrations
from a3c.environments.serial import close
from a3c.environments.spaces import Layout
from a3c.errors import InvalidEnvironment
from a3c.learning.optimizers import SharedOptimizer
from a3c.networks.policy import Policy
from a3c.processes.pickling import dumps
from a3c.processes.tokens import Stopped
from a3c.roles.evaluator import Evaluator
from a3c.roles.messages import EpisodeRecord, PackedWork, Report, Task
from a3c.roles.reporter import REPORT_EVERY, Reporter
from a3c.rollout.collector import Collector
from a3c.rollout.episodes import Episode
from a3c.rollout.random_policy import RandomPolicy
from a3c.rollout.segment import Segment
from a3c.sharing.assignment import Assignment
from a3c.sharing.prediction_board import RemotePolicy


@dataclass(frozen=True)
class Work:
    """What all workers work with."""

    environments: EnvironmentMaker
    policy: Policy
    optimizer: SharedOptimizer
    description: str = ""
    """A line for people: the network, why it was chosen, and what it is given."""
    evaluated_on: EnvironmentMaker | None = None
    """What makes environments for evaluation, where they are others."""

    @property
    def evaluation_environments(self) -> EnvironmentMaker:
        """What makes environments for evaluation."""
        return self.evaluated_on or self.environments

    def pack(self) -> PackedWork:
        """For worker processes, with what they need to make the environments; raises SettingsError for what cannot be
        sent."""
        registrations = Registrations.packed(self.environments.spec, self.evaluation_environments.spec)
        return PackedWork(dumps((sys.path, registrations, dumps(self))), self.layout, self.description, self)

    @classmethod
    def unpack(cls, pickled: bytes) -> "Work":
        """In a worker: what `pack` packed. Modules are imported from where the packing process found them."""
        path, registrations, pickled_work = pickle.loads(pickled)
        sys.path += [folder for folder in path if folder not in sys.path]
        try:
            work = pickle.loads(pickled_work)
        except ModuleNotFoundError as error:
            raise InvalidEnvironment(
                f"the environment or network needs the module {error.name}, which workers cannot import: install it, "
                "or add its folder to sys.path"
            ) from None
        # After the modules that this imported, which may have registered the same ids.
        registrations.register()
        return work

    @property
    def layout(self) -> Layout:
        return self.policy.layout


class Worker:
    """A worker's side: its collector, the store, and reports. An algorithm's loop is written against this.

    In use:

        while worker.running():
            segment, episodes = worker.collector.collect(...)
            worker.record(segment, episodes, lag, diagnostics)
    """

    def __init__(self, task: Task, work: Work, send: Callable[[Report], None], report_every: float = REPORT_EVERY):
        self.index, self.config, self.policy, self.store = task.index, task.config, work.policy, task.store
        self.exchange = task.exchange
        self.store.attach(task.index, work.optimizer)
        self._end_watch = task.pulse.watch(task.index, self._calls)
        vector = work.environments.make_vector(task.config.environments_each)
        try:
            seed_unseeded(separate(vector), task.seed)
            self.collector = Collector(vector, self._acting_policy(), task.config, task.seed)
        except BaseException:
            close(vector)
            raise
        random = task.config.algorithm.acts == "nowhere"
        self._evaluator, self._played = Evaluator(work.evaluation_environments, work.policy, random), 0
        self.reporter = Reporter(task.index, send, report_every)
        self.reporter.report.largest_observation = self.collector.checks.largest_observation

    def _calls(self) -> int:
        """Odd while the environments are made or called."""
        return self.collector.stepper.calls + self._evaluator.calls if hasattr(self, "_evaluator") else 1

    def close(self) -> str:
        """Closes the environments; says what went wrong there, if anything."""
        self._end_watch()
        self._evaluator.close()
        return close(self.collector.stepper.environments)

    def _acting_policy(self) -> Policy | RemotePolicy | RandomPolicy:
        if self.config.algorithm.acts == "learner":
            return RemotePolicy(self.exchange.board, self.index, self.policy)
        return RandomPolicy(self.policy) if self.config.algorithm.acts == "nowhere" else self.policy

    def running(self, totals: dict[str, int] | None = None) -> bool:
        """False once a limit on steps or episodes is reached, or the main process asked to stop.

        `totals` are the counters to go by; those of this moment where none are given.
        """
        if self.exchange.assignment is not None:
            self._play(self.exchange.assignment)
        if self.store.stopping:
            return False
        totals = totals or self.store.totals()
        limits = (self.config.steps, totals["steps"]), (self.config.episodes, totals["episodes"])
        return all(limit is None or total < limit for limit, total in limits)

    def _play(self, assignment: Assignment) -> None:
        """Plays this worker's share of the episodes that all workers are to play, if there are any, and reports it."""
        order = assignment.order(self._played)
        if order is None:
            return
        self._played, workers = order.number, self.config.workers or 1

        def going_on() -> bool:
            return assignment.is_open(order.number) and not self.store.stopping

        with suppress(Stopped):
            self.reporter.report.played = self._evaluator.play(order, going_on, self.index, workers)
            self.reporter.flush()

    def record(
        self,
        segment: Segment,
        episodes: list[Episode],
        lag: float | None = None,
        diagnostics: np.ndarray | None = None,
    ) -> None:
        """Counts a segment (and, where the worker learnt from it, its update, with its lag), and reports when it is
        time."""
        now = time.monotonic()
        steps = int(segment.mask[self.config.overlap :].sum())
        self.store.count(steps=steps, episodes=len(episodes))
        if self.collector.observed is not None:
            self.store.observe(self.collector.observed)
            if not self.config.algorithm.in_step:
                self.store.normalize()
        if episodes:
            step = self.store.total("steps")
            self.reporter.report.episodes += [EpisodeRecord(step, now, *episode) for episode in episodes]
        self.reporter.report.largest_reward = max(self.reporter.report.largest_reward, self.collector.largest_reward)
        self.reporter.report.remarks |= self.collector.checks.take_remarks()
        if lag is not None and diagnostics is not None:
            self.reporter.add_update(now, lag, diagnostics)
        self.reporter.flush_when_due(now)

    def learned(self, lag: float | None, diagnostics: np.ndarray) -> None:
        """Reports one more update from a segment that was recorded already, unless it was skipped."""
        if lag is not None:
            self.reporter.add_update(time.monotonic(), lag, diagnostics)
