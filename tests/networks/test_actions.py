import numpy as np
import pytest
from gymnasium.spaces import Box, Discrete, MultiBinary, MultiDiscrete, Text

from a3c.errors import SettingsError, UnsupportedSpace
from a3c.learning.gaussians import Gaussian, SquashedGaussian, StateNoiseGaussian
from a3c.networks.actions import make_actions
from configs_for_tests import config_with

HALF = Box(np.array([-np.inf, 0, -3], np.float32), np.array([np.inf, np.inf, 5], np.float32))
SPACES = {
    "discrete": Discrete(5, start=-2),
    "several": MultiDiscrete([3, 1, 4]),
    "several in rows": MultiDiscrete([[3, 2], [4, 5]], start=[[1, 0], [-7, 0]]),
    "bits": MultiBinary(4),
    "bits in rows": MultiBinary([2, 3]),
    "numbers": Box(-2, 2, (3,), np.float32),
    "numbers in rows": Box(0, 10, (2, 2), np.float64),
    "bytes": Box(0, 255, (3,), np.uint8),
    "unbounded": Box(-np.inf, np.inf, (3,), np.float32),
    "half bounded": HALF,
    "odd bounds": Box(np.float32(0.1), np.float32(0.3), (200,), np.float32),
}
CONTINUOUS = [{}, {"action_std": "state"}, {"action_std": "gsde"}, {"action_bounds": "tanh"}]
FEATURES = 6


def variants():
    for name, space in SPACES.items():
        for settings in CONTINUOUS if isinstance(space, Box) else [{}]:
            if settings.get("action_bounds") != "tanh" or space.is_bounded():
                yield pytest.param(space, settings, id=" ".join([name, *settings.values()]))


@pytest.mark.parametrize(("space", "settings"), list(variants()))
def test_what_goes_to_the_environment_is_inside_its_space_and_of_its_kind(space, settings):
    actions = make_actions(space, config_with(**settings), FEATURES)
    generator = np.random.default_rng(0)
    outputs = generator.normal(scale=3, size=(500, actions.outputs)).astype(np.float32)
    features = generator.normal(size=(500, FEATURES)).astype(np.float32)
    distribution = actions.distribution(outputs, features, actions.initial_log_std)
    drawn = np.asarray(distribution.sample(actions.noise(generator, (500,))), actions.dtype)
    for chosen in drawn, np.asarray(distribution.mode(), actions.dtype), actions.random(generator, (500,)):
        assert chosen.shape == (500, *actions.shape)
        assert np.isfinite(distribution.log_prob(chosen.astype(actions.dtype))).all()
        assert np.shape(distribution.entropy()) == (500,)
        sent = actions.to_environment(chosen)
        assert all(space.contains(action) for action in sent)


@pytest.mark.parametrize(
    ("space", "given", "sent"),
    [
        (Box(-2, 6, (5,), np.float32), [-1, 0, 1, 2, -9], [-2, 2, 6, 6, -2]),
        (HALF, [1e6, -1.5, 0.5], [1e6, 0, 3]),
        (Box(0, 255, (3,), np.uint8), [-1, 0.003, 7], [0, 128, 255]),
    ],
)
def test_bounded_numbers_are_rescaled_and_clipped_and_others_are_as_they_are(space, given, sent):
    actions = make_actions(space, config_with(), FEATURES)
    np.testing.assert_allclose(actions.to_environment(np.array([given], np.float32)), [sent])


def test_tanh_takes_numbers_to_the_bounds():
    actions = make_actions(Box(-2, 6, (3,), np.float32), config_with(action_bounds="tanh"), FEATURES)
    np.testing.assert_allclose(actions.to_environment(np.array([[-50, 0, 50]], np.float32)), [[-2, 2, 6]])


@pytest.mark.parametrize("settings", [{}, {"action_bounds": "tanh"}])
def test_random_actions_are_uniform_between_the_bounds(settings):
    actions = make_actions(Box(-2, 6, (1,), np.float32), config_with(**settings), FEATURES)
    sent = actions.to_environment(actions.random(np.random.default_rng(0), (40_000,)))
    shares, _ = np.histogram(sent, bins=8, range=(-2, 6))
    np.testing.assert_allclose(shares / 40_000, 1 / 8, atol=0.01)


def test_random_choices_come_as_often_as_each_other():
    actions = make_actions(MultiDiscrete([2, 3], start=[4, 0]), config_with(), FEATURES)
    sent = actions.to_environment(actions.random(np.random.default_rng(0), (30_000,)))
    values, counts = np.unique(sent, axis=0, return_counts=True)
    assert values.tolist() == [[4, 0], [4, 1], [4, 2], [5, 0], [5, 1], [5, 2]]
    np.testing.assert_allclose(counts / 30_000, 1 / 6, atol=0.01)


@pytest.mark.parametrize(
    ("settings", "kind", "std"),
    [
        ({}, Gaussian, 1.0),
        ({"log_std": -1.0}, Gaussian, np.exp(-1)),
        ({"action_bounds": "tanh", "log_std": 0.5}, SquashedGaussian, np.exp(0.5)),
        ({"action_std": "state", "log_std": -1.0}, Gaussian, np.exp(-1)),
        ({"action_std": "gsde"}, StateNoiseGaussian, np.sqrt(FEATURES) * np.exp(-2)),
        ({"action_std": "gsde", "log_std": 0.0}, StateNoiseGaussian, np.sqrt(FEATURES)),
    ],
)
def test_the_standard_deviation_starts_where_the_settings_say(settings, kind, std):
    actions = make_actions(Box(-1, 1, (2,), np.float32), config_with(**settings), FEATURES)
    outputs, features = np.zeros((3, actions.outputs), np.float32), np.ones((3, FEATURES), np.float32)
    distribution = actions.distribution(outputs, features, actions.initial_log_std)
    assert type(distribution) is kind
    np.testing.assert_allclose(np.exp(distribution.log_std), np.full((3, 2), std), rtol=1e-4)


@pytest.mark.parametrize(
    ("space", "settings", "error", "said"),
    [
        (Discrete(2), {"log_std": 0.0}, SettingsError, r"`log_std` is for continuous actions"),
        (MultiBinary(2), {"hold_noise": 4}, SettingsError, r"`hold_noise` is for continuous actions"),
        (Box(-1, 1, (2,)), {"epsilon": (0.1,)}, SettingsError, r"`epsilon` is for discrete actions"),
        (HALF, {"action_bounds": "tanh"}, SettingsError, r"`action_bounds` tanh needs bounds"),
        (Text(3), {}, UnsupportedSpace, r"action space Text"),
    ],
)
def test_settings_that_do_not_go_with_the_space_are_named(space, settings, error, said):
    with pytest.raises(error, match=said):
        make_actions(space, config_with(**settings), FEATURES)
