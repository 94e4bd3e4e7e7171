"""How environments end: all are closed, and what they have started ends with the run, however it ends."""

import os
import shutil
import signal
import time
from pathlib import Path
from typing import ClassVar

import misbehaving as odd
import psutil
import pytest
from a3c_command import SMALL

import a3c
from a3c.environments import serial
from a3c.errors import TrainingWarning
from a3c.processes import pulse
from a3c.runs.folder import RunFolder
from a3c.training import hangs
from a3c.training.evaluations import Evaluations
from a3c.training.progress import Warnings

RANDOM = ["--algorithm", "random", "--envs-per-worker", "3", "--segment-length", "8"]


@pytest.fixture
def log(tmp_path):
    shutil.copy(Path(__file__).with_name("misbehaving.py"), tmp_path)
    return tmp_path / "log"


def noted(log, word):
    """What was noted under a word, a line each; nothing where the last line is half written."""
    lines = log.read_text().splitlines() if log.exists() else []
    return [line.split()[1:] for line in lines if line.split()[0] == word]


def children(log):
    return [int(pid) for pids in noted(log, "child") for pid in pids]


def alive(pids):
    deadline = time.monotonic() + 20
    while left := [pid for pid in pids if psutil.pid_exists(pid) and psutil.Process(pid).status() != "zombie"]:
        if time.monotonic() > deadline:
            return left
        time.sleep(0.02)
    return []


def test_what_environments_have_started_ends_with_the_run(start, log):
    running = start(
        "train", "misbehaving:Family", *SMALL, *RANDOM, "--steps", "300", "--workers", "2", "--run", "run",
        "--env-kwargs", "log", log,
    )  # fmt: skip
    outcome = running.outcome()
    assert (outcome.status, outcome.err) == (0, "")
    made = len(noted(log, "child"))
    # Of each of two workers three, and one or two to look at.
    assert made >= 7
    assert len(noted(log, "closed")) == made
    (remark,) = [line for line in outcome.out.splitlines() if "closing the environment" in line]
    assert "closing the environment failed, which changes no result: OSError: the door is stuck" in remark
    assert running.folder.summary()["status"] == "finished"
    assert alive(children(log)) == []


def test_what_a_hanging_environment_has_started_ends_at_ctrl_c(start, log):
    running = start(
        "train", "misbehaving:Family", *SMALL, *RANDOM, "--steps", "100_000_000", "--workers", "1", "--run", "run",
        "--env-kwargs", "log", log, "hangs_at", "400",
    )  # fmt: skip
    running.wait_for(lambda: noted(log, "hangs"))
    family = running.children()
    running.process.send_signal(signal.SIGINT)
    outcome = running.outcome()
    assert (outcome.status, outcome.err) == (130, "")
    assert "took too long and was cut short" in outcome.out
    assert running.folder.load("latest").counts["steps"] > 0
    assert alive(children(log)) == []
    assert running.left_behind(family) == []


class Interrupts(odd.Well):
    """Has Ctrl-C pressed in the middle of a step that does not end."""

    def odd(self):
        os.kill(os.getpid(), signal.SIGINT)
        while True:
            time.sleep(0.01)


def test_an_inline_run_does_not_wait_for_ever_after_ctrl_c(monkeypatch):
    monkeypatch.setattr(hangs, "EVERY", 0.01)
    monkeypatch.setattr(hangs, "HURRY_WITHIN", 0.05)
    with pytest.raises(KeyboardInterrupt):
        a3c.RandomAgent(Interrupts, backend="inline", seed=1).learn(steps=100)


class Hangs(odd.Well):
    """A step that takes until somebody has noticed."""

    noticed: ClassVar[list[str]] = []

    def odd(self):
        deadline = time.monotonic() + 60
        while not self.noticed and time.monotonic() < deadline:
            time.sleep(0.01)
        return super().odd()


def test_a_step_that_hangs_is_noticed_inline_too(monkeypatch):
    monkeypatch.setattr(Hangs, "noticed", [])
    monkeypatch.setattr(Warnings, "say", lambda self, line: Hangs.noticed.append(line))
    for module in (hangs, pulse):
        monkeypatch.setattr(module, "EVERY", 0.01)
    monkeypatch.setattr(pulse, "QUIET", 0.1)
    a3c.RandomAgent(Hangs, backend="inline", seed=1, segment_length=4).learn(steps=8)
    assert Hangs.noticed[0].startswith(
        "worker 0 has not finished a step for 0 s: its environment hangs, perhaps (in odd, "
    )


class NeverSteps(odd.Well):
    """A step that does not end, whatever is raised in it that can be caught."""

    def odd(self):
        while True:
            try:
                time.sleep(60)
            except Exception as error:
                print(f"caught {error}")


def test_a_step_that_hangs_for_too_long_ends_an_inline_run(monkeypatch, tmp_path):
    for module in (hangs, pulse):
        monkeypatch.setattr(module, "EVERY", 0.01)
    agent = a3c.RandomAgent(NeverSteps, backend="inline", seed=1, segment_length=2, step_timeout=0.05)
    line = r"worker 0 failed \(NeverSteps, seed 1\): its environment has not finished a step for 0 s \(in odd, "
    with pytest.raises(a3c.errors.WorkerError, match=line):
        agent.learn(steps=100, run=tmp_path / "run")
    folder = RunFolder(tmp_path / "run")
    summary = folder.summary()
    assert (summary["status"], "`step_timeout`" in summary["error"]) == ("failed", True)
    assert folder.load("latest").counts["steps"] == summary["steps"] > 0


class NeverResets(odd.Well):
    def reset(self, **others):
        time.sleep(600)


def test_an_evaluation_that_hangs_for_too_long_ends_and_an_inline_run_goes_on(monkeypatch):
    for module in (hangs, pulse):
        monkeypatch.setattr(module, "EVERY", 0.01)
    agent = a3c.A3C(
        odd.Well, backend="inline", seed=1, hidden=(4,), envs_per_worker=1, segment_length=8, step_timeout=1.0,
        evaluation_environment=NeverResets, evaluate_every=8,
    )  # fmt: skip
    line = (
        r"evaluation beside training has ended: its environment has not finished making .* \(in reset, .*step_timeout"
    )
    with pytest.warns(TrainingWarning, match=line):
        assert agent.learn(steps=32).summary["steps"] >= 32


def test_ctrl_c_ends_an_evaluation_that_hangs(monkeypatch):
    monkeypatch.setattr(hangs, "EVERY", 0.01)
    monkeypatch.setattr(hangs, "HURRY_WITHIN", 0.05)
    monkeypatch.setattr(Evaluations, "finish", lambda *_: Interrupts.odd(odd.Well()))
    with pytest.raises(KeyboardInterrupt):
        a3c.RandomAgent(odd.Well, backend="inline", seed=1, segment_length=2).learn(steps=4)


class NeverCloses(odd.Well):
    closed: ClassVar[list[str]] = []

    def close(self):
        self.closed.append("begun")
        time.sleep(600)


@pytest.fixture
def never_closes(monkeypatch):
    monkeypatch.setattr(serial, "CLOSE_WITHIN", 0.02)
    monkeypatch.setattr(NeverCloses, "closed", [])
    return NeverCloses


def test_a_close_that_hangs_holds_nobody_up(never_closes, caplog):
    agent = a3c.RandomAgent(never_closes, backend="inline", seed=1, envs_per_worker=3)
    never_closes.closed.clear()
    with pytest.warns(TrainingWarning, match=r"closing the environment failed.* took longer than 0\.02 s"):
        result = agent.learn(steps=30)
    assert result.summary["status"] == "finished"
    assert len(never_closes.closed) == 3
    assert agent.evaluate(episodes=2).returns == [5.0, 5.0]
    assert len(never_closes.closed) == 5
    (line,) = caplog.messages
    assert line.endswith("TimeoutError: it took longer than 0.02 s, and was interrupted")


class BadClose(odd.Well):
    def close(self):
        raise OSError("the door is stuck\nfor good")


@pytest.mark.parametrize("kind", [odd.RaisesLines, odd.Short])
def test_an_error_in_close_does_not_hide_another(kind, monkeypatch):
    monkeypatch.setattr(kind, "close", BadClose.close)
    with pytest.raises((RuntimeError, a3c.A3CError), match=r"the wheel came off|shape"):
        a3c.RandomAgent(kind, backend="inline", seed=1).learn(steps=30)


def test_an_error_of_several_lines_ends_the_command_in_one(command, log, monkeypatch):
    outcome = command(
        "train", "misbehaving:RaisesLines", *SMALL, *RANDOM, "--steps", "100", "--backend", "inline", "--run", "run"
    )
    assert outcome.status == 1
    assert outcome.err.splitlines()[-1] == "a3c train: RuntimeError: the wheel came off"
    assert "Traceback" in outcome.err
