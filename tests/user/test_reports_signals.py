"""Signals and kills while a command starts, output that goes nowhere, and places where little can be written."""

import io
import os
import resource
import signal
import sys
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest
from a3c_command import A3C, SCRIPT, SMALL, run_command

import a3c
from a3c.errors import OutputError
from a3c.runs.folder import RunFolder

ENDLESS = ["train", "CartPole-v1", *SMALL, "--steps", "900_000_000", "--no-stop-when-solved", "--run", "run"]
INLINE = ["train", "CartPole-v1", *SMALL, "--steps", "600", "--backend", "inline", "--run", "run"]


@pytest.fixture(autouse=True)
def _no_nohup():
    """Commands ignore SIGHUP where the tests do; not where the tests handle it."""
    before = signal.signal(signal.SIGHUP, lambda *_: None)
    yield
    signal.signal(signal.SIGHUP, before)


def server(running):
    """The process that workers are forked from, once it imports what they need; nothing else takes memory so early."""
    for child in psutil.Process(running.process.pid).children():
        if child.memory_info().rss > 40_000_000:
            return child
    return None


@pytest.mark.parametrize("signals", [[signal.SIGTERM], [signal.SIGINT, signal.SIGINT], [signal.SIGHUP]], ids=str)
def test_a_signal_while_the_command_starts_ends_it_with_130(start, tmp_path, signals):
    running = start(*ENDLESS)
    running.wait_for(lambda: server(running))
    family = running.children()
    for number in signals:
        # A terminal sends its signals to all processes of the command.
        os.killpg(running.process.pid, number)
    assert running.outcome() == (130, "", "")
    assert running.left_behind(family) == []
    assert not (tmp_path / "run").exists()


def test_a_command_that_is_killed_while_it_starts_leaves_nothing(start):
    running = start(*ENDLESS)
    running.wait_for(lambda: server(running))
    family = running.children()
    running.process.kill()
    assert running.outcome() == (-signal.SIGKILL, "", "")
    assert running.left_behind(family) == []


def test_a_killed_server_stops_the_run(start):
    running = start(*ENDLESS, "--workers", "1")
    running.wait_for(lambda: running.steps() > 0)
    family = running.children()
    server(running).kill()
    outcome = running.outcome()
    assert outcome.status == 1
    assert outcome.err.splitlines()[-1].startswith(
        "a3c train: worker 0 failed (CartPole-v1, seed 7): the server that processes are started from was killed"
    )
    assert "Traceback" not in outcome.err
    assert running.left_behind(family) == []
    assert running.folder.load("latest").counts["steps"] > 0


def test_a_signal_between_the_folder_and_the_first_step_saves(command, tmp_path, monkeypatch):
    """The folder is made: from there on the run is one that can be gone on with."""
    create = RunFolder.create

    def created(*arguments):
        folder = create(*arguments)
        os.kill(os.getpid(), signal.SIGTERM)
        return folder

    monkeypatch.setattr(RunFolder, "create", created)
    outcome = command(*INLINE)
    assert (outcome.status, outcome.err) == (130, "")
    assert outcome.out.endswith(
        "stopped after 0 steps and saved; continue with:\n  a3c train CartPole-v1 --resume run\n"
    )
    assert RunFolder(tmp_path / "run").summary()["status"] == "interrupted"
    assert RunFolder(tmp_path / "run").load("latest").counts["steps"] == 0


def test_a_second_ctrl_c_saves_too(tmp_path):
    agent = a3c.A3C("CartPole-v1", backend="inline", recipe="none", seed=1)
    before = agent.value([0.1, 0.1, 0.1, 0.1])

    def twice(progress):
        if progress.steps > 1000:
            os.kill(os.getpid(), signal.SIGINT)
            os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        agent.learn(steps=100_000_000, run=tmp_path / "run", callback=twice)
    summary = RunFolder(tmp_path / "run").summary()
    assert summary["status"] == "interrupted"
    assert RunFolder(tmp_path / "run").load("latest").counts["steps"] == summary["steps"] > 1000
    assert agent.value([0.1, 0.1, 0.1, 0.1]) != before


@contextmanager
def lost(kind):
    """A standard output that nobody reads any more, or that is full."""
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "w") if kind == "pipe" else Path("/dev/full").open("w") as stream:
        yield stream
        # What is left in it is not to fail when it is closed.
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


@pytest.mark.parametrize(("kind", "why"), [("pipe", "Broken pipe"), ("full", "No space left on device")])
def test_a_run_whose_output_goes_nowhere_saves_and_says_so(command, monkeypatch, kind, why):
    with lost(kind) as stream:
        monkeypatch.setattr(sys, "stdout", stream)
        outcome = command(*INLINE)
    monkeypatch.undo()
    assert outcome.status == 1
    assert outcome.err == (
        f"a3c train: could not show progress: {why}; stopped and saved, continue with "
        "a3c train CartPole-v1 --resume run\n"
    )


@pytest.mark.parametrize(
    ("kind", "err"),
    [("pipe", ""), ("full", "a3c recipes: could not write the output: No space left on device\n")],
)
def test_another_command_whose_output_goes_nowhere_ends(command, monkeypatch, kind, err):
    with lost(kind) as stream:
        monkeypatch.setattr(sys, "stdout", stream)
        outcome = command("recipes")
    monkeypatch.undo()
    assert (outcome.status, outcome.err) == (1, err)


def test_a_run_that_loses_its_output_under_way_saves(tmp_path, monkeypatch):
    agent = a3c.A3C("CartPole-v1", backend="inline", recipe="none", seed=1, report_interval=0.05)

    def lose(progress):
        if progress.steps > 1000:
            monkeypatch.setattr("a3c.training.progress.PlainLines.every", 0.0)
            monkeypatch.setattr(sys, "stdout", stream)

    with lost("pipe") as stream, pytest.raises(OutputError, match="could not show progress: "):
        agent.learn(steps=100_000_000, run=tmp_path / "run", progress=True, callback=lose)
    monkeypatch.undo()
    summary = RunFolder(tmp_path / "run").summary()
    assert summary["status"] == "interrupted"
    assert RunFolder(tmp_path / "run").load("latest").counts["steps"] == summary["steps"] > 1000


@pytest.mark.parametrize(
    ("closed", "arguments", "status"),
    [(">&-", "recipes", 0), ("<&- >&- 2>&-", "recipes", 0), ("2>&-", "evaluate nothing", 2)],
)
def test_closed_streams_do_no_harm(tmp_path, closed, arguments, status):
    outcome = run_command("sh", "-c", f"{SCRIPT} {arguments} {closed}", cwd=tmp_path)
    assert (outcome.status, outcome.err) == (status, "")


def test_a_terminal_of_ascii_gets_question_marks(tmp_path):
    outcome = run_command(*A3C, "evaluate", "Übung", cwd=tmp_path, PYTHONIOENCODING="ascii")
    assert outcome == (2, "", "a3c evaluate: there is no run folder or checkpoint ?bung\n")


def test_a_table_on_a_terminal_of_ascii(command, monkeypatch):
    shown = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    monkeypatch.setattr(sys, "stdout", shown)
    assert command("recipes").status == 0


@pytest.mark.parametrize("arguments", [["train", "CartPole-v1"], INLINE, ["plot", "run"]])
def test_a_folder_that_has_been_deleted_is_one_line(command, tmp_path, arguments):
    (tmp_path / "gone").mkdir()
    os.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    outcome = command(*arguments)
    os.chdir(tmp_path)
    line = f"a3c {arguments[0]}: the current folder has been deleted: change to another\n"
    assert outcome == (2, "", line)


def test_too_few_open_files_are_one_line_before_anything_is_written(command, tmp_path, monkeypatch):
    monkeypatch.setattr(resource, "getrlimit", lambda _: (60, 60))
    outcome = command("train", "CartPole-v1", *SMALL, "--workers", "8", "--steps", "100", "--run", "run")
    assert outcome.status == 1
    assert outcome.err.startswith("a3c train: only 60 files may be open at once, and 9 processes need 236: ")
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    "arguments",
    [
        [*INLINE[:-1], "LONG"], ["train", "--resume", "LONG"], ["evaluate", "LONG"], ["plot", "LONG"],
        ["play", "LONG", "--video", "x.gif"],
    ],
)  # fmt: skip
def test_a_name_that_is_too_long_is_one_line(command, arguments):
    name = "x" * 300
    outcome = command(*(name if argument == "LONG" else argument for argument in arguments))
    assert (outcome.status, outcome.out) == (2, "")
    (line,) = outcome.err.splitlines()
    assert line.startswith(f"a3c {arguments[0]}: ")
    assert name in line
