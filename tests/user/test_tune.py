"""`a3c tune`, and the recipe that it writes."""

import json
import re
import signal
from pathlib import Path

import psutil
import pytest

import a3c
from a3c.cli.train import parse
from a3c.errors import SettingsError
from a3c.recipes import find_recipe

pytest.importorskip("optuna", reason="needs the extra tune")
TINY = [
    "--recipe",
    "none",
    "--steps",
    "320",
    "--seeds",
    "1",
    "--score-episodes",
    "2",
    "--search",
    "learning_rate,gamma",
]
FIXED = ["--envs-per-worker", "4", "--segment-length", "8", "--hidden", "8", "--max-episode-steps", "20"]


def test_the_best_of_the_trials_becomes_a_recipe_that_train_takes(command, tmp_path):
    twice = [*TINY, *FIXED, "--trials", "2", "--confirm", "1", "--storage", "t/a.journal"]
    tuned = command("tune", "CartPole-v1", *twice)
    assert tuned.status == 0, tuned.err
    assert "learning_rate  0.0001 to 0.01; first 0.001" in tuned.out
    assert "segment_length" not in tuned.out
    assert "trial 0 (the defaults): " in tuned.out
    assert "confirming the best by seed 2: " in tuned.out
    means = {int(number): float(mean) for number, mean in re.findall(r"trial (\d).*: mean (\S+) of fresh", tuned.out)}
    assert len(means) == 2
    assert "a3c train CartPole-v1 --recipe t/a.toml" in tuned.out
    assert Path("t/a.png").read_bytes().startswith(b"\x89PNG")
    recipe = find_recipe("t/a.toml", "CartPole-v1")
    assert recipe.environments == ("CartPole-v1",)
    assert f"trial {max(means, key=lambda number: means[number])} of 2" in Path("t/a.toml").read_text()
    assert "1 fresh seed after 320 steps" in Path("t/a.toml").read_text()
    assert recipe.common["steps"] == 320
    _, config, _ = parse(["CartPole-v1", "--recipe", "t/a.toml"])
    assert (config.learning_rate, config.hidden) == (recipe.common["learning_rate"], (8,))
    assert (config.max_episode_steps, config.workers, config.target_return) == (20, None, None)
    # All is in the run: the file is not needed any more.
    assert command("train", "CartPole-v1", "--recipe", "t/a.toml", "--run", "run", "--backend", "inline").status == 0
    Path("t/a.toml").unlink()
    assert command("train", "CartPole-v1", "--resume", "run", "--steps", "400").status == 0
    again = command("tune", "CartPole-v1", *twice)
    assert (again.status, "holds 2 trials" in again.out, "confirming" in again.out) == (0, True, False)
    assert find_recipe("t/a.toml", "CartPole-v1").common == recipe.common


def ended(journal):
    """How many trials in a journal were trained to the end."""
    lines = journal.read_text().splitlines() if journal.exists() else []
    return sum(json.loads(line).get("state") == 1 for line in lines if line.endswith("}"))


ENDLESS = ["tune", "CartPole-v1", *TINY, *FIXED, "--jobs", "1", "--storage", "a.journal", "--trials"]


def test_ctrl_c_gives_what_there_is(start, tmp_path):
    running = start(*ENDLESS, 500)
    running.wait_for(lambda: ended(tmp_path / "a.journal") >= 1)
    family = running.children()
    running.process.send_signal(signal.SIGINT)
    outcome = running.outcome()
    assert outcome.status == 130
    assert "its seeds" in outcome.out
    assert "continue with:\n  a3c tune CartPole-v1" in outcome.out
    assert {path.name for path in tmp_path.iterdir()} == {"a.journal", "a.png", "a.toml"}
    assert running.left_behind(family) == []


def test_after_a_kill_nothing_runs_on_and_the_same_command_goes_on(start, command, tmp_path):
    running = start(*ENDLESS, 500)
    running.wait_for(lambda: ended(tmp_path / "a.journal") >= 1)
    family = running.children()
    running.process.kill()
    running.outcome()
    psutil.wait_procs(family, timeout=10)
    assert running.left_behind(family) == []
    before = ended(tmp_path / "a.journal")
    again = command(*ENDLESS, before + 1, "--confirm", 0)
    assert again.status == 0, again.err
    assert f"holds {before} trial" in again.out
    assert ended(tmp_path / "a.journal") == before + 1
    # The defaults are not tried again.
    assert again.out.count("(the defaults)") == 0


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ([], "say how long a trial trains: set --steps"),
        (["--steps", "9", "--seconds", "9"], "--seconds is not for tuning: trials all train to the same --steps"),
        (["--steps", "9", "--workers", "2"], "--workers is not for tuning: a trial has one worker: --jobs says"),
        (["--steps", "9", "--log", "wandb"], "--log is not for tuning: trials keep no run"),
        (["--steps", "9", "--search", "gama"], "'gama' is not searched with a3c.*did you mean 'gamma'"),
        (["--steps", "9", "--search", "gamma", "--gamma", "1"], "--search names gamma, which is fixed by --gamma"),
        (["--steps", "9", "--algorithm", "random"], "random learns nothing"),
        (["--steps", "9", "--storage", "x.toml"], "is where the recipe or the picture goes"),
        (["--steps", "9", "--confirm", "-1"], "--confirm is -1, but must be at least 0"),
        (["--steps", "9", "--trials", "0"], "--trials is 0, but must be at least 1"),
    ],
)
def test_a_mistake_is_one_line_and_writes_nothing(command, tmp_path, flags, message):
    outcome = command("tune", "CartPole-v1", "--recipe", "none", *flags)
    assert outcome.status == 2
    assert outcome.err.count("\n") == 1
    assert re.search(message, outcome.err), outcome.err
    assert not list(tmp_path.iterdir())


def test_from_python_with_an_environment_of_ones_own(tmp_path, monkeypatch):
    import gymnasium

    monkeypatch.chdir(tmp_path)

    def make():
        return gymnasium.make("CartPole-v1", max_episode_steps=20)

    settings = {"steps": 160, "envs_per_worker": 2, "segment_length": 8, "hidden": [8]}
    tuned = a3c.tune(make, trials=1, seeds=1, score_episodes=2, storage="a.journal", search=["gamma"], **settings)
    assert [trial.is_default for trial in tuned.trials] == [True]
    assert tuned.best.score <= 20
    with pytest.raises(SettingsError, match="random learns nothing"):
        a3c.tune("CartPole-v1", algorithm="random", steps=100)
