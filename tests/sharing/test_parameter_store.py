import fcntl
import os
import signal
from contextlib import contextmanager

import gymnasium
import numpy as np
import pytest

from a3c.errors import TrainingDiverged
from a3c.learning.optimizers import SharedOptimizer
from a3c.networks.policy import Policy
from a3c.processes.pickling import dumps
from a3c.processes.shared_memory import FileLock
from a3c.sharing.parameter_store import ParameterStore
from configs_for_tests import config_with
from processes_for_tests import PATIENCE, hold, processes, serve


@contextmanager
def serving(store, workers, *more):
    with processes(*((serve, worker, store, *more) for worker in range(workers))) as remotes:
        assert [remote.answer() for remote in remotes] == ["ready"] * workers
        yield remotes


@pytest.fixture
def make_store():
    locks = []

    def make(parameters, workers, optimizer="sgd", optimizer_state=None, **options):
        optimizer = SharedOptimizer(optimizer, {}, parameters.size)
        state = optimizer.initial_state() if optimizer_state is None else optimizer_state
        store = ParameterStore(parameters, state, workers, **options)
        store.attach(0, optimizer)
        if store._lock is not None:
            locks.append(store._lock)
        return store

    yield make
    for lock in locks:
        lock._file.close()


def test_a_gradient_of_one_worker_reaches_the_next_read_of_every_other(make_store):
    before = np.array([1.0, 2.0, 3.0], np.float32)
    store = make_store(before, 3)
    with serving(store, 3) as (a, b, c):
        assert a("apply", np.array([1, 0, -1], np.float32), 0.5, 0) == 0
        for remote in (a, b, c):
            snapshot = remote("read")
            np.testing.assert_array_equal(snapshot.parameters, [0.5, 2.0, 3.5])
            assert snapshot.version == 1
        b("apply", np.array([0, 4, 0], np.float32), 0.25, 1)
        np.testing.assert_array_equal(c("read").parameters, [0.5, 1.0, 3.5])
        # A still holds what it read at version 1: b's update has come since.
        assert a("apply", np.zeros(3, np.float32), 0.5, 1) == 1
    np.testing.assert_array_equal(store.parameters, [0.5, 1.0, 3.5])
    assert store.totals() == {"steps": 0, "episodes": 0, "updates": 3}


def test_optimizer_state_is_shared_too(make_store):
    store = make_store(np.zeros(2, np.float32), 2, "rmsprop")
    with serving(store, 2) as (a, b):
        a("apply", np.array([1, 2], np.float32), 0.1, 0)
        b("apply", np.array([3, 0], np.float32), 0.1, 1)
    np.testing.assert_allclose(store.optimizer_state, [[0.99 * 0.01 + 0.01 * 9, 0.99 * 0.04]], rtol=1e-5)


def test_workers_start_from_the_shared_parameters(make_store):
    config = config_with(seed=3, hidden=(8,))
    cartpole = gymnasium.make("CartPole-v1")
    policy = Policy.make(cartpole.observation_space, cartpole.action_space, config)
    store = make_store(policy.initial_parameters, 2)
    observations, noise = np.ones((4, 4), np.float32), np.linspace(0, 0.9, 4, dtype=np.float32)
    expected = policy.act(policy.first_snapshot, observations, noise, 0.0)
    with serving(store, 2, dumps(policy)) as remotes:
        for remote in remotes:
            snapshot = remote("read")
            assert snapshot.version == 0
            np.testing.assert_array_equal(snapshot.parameters, policy.initial_parameters)
            np.testing.assert_array_equal(remote("initial"), policy.initial_parameters)
            np.testing.assert_array_equal(remote("act", snapshot, observations, noise, 0.0), expected)


@pytest.mark.parametrize("locked", [False, True])
def test_counters_are_exact_while_all_count_at_once(locked, make_store):
    times = 20_000
    store = make_store(np.zeros(1, np.float32), 3, locked=locked, counts={"steps": 7, "updates": 1})
    with serving(store, 3) as remotes:
        for remote in remotes:
            remote.ask("repeat", times, "count", {"steps": 2, "episodes": 1})
        assert [remote.answer() for remote in remotes] == ["done"] * 3
    assert store.totals() == {"steps": 7 + 3 * times * 2, "episodes": 3 * times, "updates": 1}


@pytest.mark.parametrize(("optimizer", "size", "times"), [("sgd", 500_000, 80), ("rmsprop", 1000, 300)])
def test_locked_updates_of_all_workers_equal_as_many_in_a_row(optimizer, size, times, make_store):
    gradient = {"gradient": np.ones(size, np.float32), "learning_rate": 1.0, "version": 0}
    alone = make_store(np.zeros(size, np.float32), 1, optimizer, shared=False)
    for _ in range(3 * times):
        alone.apply(**gradient)
    store = make_store(np.zeros(size, np.float32), 3, optimizer, locked=True)
    with serving(store, 3) as remotes:
        for remote in remotes:
            remote.ask("repeat", times, "apply", gradient)
        assert [remote.answer() for remote in remotes] == ["done"] * 3
    np.testing.assert_allclose(store.parameters, alone.parameters, rtol=1e-6)
    assert store.total("updates") == 3 * times
    if optimizer == "sgd":
        np.testing.assert_array_equal(store.parameters, -3.0 * times)


@pytest.mark.parametrize("killed", [True, False])
def test_the_lock_is_free_again_once_its_holder_is_killed_or_lets_go(killed):
    lock = FileLock()
    with processes((hold, lock)) as (holder,):
        assert holder.answer() == "held"
        with pytest.raises(BlockingIOError):
            fcntl.lockf(lock._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if killed:
            holder.process.kill()
        else:
            holder.ask("let go")
        holder.process.join(PATIENCE)
        assert holder.process.exitcode == (-signal.SIGKILL if killed else 0)
        with processes((hold, lock)) as (next_holder,):
            assert next_holder.answer() == "held"
    lock._file.close()


def test_who_only_watches_waits_for_no_lock(make_store, monkeypatch):
    """A worker may be suspended while it holds the lock."""
    store = make_store(np.ones(2, np.float32), 1, locked=True)
    monkeypatch.setattr(FileLock, "__enter__", lambda self: pytest.fail("it waits for the lock"))
    np.testing.assert_array_equal(store.snapshot.parameters, [1, 1])
    assert store.snapshot.version == 0


def test_asking_to_stop_reaches_every_worker(make_store):
    store = make_store(np.zeros(1, np.float32), 1)
    with processes((serve, 0, store)) as (remote,):
        assert remote.answer() == "ready"
        assert not store.stopping
        remote("stop")
        assert store.stopping


@pytest.mark.parametrize("shared", [True, False])
def test_what_is_read_is_a_copy(shared, make_store):
    store = make_store(np.zeros(2, np.float32), 1, "rmsprop", shared=shared)
    snapshot, state = store.read(), store.optimizer_state
    store.apply(np.ones(2, np.float32), 1.0, snapshot.version)
    np.testing.assert_array_equal([*snapshot.parameters, *state[0]], 0)
    state[:] = 9
    assert 9 not in store.optimizer_state
    with pytest.raises(ValueError, match="read-only"):
        snapshot.parameters[:] = 9


def test_a_store_continues_from_counts_and_state(make_store):
    state = np.full((1, 2), 4.0, np.float32)
    counts = {"steps": 10, "episodes": 2, "updates": 5}
    store = make_store(np.ones(2, np.float32), 1, "rmsprop", optimizer_state=state, counts=counts)
    np.testing.assert_array_equal(store.optimizer_state, state)
    assert store.read().version == 5
    assert store.apply(np.zeros(2, np.float32), 0.1, 5) == 0
    store.count(steps=3, episodes=1)
    assert store.totals() == {"steps": 13, "episodes": 3, "updates": 6}


class Paused:
    """An optimizer whose first `pauses` updates are computed, and then wait for `meanwhile()` to be over."""

    def __init__(self, optimizer, meanwhile, pauses=1):
        self._optimizer, self._meanwhile, self._pauses, self.computed = optimizer, meanwhile, pauses, 0

    def update(self, *arguments):
        change = np.asarray(self._optimizer.update(*arguments))
        self.computed += 1
        if self.computed <= self._pauses:
            self._meanwhile()
        return change


def test_a_worker_that_was_paused_between_reading_and_adding_does_no_harm():
    """It computes a change while gradients are large, and wakes up when they are small and others have gone on."""
    size, updates = 100, 1000
    optimizer = SharedOptimizer("adam", {"b2": 0.99}, size)
    store = ParameterStore(np.zeros(size, np.float32), optimizer.initial_state(), 1, shared=False)
    store.attach(0, optimizer)
    generator = np.random.default_rng(0)

    def apply(scale):
        return store.apply((scale * generator.normal(size=size)).astype(np.float32), 1e-3, store.total("updates"))

    def others_go_on():
        store.attach(0, optimizer)
        for update in range(updates):
            apply(10.0 ** (-6 * update / updates))
        store.attach(0, paused)

    for _ in range(100):
        apply(1.0)
    paused = Paused(optimizer, others_go_on)
    store.attach(0, paused)
    before = store.total("updates")
    assert apply(0.0) == updates
    assert store.total("updates") == before + updates + 1
    # The change from before the pause was not made: it was computed anew.
    assert paused.computed == 2
    for _ in range(200):
        apply(1e-6)
        assert (store.optimizer_state[1] >= 0).all()
    assert np.isfinite(store.parameters).all()


def test_a_change_that_a_few_updates_of_others_came_before_is_made(make_store):
    store = make_store(np.zeros(2, np.float32), 1, "rmsprop", shared=False)
    optimizer = store._optimizer

    def others_go_on():
        store.attach(0, optimizer)
        for _ in range(50):
            store.apply(np.ones(2, np.float32), 0.1, 0)
        store.attach(0, paused)

    paused = Paused(optimizer, others_go_on)
    store.attach(0, paused)
    store.apply(np.ones(2, np.float32), 0.1, 0)
    assert (paused.computed, store.total("updates")) == (1, 51)


def test_a_worker_that_the_system_stops_in_the_middle_of_its_update_does_no_harm(make_store):
    """What a laptop's sleep does, or too many processes on too few cores."""
    store = make_store(np.zeros(1000, np.float32), 2, "adam")
    for _ in range(100):
        store.apply(np.ones(1000, np.float32), 1e-3, 0)
    with serving(store, 1) as (other,):
        for _ in range(20):
            other.ask(
                "repeat", 200, "apply", {"gradient": np.ones(1000, np.float32), "learning_rate": 1e-3, "version": 0}
            )
            # Wherever it is now, it stays there.
            os.kill(other.process.pid, signal.SIGSTOP)
            for _ in range(100):
                store.apply(np.full(1000, 1e-6, np.float32), 1e-3, 0)
            os.kill(other.process.pid, signal.SIGCONT)
            assert other.answer() == "done"
            assert (store.optimizer_state[1] >= 0).all()
            assert np.isfinite(store.parameters).all()


def test_a_step_that_is_not_finite_changes_nothing(make_store):
    store = make_store(np.ones(2, np.float32), 1, "adam", shared=False)
    with pytest.raises(TrainingDiverged, match="no longer finite"):
        store.apply(np.array([1, np.inf], np.float32), 0.1, 0)
    np.testing.assert_array_equal(store.parameters, 1)
    np.testing.assert_array_equal(store.optimizer_state, 0)
    assert store.total("updates") == 0


def test_a_store_that_no_worker_attached_to_neither_counts_nor_applies():
    store = ParameterStore(np.zeros(1, np.float32), np.zeros((0, 1), np.float32), 2, shared=False)
    with pytest.raises(RuntimeError, match="attach"):
        store.count(steps=1)
    with pytest.raises(RuntimeError, match="attach"):
        store.apply(np.zeros(1, np.float32), 0.1, 0)
