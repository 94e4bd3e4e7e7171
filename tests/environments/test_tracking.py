"""Numbers of info are found at the last step of each episode, however environments are stepped together."""

import math

import numpy as np
import pytest

from a3c.environments.serial import SerialVectorEnv
from a3c.environments.stepper import Stepper
from a3c.environments.tracking import PATIENCE, TrackedInfo
from environments_for_tests import MODES, Telling, vector_of

KEYS = ("is_success", "deep.steps", "five", "nope")
VECTORS = {mode.name: vector_of(Telling, mode) for mode in MODES} | {
    "serial": lambda count: SerialVectorEnv([Telling] * count)
}


@pytest.mark.parametrize("vector", VECTORS.values(), ids=VECTORS)
def test_what_is_told_is_that_of_the_episodes_last_step(vector):
    stepper = Stepper(vector(3), np.random.SeedSequence(1), track=KEYS)
    lengths, told = np.zeros(3, int), []
    for _ in range(40):
        lengths += ~stepper.resetting
        step = stepper.step(np.zeros(3, int))
        assert (step.tracked is None) == (not step.done.any())
        if step.tracked is not None:
            assert np.isnan(step.tracked[~step.done]).all()
            rows = step.tracked[step.done].tolist()
            told += list(zip(lengths[step.done].tolist(), rows, strict=True))
        lengths[step.done] = 0
    assert len({length for length, _ in told}) == 5
    for length, (success, steps, five, nope) in told:
        assert (success, steps) == (length % 2, length)
        assert five == 5 if length == 5 else math.isnan(five)
        assert math.isnan(nope)
    remarks = stepper.tracked.take_remarks()
    assert list(remarks) == ["track_info nope"]
    assert f"no such number at the end of {PATIENCE} episodes; there are deep.steps," in remarks["track_info nope"]
    assert "name" not in remarks["track_info nope"]
    assert stepper.tracked.take_remarks() == {}


@pytest.mark.parametrize(
    ("info", "number"),
    [
        ({"a": np.array([True, False]), "_a": np.array([True, True])}, 1.0),
        ({"a": np.array([2.5, 0.0]), "_a": np.array([False, True])}, math.nan),
        ({"a": np.array(["2", "3"], object), "_a": np.array([True, True])}, math.nan),
        ({"a": np.array([[1.0, 2.0], [3.0, 4.0]])}, math.nan),
        ({"a": np.array([math.inf, 1.0])}, math.nan),
        # Of Gymnasium 1.0, and a dict that was not batched.
        ({"final_info": np.array([{"a": 4}, None], object), "a": np.array([9, 9])}, 4.0),
        ({"a": 3}, math.nan),
    ],
)
def test_what_is_no_finite_number_of_that_environment_is_none(info, number):
    told = TrackedInfo(("a",), vector_of(Telling, MODES[0])(2)).of(info, np.array([True, False]))
    np.testing.assert_equal(told, [[number], [math.nan]])
