"""An algorithm that is none of this package: from the command line, from Python, resumed and loaded."""

import importlib
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
from test_bad_input import assert_refused
from test_examples import EXAMPLES, mean_return, printed_by

import a3c
from a3c.algorithm import Algorithm, LearnerSettings, OwnSettings
from a3c.algorithm.builtin import IMPALASettings
from a3c.algorithms import impala
from a3c.config.setting import setting
from a3c.errors import SettingsError
from a3c.runs.folder import RunFolder

FLAGS = ["--recipe", "none", "--seed", "1", "--hidden", "4", "--envs-per-worker", "2", "--log"]
LIMITED = ["--steps", "320", "--no-progress", "--run", "run"]
AGAIN = ["train", "--resume", "run", "--steps", "640", "--no-progress"]


@pytest.fixture
def example(tmp_path, monkeypatch):
    """The example lies in the current folder, and was imported by nobody."""
    shutil.copy(EXAMPLES / "own_algorithm.py", tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    yield "own_algorithm:REPLAY"
    sys.modules.pop("own_algorithm", None)


def test_the_example_learns_and_is_at_most_60_lines(tmp_path):
    assert len((EXAMPLES / "own_algorithm.py").read_text().splitlines()) <= 60
    printed = printed_by("own_algorithm", tmp_path)
    assert mean_return(printed) > 100
    before, after = printed.splitlines()[-2:]
    assert before == after


@pytest.mark.parametrize("backend", ["inline", "processes"])
def test_it_is_trained_resumed_and_evaluated_by_commands(command, tmp_path, example, backend):
    flags = [*FLAGS, *LIMITED, "--backend", backend, *(["--workers", "1"] if backend == "processes" else [])]
    assert command("train", "CartPole-v1", "--algorithm", example, "--replays", "3", *flags) == (0, "", "")
    summary = RunFolder(tmp_path / "run").summary()
    assert summary["algorithm"] == "replay"
    # A segment of 32 rows, some of them resets, is learned from three times.
    assert summary["updates"] in (30, 33, 36)
    sys.modules.pop("own_algorithm")
    # The file alone names its module: nothing of it is run.
    outcome = command(*AGAIN)
    assert_refused(outcome, "names the module own_algorithm for its algorithm", "--import-module")
    assert "own_algorithm" not in sys.modules
    assert command(*AGAIN, "--import-module", "own_algorithm") == (0, "", "")
    assert RunFolder(tmp_path / "run").summary()["updates"] in (60, 63, 66, 69)
    sys.modules.pop("own_algorithm")
    assert_refused(command("evaluate", "run", "--episodes", "1"), "names the module own_algorithm for its algorithm")
    outcome = command("evaluate", "run", "--episodes", "1", "--import-module", "own_algorithm")
    assert (outcome.status, outcome.err) == (0, "")


def test_its_settings_stand_in_help_and_are_checked(command, tmp_path, example):
    assert "--replays N" in command("train", "--algorithm", example, "--help-all").out
    assert "--replays" not in command("train", "--help-all").out
    outcome = command("train", "CartPole-v1", "--algorithm", example, "--replays", "0", *LIMITED)
    assert_refused(outcome, "--replays is 0, but must be at least 1")
    assert_refused(command("train", "CartPole-v1", "--replays", "1"), "there is no flag --replays")
    assert not (tmp_path / "run").exists()


@dataclass(frozen=True)
class Settings(LearnerSettings):
    tries: int = setting(1, at_least=1)


def act(worker):
    impala.run(worker)


SIXTH = Algorithm(
    "sixth", "IMPALA once more", "none", act, impala.duties, Settings, learns="learner", shares=("queue", "published")
)
SMALL = {"hidden": (4,), "envs_per_worker": 2, "seed": 1, "recipe": "none"}


@pytest.mark.parametrize("settings", [{"backend": "inline"}, {"workers": 1}], ids=str)
def test_one_that_a_script_defines_trains_is_saved_and_goes_on(tmp_path, settings):
    agent = a3c.Agent("CartPole-v1", algorithm=SIXTH, tries=3, min_batch=32, **SMALL, **settings)
    assert (agent.config.algorithm, agent.config.own) == (SIXTH, Settings(min_batch=32, tries=3))
    result = agent.learn(steps=320, run=tmp_path / "run")
    updates = result.summary["updates"]
    assert updates >= 10
    agent.save(tmp_path / "saved")
    with pytest.raises(a3c.A3CError, match="there is no algorithm 'sixth'"):
        a3c.load(tmp_path / "saved")
    for path in ("saved", "run"):
        loaded = a3c.load(tmp_path / path, algorithm=SIXTH)
        assert loaded.config.own == agent.config.own
        assert loaded.learn(steps=320).latest.counts["updates"] >= updates + 10


@pytest.mark.parametrize("repeats", [[], ["--repeats", "2"]], ids=["run", "repeats"])
def test_what_a_script_trained_goes_on_by_command_where_that_names_it(command, tmp_path, example, monkeypatch, repeats):
    monkeypatch.syspath_prepend(str(tmp_path))
    value = importlib.import_module("own_algorithm").REPLAY
    settings = {**SMALL, "backend": "inline", "steps": 320, "replays": 3}
    if repeats:
        a3c.repeat("CartPole-v1", 2, algorithm=value, run=tmp_path / "run", **settings)
    else:
        a3c.Agent("CartPole-v1", algorithm=value, **settings).learn(run=tmp_path / "run")
    # A script's value is known by its name alone.
    assert_refused(command(*AGAIN, *repeats), "there is no algorithm 'replay'", "your own by module:NAME")
    outcome = command(*AGAIN, *repeats, "--algorithm", example)
    assert (outcome.status, outcome.err) == (0, "")
    for path in tmp_path.glob("run/seed-*") if repeats else [tmp_path / "run"]:
        assert RunFolder(path).summary()["updates"] in (60, 63, 66, 69)
        # From now on its files say where it is.
        assert f'algorithm = "{example}"' in RunFolder(path).config_path.read_text()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("Six", "", "", "m:f"), "'Six' is no name of an algorithm: use small letters and digits"),
        (("six", "", "", "m:f", "m:g"), "give `learner` where `learns` is 'learner', and only there"),
        (("six", "", "", "m:f", "m:g", OwnSettings, "worker", "learner"), "a learner needs 'queue' in `shares`"),
        (("six", "", "", "m:f", "m:g", IMPALASettings, "learner", "learner", ("queue",)), "'board' is in `shares`"),
    ],
)
def test_what_does_not_go_together_is_refused(arguments, message):
    with pytest.raises(SettingsError, match=message):
        Algorithm(*arguments)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("a4c", "there is no algorithm 'a4c'; did you mean 'a3c'"),
        ("no_such_module:X", "there is no module 'no_such_module', neither installed nor in the current folder"),
        ("odd_networks:X", "odd_networks:X is no Algorithm: there is nothing of that name"),
        ("pathlib:Path", "pathlib:Path is no Algorithm: it is <class 'pathlib.Path'>"),
    ],
)
def test_one_that_is_not_there_is_one_line(command, name, words):
    assert_refused(command("train", "CartPole-v1", "--algorithm", name, "--steps", "10"), words)
    with pytest.raises(SettingsError, match=words.replace("(", r"\(")):
        a3c.Agent("CartPole-v1", algorithm=name)


def test_installed_packages_offer_theirs_by_entry_points(command, tmp_path, example, monkeypatch):
    (tmp_path / "their-1.dist-info").mkdir()
    (tmp_path / "their-1.dist-info" / "entry_points.txt").write_text(f"[a3c.algorithms]\nreplay = {example}\n")
    (tmp_path / "their-1.dist-info" / "METADATA").write_text("Name: their\nVersion: 1\n")
    monkeypatch.syspath_prepend(str(Path(tmp_path)))
    flags = [*FLAGS, *LIMITED, "--backend", "inline"]
    assert command("train", "CartPole-v1", "--algorithm", "replay", "--replays", "1", *flags) == (0, "", "")
    assert command(*AGAIN) == (0, "", "")
    assert RunFolder(tmp_path / "run").summary()["steps"] >= 640
