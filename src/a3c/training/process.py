"""The process of one worker, or of the learner."""

import importlib
import os
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from multiprocessing.connection import Connection
from pathlib import Path
from typing import TYPE_CHECKING, Any

from a3c.config.making import recorded
from a3c.config.run import RunSettings
from a3c.config.setting import names_of
from a3c.environments.generators import GlobalGenerators
from a3c.errors import A3CError, WorkerError, described
from a3c.processes.compilation_cache import mark_of
from a3c.processes.leaving import leave
from a3c.processes.pulse import Pulse
from a3c.processes.starting import prepare_worker
from a3c.processes.tokens import Stopped
from a3c.roles.messages import Failure, Finished, Report, Task
from a3c.sharing.assignment import Assignment

NICENESS = 11
"""How far an evaluator stands back: beside a worker on each core it gets about a twelfth of one core."""
LOOK_EVERY = 0.02
"""Seconds between two looks of an evaluator whether there is something to play."""

if TYPE_CHECKING:
    # The main process imports this module too, and needs no JAX.
    from a3c.roles.worker import Worker


def main(connection: Connection, task: Task, work: bytes) -> None:
    """Unpacks the work, runs the algorithm's part in it, says how it ended, and closes the environments."""
    outcome: Finished | Failure | WorkerError = Finished()
    workers: list[Worker] = []
    try:
        _work(connection, task, work, workers)
    except WorkerError as error:
        # A relay's, of a station: it says who failed, and that the run is to end.
        outcome = error
    except A3CError as error:
        outcome = Failure(str(error), "")
    except BaseException as error:
        outcome = Failure(described(error), traceback.format_exc())
    # The main process may be gone.
    with suppress(BrokenPipeError):
        if isinstance(outcome, Failure):
            # What was done before is not lost with the one who did it.
            for worker in workers:
                worker.reporter.flush()
        connection.send(outcome)
        for worker in workers:
            if wrong := worker.close():
                connection.send(Report(task.index, remarks={"close": wrong}))
    leave()


def _work(connection: Connection, task: Task, work: bytes, workers: list["Worker"]) -> None:
    """`workers` gets the worker as soon as there is one."""
    compiled = prepare_worker(task.platforms if task.is_learner else "cpu")
    GlobalGenerators(task.seed).swap()
    if task.is_learner:
        _learn(connection, task, work)
        return
    if task.replaces is not None:
        task.exchange.reclaim(task.index, task.replaces)
    if task.config.relays:
        # Above this, as it has workers of its own.
        loop("a3c.cluster.relay:run")(task, work, connection.send)
        return
    from a3c.roles.worker import Work, Worker

    worker = Worker(task, Work.unpack(work), connection.send)
    workers.append(worker)
    if compiled is not None:
        _let_the_first_compile(worker, task.index, compiled)
    run(worker)


def evaluate(connection: Connection, work: bytes, random: bool, assignment: Assignment, pulse: Pulse) -> None:
    """A process that plays the evaluations beside training, at low priority: it takes what workers leave."""
    try:
        prepare_worker()
        if hasattr(os, "nice"):
            os.nice(NICENESS)
        _evaluate(connection, work, random, assignment, pulse)
    except A3CError as error:
        _say(connection, Failure(str(error), ""))
    except BaseException as error:
        _say(connection, Failure(described(error), traceback.format_exc()))
    leave()


def _evaluate(connection: Connection, work: bytes, random: bool, assignment: Assignment, pulse: Pulse) -> None:
    from a3c.roles.evaluator import Evaluator
    from a3c.roles.worker import Work

    unpacked, played = Work.unpack(work), 0
    evaluator = Evaluator(unpacked.evaluation_environments, unpacked.policy, random)
    pulse.watch(0, lambda: evaluator.calls)
    while True:
        order = assignment.order(played)
        if order is None:
            time.sleep(LOOK_EVERY)
            continue
        played = order.number
        # Another order may come while this one is played, which nobody waits for any more.
        with suppress(Stopped):
            connection.send(evaluator.play(order, lambda wanted=played: assignment.is_open(wanted)))


def _say(connection: Connection, failure: Failure) -> None:
    # The main process may be gone.
    with suppress(BrokenPipeError):
        connection.send(failure)


def run(worker: "Worker") -> None:
    """A worker's whole life, however it ends."""
    with suppress(Stopped):
        loop(worker.config.algorithm.worker)(worker)
    worker.reporter.flush()


def loop(reference: str | Callable[..., Any] | None) -> Callable[..., Any]:
    """An algorithm's loop, which it names by `module:function`."""
    if not isinstance(reference, str):
        assert reference is not None
        return reference
    module, _, name = reference.partition(":")
    return getattr(importlib.import_module(module), name)


def _learn(connection: Connection, task: Task, work: bytes) -> None:
    from a3c.roles.learner import Learner
    from a3c.roles.worker import Work
    from a3c.sharing.duties import DutyThreads

    learner = Learner(task, Work.unpack(work), connection.send)
    duties = loop(task.config.algorithm.learner)(learner)
    threads = DutyThreads(duties)

    def tick() -> None:
        learner.reporter.threads = dict(threads.wanted)
        if duties.adjust is not None:
            duties.adjust(task.store.total("updates"), time.monotonic())

    tick()
    threads.run(learner.ended, tick)
    learner.reporter.flush()


def _let_the_first_compile(worker: "Worker", index: int, folder: Path) -> None:
    """Waits, the first time that these programs are needed, until worker 0 of this machine has compiled them into the
    folder and taken steps: all compiling the same at once would only take longer. Where they are there already, loading
    them at once is faster."""
    if index == 0 or (mark := mark_of(folder, _programs(worker))).exists():
        return
    while not worker.store.steps_of(0) and worker.running():
        time.sleep(0.01)
    if worker.store.steps_of(0):
        # Not where somebody made the folder one that is read only.
        with suppress(OSError):
            mark.touch()


def _programs(worker: "Worker") -> tuple[Any, ...]:
    """What a worker compiles is made from this: all settings but those of the run, the spaces, the network's size."""
    settings = {name: value for name, value in recorded(worker.config).items() if name not in names_of(RunSettings)}
    return settings, worker.policy.layout, worker.policy.size
