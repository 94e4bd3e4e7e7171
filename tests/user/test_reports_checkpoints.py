"""Checkpoints that a bad disk damaged or somebody else made, and those that are loaded with another environment."""

import dataclasses
import importlib
import json
import shutil
import sys
from pathlib import Path

import gymnasium
import numpy as np
import pytest
from gymnasium.envs.classic_control import CartPoleEnv
from safetensors.numpy import save
from small_agents import BATCH, cartpole

import a3c
import fault_mutations
import mutations
from a3c import A3C
from a3c.errors import CheckpointError, SettingsError
from a3c.runs.checkpoint import Checkpoint
from a3c.runs.folder import RunFolder
from a3c.training.preparing import prepare

INLINE = ["--backend", "inline", "--log", "--no-progress"]


@pytest.fixture(scope="module")
def saved(tmp_path_factory) -> Path:
    """What `save` writes, of an agent that has learned a little."""
    agent = cartpole(normalize_observations=True)
    agent.learn(steps=128)
    path = tmp_path_factory.mktemp("saved") / "agent.safetensors"
    agent.save(path)
    return path


def changed(path: Path, tmp_path: Path, **changes) -> Path:
    """A copy with other fields, or settings, and a checksum that is right."""
    checkpoint = Checkpoint.load(path)
    fields = {name: changes.pop(name) for name in list(changes) if hasattr(checkpoint, name)}
    config = dataclasses.replace(checkpoint.config, **changes)
    dataclasses.replace(checkpoint, config=config, **fields).save(tmp_path / "changed.safetensors")
    return tmp_path / "changed.safetensors"


# What is damaged.


def test_whatever_happens_to_a_file_ends_in_one_line():
    """A part of `benchmarks/fault_mutations.py`: every kind, of all algorithms."""
    rows = fault_mutations.mutations(60, seed=1, steps=0)
    assert sum(row.tried for row in rows) == 60
    assert [problem for row in rows for problem in row.bad] == []


def test_a_single_bit_is_noticed(saved, tmp_path):
    content, path = saved.read_bytes(), tmp_path / "it.safetensors"
    for place in np.random.default_rng(0).integers(len(content), size=60).tolist():
        damaged = bytearray(content)
        damaged[place] ^= 1 << place % 8
        path.write_bytes(damaged)
        with pytest.raises(CheckpointError, match=r"it\.safetensors is (damaged|a safetensors file, but not)"):
            Checkpoint.load(path)


def test_a_file_of_before_there_were_checksums_is_read(saved, tmp_path):
    parts = mutations.taken_apart(saved.read_bytes())
    del parts.header["sha256"]
    tensors = {name: getattr(Checkpoint.load(saved), name) for name in parts.tensors}
    path = tmp_path / "it.safetensors"
    path.write_bytes(save(tensors, {"a3c": json.dumps(parts.header)}))
    np.testing.assert_array_equal(a3c.load(path).value(BATCH), a3c.load(saved).value(BATCH))


def test_the_state_of_another_optimizer_is_refused(saved, tmp_path):
    state = Checkpoint.load(saved).optimizer_state
    with pytest.raises(CheckpointError, match=r"changed\.safetensors holds an optimizer state .* not that of adam"):
        a3c.load(changed(saved, tmp_path, optimizer_state=state[:1]))
    with pytest.raises(CheckpointError, match=r"changed\.safetensors holds an optimizer state below 0 where adam"):
        a3c.load(changed(saved, tmp_path, optimizer_state=-np.abs(state)))


def test_moments_that_nothing_can_have_are_refused(saved, tmp_path):
    moments = Checkpoint.load(saved).moments
    for wrong in (moments[:-1], -moments, np.zeros(0)):
        with pytest.raises(CheckpointError, match=r"changed\.safetensors holds statistics that are not those"):
            a3c.load(changed(saved, tmp_path, moments=wrong))


@pytest.mark.parametrize(
    "settings",
    [{"hidden": (2**62,)}, {"hidden": (2**31, 2**31)}, {"recurrent": "lstm", "recurrent_units": 2**40}],
    ids=str,
)
def test_a_network_without_bound_takes_no_memory(saved, tmp_path, settings):
    with pytest.raises(CheckpointError, match=r"changed\.safetensors holds \d+ parameters, but this network has more"):
        a3c.load(changed(saved, tmp_path, **settings))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"hidden": [8] * 101}, "`hidden` takes at most 100 numbers"),
        ({"frame_stack": 10**9}, "`frame_stack` is 1000000000, but must be at least 1 and at most 100"),
        ({"frame_size": (10**5,)}, "observations of 10,000,000,000 pixels"),
        ({"steps": 2**63}, "`steps` is 9223372036854775808, but must fit into 64 bits"),
        ({"optimizer_options": {"mask": 1.0}}, "unexpected keyword argument 'mask'"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_settings_without_bound_are_refused(settings, message):
    with pytest.raises(SettingsError, match=message):
        cartpole(**settings)


def test_a_network_that_does_not_fit_into_memory_is_one_line(monkeypatch):
    def qr(*arguments):
        raise MemoryError

    monkeypatch.setattr(np.linalg, "qr", qr)
    with pytest.raises(SettingsError, match="the network does not fit into memory: make `hidden`"):
        cartpole()


# Modules that only a file names.


@pytest.fixture
def run(command, saved, tmp_path, monkeypatch) -> Path:
    """A run folder of the environment `their_module:CartPole-v1`, and that module in the current folder."""
    config = dataclasses.replace(Checkpoint.load(saved).config, environment="their_module:CartPole-v1", steps=256)
    folder = RunFolder.create("run", config)
    for which in ("latest", "best"):
        shutil.copy(changed(saved, tmp_path, environment=config.environment), folder.checkpoint_path(which))
    Path("their_module.py").write_text("import pathlib\npathlib.Path('it_ran').touch()\n")
    monkeypatch.setattr(sys, "path", sys.path[:])
    monkeypatch.setitem(sys.modules, "their_module", None)
    monkeypatch.delitem(sys.modules, "their_module")
    importlib.invalidate_caches()
    return folder.path


REFUSED = "names the module their_module, which is not installed ({}/their_module.py); if you trust it: {}\n"


@pytest.mark.parametrize(
    ("arguments", "named", "how"),
    [
        (["evaluate", "run"], "run", "a3c evaluate run"),
        (["evaluate", "run/checkpoints/best.safetensors"], "run/checkpoints/best.safetensors", None),
        (["play", "run", "--video", "film.gif"], "run", "a3c play run"),
        (["train", "--resume", "run", "--steps", "400"], "run", "a3c train --resume run"),
        (["train", "--config", "run/config.toml"], "run/config.toml", "a3c train --config run/config.toml"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_commands_import_no_module_that_only_a_file_names(command, run, tmp_path, arguments, named, how):
    outcome = command(*arguments)
    how = f"{how or 'a3c ' + ' '.join(arguments)} --import-module their_module"
    assert outcome.status == 2
    assert outcome.err == f"a3c {arguments[0]}: {named} {REFUSED.format(tmp_path, how)}"
    assert not Path("it_ran").exists()


@pytest.mark.parametrize(
    "arguments",
    [
        ["evaluate", "run", "--episodes", "1", "--import-module", "their_module"],
        ["train", "--resume", "run", "--steps", "192", *INLINE, "--import-module", "their_module"],
        ["train", "their_module:CartPole-v1", "--resume", "run", "--steps", "192", *INLINE],
    ],
    ids=" ".join,
)
def test_commands_import_a_module_that_the_user_names(command, run, arguments):
    assert command(*arguments).status == 0
    assert Path("it_ran").exists()


def test_load_imports_no_module_that_only_a_file_names(run):
    with pytest.raises(SettingsError, match="if you trust it: give environment='their_module:CartPole-v1'"):
        a3c.load(run)
    assert not Path("it_ran").exists()
    assert a3c.load(run, environment="their_module:CartPole-v1").config.environment == "their_module:CartPole-v1"
    assert Path("it_ran").exists()
    # What is imported already can do no more.
    a3c.load(run)


def test_load_imports_no_module_that_the_arguments_of_the_environment_name(run, saved, tmp_path):
    path = changed(saved, tmp_path, env_kwargs={"inner": "their_module:CartPole-v1"})
    with pytest.raises(SettingsError, match=r"if you trust it: give import_modules=\['their_module'\]"):
        a3c.load(path)
    assert not Path("it_ran").exists()


def test_load_calls_nothing_that_only_a_file_names(saved, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = changed(saved, tmp_path, environment="os:mkdir", env_kwargs={"path": "it_ran"})
    with pytest.raises(SettingsError, match="names os:mkdir, which is no environment's id or class"):
        a3c.load(path)
    assert not Path("it_ran").exists()


# Another environment than the one before.


def make_cartpole():
    return CartPoleEnv()


@pytest.mark.parametrize(
    ("settings", "environment", "target"),
    [
        ({}, "CartPole-v0", 195.0),
        ({}, "CartPole-v1", 475.0),
        ({}, make_cartpole, None),
        ({"target_return": 50.0}, "CartPole-v0", 195.0),
        ({"target_return": 50.0}, "CartPole-v1", 50.0),
        ({"target_return": 50.0}, make_cartpole, 50.0),
    ],
)
def test_the_target_is_that_of_the_environment_it_is_loaded_with(tmp_path, settings, environment, target):
    cartpole(**settings).save(tmp_path / "it.safetensors")
    loaded = a3c.load(tmp_path / "it.safetensors", environment=environment)
    assert loaded.config.target_return == target
    loaded.save(tmp_path / "again.safetensors")
    again = a3c.load(tmp_path / "again.safetensors", environment=environment)
    assert again.config.target_return == target


def test_a_target_that_a_recipe_brought_is_not_the_users(tmp_path, monkeypatch):
    monkeypatch.setattr(gymnasium.envs.registration, "registry", dict(gymnasium.registry))
    monkeypatch.setattr(gymnasium, "registry", gymnasium.envs.registration.registry)
    A3C("MountainCar-v0", backend="inline", seed=1).save(tmp_path / "it.safetensors")
    gymnasium.register("Hill-v0", gymnasium.spec("MountainCar-v0").entry_point, reward_threshold=-150.0)
    assert a3c.load(tmp_path / "it.safetensors").config.target_return == -100.0
    assert a3c.load(tmp_path / "it.safetensors", environment="Hill-v0").config.target_return == -150.0


def test_what_was_loaded_with_a_factory_needs_it_again(tmp_path):
    cartpole().save(tmp_path / "it.safetensors")
    a3c.load(tmp_path / "it.safetensors", environment=make_cartpole).save(tmp_path / "own.safetensors")
    with pytest.raises(SettingsError, match=r"environment factory, or .* \(make_cartpole\): give"):
        a3c.load(tmp_path / "own.safetensors")
    a3c.load(tmp_path / "own.safetensors", environment="CartPole-v1").save(tmp_path / "id.safetensors")
    assert a3c.load(tmp_path / "id.safetensors").config.target_return == 475.0


def test_another_optimizer_starts_with_a_state_of_its_own(saved):
    """Also where both keep as many numbers."""
    checkpoint = Checkpoint.load(saved)
    assert np.any(checkpoint.optimizer_state)
    for optimizer, same in (("adam", True), ("adamax", False), ("rmsprop", False)):
        config = dataclasses.replace(checkpoint.config, optimizer=optimizer)
        _, start = prepare(config, checkpoint=checkpoint)
        assert bool(np.any(start.optimizer_state)) is same
