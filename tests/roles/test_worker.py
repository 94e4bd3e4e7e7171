"""What a worker counts and reports, whatever algorithm it runs."""

from collections.abc import Callable
from functools import partial
from typing import ClassVar

import numpy as np
import pytest

from a3c.environments.making import EnvironmentMaker
from a3c.learning.diagnostics import DIAGNOSTICS
from a3c.learning.optimizers import SharedOptimizer
from a3c.processes.pulse import Pulse
from a3c.roles.evaluator import Evaluator
from a3c.roles.messages import Task
from a3c.roles.worker import Work, Worker
from a3c.sharing.assignment import Order
from a3c.sharing.parameter_store import ParameterStore
from a3c.training import process as worker_process
from configs_for_tests import config_with
from environments_for_tests import MODES, Endless, counting


@pytest.fixture
def make_worker(make_policy):
    """A worker of Counting environments, and the reports that it has sent."""

    def make(mode=MODES[0], report_every=0.0, **settings):
        config = config_with(seed=0, hidden=(), envs_per_worker=2, **settings)
        policy = make_policy(counting(mode), config)
        optimizer, reports = SharedOptimizer("sgd", {}, policy.size), []
        store = ParameterStore(policy.initial_parameters, optimizer.initial_state(), 2, shared=False)
        work = Work(EnvironmentMaker(lambda count: counting(mode, count)), policy, optimizer)
        return Worker(Task(1, config, store, np.random.SeedSequence(0)), work, reports.append, report_every), reports

    return make


class Recorded(Endless):
    """Notes what is said of calls of the environment whenever one is made or reset."""

    calls: ClassVar[list[Callable[[], int]]] = []
    seen: ClassVar[list[int]] = []

    def __init__(self):
        super().__init__()
        self.note()

    def reset(self, **others):
        self.note()
        return super().reset(**others)

    def note(self):
        self.seen += [calls() for calls in self.calls]


class Watched(Pulse):
    def watch(self, worker, calls):
        Recorded.calls.append(calls)
        return lambda: None


def test_each_environment_that_is_started_has_time_of_its_own(make_policy, monkeypatch):
    monkeypatch.setattr(Recorded, "calls", [])
    monkeypatch.setattr(Recorded, "seen", [])
    config = config_with(seed=0, hidden=(), envs_per_worker=2)
    policy, optimizer = make_policy(Recorded(), config), SharedOptimizer("sgd", {}, 0)
    work = Work(EnvironmentMaker(Recorded, config), policy, optimizer)
    store = ParameterStore(policy.initial_parameters, np.zeros((0, policy.size), np.float32), 1, shared=False)
    task = Task(0, config, store, np.random.SeedSequence(0), pulse=Watched(1, shared=False))
    worker = Worker(task, work, list)
    assert Recorded.seen == [-7, -5, -3, -1]
    Recorded.seen, Recorded.calls = [], [lambda: evaluator.calls]
    evaluator = Evaluator(EnvironmentMaker(Recorded, config), policy)
    evaluator.play(Order(1, worker.policy.first_snapshot, "greedy", 2, 1, 1000), lambda: not Recorded.seen.append(0))
    assert Recorded.seen[:5] == [-7, -5, -3, -1, 0]
    assert evaluator.calls > 1


@pytest.mark.parametrize("mode", MODES, ids=lambda mode: mode.value)
@pytest.mark.parametrize("n_step", [None, 4, 9])
def test_steps_are_counted_once_though_segments_overlap(mode, n_step, make_worker):
    worker, reports = make_worker(mode, segment_length=5, n_step=n_step)
    episodes = 0
    for _ in range(7):
        segment, ended = worker.collector.collect(worker.policy.first_snapshot)
        worker.record(segment, ended)
        episodes += len(ended)
        calls = sum(environment.calls for environment in worker.collector.stepper.environments.envs)
        assert worker.store.totals() == {"steps": calls, "episodes": episodes, "updates": 0}
    assert sum(len(report.episodes) for report in reports) == episodes > 5
    assert {report.worker for report in reports} == {1}
    assert max(episode.step for report in reports for episode in report.episodes) <= worker.store.total("steps")


def test_a_report_holds_what_gathered_since_the_one_before(make_worker):
    worker, reports = make_worker(report_every=1e9)
    collect = partial(worker.collector.collect, worker.policy.first_snapshot)
    # The first is due at once.
    worker.record(*collect())
    reports.clear()
    for lag, value in ((0.5, 1.0), (2.0, 4.0)):
        worker.record(*collect(), lag, np.full(len(DIAGNOSTICS), value))
    assert reports == []
    worker.reporter.flush()
    worker.reporter.flush()
    full, empty = reports
    assert (full.updates, full.lag, full.diagnostics) == (2, 2.5, dict.fromkeys(DIAGNOSTICS, 2.5))
    assert full.first_update is not None
    assert (empty.updates, empty.lag, empty.diagnostics, empty.first_update) == (0, 0.0, {}, None)


def test_limits_are_those_of_the_store_or_of_the_totals_given(make_worker):
    worker, _ = make_worker(steps=10, episodes=3)
    assert worker.running()
    worker.store.count(steps=9, episodes=2)
    assert worker.running()
    worker.store.count(steps=1)
    assert not worker.running()
    assert worker.running({"steps": 9, "episodes": 2, "updates": 0})
    assert not worker.running({"steps": 10, "episodes": 0, "updates": 0})
    assert not worker.running({"steps": 0, "episodes": 3, "updates": 0})
    worker.store.stop()
    assert not worker.running({"steps": 0, "episodes": 0, "updates": 0})


def test_remarks_of_the_collector_are_reported_once(make_worker):
    worker, reports = make_worker()
    worker.collector.checks.remarks = {"wheel": "the wheel is loose"}
    for _ in range(3):
        worker.record(*worker.collector.collect(worker.policy.first_snapshot))
    assert [report.remarks for report in reports] == [{"wheel": "the wheel is loose"}, {}, {}]


@pytest.mark.parametrize("taken", [3, 10])
def test_nobody_waits_for_a_first_worker_that_was_faster(taken, make_worker, tmp_path):
    """It may have taken steps before others look, and wait for them; or have taken all there were to take."""
    worker, _ = make_worker(steps=10)
    worker.store.attach(0)
    worker.store.count(steps=taken)
    worker_process._let_the_first_compile(worker, worker.index, tmp_path)


def test_a_first_worker_that_stops_is_not_waited_for(make_worker, tmp_path):
    worker, _ = make_worker(steps=10)
    worker.store.stop()
    worker_process._let_the_first_compile(worker, worker.index, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_what_was_compiled_once_is_not_waited_for(make_worker, tmp_path, monkeypatch):
    worker, _ = make_worker(steps=10)
    worker.store.attach(0)
    waits = []

    def compiled(seconds):
        waits.append(seconds)
        worker.store.count(steps=3)

    monkeypatch.setattr(worker_process.time, "sleep", compiled)
    worker_process._let_the_first_compile(worker, worker.index, tmp_path)
    assert len(waits) == 1
    same, _ = make_worker(steps=20)
    worker_process._let_the_first_compile(same, same.index, tmp_path)
    assert len(waits) == 1
