"""Environments that misbehave, as users had them: one line that says what is wrong, however they are run."""

import re
import shutil
import sys
from functools import partial
from pathlib import Path

import misbehaving as odd
import numpy as np
import pytest
from a3c_command import run_command
from gymnasium.vector import SyncVectorEnv

import a3c
from a3c.environments.making import EnvironmentMaker
from a3c.environments.observations import Observations
from a3c.errors import A3CError, InvalidEnvironment
from a3c.rollout.random_play import play_randomly
from a3c.runs.folder import RunFolder

REFUSED = {
    odd.NoObservation: "gives None as observation",
    odd.Ragged: "gives observations that are no array",
    odd.Short: r"gives observations of shape \(2,\), but its observation space says \(3,\)",
    odd.Texts: "gives observations of <U1, such as a, but its observation space says float32",
    odd.PartMissing: "the observation lacks 'kind'",
    odd.PartText: r"gives observations\['place'\] of <U5, such as left",
    odd.PartNone: r"gives None as observation\['kind'\]",
    odd.NoParts: "the observation lacks 'place', which its space says it has: it is a NoneType",
    odd.RewardText: "gave the reward '1.0': return one number",
    odd.RewardNone: "gave the reward None",
    odd.RewardsOfTwo: r"gave the reward array\(\[1., 1.\]\)",
    odd.FourResults: r"step must return observation, reward, terminated, truncated and info, all five \(.*got 4\)",
    odd.NoResults: "step must return observation, reward",
    odd.ResetWithoutInfo: "reset must return an observation and a dict, info, but it gave array",
    odd.ResetOfTwoNumbers: "reset must return an observation and a dict, info, but it gave array",
}
"""By the environment, what is said in the middle of a run."""

RAISED = {odd.RaisesLines: RuntimeError, odd.RaisesNothing: AssertionError, odd.RaisesValueError: ValueError}
"""What an environment raises itself comes out as it is."""

UNMAKEABLE = {
    odd.ResetWithoutKeywords: "takes no seed or options: define it as reset(self, *, seed=None, options=None)",
    odd.ResetWithoutOptions: "takes no options: define it as reset(self",
    odd.OldSpace: "the observation_space of OldSpace is a gym.spaces.box.Box: make it one of gymnasium.spaces",
    odd.NoSpace: "NoSpace has no action_space: set self.action_space to one of gymnasium.spaces",
    odd.Old: "Old made a misbehaving.Old, of the old package gym: derive it from gymnasium.Env where one",
    odd.Silent: "Silent could not be made: AssertionError in ",
    odd.Talkative: "Talkative could not be made: OSError: no licence",
    odd.Needs: "missing 1 required positional argument: 'config' (give it in env_kwargs)",
}
"""What is said before anything is written."""


def ready_vector():
    return SyncVectorEnv([odd.Well] * 2)


def of_config(config):
    return odd.Well() if config["length"] else None


def of_count_and_more(count, size):
    return SyncVectorEnv([odd.Well] * count)


TAKES_NUMBER = "a function with a required argument is given the number of environments; other arguments come from"
FACTORIES = {
    ready_vector: "a function that makes a vector environment takes the number of environments, and nothing else",
    of_config: f"of_config(1) could not be made: TypeError: 'int' object is not subscriptable ({TAKES_NUMBER}",
    of_count_and_more: f"missing 1 required positional argument: 'size' ({TAKES_NUMBER}",
    (lambda config: odd.Well()): f"made a Well, not a gymnasium VectorEnv: {TAKES_NUMBER}",
}

HARMLESS = [odd.RewardArray, odd.RewardScalarArray, odd.RewardBit, odd.InfoNone, odd.InfoVaries]


def agent_of(source, count=1, **settings):
    return a3c.RandomAgent(source, backend="inline", seed=1, envs_per_worker=count, **settings)


def one_line(error) -> str:
    assert "\n" not in str(error)
    return str(error)


def train(source, count):
    agent_of(source, count).learn(steps=40)


def evaluate(source, count):
    agent_of(source).evaluate(episodes=count)


def name_and_class(kind):
    """The class alone, and by its id, where Gymnasium's wrappers are around it."""
    return [kind, f"misbehaving:{kind.__name__}-v0"]


@pytest.mark.parametrize("count", [1, 4])
@pytest.mark.parametrize("run", [train, evaluate])
@pytest.mark.parametrize(("kind", "words"), REFUSED.items(), ids=lambda value: getattr(value, "__name__", ""))
def test_what_an_environment_should_not_give_is_named(kind, words, run, count):
    for source in name_and_class(kind):
        with pytest.raises(InvalidEnvironment) as error:
            run(source, count)
        line = one_line(error.value)
        assert re.search(words, line)
        assert re.search(r"step \d", line)


@pytest.mark.parametrize("count", [1, 4])
@pytest.mark.parametrize("run", [train, evaluate])
@pytest.mark.parametrize(("kind", "raised"), RAISED.items(), ids=lambda value: value.__name__)
def test_what_an_environment_raises_stays_what_it_is(kind, raised, run, count):
    with pytest.raises(raised) as error:
        run(kind, count)
    assert not isinstance(error.value, A3CError)


@pytest.mark.parametrize("kind", [*REFUSED, *RAISED], ids=lambda kind: kind.__name__)
def test_inspecting_says_the_same(kind):
    for source in name_and_class(kind):
        play = play_randomly(EnvironmentMaker(source).make(), Observations(kind.observation_space), 20, 0.0, 0)
        assert play.failure is not None
        line = one_line(play.failure)
        if kind in REFUSED:
            assert re.search(REFUSED[kind], line)
    if kind is odd.RaisesLines:
        assert line == "step 3 of random play raised RuntimeError: the wheel came off"
    if kind is odd.RaisesNothing:
        assert re.search(r"AssertionError in .*misbehaving\.py, line \d+: assert self\.taken < 3", line)


@pytest.mark.parametrize(("kind", "words"), UNMAKEABLE.items(), ids=lambda value: getattr(value, "__name__", ""))
def test_what_cannot_be_trained_on_is_refused_before_a_run(kind, words):
    with pytest.raises(InvalidEnvironment) as error:
        agent_of(kind)
    assert words in one_line(error.value)


@pytest.mark.parametrize(("make", "words"), FACTORIES.items())
def test_a_factory_of_something_else_is_told_what_is_expected(make, words):
    with pytest.raises(InvalidEnvironment) as error:
        agent_of(make)
    assert words in one_line(error.value)


HELD = {"level": 2, "sizes": [1, 2.5], "nested": {"name": "a", "list": [True]}}
NOT_HELD = HELD | {"table": odd.Table(np.zeros((2, 3)))}


def test_arguments_of_an_environment_may_be_anything(command, tmp_path):
    shutil.copy(Path(__file__).with_name("misbehaving.py"), tmp_path)
    agent = a3c.RandomAgent("misbehaving:Takes", backend="inline", seed=1, env_kwargs=NOT_HELD)
    agent.learn(steps=40, run="run")
    agent.save("agent.safetensors")
    refused = command("train", "misbehaving:Takes", "--resume", "run", "--steps", "80")
    assert refused.status == 2
    assert "table of env_kwargs was given from Python, and is nothing that a file can hold (Table)" in refused.err
    assert len(refused.err.splitlines()) == 1
    assert command("train", "--config", "run/config.toml", "--run", "again")[::2] == (2, refused.err)
    assert not Path("again").exists()
    for path in ("run", "agent.safetensors"):
        with pytest.raises(a3c.A3CError, match="or with env_kwargs that no file can hold") as error:
            a3c.load(path)
        one_line(error.value)
        loaded = a3c.load(path, environment=partial(odd.Takes, table=NOT_HELD["table"]))
        assert loaded.evaluate(episodes=1).returns == [5.0]


def test_arguments_that_a_file_can_hold_are_held(command, tmp_path):
    shutil.copy(Path(__file__).with_name("misbehaving.py"), tmp_path)
    agent = a3c.RandomAgent("misbehaving:Takes", backend="inline", seed=1, env_kwargs=HELD)
    agent.learn(steps=40, run="run")
    resumed = command("train", "misbehaving:Takes", "--resume", "run", "--steps", "1000", "--no-progress")
    assert resumed == (0, "", "")
    assert RunFolder(Path("run")).load("latest").counts["steps"] >= 1000
    assert a3c.load("run").evaluate(episodes=1).returns == [5.0]


def test_a_required_argument_may_come_from_the_arguments():
    assert agent_of(lambda config: odd.Well() if config["length"] else None, env_kwargs={"config": {"length": 3}})


def test_what_a_script_defines_travels_to_workers(tmp_path):
    """A class of the main module, which workers do not run."""
    script = tmp_path / "script.py"
    script.write_text(SCRIPT_WITH_A_TABLE)
    outcome = run_command(sys.executable, script, cwd=Path(__file__).parent)
    assert outcome == (0, "finished\n", "")


SCRIPT_WITH_A_TABLE = """
import sys, gymnasium
sys.path.append(".")
import misbehaving, a3c
class Table:
    rows = misbehaving.np.zeros((2, 3))
arguments = {"table": Table(), "level": 2, "sizes": (1, 2.5), "nested": {"name": "a", "list": [True]}}
agent = a3c.RandomAgent("misbehaving:Takes-v0", workers=1, seed=1, segment_length=8, env_kwargs=arguments)
print(agent.learn(steps=100).summary["status"])
"""


@pytest.mark.parametrize("count", [1, 4])
@pytest.mark.parametrize("kind", HARMLESS, ids=lambda kind: kind.__name__)
def test_what_does_no_harm_is_taken(kind, count):
    for source in name_and_class(kind):
        agent = agent_of(source, count)
        returns = agent.learn(steps=40).latest.returns
        assert returns
        assert set(returns) == {5.0}
        assert agent.evaluate(episodes=count).returns == [5.0] * count
        assert play_randomly(agent.make_environment(), Observations(kind.observation_space), 20, 0.0, 0).failure is None
