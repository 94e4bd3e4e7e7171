"""What is searched for which algorithm and task, and what a user makes of it."""

import pytest

from a3c.algorithm.builtin import BUILT_IN
from a3c.config.making import make_config
from a3c.errors import SettingsError
from a3c.tuning.spaces import Choice, Range, Task, searched, value_of

CHOICES, NUMBERS, FRAMES = Task(False, False), Task(True, False), Task(False, True)
LEARNING = [name for name, algorithm in BUILT_IN.items() if algorithm.learns != "nowhere"]


def config_of(algorithm, **settings):
    return make_config({"algorithm": algorithm, "environment": "A-v0", "steps": 1000, **settings}).replace(
        envs_per_worker=16, segment_length=16
    )


@pytest.mark.parametrize("algorithm", LEARNING)
@pytest.mark.parametrize("task", [CHOICES, NUMBERS, FRAMES], ids=str)
def test_every_value_is_one_that_the_algorithm_can_have_and_the_default_is_among_them(algorithm, task):
    config = config_of(algorithm)
    spaces = searched(config, task, (), ())
    for name, space in spaces.items():
        values = (space.low, space.high) if isinstance(space, Range) else space.values
        for value in values:
            assert value_of(config.replace(**{name: value}), name) == value
        assert space.holding(value_of(config, name)) == space


def test_algorithms_and_tasks_differ_in_what_is_searched():
    of = {name: set(searched(config_of(name), CHOICES, (), ())) for name in LEARNING}
    assert {"passes", "target_kl", "minibatch_size"} <= of["appo"]
    assert "learning_rate_final" in of["a3c"] - of["appo"]
    assert of["pqn"] & {"q_lambda", "gae_lambda", "entropy_coefficient"} == {"q_lambda"}
    assert "log_std" in searched(config_of("a3c"), NUMBERS, (), ())
    assert searched(config_of("a3c"), FRAMES, (), ())["learning_rate"] == Range(1e-4, 3e-3)


def test_a_default_outside_widens_the_space():
    spaces = searched(config_of("a3c", learning_rate=0.05, gamma=0.9), CHOICES, (), ())
    assert spaces["learning_rate"] == Range(1e-4, 0.05)
    assert spaces["gamma"] == Choice((0.9, 0.95, 0.98, 0.99, 0.995, 0.999))


def test_what_is_fixed_leaves_the_search_and_what_is_named_is_searched_alone():
    config = config_of("a3c")
    assert "gamma" not in searched(config, CHOICES, ("gamma",), ())
    assert list(searched(config, CHOICES, (), ("gamma", "learning_rate"))) == ["gamma", "learning_rate"]
    for fixed, search, message in (
        ((), ("gama",), "'gama' is not searched with a3c.*did you mean 'gamma'"),
        ((), ("log_std",), "'log_std' is not searched with a3c, discrete actions, numbers"),
        (("gamma",), ("gamma",), "names gamma, which is fixed"),
        (tuple(searched(config, CHOICES, (), ())), (), "every setting that could be searched is fixed"),
    ):
        with pytest.raises(SettingsError, match=message):
            searched(config, CHOICES, fixed, search)
