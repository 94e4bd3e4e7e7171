"""Whether environments that hang, and processes that grow, are told from those that are only slow."""

import threading
import time

import numpy as np
import pytest

from a3c.processes import pulse as module
from a3c.processes.pulse import GROWTH, MAKING, QUIET, SETTLED, USUAL, Pulse


class Clocked:
    """A Pulse of three workers with a clock of its own, whose rows are written here."""

    def __init__(self):
        self.pulse, self.now = Pulse(3, shared=False), 0.0
        self.rows = self.pulse._rows
        self.rows["calls"], self.rows["place"] = 10, b"in step, my_game.py line 7"

    def pass_(self, seconds, looking=(0, 1, 2)):
        """What is said while so many seconds pass, and these workers' threads look."""
        said = []
        for _ in range(int(seconds)):
            self.now += 1
            self.rows["looks"][list(looking)] += 1
            said += self.pulse.look(self.now)
        return said


@pytest.fixture
def clocked():
    return Clocked()


def test_a_call_that_does_not_end_is_said_once(clocked):
    assert clocked.pass_(5) == []
    clocked.rows["quiet"][1] = QUIET + 1
    (line,) = clocked.pass_(20)
    assert line == (
        "worker 1 has not finished a step for 11 s: its environment hangs, perhaps (in step, my_game.py line 7)"
    )
    assert clocked.pulse.stands_still
    # The others go on.
    clocked.rows["calls"][0] += 1
    clocked.pass_(1)
    assert not clocked.pulse.stands_still
    clocked.rows["quiet"][1] = 0
    assert clocked.pass_(20) == []
    assert not clocked.pulse.stands_still


def test_what_usually_takes_long_is_no_hang(clocked):
    clocked.rows["longest"] = 40
    clocked.rows["quiet"][2] = QUIET + USUAL * 40 - 1
    assert clocked.pass_(5) == []
    clocked.rows["quiet"][2] += 2
    assert len(clocked.pass_(5)) == 1


def test_making_the_environments_may_take_longer(clocked):
    clocked.rows["calls"] = 1
    clocked.rows["quiet"][0] = MAKING - 1
    assert clocked.pass_(5) == []
    clocked.rows["quiet"][0] = MAKING + 1
    (line,) = clocked.pass_(5)
    assert line.startswith("worker 0 has not finished making an environment, or its first reset for 61 s")


def test_a_thread_that_cannot_look_any_more_says_it_too(clocked):
    """As where an environment waits in C, and keeps Python from running anything else."""
    assert clocked.pass_(3) == []
    assert clocked.pass_(QUIET - 2, looking=(0, 2)) == []
    (line,) = clocked.pass_(10, looking=(0, 2))
    assert line.startswith("worker 1 has not finished a step for ")
    assert line.endswith("(in code that keeps Python from running)")


def test_one_that_does_not_answer_for_longer_than_it_may_is_late(clocked):
    clocked.rows["quiet"][1] = 3
    clocked.pass_(1)
    assert clocked.pulse.late(3) == clocked.pulse.late(0) == []
    ((worker, line),) = clocked.pulse.late(2.5)
    assert worker == 1
    assert line == (
        "its environment has not finished a step for 3 s (in step, my_game.py line 7); where that is no fault, raise "
        "`step_timeout` from 2.5 s"
    )
    clocked.rows["calls"] = 1
    assert "has not finished making an environment, or its first reset for 3 s" in clocked.pulse.late(1)[0][1]
    # Another in its place begins anew.
    clocked.pulse.forget(1)
    assert clocked.pulse.late(1) == []
    assert clocked.pass_(3 * QUIET, looking=(0, 2)) == []


def test_a_worker_that_has_not_begun_or_has_ended_is_not_waited_for(clocked):
    assert clocked.pass_(3 * QUIET, looking=(0,)) == []
    assert clocked.pass_(5) == []
    clocked.rows["looks"][1] = 0
    assert clocked.pass_(3 * QUIET, looking=(0, 2)) == []


def test_the_time_for_which_all_were_stopped_does_not_count(clocked):
    assert clocked.pass_(3) == []
    clocked.now += 1000
    assert clocked.pass_(3) == []


def test_it_does_not_look_all_the_time(clocked):
    clocked.rows["quiet"][1] = QUIET + 1
    assert clocked.pulse.look(10.0) != []
    clocked.rows["quiet"][2] = QUIET + 1
    assert clocked.pulse.look(10.5) == []
    assert clocked.pulse.look(11.5) != []


def test_a_process_that_grows_and_grows_is_said_once(clocked):
    clocked.rows["memory"] = GROWTH / 4
    assert clocked.pass_(SETTLED + 5) == []
    clocked.rows["memory"][0] = GROWTH
    assert clocked.pass_(5) == []
    clocked.rows["memory"][2] = 1.5 * GROWTH
    (line,) = clocked.pass_(60)
    assert line.startswith("worker 2 has grown from 0.2 to 1.5 GB of memory in 1 min: its environment keeps")


def test_what_is_large_may_grow_by_as_much(clocked):
    clocked.rows["memory"] = 4 * GROWTH
    clocked.pass_(SETTLED + 5)
    clocked.rows["memory"] = 6 * GROWTH
    assert clocked.pass_(5) == []


def wait_for(condition):
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_a_thread_sees_where_a_call_is(monkeypatch):
    monkeypatch.setattr(module, "EVERY", 0.01)
    pulse, calls = Pulse(1, shared=False), [2]
    row = pulse._rows
    threads = threading.active_count()
    end = pulse.watch(0, lambda: calls[0])
    wait_for(lambda: row["looks"][0] > 2)
    assert row["quiet"][0] == 0
    calls[0] = 3
    wait_for(lambda: row["quiet"][0] > 0.02)
    assert row["place"][0].startswith(b"in wait_for, test_pulse.py line ")
    assert row["memory"][0] > 1e6
    calls[0] = 4
    wait_for(lambda: row["quiet"][0] == 0)
    assert row["longest"][0] > 0.02
    end()
    assert row["looks"][0] == 0
    assert threading.active_count() == threads


def test_a_shared_one_travels_as_shared_arrays_do():
    assert Pulse(2, shared=True)._rows.shape == (2,)
    assert np.array_equal(Pulse(2, shared=True)._rows["looks"], [0, 0])
