"""The process of one worker, or of the learner."""

import importlib
import time
import traceback
from contextlib import suppress
from multiprocessing.connection import Connection
from typing import TYPE_CHECKING, Any

import numpy as np

from a3c.config import TrainConfig
from a3c.environments.generators import GlobalGenerators
from a3c.errors import A3CError, described
from a3c.parallel.leaving import leave
from a3c.parallel.messages import Failure, Finished, Report, Task
from a3c.parallel.processes import prepare_worker
from a3c.parallel.tokens import Stopped

if TYPE_CHECKING:
    # The main process imports this module too, and needs no JAX.
    from a3c.parallel.worker import Worker


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
    from a3c.parallel.worker import Work, Worker

    worker = Worker(task, Work.unpack(work), connection.send)
    workers.append(worker)
    if not compiled_before:
        _let_the_first_compile(task)
    run(worker)


def run(worker: "Worker") -> None:
    """A worker's whole life, however it ends."""
    with suppress(Stopped):
        algorithm(worker.config).run(worker)
    worker.reporter.flush()


def algorithm(config: TrainConfig) -> Any:
    """The algorithm's module: it has `run(worker)`, and `duties(learner)` where there is a learner."""
    return importlib.import_module(f"a3c.algorithms.{config.algorithm}")


def _learn(connection: Connection, task: Task, work: bytes) -> None:
    from a3c.parallel.duties import DutyThreads
    from a3c.parallel.learner import Learner
    from a3c.parallel.worker import Work

    learner = Learner(task, Work.unpack(work), connection.send)
    duties = algorithm(task.config).duties(learner)
    threads = DutyThreads(duties, {name: getattr(task.config, f"{name}s") for name in duties})
    adjust = None
    if task.config.adjust_threads:
        adjust = algorithm(task.config).Adjustment(threads.wanted, np.random.default_rng(task.seed))

    def tick() -> None:
        learner.reporter.threads = dict(threads.wanted)
        if adjust is not None:
            adjust(task.store.total("updates"), time.monotonic())

    tick()
    threads.run(learner.ended, tick)
    learner.reporter.flush()


def _let_the_first_compile(task: Task) -> None:
    """Waits until worker 0 has compiled all and taken steps: all compiling the same at once would only take longer."""
    before = task.store.total("steps")
    while task.index > 0 and task.store.total("steps") == before and not task.store.stopping:
        time.sleep(0.01)
