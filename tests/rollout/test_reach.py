"""Whether observations come near the bounds that they are scaled by."""

import numpy as np
import pytest
from gymnasium.spaces import Box, Dict, Discrete

from a3c.rollout.reach import LOOKED_AT, Reach
from configs_for_tests import config_with

BYTES = Box(0, 255, (3, 2), np.uint8)


def look(space, *batches, **settings):
    """What is said of batches of so many observations each."""
    reach = Reach(config_with(**settings), space)
    return [reach.look(batch, LOOKED_AT // 2) for batch in batches]


def test_observations_far_from_their_bounds_are_remarked_on_once_enough_were_seen():
    dark = np.full((4, 3, 2), 20, np.uint8)
    first, second, third = look(BYTES, dark, dark + np.uint8(5), dark)
    assert first is third is None
    assert second == (
        "observations were 20 to 25 in 1,000 steps, but are scaled by their bounds 0 to 255, so that little is left of "
        "them: give the space the bounds that they reach, or set `normalize_observations`"
    )


@pytest.mark.parametrize("place", [0, 1])
def test_one_bright_pixel_is_enough(place):
    batches = [np.zeros((4, 3, 2), np.uint8) for _ in range(3)]
    batches[place][2, 1, 1] = 40
    assert look(BYTES, *batches) == [None] * 3


@pytest.mark.parametrize(
    ("space", "settings"),
    [
        (BYTES, {"normalize_observations": True}),
        (BYTES, {"input_scaling": "raw"}),
        (Box(0, 255, (3,), np.float32), {}),
        (Box(0, 3, (3,), np.uint8), {}),
        (Box(0, 20, (3,), np.int32), {}),
        (Discrete(100), {}),
    ],
    ids=str,
)
def test_what_is_not_scaled_by_wide_bounds_is_not_looked_at(space, settings):
    nothing = np.zeros((4, *(space.shape or (1,))), np.uint8)
    assert look(space, nothing, nothing, nothing, **settings) == [None] * 3


def test_parts_are_named():
    space = Dict(
        speed=Box(-1, 1, (2,), np.float32), eye=Dict(left=Box(0, 255, (2,), np.uint8)), far=Box(0, 99, (1,), int)
    )
    # In the order of their keys: speed is never scaled, and what is far comes near its bounds.
    numbers = np.zeros((2, 5), np.float32)
    numbers[:, -1] = [0, 50]
    assert [part.startswith("eye/left were 0 to 0") for part in look(space, numbers, numbers) if part] == [True]
