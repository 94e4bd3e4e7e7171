"""The Monitor makes of the workers' reports the progress, the run folder's files, and the decision to stop."""

import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from a3c.errors import DiskError, OutputError, TrainingDiverged
from a3c.roles.messages import EpisodeRecord, Report
from a3c.runs.checkpoint import Checkpoint
from a3c.runs.folder import RunFolder
from a3c.runs.summaries import Summary
from a3c.sharing.parameter_store import ParameterStore
from a3c.training.keeping import Keeper
from a3c.training.measures import Measures
from a3c.training.progress import Display, FinishedEpisode, Progress
from a3c.training.records import Records
from a3c.training.remarks import Remarks
from a3c.training.rows import InRows
from a3c.training.turns import InTurns


@dataclass
class News:
    """What has happened since somebody asked last."""

    episodes: list[FinishedEpisode] = field(default_factory=list)
    reported: bool = False
    """Whether it was time for a report."""
    checkpoint: Path | None = None
    """Where the latest was saved."""


@dataclass
class _Due:
    """When what is done by the clock was done last, on `time.monotonic`."""

    reported: float
    shown: float
    saved: float


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
    ):
        self.config, self.store = start.config, store
        self.measures = Measures(start, store, started)
        self.records = Records(folder, start.counts, start.seconds, self.config.tensorboard)
        self.keeper = Keeper(start, self.measures, self.records, folder)
        self.remarks = Remarks(start, display)
        self.row: dict[str, Any] = {}
        """The last of metrics."""
        self.logged: dict[str, float] = {}
        """The latest value of each name that `log` was called with."""
        self.stop_reason: str | None = None
        self._display, self._to_log = display, dict[str, float]()
        self._news, self._is_saved, self._stands_still = News(), False, False
        self._turns, self._rows = self._in_order()
        now = time.monotonic()
        self._due = _Due(now, now, now)
        self._write_summary("running")
        self.remarks.begin()

    @property
    def done(self) -> bool:
        """Whether a limit that the main process watches is reached: the target return, or seconds."""
        return self.measures.clock.is_over or (self._solved and not self.config.workers_judge)

    @property
    def _solved(self) -> bool:
        return self.measures.returns.solved_at_step is not None and self.config.stop_when_solved

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
        self.remarks.hear(report, self.store.total("updates"))
        for one in self._rows.take(report):
            if one is not None:
                self._take_in(one)
            else:
                self._take(self._turns.rest())
                self._write_row(self._rows.totals)
                self._news.reported = True

    def _take_in(self, report: Report) -> None:
        self.measures.updates.add(report)
        self._take(self._turns.take(report))

    @property
    def at_boundary(self) -> bool:
        """Whether all processes wait at one."""
        return self._rows.at_boundary

    def cross(self) -> None:
        """Keeps the run as it is at a boundary. Raises DiskError."""
        self.settle()
        self._turns, self._rows = self._in_order()
        self.store.merge()
        self.measures.returns.begin(self.store.snapshot)
        self.report()
        self.keeper.cross()
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

    def _in_order(self) -> tuple[InTurns, InRows]:
        """What puts reports into an order. Inline a learner tells what it does when it does it."""
        processes = self.config.processes
        return InTurns(self.config.workers or 1), InRows(processes, 1 if self.config.backend == "inline" else processes)

    def _take(self, episodes: list[tuple[int, EpisodeRecord]]) -> None:
        """Episodes, each with its worker, in the order of the run."""
        measures = self.measures
        if episodes:
            measures.returns.follow(self.store.snapshot, len(episodes))
        for worker, episode in episodes:
            measures.episodes += 1
            moment = measures.clock.at(episode.seconds)
            step, second = self.records.add_episode(worker, episode.step, moment, episode.return_, episode.length)
            measures.returns.add(step, second, episode.return_, episode.length)
            self._news.episodes.append(FinishedEpisode(episode.return_, episode.length, step, worker))

    def news(self) -> News:
        """What has happened since this was called last."""
        news, self._news = self._news, News()
        return news

    def log(self, name: str, value: float) -> None:
        """Has the next row say so too."""
        self.logged[name] = self._to_log[name] = value

    def stop(self, reason: str) -> None:
        """Ends the run, for the first reason that is given."""
        self.stop_reason = reason if self.stop_reason is None else self.stop_reason
        self.store.stop()

    def tick(self) -> None:
        """Shows, writes and saves what is due; raises DiskError and OutputError."""
        self._display.check()
        now, due = time.monotonic(), self._due
        if self.measures.clock.work_started is None:
            return
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
        return self.measures.progress(self._stands_still)

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
        self.records.write(self.row, self.measures.clock.seconds)
        self._write_summary("running")

    def _save(self) -> None:
        if path := self.keeper.save():
            self._is_saved, self._news.checkpoint = True, path

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
            self._display.close(self.progress())

    def _write_summary(self, status: str, error: str | None = None) -> None:
        if self.keeper.folder is not None:
            self.keeper.folder.write_summary(self.summary(status, error))

    def summary(self, status: str, error: str | None = None) -> Summary:
        """What `summary.json` holds."""
        reason = self.stop_reason
        return self.keeper.summary(status, remarks=self.remarks.lines, stop_reason=reason, error=error)
