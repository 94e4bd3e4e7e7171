"""The run folder: configuration, checkpoints, names."""

import dataclasses
import json

import numpy as np
import pytest

from a3c.config import SCHEMA_VERSION, TrainConfig
from a3c.errors import CheckpointError, RunFolderError, SettingsError
from a3c.runs.checkpoint import Checkpoint
from a3c.runs.folder import CHECKPOINTS_KEPT, RunFolder, config_toml, default_run_path, read_config
from a3c.runs.metrics import read_rows
from a3c.training.records import Records
from configs_for_tests import config_with

CONFIG = config_with(
    "module:Own-v0", algorithm="random", workers=3, seed=9, target_return=-0.5, env_kwargs={"a b": "x\"y\n", "n": 2},
    optimizer_options={"eps": 1e-8}, epsilon=(0.5, 0.25), hidden=(), locked=True, stop_when_solved=False,
)  # fmt: skip
GA3C = config_with(
    algorithm="ga3c", n_step=5, min_batch=64, queue_size=9, lag_correction="none", rho_clip=2.0, c_clip=0.5,
    log_epsilon=0.25, predictors=2, trainers=3, adjust_threads=True,
)  # fmt: skip
IMPALA = config_with(algorithm="impala", lag_correction="vtrace", rho_clip=float("inf"), forced_lag=4)


def a_checkpoint(steps: int) -> Checkpoint:
    counts = {"steps": steps, "episodes": 0, "updates": 0}
    spaces = {"observation": {}, "action": {}}
    return Checkpoint(CONFIG, np.zeros(2, np.float32), np.zeros((1, 2), np.float32), spaces, counts=counts)


@pytest.mark.parametrize("name", [field.name for field in dataclasses.fields(TrainConfig)])
@pytest.mark.parametrize("config", [CONFIG, GA3C, IMPALA], ids=["random", "ga3c", "impala"])
def test_every_setting_comes_back_from_config_toml(tmp_path, config, name):
    folder = RunFolder.create(tmp_path / "run", config)
    assert getattr(folder.config(), name) == getattr(config, name)


def test_settings_that_are_none_are_left_out():
    assert "max_episode_steps" not in config_toml(config_with("CartPole-v1"))


def test_creating_makes_the_folders_above_too(tmp_path):
    RunFolder.create(tmp_path / "a" / "b" / "run", CONFIG)
    assert (tmp_path / "a" / "b" / "run" / "checkpoints").is_dir()


def test_creating_in_an_empty_folder_is_fine(tmp_path):
    assert RunFolder.create(tmp_path, CONFIG).config() == CONFIG


@pytest.mark.parametrize("saved", ["latest", "best", "step-000000000005"])
def test_a_run_with_a_checkpoint_is_never_begun_anew(tmp_path, saved):
    folder = RunFolder.create(tmp_path, CONFIG)
    assert folder.unsaved
    a_checkpoint(5).save(folder.checkpoint_path(saved))
    assert not folder.unsaved
    with pytest.raises(RunFolderError, match="already holds a run: continue it with `resume`"):
        RunFolder.create(tmp_path, CONFIG)
    folder.config_path.unlink()
    with pytest.raises(RunFolderError, match=r"already holds a run, without its config\.toml: choose another `run`"):
        RunFolder.create(tmp_path, CONFIG)
    assert folder.load("latest" if saved != "best" else "best").counts["steps"] == 5


def test_a_run_without_a_checkpoint_begins_anew_with_the_same_settings_alone(tmp_path):
    folder = RunFolder.create(tmp_path, CONFIG)
    # As a process that was killed then leaves it.
    (folder.checkpoints / ".latest.safetensors.x.partial").touch()
    folder.write_summary({"status": "running"})
    other = dataclasses.replace(CONFIG, seed=10, workers=4)
    with pytest.raises(RunFolderError, match=r"with other settings \(workers, seed\): start that anew with `resume`"):
        RunFolder.create(tmp_path, other)
    assert RunFolder.create(tmp_path, CONFIG).config() == CONFIG


def test_a_new_run_has_nothing_of_one_that_began_there(tmp_path):
    folder = RunFolder.create(tmp_path, CONFIG)
    events = tmp_path / "events.out.tfevents.1700000000.here"
    for steps, kept in ((5, True), (0, False)):
        events.touch()
        folder.episodes_path.write_text("step,seconds,worker,return,length\n5,1,0,1,1\n5,1,0,2,1\n9,1,0,1,1\n")
        folder.evaluations_path.write_text("step,seconds,version,purpose,policy,mean\n" + 3 * "5,1,2,final,greedy,9\n")
        for close in Records(folder, {"steps": steps, "episodes": 1}, 1.0, False, evaluations=2).closing():
            close()
        assert [row[3:6] for row in read_rows(folder.evaluations_path)] == [["final", "greedy", "9"]] * 2 * kept
        assert [row[3] for row in read_rows(folder.episodes_path)] == ["1"] * kept
        assert events.exists() == kept


@pytest.mark.parametrize("long", ["x" * 300, "x" * 200 + "/" + "y" * 256])
def test_a_name_that_is_too_long_is_said_so(tmp_path, long):
    with pytest.raises(RunFolderError, match="cannot be written: File name too long"):
        RunFolder.create(tmp_path / long, CONFIG)
    with pytest.raises(RunFolderError, match="holds no run"):
        RunFolder.open(tmp_path / long)
    with pytest.raises(CheckpointError, match="there is no checkpoint"):
        Checkpoint.load(tmp_path / long)
    assert len(default_run_path(dataclasses.replace(CONFIG, environment=f"{long}-v0")).name.encode()) < 100


@pytest.mark.parametrize(
    "content", [b"schema = 1\nhidden = " + b"[" * 9000, b"\xff\xfe", b"schema = 1\n[", b"schema = ", None], ids=repr
)
def test_a_config_that_is_none_is_said_so_in_one_line(tmp_path, content):
    path = tmp_path / "config.toml"
    path.mkdir() if content is None else path.write_bytes(content)
    with pytest.raises(SettingsError, match=r"config\.toml") as error:
        RunFolder.open(tmp_path).config()
    assert len(str(error.value).splitlines()) == 1


def test_a_numbered_checkpoint_stands_in_for_the_latest(tmp_path):
    folder = RunFolder.create(tmp_path, CONFIG)
    for steps in (5, 40):
        folder.save_latest(a_checkpoint(steps))
    folder.checkpoint_path("latest").unlink()
    assert folder.load("latest").counts["steps"] == folder.load("best").counts["steps"] == 40


def test_opening_what_holds_no_run(tmp_path):
    with pytest.raises(RunFolderError, match="holds no run"):
        RunFolder.open(tmp_path)


def test_the_last_numbered_checkpoints_are_kept(tmp_path):
    folder = RunFolder.create(tmp_path, CONFIG)
    for steps in (5, 40, 300, 2000, 10_000):
        folder.save_latest(a_checkpoint(steps))
    numbered = sorted(path.name for path in folder.checkpoints.glob("step-*"))
    assert len(numbered) == CHECKPOINTS_KEPT
    assert numbered[-1] == "step-000000010000.safetensors"
    assert [Checkpoint.load(folder.checkpoints / name).counts["steps"] for name in numbered] == [300, 2000, 10_000]
    assert folder.load("latest").counts["steps"] == 10_000


def test_the_latest_stands_in_for_a_best_that_is_not_there(tmp_path):
    folder = RunFolder.create(tmp_path, CONFIG)
    with pytest.raises(CheckpointError, match="holds no checkpoint yet"):
        folder.load("best")
    folder.save_latest(a_checkpoint(5))
    assert folder.load("best").counts["steps"] == 5
    folder.save_best(a_checkpoint(3))
    assert folder.load("best").counts["steps"] == 3
    assert folder.load("latest").counts["steps"] == 5


WHOLE = {"algorithm": "a3c", "environment": "Some-v0", "seed": 1, "workers": 2}


@pytest.mark.parametrize(
    "content",
    [None, "", "{", "\x00", "[]", "{}", "7", "[" * 9000]
    + [json.dumps({**WHOLE, **change}) for change in ({"solved_at_step": "soon"}, {"environment": 7}, {"seed": [1]})],
    ids=lambda content: repr(content)[-30:],
)
def test_a_damaged_summary_is_said_so(tmp_path, content):
    folder = RunFolder.create(tmp_path, CONFIG)
    if content is not None:
        folder.summary_path.write_text(content)
    with pytest.raises(RunFolderError, match=r"summary\.json is missing or damaged"):
        folder.summary()


def test_the_name_of_a_run_has_no_slash_or_colon_in_it():
    for environment in ("ALE/Pong-v5", "module:Own-v0"):
        path = default_run_path(dataclasses.replace(CONFIG, environment=environment))
        assert path.parent.name == "runs"
        assert ":" not in path.name
        assert path.name.startswith(environment.replace("/", "-").replace(":", "-") + "-random-9-")


def test_a_config_of_a_newer_schema_is_refused(tmp_path):
    path = tmp_path / "config.toml"
    path.write_text(config_toml(CONFIG).replace(f"schema = {SCHEMA_VERSION}", f"schema = {SCHEMA_VERSION + 1}"))
    with pytest.raises(
        SettingsError, match=rf"has schema {SCHEMA_VERSION + 1}, of a newer version of a3c .*: update a3c"
    ):
        read_config(path)


@pytest.mark.parametrize("letter", ["x", "Ü"])
def test_a_default_name_fits_into_a_file_system(tmp_path, letter):
    path = default_run_path(dataclasses.replace(CONFIG, environment=f"module:{letter * 300}-v0"))
    (tmp_path / path).mkdir(parents=True)
    assert path.name.startswith(f"module-{letter * 20}")
    assert path.name.split(letter)[-1].startswith("-random-9-")
