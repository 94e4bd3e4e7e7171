"""The process of one worker, or of the learner."""

import importlib
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from multiprocessing.connection import Connection
from typing import TYPE_CHECKING, Any

from a3c.environments.generators import GlobalGenerators
from a3c.errors import A3CError, described
from a3c.processes.leaving import leave
from a3c.processes.starting import prepare_worker
from a3c.processes.tokens import Stopped
from a3c.roles.messages import Failure, Finished, Report, Task

if TYPE_CHECKING:
    # The main process imports this module too, and needs no JAX.
    from a3c.roles.worker import Worker


def main(connection: Connection, task: Task, work: bytes) -> None:
    """Unpacks the work, runs the algorithm's part in it, says how it ended, and closes the environments."""
    outcome: Finished | Failure = Finished()
    workers: list[Worker] = []
    try:
        _work(connection, task, work, workers)
    except A3CError as error:
        outcome = Failure(str(error), "")
    except BaseException as error:
        outcome = Failure(described(error), traceback.format_exc())
    # The main process may be gone.
    with suppress(BrokenPipeError):
        connection.send(outcome)
        for worker in workers:
            if wrong := worker.close():
                connection.send(Report(task.index, remarks={"close": wrong}))
    leave()


def _work(connection: Connection, task: Task, work: bytes, workers: list["Worker"]) -> None:
    """`workers` gets the worker as soon as there is one."""
    compiled_before = prepare_worker(task.platforms if task.is_learner else "cpu")
    GlobalGenerators(task.seed).swap()
    if task.is_learner:
        _learn(connection, task, work)
        return
    from a3c.roles.worker import Work, Worker

    worker = Worker(task, Work.unpack(work), connection.send)
    workers.append(worker)
    if not compiled_before:
        _let_the_first_compile(worker)
    run(worker)


def run(worker: "Worker") -> None:
    """A worker's whole life, however it ends."""
    with suppress(Stopped):
        loop(worker.config.algorithm.worker)(worker)
    worker.reporter.flush()


def loop(reference: str | Callable[[Any], Any] | None) -> Callable[[Any], Any]:
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


def _let_the_first_compile(worker: "Worker") -> None:
    """Waits until worker 0 has compiled all and taken steps: all compiling the same at once would only take longer."""
    while worker.index > 0 and not worker.store.steps_of(0) and worker.running():
        time.sleep(0.01)
