"""Which workers are replaced, and what is told of it."""

from types import SimpleNamespace

import numpy as np
import pytest

from a3c.errors import SettingsError
from a3c.roles.messages import Task
from a3c.training.restarting import ALIKE_WITHIN, WITHIN, Death, Restarts, successor
from configs_for_tests import config_with


class Workers:
    """Those of a run, which fail at times that are given."""

    def __init__(self, taken=100, **settings):
        self.config = config_with(workers=3, **settings)
        self.restarts = Restarts(self.config)
        self._store = SimpleNamespace(steps_of=lambda index: taken)

    def fail(self, index, message, now, **more):
        """What ends the run, if anything does."""
        task = Task(index, self.config, self._store, np.random.SeedSequence(1))  # type: ignore[arg-type]
        return self.restarts.refusal(task, Death(index, message, **more), now)


def test_three_are_replaced_within_ten_minutes():
    workers = Workers()
    assert [workers.fail(0, f"{word} wheel", now) for now, word in enumerate(("a", "b", "c"))] == [None] * 3
    line = workers.fail(1, "d wheel", 4)
    assert line == (
        "; workers were replaced 3 times within 10 minutes: see to the environment, or raise `worker_restarts`"
    )
    later = Workers()
    assert [later.fail(0, "a wheel", number * (WITHIN / 3 + 1)) for number in range(10)] == [None] * 10


def test_as_many_as_the_setting_says():
    workers = Workers(worker_restarts=1)
    assert workers.fail(0, "a wheel", 0) is None
    assert workers.fail(0, "a wheel", 1).startswith("; workers were replaced once within")
    assert Workers(worker_restarts=0).fail(0, "a wheel", 0) == ""
    with pytest.raises(SettingsError, match="worker_restarts"):
        config_with(worker_restarts=-1)


def test_all_workers_that_fail_alike_end_the_run():
    workers = Workers(worker_restarts=100)
    assert workers.fail(0, "its process (pid 12) was killed", 0) is None
    assert workers.fail(1, "its process (pid 13) was killed", 1) is None
    assert workers.fail(2, "the wheel came off at step 3", 2) is None
    assert workers.fail(2, "its process (pid 14) was killed", 3) == "; every worker has failed like this within 60 s"
    slowly = Workers(worker_restarts=100)
    assert [slowly.fail(number % 3, "a wheel", number * ALIKE_WITHIN / 2 + number) for number in range(9)] == [None] * 9


def test_one_that_is_alone_fails_alike_three_times():
    alone = Workers(worker_restarts=100)
    alone.config = config_with(workers=1, worker_restarts=100, algorithm="impala")
    alone.restarts = Restarts(alone.config)
    assert [alone.fail(0, "a wheel", now) for now in (0, 1)] == [None, None]
    assert alone.fail(0, "a wheel", 2) == "; it has failed like this within 60 s"


def test_what_would_fail_again_ends_the_run_at_once():
    assert Workers().fail(0, "the observation is no number", 0, final=True) == ""
    assert Workers(taken=0).fail(0, "a wheel", 0) == ""
    assert Workers().fail(3, "a wheel", 0) == ""


def test_who_takes_its_first_steps_again_may_fail_before_them():
    workers = Workers(algorithm="a2c")
    assert workers.fail(0, "a wheel", 0) is None
    workers._store.steps_of = lambda index: 0
    assert workers.fail(1, "another wheel", 1) is None


def test_a_successor_draws_numbers_that_nobody_drew():
    task, drawn = Task(1, config_with(), SimpleNamespace(), np.random.SeedSequence(5, spawn_key=(1, 0, 1))), set()  # type: ignore[arg-type]
    for pid in range(3):
        keys = [task.seed.spawn_key, *((*task.seed.spawn_key, child) for child in range(8))]
        states = {tuple(np.random.SeedSequence(5, spawn_key=key).generate_state(4)) for key in keys}
        assert not states & drawn
        drawn |= states
        task = successor(task, pid)
        assert (task.index, task.replaces) == (1, pid)
