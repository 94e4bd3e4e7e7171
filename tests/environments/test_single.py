"""One environment as a vector of one, against Gymnasium's own."""

import gymnasium
import numpy as np
import pytest
from gymnasium.vector import AutoresetMode, SyncVectorEnv

from a3c.environments.making import EnvironmentMaker
from a3c.environments.single import SingleVectorEnv
from environments_for_tests import Bandit, Counting


def endings(*kinds):
    return lambda: Counting(0, (1, 3, 4), kinds)


@pytest.mark.parametrize(
    "make",
    [endings("terminated"), endings("truncated", "both", "terminated"), lambda: gymnasium.make("CartPole-v1")],
    ids=["terminating", "both", "CartPole"],
)
def test_it_steps_as_gymnasiums_vector_of_one_does(make):
    ours, theirs = SingleVectorEnv(make()), SyncVectorEnv([make], autoreset_mode=AutoresetMode.NEXT_STEP)
    assert ours.metadata["autoreset_mode"] == theirs.metadata["autoreset_mode"]
    for name in ("num_envs", "single_observation_space", "single_action_space", "observation_space", "action_space"):
        assert getattr(ours, name) == getattr(theirs, name), name
    generator = np.random.default_rng(0)
    for seed in ([3], None, [4]):
        np.testing.assert_array_equal(ours.reset(seed=seed)[0], theirs.reset(seed=seed)[0])
        ended = 0
        for _ in range(60):
            actions = generator.integers(2, size=1)
            for mine, other in zip(ours.step(actions)[:4], theirs.step(actions)[:4], strict=True):
                np.testing.assert_array_equal(mine, other)
                assert mine.shape == other.shape
                ended += mine.dtype == bool and bool(mine[0])
        assert ended > 1
    ours.close()
    theirs.close()


def test_what_it_gives_is_not_changed_by_the_next_step():
    environments = SingleVectorEnv(Counting(0, (5,)))
    first, _ = environments.reset()
    before = first.copy()
    environments.step(np.zeros(1, int))
    np.testing.assert_array_equal(first, before)


@pytest.mark.parametrize(("count", "kind"), [(1, SingleVectorEnv), (2, SyncVectorEnv)])
def test_one_environment_is_made_without_batching(count, kind):
    environments = EnvironmentMaker(Bandit).make_vector(count)
    assert type(environments) is kind
    assert environments.num_envs == count
    environments.close()
