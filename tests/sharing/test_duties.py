import threading
import time

import pytest

from a3c.errors import TrainingDiverged
from a3c.sharing.duties import Duties, DutyThreads, Turns
from processes_for_tests import PATIENCE

pytestmark = pytest.mark.usefixtures("looking_often")


def running():
    """The names of the threads that do duties."""
    return {thread.name for thread in threading.enumerate() if thread.name.startswith(("predictor ", "trainer "))}


def do_nothing(timeout):
    time.sleep(0.001)
    return False


def run(threads, ended, tick=lambda: None):
    threads.run(ended, tick)


DUTIES = {"predictor": do_nothing, "trainer": do_nothing}


def until(*conditions):
    """An `ended` for `run` that is true once all these conditions have been, one after the other."""
    waiting_for, deadline = list(conditions), time.monotonic() + PATIENCE

    def ended():
        assert time.monotonic() < deadline, "what was waited for does not come"
        if waiting_for and waiting_for[0]():
            waiting_for.pop(0)
        return not waiting_for

    return ended


def test_as_many_threads_of_each_duty_work_as_are_wanted():
    done = set()

    def duty(timeout):
        done.add(threading.current_thread().name)
        return do_nothing(timeout)

    threads = DutyThreads(Duties({"predictor": duty, "trainer": duty}, {"predictor": 3, "trainer": 1}))
    expected = {"predictor 0", "predictor 1", "predictor 2", "trainer 0"}
    run(threads, until(lambda: done == expected, lambda: running() == expected))
    assert done == expected
    assert running() == set()


def test_threads_come_and_go_as_what_is_wanted_changes():
    threads = DutyThreads(Duties(DUTIES, {"predictor": 1, "trainer": 2}))

    def want(**wanted):
        threads.wanted.update(wanted)
        return True

    run(
        threads,
        until(
            lambda: running() == {"predictor 0", "trainer 0", "trainer 1"},
            lambda: want(predictor=3, trainer=1),
            lambda: running() == {"predictor 0", "predictor 1", "predictor 2", "trainer 0"},
            lambda: want(predictor=1, trainer=1),
            lambda: running() == {"predictor 0", "trainer 0"},
            lambda: want(predictor=2, trainer=3),
            lambda: running() == {"predictor 0", "predictor 1", "trainer 0", "trainer 1", "trainer 2"},
        ),
    )
    assert running() == set()


def test_meanwhile_what_is_to_be_done_now_and_then_is_done():
    ticks, wanted = [], {"predictor": 1, "trainer": 1}

    def tick():
        ticks.append(running())
        # What is wanted may change here.
        wanted["trainer"] = 2

    run(DutyThreads(Duties(DUTIES, wanted)), until(lambda: "trainer 1" in running(), lambda: len(ticks) > 9), tick)
    assert ticks[0] == {"predictor 0", "trainer 0"}


def failing(error, number=1):
    """A duty that raises in thread `number`, and in no other."""

    def duty(timeout):
        if threading.current_thread().name.endswith(str(number)):
            raise error
        return do_nothing(timeout)

    return duty


def test_a_thread_that_fails_ends_all_and_says_which_it_was():
    error = RuntimeError("boom")
    threads = DutyThreads(Duties(DUTIES | {"trainer": failing(error)}, {"predictor": 2, "trainer": 3}))
    with pytest.raises(RuntimeError, match="boom") as raised:
        run(threads, until(lambda: False))
    assert raised.value is error
    assert error.__notes__ == ["in trainer 1"]
    assert running() == set()


def test_an_error_that_says_it_all_comes_as_it_is():
    error = TrainingDiverged("lower the learning rate")
    with pytest.raises(TrainingDiverged) as raised:
        run(DutyThreads(Duties({"trainer": failing(error, 0)}, {"trainer": 1})), until(lambda: False))
    assert raised.value is error
    assert not hasattr(error, "__notes__")


def test_an_error_outside_ends_the_threads_too():
    def ended():
        if running():
            raise KeyboardInterrupt
        return False

    with pytest.raises(KeyboardInterrupt):
        run(DutyThreads(Duties(DUTIES, {"predictor": 1, "trainer": 1})), ended)
    assert running() == set()


def test_a_duty_that_has_begun_is_done_to_its_end():
    begun, go_on, done = [], threading.Event(), []

    def duty(timeout):
        begun.append(None)
        assert go_on.wait(PATIENCE)
        done.append(None)
        return True

    def ended():
        if begun:
            go_on.set()
        return bool(begun)

    run(DutyThreads(Duties({"trainer": duty}, {"trainer": 1})), ended)
    assert len(done) == len(begun) >= 1


def test_in_turns_all_that_there_is_to_do_is_done_without_waiting():
    questions, segments, did, timeouts = 2, 0, [], set()

    def predict(timeout):
        nonlocal questions, segments
        timeouts.add(timeout)
        if not questions:
            return False
        questions, segments = questions - 1, segments + 1
        did.append("predict")
        return True

    def train(timeout):
        nonlocal segments
        timeouts.add(timeout)
        if segments < 2:
            return False
        segments -= 2
        did.append("train")
        return True

    turns = Turns()
    turns.take()
    assert did == []
    turns.duties = Duties({"trainer": train, "predictor": predict})
    turns.take()
    assert did == ["predict", "predict", "train"]
    turns.take()
    assert did == ["predict", "predict", "train"]
    questions = 4
    turns.take()
    assert sorted(did[3:]) == ["predict"] * 4 + ["train"] * 2
    assert timeouts == {0.0}
