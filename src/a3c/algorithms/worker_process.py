"""The process of one worker. Importing this module imports all that a worker needs, and computes nothing."""

import importlib
import pickle
import traceback
from multiprocessing.connection import Connection

import numpy as np

import a3c.algorithms.a3c
import a3c.algorithms.random  # noqa: F401
from a3c.errors import A3CError
from a3c.parallel.parameter_store import ParameterStore
from a3c.parallel.processes import prepare_worker
from a3c.parallel.worker import Failure, Finished, Worker, WorkerTask


def main(index: int, connection: Connection, store: ParameterStore, seed: np.random.SeedSequence, rest: bytes) -> None:
    """A worker: unpacks its task, runs the algorithm's loop, and says how it ended."""
    try:
        prepare_worker()
        config, environments, policy = pickle.loads(rest)
        task = WorkerTask(index, config, environments, policy, store, seed)
        worker = Worker(task, connection.send)
        importlib.import_module(f"a3c.algorithms.{task.config.algorithm}").run(worker)
        worker.flush()
        connection.send(Finished())
    except BrokenPipeError:
        pass
    except A3CError as error:
        connection.send(Failure(str(error), ""))
    except BaseException as error:
        connection.send(Failure(f"{type(error).__name__}: {error}", traceback.format_exc()))
