import numpy as np
import pytest
from gymnasium.spaces import Box, Dict, Discrete, Graph, MultiBinary, MultiDiscrete, OneOf, Sequence, Text, Tuple
from gymnasium.vector.utils import batch_space

from a3c.environments.observations import Observations
from a3c.errors import InvalidEnvironment, UnsupportedSpace

BYTES = Box(0, 255, (2, 3), np.uint8)
SPACES = {
    "box": Box(-1, 1, (2, 3), np.float64),
    "bytes": BYTES,
    "discrete": Discrete(4, start=-1),
    "several": MultiDiscrete([3, 4], start=[0, 5]),
    "bits": MultiBinary([2, 2]),
    "tuple": Tuple([Discrete(3), Box(-1, 1, (2,), np.float32)]),
    "dict": Dict(a=Dict(b=BYTES, c=Tuple([MultiBinary(2)])), z=Discrete(3, start=1)),
    "dict of bytes": Dict(x=BYTES, y=Box(0, 255, (1,), np.uint8)),
}
each = pytest.mark.parametrize("space", SPACES.values(), ids=SPACES)


def seeded(space, seed):
    space.seed(seed)
    return space.sample()


@each
def test_a_batch_is_packed_as_each_of_its_observations_is(space):
    observations = Observations(space)
    packed = observations.pack(seeded(batch_space(space, 5), 0))
    assert packed.shape == (5, *observations.shape)
    again, single = observations.pack_any(seeded(batch_space(space, 5), 0))
    assert not single
    assert again.dtype == observations.dtype
    np.testing.assert_array_equal(again, packed.astype(observations.dtype))
    one, single = observations.pack_any(seeded(space, 1))
    assert single
    assert one.shape == (1, *observations.shape)


@each
def test_different_observations_stay_different(space):
    observations = Observations(space)
    packed = [observations.pack_any(seeded(space, seed))[0] for seed in range(40)]
    original = {str(seeded(space, seed)) for seed in range(40)}
    assert len({row.tobytes() for row in packed}) == len(original) > 1


def test_parts_lie_one_after_the_other_and_choices_count_from_zero():
    observations = Observations(SPACES["dict"])
    given = {"a": {"b": np.arange(6).reshape(2, 3), "c": (np.array([1, 0]),)}, "z": 3}
    assert observations.pack_any(given)[0].tolist() == [[0, 1, 2, 3, 4, 5, 1, 0, 2]]
    assert Observations(SPACES["several"]).pack(np.array([[2, 6], [0, 5]])).tolist() == [[2, 1], [0, 0]]


def test_bytes_stay_bytes_where_there_is_nothing_else():
    assert Observations(SPACES["dict of bytes"]).dtype == np.uint8
    assert Observations(SPACES["dict"]).dtype == np.float32


@pytest.mark.parametrize(("space", "batch"), [(Discrete(4, start=-1), [0, 3]), (MultiDiscrete([2, 2]), [[0, -1]])])
def test_a_choice_that_is_none_is_named(space, batch):
    with pytest.raises(InvalidEnvironment, match=r"gave (3|-1), which is not in"):
        Observations(space).pack(np.array(batch))


@pytest.mark.parametrize(
    ("space", "batch"), [(BYTES, np.zeros((2, 3, 2))), (Tuple([MultiBinary(3)]), (np.ones((1, 2)),))]
)
def test_an_environments_other_shape_is_named(space, batch):
    with pytest.raises(InvalidEnvironment, match=r"gives observations(\[0\])? of shape \((3, 2|2,)\), but .* says"):
        Observations(space).pack(batch)


@pytest.mark.parametrize("shape", [(), (3,), (3, 2), (1, 2, 2), (1, 1, 2, 3)])
def test_a_users_other_shape_is_named(shape):
    with pytest.raises(ValueError, match=r"expected \(2, 3\), or a batch of that"):
        Observations(BYTES).pack_any(np.zeros(shape))


ODD = {
    "text": Text(3),
    "a sequence of any length": Sequence(Discrete(2)),
    "a Graph": Graph(Box(np.zeros((9, 9), np.float32), np.arange(81, dtype=np.float32).reshape(9, 9)), None),
    "a OneOf": OneOf([Discrete(2), BYTES]),
}


@pytest.mark.parametrize(("name", "space"), ODD.items(), ids=ODD)
def test_other_spaces_are_refused_by_name(name, space):
    for odd, said in [
        (
            space,
            rf"observation space {type(space).__name__}.* is not supported; supported: Box, .*TransformObservation",
        ),
        (Dict(a=space, b=BYTES), f"'a' of the observations is {name},.* leave it out, with `hide` a, or make numbers"),
        (Dict(b=Dict(a=space)), f"'b/a' of the observations is {name},.* leave all of 'b' out, with `hide` b, or make"),
        (Tuple([BYTES, space]), f"'1' of the observations is {name}, which no network here reads: make numbers of it"),
    ]:
        with pytest.raises(UnsupportedSpace, match=said) as raised:
            Observations(odd)
        assert "\n" not in str(raised.value)


@pytest.mark.parametrize("space", [Dict(), Tuple([Tuple([])])], ids=str)
def test_a_space_without_parts_is_refused(space):
    with pytest.raises(UnsupportedSpace, match=r"observation space .* has no parts"):
        Observations(space)
