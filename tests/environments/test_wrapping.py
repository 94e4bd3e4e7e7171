"""Wrappers around environments: in which order, where, with what; and what is none."""

from functools import partial

import gymnasium
import numpy as np
import pytest
from gymnasium.spaces import Box, Dict, Discrete, Text
from gymnasium.vector import AutoresetMode

from a3c.config.making import make_recorded_config, recorded
from a3c.config.wrappers import as_wrappers
from a3c.environments.making import EnvironmentMaker
from a3c.environments.serial import SerialVectorEnv
from a3c.errors import A3CError, InvalidEnvironment, SettingsError, UnsupportedSpace
from a3c.networks.policy import Policy
from configs_for_tests import config_with
from environments_for_tests import Bandit, Endless, vector_of

CLIP = "gymnasium.wrappers:ClipReward"


class Plus(gymnasium.RewardWrapper):
    """Adds to each reward, and counts the steps that reach it."""

    def __init__(self, env, more=1):
        super().__init__(env)
        self.more = more

    def reward(self, reward):
        return reward + self.more


class Times(gymnasium.RewardWrapper):
    def __init__(self, env, factor=3):
        super().__init__(env)
        self.factor = factor

    def reward(self, reward):
        return reward * self.factor


class Shaped(gymnasium.Wrapper):
    def __init__(self, env, shape):
        super().__init__(env)
        self.shape = shape


class Spoken(gymnasium.ObservationWrapper):
    def __init__(self, env):
        super().__init__(env)
        self.observation_space = Dict({"said": Text(3), "seen": env.observation_space})

    def observation(self, observation):
        return {"said": "abc", "seen": observation}


class Hidden(gymnasium.Wrapper):
    observation_space = None


def times(env, factor=3):
    return Times(env, factor)


def make(wrappers, environment="CartPole-v1", **settings):
    return EnvironmentMaker(environment, config_with(wrappers=wrappers, **settings)).make()


def reward_of(environment):
    environment.reset(seed=0)
    return environment.step(0)[1]


NAMED_PLUS, NAMED_TIMES = "test_wrapping:Plus", "test_wrapping:Times"


@pytest.mark.parametrize(
    ("wrappers", "reward"),
    [
        ([Plus, Times], 6),
        ([Times, Plus], 4),
        ([NAMED_PLUS, NAMED_TIMES], 6),
        ([(NAMED_PLUS, {"more": 2}), (Times, {"factor": 10})], 30),
        ([[NAMED_PLUS, {"more": 2}], "test_wrapping:times"], 9),
        ([partial(Plus, more=4), lambda env: Times(env, 2)], 10),
        ([Plus, Plus, (CLIP, {"max_reward": 2.5})], 2.5),
    ],
)
def test_the_first_is_the_innermost(wrappers, reward):
    assert reward_of(make(wrappers)) == reward


def test_they_are_around_the_time_limit_and_inside_of_what_settings_do():
    environment = make([Plus], max_episode_steps=4, frame_skip=2, hide=(0,))
    assert environment.observation_space.shape == (3,)
    assert reward_of(environment) == 4
    layers = []
    while isinstance(environment, gymnasium.Wrapper):
        layers.append(type(environment).__name__)
        environment = environment.env
    assert layers == ["TransformObservation", "FrameSkip", "Plus", "TimeLimit", "OrderEnforcing"]


def test_with_wrappers_environments_are_stepped_one_by_one():
    plain, wrapped = (EnvironmentMaker("CartPole-v1", config_with(wrappers=w)) for w in ((), [Plus]))
    assert plain.has_own_vector
    assert not wrapped.has_own_vector
    vector = wrapped.make_vector(2)
    assert isinstance(vector, SerialVectorEnv)
    vector.reset(seed=0)
    assert vector.step(np.zeros(2, int))[1].tolist() == [2.0, 2.0]
    assert plain.notes == ()
    line = "wrappers test_wrapping:Plus; they have CartPole-v1 stepped one by one, without its faster vector form"
    assert wrapped.notes == (line,)
    others = config_with(wrappers=[(Plus, {"more": 2})])
    assert EnvironmentMaker("MountainCar-v0", others).notes == ("wrappers test_wrapping:Plus(more=2)",)


def test_atari_games_are_wrapped_before_their_frames_are_changed():
    pytest.importorskip("ale_py", reason="needs the extra atari")
    maker = EnvironmentMaker("ALE/Pong-v5", config_with(wrappers=[Plus]))
    assert "one by one" in maker.notes[0]
    vector = maker.make_vector(2)
    assert vector.single_observation_space.shape == (84, 84, 4)
    vector.reset(seed=0)
    assert vector.step(np.zeros(2, int))[1].tolist() == [1.0, 1.0]
    vector.close()


def test_a_vector_factory_cannot_be_wrapped():
    maker = EnvironmentMaker(vector_of(Endless, AutoresetMode.NEXT_STEP), config_with(wrappers=[Plus]))
    with pytest.raises(InvalidEnvironment, match="`wrappers` cannot be applied to the vector environment"):
        maker.make_vector(2)


def test_sequences_come_as_tuples_also_from_a_file():
    for given in ((84, 84), [84, 84]):
        config = config_with(wrappers=[(Shaped, {"shape": given})])
        in_a_file = {"wrappers": [["test_wrapping:Shaped", {"shape": [84, 84]}]]}
        again = make_recorded_config(recorded(config) | in_a_file, "")
        assert again.wrappers == config.wrappers
        assert make(config.wrappers).shape == (84, 84)


def test_what_has_no_name_is_recorded_for_people_and_has_to_be_given_again():
    class Local(Plus):
        pass

    wrappers = [NAMED_PLUS, Local, lambda env: env, partial(Plus, more=2), (Plus, {"more": np.ones(2)})]
    held = recorded(config_with(wrappers=wrappers))["wrappers"]
    own = ["Local", "<lambda>", "Plus", "test_wrapping:Plus"]
    assert held == (NAMED_PLUS, *(f"only from Python: {name}" for name in own))
    with pytest.raises(SettingsError, match=r"given from Python, and no file can hold it \(Local\): give all wrappers"):
        make(held)


REFUSED = {
    "ClipReward": (SettingsError, "name it with its module, as gymnasium.wrappers:ClipReward$"),
    "Mine": (SettingsError, "`wrappers` Mine: name it with its module, as gymnasium.wrappers:ClipReward$"),
    "no_such_module:Mine": (InvalidEnvironment, "no_such_module:Mine: there is no module 'no_such_module'"),
    "gymnasium.wrappers:ClipRewards": (InvalidEnvironment, "has no 'ClipRewards'; did you mean 'ClipReward'"),
    "gymnasium:wrappers": (InvalidEnvironment, "`wrappers` gymnasium:wrappers is a module: name a gymnasium.Wrapper"),
    "gymnasium.wrappers.vector:ClipReward": (InvalidEnvironment, "is for vector environments: name the one for"),
    "builtins:id": (InvalidEnvironment, "`wrappers` builtins:id made a int where a gymnasium.Env is needed"),
    "test_wrapping:Hidden": (InvalidEnvironment, "`wrappers` test_wrapping:Hidden has no observation_space"),
    (CLIP, "most"): (InvalidEnvironment, "ClipReward could not be put around CartPole-v1: TypeError: .*'most'"),
    CLIP: (InvalidEnvironment, "ClipReward could not be put around CartPole-v1: "),
    # What Gymnasium writes in backticks would be taken for a setting of ours.
    ("gymnasium.wrappers:TimeLimit", "max_episode_steps"): (InvalidEnvironment, "Expect the 'max_episode_steps' to be"),
}


@pytest.mark.parametrize("name", REFUSED, ids=str)
def test_what_is_no_wrapper_is_named_in_one_line(name):
    error, line = REFUSED[name]
    wrapper = (name[0], {name[1]: "1"}) if isinstance(name, tuple) else name
    with pytest.raises(error, match=line) as refused:
        make([NAMED_PLUS, wrapper])
    assert "\n" not in str(refused.value)


def test_the_environment_is_closed_where_a_wrapper_fails():
    closed = []

    class Closes(Bandit):
        def close(self):
            closed.append(self)

    with pytest.raises(A3CError):
        make(["builtins:id"], Closes)
    assert len(closed) == 1


@pytest.mark.parametrize("given", [CLIP, 5, [5], [(CLIP,)], [(CLIP, 5)], [(CLIP, {5: 1})], (CLIP, {"a": 1}), None])
def test_what_is_no_list_of_wrappers_is_refused(given):
    with pytest.raises(SettingsError, match=r"`wrappers` cannot be .* each is module:Class"):
        as_wrappers(given)


def test_spaces_that_are_not_supported_are_said_to_be_a_wrappers():
    maker = EnvironmentMaker("CartPole-v1", config_with(wrappers=[Plus, Spoken]))
    refused = pytest.raises(UnsupportedSpace, match=r"is text.*\(as `wrappers` test_wrapping:Spoken made it\)$")
    with refused, maker.blaming_wrappers():
        Policy.make(maker.make().observation_space, Discrete(2), maker.config)
    bare = EnvironmentMaker("CartPole-v1", config_with(wrappers=[Plus]))
    with pytest.raises(UnsupportedSpace, match=r"^its own$"), bare.blaming_wrappers():
        raise UnsupportedSpace("its own")


def test_modules_are_imported_and_functions_called_once_before_an_environment_is_made(tmp_path, monkeypatch, registry):
    code = "import gymnasium\ndef register(): gymnasium.register('Late-v0', 'environments_for_tests:Bandit')\n"
    (tmp_path / "registers_late.py").write_text(code)
    monkeypatch.syspath_prepend(tmp_path)
    maker = EnvironmentMaker("Late-v0", config_with(import_modules=["registers_late:register"]))
    with pytest.raises(InvalidEnvironment, match="no environment 'Late-v0'"):
        EnvironmentMaker("Late-v0", config_with(import_modules=["registers_late"])).make()
    assert maker.make().action_space == maker.make().action_space


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("no_such_module", "`import_modules` no_such_module: there is no module 'no_such_module'"),
        (
            "gymnasium:regster",
            "gymnasium:regster: gymnasium has no 'regster'; did you mean 'register'",
        ),
        ("gymnasium:register", "`import_modules` gymnasium:register failed: TypeError: .*missing"),
        (":register", "`import_modules` :register: name a module, or module:function"),
    ],
)
def test_modules_that_cannot_be_imported_are_named_in_one_line(name, line):
    with pytest.raises(InvalidEnvironment, match=line):
        EnvironmentMaker("CartPole-v1", config_with(import_modules=[name])).make()


def test_box_spaces_of_wrappers_reach_the_policy():
    doubled = lambda env: gymnasium.wrappers.TransformObservation(  # noqa: E731
        env, lambda seen: np.concatenate([seen, seen]), Box(-np.inf, np.inf, (8,), np.float32)
    )
    observation_space, _ = EnvironmentMaker("CartPole-v1", config_with(wrappers=[doubled])).spaces()
    assert observation_space.shape == (8,)
