"""The Monitor makes of the workers' reports the progress, the run folder's files, and the decision to stop."""

import copy
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, NamedTuple

from a3c.errors import DiskError, OutputError, TrainingDiverged
from a3c.roles.messages import EpisodeRecord, Mishap, Report
from a3c.runs.checkpoint import Checkpoint
from a3c.runs.folder import RunFolder
from a3c.runs.summaries import Summary
from a3c.sharing.exchange import Exchange
from a3c.sharing.parameter_store import ParameterStore
from a3c.sharing.target import Target
from a3c.training.evaluations import Evaluations
from a3c.training.evaluators import EvaluationEnded, Evaluators
from a3c.training.incidents import Incidents
from a3c.training.keeping import Keeper
from a3c.training.measures import Measures, Returns, Updates
from a3c.training.news import News
from a3c.training.progress import Display, FinishedEpisode, Progress
from a3c.training.records import Records
from a3c.training.remarks import Remarks
from a3c.training.restarting import Death
from a3c.training.rows import InRows
from a3c.training.turns import InTurns


@dataclass
class _Due:
    """When what is done by the clock was done last, on `time.monotonic`."""

    reported: float
    shown: float
    saved: float


class Kept(NamedTuple):
    """The run as it was at its last boundary, or where it began, with what no checkpoint holds, for all to go back."""

    checkpoint: Checkpoint
    returns: Returns
    """What had the best mean of training's own."""
    updates: Updates
    evaluations: Evaluations
    row: dict[str, Any]
    to_log: dict[str, float]
    """What callbacks log there too: it is in the next row."""


class Monitor:
    """Follows one run in the main process: what is measured, written, kept and said of it, each when it is due.

    In use:

        monitor.receive(report)          for every report of a worker
        monitor.tick()                   often; does what is due by the clock
        monitor.news()                   often; what is to be told of it
        monitor.finish(status)           at the end, however it came
    """

    def __init__(
        self,
        start: Checkpoint,
        store: ParameterStore,
        folder: RunFolder | None,
        display: Display,
        started: float,
        evaluators: Evaluators,
        exchange: Exchange,
    ):
        """`evaluators` play what is evaluated beside training, and workers what the assignment of their exchange
        says."""
        self.config, self.store, self._exchange = start.config, store, exchange
        self.measures = Measures(start, store, started, exchange.stations)
        self.records = Records.of(start, folder)
        self.measures.info.begin(self.records.tracked_before())
        self.remarks = Remarks(start, display)
        assert exchange.assignment is not None
        self.evaluations = Evaluations(
            start, self.measures, self.records, exchange.assignment, evaluators, self._say_ended, display.tell
        )
        self.keeper = Keeper(start, self.measures, self.records, self.evaluations, folder)
        self.incidents = Incidents(self.measures, folder, display)
        self.row: dict[str, Any] = {}
        """The last of metrics."""
        self.logged: dict[str, float] = {}
        """The latest value of each name that `log` was called with."""
        self.stop_reason: str | None = None
        self._display, self._to_log = display, dict[str, float]()
        self._news, self._is_saved, self._stands_still = News(), False, False
        self._turns, self._rows = self._in_order()
        self.is_paused = False
        """Whether all processes wait: nothing that is learned changes."""
        self.outcome: tuple[str, str | None] = "failed", None
        """How it ended, and why it failed."""
        self.trained_to_end = False
        """Whether training came to its end, and was not interrupted."""
        now = time.monotonic()
        self._due = _Due(now, now, now)
        self.kept = self._keep(start)
        self._write_summary("running")
        self.remarks.begin()

    def _keep(self, now: Checkpoint) -> Kept:
        returns, updates = copy.copy(self.measures.returns), copy.deepcopy(self.measures.updates)
        return Kept(now, returns, updates, self.evaluations.at_boundary(), self.row, self._to_log)

    def go_back(self, death: Death, store: ParameterStore, exchange: Exchange) -> None:
        """All go back to what was kept, as this worker failed, with other things to share. Raises DiskError."""
        kept, start = self.kept, self.kept.checkpoint
        self.incidents.goes_back(death, start.counts["steps"])
        self.store, self._exchange = store, exchange
        assert exchange.assignment is not None
        self.evaluations = kept.evaluations.go_back(exchange.assignment)
        self.keeper.go_back(start, self.evaluations)
        self.records.go_back(start.counts, start.seconds, start.evaluations)
        self.measures.go_back(start, store, kept.returns, kept.updates)
        self.measures.info.begin(self.records.tracked_before())
        self.row, self._to_log = kept.row, dict(kept.to_log)
        self._news, self._is_saved, self.is_paused = News(), False, False
        self._turns, self._rows = self._in_order()

    @property
    def done(self) -> bool:
        """Whether a limit that the main process watches is reached: the target return, or seconds."""
        solved = self.measures.returns.solved_at_step is not None and self.config.stop_when_solved
        return solved or self.measures.clock.is_over

    @property
    def ended(self) -> bool:
        """Whether training has ended, and what is left is to write and to save."""
        return self.measures.clock.ended is not None

    def receive(self, report: Report) -> None:
        """Takes in what a worker did."""
        measures, self._is_saved = self.measures, False
        if measures.clock.see(report, self.store.total("steps")):
            assert measures.clock.work_started is not None
            begun = measures.clock.work_started
            self._due = _Due(begun, begun, begun)
            measures.begin(begun)
        totals = measures.totals
        self.remarks.hear(report, totals["updates"], measures.clock.fraction(totals)[0] or 0.0)
        for mishap in report.mishaps:
            self._hear_of(mishap)
        self.evaluations.hear(report)
        for one in self._rows.take(report):
            if one is not None:
                self._take_in(one)
            else:
                self._take(self._turns.rest())
                self._write_row(self._rows.totals)
                self._news.reported = True
        if self._rows.all_wait:
            self._pause()

    def _hear_of(self, mishap: Mishap) -> None:
        if mishap.event:
            self.incidents.hear(mishap)
        else:
            self.remarks.add(mishap.line)

    def _take_in(self, report: Report) -> None:
        self.measures.updates.add(report)
        self._take(self._turns.take(report))

    def _pause(self) -> None:
        """All wait: takes in what they have said, and sees what is to be evaluated before they go on."""
        self.settle()
        (self._turns, self._rows), self.is_paused = self._in_order(), True
        if (target := self._target) is not None:
            self.evaluations.pause(target.reached)

    @property
    def _target(self) -> Target | None:
        course = self._exchange.course
        return None if course is None else course.target

    def end_pause(self) -> None:
        """When all that was to be evaluated was played: at a boundary keeps the run as it is. Raises DiskError."""
        self.is_paused = False
        self.store.merge()
        assert self._exchange.course is not None
        if self._exchange.course.is_boundary(self.store.total("steps")):
            self.measures.returns.begin(self.store.snapshot)
            self.evaluations.cross()
            self.report()
            self.kept = self._keep(self.keeper.cross())
            self._save_boundary_when_due(time.monotonic())

    def _save_boundary_when_due(self, now: float) -> None:
        if self.keeper.boundary_is_due(now):
            self.records.sync()
            self._save_boundary()

    def _save_boundary(self) -> None:
        if path := self.keeper.save_boundary(time.monotonic()):
            self._news.checkpoint = path

    def settle(self) -> None:
        """Takes in what waited for reports that will not come any more."""
        for report in self._rows.rest():
            self._take_in(report)
        self._take(self._turns.rest())
        if self._target is not None:
            self.measures.returns.take_averages(self._target)

    def _in_order(self) -> tuple[InTurns, InRows]:
        """What puts reports into an order. Inline a learner tells what it does when it does it."""
        processes = self.config.processes
        return InTurns(self.config.worker_processes), InRows(
            processes, 1 if self.config.backend == "inline" else processes
        )

    def _take(self, episodes: list[tuple[int, EpisodeRecord]]) -> None:
        """Episodes, each with its worker, in the order of the run."""
        measures = self.measures
        if episodes and self._target is None:
            measures.returns.follow(self.store.snapshot, len(episodes))
        for worker, episode in episodes:
            measures.episodes += 1
            moment = measures.clock.at(episode.seconds)
            step, _ = self.records.add_episode(worker, episode.step, moment, *episode[2:4], episode.infos)
            measures.info.add(episode.infos)
            measures.returns.add(episode.return_, episode.length, step)
            self._news.episodes.append(FinishedEpisode(episode.return_, episode.length, step, worker))
        if episodes:
            self.evaluations.look()

    def news(self) -> News:
        """What has happened since this was called last."""
        news, self._news = self._news, News()
        news.evaluations, self.evaluations.news = self.evaluations.news, []
        return news

    def _say_ended(self, ended: EvaluationEnded) -> None:
        self.remarks.add(self.incidents.evaluator_ended(ended))

    def log(self, name: str, value: float) -> None:
        """Has the next row say so too."""
        self.logged[name] = self._to_log[name] = value

    def stop(self, reason: str) -> None:
        """Ends the run, for the first reason that is given, unless it has come to its end already."""
        if self.stop_reason is None and self.measures.clock.trained_until is None:
            self.stop_reason = reason
        self.store.stop()

    def tick(self) -> None:
        """Shows, writes and saves what is due; raises DiskError and OutputError."""
        self._display.check()
        now, due = time.monotonic(), self._due
        if self.measures.clock.work_started is None:
            return
        self.incidents.look()
        self.evaluations.tick()
        if self.config.row_steps is None and now - due.reported >= self.config.report_interval:
            self.report()
        if self.config.row_steps is not None and now - due.reported >= self.config.report_interval:
            due.reported = now
            self.measures.see_rate()
        if now - due.shown >= self._display.every:
            due.shown = now
            self._display.show(self.progress())
        if self.config.has_boundaries:
            self._save_boundary_when_due(now)
        elif now - due.saved >= self.config.checkpoint_interval:
            due.saved = now
            # The rows first, so that a run resumed here has all that the checkpoint has counted.
            self.report()
            self.save()

    def report(self) -> None:
        """Writes a row of what happened since the last one. Raises DiskError."""
        if self.measures.clock.work_started is None:
            return
        if self._has_news:
            self._write_row()
        self._news.reported = True

    def save(self) -> None:
        """Saves the rows and the run as it is now; raises DiskError and TrainingDiverged."""
        self.records.sync()
        # First, as it is the latest too while it is being saved.
        self._save_boundary()
        self._save()

    @property
    def _has_news(self) -> bool:
        """Whether there is anything for a row to say."""
        return self._has_moved or bool(self._to_log)

    @property
    def _has_moved(self) -> bool:
        return self.measures.have_moved or bool(self.records.pending)

    def wait_at_most(self) -> float:
        """Seconds the main process may sleep before something is due."""
        return 0.05 if self.config.seconds is not None else 0.2

    def progress(self) -> Progress:
        """The run at this moment."""
        evaluations = self.evaluations
        # In the end what the best came to, as it is to be played, not in the other way that was played last.
        last = (evaluations.figure if self.ended else None) or evaluations.last
        return self.measures.progress(self._stands_still, None if last is None else last.mean)

    def notice(self, lines: list[str], stands_still: bool) -> None:
        """What was seen of the workers, in a line each; and whether none goes on, as an environment hangs."""
        self.remarks.add(*lines)
        changed, self._stands_still = stands_still != self._stands_still, stands_still
        if changed and self.measures.clock.work_started is not None:
            # An inline run hangs itself, and would go on showing its old rate.
            self._display.show(self.progress())

    def _write_row(self, totals: dict[str, int] | None = None) -> None:
        if self._has_moved:
            self._due.reported, row = time.monotonic(), self.measures.row(totals)
        else:
            # Nothing has happened but that something was logged: the numbers are those of the last row.
            row = {name: value for name, value in self.row.items() if name not in self.logged}
        self.row, self._to_log = row | self._to_log, {}
        self._news.rows.append(self.row)
        self.records.write(self.row, self.measures.clock.seconds)
        self._write_summary("running")

    def _save(self) -> None:
        if path := self.keeper.save():
            self._is_saved, self._news.checkpoint = True, path

    def evaluate_at_end(self, going_on: Callable[[], bool]) -> None:
        """After the last step: what is to be evaluated then, for as long as `going_on` says that somebody waits."""
        self.measures.clock.trained_until = time.monotonic()
        self.trained_to_end = going_on()
        # Who was killed in the evaluation at the end has nothing to do but that.
        if self.trained_to_end or self.measures.clock.work_started is not None:
            self.evaluations.finish(going_on, self.keeper.find_best)

    def finish(self, status: str, error: str | None = None) -> None:
        """Writes the last rows, the checkpoints and the summary.

        Each of them is tried, even where one cannot be written; then raises DiskError, or TrainingDiverged where there
        is no number to be saved, with the summary saying so too.
        """
        self.measures.clock.ended = time.monotonic()
        if status == "finished":
            self.remarks.end(self.store.total("updates"))
        failures = []
        for step in self._last_steps():
            try:
                step()
            except (DiskError, TrainingDiverged) as failure:
                failures.append(failure)
        if failures and error is None:
            status, error = "failed", str(failures[0])
        self._write_summary(status, error)
        self.outcome = status, error
        if failures:
            raise failures[0]

    def _last_steps(self) -> list[Callable[[], None]]:
        steps: list[Callable[[], None]] = []
        if self.measures.clock.work_started is not None:
            if self._has_news:
                steps.append(self._write_row)
            steps.append(self._close_display)
        # What was done since the last boundary is there to act with.
        steps += [self.records.sync, self._save_boundary] + ([] if self._is_saved else [self._save])
        return [*steps, *self.records.closing()]

    def _close_display(self) -> None:
        # What is left to do matters more than that nobody sees it.
        with suppress(OutputError):
            self.incidents.look()
            self._display.close(self.progress())

    def _write_summary(self, status: str, error: str | None = None) -> None:
        if self.keeper.folder is not None:
            self.keeper.folder.write_summary(self.summary(status, error))

    def summary(self, status: str, error: str | None = None) -> Summary:
        """What `summary.json` holds."""
        reason, incidents = self.stop_reason, self.incidents.counts
        return self.keeper.summary(
            status, remarks=self.remarks.lines, stop_reason=reason, incidents=incidents, error=error
        )
