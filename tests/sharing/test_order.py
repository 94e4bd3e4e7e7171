"""The Round: asynchronous workers who take turns, and what they act with meanwhile."""

import random
import time
from functools import partial

import numpy as np
import pytest

from a3c.learning.snapshot import Snapshot
from a3c.processes.tokens import Stopped
from a3c.sharing.course import Course, Verdict
from a3c.sharing.order import Freely, Round
from a3c.sharing.parameter_store import ParameterStore
from a3c.sharing.published import PublishedSnapshots
from a3c.sharing.segment_queue import SegmentQueue
from configs_for_tests import config_with
from processes_for_tests import InThread, QuietStore, segment_of

TURNS = 60
COURSE = partial(Course, config_with())


class CountingStore(ParameterStore):
    """Its one parameter is the number of updates."""

    def __init__(self):
        super().__init__(np.zeros(1, np.float32), np.zeros((0, 1), np.float32), 1, shared=False)
        self.attach(0)

    def update(self):
        self._floats.array[0] += 1
        self.count(updates=1, steps=10)


def some_time():
    """Sleeps for a while that no seed decides."""
    if random.SystemRandom().random() < 0.2:
        time.sleep(random.SystemRandom().random() * 0.002)


@pytest.mark.parametrize("workers", [1, 2, 3, 5])
def test_turns_are_taken_in_one_order_however_fast_each_worker_is(workers):
    store = CountingStore()
    round_, order = Round(workers, store, COURSE()), []

    def work(worker):
        place, seen = round_.place(worker), []
        while len(seen) < TURNS:
            snapshot, totals = place.read(), place.totals
            some_time()
            with place.turn():
                order.append((place.number, worker))
                store.update()
            seen.append((int(snapshot.version), int(snapshot.parameters[0]), totals["steps"]))
        return seen

    threads = [InThread(work, worker) for worker in range(workers)]
    for worker, thread in enumerate(threads):
        # What it read is what there was right after its own turn before: others have changed it N - 1 times since.
        versions = [0] + [turn * workers + worker + 1 for turn in range(TURNS - 1)]
        assert thread.answer() == [(version, version, 10 * version) for version in versions]
    assert order == [(number, number % workers) for number in range(workers * TURNS)]


@pytest.mark.parametrize("batch", [1, 2, 7])
@pytest.mark.parametrize("workers", [2, 3, 5])
def test_a_learner_and_workers_in_order_never_wait_for_each_other_for_ever(workers, batch):
    """The queue holds the least that it may, and everybody is slow now and then."""
    store = CountingStore()
    round_ = Round(workers, store, COURSE(), reads=False)
    queue = SegmentQueue(segment_of(0), batch, store)
    published = PublishedSnapshots(store.read(), 0, workers, batch)

    def work(worker):
        place, versions = round_.place(worker), []
        while len(versions) < TURNS:
            snapshot = published.read_at(published.version_at(place.before), worker, store)
            assert snapshot.parameters[0] == snapshot.version
            versions.append(int(snapshot.version))
            some_time()
            with place.turn():
                queue.put(segment_of(place.number), snapshot.version)
        return versions

    def learn():
        ids = []
        while len(ids) + batch <= workers * TURNS:
            some_time()
            if (taken := queue.get(batch, 1.0)) is not None:
                ids += taken.segment.observations[0, ::2, 0].astype(int).tolist()
                store.update()
                published.publish(store.read())
        return ids

    learner, threads = InThread(learn), [InThread(work, worker) for worker in range(workers)]
    segments = range(workers * TURNS // batch * batch)
    assert learner.answer() == list(segments)
    for worker, thread in enumerate(threads):
        before = [0] + [turn * workers + worker + 1 for turn in range(TURNS - 1)]
        assert thread.answer() == [max(0, turns // batch - 1) for turns in before]


def test_a_forced_lag_is_kept_in_order_too():
    published = PublishedSnapshots(Snapshot(np.zeros(1, np.float32), version=5), 3, readers=2, batch=2)
    assert [published.version_at(turns) for turns in (0, 1, 8, 9, 10, 20)] == [5, 5, 5, 5, 6, 11]


def test_who_waits_for_a_turn_or_a_version_is_told_that_the_run_stops(looking_often):
    store = QuietStore()
    store.snapshot, store.total = Snapshot(np.zeros(1, np.float32)), lambda _: 0
    round_, published = Round(2, store, COURSE()), PublishedSnapshots(store.snapshot, 0, 2, 1)

    def wait_for_turn():
        with round_.place(1).turn():
            raise AssertionError("it was nobody's turn")

    threads = InThread(wait_for_turn), InThread(published.read_at, 1, 1, store)
    store.wait_until_waiting(*threads)
    store.stop_now = True
    assert [thread.answer() for thread in threads] == ["stopped", "stopped"]


def test_who_fails_in_a_turn_hands_nothing_on(looking_often):
    store = QuietStore()
    store.snapshot, store.total = Snapshot(np.zeros(1, np.float32)), lambda _: 0
    round_ = Round(2, store, COURSE())
    with pytest.raises(ZeroDivisionError), round_.place(0).turn():
        raise ZeroDivisionError
    store.stop_now = True
    with pytest.raises(Stopped), round_.place(1).turn():
        raise AssertionError("the turn was handed on")


def test_without_an_order_everything_is_of_now():
    store = CountingStore()
    place = Freely(store, COURSE())
    store.update()
    with place.turn():
        assert (place.totals["steps"], place.read().version, place.step) == (10, 1, 10)
    assert (place.number, place.before, place.verdict()) == (None, None, Verdict.GO_ON)
