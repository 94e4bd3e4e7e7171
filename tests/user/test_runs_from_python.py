"""`a3c.resume` and `a3c.repeat`: what the command line does with runs, in one call."""

import shutil
import sys
from functools import partial

import numpy as np
import pytest
from odd_environments import Walk

import a3c
from a3c.errors import CheckpointError, RunFolderError, SettingsError
from a3c.runs.folder import RunFolder
from a3c.runs.repeats import RepeatsFolder
from a3c.training.repeating import SeedsFailed

SMALL = {"backend": "inline", "hidden": (4,), "envs_per_worker": 2, "segment_length": 8, "log": ()}


@pytest.fixture
def run(tmp_path):
    a3c.A3C("CartPole-v1", seed=1, recipe="none", **SMALL).learn(steps=160, run=tmp_path / "run")
    return tmp_path / "run"


def test_a_run_goes_on_in_its_folder_as_by_the_command(run, command, tmp_path):
    shutil.copytree(run, tmp_path / "copy")
    result = a3c.resume(run, steps=320)
    assert (result.run, result.summary["status"]) == (run, "finished")
    assert command("train", "--resume", "copy", "--steps", "320", "--no-progress") == (0, "", "")
    parameters = [RunFolder(path).load("latest").parameters for path in (run, tmp_path / "copy")]
    np.testing.assert_array_equal(*parameters)
    assert RunFolder(run).config().steps == 320


def test_where_nothing_is_left_to_do_it_says_so(run):
    with pytest.raises(SettingsError, match=r"already has 1.. steps of 160: give a larger `steps` to go on"):
        a3c.resume(run)
    with pytest.raises(SettingsError, match="give a larger `steps` to go on"):
        a3c.resume(run, seconds=1.0)
    with pytest.raises(SettingsError, match="`hidden` cannot be 'x'"):
        a3c.resume(run, hidden="x")
    with pytest.raises(SettingsError, match="is a run of a3c, not of a2c"):
        a3c.resume(run, algorithm=a3c.A2C.algorithm, steps=320)
    with pytest.raises(RunFolderError, match="holds no run"):
        a3c.resume(run.parent, steps=320)


def test_a_run_of_a_factory_is_given_it_again(tmp_path):
    a3c.A3C(Walk, seed=1, **SMALL).learn(steps=160, run=tmp_path / "run")
    with pytest.raises(CheckpointError, match=r"trained from Python with a factory.*a3c.resume\(..., environment=\)"):
        a3c.resume(tmp_path / "run", steps=320)
    assert a3c.resume(tmp_path / "run", environment=Walk, steps=320).summary["steps"] >= 320


def test_no_module_is_imported_that_only_the_run_names(tmp_path, monkeypatch):
    (tmp_path / "their_module.py").write_text("import gymnasium\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    name = "their_module:CartPole-v1"
    try:
        a3c.A3C(name, seed=1, recipe="none", **SMALL).learn(steps=160, run=tmp_path / "run")
        del sys.modules["their_module"]
        with pytest.raises(SettingsError, match="names the module their_module, which is not installed"):
            a3c.resume(tmp_path / "run", steps=320)
        assert "their_module" not in sys.modules
        assert a3c.resume(tmp_path / "run", environment=name, steps=320).summary["steps"] >= 320
    finally:
        sys.modules.pop("their_module", None)


def test_repeats_are_those_of_the_command(command, tmp_path):
    report = a3c.repeat("CartPole-v1", 2, seed=4, recipe="none", steps=160, run=tmp_path / "python", **SMALL)
    flags = ["--backend", "inline", "--hidden", "4", "--envs-per-worker", "2", "--segment-length", "8"]
    more = [
        "--seed",
        "4",
        "--recipe",
        "none",
        "--steps",
        "160",
        "--run",
        "command",
        "--log",
        "--no-progress",
    ]
    assert command("train", "CartPole-v1", "--repeats", "2", *flags, *more).status == 0
    assert [row["seed"] for row in report["seeds"]] == [4, 5]
    assert report["recipe"] == RepeatsFolder(tmp_path / "command").recipe() == "none"
    for seed in (4, 5):
        runs = [RunFolder(tmp_path / folder / f"seed-{seed}").load("latest") for folder in ("python", "command")]
        np.testing.assert_array_equal(*(checkpoint.parameters for checkpoint in runs))
    assert (tmp_path / "python" / "repeats.png").exists()


def test_seeds_that_fail_are_told_after_all_were_trained(tmp_path):
    settings = SMALL | {"backend": "processes", "workers": 1}
    second = partial(walk, tmp_path / "run" / "seed-2" / "config.toml")
    with pytest.raises(SeedsFailed, match=r"1 of 2 seeds failed \(seed 2\)"):
        a3c.repeat(second, 2, steps=160, run=tmp_path / "run", **settings)
    assert RunFolder(tmp_path / "run" / "seed-1").summary()["status"] == "finished"
    with pytest.raises(SettingsError, match="repeats is 0, but must be a whole number of at least 1"):
        a3c.repeat(Walk, 0, steps=160, run=tmp_path / "other", **SMALL)
    assert not (tmp_path / "other").exists()


def walk(broken_from):
    """Breaks in its first steps where this file is there."""
    return Walk(breaks_at=5 if broken_from.exists() else None)
