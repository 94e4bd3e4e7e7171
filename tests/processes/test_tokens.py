import os
from contextlib import suppress
from pathlib import Path

import pytest

from a3c.processes.tokens import Stopped, TokenPipe
from processes_for_tests import LAST, PATIENCE, InThread, answer, processes, put_tokens, take_tokens


def pipe_of(pipe):
    """What tells this pipe from others, by all descriptors that lead to it."""
    return os.fstat(pipe._reader).st_ino


def ends(*pipes):
    """How many descriptors of this process lead to these pipes."""
    found = []
    for descriptor in Path("/dev/fd").iterdir():
        # The one that lists them is closed by now.
        with suppress(OSError):
            found.append(os.fstat(int(descriptor.name)).st_ino)
    return sum(found.count(pipe) for pipe in pipes)


def test_tokens_come_out_in_the_order_in_which_they_went_in():
    pipe = TokenPipe()
    pipe.put(3, 1)
    pipe.put(65_535)
    pipe.put(0, 3)
    assert len(pipe) == 5
    assert pipe.take(2, 0.0) == [3, 1]
    assert len(pipe) == 3
    assert pipe.take(9, 0.0) == [65_535, 0, 3]
    assert len(pipe) == 0


@pytest.mark.parametrize("timeout", [0.0, 0.01])
def test_nothing_is_taken_where_nothing_comes_in_time(timeout):
    pipe = TokenPipe()
    assert pipe.take(5, timeout) == []
    pipe.put(7)
    assert pipe.take(5, timeout) == [7]
    assert pipe.take(5, timeout) == []


def test_who_takes_waits_for_what_is_put_later():
    pipe, back = TokenPipe(), TokenPipe()

    def give_back():
        back.put(*pipe.take(1, PATIENCE))
        back.put(*pipe.take(5, PATIENCE))

    thread = InThread(give_back)
    for token in (4, 5):
        pipe.put(token)
        assert back.take(5, PATIENCE) == [token]
    thread.answer()


def test_who_was_too_slow_to_take_waits_on(monkeypatch):
    pipe, read, reads = TokenPipe(), os.read, []

    def another_was_faster(*arguments):
        reads.append(arguments)
        if len(reads) < 3:
            raise BlockingIOError
        return read(*arguments)

    monkeypatch.setattr(os, "read", another_was_faster)
    pipe.put(7)
    assert pipe.take(1, PATIENCE) == [7]
    assert len(reads) == 3


def test_waiting_ends_when_the_run_stops(looking_often):
    looks = iter([False, False, True])
    with pytest.raises(Stopped):
        TokenPipe().wait(1, lambda: next(looks))
    assert list(looks) == []


def test_waiting_goes_on_until_something_comes(looking_often):
    pipe, looks = TokenPipe(), []

    def put_at_the_third_look():
        looks.append(None)
        if len(looks) == 3:
            pipe.put(8, 9)
        return False

    assert pipe.wait(5, put_at_the_third_look) == [8, 9]


def test_what_is_there_can_be_had_though_the_run_stops():
    pipe = TokenPipe()
    pipe.put(8, 9)
    assert pipe.wait(1, lambda: True) == [8]
    assert pipe.wait(1, lambda: True) == [9]


def test_each_token_is_taken_once_by_threads_and_processes_at_once():
    pipe, each = TokenPipe(), 5000
    with processes(
        *((answer, take_tokens, pipe, most) for most in (1, 3)),
        *((answer, put_tokens, pipe, first, each, at_once) for first, at_once in ((0, 1), (each, 7))),
    ) as (taker, other_taker, putter, other_putter):
        takers = [taker, other_taker, *(InThread(take_tokens, pipe, most) for most in (1, 2, 50))]
        for one in (putter, other_putter, InThread(put_tokens, pipe, 2 * each, each, 3)):
            one.answer()
        pipe.put(*[LAST] * len(takers))
        taken = [taker.answer() for taker in takers]
    assert sorted(token for tokens in taken for token in tokens) == list(range(3 * each))
    for tokens in taken:
        for first in range(0, 3 * each, each):
            of_one_putter = [token for token in tokens if first <= token < first + each]
            assert of_one_putter == sorted(of_one_putter)
    assert len(pipe) == 0


def test_nothing_is_left_open():
    pipes = [TokenPipe() for _ in range(5)]
    theirs = [pipe_of(pipe) for pipe in pipes]
    assert ends(*theirs) == 10
    pipes.pop()
    assert ends(*theirs) == 8
    del pipes
    assert ends(*theirs) == 0


def test_nothing_is_left_open_after_a_process_had_it():
    pipe = TokenPipe()
    its = pipe_of(pipe)
    for first, count in ((0, 3), (3, 2)):
        with processes((answer, put_tokens, pipe, first, count, 1)) as (remote,):
            remote.answer()
        assert ends(its) == 2
    assert pipe.take(9, 0.0) == [0, 1, 2, 3, 4]
    del pipe
    assert ends(its) == 0
