"""What the search has found is confirmed: its best trials are trained with fresh seeds, by which one of them is chosen.

The best of many trials is partly luck, and a median over three seeds does not see that one run in three is bad. Seeds
that no trial was chosen by show both, and their mean counts what is bad by how bad it is, and how often.
"""

import time
from collections import deque
from dataclasses import dataclass
from statistics import fmean
from threading import Event

from a3c.errors import A3CError
from a3c.training.progress import Display, Paced, clock
from a3c.tuning.processes import TrialProcess
from a3c.tuning.spaces import spelled
from a3c.tuning.study import Study, Trial
from a3c.tuning.trial import Failed, Scored
from a3c.tuning.tuner import FINALISTS, Tuning, best_of, ranked


@dataclass(frozen=True)
class _Run:
    """One seed of one trial."""

    trial: Trial
    seed: int


@dataclass(frozen=True)
class _State:
    """How far it has come."""

    done: int
    runs: int
    running: int
    seconds: float

    def line(self) -> str:
        """One line for people."""
        parts = [f"{self.done} of {self.runs} runs that confirm"]
        if self.running:
            parts.append(f"{self.running} running")
        to_do = self.runs - self.done
        left = f", about {clock(self.seconds / self.done * to_do)} left" if self.done and to_do else ""
        return "  ".join((*parts, clock(self.seconds) + left))


class Confirmation:
    """Trains the best trials with fresh seeds, side by side.

    In use, when the search has ended:

        Confirmation(tuning, study, display).run(interrupted)
        best = chosen(study.trials(), tuning.confirm)
    """

    def __init__(self, tuning: Tuning, study: Study, display: Display):
        self._tuning, self._study, self._display = tuning, study, display
        self._running: dict[TrialProcess, _Run] = {}
        finalists = finalists_of(study.trials())
        # Seed by seed: of what was interrupted all have as many.
        self._waiting = deque(
            _Run(trial, seed)
            for seed in tuning.fresh_seeds
            for trial in finalists
            if seed not in study.confirmed_seeds(trial.number)
        )
        self._finalists, self._runs = finalists, len(self._waiting)
        self._started = time.monotonic()
        self._paced = Paced(display, shown=self._started)

    @property
    def any(self) -> bool:
        """Whether there is something to do, or was. One trial alone needs no choice."""
        return len(self._finalists) > 1 and self._runs > 0

    def run(self, interrupted: Event) -> None:
        """Until all are done, or somebody interrupts it; what was running is then given up."""
        if not self.any or interrupted.is_set():
            return
        seeds = self._tuning.fresh_seeds
        which = f"{len(seeds)} fresh seeds ({seeds[0]} to {seeds[-1]})" if len(seeds) > 1 else f"seed {seeds[0]}"
        self._display.say(f"confirming the best by {which}: {', '.join(trial.title for trial in self._finalists)}")
        try:
            while not interrupted.is_set() and (self._waiting or self._running):
                while self._waiting and len(self._running) < self._tuning.jobs:
                    self._start(self._waiting.popleft())
                for process in TrialProcess.that_tell(list(self._running)):
                    self._hear(process)
                self._paced.show(lambda: self.state)
        finally:
            for process in list(self._running):
                self._end(process)

    def _start(self, run: _Run) -> None:
        try:
            order = self._tuning.order(run.trial.values, (run.seed,))
        except A3CError as error:
            self._give_up(run, Failed(str(error)))
            return
        self._running[TrialProcess(order, f"a3c-trial-{run.trial.number}-{run.seed}")] = run

    def _hear(self, process: TrialProcess) -> None:
        match message := process.hear():
            case Scored(_, mean):
                run = self._end(process)
                self._study.confirm(run.trial.number, run.seed, mean)
                self._tell(run.trial.number)
            case Failed():
                self._give_up(self._end(process), message)

    def _end(self, process: TrialProcess) -> _Run:
        process.end()
        return self._running.pop(process)

    def _give_up(self, run: _Run, failed: Failed) -> None:
        """What does not train with every seed is not chosen."""
        self._display.say(f"{run.trial.title}: seed {run.seed} failed: {failed.message}; it is not chosen")
        self._waiting = deque(other for other in self._waiting if other.trial is not run.trial)

    def _tell(self, number: int) -> None:
        """Says what a trial came to, where that was its last seed."""
        trial = next(trial for trial in self._study.trials() if trial.number == number)
        if len(trial.confirmed) >= self._tuning.confirm:
            scores = ", ".join(map(spelled, trial.confirmed))
            self._display.say(f"{trial.title}: mean {spelled(fmean(trial.confirmed))} of fresh seeds ({scores})")

    @property
    def state(self) -> "_State":
        running = len(self._running)
        done = self._runs - len(self._waiting) - running
        return _State(done, self._runs, running, time.monotonic() - self._started)


def finalists_of(trials: list[Trial]) -> list[Trial]:
    """Those that are to be confirmed: the best by their score, and the defaults, where they came to their end."""
    complete = ranked(trials)
    return complete[:FINALISTS] + [trial for trial in complete[FINALISTS:] if trial.is_default]


def is_confirmed(trial: Trial, seeds: int) -> bool:
    return bool(seeds) and len(trial.confirmed) >= seeds


def chosen(trials: list[Trial], seeds: int) -> Trial | None:
    """The best of those that were confirmed by so many fresh seeds, by the mean over them; where none was, or none is
    to be, the best by its score."""
    confirmed = [trial for trial in ranked(trials) if is_confirmed(trial, seeds)]
    # Of equals the better by its score, which comes first.
    return max(confirmed, key=lambda trial: fmean(trial.confirmed), default=None) or best_of(trials)
