"""What is evaluated of a run, when, and what follows: whether it is solved, and which of its snapshots is the best.

Training's own mean is a maximum of noise where somebody waits for it to reach a target, or takes its best. Here whole
episodes decide that nothing was chosen by.
"""

import copy
from collections.abc import Callable
from dataclasses import replace
from typing import NamedTuple

from a3c.config.evaluating import CONFIRMING, Way, cut_after
from a3c.learning.snapshot import Snapshot
from a3c.roles.messages import Played, Report
from a3c.runs.checkpoint import Checkpoint
from a3c.sharing.assignment import Assignment
from a3c.sharing.target import episodes_to_wait
from a3c.training.clock import for_seconds
from a3c.training.evaluators import EvaluationEnded, Evaluators, evaluation_seed
from a3c.training.measures import Measures
from a3c.training.records import Records
from a3c.training.run_evaluation import Purpose, RunEvaluation

MOST_WAIT = 16
"""Hundreds of episodes that a target that was not confirmed waits at most before it is tried again."""
SHORT = 60.0
"""Seconds that the evaluation at the end may take, however short the run was."""
TOOK_LONG = "the evaluation at the end took {:.0f} s, as long as training: the rest is left out; a3c evaluate plays it"


class _Trial(NamedTuple):
    """What is to be played."""

    purpose: Purpose
    step: int
    snapshot: Snapshot
    way: Way
    episodes: int


class Evaluations:
    """Of one run, in its main process: asks for episodes, takes what they came to, and judges.

    Workers play what confirms that the run is solved, all together: it is waited for. What else is evaluated, and with
    a cluster that too, whoever `evaluators` is plays, while training goes on. In a run that gives one result, with
    processes, workers play all of it in pauses, in which they wait for each other.
    """

    def __init__(
        self,
        start: Checkpoint,
        measures: Measures,
        records: Records,
        assignment: Assignment,
        evaluators: Evaluators,
        tell_end: Callable[[EvaluationEnded], None],
        tell: Callable[[str], None] = lambda line: None,
    ):
        """`tell_end` hears why nobody plays evaluations any more, `tell` what is being done."""
        self._config, self._measures, self._records = start.config, measures, records
        self._assignment, self._evaluators, self._tell_end, self._tell = assignment, evaluators, tell_end, tell
        self.news: list[RunEvaluation] = []
        """Until somebody has taken them."""
        self.last: RunEvaluation | None = None
        self.confirmations, self.confirm_after = start.confirmations, start.confirm_after
        self.best_mean = start.best_evaluation
        self.best_snapshot: Snapshot | None = None
        """The snapshot with that mean; None where it was found before this run went on."""
        self.plays: Way = start.plays
        """How the best is to be played."""
        self.figure: RunEvaluation | None = None
        """What the best came to in episodes that it was not chosen by."""
        self.best_is_new = False
        """Until somebody has saved it."""
        self.best_step, self.best_version = start.best_step, start.best_version
        """At which that was as it is, and its version."""
        self._interval = self._config.evaluation_interval if self._config.algorithm.learns != "nowhere" else 0
        self._next = self._after(start.counts["steps"])
        self._asked = start.evaluations
        self._with_workers: tuple[_Trial, int, dict[int, Played]] | None = None
        """What workers play, its number, and the shares that have come."""
        self._trials: list[_Trial] = []
        """What waits for the evaluator, which is playing the first; in a pause, for the workers."""
        self._is_asked = self._has_ended = False
        self._started_at = start.counts["steps"]
        self._was_due = start.evaluations > 0
        """Whether the run was long enough for an evaluation."""
        self._tried: Snapshot | None = None
        """The last candidate of training's own mean."""
        self._failed: RunEvaluation | None = None
        """The last that did not confirm."""

    def _after(self, steps: int) -> int:
        """The steps at which the next evaluation is due."""
        return (steps // self._interval + 1) * self._interval if self._interval else 0

    def look(self) -> None:
        """After episodes have ended: has the run confirmed where it reached its target."""
        if self._has_ended and self._measures.returns.best_is_new and self.figure is None:
            # What was the best of the few that were evaluated says little of what comes now.
            self.best_mean = self.best_snapshot = None
        if not self._wants_confirming or self._config.workers_judge:
            return
        if self._config.cluster is None:
            if self._with_workers is None:
                self._have_workers_play(self._confirmation())
        elif not any(trial.purpose == "confirmation" for trial in self._trials):
            # No worker is a process of this run.
            self._evaluators.have_all_cores()
            self._trials = [*self._trials[: self._is_asked], self._confirmation()]
            self._ask()

    def _have_workers_play(self, trial: _Trial) -> None:
        number = self._assignment.give(*self._order(trial))
        self._with_workers = trial, number, {}

    def pause(self, reached: bool) -> None:
        """While all workers wait, in a run that gives one result: says what they are to play before they go on;
        `reached` is whether it is the target that they wait for."""
        steps = self._measures.store.total("steps")
        if reached and self._measures.returns.solved_at_step is None:
            self._trials.append(self._confirmation())
        if self._is_due(steps):
            self._trials += self._due_trials(steps)

    @property
    def episodes_to_wait(self) -> int:
        """Until the target is judged again."""
        solved = self._measures.returns.solved_at_step is not None
        return episodes_to_wait(solved, self.confirm_after, self._measures.episodes)

    def ask_workers(self) -> bool:
        """In a pause: has the workers play what is next; whether there is anything."""
        if self._with_workers is not None or not self._trials:
            return False
        self._have_workers_play(self._trials.pop(0))
        return True

    @property
    def workers_play(self) -> bool:
        """Whether they do, and have not all said what it came to."""
        return self._with_workers is not None

    def cross(self) -> None:
        """At a boundary: what a run that is resumed there does not know is forgotten."""
        self._failed = None

    def at_boundary(self) -> "Evaluations":
        """As they are now: what `go_back` is asked of."""
        kept = copy.copy(self)
        kept.news, kept._trials, kept._with_workers = [], [], None
        return kept

    def go_back(self, assignment: Assignment) -> "Evaluations":
        """Those that go on from there, with workers that have another assignment."""
        again = self.at_boundary()
        again._assignment = assignment
        return again

    @property
    def _wants_confirming(self) -> bool:
        returns = self._measures.returns
        waited = self._measures.episodes >= self.confirm_after
        return returns.solved_at_step is None and returns.reaches_target and waited

    def _confirmation(self) -> _Trial:
        # What is shipped then: the average of the parameters.
        snapshot = self._measures.returns.average
        return _Trial("confirmation", self._measures.totals["steps"], snapshot, self._way(), CONFIRMING)

    def _way(self) -> Way:
        """How it is tried to be confirmed: by the most probable actions, unless they fell short of what training, where
        actions are drawn, reached."""
        failed, mean = self._failed, self._measures.returns.mean
        if failed is None or failed.policy == "sampled" or mean is None:
            return "greedy"
        return "sampled" if failed.mean + 2 * failed.standard_error < mean else "greedy"

    def _order(self, trial: _Trial) -> tuple[Snapshot, Way, int, int, int]:
        """What is asked of those who play it."""
        self._asked += 1
        seed, steps = evaluation_seed(self._config.seed, self._asked), self._measures.totals["steps"]
        return trial.snapshot, trial.way, trial.episodes, seed, cut_after(steps, trial.episodes)

    def hear(self, report: Report) -> None:
        """A worker's share of what all play."""
        played = report.played
        if played is None or self._with_workers is None or played.number != self._with_workers[1]:
            return
        trial, _, shares = self._with_workers
        shares[report.worker] = played
        if len(shares) < (self._config.workers or 1):
            return
        self._withdraw()
        self._take(trial, [shares[worker] for worker in sorted(shares)])

    def _withdraw(self) -> None:
        if self._with_workers is not None:
            self._assignment.withdraw()
        self._with_workers = None

    def _take(self, trial: _Trial, shares: list[Played]) -> RunEvaluation:
        """What a trial came to, and what follows."""
        evaluation = self._add(trial, shares)
        if trial.purpose == "confirmation":
            self._judge(evaluation, trial.snapshot)
        elif trial.purpose != "final":
            self._consider(evaluation, trial.snapshot)
        return evaluation

    def _judge(self, evaluation: RunEvaluation, snapshot: Snapshot) -> None:
        """Whether the run is solved."""
        returns, target = self._measures.returns, self._config.target_return
        assert target is not None
        if evaluation.reaches(target):
            returns.solved_at_step = evaluation.step
            returns.solved_at_second = round(evaluation.seconds, 3)
            self.figure = evaluation
            self._take_as_best(evaluation, snapshot)
            if self._config.stop_when_solved:
                self._trials = []
            return
        self.confirmations += 1
        self._failed = evaluation
        # Each hundred episodes are a mean of others; the longer it goes on so, the less is to be expected of the next.
        hundreds = min(2 ** (self.confirmations - 1), MOST_WAIT)
        self.confirm_after = self._measures.episodes + 100 * hundreds
        if self._interval:
            self._consider(evaluation, snapshot)

    def _consider(self, evaluation: RunEvaluation, snapshot: Snapshot) -> None:
        """Takes it as the best, if it is."""
        # Of equals the latest.
        if self.best_mean is None or evaluation.mean >= self.best_mean:
            self._take_as_best(evaluation, snapshot)

    def _take_as_best(self, evaluation: RunEvaluation, snapshot: Snapshot) -> None:
        self.best_mean, self.best_snapshot, self.plays = evaluation.mean, snapshot, evaluation.policy
        self.best_step, self.best_version, self.best_is_new = evaluation.step, evaluation.version, True

    def _add(self, trial: _Trial, shares: list[Played]) -> RunEvaluation:
        """Notes what was played."""
        evaluation = RunEvaluation(
            step=trial.step,
            seconds=self._measures.clock.seconds,
            version=int(trial.snapshot.version),
            purpose=trial.purpose,
            policy=trial.way,
            returns=[return_ for share in shares for return_ in share.returns],
            lengths=[length for share in shares for length in share.lengths],
            cut=sum(share.cut for share in shares),
            info={
                key: [number for share in shares for number in share.info.get(key, ())]
                for key in self._config.track_info
            },
        )
        self.last = evaluation
        self.news.append(evaluation)
        self._records.add_evaluation(evaluation.row)
        return evaluation

    def tick(self) -> None:
        """Takes what has been played, and asks for what is due."""
        steps = self._measures.store.total("steps")
        if not self._config.workers_judge and not self._trials and self._is_due(steps):
            # One that is late is left out.
            self._trials = self._due_trials(steps)
            self._ask()
        while self._take_answer(0.0) is not None:
            pass

    def _is_due(self, steps: int) -> bool:
        return bool(self._interval) and steps >= self._next

    def _due_trials(self, steps: int) -> list[_Trial]:
        """The parameters of now, and a candidate of training's own."""
        self._next, self._was_due = self._after(steps), True
        snapshot, episodes = self._measures.store.snapshot, self._config.evaluation_episodes
        trials = [_Trial("interval", steps, snapshot, way, episodes) for way in self._config.evaluated_ways]
        return trials + self._candidates(steps)

    def _candidates(self, steps: int) -> list[_Trial]:
        """Training's own best, where it is another than the last time. In a run that gives one result the average of
        now: which was tried before, one that is resumed does not know."""
        returns, episodes = self._measures.returns, self._config.evaluation_episodes
        if returns.best is None:
            return []
        if self._config.gives_one_result:
            return [_Trial("candidate", steps, returns.average, "greedy", episodes)]
        before, self._tried = self._tried, returns.best_snapshot
        if self._tried is before:
            return []
        return [_Trial("candidate", returns.best_step, returns.best_snapshot, "greedy", episodes)]

    def _ask(self) -> None:
        if self._has_ended:
            self._trials = []
        if not self._trials or self._is_asked:
            return
        trial = self._trials[0]
        try:
            self._evaluators.ask(*self._order(trial))
            self._is_asked = True
        except EvaluationEnded as ended:
            self._end(ended)

    def _take_answer(self, timeout: float) -> RunEvaluation | None:
        """What was played, if it was."""
        if not self._is_asked:
            return None
        try:
            played = self._evaluators.answer(timeout)
        except EvaluationEnded as ended:
            self._end(ended)
            return None
        if not played:
            return None
        self._is_asked = False
        if not self._trials:
            # Given up meanwhile, as the run was solved.
            return None
        trial = self._trials.pop(0)
        evaluation = self._take(trial, played)
        self._ask()
        return evaluation

    def _end(self, ended: EvaluationEnded) -> None:
        """Training goes on without: its own next best is the best again."""
        self._measures.returns.best_is_new = False
        self._trials, self._is_asked, self._has_ended, self._interval = [], False, True, 0
        self._tell_end(ended)

    def finish(self, going_on: Callable[[], bool], find_best: Callable[[], Snapshot | None]) -> None:
        """After the last step: confirms what has just reached its target, and plays what is the best, both ways, where
        there was time for an evaluation before. `going_on` says whether somebody still waits for it; `find_best` gives
        the best that was found before this run went on."""
        going_on = self._no_longer_than_training(going_on)
        under_way = [trial for trial in self._trials if trial.purpose == "confirmation"]
        if self._with_workers is not None:
            under_way.append(self._with_workers[0])
        self._withdraw()
        self._trials, self._is_asked = [], False
        if self._wants_confirming:
            under_way = [self._confirmation()]
        # Whatever training has come to since: what was to be confirmed is.
        self._played_at_end(under_way[:1], going_on)
        steps = self._measures.totals["steps"]
        was_due = self._was_due or steps - self._started_at >= self._config.steps_worth_evaluating
        if not was_due or not self._interval or self.figure is not None or not going_on():
            return
        episodes, last = self._config.evaluation_episodes, self._measures.store.snapshot
        self._tell(f"evaluating the best of the run, {episodes} episodes; Ctrl-C leaves that out")
        self._evaluators.have_all_cores()
        candidates = [_Trial("candidate", steps, last, "greedy", episodes), *self._candidates(steps)]
        played = self._played_at_end(candidates, going_on)
        # Nothing is the best yet where the evaluator has ended, or nobody waited.
        best = None if self.best_mean is None else self.best_snapshot or find_best()
        if best is None:
            return
        self._play_best(replace(best, version=self.best_version), going_on)
        if played and self.figure is not None and self._was_lucky(self.figure, played[0]):
            self._take_as_best(played[0], last)
            self._play_best(last, going_on)

    def _no_longer_than_training(self, going_on: Callable[[], bool]) -> Callable[[], bool]:
        """`going_on`, until it has taken as long as training did. In a run that gives one result no clock decides."""
        if self._config.gives_one_result:
            return going_on
        seconds = max(SHORT, self._measures.clock.training_seconds)
        return for_seconds(seconds, going_on, lambda: self._tell(TOOK_LONG.format(seconds)))

    def _play_best(self, best: Snapshot, going_on: Callable[[], bool]) -> None:
        """Once more, in episodes that it was not chosen by."""
        step, episodes = self.best_step or self._measures.totals["steps"], self._config.evaluation_episodes
        played = self._played_at_end(
            [_Trial("final", step, best, way, episodes) for way in ("greedy", "sampled")], going_on
        )
        if len(played) == 2:
            self._choose_way(*played)

    def _was_lucky(self, best: RunEvaluation, last: RunEvaluation) -> bool:
        """Whether the best was so by luck: its fresh episodes are no better, by more than chance, than those of the
        parameters that training ended with."""
        return best.version != last.version and not best.exceeds(last)

    def _choose_way(self, greedy: RunEvaluation, sampled: RunEvaluation) -> None:
        """How the best is to be played: greedy, unless drawn actions are better by more than chance."""
        self.figure = sampled if sampled.exceeds(greedy) else greedy
        if self.figure.policy != self.plays:
            self.plays, self.best_is_new = self.figure.policy, True

    def _played_at_end(self, trials: list[_Trial], going_on: Callable[[], bool]) -> list[RunEvaluation]:
        """What these came to, as far as somebody waits for it."""
        self._trials, played = list(trials), []
        self._ask()
        while self._trials and going_on():
            if (done := self._take_answer(0.1)) is not None:
                played.append(done)
        self._trials, self._is_asked = [], False
        return played
