"""What users met with rewards of unusual size and with slow environments."""

import dataclasses
import tomllib
import warnings

import gymnasium
import numpy as np
import pytest
from a3c_command import SMALL
from gymnasium.spaces import Box
from odd_environments import Walk

from a3c import A2C, A3C, GA3C, IMPALA, RandomAgent, load
from a3c.errors import TrainingWarning
from a3c.runs.folder import RunFolder, config_toml, read_config
from a3c.training import preparing
from a3c.training.beginning import chosen_sizes
from configs_for_tests import PLAIN, config_with

INLINE = {"backend": "inline", "seed": 1, "hidden": (4,), "envs_per_worker": 4, "segment_length": 4}
SIZES = ["--envs-per-worker", "4", "--segment-length", "4"]
LEARNERS = [A3C, A2C, GA3C, IMPALA]


class Paid(gymnasium.RewardWrapper):
    """A walk whose rewards are so large."""

    def __init__(self, pay: float = 1.0):
        super().__init__(Walk())
        self._pay = pay

    def reward(self, reward):
        return reward * self._pay


def learn(agent_class, pay, updates, **settings):
    """Remarks in the summary, and what was warned of, after some updates."""
    batch = {"min_batch": 16} if agent_class in (GA3C, IMPALA) else {}
    agent = agent_class(Paid, env_kwargs={"pay": pay}, **INLINE | PLAIN | batch | settings)
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        summary = agent.learn(steps=16 * updates).summary
    said = [str(warning.message) for warning in warned if warning.category is TrainingWarning]
    assert said == summary["remarks"]
    return said


@pytest.mark.parametrize("agent_class", LEARNERS)
def test_rewards_that_the_critic_cannot_learn_are_named_with_what_helps(agent_class):
    (large,) = [line for line in learn(agent_class, 1e6, updates=60) if line.startswith("rewards")]
    assert large.startswith("rewards are too large for the value estimates")
    assert "`normalize_rewards`, or `reward_scale`" in large


def test_rewards_that_drown_in_the_critics_noise_are_named():
    assert learn(A3C, 1.0, updates=110) == []
    (small,) = learn(A3C, 1e-6, updates=200)
    assert small.startswith("rewards are too small for the value estimates")
    assert small.endswith("`normalize_rewards`, or `reward_scale` 1e+06")


def test_by_default_rewards_may_be_of_any_size():
    normalized = dict.fromkeys(PLAIN)
    assert learn(A3C, 1e6, updates=110, **normalized) == learn(A3C, 1e-6, updates=200, **normalized) == []


def test_the_baseline_has_no_critic():
    assert learn(RandomAgent, 1e6, updates=110) == []


def test_a_limit_of_few_updates_is_named_in_the_first_call_alone():
    agent = A3C(Walk, **INLINE)
    with pytest.warns(TrainingWarning, match="`steps` 160 are 10 updates of 16 steps"):
        agent.learn(steps=160)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        agent.learn(steps=160)


@pytest.mark.parametrize("progress", ["--progress", "--no-progress"])
def test_the_command_says_it_beside_the_progress_and_keeps_it_in_the_summary(command, own_environments, progress):
    flags = ["--backend", "inline", "--steps", "16", "--hidden", "4", "--run", "run", progress, *SIZES]
    outcome = command("train", "odd_environments:Walk-v0", *SMALL, *flags)
    assert outcome.status == 0
    (remark,) = RunFolder(own_environments / "run").summary()["remarks"]
    assert remark.startswith("`steps` 16 are 1 update of 16 steps")
    if progress == "--progress":
        assert remark.replace("`steps`", "--steps").partition(":")[0] in outcome.out
    else:
        assert outcome == (0, "", "")


class Market(Walk):
    """It shows prices."""

    observation_space = Box(-np.inf, np.inf, (3,), np.float32)

    def _observation(self):
        return 30_000 + 100 * super()._observation()


def test_prices_are_named():
    with pytest.warns(TrainingWarning, match="observations reach 3.\\d+e.04.*`normalize_observations`"):
        A3C(Market, **INLINE | PLAIN).learn(steps=16)


@pytest.fixture
def slow(monkeypatch):
    """Steps that take 50 ms, by the clock that measures them."""
    monkeypatch.setattr(preparing, "step_seconds", lambda environment: 0.05)


def prepared(environment=Walk, **settings):
    return preparing.prepare(config_with(**{"workers": 2, "seed": 1, "hidden": (4,)} | settings), environment)[1]


@pytest.mark.usefixtures("slow")
@pytest.mark.parametrize("algorithm", ["a3c", "ga3c", "impala", "random"])
def test_slow_steps_choose_sizes_that_are_written_and_stay(algorithm, tmp_path, monkeypatch):
    start = prepared(algorithm=algorithm)
    assert (start.config.envs_per_worker, start.config.segment_length) == (1, 16)
    assert getattr(start.config.own, "min_batch", None) == (32 if start.config.has_learner else None)
    path = tmp_path / "config.toml"
    path.write_text(config_toml(start.config))
    assert tomllib.loads(path.read_text())["rollout"]["envs_per_worker"] == 1
    # A run that goes on, or is repeated, on a machine of another speed.
    monkeypatch.setattr(preparing, "step_seconds", lambda environment: 1e-5)
    assert preparing.prepare(read_config(path), Walk)[1].config == start.config
    start.save(tmp_path / "agent.safetensors")
    assert load(tmp_path / "agent.safetensors", Walk).config == start.config


@pytest.mark.usefixtures("slow")
@pytest.mark.parametrize("settings", [{"algorithm": "a2c"}, {"backend": "inline", "workers": 1}])
def test_what_promises_one_result_keeps_its_sizes(settings):
    config = prepared(**settings).config
    assert (config.envs_per_worker, config.segment_length) == (16, 16)


@pytest.mark.usefixtures("slow")
def test_sizes_that_are_set_by_a_recipe_or_a_vector_of_its_own_stay():
    agent = A3C("CartPole-v1", seed=1)
    assert (agent.config.envs_per_worker, agent.config.segment_length) == (64, 8)
    # A vector steps all of its environments at once.
    agent = A3C("CartPole-v1", recipe="none", seed=1)
    assert (agent.config.envs_per_worker, agent.config.segment_length) == (16, 16)


def test_fast_steps_keep_the_defaults():
    config = prepared().config
    assert (config.envs_per_worker, config.segment_length) == (16, 16)
    assert prepared(algorithm="impala").config.learner.min_batch == 256


def test_the_first_line_says_what_was_chosen():
    asked = config_with("Some-v0", workers=2)
    chosen = dataclasses.replace(asked, envs_per_worker=1, segment_length=10)
    assert chosen_sizes(asked, chosen) == (
        "steps take long, so a worker has 1 environment and segments of 10 steps (`envs_per_worker`, `segment_length`)"
    )
    assert chosen_sizes(asked, dataclasses.replace(asked, envs_per_worker=16, segment_length=16)) is None
    assert chosen_sizes(chosen, chosen) is None
