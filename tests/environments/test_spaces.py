import json

import numpy as np
import pytest
from gymnasium.spaces import Box, Dict, Discrete, MultiBinary, MultiDiscrete, Tuple

from a3c.environments.spaces import describe_space, largest_entropy, observation_dtype

BOX = Box(-1, 1, (2, 3), np.float32)


def test_descriptions_survive_json_and_tell_apart_what_must_match():
    spaces = [
        BOX,
        Box(-1, 1, (3, 2), np.float32),
        Box(0, 1, (2, 3), np.uint8),
        Discrete(3),
        Discrete(4),
        Discrete(3, start=1),
        MultiDiscrete([3, 4]),
        MultiDiscrete([4, 3]),
        MultiDiscrete([3, 4], start=[0, 1]),
        MultiBinary(2),
        Dict(a=BOX, b=Discrete(2)),
        Dict(a=BOX, b=Discrete(3)),
        Tuple([BOX, Discrete(2)]),
    ]
    descriptions = [describe_space(space) for space in spaces]
    assert json.loads(json.dumps(descriptions)) == descriptions
    assert len({json.dumps(description) for description in descriptions}) == len(spaces)
    assert describe_space(BOX) == describe_space(Box(-5, 5, (2, 3), np.float64))


@pytest.mark.parametrize(
    ("given", "stored"),
    [(np.uint8, np.uint8), (np.float64, np.float32), (np.float32, np.float32), (np.int32, np.float32)],
)
def test_bytes_stay_bytes_and_all_else_becomes_float32(given, stored):
    assert observation_dtype(Box(0, 1, (1,), given)) == stored


@pytest.mark.parametrize(
    ("space", "expected"),
    [
        (Discrete(3, start=1), np.log(3)),
        (MultiDiscrete([[2, 3], [4, 5]]), np.log(120)),
        (MultiBinary((2, 3)), 6 * np.log(2)),
        (Box(-1, 1, (2,)), None),
        (Dict(a=Discrete(3), b=Tuple([MultiBinary(2)])), np.log(12)),
        (Tuple([Discrete(3), Box(-1, 1, (2,))]), None),
    ],
)
def test_the_largest_entropy_is_that_of_actions_that_are_all_as_likely(space, expected):
    found = largest_entropy(json.loads(json.dumps(describe_space(space))))
    assert found == (None if expected is None else pytest.approx(expected))
