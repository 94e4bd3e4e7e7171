from functools import partial

import gymnasium
import numpy as np
import pytest
from gymnasium.vector import AutoresetMode, SyncVectorEnv, VectorEnv

from a3c import make_environment
from a3c.environments.making import EnvironmentMaker
from a3c.environments.serial import SerialVectorEnv
from a3c.errors import InvalidEnvironment
from configs_for_tests import config_with
from environments_for_tests import MODES, Bandit, Corridor, Counting, Endless, counting, vector_of


def episode_length(environment):
    environment.reset(seed=0)
    for length in range(1, 1000):
        _, _, terminated, truncated, _ = environment.step(0)
        if terminated or truncated:
            return length, bool(truncated)
    raise AssertionError("it does not end")


@pytest.mark.parametrize("source", [Endless, partial(Corridor, limit=10)])
def test_a_limit_truncates_the_episodes_of_a_factory(source):
    assert episode_length(EnvironmentMaker(source).make()) == (10, True)
    assert episode_length(EnvironmentMaker(source, config_with(max_episode_steps=4)).make()) == (4, True)


def test_a_limit_replaces_the_registered_one():
    assert episode_length(EnvironmentMaker("MountainCar-v0").make()) == (200, True)
    assert episode_length(EnvironmentMaker("MountainCar-v0", config_with(max_episode_steps=230)).make()) == (230, True)


@pytest.mark.parametrize("count", [1, 3])
@pytest.mark.parametrize("source", ["CartPole-v1", "MountainCar-v0"])
def test_a_limit_holds_in_a_vector_too(source, count):
    vector = EnvironmentMaker(source, config_with(max_episode_steps=4)).make_vector(count)
    assert vector.num_envs == count
    vector.reset(seed=0)
    truncations = [vector.step(np.zeros(count, np.int64))[3].tolist() for _ in range(4)]
    assert truncations == [[False] * count] * 3 + [[True] * count]


@pytest.mark.parametrize("mode", MODES, ids=lambda mode: mode.value)
def test_a_vector_factory_keeps_its_mode(mode):
    vector = EnvironmentMaker(vector_of(Endless, mode)).make_vector(3)
    assert vector.num_envs == 3
    assert vector.metadata["autoreset_mode"] is mode


def test_a_limit_for_a_vector_factory_is_refused():
    with pytest.raises(InvalidEnvironment, match="max_episode_steps"):
        EnvironmentMaker(vector_of(Endless, AutoresetMode.NEXT_STEP), config_with(max_episode_steps=4)).make_vector(1)


def test_separate_environments_are_asked_for_next_step():
    vector = EnvironmentMaker(Counting).make_vector(2)
    assert isinstance(vector, SerialVectorEnv)
    assert vector.metadata["autoreset_mode"] is AutoresetMode.NEXT_STEP
    assert vector.envs[0] is not vector.envs[1]


@pytest.mark.parametrize("source", [Bandit, vector_of(Bandit, AutoresetMode.SAME_STEP)])
def test_spaces_are_those_of_one_environment(source):
    observation_space, action_space = EnvironmentMaker(source).spaces()
    assert observation_space.shape == (1,)
    assert action_space.n == 4


def test_keyword_arguments_reach_the_environment():
    assert make_environment(Bandit, env_kwargs={"arms": 9}).action_space.n == 9
    assert EnvironmentMaker(Bandit, config_with(env_kwargs={"arms": 9})).make_vector(2).single_action_space.n == 9
    assert make_environment("CartPole-v1", env_kwargs={"sutton_barto_reward": True}).unwrapped._sutton_barto_reward


@pytest.mark.parametrize("name", ["Corridor", "corridors"])
@pytest.mark.parametrize("count", [1, 2])
def test_a_module_and_a_name_in_it_stand_for_the_class_or_function(name, count, monkeypatch):
    monkeypatch.setattr("environments_for_tests.corridors", vector_of(Corridor, MODES[0]), raising=False)
    maker = EnvironmentMaker(f"environments_for_tests:{name}")
    assert (maker.name, maker.spec) == (f"environments_for_tests:{name}", None)
    assert maker.make_vector(count).num_envs == count
    assert maker.spaces()[1].n == 2
    assert maker.has_own_vector == (name == "corridors")


def fails():
    raise ZeroDivisionError("at the start")


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("CartPol-v1", "CartPole-v1"),
        ("no_such_module:Thing-v0", "no module 'no_such_module'"),
        (fails, "fails could not be made: ZeroDivisionError: at the start"),
        (lambda: 3, "made a int where one gymnasium.Env is needed"),
        (partial(counting, AutoresetMode.NEXT_STEP), "where one gymnasium.Env is needed"),
        (partial(Bandit, wrong=1), "unexpected keyword argument"),
    ],
)
def test_what_cannot_be_made_is_named_in_one_line(source, message):
    with pytest.raises(InvalidEnvironment, match=message) as error:
        make_environment(source)
    assert "\n" not in str(error.value)


def test_a_vector_factory_must_make_a_vector():
    with pytest.raises(InvalidEnvironment, match="not a gymnasium VectorEnv"):
        EnvironmentMaker(lambda count: Bandit()).make_vector(2)


def test_one_environment_cannot_be_made_of_a_vector_class():
    class Vector(VectorEnv):
        def __init__(self, num_envs=1):
            self.num_envs = num_envs

    assert EnvironmentMaker(Vector).make_vector(3).num_envs == 3
    with pytest.raises(InvalidEnvironment, match="where one gymnasium"):
        EnvironmentMaker(Vector).make()


def test_an_id_from_a_module_is_imported_first():
    gymnasium.registry.pop("Tests/Bandit-v0", None)
    with pytest.raises(InvalidEnvironment, match="no environment"):
        make_environment("environments_for_tests:Tests/Nothing-v0")
    assert make_environment("CartPole-v1").spec.id == "CartPole-v1"


def test_a_vector_factory_that_makes_another_number_than_it_is_asked_for_is_refused():
    def three(count):
        return SyncVectorEnv([lambda: gymnasium.make("CartPole-v1")] * 3)

    with pytest.raises(InvalidEnvironment, match=r"three\(2\) made a vector of 3 environments: it must make as many"):
        EnvironmentMaker(three).make_vector(2)
