"""Files of other versions: the older forms of schema 1, and what a newer version wrote."""

import json

import numpy as np
import pytest
from safetensors.numpy import load_file, save

import mutations
from a3c.algorithm import OwnSettings
from a3c.algorithm.builtin import IMPALASettings
from a3c.config import SCHEMA_VERSION
from a3c.errors import CheckpointError, SettingsError
from a3c.runs.checkpoint import Checkpoint
from a3c.runs.folder import read_config
from configs_for_tests import config_with

CONFIG = config_with("CartPole-v1", seed=1)


@pytest.fixture
def other(tmp_path):
    """A checkpoint with other settings, header and tensors, without a checksum, as files had none once; its path."""

    def other(settings, header, tensors):
        path = tmp_path / "it.safetensors"
        parameters = np.ones(2, np.float32)
        Checkpoint(CONFIG, parameters, parameters[None], {"observation": {}, "action": {}}).save(path)
        before = mutations.taken_apart(path.read_bytes()).header
        del before["sha256"]
        before |= {"schema": 1} | header | {"config": before["config"] | settings}
        kept = {name: value for name, value in (load_file(path) | tensors).items() if value is not None}
        path.write_bytes(save(kept, {"a3c": json.dumps(before)}))
        return path

    return other


def test_before_anything_was_normalised_there_were_no_moments(other):
    assert Checkpoint.load(other({}, {}, {"moments": None})).moments.shape == (0,)


@pytest.mark.parametrize(
    ("algorithm", "own"),
    [*((name, OwnSettings()) for name in ("a3c", "a2c", "random")), ("impala", IMPALASettings(min_batch=256))],
)
def test_the_learners_batch_was_recorded_for_every_algorithm(other, tmp_path, algorithm, own):
    settings = {"algorithm": algorithm, "min_batch": 256}
    assert Checkpoint.load(other(settings, {}, {})).config.own == own
    (tmp_path / "config.toml").write_text(f'schema = 1\nalgorithm = "{algorithm}"\nmin_batch = 256\n')
    assert read_config(tmp_path / "config.toml").own == own


@pytest.mark.parametrize("schema", [1, 4])
def test_before_there_were_action_masks_none_was_used(other, tmp_path, schema):
    assert Checkpoint.load(other({}, {"schema": SCHEMA_VERSION}, {})).config.action_masks is None
    path = other({}, {"schema": schema}, {})
    apart = mutations.taken_apart(path.read_bytes())
    del apart.header["config"]["action_masks"]
    path.write_bytes(save(load_file(path), {"a3c": json.dumps(apart.header)}))
    assert Checkpoint.load(path).config.action_masks is False
    (tmp_path / "config.toml").write_text(f"schema = {schema}\n")
    assert read_config(tmp_path / "config.toml").action_masks is False


def test_another_batch_was_never_recorded_for_it(other):
    with pytest.raises(CheckpointError, match="`min_batch` is a setting of ga3c and impact and impala, not of a3c"):
        Checkpoint.load(other({"min_batch": 255}, {}, {}))
    with pytest.raises(SettingsError, match="`min_batch` is a setting of ga3c and impact and impala, not of a3c"):
        config_with(min_batch=256)


@pytest.mark.parametrize("schema", [SCHEMA_VERSION + 1, 10**400], ids=["the next", "many"])
def test_a_newer_checkpoint_is_refused_as_such_whatever_is_in_it(other, schema):
    path = other({"more": 1}, {"schema": schema, "more": 2, "sha256": "another"}, {"more": np.ones(1, np.int8)})
    with pytest.raises(
        CheckpointError, match=r"it\.safetensors has schema .* of a newer version .*: update a3c"
    ) as error:
        Checkpoint.load(path)
    assert len(str(error.value).splitlines()) == 1


@pytest.mark.parametrize("schema", [None, 0, -1, "1", True, 1.0, [1]], ids=repr)
def test_a_schema_that_no_version_has_written_is_refused(other, schema):
    with pytest.raises(CheckpointError, match="which no version of a3c has written"):
        Checkpoint.load(other({}, {"schema": schema}, {}))


@pytest.mark.parametrize(("tensorboard", "log"), [(True, ("tensorboard",)), (False, ())])
def test_there_was_tensorboard_or_no_logger(other, tmp_path, tensorboard, log):
    path = other({"tensorboard": tensorboard, "log": None}, {"schema": 4}, {})
    assert Checkpoint.load(path).config.log == log
    toml = f"schema = 4\n[environment]\nenvironment = 'CartPole-v1'\n[run]\ntensorboard = {str(tensorboard).lower()}\n"
    (tmp_path / "config.toml").write_text(toml)
    assert read_config(tmp_path / "config.toml").log == log
