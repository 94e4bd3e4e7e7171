"""The Monitor's limit on seconds, by a clock that the test moves."""

import time

import pytest

from a3c.roles.messages import Report
from a3c.training import clock as clock_of_run
from a3c.training import measures, monitor


class Clock:
    """A clock that the test moves, in place of the module `time`."""

    def __init__(self):
        # So short a fraction that what is added comes back to the last digit.
        self.now = round(time.monotonic() * 1024) / 1024

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch) -> Clock:
    clock = Clock()
    for module in (clock_of_run, measures, monitor):
        monkeypatch.setattr(module, "time", clock)
    return clock


@pytest.mark.parametrize("algorithm", ["a3c", "a2c", "ga3c", "impala"])
def test_seconds_count_from_the_first_update(new_run, clock, algorithm):
    run = new_run(seconds=60.0, algorithm=algorithm)
    # Not when it was made, which takes seconds of its own where others have the cores.
    run.monitor.measures.clock.started = clock.now
    clock.now += 90
    # Steps that a learner has not learned from yet are part of the start.
    run.store.count(steps=10)
    run.monitor.receive(Report(0))
    clock.now += 20
    assert not run.monitor.done
    run.monitor.receive(Report(0, updates=1, first_update=clock.now))
    clock.now += 30
    progress = run.monitor.progress()
    assert (progress.fraction, progress.eta, progress.seconds) == (0.5, 30.0, 140.0)
    assert not run.monitor.done
    clock.now += 30
    assert run.monitor.done
    assert run.summary()["wall_seconds"] == 170.0


def test_the_evaluation_at_the_end_is_no_training(new_run, clock):
    run = new_run()
    run.work(steps=100)
    clock.now += 10
    run.monitor.evaluate_at_end(lambda: True)
    before = run.summary()
    clock.now += 90
    summary = run.summary()
    assert summary["wall_seconds"] == pytest.approx(before["wall_seconds"] + 90, abs=0.01)
    assert summary["training_seconds"] == before["training_seconds"] == before["wall_seconds"]
    assert summary["steps_per_second"] == before["steps_per_second"]


def test_seconds_of_random_actions_count_from_the_first_steps(new_run, clock):
    run = new_run(seconds=60.0, algorithm="random")
    clock.now += 100
    run.store.count(steps=10)
    run.monitor.receive(Report(0))
    clock.now += 59
    assert not run.monitor.done
    clock.now += 1
    assert run.monitor.done


def test_two_minutes_of_start_are_not_counted_and_no_more(new_run, clock):
    run = new_run(seconds=60.0)
    clock.now += 179
    assert not run.monitor.done
    clock.now += 2
    assert run.monitor.done


def test_without_a_limit_on_seconds_none_ends_a_run(new_run, clock):
    run = new_run()
    run.work()
    clock.now += 1e6
    assert not run.monitor.done
