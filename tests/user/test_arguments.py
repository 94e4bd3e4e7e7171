"""Arguments that a function does not take, as they are written elsewhere: one line says what to write here."""

import re

import gymnasium
import numpy as np
import pytest
from small_agents import cartpole

import a3c
from a3c.errors import InvalidEnvironment, SettingsError

OBSERVATION = np.zeros(4)


class MlpPolicy: ...


@pytest.fixture(scope="module")
def agent():
    return cartpole()


ALONE = "A3C takes the environment alone, and its network follows from the observations: write A3C("


@pytest.mark.parametrize(
    ("call", "line"),
    [
        (lambda: a3c.A3C("MlpPolicy", "CartPole-v1", verbose=1), f"{ALONE}'CartPole-v1')"),
        (lambda: a3c.A3C("CnnPolicy", gymnasium.make("CartPole-v1")), f"{ALONE}'CartPole-v1')"),
        (lambda: a3c.A3C(MlpPolicy, object()), f"{ALONE}...) with an id, a class or a function that makes one"),
        (lambda: a3c.A3C(policy="MlpPolicy", env="CartPole-v1"), f"{ALONE}'CartPole-v1')"),
        (lambda: a3c.APPO("MlpPolicy", "CartPole-v1"), "APPO takes the environment alone, "),
        (lambda: a3c.A3C(env="CartPole-v1"), "A3C: there is no argument 'env'; it is called 'environment' here"),
        (a3c.A3C, "A3C needs environment: A3C(environment, ...)"),
        (lambda: a3c.A3C("CartPole-v1", 4), "A3C takes environment without a name"),
        (lambda: a3c.PQN("CartPole-v1", environment="Other-v0"), "PQN is given 'environment' twice"),
        (lambda: a3c.A3C("CartPole-v1", verbose=1), "'verbose'; it is called 'progress' here, and learn() takes it"),
        (lambda: a3c.load("run", env=None), "load: there is no argument 'env'; it is called 'environment' here"),
        (
            lambda: a3c.load("run", device="cpu"),
            "load: there is no argument 'device': a learner (ga3c, ",
        ),
        (lambda: a3c.resume("run", 1_000), "resume takes run without a name; name the others, as resume(..., "),
        (lambda: a3c.repeat("CartPole-v1"), "repeat needs repeats: repeat(repeats, ...)"),
        (
            lambda: a3c.repeat("CartPole-v1", n_seeds=3),
            "there is no argument 'n_seeds'; it is called 'repeats'",
        ),
        (lambda: a3c.repeat("CartPole-v1", "3"), "repeats is '3', but must be a whole number of at least 1"),
        (lambda: a3c.tune("CartPole-v1", 50), "tune takes environment without a name; name the others, as tune(..., "),
    ],
)
def test_wrong_arguments_are_one_line_that_says_what_to_write(call, line):
    with pytest.raises(SettingsError, match=re.escape(line)) as raised:
        call()
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("call", "line"),
    [
        (lambda agent: agent.learn(64, None), "learn takes steps without a name; name the others, as learn(..., epi"),
        (lambda agent: agent.evaluate(n_eval_episodes=3), "'n_eval_episodes'; it is called 'episodes' here"),
        (lambda agent: agent.evaluate(agent, 3), "evaluate takes episodes without a name; name the others, as eval"),
        (lambda agent: agent.predict(OBSERVATION, action_masks=[1, 1]), "did you mean 'action_mask'"),
        (lambda agent: agent.predict(OBSERVATION, episode_start=None), "'episode_start': the state is None where"),
        (lambda agent: agent.value(), "value needs observation: value(observation, ...)"),
        (lambda agent: agent.save(), "save needs path: save(path, ...)"),
        (lambda agent: agent.save("it", True), "save takes path without a name"),
    ],
)
def test_methods_too_say_what_they_take(agent, call, line):
    with pytest.raises(SettingsError, match=re.escape(line)):
        call(agent)


def test_a_mistake_inside_a_right_call_is_not_hidden(agent):
    def factory():
        return len(3)  # type: ignore[arg-type]

    with pytest.raises(InvalidEnvironment, match="TypeError: object of type 'int' has no len"):
        a3c.A3C(factory)
    with pytest.raises(TypeError, match="no len"):
        agent.learn(64, callback=lambda training: factory())


def test_the_name_of_a_policy_is_no_environment():
    with pytest.raises(InvalidEnvironment, match="the network follows from the observations; give the environment"):
        a3c.A3C("MlpPolicy")
