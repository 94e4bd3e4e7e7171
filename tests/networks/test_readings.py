"""What the parts of an observation are read as: recognised, set, and recorded."""

import numpy as np
import pytest
from gymnasium.spaces import Box, Dict, Discrete, MultiBinary, MultiDiscrete, Tuple

from a3c.errors import SettingsError
from a3c.networks.readings import describe, raw_numbers, readings, with_readings
from configs_for_tests import config_with


def box(low, high, *shape, dtype=np.uint8):
    return Box(low, high, shape, dtype)


def pictures(*shape, dtype=np.uint8, high=255):
    return Box(0, high, shape, dtype)


def read(space, **settings):
    return readings(config_with(**settings), space)[()]


def line(space, own_network=False, **settings):
    config = with_readings(config_with(**settings), space, own_network)
    # A run that goes on has what was chosen before in its settings, and says the same.
    again = with_readings(config, space, own_network)
    found = describe(config, space, own_network)
    assert describe(again, space, own_network) == found
    return found


FLOATS = {"dtype": np.float32}


@pytest.mark.parametrize(
    ("space", "reading"),
    [
        (box(-1, 1, 5, **FLOATS), "mlp flat raw"),
        # Atari's memory, and its pictures.
        (pictures(128), "mlp flat pixels"),
        (pictures(84, 84, 4), "a3c HWC pixels"),
        (pictures(210, 160, 3), "a3c HWC pixels"),
        (pictures(64, 64, 1), "a3c HWC pixels"),
        (pictures(63, 80, 1), "small HWC pixels"),
        (pictures(16, 16, 1), "small HWC pixels"),
        (pictures(15, 84, 3), "small HWC pixels"),
        (pictures(84, 84), "a3c HW pixels"),
        # Pictures of fractions.
        (pictures(84, 84, 4, dtype=np.float32), "a3c HWC pixels"),
        (pictures(84, 84, 4, dtype=np.float64, high=1), "a3c HWC raw"),
        (pictures(96, 96, dtype=np.float32, high=1), "a3c HW raw"),
        (box(-np.inf, np.inf, 40, 40, 3, **FLOATS), "small HWC raw"),
        # Channels first, or stacked on an axis of their own.
        (pictures(1, 84, 84), "a3c CHW pixels"),
        (pictures(3, 64, 64), "a3c CHW pixels"),
        (pictures(3, 210, 160), "a3c CHW pixels"),
        *((pictures(stack, 84, 84), "a3c CHW pixels") for stack in (3, 4, 8)),
        *((pictures(stack, 84, 84, 3), "a3c SHWC pixels") for stack in (3, 4, 8)),
        (pictures(4, 3, 64, 64, dtype=np.float32, high=1), "a3c SCHW raw"),
        (pictures(84, 84, 3, 4), "a3c HWCS pixels"),
        # Grids: MinAtar's, MiniGrid's, boards, and chess.
        (box(0, 1, 10, 10, 4, dtype=bool), "grid HWC raw"),
        (box(0, 1, 10, 10, 7, **FLOATS), "grid HWC raw"),
        (box(0, 1, 6, 10, 10, **FLOATS), "grid CHW raw"),
        (box(0, 1, 10, 10, 10, dtype=bool), "grid HWC raw"),
        (box(0, 1, 10, 10, 4), "grid HWC bounds"),
        (pictures(7, 7, 3), "grid HWC pixels"),
        (box(0, 3, 8, 8), "grid HW one_hot"),
        (box(0, 3, 20, 20), "grid HW one_hot"),
        (box(-1, 1, 6, 7, dtype=np.int8), "grid HW one_hot"),
        (box(0, 1, 8, 8, 111, dtype=bool), "grid HWC raw"),
        (box(0, 7, 20, 10, dtype=np.int64), "grid HW one_hot"),
        (box(0, 3, 10, 10, **FLOATS), "grid HW raw"),
        (MultiBinary((10, 10, 4)), "grid HWC raw"),
        (MultiDiscrete(np.full((6, 6), 4)), "grid HW one_hot"),
        # Whole numbers that are no grid.
        (box(0, 3, 9), "mlp flat one_hot"),
        (box(0, 3, 3, 3), "mlp flat one_hot"),
        (box(0, 200, 4), "mlp flat bounds"),
        (box(-5, 100, 4, dtype=np.int32), "mlp flat bounds"),
        (box(0, 1, 4, dtype=np.int32), "mlp flat bounds"),
        (box(0, 10**6, 4, dtype=np.int64), "mlp flat raw"),
        (box(0, 3, 84, 84, 4), "a3c HWC bounds"),
        (Discrete(5), "mlp flat one_hot"),
        (MultiDiscrete([3, 2, 3, 3, 3]), "mlp flat one_hot"),
        (MultiDiscrete(np.arange(36).reshape(6, 6) + 2), "mlp flat one_hot"),
        (MultiBinary(5), "mlp flat raw"),
        # Tables: windows of prices, vehicles and what is known of each.
        (box(-np.inf, np.inf, 30, 8, **FLOATS), "mlp flat raw"),
        (box(0, 1, 60, 12, **FLOATS), "mlp flat raw"),
        (box(-1, 1, 5, 5, **FLOATS), "mlp flat raw"),
        (box(0, 2**31 - 1, 30, 8, dtype=np.int64), "mlp flat raw"),
        (Box(np.zeros((9, 9, 2)), np.arange(1, 163).reshape(9, 9, 2), dtype=np.float64), "mlp flat raw"),
    ],
    ids=str,
)  # fmt: skip
def test_what_an_observation_looks_like(space, reading):
    found = read(space)
    assert " ".join(found) == reading
    # What was chosen is recorded, and then is what is set.
    recorded = with_readings(config_with(), space, own_network=False)
    assert (recorded.network, recorded.input_layout, recorded.input_scaling) == found
    assert readings(recorded, space)[()] == found
    assert with_readings(recorded, space, own_network=False) == recorded


@pytest.mark.parametrize(
    ("space", "settings", "reading"),
    [
        (pictures(84, 84, 4), {"network": "mlp"}, "mlp flat pixels"),
        (pictures(84, 84, 4), {"input_layout": "CHW", "network": "small"}, "small CHW pixels"),
        (pictures(84, 84, 4), {"input_layout": "flat"}, "mlp flat pixels"),
        (box(0, 3, 10, 10), {"input_scaling": "bounds"}, "grid HW bounds"),
        (box(0, 3, 10, 10), {"input_scaling": "raw"}, "grid HW raw"),
        (pictures(7, 7, 3), {"input_scaling": "one_hot"}, "grid HWC one_hot"),
        (box(-1, 1, 5, 5, **FLOATS), {"network": "grid"}, "grid HW raw"),
        (box(-1, 3, 5, **FLOATS), {"input_scaling": "bounds"}, "mlp flat bounds"),
        (box(0, 200, 4), {"pixel_mean": 100.0}, "mlp flat pixels"),
        # As runs had it that did not record it.
        (box(0, 3, 10, 10), {"input_scaling": "bytes"}, "mlp flat pixels"),
        (pictures(7, 7, 3), {"input_scaling": "bytes"}, "mlp flat pixels"),
        (pictures(15, 84, 3), {"input_scaling": "bytes"}, "mlp flat pixels"),
        (pictures(16, 84, 3), {"input_scaling": "bytes"}, "small HWC pixels"),
        (pictures(84, 84, 4), {"input_scaling": "bytes"}, "a3c HWC pixels"),
        (pictures(84, 84), {"input_scaling": "bytes"}, "mlp flat pixels"),
        (pictures(84, 84, 4, dtype=np.float32), {"input_scaling": "bytes"}, "mlp flat raw"),
        (pictures(84, 84, 4, dtype=np.float32), {"input_scaling": "bytes", "network": "a3c"}, "a3c HWC raw"),
        (box(0, 3, 9, dtype=np.int8), {"input_scaling": "bytes"}, "mlp flat raw"),
        (Discrete(3), {"input_scaling": "bytes"}, "mlp flat one_hot"),
    ],
    ids=str,
)  # fmt: skip
def test_what_is_set_comes_before_what_suits(space, settings, reading):
    assert " ".join(read(space, **settings)) == reading


@pytest.mark.parametrize(
    ("space", "settings", "words"),
    [
        (box(-1, 1, 5, **FLOATS), {"network": "grid"}, "grid needs frames [H, W, C], but observations are [5]"),
        (box(-1, 1, 5, **FLOATS), {"input_scaling": "one_hot"}, "needs whole numbers .* float32 -1 to 1: use raw"),
        (box(0, 2**40, 5, dtype=np.int64), {"input_scaling": "one_hot"}, "at most 256 values"),
        (box(-np.inf, 1, 5, **FLOATS), {"input_scaling": "bounds"}, "needs bounds, .* float32 -inf to 1: use raw"),
        (box(-1, 1, 5, **FLOATS), {"input_scaling": "pixels"}, "pixels is for bytes and pictures"),
        (Discrete(3), {"input_scaling": "raw"}, "raw is not for choices, which are one-hot: use one_hot"),
        (MultiBinary(3), {"input_scaling": "one_hot"}, "one_hot is not for bits"),
        (pictures(84, 84), {"input_layout": "HWC"}, "`input_layout` HWC needs observations of 3 axes, but they are"),
        (pictures(84, 84), {"input_parts": {"a": "mlp"}}, "`input_parts`: observations have no part 'a'"),
        (Dict(map=pictures(9, 9)), {"input_parts": {"mop": "mlp"}}, "no part 'mop'; did you mean 'map'"),
        (Dict(map=pictures(9, 9)), {"input_parts": {"map": "mpl"}}, "holds 'mpl', which is .*did you mean 'mlp'"),
        (Dict(a=Discrete(2)), {"network": "grid"}, "`network` grid fits no part of the observations: leave it out"),
        (Dict(a=Discrete(2)), {"input_scaling": "bounds"}, "`input_scaling` bounds fits no part of the observations"),
    ],
    ids=str,
)  # fmt: skip
def test_what_does_not_fit_is_refused(space, settings, words):
    with pytest.raises(SettingsError, match=words.replace("[", r"\[").replace("]", r"\]")):
        readings(config_with(**settings), space)


PARTS = Dict(
    eye=pictures(20, 20, 1),
    map=box(0, 3, 10, 10),
    speed=box(-9, 9, 2, **FLOATS),
    more=Tuple([Discrete(3), box(0, 90, 2)]),
)


@pytest.mark.parametrize(
    ("settings", "found"),
    [
        ({}, "small/HWC/pixels grid/HW/one_hot mlp/flat/raw mlp/flat/one_hot mlp/flat/bounds"),
        ({"network": "mlp"}, "mlp/flat/pixels mlp/flat/one_hot mlp/flat/raw mlp/flat/one_hot mlp/flat/bounds"),
        ({"network": "small"}, "small/HWC/pixels small/HW/one_hot mlp/flat/raw mlp/flat/one_hot mlp/flat/bounds"),
        ({"input_scaling": "raw"}, "small/HWC/raw grid/HW/raw mlp/flat/raw mlp/flat/one_hot mlp/flat/raw"),
        ({"input_scaling": "bounds"},
         "small/HWC/bounds grid/HW/bounds mlp/flat/bounds mlp/flat/one_hot mlp/flat/bounds"),
        ({"input_parts": {"map": "mlp", "more/1": "one_hot"}},
         "small/HWC/pixels mlp/flat/one_hot mlp/flat/raw mlp/flat/one_hot mlp/flat/one_hot"),
        ({"input_scaling": "bytes"}, "small/HWC/pixels mlp/flat/pixels mlp/flat/raw mlp/flat/one_hot mlp/flat/pixels"),
        ({"input_scaling": "bytes", "network": "a3c"},
         "a3c/HWC/pixels mlp/flat/pixels mlp/flat/raw mlp/flat/one_hot mlp/flat/pixels"),
    ],
    ids=str,
)  # fmt: skip
def test_parts_of_an_observation_are_read_one_by_one(settings, found):
    by_part = readings(config_with(**settings), PARTS)
    names = ["eye", "map", "speed", "more/0", "more/1"]
    expected = dict(zip(names, found.split(), strict=True))
    assert {"/".join(map(str, path)): "/".join(words) for path, words in by_part.items()} == expected
    recorded = with_readings(config_with(**settings), PARTS, own_network=False)
    assert recorded.input_parts == ({} if settings.get("input_scaling") == "bytes" else expected)
    assert readings(recorded, PARTS) == by_part


def test_the_numbers_that_are_seen_as_they_are_are_told_from_scaled_ones_and_choices():
    sizes = {"eye": 400, "map": 100, "speed": 2, "more/0": 1, "more/1": 2}
    expected = [name == "speed" for name, size in sizes.items() for _ in range(size)]
    assert raw_numbers(config_with(), PARTS).tolist() == expected
    assert not raw_numbers(config_with(input_scaling="bounds"), PARTS).any()


def test_a_network_of_the_users_own_gets_what_it_always_got():
    space = Dict(map=box(0, 3, 10, 10), far=box(0, 90, 2, dtype=np.int32))
    config = with_readings(config_with(), space, own_network=True)
    assert [reading.scaling for reading in readings(config, space).values()] == ["pixels", "raw"]
    told = with_readings(config_with(input_scaling="one_hot"), space, own_network=True)
    assert [reading.scaling for reading in readings(told, space).values()] == ["one_hot", "one_hot"]


@pytest.mark.parametrize(
    ("space", "settings", "expected"),
    [
        (box(-1, 1, 4, **FLOATS), {}, "network mlp (4 numbers; float32 as they are)"),
        (box(0, 3, 10, 10), {}, "network grid (10x10 looks like a grid; uint8 0 to 3 one-hot)"),
        (pictures(84, 84, 4), {}, "network a3c (84x84x4 looks like pictures; uint8 / 255)"),
        (pictures(4, 84, 84, 3), {}, "network a3c (4x84x84x3 looks like pictures, stacked first; uint8 / 255)"),
        (pictures(3, 64, 64), {"pixel_mean": 87.0, "pixel_std": 50.0},
         "network a3c (3x64x64 looks like pictures, channels first; (uint8 - 87) / 50)"),
        (pictures(84, 84, 4), {"network": "mlp"}, "network mlp, as set (84x84x4; uint8 / 255)"),
        (box(-1, 1, 4, **FLOATS), {"network": "mlp"}, "network mlp (4 numbers; float32 as they are)"),
        (box(-1, 1, 5, 5, **FLOATS), {}, "network mlp (5x5 numbers, neither a grid nor pictures; float32 as they are)"),
        (box(0, 90, 1, dtype=np.int32), {}, "network mlp (1 number; int32 0 to 90 scaled to 0 to 1)"),
        (box(0, 90, 2), {"normalize_observations": True}, "network mlp (2 numbers; uint8 normalised)"),
        (Discrete(3), {}, "network mlp (1 choice; one-hot)"),
        (MultiBinary(3), {}, "network mlp (3 bits; bits as they are)"),
        (Dict(map=box(0, 3, 10, 10), gear=Discrete(3)), {"input_parts": {"map": "small"}},
         "networks: map small, as set (10x10; uint8 0 to 3 one-hot); gear mlp (1 choice; one-hot)"),
        (Tuple([Discrete(2)] * 6), {"network": "mlp"},
         "networks: " + "; ".join(f"{i} mlp (1 choice; one-hot)" for i in range(4)) + "; and 2 more parts"),
    ],
    ids=str,
)  # fmt: skip
def test_a_line_says_which_network_and_why(space, settings, expected):
    assert line(space, **settings) == expected


def test_a_line_says_what_a_network_of_the_users_own_gets():
    assert line(box(0, 3, 10, 10), own_network=True) == "network of your own: uint8 / 255"
