"""A2C, GA3C and IMPALA as a user meets them: runs from the command line, stopped and gone on with, and from Python."""

import io
import os
import signal
import subprocess
import time
from contextlib import redirect_stderr, redirect_stdout, suppress
from typing import Any, NamedTuple

import numpy as np
import psutil
import pytest
from a3c_command import RUN_FILES, SMALL, TIMEOUT, Outcome, Running
from odd_environments import Walk

import a3c
from a3c import A2C, GA3C, IMPALA
from a3c.cli import main, train
from a3c.runs.folder import RunFolder
from a3c.runs.metrics import METRIC_COLUMNS, read_rows

AGENTS = {agent.algorithm.name: agent for agent in (A2C, GA3C, IMPALA)}
LEARNERS = ("ga3c", "impala")
ENDLESS = ["train", "CartPole-v1", *SMALL, "--steps", "900_000_000", "--no-stop-when-solved", "--run", "run"]
RESUME = ["train", "CartPole-v1", "--resume", "run"]
each_agent = pytest.mark.parametrize("agent_class", AGENTS.values(), ids=AGENTS)


class Stage(NamedTuple):
    """How a part of a run was stopped, and what it left."""

    outcome: Outcome
    summary: dict[str, Any]
    rows: list[list[str]]
    left: list[str]


class Life(NamedTuple):
    """A run of two workers: stopped by Ctrl-C, resumed, killed, and resumed to its end."""

    algorithm: str
    stopped: Stage
    killed: Stage
    saved: dict[str, int]
    finished: Outcome
    folder: RunFolder

    @property
    def has_learner(self) -> bool:
        return self.algorithm in LEARNERS


@pytest.fixture(scope="module", params=AGENTS)
def life(request, tmp_path_factory) -> Life:
    cwd = tmp_path_factory.mktemp(request.param)
    folder = RunFolder(cwd / "run")

    def part(arguments, until, stop) -> Stage:
        running = Running(folder.path, arguments)
        try:
            running.wait_for(lambda: until(running))
            family = running.children()
            stop(running.process)
            running.process.wait(TIMEOUT)
            left = running.left_behind(family)
            # What is left keeps the pipe open.
            for process in family:
                with suppress(psutil.NoSuchProcess):
                    process.kill()
            outcome = running.outcome()
        finally:
            running.end()
        return Stage(outcome, folder.summary(), read_rows(folder.episodes_path), left)

    settings = ["--algorithm", request.param, "--workers", "2", "--hidden", "8"]
    settings += ["--checkpoint-interval", "0.2", "--checkpoint-steps", "0"]
    stopped = part([*ENDLESS, *settings], lambda running: running.steps() > 2000, press_ctrl_c)
    before = stopped.summary["steps"]
    killed = part(RESUME, lambda _: folder.load("latest").counts["steps"] > before + 1000, subprocess.Popen.kill)
    saved = folder.load("latest").counts
    finished = run_here(cwd, *RESUME, "--steps", str(saved["steps"] + 3000))
    return Life(request.param, stopped, killed, saved, finished, folder)


def press_ctrl_c(process) -> None:
    # A terminal sends it to all processes of the command.
    os.killpg(process.pid, signal.SIGINT)


def run_here(cwd, *arguments) -> Outcome:
    """Runs a command in this process, which saves importing it again."""
    out, err = io.StringIO(), io.StringIO()
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(out), redirect_stderr(err):
        patch.chdir(cwd)
        patch.setattr(train, "process_started", time.monotonic)
        status = main.run(list(arguments))
    return Outcome(status, out.getvalue(), err.getvalue())


def test_ctrl_c_saves_and_says_how_to_continue(life):
    assert (life.stopped.outcome.status, life.stopped.outcome.err) == (130, "")
    says, how = life.stopped.outcome.out.splitlines()[-2:]
    assert says == f"stopped after {life.stopped.summary['steps']:,} steps and saved; continue with:"
    assert how == "  a3c train CartPole-v1 --resume run"
    assert life.stopped.summary["status"] == "interrupted"


def test_ctrl_c_leaves_nothing_behind(life):
    assert life.stopped.left == []


def test_a_killed_run_leaves_nothing_behind(life):
    assert life.killed.left == []
    assert life.killed.summary["status"] == "running"


def test_every_part_goes_on_where_the_one_before_was_saved(life):
    assert (life.finished.status, life.finished.err) == (0, "")
    finished = life.folder.summary()
    # The part that was killed need not have come to its first update.
    assert life.saved["steps"] > life.stopped.summary["steps"]
    for count in ("steps", "episodes", "updates"):
        assert life.stopped.summary[count] <= life.saved[count] < finished[count]


def test_no_row_of_a_stopped_run_is_lost_or_doubled(life):
    rows, before = read_rows(life.folder.episodes_path), life.stopped.rows
    assert len(before) == life.stopped.summary["episodes"]
    assert rows[: len(before)] == before
    assert all(int(row[0]) > life.stopped.summary["steps"] for row in rows[len(before) :])
    # What was reported after the checkpoint, perhaps of steps before it, has no row; the rest is kept.
    kept = [row for row in life.killed.rows if int(row[0]) <= life.saved["steps"]][: life.saved["episodes"]]
    assert len(before) <= len(kept) <= life.saved["episodes"]
    assert rows[: len(kept)] == kept
    assert len(rows) - len(kept) == life.folder.summary()["episodes"] - life.saved["episodes"]
    # The learner, which is no worker, steps no environment.
    assert {row[2] for row in rows} == {"0", "1"}


def test_a_run_stops_at_its_steps_and_at_most_a_segment_of_each_worker_later(life):
    wanted = life.saved["steps"] + 3000
    assert wanted <= life.folder.summary()["steps"] < wanted + 2 * 16 * 16


@pytest.mark.parametrize("name", RUN_FILES)
def test_a_run_writes(life, name):
    files = list(life.folder.path.glob(name))
    assert any(file.stat().st_size > 0 for file in files)


def test_the_summary_says_what_ran_and_how_it_ended(life):
    summary = life.folder.summary()
    wanted = {"status": "finished", "algorithm": life.algorithm, "environment": "CartPole-v1", "seed": 7, "workers": 2}
    assert wanted.items() <= summary.items()
    assert isinstance(summary["policy_lag"], float)
    assert (summary["policy_lag"] >= 0) if life.has_learner else (summary["policy_lag"] == 0)
    assert 0 < summary["startup_seconds"] < summary["wall_seconds"]


def test_the_queue_and_the_threads_are_shown_where_there_are_any(life):
    lengths = [row[METRIC_COLUMNS.index("queue_length")] for row in read_rows(life.folder.metrics_path)]
    written = [float(length) for length in lengths if length]
    assert bool(written) == life.has_learner
    assert all(0 <= length <= 2 for length in written)
    columns = {name: METRIC_COLUMNS.index(name) for name in ("predictors", "trainers")}
    threads = {name: {row[column] for row in read_rows(life.folder.metrics_path)} for name, column in columns.items()}
    assert ("1" in threads["trainers"]) == life.has_learner
    assert ("1" in threads["predictors"]) == (life.algorithm == "ga3c")
    shown = [line for line in life.finished.out.splitlines() if "steps/s" in line]
    assert shown
    assert ("  queue " in shown[-1]) == life.has_learner


def test_every_update_is_measured(life):
    rows = read_rows(life.folder.metrics_path)
    trained = [row for row in rows if row[METRIC_COLUMNS.index("gradient_norm")]]
    assert trained
    assert all(float(row[METRIC_COLUMNS.index("gradient_norm")]) > 0 for row in trained)


def test_what_was_trained_can_act(life, command):
    outcome = command("evaluate", life.folder.path, "--episodes", "3")
    assert (outcome.status, outcome.err) == (0, "")
    assert "over 3 episodes" in outcome.out
    assert type(a3c.load(life.folder.path)) is AGENTS[life.algorithm]


def test_another_algorithm_cannot_go_on_with_it(life, command):
    outcome = command("train", "CartPole-v1", "--resume", life.folder.path, "--algorithm", "a3c")
    assert outcome.status == 2
    assert f"is a run of {life.algorithm}, not of a3c" in outcome.err


@each_agent
def test_learn_called_again_continues(agent_class):
    seen = []
    agent = agent_class(Walk, backend="inline", seed=3, envs_per_worker=4, hidden=(8,), **batch(agent_class))
    first, second = agent.learn(steps=640), agent.learn(steps=320, callback=seen.append)
    assert first.summary["algorithm"] == agent_class.algorithm.name
    assert 640 <= first.summary["steps"] < 640 + 64
    assert 320 <= second.summary["steps"] - first.summary["steps"] < 320 + 64
    assert second.summary["updates"] >= first.summary["updates"] + 5
    # In one process nothing comes between acting and learning; versions go on from those of the first call.
    assert first.summary["policy_lag"] == second.summary["policy_lag"] == 0
    assert (seen[-1].queue_length is not None) == agent_class.algorithm.has_learner


@each_agent
def test_what_is_saved_is_loaded_as_what_it_was(agent_class, tmp_path):
    agent = agent_class(Walk, backend="inline", seed=3, envs_per_worker=4, hidden=(8,), **batch(agent_class))
    steps = agent.learn(steps=640).summary["steps"]
    agent.save(tmp_path / "agent.safetensors")
    loaded = a3c.load(tmp_path / "agent.safetensors", environment=Walk)
    assert type(loaded) is agent_class
    assert loaded.config == agent.config
    observations = np.random.default_rng(1).normal(size=(6, 3))
    np.testing.assert_array_equal(loaded.value(observations), agent.value(observations))
    assert loaded.learn(steps=64).summary["steps"] >= steps + 64
    assert not np.allclose(loaded.value(observations), agent.value(observations))


@each_agent
def test_an_environment_of_ones_own_is_trained_on_in_processes(agent_class):
    class Longer(Walk):
        def __init__(self, length=5):
            super().__init__(2 * length)

    settings = {"workers": 2, "envs_per_worker": 4, "hidden": (8,), "env_kwargs": {"length": 3}}
    agent = agent_class(Longer, seed=3, **settings, **batch(agent_class))
    before = agent.value(np.ones(3))
    summary = agent.learn(episodes=150).summary
    assert summary["return_mean_100"] == 6
    assert summary["updates"] > 5
    assert agent.value(np.ones(3)) != before


@each_agent
def test_sigterm_keeps_what_was_learned_and_learning_goes_on(agent_class, tmp_path):
    def terminate(progress):
        if progress.steps > 640 and not sent:
            sent.append(progress)
            os.kill(os.getpid(), signal.SIGTERM)

    sent = []
    agent = agent_class(
        Walk, workers=2, seed=3, envs_per_worker=4, hidden=(8,), report_interval=0.01, **batch(agent_class)
    )
    before = agent.value(np.ones(3))
    # Where learning does not take the signal, it ends neither this process nor the learning.
    handler = signal.signal(signal.SIGTERM, ignore)
    try:
        with pytest.raises(KeyboardInterrupt):
            agent.learn(steps=100_000, run=tmp_path / "run", callback=terminate)
        assert signal.getsignal(signal.SIGTERM) is ignore
    finally:
        signal.signal(signal.SIGTERM, handler)
    folder = RunFolder(tmp_path / "run")
    summary = folder.summary()
    assert summary["status"] == "interrupted"
    assert folder.load("latest").counts == {name: summary[name] for name in ("steps", "episodes", "updates")}
    assert agent.value(np.ones(3)) != before
    assert agent.learn(steps=64).summary["steps"] >= summary["steps"] + 64


def ignore(number, frame) -> None:
    """A handler of signals."""


def batch(agent_class) -> dict[str, int]:
    """The setting with which a learner learns from one segment at a time."""
    return {"min_batch": 64} if agent_class.algorithm.has_learner else {}
