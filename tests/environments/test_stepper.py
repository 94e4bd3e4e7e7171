"""A Stepper gives the same episodes, whichever way the environments start the next one."""

import numpy as np
import pytest
from gymnasium.vector import AutoresetMode

from a3c.environments.stepper import Stepper
from environments_for_tests import MODES, counting

each_mode = pytest.mark.parametrize("mode", MODES, ids=lambda mode: mode.value)


def make(mode):
    """Two environments, whose episodes take 2, 3, 2, ... and 3, 2, 3, ... steps."""
    environments = counting(mode, 2, lengths=(2, 3))
    return Stepper(environments, np.random.SeedSequence(0))


def step(stepper):
    return stepper.step(np.zeros(2, int))


@each_mode
def test_episodes_start_where_it_says(mode):
    stepper = make(mode)
    assert stepper.starts.all()
    for _ in range(12):
        step(stepper)
        np.testing.assert_array_equal(stepper.starts, stepper.observations[:, 2] == 0)


@each_mode
def test_real_steps_are_those_of_the_environments(mode):
    stepper, real = make(mode), np.zeros(2, int)
    for _ in range(12):
        real += ~stepper.resetting
        step(stepper)
    assert real.tolist() == [environment.calls for environment in stepper.environments.envs]
    assert stepper.steps == 12


@each_mode
def test_final_observations_come_apart_where_the_next_episode_has_started(mode):
    stepper = make(mode)
    assert step(stepper).final_observations is None
    second = step(stepper)
    assert second.done.tolist() == [True, False]
    if mode is AutoresetMode.NEXT_STEP:
        assert second.final_observations is None
        assert stepper.observations.tolist() == [[0, 0, 2], [1, 0, 2]]
        assert stepper.resetting.tolist() == [True, False]
    else:
        assert second.final_observations.tolist() == [[0, 0, 2], [1, 0, 2]]
        assert stepper.observations.tolist() == [[0, 1, 0], [1, 0, 2]]
        assert not stepper.resetting.any()


@each_mode
def test_all_can_be_started_anew(mode):
    stepper = make(mode)
    for _ in range(2):
        step(stepper)
    stepper.restart()
    assert stepper.observations[:, 2].tolist() == [0, 0]
    assert stepper.starts.all()
    assert not stepper.resetting.any()


@each_mode
def test_calls_are_odd_while_the_environments_are_called(mode):
    stepper, seen = make(mode), []
    assert stepper.calls % 2 == 0
    for name in ("step", "reset"):
        call = getattr(stepper.environments, name)
        setattr(stepper.environments, name, lambda *a, c=call, **k: (seen.append(stepper.calls % 2), c(*a, **k))[1])
    for _ in range(3):
        step(stepper)
    assert len(seen) == (3 if mode is not AutoresetMode.DISABLED else 5)
    assert all(seen)
    assert stepper.calls % 2 == 0
