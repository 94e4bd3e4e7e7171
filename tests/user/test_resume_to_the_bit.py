"""A run that gives one result is killed at any moment and resumed: it ends as one that was left alone, bit for bit."""

import time

import numpy as np
import pytest
from a3c_command import Running

import a3c
from a3c.errors import SettingsError
from a3c.runs.checkpoint import Checkpoint
from a3c.runs.folder import RunFolder
from environments_for_tests import Corridor, Recall
from masked_for_tests import Masked

SMALL = {"envs_per_worker": 2, "segment_length": 4, "hidden": (4,), "log": (), "checkpoint_steps": 100}
EVALUATED = {"evaluate_every": 150, "evaluation_episodes": 2}
BY_CLOCK = {"seconds", "steps_per_second", "queue_length"}
NORMAL = {"normalize_observations": True, "normalize_rewards": True}
AGENTS = {
    agent.algorithm.name: agent
    for agent in (
        a3c.A3C,
        a3c.A2C,
        a3c.APPO,
        a3c.GA3C,
        a3c.IMPACT,
        a3c.IMPALA,
        a3c.NStepQ,
        a3c.OneStepQ,
        a3c.OneStepSarsa,
    )
}
CASES = {
    "a3c": ("a3c", Corridor, {}),
    "memory, normalised": ("a3c", Recall, {"recurrent": "gru", "recurrent_units": 3, **NORMAL}),
    "several passes": (
        "appo",
        Recall,
        {"recurrent": "gru", "recurrent_units": 3, "minibatch_size": 4, "target_kl": 1e-6, **NORMAL},
    ),
    "a target network": ("n-step-q", Corridor, {"target_interval": 170}),
    "a target network, masked": ("n-step-q", Masked, {"target_interval": 170}),
    "a target network, memory": (
        *("one-step-sarsa", Recall),
        {"recurrent": "gru", "recurrent_units": 3, "target_interval": 30, **NORMAL},
    ),
    "continuous, noise that is held": ("a2c", "Pendulum-v1", {"hold_noise": 3, **NORMAL}),
    # Its last batch before a boundary is whole, after the row of it has fallen due.
    "a learner": ("impala", "Pendulum-v1", {"min_batch": 40, "checkpoint_steps": 120, **NORMAL}),
    "a learner with a target network": (
        *("impact", Recall),
        {"recurrent": "gru", "recurrent_units": 3, "min_batch": 16, "buffer_size": 2, "target_updates": 3, **NORMAL},
    ),
    "predictors": ("ga3c", Corridor, {"min_batch": 24}),
}


def make(environment, algorithm="a3c", **settings):
    return AGENTS[algorithm](environment, **{"backend": "inline"} | settings)


def kept(folder: RunFolder):
    """What two runs are to have in common: the latest checkpoint, the rows of episodes, metrics and evaluations."""
    tables = []
    for path in (folder.episodes_path, folder.metrics_path, folder.evaluations_path):
        names, *rows = (line.split(",") for line in path.read_text().splitlines())
        tables.append([[cell for name, cell in zip(names, row, strict=True) if name not in BY_CLOCK] for row in rows])
    return Checkpoint.load(folder.checkpoint_path("latest")), *tables


def assert_equal(one: RunFolder, other: RunFolder) -> None:
    (mine, *tables), (theirs, *other_tables) = kept(one), kept(other)
    for name in ("parameters", "optimizer_state", "statistics", "moments", "target"):
        np.testing.assert_array_equal(getattr(mine, name), getattr(theirs, name), err_msg=name)
    for name in ("counts", "returns", "lengths", "best_return_mean_100", "best_evaluation"):
        assert getattr(mine, name) == getattr(theirs, name)
    assert tables == other_tables


@pytest.mark.parametrize("case", CASES)
def test_a_run_that_breaks_off_between_two_boundaries_goes_on_from_the_last(case, tmp_path):
    algorithm, environment, settings = CASES[case]
    given = None if isinstance(environment, str) else environment

    def learn(run, **more):
        return make(environment, algorithm, seed=1, **SMALL | EVALUATED | settings).learn(
            steps=460, run=tmp_path / run, **more
        )

    class Breaks(Exception):
        pass

    def breaks(training):
        if training.steps > 230:
            raise Breaks

    assert learn("whole").summary["reproducible"]
    with pytest.raises(Breaks):
        learn("broken", callback=breaks)
    assert Checkpoint.load(RunFolder(tmp_path / "broken").checkpoint_path("boundary")).at_boundary
    resumed = a3c.resume(tmp_path / "broken", environment=given)
    assert resumed.summary["reproducible"]
    assert_equal(RunFolder(tmp_path / "whole"), RunFolder(tmp_path / "broken"))


@pytest.mark.parametrize("checkpoint_steps", [0, 100])
def test_a_run_that_breaks_off_in_the_evaluation_at_its_end_has_it_after_all(checkpoint_steps, tmp_path):
    class Breaks(a3c.Callback):
        def on_evaluation(self, training, evaluation):
            if evaluation.purpose == "final":
                raise RuntimeError

    settings = SMALL | EVALUATED | {"checkpoint_steps": checkpoint_steps}
    whole = make(Corridor, seed=1, **settings).learn(steps=460, run=tmp_path / "whole")
    with pytest.raises(RuntimeError):
        make(Corridor, seed=1, **settings).learn(steps=460, run=tmp_path / "broken", callback=Breaks())
    resumed = a3c.resume(tmp_path / "broken", environment=Corridor)
    assert resumed.summary["steps"] == whole.summary["steps"]
    assert resumed.summary["best_evaluation"]["episodes"] == 2
    if checkpoint_steps:
        assert_equal(RunFolder(tmp_path / "whole"), RunFolder(tmp_path / "broken"))


@pytest.mark.parametrize(
    "settings",
    [("--algorithm", "a2c"), ("--ordered",), ("--algorithm", "impala", "--ordered", "--min-batch", "48")],
    ids=["a2c", "ordered a3c", "ordered impala"],
)
def test_killed_at_random_and_resumed(settings, tmp_path):
    small = ["--workers", "2", "--envs-per-worker", "2", "--segment-length", "8", "--hidden", "4", "--log"]
    arguments = ["train", "CartPole-v1", "--seed", "1", "--steps", "8000", "--checkpoint-steps", "700", *small]
    arguments += ["--evaluate-every", "2000", "--evaluation-episodes", "2"]
    folders = [RunFolder(tmp_path / name) for name in ("whole", "killed")]
    for folder in folders:
        running = Running(folder.path, [*arguments, *settings, "--run", str(folder.path)])
        try:
            if folder is folders[1]:
                running.wait_for(folder.checkpoint_path("boundary").exists)
                time.sleep(float(np.random.default_rng().random()) * 0.3)
                running.process.kill()
            running.process.wait()
        finally:
            running.end()
    resumed = Running(folders[1].path, ["train", "CartPole-v1", "--resume", str(folders[1].path)])
    try:
        assert resumed.process.wait() == 0
    finally:
        resumed.end()
    assert_equal(*folders)


def test_what_is_saved_between_boundaries_is_to_act_with(tmp_path):
    agent = make(Corridor, seed=1, **SMALL)
    agent.learn(steps=150, run=tmp_path / "run")
    folder = RunFolder(tmp_path / "run")
    latest, boundary = folder.load("latest"), Checkpoint.load(folder.checkpoint_path("boundary"))
    assert latest.counts["steps"] >= 150 > boundary.counts["steps"] >= 100
    assert boundary.at_boundary
    assert not latest.at_boundary
    np.testing.assert_array_equal(agent.parameters, latest.parameters)
    assert folder.load_to_resume(latest.config).counts == boundary.counts


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"checkpoint_interval": 5.0}, "`checkpoint_interval` is not for runs that give one result"),
        (
            {"backend": "processes", "workers": 2, "checkpoint_steps": 5},
            "`checkpoint_steps` is for runs that give one result: set `ordered`",
        ),
    ],
)
def test_saving_by_the_clock_or_by_steps_is_refused_where_it_means_nothing(settings, says):
    with pytest.raises(SettingsError, match=says):
        make(Corridor, **settings)


def test_boundaries_are_on_where_they_can_be_and_may_be_turned_off():
    assert make(Corridor).config.checkpoint_steps == 100_000
    assert make("Pendulum-v1", envs_per_worker=64).config.checkpoint_steps == 10 * 200 * 64
    off = make(Corridor, checkpoint_steps=0, checkpoint_interval=5.0).config
    assert not off.has_boundaries
    assert make(Corridor, backend="processes", workers=2).config.checkpoint_steps is None
