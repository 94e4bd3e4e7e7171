"""Who plays the evaluations beside training, and what becomes of one that hangs."""

import os
from multiprocessing.connection import Connection

import numpy as np
import pytest

from a3c.learning.snapshot import Snapshot
from a3c.processes import pulse
from a3c.roles.messages import Played
from a3c.training import evaluators
from a3c.training.evaluators import EvaluationEnded, EvaluatorProcess, EvaluatorProcesses


class Process:
    """One that never says anything; with a clock of its own, and the CPU time that it has used."""

    pid, now, cpu = 1, 1000.0, 0.0

    def begin(self, target, arguments, name):
        self.connection = Connection(os.dup(arguments[0].fileno()))
        return self

    def join(self, within):
        self.connection.close()

    def monotonic(self):
        return self.now


@pytest.fixture
def process(monkeypatch):
    process = Process()
    monkeypatch.setattr(evaluators, "start", process.begin)
    monkeypatch.setattr(evaluators, "kill", lambda process: None)
    monkeypatch.setattr(evaluators, "cpu_seconds", lambda pid: process.cpu)
    for module in (evaluators, pulse):
        monkeypatch.setattr(module, "time", process)
    return process


@pytest.fixture
def evaluator(process):
    snapshot = Snapshot(np.zeros(3, np.float32), np.zeros(0, np.float32), 0)
    evaluator = EvaluatorProcess(b"", snapshot, False, 30.0)
    evaluator.ask(snapshot, "greedy", 1, 1, 1000)
    yield evaluator
    evaluator.close()


def pass_(process, evaluator, seconds, cpu, stuck=True):
    """So many seconds, in which it gets this share of a core; nobody waits for it."""
    row = evaluator._pulse._rows
    row["calls"] = 11
    for _ in range(seconds):
        process.now += 1
        process.cpu += cpu
        row["looks"] += 1
        row["calls"] += 0 if stuck else 2
        row["quiet"] = row["quiet"] + 1 if stuck else 0
        assert evaluator.answer() is None


def test_one_that_hangs_is_named_while_training_goes_on(process, evaluator):
    pass_(process, evaluator, 29, cpu=0.0)
    with pytest.raises(
        EvaluationEnded, match=r"its environment has not finished a step for .* `step_timeout` from 30 s"
    ):
        pass_(process, evaluator, 15, cpu=0.0)


def test_one_that_others_leave_no_core_is_waited_for(process, evaluator):
    pass_(process, evaluator, 300, cpu=0.03)
    pass_(process, evaluator, 5, cpu=0.03, stuck=False)
    pass_(process, evaluator, 29, cpu=0.0)


class Shares:
    """An evaluator process that answers with what it was asked, each episode as long as its number."""

    def __init__(self):
        self.asked = []

    def ask(self, snapshot, way, episodes, seed, cut_after):
        self.asked.append((episodes, seed))

    def answer(self, timeout=0.0):
        episodes, seed = self.asked[-1]
        return Played(0, len(self.asked), [float(seed)] * episodes, list(range(episodes)), 1)

    def close(self): ...


def test_when_training_has_ended_as_many_play_as_there_were_workers():
    made = []
    players = EvaluatorProcesses(lambda: made.append(Shares()) or made[-1], 3)
    players.ask(None, "greedy", 4, 7, 1000)
    assert players.answer() == [Played(0, 1, [7.0] * 4, [0, 1, 2, 3], 1)]
    assert players.answer() == []
    players.have_all_cores()
    players.ask(None, "greedy", 4, 7, 1000)
    played = players.answer()
    assert [one.asked[-1][0] for one in made] == [2, 1, 1]
    assert len({return_ for one in played for return_ in one.returns}) == 3
    assert [one.lengths for one in played] == [[0, 1], [0], [0]]
    assert sum(one.cut for one in played) == 3
    players.ask(None, "greedy", 2, 7, 1000)
    assert [len(one.returns) for one in players.answer()] == [1, 1]
    assert [len(one.asked) for one in made] == [3, 2, 1]
