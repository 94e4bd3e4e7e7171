"""The Monitor makes of the workers' reports the progress, the run folder's files, and the decision to stop."""

import platform
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from a3c.errors import DiskError, OutputError, TrainingDiverged
from a3c.learning.schedules import entropy_coefficient_at, learning_rate_at
from a3c.machine import available_cores, versions
from a3c.roles.messages import Report
from a3c.runs.checkpoint import Checkpoint
from a3c.runs.folder import RunFolder
from a3c.runs.metrics import WINDOW
from a3c.sharing.parameter_store import ParameterStore
from a3c.training.progress import Display, Progress
from a3c.training.watch import Watch

START_WITHIN = 120.0
"""Seconds that imports, environments and compiling may take before a limit on seconds counts them."""
AVERAGED = 20
"""Episodes over which the best parameters are averaged, about (Polyak and Juditsky 1992). At a constant learning rate
parameters jitter from update to update, and those of one instant can play far worse than those of the next."""


class Monitor:
    """Follows one run in the main process.

    In use:

        monitor.receive(report)          for every report of a worker
        monitor.tick()                   often; does what is due by the clock
        monitor.finish(status)           at the end, however it came
    """

    def __init__(
        self,
        checkpoint: Checkpoint,
        store: ParameterStore,
        folder: RunFolder | None,
        display: Display,
        started: float,
        callback: Callable[[Progress], bool | None] | None = None,
    ):
        self.config, self.store, self.folder = checkpoint.config, store, folder
        self._start, self._display, self._callback = checkpoint, display, callback
        self._started = started
        self._first_update: float | None = None
        self._work_started: float | None = None
        self._steps_before = checkpoint.counts["steps"]
        self._returns = deque(checkpoint.returns, WINDOW)
        self._lengths: deque[int] = deque(maxlen=WINDOW)
        self._sum = sum(self._returns)
        self._best = checkpoint.best_return_mean_100
        self._best_parameters = self._average = checkpoint.parameters
        self._best_is_new = False
        self.solved_at_step, self.solved_at_second = checkpoint.solved_at_step, checkpoint.solved_at_second
        self._updates, self._lag, self._waiting = 0, 0.0, 0
        self._updates_of_run, self._lag_of_run = 0, 0.0
        self._diagnostics: dict[str, float] = {}
        self._recent_lag: float | None = None
        self._recent_queue: float | None = None
        self._threads: dict[str, int] = {}
        self._remarked: set[str] = set()
        self._stands_still = False
        self.remarks: list[str] = []
        """What people were told of this run."""
        self._watch = Watch(self.config, checkpoint.counts, checkpoint.own_network)
        self._rate: float | None = None
        self._ended: float | None = None
        now = time.monotonic()
        self._shown, self._row_time, self._row_steps, self._saved = now, now, self._steps_before, now
        self._episodes = checkpoint.counts["episodes"]
        self._pending_episodes: list[dict[str, Any]] = []
        self._latest = (self._steps_before, checkpoint.seconds)
        if folder is not None:
            self._episodes_file, self._metrics_file = folder.open_rows(checkpoint.counts)
            self._tensorboard = folder.open_tensorboard() if self.config.tensorboard else None
            self._write_summary("running")
        for line in self._watch.begin():
            self._remark(line)

    @property
    def seconds(self) -> float:
        """Since the start of the process or of the call, and in the runs that this one continues."""
        return self._start.seconds + time.monotonic() - self._started

    @property
    def return_mean_100(self) -> float | None:
        """Mean return of the last 100 episodes, or of all while there are fewer; None before the first."""
        return self._sum / len(self._returns) if self._returns else None

    @property
    def totals(self) -> dict[str, int]:
        """The counts of the run, but only the episodes that were reported, of which there are rows and returns: workers
        count theirs a moment before."""
        return self.store.totals() | {"episodes": self._episodes}

    @property
    def done(self) -> bool:
        """Whether a limit that the main process watches is reached: the target return, or seconds."""
        config = self.config
        solved = self.solved_at_step is not None and config.stop_when_solved
        return solved or (config.seconds is not None and self._trained_for() >= config.seconds)

    def _trained_for(self) -> float:
        """Seconds since the first update, which is what a limit on them counts; below 0 before it."""
        first = self._work_started if self.config.algorithm.learns == "nowhere" else self._first_update
        return time.monotonic() - (self._started + START_WITHIN if first is None else first)

    def receive(self, report: Report) -> None:
        """Takes in what a worker did."""
        if report.first_update is not None and self._first_update is None:
            self._first_update = report.first_update
        if self._work_started is None and self.store.total("steps") > self._steps_before:
            # Rates are those of the work alone, without importing and compiling before it.
            self._work_started = report.first_update or time.monotonic()
            self._row_time = self._shown = self._saved = self._work_started
        for name, value in report.diagnostics.items():
            before = self._diagnostics.get(name, 0.0) if self._updates else 0.0
            self._diagnostics[name] = (before * self._updates + value * report.updates) / (
                self._updates + report.updates
            )
        self._updates += report.updates
        self._lag += report.lag
        self._waiting += report.waiting
        self._threads |= report.threads
        for about, remark in report.remarks.items():
            # Once a run: the other workers' environments are the same.
            if about not in self._remarked:
                self._remarked.add(about)
                self._remark(f"worker {report.worker}: {remark}")
        for line in self._watch.see(report, self.store.total("updates"), time.monotonic()):
            self._remark(line)
        self._updates_of_run += report.updates
        self._lag_of_run += report.lag
        if report.episodes:
            now = self.store.parameters
            self._average = now + (1 - 1 / AVERAGED) ** len(report.episodes) * (self._average - now)
        for episode in report.episodes:
            self._add_episode(report.worker, *episode)

    def _remark(self, line: str) -> None:
        self.remarks.append(line)
        self._display.say(line)

    def _add_episode(self, worker: int, step: int, seconds: float, return_: float, length: int) -> None:
        if len(self._returns) == WINDOW:
            self._sum -= self._returns[0]
        self._returns.append(return_)
        self._lengths.append(length)
        self._sum += return_
        # Workers report in turns: an episode that is reported after one of a later step counts from that step on.
        step, second = max(step, self._latest[0]), max(self._start.seconds + seconds - self._started, self._latest[1])
        self._latest = step, second
        self._episodes += 1
        if self.folder is not None:
            row = {"step": step, "seconds": f"{second:.3f}", "worker": worker, "return": f"{return_:.10g}"}
            self._pending_episodes.append(row | {"length": length})
        if len(self._returns) < WINDOW:
            return
        mean = self._sum / WINDOW
        # Of equals the latest: where returns have a ceiling, the first to reach it has only just learned to.
        if self._best is None or mean >= self._best:
            self._best, self._best_is_new = mean, True
            self._best_parameters = self._average
        target = self.config.target_return
        if self.solved_at_step is None and target is not None and mean >= target:
            self.solved_at_step, self.solved_at_second = step, round(second, 3)

    def tick(self) -> None:
        """Shows, writes and saves what is due; raises DiskError and OutputError."""
        self._display.check()
        now = time.monotonic()
        if self._work_started is None:
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
            self._sync_rows()
            self._save()

    def report(self) -> None:
        """Writes a row of what happened since the last one, and calls the callback. Raises DiskError."""
        if self._work_started is None:
            return
        if self._has_news:
            self._write_row(time.monotonic())
        if self._callback is not None and self._callback(self.progress()) is False:
            self.store.stop()

    @property
    def _has_news(self) -> bool:
        """Whether anything happened since the last row."""
        return self.store.total("steps") > self._row_steps or bool(self._pending_episodes)

    def wait_at_most(self) -> float:
        """Seconds the main process may sleep before something is due."""
        return 0.05 if self.config.seconds is not None else 0.2

    def progress(self) -> Progress:
        totals = self.totals
        fraction, eta = self._fraction(totals)
        return Progress(
            **totals,
            seconds=self.seconds,
            steps_per_second=self._mean_rate if self._ended else 0.0 if self._stands_still else self._rate,
            return_mean_100=self.return_mean_100,
            best_return_mean_100=self._best,
            target_return=self.config.target_return,
            policy_lag=self._recent_lag,
            queue_length=self._recent_queue,
            entropy=self._diagnostics.get("entropy"),
            fraction=fraction,
            eta=eta,
        )

    def notice(self, lines: list[str], stands_still: bool) -> None:
        """What was seen of the workers, in a line each; and whether none goes on, as an environment hangs."""
        for line in lines:
            self._remark(line)
        changed, self._stands_still = stands_still != self._stands_still, stands_still
        if changed and self._work_started is not None:
            # An inline run hangs itself, and would go on showing its old rate.
            self._display.show(self.progress())

    def _fraction(self, totals: dict[str, int]) -> tuple[float | None, float | None]:
        """How much of the nearest limit is used, and the seconds left until it."""
        spent = max(self._trained_for(), 0.0)
        parts: list[tuple[float, float]] = []
        for name in ("steps", "episodes"):
            if limit := getattr(self.config, name):
                before = self._start.counts[name]
                pace = (totals[name] - before) / max(time.monotonic() - (self._work_started or 0.0), 1e-9)
                parts.append((totals[name] / limit, (limit - totals[name]) / pace if pace else float("inf")))
        if self.config.seconds:
            parts.append((spent / self.config.seconds, self.config.seconds - spent))
        if not parts:
            return None, None
        fraction, eta = max(parts)
        return min(fraction, 1.0), max(eta, 0.0) if eta != float("inf") else None

    @property
    def _mean_rate(self) -> float | None:
        """Steps a second from the first update on, until training ended."""
        if self._work_started is None:
            return None
        passed = (self._ended or time.monotonic()) - self._work_started
        return (self.store.total("steps") - self._steps_before) / max(passed, 1e-9)

    def _write_row(self, now: float) -> None:
        totals = self.totals
        passed = max(now - self._row_time, 1e-9)
        self._rate = (totals["steps"] - self._row_steps) / passed
        self._recent_lag = self._lag / self._updates if self._updates else None
        if self.config.has_learner:
            self._recent_queue = self._waiting / self._updates if self._updates else None
        row: dict[str, Any] = {
            **totals,
            "seconds": round(self.seconds, 3),
            "steps_per_second": round(self._rate, 1),
            "return_mean_100": self.return_mean_100,
            "best_return_mean_100": self._best,
            "length_mean_100": sum(self._lengths) / len(self._lengths) if self._lengths else None,
            "policy_lag": self._recent_lag,
            "queue_length": self._recent_queue,
            **{f"{duty}s": count for duty, count in self._threads.items()},
            "learning_rate": learning_rate_at(self.config, totals["steps"]),
            "entropy_coefficient": entropy_coefficient_at(self.config, totals["steps"]),
            **self._diagnostics,
        }
        self._row_time, self._row_steps = now, totals["steps"]
        self._updates, self._lag, self._waiting = 0, 0.0, 0
        if self.folder is not None:
            self._episodes_file.append(self._pending_episodes)
            self._pending_episodes = []
            self._metrics_file.append([{name: _short(value) for name, value in row.items()}])
            if self._tensorboard is not None:
                self._tensorboard.add(row, self.seconds)
            self._write_summary("running")

    def checkpoint(self, parameters: Any = None) -> Checkpoint:
        """The run as it is now, with the latest parameters or those given."""
        start = self._start
        return Checkpoint(
            config=self.config,
            parameters=self.store.parameters if parameters is None else parameters,
            optimizer_state=self.store.optimizer_state,
            spaces=start.spaces,
            own_environment=start.own_environment,
            own_network=start.own_network,
            # Where a row could not be written, a run resumed here cannot have it.
            counts=self.store.totals() | {"episodes": self._episodes - len(self._pending_episodes)},
            seconds=self.seconds,
            returns=list(self._returns),
            best_return_mean_100=self._best,
            solved_at_step=self.solved_at_step,
            solved_at_second=self.solved_at_second,
            moments=self.store.moments,
        )

    def best_checkpoint(self) -> Checkpoint:
        """The average parameters at the best mean of 100 episodes; the latest where there were never 100."""
        return self.checkpoint(None if self._best is None else self._best_parameters)

    def _sync_rows(self) -> None:
        if self.folder is not None:
            self._episodes_file.sync()
            self._metrics_file.sync()

    def _save(self) -> None:
        if self.folder is None:
            return
        self.folder.save_latest(self.checkpoint())
        if self._best_is_new:
            self.folder.save_best(self.best_checkpoint())
            self._best_is_new = False

    def finish(self, status: str, error: str | None = None) -> None:
        """Writes the last rows, the checkpoints and the summary.

        Each of them is tried, even where one cannot be written; then raises DiskError, or TrainingDiverged where there
        is no number to be saved, with the summary saying so too.
        """
        self._ended = time.monotonic()
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
        if self._work_started is not None:
            if self._has_news:
                steps.append(lambda: self._write_row(time.monotonic()))
            steps.append(self._close_display)
        if self.folder is not None:
            steps += [self._sync_rows, self._save, self._episodes_file.close, self._metrics_file.close]
            if self._tensorboard is not None:
                steps.append(self._tensorboard.close)
        return steps

    def _close_display(self) -> None:
        # What is left to do matters more than that nobody sees it.
        with suppress(OutputError):
            self._display.close(self.progress())

    def _write_summary(self, status: str, error: str | None = None) -> None:
        assert self.folder is not None
        self.folder.write_summary(self.summary(status, error))

    def summary(self, status: str, error: str | None = None) -> dict[str, Any]:
        """What `summary.json` holds."""
        config, totals = self.config, self.totals
        summary = {
            "status": status,
            "algorithm": config.algorithm.name,
            "environment": config.environment,
            "seed": config.seed,
            "workers": config.workers,
            **totals,
            "startup_seconds": None if self._first_update is None else round(self._first_update - self._started, 3),
            "wall_seconds": round(self.seconds, 3),
            "steps_per_second": None if self._mean_rate is None else round(self._mean_rate, 1),
            "return_mean_100": self.return_mean_100 if len(self._returns) == WINDOW else None,
            "best_return_mean_100": self._best,
            "target_return": config.target_return,
            "solved_at_step": self.solved_at_step,
            "solved_at_second": self.solved_at_second,
            "policy_lag": round(self._lag_of_run / self._updates_of_run, 3) if self._updates_of_run else None,
            "remarks": self.remarks,
            "versions": versions(),
            "machine": {"system": platform.platform(), "processor": platform.machine(), "cores": available_cores()},
        }
        return summary if error is None else {**summary, "error": error}


def _short(value: Any) -> Any:
    return f"{value:.6g}" if isinstance(value, float) else value
