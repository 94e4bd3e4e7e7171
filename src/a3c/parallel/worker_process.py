"""The process of one worker."""

import importlib
import pickle
import time
import traceback
from multiprocessing.connection import Connection

from a3c.errors import A3CError
from a3c.parallel.messages import Failure, Finished, WorkerTask
from a3c.parallel.processes import prepare_worker


def main(connection: Connection, task: WorkerTask, work: bytes) -> None:
    """A worker: unpacks its work, runs the algorithm's loop, and says how it ended."""
    try:
        compiled_before = prepare_worker()
        # Not at the top: the main process imports this module too, and needs no JAX.
        from a3c.parallel.worker import Worker

        worker = Worker(task, pickle.loads(work), connection.send)
        if not compiled_before:
            _let_the_first_compile(task)
        importlib.import_module(f"a3c.algorithms.{task.config.algorithm}").run(worker)
        worker.flush()
        connection.send(Finished())
    except BrokenPipeError:
        pass
    except A3CError as error:
        connection.send(Failure(str(error), ""))
    except BaseException as error:
        connection.send(Failure(f"{type(error).__name__}: {error}", traceback.format_exc()))


def _let_the_first_compile(task: WorkerTask) -> None:
    """Waits until worker 0 has compiled all and taken steps: all compiling the same at once would only take longer."""
    before = task.store.total("steps")
    while task.index > 0 and task.store.total("steps") == before and not task.store.stopping:
        time.sleep(0.01)
