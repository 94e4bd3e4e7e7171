import gymnasium
import numpy as np
import pytest
from gymnasium.spaces import Box

from a3c import make_environment
from a3c.environments.making import EnvironmentMaker
from a3c.environments.observations import parts
from a3c.errors import SettingsError, UnsupportedSpace
from configs_for_tests import config_with
from environments_for_tests import Sum

PAIR = gymnasium.spaces.Dict(place=gymnasium.spaces.Discrete(3), time=Box(0, 1, (2,)))


def test_the_rest_of_the_observation_stays_in_order():
    hidden, whole = make_environment("CartPole-v1", settings={"hide": [1, 3]}), gymnasium.make("CartPole-v1")
    assert hidden.observation_space.shape == (2,)
    np.testing.assert_array_equal(hidden.observation_space.high, whole.observation_space.high[[0, 2]])
    assert hidden.observation_space.dtype == np.float32
    np.testing.assert_array_equal(hidden.reset(seed=1)[0], whole.reset(seed=1)[0][[0, 2]])
    np.testing.assert_array_equal(hidden.step(1)[0], whole.step(1)[0][[0, 2]])


@pytest.mark.parametrize("count", [1, 3])
def test_a_vector_hides_them_too(count):
    vector = EnvironmentMaker("CartPole-v1", config_with(hide=(3, 1, 2))).make_vector(count)
    assert vector.reset(seed=0)[0].shape == (count, 1)
    assert vector.single_observation_space.shape == (1,)
    vector.close()


def test_parts_are_hidden_by_name_and_a_part_alone_is_the_observation():
    spaces = gymnasium.spaces.Dict(
        place=gymnasium.spaces.Discrete(3), task=gymnasium.spaces.Text(9), time=Box(0, 1, (2,))
    )
    with pytest.raises(UnsupportedSpace, match=r"'task' of the observations is text.*with `hide` task"):
        parts(spaces)
    two = make_environment(lambda: Sum(spaces), settings={"hide": ["task"]})
    assert list(two.observation_space) == list(two.reset()[0]) == ["place", "time"]
    one = make_environment(lambda: Sum(spaces), settings={"hide": ["task", "place"]})
    assert one.observation_space == spaces["time"]
    assert one.observation_space.contains(one.reset()[0])


@pytest.mark.parametrize(
    ("environment", "hide", "words"),
    [
        ("CartPole-v1", (1, 4), "`hide` 4: observations have the numbers 0 to 3"),
        ("CartPole-v1", (-1,), "`hide` -1: observations have the numbers 0 to 3"),
        ("CartPole-v1", (0, 1, 2, 3), "`hide` leaves nothing to see"),
        ("CartPole-v1", ("x",), "`hide` x: observations have the numbers 0 to 3"),
        (lambda: Sum(gymnasium.spaces.Discrete(3)), (0,), "`hide` takes numbers from a vector"),
        (lambda: Sum(PAIR), ("plac",), "`hide` plac: observations have the parts place, time; did you mean 'place'"),
        (lambda: Sum(PAIR), (0,), "`hide` 0: observations have the parts place, time"),
        (lambda: Sum(PAIR), ("time", "place"), "`hide` leaves nothing to see"),
    ],
)
def test_what_cannot_be_hidden_is_refused(environment, hide, words):
    with pytest.raises(SettingsError, match=words):
        EnvironmentMaker(environment, config_with(hide=hide)).spaces()
