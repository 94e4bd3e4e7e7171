"""Observations that are not what their space says: refused, or remarked on, with where and when."""

from functools import partial

import numpy as np
import pytest
from gymnasium.spaces import Box, Dict, Discrete
from gymnasium.vector import AutoresetMode, SyncVectorEnv

from a3c.environments.observations import Observations
from a3c.environments.serial import SerialVectorEnv
from a3c.errors import InvalidEnvironment
from a3c.networks.policy import Policy
from a3c.rollout.collector import Collector
from configs_for_tests import config_with
from environments_for_tests import MODES, Endless

BYTES = Box(0, 255, (2,), np.uint8)
NUMBERS = Box(-1, 1, (2,), np.float32)


class Scripted(Endless):
    """Gives `usual`, and at step `at` of every episode (0 is the reset) `odd`."""

    def __init__(self, space=NUMBERS, usual=(0, 0), odd=(0, 0), at=0):
        super().__init__()
        self.observation_space, self.usual, self.odd, self.at = space, usual, odd, at

    def _given(self):
        return self.odd if self.steps == self.at else self.usual

    def reset(self, *, seed=None, options=None):
        _, info = super().reset(seed=seed)
        return self._given(), info

    def step(self, action):
        _, *rest = super().step(action)
        return self._given(), *rest


def usual(space):
    return np.zeros(space.shape, space.dtype)


def collector_of(environments, **settings):
    config = config_with(seed=0, hidden=(), segment_length=8, **settings)
    policy = Policy.make(environments.single_observation_space, environments.single_action_space, config)
    return Collector(environments, policy, config, np.random.SeedSequence(0))


def scripted(odd, at, space=NUMBERS, mode=AutoresetMode.NEXT_STEP):
    """Two environments, of which the second is odd."""
    makers = [partial(Scripted, space, usual(space), what, at) for what in (usual(space), odd)]
    if mode is AutoresetMode.NEXT_STEP:
        return SerialVectorEnv(makers)
    return SyncVectorEnv(makers, autoreset_mode=mode)


def collect(collector, segments):
    return [collector.collect(collector.policy.first_snapshot)[0] for _ in range(segments)]


@pytest.mark.parametrize(
    ("space", "odd", "words"),
    [
        (BYTES, np.array([0.5, 0.25]), "observations of float64, such as 0.5, but .* says uint8"),
        (BYTES, np.array([7, 300]), "observations of int64, such as 7, but .* says uint8"),
        (BYTES, np.array([7, 300], np.uint16), "observations of uint16, such as 7, but .* says uint8"),
        (NUMBERS, np.array([None, 1]), "observations of object, such as None, but .* says float32"),
        (Box(0, 9, (2,), np.int32), np.array([0.5, 1.5]), "observations of float64, such as 0.5, but .* says int32"),
        (NUMBERS, np.zeros(3, np.float32), r"shape \(3,\), but .* says \(2,\)"),
    ],
    ids=["floats", "integers", "words", "objects", "fractions", "shape"],
)
class TestKinds:
    def test_one_environment(self, space, odd, words):
        collector = collector_of(SerialVectorEnv([lambda: Scripted(space, usual(space), odd, at=5)]))
        with pytest.raises(InvalidEnvironment, match=f"{words}.*step 5"):
            collect(collector, 1)

    def test_many(self, space, odd, words):
        collector = collector_of(scripted(odd, 5, space))
        with pytest.raises(InvalidEnvironment, match=f"{words}.*environment 1 of this worker, step 5"):
            collect(collector, 1)

    def test_the_first_observation(self, space, odd, words):
        with pytest.raises(InvalidEnvironment, match=f"{words}.*step 0"):
            collector_of(SerialVectorEnv([lambda: Scripted(space, usual(space), odd, at=0)]))


@pytest.mark.parametrize(
    ("space", "given"),
    [
        (NUMBERS, np.array([0.5, -0.5])),
        (NUMBERS, np.array([1, 0])),
        (NUMBERS, [0.5, -0.5]),
        (BYTES, np.array([True, False])),
        (Box(0, 9, (2,), np.int64), np.array([3, 4], np.int32)),
    ],
    ids=["double", "whole", "list", "bits", "short"],
)
@pytest.mark.parametrize("count", [1, 2])
def test_what_can_be_cast_is_taken(space, given, count):
    make = partial(Scripted, space, given, given)
    environments = SerialVectorEnv([make] * count)
    (segment,) = collect(collector_of(environments), 1)
    np.testing.assert_array_equal(segment.observations[3, count - 1], np.asarray(given, np.float32))


def test_a_wrong_part_is_named():
    space = Dict(choice=Discrete(3), speed=Box(-1, 1, (2,), np.float32))
    right = {"choice": 1, "speed": np.zeros(2, np.float32)}
    Observations(space).check(right)
    with pytest.raises(InvalidEnvironment, match=r"observations\['speed'\] of object"):
        Observations(space).check(right | {"speed": np.array([None, None])})
    with pytest.raises(InvalidEnvironment, match=r"observations\['choice'\] of float64, such as 0\.5"):
        Observations(space).check(right | {"choice": 0.5})
    with pytest.raises(InvalidEnvironment, match=r"gave 3 as observation\['choice'\], which is not in"):
        Observations(space).check(right | {"choice": 3})


@pytest.mark.parametrize("error", [TypeError, ValueError])
def test_an_environments_own_error_passes_as_it_is(error):
    class Raising(Scripted):
        def step(self, action):
            if self.steps == 3:
                raise error("mine")
            return super().step(action)

    right = usual(NUMBERS)
    with pytest.raises(error, match=r"^mine$"):
        collect(collector_of(SerialVectorEnv([partial(Raising, NUMBERS, right, right)] * 2)), 1)


@pytest.mark.parametrize("mode", MODES, ids=lambda mode: mode.value)
def test_an_observation_outside_its_bounds_is_remarked_on_once(mode):
    collector = collector_of(scripted(np.array([0.0, -3.5], np.float32), 6, mode=mode))
    segments = collect(collector, 6)
    assert min(segment.observations.min() for segment in segments) == -3.5
    (remark,) = collector.checks.remarks.values()
    assert "gave observation -3.5, outside its bounds -1 to 1" in remark
    assert "(number 1, environment 1 of this worker, step 6)" in remark
    assert "\n" not in remark


def test_steps_are_counted_over_segments():
    make = partial(Scripted, NUMBERS, usual(NUMBERS), np.full(2, np.nan, np.float32), at=9)
    collector = collector_of(SerialVectorEnv([make]))
    with pytest.raises(InvalidEnvironment, match=r"observation nan \(number 0, environment 0 of this worker, step 9\)"):
        collect(collector, 2)


@pytest.mark.parametrize("value", [1.0015, -1.0015, 1.0, np.nextafter(np.float32(1), np.float32(2))])
def test_rounding_is_no_remark(value):
    collector = collector_of(scripted(np.array([value, 0], np.float32), 2))
    collect(collector, 2)
    assert collector.checks.remarks == {}


@pytest.mark.parametrize("value", [1.01, -1.01])
def test_more_than_rounding_is_one(value):
    collector = collector_of(scripted(np.array([value, 0], np.float32), 2))
    collect(collector, 2)
    assert len(collector.checks.remarks) == 1


def test_bounds_are_those_of_each_number():
    space = Box(np.array([-np.inf, 0], np.float32), np.array([1, np.inf], np.float32))
    inside = collector_of(scripted(np.array([-1e6, 1e6], np.float32), 2, space))
    above = collector_of(scripted(np.array([2, 0], np.float32), 2, space))
    below = collector_of(scripted(np.array([0, -2], np.float32), 2, space))
    for collector in (inside, above, below):
        collect(collector, 1)
    assert inside.checks.remarks == {}
    assert "observation 2, outside its bounds -inf to 1" in above.checks.remarks["bounds"]
    assert "observation -2, outside its bounds 0 to inf" in below.checks.remarks["bounds"]


def test_bounds_of_a_part_are_its_own():
    space = Dict(choice=Discrete(300), level=Box(0, 1, (1,), np.float64), speed=Box(-1, 1, (2,), np.float32))
    right = {"choice": 250, "level": np.ones(1), "speed": np.zeros(2, np.float32)}
    wrong = right | {"speed": np.array([0, 5], np.float32)}
    makers = [partial(Scripted, space, right, what, 2) for what in (right, wrong)]
    collector = collector_of(SerialVectorEnv(makers))
    collect(collector, 1)
    assert (
        "observation 5, outside its bounds -1 to 1 (number 1 of speed, environment 1"
        in collector.checks.remarks["bounds"]
    )


@pytest.mark.parametrize(
    "space", [BYTES, Discrete(3), Box(-np.inf, np.inf, (2,), np.float32)], ids=["bytes", "choice", "no bounds"]
)
def test_without_bounds_nothing_is_looked_at(space):
    assert Observations(space).bounds is None
