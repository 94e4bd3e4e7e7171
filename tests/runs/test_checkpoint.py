"""Checkpoints: what is saved comes back, and worker seeds."""

import dataclasses
import os

import gymnasium
import numpy as np
import pytest
from safetensors import safe_open

from a3c.environments.spaces import describe_space
from a3c.errors import CheckpointError, DiskError, TrainingDiverged
from a3c.runs.checkpoint import Checkpoint, worker_seeds
from configs_for_tests import config_with

OBSERVATIONS, ACTIONS = gymnasium.spaces.Box(-1, 1, (4,)), gymnasium.spaces.Discrete(2, start=1)


def described(observations, actions) -> dict:
    return {"observation": describe_space(observations), "action": describe_space(actions)}


def a_checkpoint(**changes) -> Checkpoint:
    generator = np.random.default_rng(0)
    config = config_with(
        "CartPole-v1", workers=2, seed=5, steps=100, hidden=(8, 4), epsilon=(0.5, 0.1), env_kwargs={"sutton": True}
    )
    values = {
        "config": config,
        "parameters": generator.normal(size=7).astype(np.float32),
        "optimizer_state": generator.normal(size=(2, 7)).astype(np.float32),
        "spaces": described(OBSERVATIONS, ACTIONS),
        "own_network": True,
        "counts": {"steps": 12, "episodes": 3, "updates": 2**40},
        "seconds": 1.25,
        "returns": [1.0, -0.1, 1 / 3],
        "best_return_mean_100": 9.5,
        "solved_at_step": 11,
        "solved_at_second": 1.125,
        "plays": "sampled",
        "best_evaluation": -3.5,
        "best_step": 7,
        "best_version": 6,
        "evaluations": 4,
        "confirmations": 2,
        "confirm_after": 2**40,
    }
    return Checkpoint(**values | changes)


@pytest.mark.parametrize("name", [field.name for field in dataclasses.fields(Checkpoint)])
def test_what_is_saved_comes_back(tmp_path, name):
    saved = a_checkpoint()
    saved.save(tmp_path / "it.safetensors")
    loaded = Checkpoint.load(tmp_path / "it.safetensors")
    before, after = getattr(saved, name), getattr(loaded, name)
    if isinstance(before, np.ndarray):
        assert after.dtype == before.dtype
        np.testing.assert_array_equal(after, before)
    else:
        assert after == before


def test_it_is_one_safetensors_file_that_others_can_read(tmp_path):
    a_checkpoint().save(tmp_path / "it.safetensors")
    with safe_open(str(tmp_path / "it.safetensors"), "numpy") as file:
        assert sorted(file.keys()) == ["moments", "optimizer_state", "parameters", "statistics"]
    assert [path.name for path in tmp_path.iterdir()] == ["it.safetensors"]


def test_saving_again_replaces_the_file(tmp_path):
    for steps in (1, 2):
        a_checkpoint(counts={"steps": steps, "episodes": 0, "updates": 0}).save(tmp_path / "it.safetensors")
    assert Checkpoint.load(tmp_path / "it.safetensors").counts["steps"] == 2


def test_a_full_disk_leaves_the_checkpoint_before(tmp_path, monkeypatch):
    path = tmp_path / "it.safetensors"
    a_checkpoint().save(path)
    before = path.read_bytes()

    def fsync(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", fsync)
    with pytest.raises(DiskError, match=r"could not write .*it\.safetensors: No space left on device"):
        a_checkpoint(seconds=99.0).save(path)
    assert path.read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["it.safetensors"]


@pytest.mark.parametrize("share", [0, 0.001, 0.3, 0.9, 0.999])
def test_a_file_cut_off_anywhere_is_refused(tmp_path, share):
    path = tmp_path / "it.safetensors"
    a_checkpoint().save(path)
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])
    with pytest.raises(CheckpointError, match=r"it\.safetensors is damaged"):
        Checkpoint.load(path)


@pytest.mark.parametrize("make", [lambda path: path.mkdir(), lambda path: None], ids=["a folder", "nothing"])
def test_what_is_no_file_is_refused(tmp_path, make):
    make(tmp_path / "it")
    with pytest.raises(CheckpointError, match="there is no checkpoint"):
        Checkpoint.load(tmp_path / "it")


def test_it_fits_the_spaces_and_the_size_it_was_made_for():
    a_checkpoint().check_spaces(described(OBSERVATIONS, ACTIONS))
    a_checkpoint().check_size(7)


@pytest.mark.parametrize(
    ("observations", "actions", "kind"),
    [
        (gymnasium.spaces.Box(-1, 1, (5,)), ACTIONS, "observation"),
        (gymnasium.spaces.Discrete(4), ACTIONS, "observation"),
        (OBSERVATIONS, gymnasium.spaces.Discrete(3, start=1), "action"),
        (OBSERVATIONS, gymnasium.spaces.Discrete(2), "action"),
    ],
)
def test_it_does_not_fit_other_spaces(observations, actions, kind):
    with pytest.raises(CheckpointError, match=f"for the {kind} space"):
        a_checkpoint().check_spaces(described(observations, actions))


def test_it_does_not_fit_a_dict_in_another_order():
    """Its parts are packed in that order, which neither Gymnasium nor Python sees where they compare."""
    one, other = ({"b": OBSERVATIONS, "a": OBSERVATIONS}, {"a": OBSERVATIONS, "b": OBSERVATIONS})
    trained, here = (gymnasium.spaces.Tuple([gymnasium.spaces.Dict(**parts)]) for parts in (one, other))
    assert trained == here
    checkpoint = dataclasses.replace(a_checkpoint(), spaces=described(trained, ACTIONS))
    checkpoint.check_spaces(described(trained, ACTIONS))
    with pytest.raises(CheckpointError, match="observation space with the keys in the order 0/b, 0/a, not 0/a, 0/b"):
        checkpoint.check_spaces(described(here, ACTIONS))


def test_it_does_not_fit_another_network():
    with pytest.raises(CheckpointError, match="7 parameters, but this network has 8"):
        a_checkpoint().check_size(8)


@pytest.mark.parametrize("name", ["parameters", "statistics", "optimizer_state", "moments"])
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_what_is_no_number_is_not_saved_and_the_file_before_is_kept(tmp_path, name, value):
    path = tmp_path / "it.safetensors"
    a_checkpoint().save(path)
    before = path.read_bytes()
    checkpoint = a_checkpoint(statistics=np.ones(1, np.float32), moments=np.ones(3), seconds=99.0)
    getattr(checkpoint, name)[-1] = value
    with pytest.raises(TrainingDiverged, match=r"it\.safetensors was not written, as its .* not finite"):
        checkpoint.save(path)
    assert path.read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["it.safetensors"]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"plays": "often"}, "its plays are not greedy or sampled"),
        ({"plays": ["greedy"]}, "its plays are not greedy or sampled"),
        ({"plays": None}, "its plays are not greedy or sampled"),
        ({"best_evaluation": "9"}, "its best_evaluation is not a number"),
        ({"best_evaluation": True}, "its best_evaluation is not a number"),
        ({"evaluations": -1}, "its evaluations are not a count from 0 on"),
        ({"confirmations": 1.5}, "its confirmations are not a count from 0 on"),
        ({"confirm_after": None}, "its confirm_after is not a count from 0 on"),
    ],
    ids=str,
)
def test_what_evaluations_cannot_have_found_is_not_saved(tmp_path, changes, words):
    with pytest.raises(TrainingDiverged, match=words):
        a_checkpoint(**changes).save(tmp_path / "it.safetensors")


def test_every_worker_and_every_resumed_run_has_numbers_of_its_own():
    seeds = [config_with(seed=5), config_with(seed=6)]
    streams = {
        tuple(seed.generate_state(4).tolist())
        for config in seeds
        for steps in (0, 100)
        for seed in worker_seeds(config, steps, 3)
    }
    assert len(streams) == 2 * 2 * 3
    first = [seed.generate_state(4).tolist() for seed in worker_seeds(seeds[0], 100, 3)]
    assert [seed.generate_state(4).tolist() for seed in worker_seeds(seeds[0], 100, 3)] == first
