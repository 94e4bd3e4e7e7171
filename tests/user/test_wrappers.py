"""Wrappers and modules that a user names: on the command line, from Python, and once more from what was saved."""

import importlib
import json
import sys
from functools import partial
from pathlib import Path

import gymnasium
import pytest
from odd_environments import Walk
from test_bad_input import assert_refused

import a3c
from a3c.errors import SettingsError
from a3c.runs.checkpoint import Checkpoint
from a3c.runs.folder import RunFolder

MODULE = """
import os
from pathlib import Path

import gymnasium
from odd_environments import Walk


def register():
    gymnasium.register("Late-v0", Walk)
    Path(__file__).with_name(f"called-{os.getpid()}").touch()


class Plus(gymnasium.RewardWrapper):
    def __init__(self, env, more=1):
        super().__init__(env)
        self.more = more

    def reward(self, reward):
        return reward + self.more


def times(env, factor):
    return gymnasium.wrappers.TransformReward(env, lambda reward: reward * factor)
"""
AROUND = ["--wrapper", "around:Plus", "more=2", "--wrapper", "around:times", "factor=3"]
INLINE = {"backend": "inline", "seed": 1, "envs_per_worker": 2}
NINE = [("gymnasium.wrappers:ClipReward", {"min_reward": 9, "max_reward": 9})]


@pytest.fixture
def around(own_environments, monkeypatch, registry):
    """A user's folder with the module `around`, which is not imported yet."""
    (own_environments / "around.py").write_text(MODULE)
    monkeypatch.setattr(sys, "path", sys.path[:])
    monkeypatch.setitem(sys.modules, "around", None)
    monkeypatch.delitem(sys.modules, "around")
    importlib.invalidate_caches()
    return own_environments


def test_a_run_is_evaluated_and_resumed_with_the_wrappers_and_modules_that_it_was_trained_with(command, around):
    given = ["--import-module", "around:register", *AROUND, "Late-v0"]
    outcome = command("train", *given, "--workers", 2, "--steps", 800, "--algorithm", "random", "--run", "run")
    assert outcome.status == 0, outcome.err
    assert "wrappers around:Plus(more=2), around:times(factor=3)\n" in outcome.out
    # The process that prepared it, two workers, and perhaps one that evaluated.
    assert len(list(around.glob("called-*"))) >= 3
    folder = RunFolder(Path("run"))
    assert folder.summary()["return_mean_100"] == 5 * (1 + 2) * 3
    assert folder.config().wrappers == (("around:Plus", {"more": 2}), ("around:times", {"factor": 3}))
    assert folder.config().import_modules == ("around:register",)
    assert Checkpoint.load(folder.checkpoint_path("latest")).config.wrappers == folder.config().wrappers

    evaluate, trusted = ["evaluate", "run", "--episodes", "2", "--json"], ["--import-module", "around"]
    place = f"which is not installed ({around / 'around.py'})"
    assert_refused(command(*evaluate), f"names the module around, {place}", "a3c evaluate run --import-module around")
    assert json.loads(command(*evaluate, *trusted).out)["returns"] == [45, 45]

    resume = ["train", "Late-v0", "--algorithm", "random", "--backend", "inline", "--workers", "1"]
    resume += ["--resume", "run", *trusted, "--steps"]
    assert command(*resume, 1200).status == 0
    assert folder.summary()["steps"] >= 1200
    assert folder.config().import_modules == ("around:register", "around")
    # Others may take their place.
    assert command(*resume, 1500, "--wrapper", "around:Plus").status == 0
    assert folder.config().wrappers == ("around:Plus",)
    assert json.loads(command(*evaluate, *trusted, "--checkpoint", "latest").out)["returns"] == [10, 10]


def test_only_classes_and_calls_that_the_user_names_are_called(command, around):
    agent = a3c.RandomAgent(Walk, import_modules=["gymnasium:pprint_registry"], **INLINE)
    agent.save("calls.safetensors")
    with pytest.raises(SettingsError, match=r"calls gymnasium:pprint_registry; .* give import_modules=\['gymnasium'\]"):
        a3c.load("calls.safetensors", environment=Walk)
    a3c.load("calls.safetensors", environment=Walk, import_modules=["gymnasium"])
    a3c.RandomAgent("CartPole-v1", wrappers=["copy:copy"], **INLINE).save("copies.safetensors")
    with pytest.raises(SettingsError, match=r"names copy:copy, which is no wrapper's class; if you trust it"):
        a3c.load("copies.safetensors")
    assert a3c.load("copies.safetensors", wrappers=["copy:copy"]).config.wrappers == ("copy:copy",)
    assert_refused(command("evaluate", "copies.safetensors"), "a3c evaluate copies.safetensors --import-module copy")


def nine(environment: gymnasium.Env, reward: float = 9) -> gymnasium.Env:
    return gymnasium.wrappers.TransformReward(environment, lambda _: reward)


@pytest.mark.parametrize("wrappers", [NINE, [nine], [(nine, {"reward": 9})]], ids=["name", "function", "pair"])
def test_what_has_a_name_is_loaded_as_it_was_trained(tmp_path, wrappers):
    agent = a3c.RandomAgent("odd_environments:Walk", wrappers=wrappers, **INLINE)
    assert agent.learn(episodes=100).summary["return_mean_100"] == 45
    agent.save(tmp_path / "it.safetensors")
    again = a3c.load(tmp_path / "it.safetensors", import_modules=["test_wrappers"])
    assert again.config.wrappers == agent.config.wrappers
    assert again.evaluate(episodes=2).returns == [45, 45]
    assert again.make_environment().unwrapped.length == 5


def test_what_has_no_name_reaches_workers_and_is_given_again(tmp_path):
    def own(environment):
        return nine(environment, 4)

    settings = INLINE | {"backend": "processes", "workers": 1}
    agent = a3c.RandomAgent("odd_environments:Walk", wrappers=[own], **settings)
    assert agent.learn(episodes=100, run=tmp_path / "run").summary["return_mean_100"] == 20
    assert RunFolder(tmp_path / "run").config().wrappers == ("only from Python: own",)
    refused = r"a wrapper was given from Python, and no file can hold it \(own\): give all wrappers again"
    with pytest.raises(SettingsError, match=refused):
        a3c.load(tmp_path / "run")
    with pytest.raises(SettingsError, match=refused):
        a3c.resume(tmp_path / "run", episodes=200)
    assert a3c.load(tmp_path / "run", wrappers=[own]).evaluate(episodes=1).returns == [20]
    result = a3c.resume(tmp_path / "run", episodes=200, wrappers=[own])
    assert result.summary["return_mean_100"] == 20


def test_repeats_have_them_in_every_seed(tmp_path):
    settings = INLINE | {"algorithm": "random", "episodes": 100, "run": tmp_path / "runs"}
    report = a3c.repeat(Walk, 2, wrappers=[partial(nine, reward=3)], **settings)
    assert [row["return_mean_100"] for row in report["seeds"]] == [15, 15]


def test_what_a_recipe_hides_is_not_hidden_where_wrappers_are_given():
    from a3c.recipes import with_recipe

    bare = {"environment": "MiniGrid-Empty-5x5-v0"}
    assert with_recipe(None, bare)["hide"] == ["mission"]
    assert "hide" not in with_recipe(None, bare | {"wrappers": ["minigrid.wrappers:ImgObsWrapper"]})
    assert with_recipe(None, bare | {"wrappers": NINE, "hide": ["mission"]})["hide"] == ["mission"]


EXAMPLE = "--wrapper gymnasium.wrappers:ClipReward min_reward=-1 max_reward=1"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--wrapper"], ["--wrapper needs a value: MODULE:CLASS [KEY=VALUE ...]"]),
        (["--wrapper", "ClipReward"], ["--wrapper is 'ClipReward', but must be module:Class", EXAMPLE]),
        (["--wrapper", "a.b:C,x=1"], ["--wrapper is 'a.b:C,x=1', but must be module:Class", EXAMPLE]),
        (["--wrapper", "a.b:C", "x", "1"], ["'x' is no argument of a.b:C: write KEY=VALUE", EXAMPLE]),
        (["--wrapper", "a.b:C", "x=[1, y]"], ["x=[1, y] is no list of numbers and texts"]),
        (["--wrappers", "a.b:C"], ["there is no flag --wrappers", "'--wrapper'"]),
        (["--env-wrapper", "a.b:C"], ["there is no flag --env-wrapper; it is called '--wrapper' here"]),
        (["--wrapper", "no_such:C"], ["--wrapper no_such:C: there is no module 'no_such'"]),
        (["--import-module"], ["--import-module needs a value: MODULE"]),
        (["--import-module", "no_such"], ["--import-module no_such: there is no module 'no_such'"]),
    ],
    ids=lambda value: " ".join(value[:3]),
)
def test_a_wrapper_that_is_written_wrongly(command, tmp_path, arguments, words):
    outcome = command("train", "CartPole-v1", *arguments, "--run", "run")
    assert_refused(outcome, *words)
    assert list(tmp_path.iterdir()) == []


def test_arguments_are_numbers_texts_and_lists_of_these():
    from a3c.cli.flags import read
    from a3c.cli.train import COMMAND

    given = read(COMMAND, ["--wrapper", "a.b:C", "x=1", "y=-1e3", "z=True", "t=a=b c", "s=[84, 'w']", "CartPole-v1"])
    assert given["environment"] == "CartPole-v1"
    assert given["wrappers"] == (("a.b:C", {"x": 1, "y": -1000.0, "z": True, "t": "a=b c", "s": [84, "w"]}),)
    assert read(COMMAND, ["--wrapper=a.b:C", "--wrapper", "d:E"])["wrappers"] == ("a.b:C", "d:E")


def test_help_says_how_they_are_written(command):
    everything = command("train", "--help-all").out
    assert "--wrapper MODULE:CLASS [KEY=VALUE ...]" in everything
    assert "--import-module MODULE\n" in everything
