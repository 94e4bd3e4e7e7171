"""Actions of several parts: a policy's become the environment's own structure, and settings hold for parts."""

import numpy as np
import pytest
from gymnasium.spaces import Box, Dict, Discrete, Graph, MultiBinary, MultiDiscrete, OneOf, Sequence, Text, Tuple
from gymnasium.vector.utils import batch_space, iterate

from a3c.environments.observations import Observations
from a3c.environments.spaces import one_of
from a3c.errors import SettingsError, UnsupportedSpace
from a3c.networks.actions import make_actions
from a3c.networks.hybrid_actions import MOST_CHOICES
from configs_for_tests import config_with

FEATURES = 6
FORCE = Box(np.array([-2, 0], np.float32), np.array([2, 10], np.float32))
SPACES = {
    "tuple": Tuple([Discrete(3), FORCE]),
    "dict": Dict(lever=Discrete(3, start=-1), force=FORCE),
    "nested": Dict(a=Tuple([Discrete(2), Dict(b=FORCE, c=MultiBinary([2, 2]))]), z=MultiDiscrete([[2, 3], [4, 2]])),
    "choices only": Tuple([Discrete(3), MultiDiscrete([3, 2], start=[0, 5]), MultiBinary(3)]),
    "numbers only": Dict(x=Box(-1, 1, (2, 2), np.float64), y=Box(0, 255, (3,), np.uint8)),
    "one part": Dict(only=Discrete(4)),
    "a tuple of one": Tuple([FORCE]),
    "a part without parts": Tuple([Discrete(2), Tuple([]), FORCE]),
    "one choice": Dict(a=Discrete(1), b=FORCE),
}
BOUNDED = {"action_std": "state"}, {"action_std": "gsde"}, {"action_bounds": "tanh"}


def variants():
    for name, space in SPACES.items():
        for settings in ({},) if name in ("choices only", "one part") else ({}, *BOUNDED):
            yield pytest.param(space, settings, id=" ".join([name, *settings.values()]))


@pytest.mark.parametrize(("space", "settings"), list(variants()))
def test_what_goes_to_the_environment_is_inside_its_space_and_of_its_form(space, settings):
    actions = make_actions(space, config_with(**settings), FEATURES)
    generator = np.random.default_rng(0)
    outputs = generator.normal(scale=3, size=(50, actions.outputs)).astype(np.float32)
    features = generator.normal(size=(50, FEATURES)).astype(np.float32)
    distribution = actions.distribution(outputs, features, actions.initial_log_std)
    drawn = distribution.sample(actions.noise(generator, (50,)))
    for chosen in map(np.asarray, (drawn, distribution.mode(), actions.random(generator, (50,)))):
        assert chosen.shape == (50, *actions.shape)
        assert chosen.dtype == actions.dtype == np.float32
        assert np.isfinite(distribution.log_prob(chosen)).all()
        sent = actions.to_environment(chosen)
        assert batch_space(space, 50).contains(sent)
        each = [one_of(sent, index) for index in range(50)]
        assert all(space.contains(action) for action in each)
        if "Tuple()" not in str(space):
            # Gymnasium finds nothing to step where a part is without parts.
            packed = [Observations(space).pack_any(one)[0] for one in iterate(batch_space(space, 50), sent)]
            np.testing.assert_array_equal([Observations(space).pack_any(one)[0] for one in each], packed)
    assert distribution.entropy().shape == (50,)


def test_parts_lie_in_the_order_of_the_space_and_choices_from_zero():
    actions = make_actions(SPACES["nested"], config_with(), FEATURES)
    vector = np.array([[1, -1, 0.5, 1, 0, 0, 1, 0, 2, 3, 1]], np.float32)
    sent = one_of(actions.to_environment(vector), 0)
    assert sent["a"][0] == 1
    np.testing.assert_allclose(sent["a"][1]["b"], [-2, 7.5])
    assert sent["a"][1]["c"].tolist() == [[1, 0], [0, 1]]
    assert sent["z"].tolist() == [[0, 2], [3, 1]]
    shifted = make_actions(SPACES["dict"], config_with(), FEATURES).to_environment(np.zeros((2, 3), np.float32))
    assert shifted["lever"].tolist() == [-1, -1]


def test_each_box_has_standard_deviations_of_its_own():
    space = Tuple([Box(-1, 1, (2,)), Discrete(2), Box(-1, 1, (1,))])
    actions = make_actions(space, config_with(), FEATURES)
    outputs, log_std = np.zeros((1, 5), np.float32), np.array([0.1, 0.2, 0.3], np.float32)
    assert actions.initial_log_std.shape == (3,)
    first, _, last = actions.distribution(outputs, np.zeros((1, FEATURES), np.float32), log_std).distributions
    np.testing.assert_allclose(first.log_std, [[0.1, 0.2]])
    np.testing.assert_allclose(last.log_std, [[0.3]])
    smooth = make_actions(space, config_with(action_std="gsde"), FEATURES)
    assert smooth.initial_log_std.shape == (FEATURES, 3)
    assert smooth.noise_shape == (3 * FEATURES + 1,)
    assert make_actions(space, config_with(action_std="state"), FEATURES).initial_log_std is None


def test_as_many_choices_as_there_may_be_are_kept_exactly():
    space = Tuple([Discrete(MOST_CHOICES, start=7), Box(-1, 1)])
    drawn = np.array([[MOST_CHOICES - 1, 0.5], [MOST_CHOICES - 2, 0.5]], np.float32)
    choices, _ = make_actions(space, config_with(), FEATURES).to_environment(drawn)
    assert choices.tolist() == [MOST_CHOICES + 6, MOST_CHOICES + 5]


def test_epsilon_makes_choices_uniform_and_leaves_numbers():
    actions = make_actions(Tuple([Discrete(4), FORCE]), config_with(epsilon=(0.5,)), FEATURES)
    outputs = np.array([[50, 0, 0, 0, 0.2, 0.4]], np.float32)
    before = actions.distribution(outputs, np.zeros((1, FEATURES), np.float32), actions.initial_log_std)
    choice, numbers = actions.explore(before, 0.4).distributions
    np.testing.assert_allclose(np.exp(choice.log_probs), [[0.7, 0.1, 0.1, 0.1]], rtol=1e-5)
    assert numbers is before.distributions[1]


def test_the_parts_are_described():
    said = make_actions(SPACES["dict"], config_with(), FEATURES).description
    assert said == (
        "lever: Categorical over 3; force: Gaussian of 2 numbers, standard deviation learned, clipped to bounds"
    )


HUGE = Discrete(MOST_CHOICES + 1)
ODD = {
    "text": Text(3),
    "a sequence of any length": Sequence(Discrete(2)),
    "a Graph": Graph(FORCE, None),
    "a OneOf": OneOf([Discrete(2), FORCE]),
}


@pytest.mark.parametrize(
    ("space", "settings", "error", "said"),
    [
        (Tuple([FORCE]), {"epsilon": (0.1,)}, SettingsError, "`epsilon` is for discrete actions"),
        (Dict(a=Discrete(2)), {"log_std": 0.0}, SettingsError, "`log_std` is for continuous actions"),
        (Tuple([Discrete(2), Box(0, np.inf)]), {"action_bounds": "tanh"}, SettingsError, "tanh needs bounds"),
        (
            SPACES["dict"],
            {"algorithm": "n-step-q"},
            UnsupportedSpace,
            r"learns a value for each action of a Discrete.*",
        ),
        (Dict(a=Dict(b=HUGE), c=FORCE), {}, UnsupportedSpace, "'a/b' of the actions has 16,777,217 choices"),
        (Tuple([]), {}, UnsupportedSpace, r"action space Tuple\(\) has no parts"),
        (Dict(a=Tuple([])), {}, UnsupportedSpace, "has no parts"),
        *(
            (kind, {}, UnsupportedSpace, rf"action space {type(kind).__name__}\(.*TransformAction")
            for kind in ODD.values()
        ),
        *(
            (
                Dict(a=Tuple([Discrete(2), kind])),
                {},
                UnsupportedSpace,
                f"'a/1' of the actions is {name}, which no policy",
            )
            for name, kind in ODD.items()
        ),
    ],
)
def test_what_does_not_go_is_named_in_a_line(space, settings, error, said):
    with pytest.raises(error, match=said) as raised:
        make_actions(space, config_with(**settings), FEATURES)
    assert "\n" not in str(raised.value)
