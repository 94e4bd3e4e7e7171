"""What worker processes of the tests run: importable by name, as a started process needs."""

import pickle

import numpy as np

from a3c.parallel.processes import prepare_worker


def serve(connection, worker, store, policy_bytes=None):
    """Answers (name, *arguments) until the pipe closes: the store's methods, `initial` and `act` of the policy."""
    prepare_worker()
    store.attach(worker, store._optimizer)
    policy = policy_bytes and pickle.loads(policy_bytes)
    connection.send("ready")
    while True:
        try:
            name, *arguments = connection.recv()
        except EOFError:
            return
        if name == "initial":
            connection.send(policy.initial_parameters)
        elif name == "act":
            connection.send(np.asarray(policy.act(*arguments)))
        elif name == "repeat":
            times, method, keywords = arguments
            for _ in range(times):
                getattr(store, method)(**keywords)
            connection.send("done")
        else:
            connection.send(getattr(store, name)(*arguments))


def hold(connection, lock):
    """Takes the lock, says so, and keeps it until this process is ended or told to let go."""
    with lock.held():
        connection.send("held")
        connection.recv()
