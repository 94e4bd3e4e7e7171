import numpy as np
import pytest

from a3c.sharing.parameter_store import ParameterStore
from a3c.sharing.segment_queue import SegmentQueue
from processes_for_tests import (
    PATIENCE,
    InThread,
    QuietStore,
    answer,
    kill_while_it_puts,
    processes,
    put_segments,
    segment_of,
)


@pytest.fixture
def store():
    return ParameterStore(np.zeros(1, np.float32), np.zeros((0, 1), np.float32), 1)


def make_queue(store, slots, log_probs=True):
    return SegmentQueue(segment_of(0, log_probs), slots, store)


def ids_of(batch):
    """The ids of the segments in a batch, after comparing every field with that of these segments side by side."""
    ids = batch.segment.observations[0, ::2, 0].astype(int).tolist()
    segments = [segment_of(id_, batch.segment.log_probs is not None) for id_ in ids]
    for field, of_each in zip(batch.segment, zip(*segments, strict=True), strict=True):
        if field is None:
            assert of_each == (None,) * len(ids)
        else:
            assert field.dtype == of_each[0].dtype
            np.testing.assert_array_equal(field, np.concatenate(of_each, axis=1))
    assert batch.version == np.mean([id_ / 2 for id_ in ids])
    return ids


@pytest.mark.parametrize("log_probs", [True, False])
def test_what_a_process_puts_comes_out_field_by_field_and_in_order(store, log_probs):
    queue = make_queue(store, 5, log_probs)
    with processes((answer, put_segments, queue, range(24), log_probs)) as (remote,):
        batches = [ids_of(queue.get(segments, PATIENCE)) for segments in (1, 3, 2, 5, 4, 1, 3, 5)]
        assert remote.answer() == "done"
    assert [id_ for ids in batches for id_ in ids] == list(range(24))
    assert [len(ids) for ids in batches] == [1, 3, 2, 5, 4, 1, 3, 5]
    assert len(queue) == 0


def test_the_version_is_the_mean_over_the_segments_and_those_left_are_counted(store):
    queue = make_queue(store, 4)
    for id_, version in enumerate((3, 6, 8, 9)):
        queue.put(segment_of(id_), version)
    first, second = queue.get(2, 0.0), queue.get(1, 0.0)
    assert (first.version, first.waiting) == (4.5, 2)
    assert (second.version, second.waiting) == (8, 1)


def test_a_full_queue_lets_its_putters_wait_and_loses_nothing(looking_often):
    store = QuietStore()
    queue = make_queue(store, 3)
    putter = InThread(put_segments, queue, range(8))
    taken = []
    while len(taken) < 5:
        store.wait_until_waiting(putter)
        assert len(queue) == 3
        assert putter.running
        taken += ids_of(queue.get(1, 0.0))
    assert putter.answer() == "done"
    while len(queue):
        taken += ids_of(queue.get(1, 0.0))
    assert taken == list(range(8))


def test_an_empty_queue_wakes_the_learner_when_something_comes(store):
    queue = make_queue(store, 2)
    assert queue.get(1, 0.0) is None
    for first in range(0, 100, 2):
        getter = InThread(queue.get, 2, PATIENCE)
        put_segments(queue, range(first, first + 2))
        assert ids_of(getter.answer()) == [first, first + 1]


def test_every_segment_is_trained_on_once_whoever_puts_and_whoever_takes(store):
    queue, each = make_queue(store, 4), 60

    def get_until_closed():
        batches = []
        while not (queue.closed and len(queue) < 2):
            if (batch := queue.get(2, 0.01)) is not None:
                batches.append(ids_of(batch))
        return batches

    getters = [InThread(get_until_closed) for _ in range(3)]
    ranges = [range(first, first + each) for first in range(0, 4 * each, each)]
    with processes(*((answer, put_segments, queue, ids) for ids in ranges[:2])) as remotes:
        threads = [InThread(put_segments, queue, ids) for ids in ranges[2:]]
        assert [putter.answer() for putter in (*remotes, *threads)] == ["done"] * 4
    queue.close()
    taken = [getter.answer() for getter in getters]
    assert sorted(id_ for batches in taken for ids in batches for id_ in ids) == list(range(4 * each))
    for batches in taken:
        for ids in ranges:
            of_one_putter = [id_ for batch in batches for id_ in batch if id_ in ids]
            assert of_one_putter == sorted(of_one_putter)


def test_what_was_gathered_is_kept_for_whoever_asks_next(store):
    queue = make_queue(store, 4)
    put_segments(queue, [1])
    assert queue.get(3, 0.0) is None
    put_segments(queue, [2])
    assert InThread(queue.get, 3, 0.01).answer() is None
    assert len(queue) == 2
    put_segments(queue, [3, 4])
    assert ids_of(queue.get(3, 0.0)) == [1, 2, 3]
    assert ids_of(queue.get(1, 0.0)) == [4]


def test_a_batch_stays_as_it_is_when_its_places_are_taken_again(store):
    queue = make_queue(store, 1)
    batches = []
    for id_ in range(4):
        put_segments(queue, [id_])
        batches.append(queue.get(1, 0.0))
    assert [ids_of(batch) for batch in batches] == [[0], [1], [2], [3]]


def test_the_end_of_a_run_ends_a_put_that_waits(looking_often):
    store = QuietStore()
    queue = make_queue(store, 2)
    putter = InThread(put_segments, queue, range(3))
    store.wait_until_waiting(putter)
    store.stop_now = True
    assert putter.answer() == "stopped"
    assert ids_of(queue.get(2, 0.0)) == [0, 1]


def test_the_end_of_a_run_reaches_a_process_that_waits(store):
    queue = make_queue(store, 2)
    with processes((answer, put_segments, queue, range(1000))) as (remote,):
        assert ids_of(queue.get(1, PATIENCE)) == [0]
        store.stop()
        assert remote.answer() == "stopped"


def test_what_is_in_a_closed_queue_can_still_be_taken(store):
    queue = make_queue(store, 3)
    put_segments(queue, [5, 6])
    assert not queue.closed
    queue.close()
    assert queue.closed
    assert ids_of(queue.get(2, 0.0)) == [5, 6]
    assert queue.get(1, 0.0) is None


def test_what_was_in_the_hand_of_a_process_that_was_killed_is_taken_back(store):
    """Wherever it was killed: with a slot half filled, just after it was taken, or before it was put."""
    queue = make_queue(store, 3)
    moments = ("filling", "after taking", "before putting")
    with processes(
        *((kill_while_it_puts, queue, 10 + number, moment) for number, moment in enumerate(moments))
    ) as all_:
        for remote in all_:
            remote.process.join(PATIENCE)
            assert remote.process.exitcode == -9
        # Nothing is free, and nothing can be taken.
        assert queue.get(1, 0.0) is None
        for remote in all_:
            queue.reclaim(remote.process.pid)
    # What was whole is not lost, and nothing comes twice.
    assert ids_of(queue.get(1, 0.0)) == [12]
    put_segments(queue, [1, 2, 3])
    assert ids_of(queue.get(3, 0.0)) == [1, 2, 3]
    assert queue.get(1, 0.0) is None


def test_taking_back_leaves_what_others_have_as_it_is(store):
    queue = make_queue(store, 4)
    put_segments(queue, [1, 2, 3])
    assert queue.get(4, 0.0) is None
    queue.reclaim(1)
    put_segments(queue, [4])
    assert ids_of(queue.get(4, 0.0)) == [1, 2, 3, 4]
    put_segments(queue, [5, 6, 7, 8])
    queue.reclaim(1)
    assert ids_of(queue.get(4, 0.0)) == [5, 6, 7, 8]


def test_who_reserves_goes_on_when_what_it_put_was_taken():
    store = QuietStore()
    queue = SegmentQueue(segment_of(0, True), 1, store, reserves=True)
    putting = InThread(put_segments, queue, range(1))
    store.wait_until_waiting(putting)
    assert len(queue) == 1
    assert ids_of(queue.get(1, PATIENCE)) == [0]
    assert putting.answer() == "done"
