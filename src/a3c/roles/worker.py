"""A worker's side of training."""

import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from itertools import repeat

import numpy as np

from a3c.environments.generators import GlobalGenerators, seed_unseeded, separate
from a3c.environments.making import EnvironmentMaker
from a3c.environments.registrations import packed, unpacked
from a3c.environments.serial import close
from a3c.environments.spaces import Layout
from a3c.errors import SettingsError, brief
from a3c.learning.optimizers import SharedOptimizer
from a3c.networks.policy import Policy
from a3c.processes.tokens import Stopped
from a3c.roles.evaluator import Evaluator
from a3c.roles.messages import EpisodeRecord, PackedWork, Report, Task
from a3c.roles.reporter import REPORT_EVERY, Reporter
from a3c.rollout.collector import Collector
from a3c.rollout.episodes import Episode
from a3c.rollout.random_policy import RandomPolicy
from a3c.rollout.segment import Segment
from a3c.runs.checkpoint import seed_at
from a3c.sharing.course import Verdict
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
    not_given: str | None = None
    """The name of what made those and is a function of the caller's own, where it was not given again."""
    notes: tuple[str, ...] = ()
    """More lines for people, said at the start."""

    @property
    def evaluation_environments(self) -> EnvironmentMaker:
        """What makes environments for evaluation. Raises SettingsError where that was not given again."""
        if self.not_given is not None:
            raise SettingsError(
                f"this agent is evaluated on {brief(self.not_given)}, a function that no file holds: give it to "
                "a3c.load as evaluation_environment=, or give there what it was trained on"
            )
        return self.evaluated_on or self.environments

    def pack(self) -> PackedWork:
        """For worker processes, with what they need to make the environments; raises SettingsError for what cannot be
        sent."""
        pickled = packed(self, self.environments.spec, self.evaluation_environments.spec)
        return PackedWork(pickled, self.layout, self.description, self, self.notes)

    @classmethod
    def unpack(cls, pickled: bytes) -> "Work":
        """In a worker: what `pack` packed."""
        return unpacked(pickled)

    @property
    def layout(self) -> Layout:
        return self.policy.layout


class Worker:
    """A worker's side: its collector, the store, and reports. An algorithm's loop is written against this.

    In use:

        while worker.running():
            segment, episodes = worker.collector.collect(...)
            worker.record(segment, episodes, lag, diagnostics)

    Where the algorithm orders its workers, they go by the counters of `worker.order`, and record in their turns.
    """

    def __init__(self, task: Task, work: Work, send: Callable[[Report], None], report_every: float = REPORT_EVERY):
        self.config, self.policy, self.store = task.config, work.policy, task.store
        self.index = task.number
        """Its number, among the workers of all machines."""
        self.exchange = task.exchange
        self.order = task.exchange.place(task.index, task.store, task.config)
        """This worker's place among the others."""
        self.forget: Callable[[], None] | None = None
        """What an algorithm's loop does at a boundary about what it remembers; it sets this."""
        self.store.attach(task.index, work.optimizer)
        self._to_start = 2 * task.config.environments_each
        """How often environments are still to be made, or reset for the first time."""
        self._end_watch = task.pulse.watch(task.index, self._calls)
        self._acts_with = self._acting_policy()
        self._vector = work.environments.make_vector(task.config.environments_each, started=self._has_started)
        try:
            self._begin(task.seed)
        except BaseException:
            close(self._vector)
            raise
        random = task.config.algorithm.acts == "nowhere"
        self._evaluator, self._played = Evaluator(work.evaluation_environments, work.policy, random), 0
        self.reporter = Reporter(task.index, send, report_every, task.config.algorithm.diagnostics)
        self.reporter.report.largest_observation = self.collector.checks.largest_observation

    def _begin(self, seed: np.random.SeedSequence) -> None:
        """Has all environments start an episode, and all that is random go by this seed; nothing is remembered."""
        if self.config.has_boundaries:
            # What was drawn while the environments were made, or before, is not to be seen in what follows.
            GlobalGenerators(seed).swap()
        seed_unseeded(separate(self._vector), seed, again=self.config.has_boundaries)
        self._row = self.order.row
        self.collector = Collector(self._vector, self._acts_with, self.config, seed)
        self.generator = np.random.default_rng(seed.spawn(1)[0])
        """For what the algorithm draws itself."""
        if self.forget is not None:
            self.forget()

    def _has_started(self) -> None:
        self._to_start -= 1

    def _calls(self) -> int:
        """Odd while the environments are made or called; as Pulse has it."""
        if hasattr(self, "_evaluator"):
            return self.collector.stepper.calls + self._evaluator.calls
        return 1 - 2 * max(self._to_start, 0)

    def close(self) -> str:
        """Closes the environments; says what went wrong there, if anything."""
        self._end_watch()
        self._evaluator.close()
        return close(self._vector)

    def _acting_policy(self) -> Policy | RemotePolicy | RandomPolicy:
        if self.config.algorithm.acts == "learner":
            return RemotePolicy(self.exchange.board, self.index, self.policy)
        return RandomPolicy(self.policy) if self.config.algorithm.acts == "nowhere" else self.policy

    def running(self, totals: dict[str, int] | None = None) -> bool:
        """False once a limit on steps or episodes is reached, or the target, or the main process asked to stop.

        `totals` are the counters to go by; those of this moment where none are given.
        """
        if self.exchange.gate is None:
            self._play()
        if self.store.stopping:
            return False
        verdict = self.order.verdict(totals)
        while verdict in (Verdict.PAUSE, Verdict.CROSS):
            self._wait_for_all()
            if verdict is Verdict.CROSS:
                self._begin(seed_at(self.config, self.order.totals["steps"], self.index))
            verdict = self.order.verdict()
        return verdict is Verdict.GO_ON

    @property
    def goes_on(self) -> bool:
        """Whether a segment may be learned from further; where not, `running` is to be asked."""
        return not self.store.stopping and self.order.verdict() is Verdict.GO_ON

    def _wait_for_all(self) -> None:
        """In a pause or at a boundary: until all are there, what they have done is kept, and what is to be evaluated
        was played. What they share has started anew then."""
        if self.order.is_last:
            self.exchange.end_batches()
        self.reporter.report.waits = True
        self.reporter.flush(time.monotonic())
        if self.exchange.gate is not None:
            self.exchange.gate.wait(self.index)
            while self._play():
                self.exchange.gate.wait(self.index)
        self.order.begin()

    def _play(self) -> bool:
        """Plays this worker's share of the episodes that all workers are to play, and reports it; whether there are
        any."""
        assignment = self.exchange.assignment
        order = None if assignment is None else assignment.order(self._played)
        if assignment is None or order is None:
            return False
        self._played, workers = order.number, self.config.workers or 1

        def going_on() -> bool:
            return assignment.is_open(order.number) and not self.store.stopping

        with suppress(Stopped):
            self.reporter.report.played = self._evaluator.play(order, going_on, self.index, workers)
            self.reporter.flush()
        return True

    def record(
        self,
        segment: Segment,
        episodes: list[Episode],
        lag: float | None = None,
        diagnostics: np.ndarray | None = None,
    ) -> None:
        """Counts a segment (and, where the worker learnt from it, its update, with its lag), and reports when it is
        time."""
        self.count(segment, episodes)
        self.report(episodes, lag, diagnostics)

    def count(self, segment: Segment, episodes: list[Episode]) -> None:
        """The first half of `record`, for those who count before they meet and report after."""
        steps = int(segment.mask[self.config.overlap :].sum())
        self.store.count(steps=steps, episodes=len(episodes))
        if self.collector.observed is not None:
            self.store.observe(self.collector.observed)
            if not self.config.algorithm.in_step:
                self.store.normalize()
        if episodes:
            assert self.collector.acted is not None
            self.order.note([episode.return_ for episode in episodes], self.collector.acted)

    def report(self, episodes: list[Episode], lag: float | None = None, diagnostics: np.ndarray | None = None) -> None:
        """The second half of `record`."""
        now, turn = time.monotonic(), self.order.number
        if self.order.row_before > self._row:
            self._end_row(now, {})
        report = self.reporter.report
        report.turn = turn
        if episodes:
            step = self.order.step
            infos = self.collector.tracked or repeat(())
            report.episodes += [
                EpisodeRecord(step, now, *episode, turn, tuple(info))
                for episode, info in zip(episodes, infos, strict=False)
            ]
        report.largest_reward = max(report.largest_reward, self.collector.largest_reward)
        report.remarks |= self.collector.checks.take_remarks()
        if (tracked := self.collector.stepper.tracked) is not None:
            report.remarks |= tracked.take_remarks()
        if lag is not None and diagnostics is not None:
            self.reporter.add_update(now, lag, diagnostics)
        totals = self.order.count_row()
        if self.order.row > self._row:
            self._end_row(now, totals)
        self.reporter.flush_when_due(now)

    def _end_row(self, now: float, totals: dict[str, int]) -> None:
        """Tells all that a row of metrics is of, which has fallen due."""
        if self.config.has_learner:
            # Updates are the learner's to count.
            totals = {name: total for name, total in totals.items() if name != "updates"}
        self._row, self.reporter.report.row = self.order.row, totals
        self.reporter.flush(now)

    def learned(self, lag: float | None, diagnostics: np.ndarray) -> None:
        """Reports one more update from a segment that was recorded already, unless it was skipped."""
        if lag is not None:
            self.reporter.add_update(time.monotonic(), lag, diagnostics)
