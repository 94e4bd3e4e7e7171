"""What is measured of a run: the returns of its episodes, its updates, and its time."""

import copy
import math
import time
from collections import deque
from collections.abc import Sequence
from typing import Any

from a3c.config.schedules import entropy_coefficient_at, learning_rate_at
from a3c.environments.tracking import NAMED
from a3c.learning.snapshot import Snapshot
from a3c.roles.messages import Report
from a3c.rollout.episodes import mean_of
from a3c.runs.checkpoint import Checkpoint
from a3c.runs.metrics import WINDOW
from a3c.sharing.parameter_store import ParameterStore
from a3c.sharing.stations import Stations
from a3c.sharing.target import Target, followed
from a3c.training.clock import Clock
from a3c.training.progress import Progress
from a3c.training.stations import StationMeasures


class Returns:
    """The moving mean of the episodes' returns, the best of it with its parameters, and when the run was solved."""

    def __init__(self, checkpoint: Checkpoint):
        self._target = checkpoint.config.target_return
        self._returns = deque(checkpoint.returns, WINDOW)
        self._lengths = deque(checkpoint.lengths, WINDOW)
        self._sum = sum(self._returns)
        self.best = checkpoint.best_return_mean_100
        self.best_snapshot = self.average = checkpoint.snapshot
        self.best_step = checkpoint.counts["steps"]
        self.best_is_new = False
        """Until somebody has saved it."""
        self.solved_at_step, self.solved_at_second = checkpoint.solved_at_step, checkpoint.solved_at_second

    def begin(self, now: Snapshot) -> None:
        """At a boundary: what was summed up until now is as it is in a run that is resumed there."""
        self._sum, self.average = sum(self._returns), now

    def take_best(self, before: "Returns") -> None:
        """What had the best mean, as these know it."""
        self.best_snapshot, self.best_step, self.best_is_new = (
            before.best_snapshot,
            before.best_step,
            before.best_is_new,
        )

    def follow(self, now: Snapshot, episodes: int) -> None:
        """Moves the average of the snapshots towards this one, by as many episodes as ended."""
        self.average = followed(self.average, now, episodes)

    def take_averages(self, target: Target) -> None:
        """Those that the workers have followed themselves, in their order."""
        self.average = target.average
        if self.best_is_new:
            self.best_snapshot = target.best

    def add(self, return_: float, length: int, step: int) -> None:
        """An episode that ended at this step of the run."""
        if len(self._returns) == WINDOW:
            self._sum -= self._returns[0]
        self._returns.append(return_)
        self._lengths.append(length)
        self._sum += return_
        if len(self._returns) < WINDOW:
            return
        mean = self._sum / WINDOW
        # Of equals the latest: where returns have a ceiling, the first to reach it has only just learned to.
        if self.best is None or mean >= self.best:
            self.best, self.best_is_new = mean, True
            self.best_snapshot, self.best_step = self.average, step

    @property
    def mean(self) -> float | None:
        """Of the last 100 episodes, or of all while there are fewer; None before the first."""
        return self._sum / len(self._returns) if self._returns else None

    @property
    def reaches_target(self) -> bool:
        """Whether the mean of the last 100 episodes is at the target, or above."""
        return self._target is not None and self.whole_mean is not None and self.whole_mean >= self._target

    @property
    def whole_mean(self) -> float | None:
        """Of the last 100 episodes; None before there are as many."""
        return self.mean if len(self._returns) == WINDOW else None

    @property
    def length_mean(self) -> float | None:
        return sum(self._lengths) / len(self._lengths) if self._lengths else None

    @property
    def lengths(self) -> list[int]:
        """The lengths of the last episodes."""
        return list(self._lengths)

    @property
    def last(self) -> list[float]:
        """The returns in the mean."""
        return list(self._returns)


class InfoMeans:
    """Means of what environments' info said of the last episodes, for each key of `track_info`."""

    def __init__(self, keys: tuple[str, ...]):
        self._keys = keys
        self.begin([])

    def begin(self, episodes: list[list[float]]) -> None:
        """Goes on from there: what was said of the episodes so far."""
        self._said = [deque[float]((), WINDOW) for _ in self._keys]
        for infos in episodes:
            self.add(infos)

    def add(self, infos: Sequence[float]) -> None:
        """Of an episode; nan where nothing was said."""
        for said, number in zip(self._said, infos, strict=False):
            if not math.isnan(number):
                said.append(number)

    @property
    def means(self) -> dict[str, float | None]:
        """By the keys, of the last 100 episodes of which anything was said; None before the first."""
        return {key: mean_of(said) for key, said in zip(self._keys, self._said, strict=True)}


class Updates:
    """Means over the updates since the last row, and over all of the run."""

    def __init__(self, has_learner: bool):
        self._has_learner = has_learner
        self._count, self._lag, self._waiting = 0, 0.0, 0
        self._count_of_run, self._lag_of_run = 0, 0.0
        self.diagnostics: dict[str, float] = {}
        self.threads: dict[str, int] = {}
        self.recent_lag: float | None = None
        self.recent_queue: float | None = None

    def add(self, report: Report) -> None:
        for name, value in report.diagnostics.items():
            before = self.diagnostics.get(name, 0.0) if self._count else 0.0
            count = self._count + report.updates
            self.diagnostics[name] = (before * self._count + value * report.updates) / count
        self._count += report.updates
        self._lag += report.lag
        self._waiting += report.waiting
        self.threads |= report.threads
        self._count_of_run += report.updates
        self._lag_of_run += report.lag

    def row(self) -> dict[str, Any]:
        """What a row says of the updates since the one before."""
        lag = queue = None
        if self._count:
            # Where there were no updates, the last are the recent ones still.
            self.recent_lag = lag = self._lag / self._count
            if self._has_learner:
                self.recent_queue = queue = self._waiting / self._count
        self._count, self._lag, self._waiting = 0, 0.0, 0
        return {
            "policy_lag": lag,
            "queue_length": queue,
            **{f"{duty}s": count for duty, count in self.threads.items()},
            **self.diagnostics,
        }

    @property
    def lag_of_run(self) -> float | None:
        return round(self._lag_of_run / self._count_of_run, 3) if self._count_of_run else None


class Measures:
    """What is measured of one run, taken together: its rows of metrics, and its Progress."""

    def __init__(self, start: Checkpoint, store: ParameterStore, started: float, stations: Stations | None = None):
        self.config, self.store = start.config, store
        self.returns, self.updates = Returns(start), Updates(self.config.has_learner)
        self.info = InfoMeans(self.config.track_info)
        self.clock = Clock(start, started)
        self.stations = StationMeasures(stations, self.clock, start.counts["steps"])
        self.episodes = start.counts["episodes"]
        """Those that were reported, of which there are rows and returns: workers count theirs a moment before."""
        self.rate: float | None = None
        """Steps a second, up to the last row."""
        self._row_steps = self._rate_steps = start.counts["steps"]
        self._row_time = time.monotonic()

    def go_back(self, start: Checkpoint, store: ParameterStore, returns: Returns, updates: Updates) -> None:
        """Goes on from there, with another store, and what no checkpoint holds: the best of the returns of there, and
        the updates until then. The clock runs on."""
        self.store, self.updates, self.returns = store, copy.deepcopy(updates), Returns(start)
        self.returns.take_best(returns)
        self.episodes = start.counts["episodes"]
        self._row_steps = self._rate_steps = start.counts["steps"]
        self._row_time = time.monotonic()

    @property
    def totals(self) -> dict[str, int]:
        """The counts of the run."""
        return self.store.totals() | {"episodes": self.episodes}

    def begin(self, moment: float) -> None:
        """Work has begun: the first row counts from there."""
        self._row_time = moment

    @property
    def have_moved(self) -> bool:
        """Whether steps were taken since the last row."""
        return self.store.total("steps") > self._row_steps

    def see_rate(self) -> float:
        """Notes how fast steps were taken since this was last done, and gives it."""
        steps, now = self.store.total("steps"), time.monotonic()
        self.rate = rate = (steps - self._rate_steps) / max(now - self._row_time, 1e-9)
        self._row_time, self._rate_steps = now, steps
        return rate

    def row(self, totals: dict[str, int] | None = None) -> dict[str, Any]:
        """What a row says of the time since the one before; with these counters, where they are not those of now."""
        totals = self.totals | (totals or {})
        rate, self._row_steps = self.see_rate(), totals["steps"]
        return {
            **totals,
            "seconds": round(self.clock.seconds, 3),
            "steps_per_second": round(rate, 1),
            "return_mean_100": self.returns.mean,
            "best_return_mean_100": self.returns.best,
            "length_mean_100": self.returns.length_mean,
            "learning_rate": learning_rate_at(self.config, totals["steps"]) * self.store.setbacks.factor,
            "entropy_coefficient": entropy_coefficient_at(self.config, totals["steps"]),
            **self.updates.row(),
            **self.stations.row(),
            **{f"{NAMED}{key}": mean for key, mean in self.info.means.items()},
        }

    def progress(self, stands_still: bool, evaluated: float | None = None) -> Progress:
        """The run at this moment; `stands_still` where no worker goes on, `evaluated` what the last evaluation gave."""
        totals = self.totals
        fraction, eta = self.clock.fraction(totals)
        rate = 0.0 if stands_still else self.rate
        return Progress(
            **totals,
            seconds=self.clock.seconds,
            steps_per_second=self.clock.mean_rate(totals["steps"]) if self.clock.ended else rate,
            return_mean_100=self.returns.mean,
            best_return_mean_100=self.returns.best,
            target_return=self.config.target_return,
            evaluation_mean=evaluated,
            policy_lag=self.updates.recent_lag,
            queue_length=self.updates.recent_queue,
            entropy=self.updates.diagnostics.get("entropy"),
            stations=self.stations.working,
            info={key: mean for key, mean in self.info.means.items() if mean is not None},
            fraction=fraction,
            eta=eta,
        )
