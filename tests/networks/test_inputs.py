import numpy as np
import pytest
from gymnasium.spaces import Box, Dict, Discrete, MultiBinary, MultiDiscrete, Tuple, flatten, flatten_space

from a3c.environments.observations import Observations, part_of, parts
from a3c.networks.choosing import Joined, make_torso, shares_trunk
from a3c.networks.inputs import input_size, network_input
from a3c.networks.policy import Policy
from a3c.networks.readings import normalized_numbers, readings, with_readings
from configs_for_tests import config_with

FRAMES = Box(0, 255, (20, 20, 1), np.uint8)
FLAT = {
    "box": Box(-1, 1, (2, 3), np.float32),
    "discrete": Discrete(4, start=-1),
    "several": MultiDiscrete([3, 1, 4], start=[0, 5, -2]),
    "bits": MultiBinary([2, 2]),
    "dict": Dict(b=Discrete(3), a=Box(-1, 1, (2,), np.float32), c=Dict(d=MultiBinary(2))),
    "tuple": Tuple([Discrete(2), Tuple([MultiDiscrete([2, 3])])]),
}


def scalings(space):
    return [reading.scaling for reading in readings(config_with(), space).values()]


@pytest.mark.parametrize("space", FLAT.values(), ids=FLAT)
def test_what_a_network_sees_is_gymnasiums_one_hot_form(space):
    for seed in range(20):
        space.seed(seed)
        observation = space.sample()
        packed = Observations(space).pack_any(observation)[0][0]
        inputs = network_input(space, packed, scalings(space), 0.0, 255.0)
        found = np.concatenate([np.ravel(part_of(inputs, path)) for path in parts(space)])
        np.testing.assert_array_equal(found, flatten(space, observation))
        assert len(found) == flatten_space(space).shape[0]


def test_the_input_of_a_dict_has_its_keys_and_shapes_and_only_bytes_are_scaled():
    space = Dict(frame=Box(0, 255, (2, 1), np.uint8), speed=Box(-300, 300, (1,), np.float32), gear=Discrete(3))
    given = {"frame": np.array([[10], [20]], np.uint8), "speed": np.array([200.0]), "gear": 2}
    packed = Observations(space).pack_any(given)[0][0]
    inputs = network_input(space, packed, ("pixels", "raw", "raw"), 10.0, 5.0)
    assert {key: value.tolist() for key, value in inputs.items()} == {
        "frame": [[0], [2]],
        "speed": [200],
        "gear": [0, 0, 1],
    }


def test_frames_among_other_things_have_convolutions_and_all_is_joined():
    space = Dict(frame=FRAMES, gear=Discrete(3))
    torso, features = make_torso(config_with(), space, np.random.default_rng(0))
    assert isinstance(torso, Joined)
    assert features == 64
    assert [layer.weight.shape[0] for layer in torso.dense.layers] == [128 + 3, 64]
    assert shares_trunk(config_with(), space)
    assert not shares_trunk(config_with(), Dict(gear=Discrete(3)))


def test_every_part_of_an_observation_reaches_the_features():
    space = Dict(frame=FRAMES, gear=Discrete(3), more=Tuple([Box(-1, 1, (2,), np.float32), MultiBinary(2)]))
    torso, _ = make_torso(config_with(), space, np.random.default_rng(0))
    size = Observations(space).shape[0]

    def features(packed):
        return torso(network_input(space, packed, scalings(space), 0.0, 255.0))

    base = np.ones(size, np.float32)
    for index in [0, 210, *range(400, size)]:
        changed = base.copy()
        changed[index] = 0 if index >= 400 else 255
        assert np.abs(features(changed) - features(base)).max() > 1e-6
    assert input_size(space["gear"], "one_hot") == 3


SYMBOLS = Box(np.array([0, 0, -1]), np.array([3, 1, 1]), dtype=np.int64)


@pytest.mark.parametrize(
    ("scaling", "seen"),
    [
        ("one_hot", [[0, 0, 1, 0], [0, 1, 0, 0], [1, 0, 0, 0]]),
        ("bounds", [2 / 3, 1, 0]),
        ("raw", [2, 1, -1]),
        ("pixels", [0.8, 0.4, -0.4]),
    ],
)
def test_numbers_of_a_box_are_scaled_as_the_scaling_says(scaling, seen):
    inputs = network_input(SYMBOLS, np.array([2, 1, -1], np.float32), (scaling,), 0.0, 2.5)
    np.testing.assert_allclose(inputs, seen, rtol=1e-6)
    assert input_size(SYMBOLS, scaling) == np.size(seen)


@pytest.mark.parametrize("scaling", ["raw", "bounds", "one_hot"])
def test_what_is_one_hot_is_never_normalised(scaling):
    config = config_with(normalize_observations=True, input_scaling=scaling)
    assert normalized_numbers(config, SYMBOLS) == (scaling != "one_hot",) * 3


CHOSEN = config_with(normalize_observations=None)


def test_by_default_numbers_that_are_seen_as_they_are_get_normalised():
    parts = {
        "place": (Box(-9, 9, (2,), np.float32), 2),
        "count": (Box(0, 2**40, (1,), np.int64), 1),
        "bits": (Box(0, 1, (2,), bool), 0),
        "choice": (Discrete(3), 0),
        "symbols": (SYMBOLS, 0),
        "frames": (FRAMES, 0),
    }
    space = Dict({name: part for name, (part, _) in parts.items()})
    numbers = normalized_numbers(CHOSEN, space)
    assert sum(numbers) == sum(count for _, count in parts.values())
    assert not any(normalized_numbers(config_with(normalize_observations=False), space))
    # What was chosen is recorded, where it can be said in a word.
    for (part, count), recorded in zip(parts.values(), [True, True, *[False] * 4], strict=True):
        assert with_readings(CHOSEN, part, False).normalize_observations is recorded, (part, count)
    assert with_readings(CHOSEN, space, False).normalize_observations is None
    # What the settings say stays as it is, so that older runs keep their statistics.
    assert with_readings(config_with(normalize_observations=True), Discrete(3), False).normalize_observations is True
    # A network of the user's own may scale what it sees itself.
    assert with_readings(CHOSEN, parts["place"][0], True).normalize_observations is False


def test_a_number_that_is_always_the_same_is_0_between_its_bounds():
    space = Box(np.array([5, 0]), np.array([5, 10]), dtype=np.int64)
    assert network_input(space, np.array([5, 5], np.float32), ("bounds",), 0, 1).tolist() == [0, 0.5]


def torso_value(space, observation, **settings):
    """What a fixed network makes of an observation."""
    policy = Policy.make(space, Discrete(2), config_with(seed=0, hidden=(5,), network="grid", **settings))
    packed = policy.observations.pack_any(observation)[0]
    return policy(policy.first_snapshot, packed)[1]


def test_the_axes_of_pictures_make_no_difference():
    frames = np.random.default_rng(0).integers(0, 256, (2, 9, 8, 3), np.uint8)
    seen = [
        ("HWC", frames.transpose(1, 2, 0, 3).reshape(9, 8, 6)),
        ("SHWC", frames),
        ("CHW", frames.transpose(0, 3, 1, 2).reshape(6, 9, 8)),
        ("SCHW", frames.transpose(0, 3, 1, 2)),
    ]
    values = []
    for layout, observation in seen:
        space = Box(0, 255, observation.shape, np.uint8)
        assert readings(config_with(), space)[()].layout == layout
        values.append(torso_value(space, observation))
    np.testing.assert_allclose(values, values[0].repeat(4)[:, None], rtol=1e-5)


def test_symbols_are_the_same_as_bytes_numbers_and_choices():
    symbols = np.random.default_rng(0).integers(0, 4, (6, 6))
    spaces = [Box(0, 3, (6, 6), np.uint8), Box(0, 3, (6, 6), np.int64), MultiDiscrete(np.full((6, 6), 4))]
    values = [torso_value(space, symbols.astype(space.dtype)) for space in spaces]
    np.testing.assert_array_equal(values[1:], values[:1] * 2)
