"""What goes on while a callback takes its time: workers, limits, and what goes wrong."""

import time

import pytest
from a3c_command import left_behind, shared_files
from odd_environments import Walk
from test_failures_of_learners import workers_of_this_process

from a3c import Callback, RandomAgent
from a3c.errors import WorkerError
from a3c.runs.checkpoint import Checkpoint
from a3c.runs.folder import RunFolder
from a3c.runs.metrics import read_rows

ENOUGH = 120
"""Seconds after which what does not happen is held to be missing."""


@pytest.fixture
def nothing_left():
    """That a test leaves no process and no shared memory behind."""
    before = shared_files()
    yield
    assert left_behind(workers_of_this_process(), before) == []


def until(reached):
    """Waits until it is so."""
    deadline = time.monotonic() + ENOUGH
    while not reached():
        assert time.monotonic() < deadline, "it does not come to pass"


def steps_now(training, folder):
    """The steps until this moment, a third of a second apart."""
    time.sleep(0.3)
    training.save(folder / "now.safetensors")
    return Checkpoint.load(folder / "now.safetensors").counts["steps"]


def until_it_stands_still(training, folder):
    """Waits until no more steps are taken."""
    until(lambda: steps_now(training, folder) == steps_now(training, folder))


def walk(worker_restarts=3, **env_kwargs):
    """Episodes of one step each: what is said of them fills a pipe within moments."""
    settings = {
        "workers": 1,
        "seed": 1,
        "hidden": (4,),
        "envs_per_worker": 2,
        "segment_length": 8,
        "log": (),
        "worker_restarts": worker_restarts,
    }
    return RandomAgent(Walk, env_kwargs={"length": 1} | env_kwargs, **settings)


@pytest.mark.usefixtures("nothing_left")
def test_workers_go_on_while_a_callback_takes_its_time(tmp_path):
    calls, episodes = [], []

    class Slow(Callback):
        def on_report(self, training):
            if not calls:
                until(lambda: steps_now(training, tmp_path) > training.steps + 8_000)
            calls.append(training.steps)
            return len(calls) < 3

        def on_episodes(self, training, batch):
            episodes.extend(batch)

    result = walk().learn(steps=10**9, run=tmp_path / "run", callback=Slow())
    # What they said meanwhile is taken in when it returns.
    assert calls[1] > calls[0] + 8_000
    assert len(episodes) == result.summary["episodes"] == len(read_rows(RunFolder(tmp_path / "run").episodes_path))


@pytest.mark.usefixtures("nothing_left")
def test_seconds_end_workers_while_a_callback_takes_its_time(tmp_path):
    result = walk().learn(seconds=0.5, callback=lambda training: until_it_stands_still(training, tmp_path))
    assert result.summary["status"] == "finished"


@pytest.mark.usefixtures("nothing_left")
def test_a_worker_that_fails_while_a_callback_takes_its_time_ends_the_run(tmp_path):
    batches = []

    class Slow(Callback):
        def on_episodes(self, training, batch):
            until_it_stands_still(training, tmp_path)
            batches.append(batch)

    with pytest.raises(WorkerError, match="the wheel came off"):
        walk(breaks_at=20_000, worker_restarts=0).learn(steps=10**9, callback=Slow())
    assert batches
