"""Processes of the tests, and what they run: importable by name, as a started process needs."""

import os
import pickle
import signal
import threading
from collections import Counter
from contextlib import contextmanager
from multiprocessing import Pipe
from multiprocessing.util import get_temp_dir

import gymnasium
import numpy as np
from gymnasium.spaces import Box, Discrete

from a3c.environments.observations import Observations
from a3c.environments.spaces import Layout
from a3c.errors import A3CError
from a3c.learning.snapshot import Snapshot
from a3c.networks.actions import DiscreteActions
from a3c.processes.leaving import leave
from a3c.processes.starting import prepare_worker, start
from a3c.processes.tokens import Stopped
from a3c.rollout.segment import Segment
from a3c.sharing.prediction_board import RemotePolicy

PATIENCE = 120
"""Seconds after which a process that says nothing counts as blocked."""


class Remote:
    """A started process that answers over a pipe."""

    def __init__(self, target, *arguments):
        self.connection, theirs = Pipe()
        self.process = start(target, (theirs, *arguments), "test")
        theirs.close()

    def ask(self, *question):
        self.connection.send(question)

    def answer(self):
        assert self.connection.poll(PATIENCE), "the process does not answer"
        return self.connection.recv()

    def __call__(self, *question):
        self.ask(*question)
        return self.answer()


@contextmanager
def processes(*calls):
    remotes = []
    try:
        remotes += [Remote(*call) for call in calls]
        yield remotes
    finally:
        for remote in remotes:
            remote.process.kill()
            remote.process.join()
            remote.process.close()
            remote.connection.close()


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
    with lock:
        connection.send("held")
        connection.recv()


def answer(connection, function, *arguments):
    """Sends what `function(*arguments)` gives, or "stopped" where it raises Stopped."""
    prepare_worker()
    connection.send(_result(function, *arguments))


def _result(function, *arguments):
    try:
        return function(*arguments)
    except Stopped:
        return "stopped"


def kill_itself():
    os.kill(os.getpid(), signal.SIGKILL)


def leaves_with_a_thread(connection):
    """What an environment may do: use multiprocessing's folder, and start a thread that does not end."""
    prepare_worker()
    connection.send(get_temp_dir())
    threading.Thread(target=signal.pause).start()
    leave()


def loses_its_parent(connection):
    """Its parent uses that folder too, and is killed."""
    prepare_worker()
    theirs = Pipe()
    start(uses_temporary, (theirs[1],), "test")
    connection.send((get_temp_dir(), *theirs[0].recv()))
    kill_itself()


def uses_temporary(connection):
    prepare_worker()
    connection.send((get_temp_dir(), os.getpid()))
    signal.pause()


class InThread:
    """A thread that runs `function`; `answer()` is what `answer` sends, or raises what it raised."""

    def __init__(self, function, *arguments):
        self._function, self._arguments = function, arguments
        self._answer = self._error = None
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self):
        try:
            self._answer = _result(self._function, *self._arguments)
        except BaseException as error:
            self._error = error

    @property
    def ident(self):
        return self._thread.ident

    @property
    def running(self):
        return self._thread.is_alive()

    def answer(self):
        self._thread.join(PATIENCE)
        assert not self.running, "the thread does not end"
        if self._error is not None:
            raise self._error
        return self._answer


class QuietStore:
    """Stands in for a store where nothing is trained: it stops, has counted `steps()`, and knows who waits.

    Who waits looks now and then whether the run is stopping, and looks at no other time.
    """

    def __init__(self, steps=lambda: 0):
        self.stop_now, self._steps, self._looks = False, steps, Counter()
        self._looked = threading.Condition()

    @property
    def stopping(self):
        with self._looked:
            self._looks[threading.current_thread().ident] += 1
            self._looked.notify_all()
        return self.stop_now

    statistics = np.empty(0, np.float32)

    def totals(self):
        return {"steps": self._steps(), "episodes": 0, "updates": 0}

    def total(self, counter):
        return self.totals()[counter]

    def wait_until_waiting(self, *threads):
        """Until these InThreads wait for what has not come yet: two looks, as the first may have begun before."""
        with self._looked:
            enough = {thread.ident: self._looks[thread.ident] + 2 for thread in threads}
            waiting = self._looked.wait_for(lambda: all(self._looks[i] >= n for i, n in enough.items()), PATIENCE)
        assert waiting, "nobody waits"


LAST = 65_535
"""The token that tells a taker to end."""


def put_tokens(pipe, first, count, at_once):
    for start_ in range(first, first + count, at_once):
        pipe.put(*range(start_, min(start_ + at_once, first + count)))


def take_tokens(pipe, most):
    """All that this one gets until the last."""
    taken = []
    while LAST not in taken:
        taken += pipe.take(most, PATIENCE)
    lasts = taken.count(LAST)
    pipe.put(*[LAST] * (lasts - 1))
    return taken[:-lasts]


def segment_of(id_, log_probs=True):
    """A segment, T = 3 and B = 2, that is all of this id: no two fields or ids are alike."""
    generator = np.random.default_rng(id_)
    terminated, truncated, mask = generator.random((3, 3, 2)) < 0.5
    return Segment(
        observations=np.full((4, 2, 2), id_, np.float32),
        actions=generator.integers(1000, size=(3, 2)),
        rewards=generator.random((3, 2), np.float32),
        terminated=terminated,
        truncated=truncated,
        mask=mask,
        log_probs=generator.random((3, 2), np.float32) if log_probs else None,
        starts=generator.random((4, 2)) < 0.5 if log_probs else None,
        first_state=generator.random((1, 2, 5), np.float32) if log_probs else None,
    )


def put_segments(queue, ids, log_probs=True):
    for id_ in ids:
        queue.put(segment_of(id_, log_probs), version=id_ / 2)
    return "done"


def kill_while_it_puts(connection, queue, id_, moment):
    """Puts a segment, and is killed meanwhile."""
    if moment == "filling":
        queue._versions = None
    if moment == "after taking":
        queue._free.take_now = lambda most, take=queue._free.take_now: take(most) and kill_itself()
    if moment == "before putting":
        queue._full.put = lambda *tokens: kill_itself()
    try:
        put_segments(queue, [id_])
    finally:
        kill_itself()


class EchoPolicy:
    """Stands in for a network: its action is the number that the observation is, `[B, 2]` of (number, number)."""

    observations = Observations(Box(0, 1e6, (2,), np.float32))
    actions = DiscreteActions(Discrete(1_000_000))
    layout = Layout((2,), np.dtype(np.float32), (), np.dtype(np.int64), ())
    noise = actions.noise

    def __init__(self):
        self.batches = []

    def predict(self, parameters, observations, noise, epsilon):
        """The log-probability that it says is noise + 10 epsilon, the value is twice the number."""
        self.batches.append(len(observations))
        assert (observations[..., 0] == observations[..., 1]).all()
        numbers = observations[..., 0]
        return np.stack([numbers, noise + 10 * epsilon, 2 * numbers], axis=-1)


def ask_often(board, worker, environments, times):
    """A worker that asks for actions and values in turn; says how many answers were not its own."""
    policy, generator, wrong = RemotePolicy(board, worker, EchoPolicy()), np.random.default_rng(worker), 0
    for time in range(times):
        numbers = np.array([10_000 * worker + 1000 * index + time for index in range(environments)], np.float32)
        observations = np.stack([numbers, numbers], axis=1)
        noise, epsilon = policy.noise(generator, (environments,)), (worker + 1) / 8
        said = policy.choose(None, observations, noise, epsilon)
        actions, log_probs = said.actions.copy(), said.log_probs.copy()
        values = policy.value(None, observations + 500)
        policy.take_version()
        wrong += not (
            np.array_equal(actions, numbers)
            and np.array_equal(values, 2 * (numbers + 500))
            and np.array_equal(log_probs, noise + np.float32(10 * epsilon))
        )
    return wrong


def meet(team, worker, gradients):
    """A worker of a team, with these gradients one after the other: the means that it gets, and the totals after."""
    means, totals = [], []
    team.store.attach(worker)
    for gradient in gradients:
        team.store.count(steps=worker + 1)
        with team.meeting(worker, gradient) as mean:
            means.append(mean)
        totals.append(team.totals)
    return means, totals


def publish(published, size, versions):
    for version in versions:
        published.publish(Snapshot(np.full(size, version, np.float32), np.full(2, version, np.float32), version))
    return "done"


def made_by_id(registrations, ids):
    """With these registrations, for each id: the classes from the outermost wrapper to the environment, and its
    `length`, if it has one; or the error that there was."""
    registrations.register()
    answers = []
    for id_ in ids:
        try:
            environment = gymnasium.make(id_)
        except A3CError as error:
            answers.append(f"{type(error).__name__}: {error}")
            continue
        length, classes = getattr(environment.unwrapped, "length", None), []
        while isinstance(environment, gymnasium.Wrapper):
            classes.append(type(environment).__name__)
            environment = environment.env
        answers.append(([*classes, type(environment).__name__], length))
    return answers
