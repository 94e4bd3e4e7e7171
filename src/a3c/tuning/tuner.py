"""The search: trials side by side, each in a process of its own, until there are enough of them."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from threading import Event
from typing import Any

from a3c.config import TrainConfig
from a3c.errors import A3CError
from a3c.training.progress import Display, Paced, clock
from a3c.tuning.processes import TrialProcess
from a3c.tuning.spaces import Space, spelled
from a3c.tuning.study import Running, Study, Trial
from a3c.tuning.trial import EVALUATIONS, Evaluated, Failed, Order, Scored, for_trials

FINALISTS = 3
"""Trials that are confirmed, the best by their score, and the defaults beside them."""
MOST_FAILED = 3
"""Trials that fail, the first of a call, until the fault is not looked for in their settings."""


class TuningFailed(A3CError):
    """No trial could be trained; carries the traceback of the first, where there is one."""

    exit_status = 1

    def __init__(self, failed: Failed):
        super().__init__(f"{MOST_FAILED} trials failed and none was trained: {failed.message}")
        self.traceback = failed.traceback


@dataclass(frozen=True)
class Tuning:
    """What is tuned, and how."""

    config: TrainConfig
    """The settings that trials have in common, and where the search begins."""
    spaces: dict[str, Space]
    """What is searched."""
    defaults: dict[str, Any]
    """The values of the first trial."""
    seeds: tuple[int, ...]
    score_episodes: int
    storage: Path
    trials: int
    """How many there are to be in all."""
    jobs: int
    """How many at once."""
    minutes: float | None
    """After which it ends; those of one call."""
    confirm: int = 0
    """Fresh seeds that the best are confirmed with."""
    own: bytes | None = None
    """What a caller in Python made, packed."""

    @property
    def points(self) -> int:
        """Evaluations beside training that a whole trial has."""
        return len(self.seeds) * EVALUATIONS

    @property
    def fresh_seeds(self) -> range:
        """Those after the trials' own, by which the best are confirmed."""
        return range(self.seeds[-1] + 1, self.seeds[-1] + 1 + self.confirm)

    def order(self, values: dict[str, Any], seeds: tuple[int, ...]) -> Order:
        """For a process that trains these values. Raises SettingsError where they don't go together."""
        return Order(for_trials(self.config.replace(**values)), seeds, self.score_episodes, self.own)


@dataclass
class _Job:
    """A trial and its process."""

    trial: Running
    process: TrialProcess


@dataclass(frozen=True)
class State:
    """A tuning at one moment."""

    ended: list[Trial]
    trials: int
    running: int
    seconds: float
    left: float | None

    def line(self) -> str:
        """One line for people."""
        parts = [f"{len(self.ended)} of {self.trials} trials"]
        if pruned := sum(trial.state == "pruned" for trial in self.ended):
            parts[0] += f", {pruned} pruned"
        if self.running:
            parts.append(f"{self.running} running")
        if (best := best_of(self.ended)) is not None:
            parts.append(f"best {spelled(best.score)} (trial {best.number})")
        parts.append(clock(self.seconds) + ("" if self.left is None else f", about {clock(self.left)} left"))
        return "  ".join(parts)


class Tuner:
    """Runs the trials of a study.

    In use:

        with interruption.deferred() as interrupted:
            tuner.run(interrupted)
    """

    def __init__(self, tuning: Tuning, study: Study, display: Display, keep: Callable[[Trial], object]):
        """`keep` is given each trial that is the best so far."""
        self._tuning, self._study, self._display, self._keep = tuning, study, display, keep
        self._jobs: list[_Job] = []
        self._ended = study.trials()
        self._before, self._started = len(self._ended), time.monotonic()
        self._paced = Paced(display)
        self._failed = 0

    def run(self, interrupted: Event) -> None:
        """Until there are as many trials as are asked for, the time is over, or somebody interrupts it; what is running
        then is given up. Raises TuningFailed."""
        try:
            while not interrupted.is_set() and not self._is_over:
                while len(self._jobs) < self._tuning.jobs and len(self._ended) + len(self._jobs) < self._tuning.trials:
                    self._start()
                if not self._jobs:
                    break
                for process in TrialProcess.that_tell([job.process for job in self._jobs]):
                    self._hear(next(job for job in self._jobs if job.process is process))
                self._paced.show(lambda: self.state)
        finally:
            for job in list(self._jobs):
                self._end(job)

    @property
    def _is_over(self) -> bool:
        minutes = self._tuning.minutes
        return minutes is not None and time.monotonic() - self._started >= 60 * minutes - self._to_confirm

    @property
    def _to_confirm(self) -> float:
        """Seconds that are left for it, as long as trials have taken; at most half of what there is."""
        took = [trial.seconds for trial in self._ended if trial.state == "complete"]
        if self._tuning.minutes is None or not took:
            return 0.0
        seed, runs = median(took) / len(self._tuning.seeds), (FINALISTS + 1) * self._tuning.confirm
        return min(seed * runs / self._tuning.jobs, 30 * self._tuning.minutes)

    def _start(self) -> None:
        trial = self._study.ask()
        try:
            order = self._tuning.order(trial.values, self._tuning.seeds)
        except A3CError as error:
            self._fail(trial, Failed(str(error)))
            return
        self._jobs.append(_Job(trial, TrialProcess(order, f"a3c-trial-{trial.number}")))

    def _hear(self, job: _Job) -> None:
        """What a trial has told."""
        trial = job.trial
        match message := job.process.hear():
            case Evaluated(seed, number, mean):
                if trial.report(seed, number, mean):
                    self._end(job)
                    trial.prune()
                    self._note(trial)
            case Scored(_, mean):
                trial.scores.append(mean)
                if len(trial.scores) == len(self._tuning.seeds):
                    self._end(job)
                    trial.complete()
                    self._note(trial)
            case Failed():
                self._end(job)
                self._fail(trial, message)

    def _end(self, job: _Job) -> None:
        """Ends its process, which has nothing more to say."""
        self._jobs.remove(job)
        job.process.end()

    def _fail(self, trial: Running, failed: Failed) -> None:
        if failed.diverged:
            trial.prune(failed.message)
        else:
            trial.fail(failed.message)
        self._failed += self._note(trial).state == "failed"
        if self._failed == len(self._ended) - self._before >= MOST_FAILED:
            raise TuningFailed(failed)

    def _note(self, trial: Running) -> Trial:
        """A trial has come to its end."""
        best = best_of(self._ended)
        self._ended = self._study.trials()
        ended = next(one for one in self._ended if one.number == trial.number)
        if best_of(self._ended) is not best and best_of(self._ended) is ended:
            self._keep(ended)
        self._display.say(self._told(ended))
        return ended

    def _told(self, trial: Trial) -> str:
        """A line about it."""
        text = trial.title
        if trial.state == "failed":
            return f"{text}: failed: {trial.error}"
        if trial.state == "pruned":
            why = trial.error or f"at {spelled(trial.score)}"
            return f"{text}: pruned after {trial.evaluations / self._tuning.points:.0%}, {why}"
        scores = ", ".join(map(spelled, trial.scores))
        best = best_of(self._ended)
        is_best = ", the best so far" if best is not None and best.number == trial.number else ""
        return f"{text}: {spelled(trial.score)} ({scores}){is_best}"

    @property
    def state(self) -> State:
        seconds = time.monotonic() - self._started
        points = self._tuning.points
        running = sum(job.trial.evaluations for job in self._jobs) / points
        done = len(self._ended) - self._before + running
        to_do = self._tuning.trials - len(self._ended) - running
        left = seconds / done * to_do if done > 0 and to_do > 0 else None
        if self._tuning.minutes is not None:
            rest = max(0.0, 60 * self._tuning.minutes - self._to_confirm - seconds)
            left = rest if left is None else min(left, rest)
        return State(self._ended, self._tuning.trials, len(self._jobs), seconds, left)


def best_of(trials: list[Trial]) -> Trial | None:
    """Of those that came to their end; of equals the earliest."""
    return next(iter(ranked(trials)), None)


def ranked(trials: list[Trial]) -> list[Trial]:
    """Those that came to their end, the best first."""
    complete = [(trial.score, trial) for trial in trials if trial.state == "complete" and trial.score is not None]
    return [trial for _, trial in sorted(complete, key=lambda scored: (-scored[0], scored[1].number))]
