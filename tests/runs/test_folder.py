"""The run folder: configuration, checkpoints, names."""

import dataclasses

import numpy as np
import pytest

from a3c.config import TrainConfig
from a3c.errors import CheckpointError, RunFolderError, SettingsError
from a3c.runs.checkpoint import Checkpoint
from a3c.runs.folder import CHECKPOINTS_KEPT, RunFolder, config_toml, default_run_path, read_config

CONFIG = TrainConfig(
    "module:Own-v0", algorithm="random", workers=3, seed=9, target_return=-0.5, env_kwargs={"a b": "x\"y\n", "n": 2},
    optimizer_options={"eps": 1e-8}, epsilon=(0.5, 0.25), hidden=(), locked=True, stop_when_solved=False,
)  # fmt: skip
GA3C = TrainConfig(
    algorithm="ga3c", n_step=5, min_batch=64, queue_size=9, lag_correction="none", rho_clip=2.0, c_clip=0.5,
    log_epsilon=0.25, predictors=2, trainers=3, adjust_threads=True,
)  # fmt: skip
IMPALA = TrainConfig(algorithm="impala", lag_correction="vtrace", rho_clip=float("inf"), forced_lag=4)


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
    assert "max_episode_steps" not in config_toml(TrainConfig("CartPole-v1"))


def test_creating_makes_the_folders_above_too(tmp_path):
    RunFolder.create(tmp_path / "a" / "b" / "run", CONFIG)
    assert (tmp_path / "a" / "b" / "run" / "checkpoints").is_dir()


def test_creating_in_an_empty_folder_is_fine(tmp_path):
    RunFolder.create(tmp_path, CONFIG)
    with pytest.raises(RunFolderError, match="already holds a run"):
        RunFolder.create(tmp_path, CONFIG)


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


@pytest.mark.parametrize("content", [None, "", "{", "\x00"])
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


def test_a_config_of_another_schema_is_refused(tmp_path):
    path = tmp_path / "config.toml"
    path.write_text(config_toml(CONFIG).replace("schema = 1", "schema = 2"))
    with pytest.raises(SettingsError, match="has schema 2, but this version of a3c reads 1"):
        read_config(path)


def test_what_a_killed_run_had_not_finished_writing_is_removed_and_nothing_else(tmp_path):
    folder = RunFolder.create(tmp_path / "run", CONFIG)
    folder.save_latest(a_checkpoint(7))
    kept = {path: path.read_bytes() for path in folder.path.rglob("*") if path.is_file()}
    own = [folder.path / name for name in (".gitignore", ".config.toml.swp", ".notes.toml.abcdefgh")]
    names = (".latest.safetensors.ab_d3fgh", ".step-000000000007.safetensors.abcdefgh", ".best.safetensors.01234567")
    unfinished = [folder.checkpoints / name for name in names]
    unfinished += [folder.path / f".{name}.abcdefgh" for name in ("config.toml", "summary.json", "episodes.csv")]
    for path in own + unfinished:
        path.touch()
    folder.remove_unfinished()
    assert not [path for path in unfinished if path.exists()]
    assert all(path.exists() for path in own)
    assert {path: path.read_bytes() for path in kept} == kept


@pytest.mark.parametrize("letter", ["x", "Ü"])
def test_a_default_name_fits_into_a_file_system(tmp_path, letter):
    path = default_run_path(dataclasses.replace(CONFIG, environment=f"module:{letter * 300}-v0"))
    (tmp_path / path).mkdir(parents=True)
    assert path.name.startswith(f"module-{letter * 100}")
    assert path.name.split(letter)[-1].startswith("-random-9-")
