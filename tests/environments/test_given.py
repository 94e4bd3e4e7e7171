"""What a user gives an agent to act on: an observation or a batch, or one line."""

import numpy as np
import pytest
from gymnasium.spaces import Box, Dict, Discrete, MultiDiscrete, Tuple

from a3c.environments.given import given_state, pack_given
from a3c.environments.observations import Observations
from a3c.errors import InvalidObservation

VECTOR = Box(-1, 1, (4,), np.float32)
BYTES = Box(0, 255, (2,), np.uint8)
DICT = Dict(place=Box(-1, 1, (2,), np.float32), gear=Discrete(3))
PAIR = Tuple([Discrete(2), Discrete(3)])
WITH_DICT = Tuple([Discrete(2), DICT])
ONE = np.zeros(4, np.float32)


@pytest.mark.parametrize(
    ("space", "given", "count"),
    [
        (VECTOR, ONE, None),
        (VECTOR, [0, 0, 0, 1], None),
        (VECTOR, (0.0, 0.5, 1.0, -1.0), None),
        (VECTOR, np.zeros((3, 4)), 3),
        (BYTES, [0, 255], None),
        (BYTES, np.array([[1.0, 2.0]]), 1),
        (Discrete(3, start=-1), -1, None),
        (Discrete(3), [0, 1, 2, 2], 4),
        (MultiDiscrete([2, 3]), [1, 2], None),
        (DICT, {"place": [0, 0], "gear": 2, "more": "is ignored"}, None),
        (DICT, {"place": [[0, 0]] * 2, "gear": [2, 1]}, 2),
        (PAIR, (1, 2), None),
        (PAIR, ([1, 0], [2, 0]), 2),
        (WITH_DICT, (1, {"place": [0, 0], "gear": 2}), None),
    ],
)
def test_one_observation_or_a_batch_is_packed(space, given, count):
    observations = Observations(space)
    packed, single = pack_given(observations, given)
    assert packed.shape == (count or 1, *observations.shape)
    assert single == (count is None)
    np.testing.assert_array_equal(packed, observations.pack_any(given)[0])


@pytest.mark.parametrize(
    ("space", "given", "message"),
    [
        (
            VECTOR,
            (ONE, {}),
            r"all that reset gives, \(observation, info\): give the observation alone, the first of them",
        ),
        (
            VECTOR,
            (ONE, 1.0, False, False, {}),
            r"all that step gives, \(observation, reward, terminated, truncated, info",
        ),
        (DICT, ({"place": [0, 0], "gear": 2}, {}), "all that reset gives"),
        (PAIR, ((1, 2), {}), "all that reset gives"),
        (PAIR, ((1, 2), 1.0, False, False, {}), "all that step gives"),
        (WITH_DICT, ((1, {"place": [0, 0], "gear": 2}), {"lives": 3}), "all that reset gives"),
        (VECTOR, None, "observation is no array of numbers: None"),
        (VECTOR, "left", "observation is no array of numbers: 'left'"),
        (VECTOR, {"place": 1}, "observation is no array of numbers: {'place': 1}"),
        (VECTOR, [ONE, None], "observation is"),
        (VECTOR, [[1, 2], [3]], "observation is ragged"),
        (VECTOR, ONE * np.nan, "observation holds nan"),
        (VECTOR, [[0, 0, 0, 0], [0, 0, 0, -np.inf]], "observation holds -inf"),
        (VECTOR, np.zeros(3), r"observation has shape \(3,\); expected \(4,\), or a batch of that"),
        (VECTOR, np.zeros((2, 2, 4)), r"observation has shape \(2, 2, 4\); expected \(4,\), or a batch of that"),
        (VECTOR, 0.0, r"observation has shape \(\); expected \(4,\)"),
        (VECTOR, np.zeros((0, 4)), "observation is a batch of none"),
        (BYTES, [0.5, 1.0], "observation holds 0.5, which is not in Box"),
        (BYTES, [0, 256], "observation holds 256, which is not in Box"),
        (Discrete(3), 3, r"observation holds 3, which is not in Discrete\(3\)"),
        (Discrete(3), [0, 1.5], r"observation holds 1.5, which is not in Discrete\(3\)"),
        (MultiDiscrete([2, 3]), [[1, 2], [2, 2]], "observation holds 2, which is not in"),
        (DICT, {"place": [0, 0]}, "there is no gear of the observation: expected one of Dict"),
        (DICT, ONE, "there is no place of the observation"),
        (DICT, None, "there is no place of the observation"),
        (DICT, {"place": [0, np.nan], "gear": 1}, "place of the observation holds nan"),
        (DICT, {"place": [[0, 0]] * 2, "gear": [0]}, "the parts of the observation are not of one batch"),
        (DICT, {"place": [[0, 0]] * 2, "gear": 0}, "the parts of the observation are not of one batch"),
        (PAIR, (1,), "there is no 1 of the observation"),
    ],
)
def test_what_is_no_observation_is_named_in_one_line(space, given, message):
    with pytest.raises(InvalidObservation, match=message) as refused:
        pack_given(Observations(space), given)
    assert "\n" not in str(refused.value)
    assert isinstance(refused.value, ValueError)


def test_what_a_policy_remembers_is_given_as_it_came():
    assert given_state(None, (2, 3), single=False).tolist() == [[0.0] * 3] * 2
    assert given_state([1, 2, 3], (1, 3), single=True).tolist() == [[1.0, 2.0, 3.0]]
    np.testing.assert_array_equal(given_state(np.ones((2, 3)), (2, 3), single=False), np.ones((2, 3)))


@pytest.mark.parametrize(
    ("state", "single", "message"),
    [
        ("x", True, "state is no array of numbers"),
        ((np.zeros(3), np.zeros(2)), True, "state is no array of numbers"),
        (np.zeros(2), True, r"state has shape \(2,\); expected \(3,\)"),
        (np.zeros(3), False, r"state has shape \(3,\); expected \(1, 3\)"),
        ([1, np.nan, 0], True, "state holds numbers that are not finite"),
    ],
)
def test_what_is_no_state_is_named_in_one_line(state, single, message):
    with pytest.raises(InvalidObservation, match=message):
        given_state(state, (1, 3), single=single)
