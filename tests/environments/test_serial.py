"""Environments stepped one after the other, against Gymnasium's own vector of them."""

from functools import partial

import gymnasium
import numpy as np
import pytest
from gymnasium.spaces import Box, Dict, Discrete, MultiDiscrete, Tuple
from gymnasium.vector import AutoresetMode, SyncVectorEnv

from a3c.environments.making import EnvironmentMaker
from a3c.environments.serial import SerialVectorEnv, close
from a3c.errors import InvalidEnvironment
from environments_for_tests import Bandit, Counting, Endless, Guess, Sum

COMPOSITE = Dict(choice=Discrete(3), pair=Tuple([Box(-1, 1, (2,), np.float32), MultiDiscrete([2, 3])]))


def endings(*kinds):
    return lambda: Counting(0, (1, 3, 4), kinds)


@pytest.mark.parametrize("count", [1, 3])
@pytest.mark.parametrize(
    "make",
    [
        endings("terminated"),
        endings("truncated", "both", "terminated"),
        lambda: gymnasium.make("CartPole-v1"),
        lambda: gymnasium.make("FrozenLake-v1"),
        partial(Sum, COMPOSITE),
        partial(Guess, Box(-1, 1, (2,), np.float32)),
        partial(Guess, MultiDiscrete([2, 3])),
        partial(Guess, COMPOSITE),
    ],
    ids=["terminating", "both", "CartPole", "FrozenLake", "composite", "numbers", "choices", "composite actions"],
)
def test_they_step_as_in_gymnasiums_vector(make, count):
    ours = SerialVectorEnv([make] * count)
    theirs = SyncVectorEnv([make] * count, autoreset_mode=AutoresetMode.NEXT_STEP)
    assert ours.metadata["autoreset_mode"] == theirs.metadata["autoreset_mode"]
    for name in ("num_envs", "single_observation_space", "single_action_space", "observation_space", "action_space"):
        assert getattr(ours, name) == getattr(theirs, name), name
    ours.action_space.seed(0)
    for seed in ([3] * count, 5):
        same(ours.reset(seed=seed)[0], theirs.reset(seed=seed)[0])
        ended = 0
        for _ in range(60):
            actions = ours.action_space.sample()
            mine = ours.step(actions)[:4]
            same(mine, theirs.step(actions)[:4])
            ended += int((mine[2] | mine[3]).sum())
        assert ended > 1
    ours.close()
    theirs.close()


def same(mine, others):
    """The same values in the same form: arrays, and dictionaries and tuples of them."""
    assert type(mine) is type(others)
    if isinstance(mine, dict):
        assert mine.keys() == others.keys()
        mine, others = tuple(mine.values()), tuple(others.values())
    if isinstance(mine, tuple):
        for one, other in zip(mine, others, strict=True):
            same(one, other)
    else:
        np.testing.assert_array_equal(mine, others)
        assert mine.dtype == others.dtype


@pytest.mark.parametrize("count", [1, 2])
def test_what_they_give_is_not_changed_by_the_next_step(count):
    class Writing(Endless):
        """Gives the same array again and again."""

        given = np.zeros(1, np.float32)

        def reset(self, *, seed=None, options=None):
            super().reset(seed=seed)
            return self.given, {}

        def step(self, action):
            self.given += 1
            return self.given, *super().step(action)[1:]

    environments = SerialVectorEnv([Writing] * count)
    first, _ = environments.reset()
    before = first.copy()
    environments.step(np.zeros(count, int))
    np.testing.assert_array_equal(first, before)


@pytest.mark.parametrize("count", [1, 2])
def test_every_count_is_made_alike(count):
    environments = EnvironmentMaker(Bandit).make_vector(count)
    assert type(environments) is SerialVectorEnv
    assert environments.num_envs == count
    environments.close()


class Closing(Endless):
    """Notes who is closed; the odd ones fail in it, one of them cannot be made."""

    closed: list[int]
    unmakeable: int | None = None

    def __init__(self, number):
        if number == self.unmakeable:
            raise OSError("no more licences")
        super().__init__()
        self.number = number

    def close(self):
        self.closed.append(self.number)
        if self.number % 2:
            raise RuntimeError(f"{self.number} is stuck\nin the mud")


@pytest.fixture
def makers(monkeypatch):
    monkeypatch.setattr(Closing, "closed", [], raising=False)
    return [partial(Closing, number) for number in range(5)]


def test_all_are_closed_though_some_raise(makers):
    environments = SerialVectorEnv(makers)
    assert close(environments) == ("closing the environment failed, which changes no result: RuntimeError: 1 is stuck")
    assert Closing.closed == [0, 1, 2, 3, 4]
    assert close(environments) == ""


def test_those_that_were_made_are_closed_where_another_cannot_be(makers, monkeypatch):
    monkeypatch.setattr(Closing, "unmakeable", 3)
    with pytest.raises(OSError, match="no more licences"):
        SerialVectorEnv(makers)
    assert Closing.closed == [0, 1, 2]


@pytest.mark.parametrize(
    ("space", "other"),
    [("observation_space", Box(0, 2, (1,), np.float32)), ("action_space", Discrete(3))],
)
def test_they_have_the_same_spaces(space, other):
    odd = Endless()
    setattr(odd, space, other)
    with pytest.raises(InvalidEnvironment, match=f"the {space} of environment 0 is .*, and that of environment 1 is "):
        SerialVectorEnv([Endless, lambda: odd])
