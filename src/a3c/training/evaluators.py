"""Who plays the evaluations beside training: a process of its own, or inline the process that trains, in turns."""

import multiprocessing
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from multiprocessing.process import BaseProcess
from typing import TYPE_CHECKING, Protocol

import numpy as np

from a3c.config.evaluating import Way
from a3c.errors import A3CError, described
from a3c.learning.snapshot import Snapshot
from a3c.processes.alarm import Rang
from a3c.processes.pulse import EVERY, Pulse
from a3c.processes.starting import END_WITHIN, cause_of_death, kill, start
from a3c.processes.time_had import TimeHad, cpu_seconds
from a3c.roles.messages import Failure, Played
from a3c.sharing.assignment import Assignment, Order, share
from a3c.training import process as worker_process
from a3c.training.hangs import watched

if TYPE_CHECKING:
    from a3c.roles.worker import Work


class EvaluationEnded(A3CError):
    """Nobody plays evaluations any more; the message says why. No traceback where it says it all."""

    def __init__(self, message: str, traceback: str = ""):
        super().__init__(message)
        self.traceback = traceback


class Evaluators(Protocol):
    """Plays one order at a time."""

    def ask(self, snapshot: Snapshot, way: Way, episodes: int, seed: int, cut_after: int) -> None:
        """Has episodes played; what was asked for before is let be. `cut_after`: see Order."""

    def answer(self, timeout: float = 0.0) -> list[Played]:
        """What they came to, by player; empty while they are played. Raises EvaluationEnded."""
        ...

    def have_all_cores(self) -> None:
        """Training has ended: the cores of its workers are free for what is asked from now on."""

    def close(self) -> None: ...


class EvaluatorProcess:
    """One of `EvaluatorProcesses`: a process at low priority, started when it is asked first."""

    def __init__(self, work: bytes, like: Snapshot, random: bool, step_timeout: float):
        """`work` is packed; `random`: whether the algorithm draws actions from the action space.

        A step may take `step_timeout` seconds, not counting those for which others have the cores; 0 waits for ever.
        """
        self._work, self._random, self._timeout = work, random, step_timeout
        self._pulse, self._had = Pulse(1, shared=True), TimeHad()
        self._assignment = Assignment(like)
        self._number = 0
        self._process: BaseProcess | None = None

    def ask(self, snapshot: Snapshot, way: Way, episodes: int, seed: int, cut_after: int) -> None:
        """Has these played, and lets be what was asked for before."""
        self._number = self._assignment.give(snapshot, way, episodes, seed, cut_after)
        if self._process is None:
            self._connection, theirs = multiprocessing.Pipe(duplex=False)
            arguments = (theirs, self._work, self._random, self._assignment, self._pulse)
            try:
                self._process = start(worker_process.evaluate, arguments, "a3c-evaluator")
            except A3CError as error:
                raise EvaluationEnded(str(error)) from None
            finally:
                theirs.close()

    def answer(self, timeout: float = 0.0) -> Played | None:
        """What they came to; None while they are played. Raises EvaluationEnded."""
        self._check_goes_on()
        try:
            while self._connection.poll(timeout):
                message = self._connection.recv()
                if isinstance(message, Failure):
                    raise EvaluationEnded(message.message, message.traceback)
                if message.number == self._number:
                    self._assignment.withdraw()
                    return message
        except (EOFError, OSError):
            assert self._process is not None
            self._process.join(END_WITHIN)
            raise EvaluationEnded(cause_of_death(self._process)) from None
        return None

    def _check_goes_on(self) -> None:
        """Ends it where its environment hangs; beside workers that take all there is it may be slow."""
        self._pulse.look()
        if self._process is None or not self._timeout or not self._pulse.late(EVERY):
            self._had.begin()
        elif self._had.look(time.monotonic(), cpu_seconds(self._process.pid)) > self._timeout:
            for _, why in self._pulse.late(self._timeout):
                self.close()
                raise EvaluationEnded(why)

    def close(self) -> None:
        if self._process is not None:
            kill(self._process)
            self._process.join(END_WITHIN)
            self._connection.close()
            self._process = None


class EvaluatorProcesses:
    """One process while training goes on, and from its end on as many as there were workers, which share the
    episodes."""

    def __init__(self, make: Callable[[], EvaluatorProcess], workers: int):
        self._make, self._workers = make, workers
        self._all, self._asked = [make()], list[EvaluatorProcess]()
        self._played: dict[EvaluatorProcess, Played] = {}

    def have_all_cores(self) -> None:
        self._all += [self._make() for _ in range(self._workers - len(self._all))]

    def ask(self, snapshot: Snapshot, way: Way, episodes: int, seed: int, cut_after: int) -> None:
        self._asked, self._played = self._all[:episodes], {}
        for player, one in enumerate(self._asked):
            own = int(np.random.SeedSequence([seed, player]).generate_state(1)[0]) if player else seed
            one.ask(snapshot, way, share(episodes, player, len(self._asked)), own, cut_after)

    def answer(self, timeout: float = 0.0) -> list[Played]:
        for one in self._asked:
            if one not in self._played and (played := one.answer(timeout)) is not None:
                self._played[one] = played
        if len(self._played) < len(self._asked):
            return []
        asked, self._asked = self._asked, []
        return [self._played[one] for one in asked]

    def close(self) -> None:
        for one in self._all:
            one.close()


class InlineEvaluator:
    """Plays at once, when it is asked."""

    def __init__(self, work: "Work", random: bool, step_timeout: float, going_on: Callable[[], bool]):
        """A step may take `step_timeout` seconds; `going_on` says whether somebody still waits for it."""
        self._work, self._random, self._timeout, self._going_on = work, random, step_timeout, going_on
        self._pulse = Pulse(1, shared=False)
        self._evaluator = None
        self._played: Played | None = None

    def ask(self, snapshot: Snapshot, way: Way, episodes: int, seed: int, cut_after: int) -> None:
        from a3c.processes.tokens import Stopped
        from a3c.roles.evaluator import Evaluator

        if self._evaluator is None:
            self._evaluator = Evaluator(self._work.evaluation_environments, self._work.policy, self._random)
        evaluator, self._played = self._evaluator, None
        end_watch = self._pulse.watch(0, lambda: evaluator.calls)
        with suppress(Stopped):
            try:
                with watched(self._pulse, self._timeout):
                    self._played = evaluator.play(Order(1, snapshot, way, episodes, seed, cut_after), self._going_on)
            except Rang as rang:
                raise EvaluationEnded(str(rang)) from None
            except A3CError as error:
                raise EvaluationEnded(str(error)) from error
            except Exception as error:
                raise EvaluationEnded(described(error), traceback.format_exc()) from error
            finally:
                end_watch()

    def answer(self, timeout: float = 0.0) -> list[Played]:
        played, self._played = self._played, None
        return [] if played is None else [played]

    def have_all_cores(self) -> None: ...

    def close(self) -> None:
        if self._evaluator is not None:
            self._evaluator.close()


def evaluation_seed(seed: int | None, number: int) -> int:
    """Of an evaluation, numbered through the run: none plays the episodes of another."""
    return int(np.random.SeedSequence(seed or 0, spawn_key=(5, number)).generate_state(1)[0])
