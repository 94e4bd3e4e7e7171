"""What goes wrong in the middle of a run of A2C, GA3C and IMPALA, where processes wait for each other."""

import os
import signal
import threading
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import psutil
import pytest
from a3c_command import SMALL, left_behind, shared_files
from odd_environments import Walk
from odd_networks import Saboteur

from a3c import A2C, GA3C, IMPALA
from a3c.errors import WorkerError
from a3c.runs.folder import RunFolder
from a3c.runs.metrics import read_rows
from a3c.training.supervisor import Supervisor

AGENTS = {agent.algorithm.name: agent for agent in (A2C, GA3C, IMPALA)}
LEARNERS = ("ga3c", "impala")
# Only a failure that nobody notices comes to these limits; the test fails then, and does not hang.
STEPS, SECONDS = 900_000_000, 60
LIMITS = ["--steps", str(STEPS), "--seconds", str(SECONDS)]
ENDLESS = [*SMALL, *LIMITS, "--workers", "2", "--hidden", "8", "--run", "run"]
WALK = ["train", "odd_environments:Walk-v0", *ENDLESS]


def workers_of_this_process() -> list[psutil.Process]:
    """The workers that tests in this process have started: the children of the server that they are forked from."""
    return [child for child in psutil.Process().children(recursive=True) if child.ppid() != os.getpid()]


def process_of(algorithm, name):
    processes = sorted(workers_of_this_process(), key=lambda process: (process.create_time(), process.pid))
    names = ["worker 0", "worker 1", "learner"][: 2 + (algorithm in LEARNERS)]
    assert len(processes) == len(names)
    return processes[names.index(name)]


def steps(folder):
    return folder.summary()["steps"] if folder.summary_path.exists() else 0


def meanwhile(befall, command, *arguments):
    """What the command comes to, while a thread does `befall(goes_on)`: that waits until a condition holds, and says
    whether it does, as the command may have ended."""
    over = threading.Event()

    def goes_on(condition):
        while not condition():
            if over.wait(0.02):
                return False
        return True

    with ThreadPoolExecutor(1) as other:
        done = other.submit(befall, goes_on)
        try:
            outcome = command(*arguments)
        finally:
            over.set()
        done.result()
    return outcome


@pytest.fixture
def nothing_left():
    """That a test leaves no process and no shared memory behind."""
    before = shared_files()
    yield
    assert left_behind(workers_of_this_process(), before) == []


@pytest.fixture
def killed_by_the_supervisor(monkeypatch):
    """The processes that had to be killed as they did not end when they were asked to."""
    killed, kill = [], Supervisor.kill

    def watched(self):
        killed.extend(process.name for process in self._processes.values())
        kill(self)

    monkeypatch.setattr(Supervisor, "kill", watched)
    return killed


@pytest.mark.parametrize("algorithm", AGENTS)
@pytest.mark.usefixtures("nothing_left")
def test_an_environment_that_raises_stops_the_run(command, own_environments, algorithm):
    outcome = command(*WALK, "--algorithm", algorithm, "--env-kwargs", "breaks_at", "400")
    assert outcome.status == 1
    assert "Traceback" in outcome.err
    assert 'raise RuntimeError("the wheel came off")' in outcome.err
    last = outcome.err.splitlines()[-1]
    assert last.startswith(("a3c train: worker 0 failed (", "a3c train: worker 1 failed ("))
    assert "(odd_environments:Walk-v0, seed 7): RuntimeError: the wheel came off" in last
    folder = RunFolder(own_environments / "run")
    summary = folder.summary()
    assert summary["status"] == "failed"
    assert "the wheel came off" in summary["error"]
    assert folder.load("latest").counts["steps"] == summary["steps"] > 0
    assert summary["updates"] > 0


@pytest.mark.parametrize(
    ("algorithm", "victim"),
    [("a2c", "worker 0"), ("a2c", "worker 1"), ("ga3c", "learner"), ("impala", "learner")],
)
@pytest.mark.usefixtures("nothing_left")
def test_a_killed_process_stops_the_run(command, own_environments, algorithm, victim, killed_by_the_supervisor):
    """Others wait for what it owes them, such as an action, room in the queue, or the mean gradient; they end too."""
    folder, killed = RunFolder(own_environments / "run"), []

    def kill(goes_on):
        if goes_on(lambda: steps(folder) > 0):
            killed.append(process_of(algorithm, victim))
            killed[0].kill()

    outcome = meanwhile(kill, command, *WALK, "--algorithm", algorithm, "--worker-restarts", "0")
    assert outcome.status == 1
    kept, last = outcome.err.splitlines()
    assert kept == "what was learned until then is in run"
    where = "odd_environments:Walk-v0, seed 7"
    cause = f"its process (pid {killed[0].pid}) was killed by SIGKILL"
    assert last.startswith(f"a3c train: {victim} failed ({where}): {cause}")
    summary = folder.summary()
    assert summary["status"] == "failed"
    assert f"{victim} failed" in summary["error"]
    assert folder.load("latest").counts["steps"] == summary["steps"] > 0
    assert killed_by_the_supervisor == []


@pytest.mark.parametrize("algorithm", ["ga3c", "impala"])
@pytest.mark.usefixtures("nothing_left")
def test_a_killed_worker_is_replaced(command, own_environments, algorithm, killed_by_the_supervisor):
    folder = RunFolder(own_environments / "run")

    def kill(goes_on):
        # Who is killed before its first step would not be replaced.
        if goes_on(lambda: steps(folder) > 0 and "1" in [row[2] for row in read_rows(folder.episodes_path)]):
            before = {process.pid for process in workers_of_this_process()}
            process_of(algorithm, "worker 1").kill()
            goes_on(folder.events_path.exists)
            at = steps(folder)
            goes_on(lambda: steps(folder) > at + 2000 and folder.summary()["worker_restarts"] == 1)
            # The others have gone on, and there is one more that works.
            assert len({process.pid for process in workers_of_this_process()} & before) == 2
            os.kill(os.getpid(), signal.SIGINT)

    outcome = meanwhile(kill, command, *WALK, "--algorithm", algorithm, "--report-interval", "0.1")
    assert (outcome.status, outcome.err) == (130, "")
    assert "worker 1 failed: its process" in outcome.out
    summary = folder.summary()
    assert (summary["status"], summary["worker_restarts"]) == ("interrupted", 1)
    header, row = folder.events_path.read_text().splitlines()
    assert header == "step,seconds,worker,event,what"
    assert ",1,replaced," in row
    assert len(read_rows(folder.episodes_path)) == summary["episodes"] > 0
    assert killed_by_the_supervisor == []


@pytest.mark.parametrize("algorithm", AGENTS)
@pytest.mark.usefixtures("nothing_left")
def test_training_that_diverges_says_so_in_one_line(command, own_environments, algorithm):
    outcome = command(*WALK, "--algorithm", algorithm, "--reward-scale", "1e30")
    assert outcome.status == 1
    kept, last = outcome.err.splitlines()
    assert kept == "what was learned until then is in run"
    who = "learner" if algorithm in LEARNERS else "worker "
    assert last.startswith(f"a3c train: {who}")
    assert "failed (odd_environments:Walk-v0, seed 7): the gradient is no longer finite: lower --learning-rate" in last
    summary = RunFolder(own_environments / "run").summary()
    assert (summary["status"], summary["updates"]) == ("failed", 0)


@pytest.mark.parametrize(
    ("algorithm", "thread", "target"),
    [
        ("ga3c", "predictor", "a3c.sharing.prediction_board:PredictionBoard.waiting"),
        ("ga3c", "trainer", "a3c.roles.learner:Learner.train"),
        ("impala", "trainer", "a3c.sharing.published:PublishedSnapshots.publish"),
    ],
)
@pytest.mark.usefixtures("nothing_left")
def test_a_thread_of_the_learner_that_raises_stops_the_run(algorithm, thread, target, killed_by_the_supervisor):
    agent = AGENTS[algorithm](Walk, network=partial(Saboteur, target=target), workers=2, seed=5)
    message = r"learner failed \(Walk, seed 5\): ZeroDivisionError: the learner gave up"
    with pytest.raises(WorkerError, match=message) as error:
        agent.learn(steps=STEPS, seconds=SECONDS)
    assert error.value.worker == 2
    assert 'raise ZeroDivisionError("the learner gave up")' in error.value.traceback
    assert f"in {thread} 0" in error.value.traceback
    assert killed_by_the_supervisor == []
