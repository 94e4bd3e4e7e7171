"""A worker of a run that gives one result fails: everyone goes back to the last boundary, and it ends as without it."""

import csv
import os
import signal
from functools import partial
from pathlib import Path

import numpy as np
import pytest

import a3c
from a3c.errors import TrainingWarning, WorkerError
from a3c.runs.checkpoint import Checkpoint
from a3c.runs.folder import RunFolder
from environments_for_tests import Corridor

SMALL = {"envs_per_worker": 2, "segment_length": 4, "hidden": (4,), "log": (), "seed": 1}
EVALUATED = {"evaluate_every": 120, "evaluation_episodes": 2}
BY_CLOCK = {"seconds", "steps_per_second", "queue_length"}


class Fails(Corridor):
    """Its process fails at a step, once: `flag` is a file that says that it has. Without one it fails every time."""

    def __init__(self, flag: Path | None, raises: bool = False):
        super().__init__(4, 12)
        self.flag, self.raises, self.taken = flag, raises, 0

    def step(self, action):
        self.taken += 1
        if self.taken == 80 and self.is_first():
            if self.raises:
                raise RuntimeError("the wheel came off")
            os.kill(os.getpid(), signal.SIGKILL)
        return super().step(action)

    def is_first(self) -> bool:
        try:
            if self.flag is not None:
                self.flag.touch(exist_ok=False)
        except FileExistsError:
            return False
        return True


class Logging(a3c.Callback):
    def on_report(self, training):
        training.log("per_update", training.steps / max(training.updates, 1))


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return [{name: cell for name, cell in row.items() if name not in BY_CLOCK} for row in csv.DictReader(file)]


@pytest.mark.parametrize(
    ("agent", "settings", "raises"),
    [(a3c.A3C, {"ordered": True}, False), (a3c.A2C, {}, True)],
    ids=["a3c, killed", "a2c, raises"],
)
def test_everyone_goes_back_and_the_result_is_that_of_a_run_in_which_nothing_failed(agent, settings, raises, tmp_path):
    def learn(run: str, flag: Path) -> tuple:
        heard: list[list[int]] = []
        maker = agent(partial(Fails, flag, raises), workers=2, checkpoint_steps=200, **SMALL, **EVALUATED, **settings)
        result = maker.learn(
            steps=520,
            run=tmp_path / run,
            callback=Logging(),
            stop_when=lambda evaluations: heard.append([one.step for one in evaluations]),
        )
        return result, RunFolder(tmp_path / run), heard

    (tmp_path / "it failed before").touch()
    whole, whole_folder, heard = learn("whole", tmp_path / "it failed before")
    with pytest.warns(TrainingWarning, match=r"worker [01] failed: .*; everyone goes back to step 2\d\d"):
        result, folder, heard_again = learn("failed", tmp_path / "it failed")

    for which in ("latest", "best"):
        mine, theirs = (Checkpoint.load(one.checkpoint_path(which)) for one in (folder, whole_folder))
        for name in ("parameters", "optimizer_state", "counts", "returns", "evaluations", "best_evaluation", "plays"):
            np.testing.assert_array_equal(getattr(mine, name), getattr(theirs, name), err_msg=f"{which} {name}")
    for path in ("episodes.csv", "metrics.csv", "evaluations.csv"):
        assert rows(folder.path / path) == rows(whole_folder.path / path)
    seconds = [float(row.split(",")[1]) for row in folder.metrics_path.read_text().splitlines()[1:]]
    assert seconds == sorted(seconds)
    # A function of evaluations hears of none twice.
    assert heard_again[-1] == heard[-1]
    assert result.summary["reproducible"]
    assert (whole.summary["worker_restarts"], result.summary["worker_restarts"]) == (0, 1)
    for name in ("status", "best_evaluation", "policy_lag", "best_return_mean_100"):
        assert result.summary[name] == whole.summary[name]
    (event,) = rows(folder.events_path)
    assert event["event"] == "all go back"
    assert event["worker"] in "01"
    assert int(event["step"]) >= 200
    assert len(list(folder.errors.glob("*.txt"))) == raises


def test_what_fails_every_time_ends_the_run_in_one_line(tmp_path):
    agent = a3c.A3C(
        partial(Fails, None), workers=1, worker_restarts=1, checkpoint_steps=0, checkpoint_interval=0.01, **SMALL
    )
    with (
        pytest.warns(TrainingWarning, match="everyone goes back to step 0"),
        pytest.raises(WorkerError, match=r"; workers were replaced once within 10 minutes") as error,
    ):
        agent.learn(steps=400, run=tmp_path / "run")
    assert len(str(error.value).splitlines()) == 1
    folder = RunFolder(tmp_path / "run")
    summary = folder.summary()
    assert (summary["status"], summary["worker_restarts"]) == ("failed", 1)
    assert len(rows(folder.episodes_path)) == summary["episodes"]
    assert [event["event"] for event in rows(folder.events_path)] == ["all go back"]
