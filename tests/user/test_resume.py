"""Stopping a run with Ctrl-C or SIGTERM, a killed run, and `--resume`."""

import os
import signal
import time
from pathlib import Path
from typing import NamedTuple

import psutil
import pytest
from a3c_command import A3C, SMALL, Outcome, Running, run_command

from a3c.machine import available_cores
from a3c.runs.folder import RunFolder
from a3c.runs.metrics import read_rows

MORE = 20_000
"""Steps of 32 environments, by which episodes of 500 steps at most must end."""
ENDLESS = ["train", "CartPole-v1", *SMALL, "--steps", "900_000_000", "--no-stop-when-solved", "--run", "run"]


class Stopped(NamedTuple):
    """A run of two workers that Ctrl-C stopped, and the same run resumed."""

    outcome: Outcome
    summary: dict
    rows: list[list[str]]
    left_running: list[psutil.Process]
    resumed: Outcome
    folder: RunFolder


@pytest.fixture(scope="module")
def stopped(tmp_path_factory: pytest.TempPathFactory) -> Stopped:
    cwd = tmp_path_factory.mktemp("stopped")
    running = Running(cwd / "run", [*ENDLESS, "--workers", "2"])
    try:
        running.wait_for(lambda: running.steps() > 10_000)
        family = running.children()
        # A terminal sends Ctrl-C to all processes of the command.
        os.killpg(running.process.pid, signal.SIGINT)
        outcome = running.outcome()
    finally:
        running.end()
    _, left_running = psutil.wait_procs(family, timeout=20)
    summary, rows = running.folder.summary(), read_rows(running.folder.episodes_path)
    resumed = run_command(*A3C, *_resume(summary["steps"] + MORE), cwd=cwd)
    return Stopped(outcome, summary, rows, left_running, resumed, running.folder)


def test_ctrl_c_saves_and_says_how_to_continue(stopped):
    assert stopped.outcome.status == 130
    assert stopped.outcome.err == ""
    says, how = stopped.outcome.out.splitlines()[-2:]
    assert says == f"stopped after {stopped.summary['steps']:,} steps and saved; continue with:"
    assert how == "  a3c train CartPole-v1 --resume run"
    assert stopped.summary["status"] == "interrupted"


def test_ctrl_c_leaves_no_process(stopped):
    assert stopped.left_running == []


def test_a_stopped_run_goes_on_from_its_counts(stopped):
    summary = stopped.folder.summary()
    assert (stopped.resumed.status, stopped.resumed.err) == (0, "")
    assert summary["status"] == "finished"
    assert stopped.summary["steps"] + MORE <= summary["steps"] < stopped.summary["steps"] + MORE + 2 * 16 * 16
    for count in ("episodes", "updates", "wall_seconds", "best_return_mean_100"):
        assert summary[count] >= stopped.summary[count]


def test_no_row_is_lost_or_doubled_by_resuming(stopped):
    rows = read_rows(stopped.folder.episodes_path)
    assert rows[: len(stopped.rows)] == stopped.rows
    assert len(rows) == stopped.folder.summary()["episodes"] > len(stopped.rows)
    assert all(int(row[0]) > stopped.summary["steps"] for row in rows[len(stopped.rows) :])
    steps = [int(row[0]) for row in read_rows(stopped.folder.metrics_path)]
    assert steps == sorted(steps)


def test_seconds_go_on(stopped):
    seconds = [float(row[1]) for row in read_rows(stopped.folder.metrics_path)]
    assert seconds == sorted(seconds)


def test_resuming_a_finished_run_says_so(stopped, command):
    outcome = command("train", "--resume", stopped.folder.path)
    assert outcome.status == 0
    assert "give a larger --steps to go on" in outcome.out
    assert len(outcome.out.splitlines()) == 1


def test_resuming_keeps_the_settings_of_the_run(stopped):
    config = stopped.folder.config()
    assert (config.seed, config.workers, config.stop_when_solved) == (7, 2, False)


class Terminated(NamedTuple):
    """A run of one worker under way, and how it ended on SIGTERM."""

    summary_under_way: dict
    cores_used: float
    outcome: Outcome
    folder: RunFolder


@pytest.fixture(scope="module")
def terminated(tmp_path_factory: pytest.TempPathFactory) -> Terminated:
    # A network large enough for XLA to spread over threads, where it has them.
    arguments = [*ENDLESS, "--workers", "1", "--hidden", "512", "512"]
    running = Running(tmp_path_factory.mktemp("terminated") / "run", arguments)
    try:
        running.wait_for(lambda: running.steps() > 0)
        summary = running.folder.summary()
        (worker,) = running.workers()
        cores_used = _cores_used(worker)
        running.process.terminate()
        return Terminated(summary, cores_used, running.outcome(), running.folder)
    finally:
        running.end()


def test_the_summary_of_a_run_under_way_says_running(terminated):
    assert terminated.summary_under_way["status"] == "running"
    assert set(terminated.summary_under_way) == set(terminated.folder.summary())


@pytest.mark.skipif(available_cores() < 2, reason="with one core no worker can take more than that")
def test_a_worker_takes_one_core(terminated):
    assert 0.1 < terminated.cores_used < 1.2


def test_sigterm_saves_too(terminated):
    _assert_saved_on_sigterm(terminated.outcome, terminated.folder)


def test_sigterm_before_the_first_step_saves_too(start):
    running = start(*ENDLESS, "--workers", "1")
    running.wait_for(running.folder.summary_path.exists)
    running.process.terminate()
    _assert_saved_on_sigterm(running.outcome(), running.folder)


def _assert_saved_on_sigterm(outcome: Outcome, folder: RunFolder) -> None:
    assert (outcome.status, outcome.err) == (130, "")
    assert "continue with:\n  a3c train CartPole-v1 --resume run\n" in outcome.out
    summary = folder.summary()
    assert summary["status"] == "interrupted"
    assert folder.load("latest").counts == {name: summary[name] for name in ("steps", "episodes", "updates")}


def test_a_killed_run_leaves_no_process_and_goes_on_from_its_checkpoint(start, tmp_path):
    running = start(*ENDLESS, "--workers", "1", "--checkpoint-interval", "0.5", "--checkpoint-steps", "0")
    latest = running.folder.checkpoint_path("latest")
    running.wait_for(latest.exists)
    first = running.folder.load("latest").counts
    running.wait_for(lambda: running.folder.load("latest").counts["steps"] > first["steps"])
    family = running.children()
    assert family
    running.process.kill()
    running.process.wait()
    _, alive = psutil.wait_procs(family, timeout=20)
    assert alive == []
    assert running.folder.summary()["status"] == "running"

    saved = running.folder.load("latest").counts
    outcome = run_command(*A3C, *_resume(saved["steps"] + 2000), cwd=tmp_path)
    assert (outcome.status, outcome.err) == (0, "")
    summary, rows = running.folder.summary(), read_rows(running.folder.episodes_path)
    assert summary["status"] == "finished"
    assert saved["steps"] + 2000 <= summary["steps"] < saved["steps"] + 2000 + 256
    # Every episode that a checkpoint has counted has its row, and nothing has two.
    steps = [int(row[0]) for row in rows]
    assert steps == sorted(steps)
    assert 0 < first["episodes"] <= saved["episodes"] == sum(step <= saved["steps"] for step in steps)
    assert len(steps) == summary["episodes"]


def test_a_solved_run_says_so_and_goes_on_to_a_higher_target(command, tmp_path):
    flags = [*SMALL, "--backend", "inline"]
    assert command("train", "CartPole-v1", *flags, "--target-return", "12", "--run", "run").status == 0
    solved = RunFolder(tmp_path / "run").summary()
    again = command("train", "CartPole-v1", "--resume", "run")
    assert again.status == 0
    assert f"was solved at step {solved['solved_at_step']:,}" in again.out
    assert RunFolder(tmp_path / "run").summary() == solved
    higher = command("train", "CartPole-v1", "--resume", "run", "--target-return", "18")
    summary = RunFolder(tmp_path / "run").summary()
    assert higher.status == 0
    assert summary["status"] == "solved"
    assert summary["target_return"] == 18
    assert summary["solved_at_step"] > solved["steps"]


def _resume(steps: int) -> list[str]:
    return ["train", "CartPole-v1", "--resume", "run", "--steps", str(steps)]


def _cores_used(worker: psutil.Process) -> float:
    """Seconds of processor time that the worker takes per second."""

    def processor_time() -> float:
        times = worker.cpu_times()
        return times.user + times.system

    before, started = processor_time(), time.monotonic()
    time.sleep(1.5)
    return (processor_time() - before) / (time.monotonic() - started)


def test_a_run_with_other_settings_for_its_optimizer_starts_that_anew(command, tmp_path):
    flags = [*SMALL, "--backend", "inline", "--steps", "600"]
    command("train", "CartPole-v1", *flags, "--run", "run")
    resumed = command("train", "CartPole-v1", "--resume", Path("run"), "--steps", "1200", "--optimizer", "sgd")
    assert resumed.status == 0
    assert RunFolder(tmp_path / "run").load("latest").config.optimizer == "sgd"
