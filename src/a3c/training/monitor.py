"""The Monitor makes of the workers' reports the progress, the run folder's files, and the decision to stop."""

import platform
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from a3c.config.schedules import entropy_coefficient_at, learning_rate_at
from a3c.errors import DiskError, OutputError, TrainingDiverged
from a3c.learning.snapshot import Snapshot
from a3c.machine import available_cores, versions
from a3c.roles.messages import Report
from a3c.runs.checkpoint import Checkpoint
from a3c.runs.folder import RunFolder
from a3c.sharing.parameter_store import ParameterStore
from a3c.training.measures import Clock, Returns, Updates
from a3c.training.progress import Display, FinishedEpisode, Progress
from a3c.training.records import Records
from a3c.training.watch import Watch


@dataclass
class News:
    """What has happened since somebody asked last."""

    episodes: list[FinishedEpisode] = field(default_factory=list)
    reported: bool = False
    """Whether it was time for a report."""
    checkpoint: Path | None = None
    """Where the latest was saved."""


class Monitor:
    """Follows one run in the main process.

    In use:

        monitor.receive(report)          for every report of a worker
        monitor.tick()                   often; does what is due by the clock
        monitor.news()                   often; what is to be told of it
        monitor.finish(status)           at the end, however it came
    """

    def __init__(
        self,
        checkpoint: Checkpoint,
        store: ParameterStore,
        folder: RunFolder | None,
        display: Display,
        started: float,
    ):
        self.config, self.store, self.folder = checkpoint.config, store, folder
        self._start, self._display = checkpoint, display
        self.returns, self.updates = Returns(checkpoint), Updates(self.config.has_learner)
        self.clock = Clock(checkpoint, started)
        self.records = Records(folder, checkpoint.counts, checkpoint.seconds, self.config.tensorboard)
        self._watch = Watch(self.config, checkpoint.counts, checkpoint.own_network)
        self.remarks: list[str] = []
        """What people were told of this run."""
        self.row: dict[str, Any] = {}
        """The last of metrics."""
        self.logged: dict[str, float] = {}
        """The latest value of each name that `log` was called with."""
        self.stop_reason: str | None = None
        self._to_log: dict[str, float] = {}
        self._news, self._is_saved = News(), False
        self._remarked: set[str] = set()
        self._stands_still = False
        self._rate: float | None = None
        self._episodes, self._row_steps = checkpoint.counts["episodes"], checkpoint.counts["steps"]
        self._shown = self._row_time = self._saved = time.monotonic()
        if folder is not None:
            self._write_summary("running")
        for line in self._watch.begin():
            self._remark(line)

    @property
    def totals(self) -> dict[str, int]:
        """The counts of the run, but only the episodes that were reported, of which there are rows and returns: workers
        count theirs a moment before."""
        return self.store.totals() | {"episodes": self._episodes}

    @property
    def done(self) -> bool:
        """Whether a limit that the main process watches is reached: the target return, or seconds."""
        solved = self.returns.solved_at_step is not None and self.config.stop_when_solved
        return solved or self.clock.is_over

    def receive(self, report: Report) -> None:
        """Takes in what a worker did."""
        self._is_saved = False
        if self.clock.see(report, self.store.total("steps")):
            assert self.clock.work_started is not None
            self._row_time = self._shown = self._saved = self.clock.work_started
        self.updates.add(report)
        for about, remark in report.remarks.items():
            # Once a run: the other workers' environments are the same.
            if about not in self._remarked:
                self._remarked.add(about)
                self._remark(f"worker {report.worker}: {remark}")
        for line in self._watch.see(report, self.store.total("updates"), time.monotonic()):
            self._remark(line)
        if report.episodes:
            self.returns.follow(self.store.read(), len(report.episodes))
        for episode in report.episodes:
            self._episodes += 1
            moment = self.clock.at(episode.seconds)
            step, second = self.records.add_episode(
                report.worker, episode.step, moment, episode.return_, episode.length
            )
            self.returns.add(step, second, episode.return_, episode.length)
            self._news.episodes.append(FinishedEpisode(episode.return_, episode.length, step, report.worker))

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

    def _remark(self, line: str) -> None:
        self.remarks.append(line)
        self._display.say(line)

    def tick(self) -> None:
        """Shows, writes and saves what is due; raises DiskError and OutputError."""
        self._display.check()
        now = time.monotonic()
        if self.clock.work_started is None:
            return
        if now - self._row_time >= self.config.report_interval:
            self.report()
        if now - self._shown >= self._display.every:
            self._shown = now
            self._display.show(self.progress())
        if now - self._saved >= self.config.checkpoint_interval:
            self._saved = now
            # The rows first, so that a run resumed here has all that the checkpoint has counted.
            self.report()
            self.save()

    def report(self) -> None:
        """Writes a row of what happened since the last one. Raises DiskError."""
        if self.clock.work_started is None:
            return
        if self._has_moved or self._to_log:
            self._write_row(time.monotonic())
        self._news.reported = True

    def save(self) -> None:
        """Saves the rows and the run as it is now; raises DiskError and TrainingDiverged."""
        self.records.sync()
        self._save()

    @property
    def _has_moved(self) -> bool:
        """Whether anything happened since the last row."""
        return self.store.total("steps") > self._row_steps or bool(self.records.pending)

    def wait_at_most(self) -> float:
        """Seconds the main process may sleep before something is due."""
        return 0.05 if self.config.seconds is not None else 0.2

    def progress(self) -> Progress:
        totals = self.totals
        fraction, eta = self.clock.fraction(totals)
        rate = 0.0 if self._stands_still else self._rate
        return Progress(
            **totals,
            seconds=self.clock.seconds,
            steps_per_second=self.clock.mean_rate(totals["steps"]) if self.clock.ended else rate,
            return_mean_100=self.returns.mean,
            best_return_mean_100=self.returns.best,
            target_return=self.config.target_return,
            policy_lag=self.updates.recent_lag,
            queue_length=self.updates.recent_queue,
            entropy=self.updates.diagnostics.get("entropy"),
            fraction=fraction,
            eta=eta,
        )

    def notice(self, lines: list[str], stands_still: bool) -> None:
        """What was seen of the workers, in a line each; and whether none goes on, as an environment hangs."""
        for line in lines:
            self._remark(line)
        changed, self._stands_still = stands_still != self._stands_still, stands_still
        if changed and self.clock.work_started is not None:
            # An inline run hangs itself, and would go on showing its old rate.
            self._display.show(self.progress())

    def _write_row(self, now: float) -> None:
        # Where nothing has happened but that something was logged, the numbers are those of the last row.
        row = self._measured(now) if self._has_moved else {n: v for n, v in self.row.items() if n not in self.logged}
        self.row, self._to_log = row | self._to_log, {}
        self.records.write(self.row, self.clock.seconds)
        if self.folder is not None:
            self._write_summary("running")

    def _measured(self, now: float) -> dict[str, Any]:
        """What a row says of the time since the one before."""
        totals = self.totals
        self._rate = (totals["steps"] - self._row_steps) / max(now - self._row_time, 1e-9)
        self._row_time, self._row_steps = now, totals["steps"]
        return {
            **totals,
            "seconds": round(self.clock.seconds, 3),
            "steps_per_second": round(self._rate, 1),
            "return_mean_100": self.returns.mean,
            "best_return_mean_100": self.returns.best,
            "length_mean_100": self.returns.length_mean,
            "learning_rate": learning_rate_at(self.config, totals["steps"]),
            "entropy_coefficient": entropy_coefficient_at(self.config, totals["steps"]),
            **self.updates.row(),
        }

    def checkpoint(self, snapshot: Snapshot | None = None) -> Checkpoint:
        """The run as it is now, with the latest snapshot or that given."""
        start, returns = self._start, self.returns
        snapshot = snapshot or self.store.read()
        return Checkpoint(
            config=self.config,
            parameters=snapshot.parameters,
            statistics=snapshot.statistics,
            optimizer_state=self.store.optimizer_state,
            spaces=start.spaces,
            own_environment=start.own_environment,
            own_network=start.own_network,
            # Where a row could not be written, a run resumed here cannot have it.
            counts=self.store.totals() | {"episodes": self._episodes - self.records.pending},
            seconds=self.clock.seconds,
            returns=returns.last,
            best_return_mean_100=returns.best,
            solved_at_step=returns.solved_at_step,
            solved_at_second=returns.solved_at_second,
            moments=self.store.moments,
        )

    def best_checkpoint(self) -> Checkpoint:
        """The average parameters at the best mean of 100 episodes; the latest where there were never 100."""
        return self.checkpoint(None if self.returns.best is None else self.returns.best_snapshot)

    def _save(self) -> None:
        if self.folder is None:
            return
        self.folder.save_latest(self.checkpoint())
        if self.returns.best_is_new:
            self.folder.save_best(self.best_checkpoint())
            self.returns.best_is_new = False
        self._is_saved, self._news.checkpoint = True, self.folder.checkpoint_path("latest")

    def finish(self, status: str, error: str | None = None) -> None:
        """Writes the last rows, the checkpoints and the summary.

        Each of them is tried, even where one cannot be written; then raises DiskError, or TrainingDiverged where there
        is no number to be saved, with the summary saying so too.
        """
        self.clock.ended = time.monotonic()
        if status == "finished":
            for line in self._watch.end(self.store.total("updates")):
                self._remark(line)
        failures = []
        for step in self._last_steps():
            try:
                step()
            except (DiskError, TrainingDiverged) as failure:
                failures.append(failure)
        if self.folder is None:
            return
        if failures and error is None:
            status, error = "failed", str(failures[0])
        self._write_summary(status, error)
        if failures:
            raise failures[0]

    def _last_steps(self) -> list[Callable[[], None]]:
        steps: list[Callable[[], None]] = []
        if self.clock.work_started is not None:
            if self._has_moved or self._to_log:
                steps.append(lambda: self._write_row(time.monotonic()))
            steps.append(self._close_display)
        steps += [self.records.sync] if self._is_saved else [self.records.sync, self._save]
        return [*steps, *self.records.closing()]

    def _close_display(self) -> None:
        # What is left to do matters more than that nobody sees it.
        with suppress(OutputError):
            self._display.close(self.progress())

    def _write_summary(self, status: str, error: str | None = None) -> None:
        assert self.folder is not None
        self.folder.write_summary(self.summary(status, error))

    def summary(self, status: str, error: str | None = None) -> dict[str, Any]:
        """What `summary.json` holds."""
        config, totals, clock, returns = self.config, self.totals, self.clock, self.returns
        rate = clock.mean_rate(totals["steps"])
        summary = {
            "status": status,
            "algorithm": config.algorithm.name,
            "environment": config.environment,
            "seed": config.seed,
            "workers": config.workers,
            **totals,
            "startup_seconds": None if clock.first_update is None else round(clock.first_update - clock.started, 3),
            "wall_seconds": round(clock.seconds, 3),
            "steps_per_second": None if rate is None else round(rate, 1),
            "return_mean_100": returns.whole_mean,
            "best_return_mean_100": returns.best,
            "target_return": config.target_return,
            "solved_at_step": returns.solved_at_step,
            "solved_at_second": returns.solved_at_second,
            "policy_lag": self.updates.lag_of_run,
            "stop_reason": self.stop_reason,
            "remarks": self.remarks,
            "versions": versions(),
            "machine": {"system": platform.platform(), "processor": platform.machine(), "cores": available_cores()},
        }
        return summary if error is None else {**summary, "error": error}
