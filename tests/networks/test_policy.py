import pickle

import cloudpickle
import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from gymnasium.spaces import Box, Discrete, Text

from a3c import A3C
from a3c.errors import SettingsError, UnsupportedSpace
from a3c.learning.snapshot import Snapshot
from a3c.networks.mlp import activate
from a3c.networks.policy import Policy
from configs_for_tests import config_with
from environments_for_tests import Bandit, Corridor

SPACES = Box(-1, 1, (3,), np.float32), Discrete(4)
OBSERVATIONS = np.random.default_rng(0).normal(size=(5, 3)).astype(np.float32)


class Own(eqx.Module):
    """With an activation, a constant that is no parameter, and Equinox's own layers."""

    linear: eqx.nn.Linear
    activation: object
    offset: jax.Array

    def __init__(self, observation_space, key):
        self.linear = eqx.nn.Linear(observation_space.shape[0], 7, key=key)
        self.activation = jax.nn.relu
        self.offset = jnp.arange(7)

    def __call__(self, observation):
        return self.activation(self.linear(observation)) + self.offset


def make(network=None, **settings):
    return Policy.make(*SPACES, config_with(**{"seed": 0, "hidden": (8,)} | settings), network)


VARIANTS = {
    "shared": {"shared_trunk": True},
    "separate": {"shared_trunk": False},
    "linear": {"hidden": ()},
    "own": {"network": Own},
    "own separate": {"network": Own, "shared_trunk": False},
}
each = pytest.mark.parametrize("variant", VARIANTS.values(), ids=VARIANTS)


@each
def test_flatten_and_network_are_inverse(variant):
    policy = make(**variant)
    parameters = np.random.default_rng(1).normal(size=policy.size).astype(np.float32)
    np.testing.assert_array_equal(policy.flatten(policy.network(parameters)), parameters)
    assert policy.initial_parameters.shape == (policy.size,)
    assert policy.initial_parameters.dtype == np.float32


@each
def test_a_pickled_policy_gives_the_same_outputs(variant):
    policy = make(**variant)
    noise = np.linspace(0, 0.9, 5, dtype=np.float32)
    expected = policy.act(policy.first_snapshot, OBSERVATIONS, noise, 0.1)
    again = cloudpickle.loads(cloudpickle.dumps(policy))
    np.testing.assert_array_equal(again.initial_parameters, policy.initial_parameters)
    np.testing.assert_array_equal(again.act(again.first_snapshot, OBSERVATIONS, noise, 0.1), expected)
    before, after = (p(p.first_snapshot, OBSERVATIONS) for p in (policy, again))
    np.testing.assert_array_equal(before[0].log_probs, after[0].log_probs)
    np.testing.assert_array_equal(before[1], after[1])


def log_probs_of(policy, snapshot, observations, actions, epsilon):
    distribution, _ = policy(snapshot, observations)
    return policy.actions.explore(distribution, epsilon).log_prob(actions)


def test_one_prediction_says_what_acting_log_probability_and_value_say_apart():
    policy = make()
    generator = np.random.default_rng(1)
    parameters = generator.normal(size=policy.size).astype(np.float32)
    observations = generator.normal(size=(6, 50, 3)).astype(np.float32)
    noise, epsilon = policy.noise(generator, (6, 50)), np.array([0, 0.1, 0.3, 0.5, 0.9, 1], np.float32)
    predictions = policy.predict(Snapshot(parameters), observations, noise, np.tile(epsilon[:, None], 50))
    actions, log_probs, values = np.moveaxis(np.asarray(predictions), -1, 0)
    actions = actions.astype(int)
    snapshot = Snapshot(parameters)
    for row, share in enumerate(epsilon):
        np.testing.assert_array_equal(actions[row], policy.act(snapshot, observations[row], noise[row], share))
        expected = log_probs_of(policy, snapshot, observations[row], actions[row], share)
        np.testing.assert_allclose(log_probs[row], expected, rtol=1e-4, atol=1e-5)
        np.testing.assert_allclose(values[row], policy.value(snapshot, observations[row]), rtol=1e-4, atol=1e-5)


def test_actions_are_taken_as_often_as_their_log_probability_says():
    policy = make()
    parameters = np.random.default_rng(1).normal(size=policy.size).astype(np.float32)
    observations, noise = np.repeat(OBSERVATIONS[:1], 20_000, axis=0), np.linspace(0, 1, 20_000, False, dtype="f4")
    actions = np.asarray(policy.act(Snapshot(parameters), observations, noise, 0.3))
    shares = np.exp(log_probs_of(policy, Snapshot(parameters), observations[:4], np.arange(4), 0.3))
    assert shares.min() > 0.3 / 4 - 1e-6
    np.testing.assert_allclose(np.bincount(actions, minlength=4) / 20_000, shares, atol=1e-3)


def test_a_policy_that_was_used_can_be_pickled():
    policy = make()
    noise, epsilon = np.zeros(5, np.float32), np.zeros(5, np.float32)
    expected = policy.predict(policy.first_snapshot, OBSERVATIONS, noise, epsilon)
    policy.act(policy.first_snapshot, OBSERVATIONS, noise, 0.0)
    again = pickle.loads(pickle.dumps(policy))
    found = again.predict(policy.first_snapshot, OBSERVATIONS, noise, epsilon)
    np.testing.assert_array_equal(found, expected)


@each
def test_every_parameter_moves_an_output(variant):
    policy = make(**variant)
    parameters = np.random.default_rng(1).normal(size=policy.size).astype(np.float32)

    def outputs(parameters):
        distribution, values = policy(Snapshot(parameters), OBSERVATIONS)
        return jnp.concatenate([distribution.log_probs.ravel(), values])

    used = np.abs(jax.jacobian(outputs)(parameters)).max(0) > 0
    assert used.mean() > 0.8


@pytest.mark.parametrize(("shared_trunk", "touched"), [(True, True), (False, False)])
def test_the_value_error_reaches_the_policys_layers_only_through_a_shared_trunk(shared_trunk, touched):
    policy = make(shared_trunk=shared_trunk)
    gradient = jax.grad(lambda p: policy(Snapshot(p), OBSERVATIONS)[1].sum())(policy.initial_parameters)
    torso = policy.network(gradient).torso
    assert any(np.any(leaf) for leaf in jax.tree.leaves(eqx.filter(torso, eqx.is_array))) == touched


def test_a_users_constants_are_no_parameters():
    policy = make(network=Own, shared_trunk=True)
    assert policy.size == 3 * 7 + 7 + 7 * 4 + 4 + 7 + 1
    distribution, values = policy(policy.first_snapshot, OBSERVATIONS)
    assert distribution.log_probs.shape == (5, 4)
    assert values.shape == (5,)


def test_outputs_keep_the_batch_axes():
    policy = make()
    distribution, values = policy(policy.first_snapshot, OBSERVATIONS.reshape(1, 5, 3))
    flat_distribution, flat_values = policy(policy.first_snapshot, OBSERVATIONS)
    np.testing.assert_allclose(distribution.log_probs[0], flat_distribution.log_probs, rtol=1e-5)
    np.testing.assert_allclose(values[0], flat_values, rtol=1e-5)


def test_the_seed_decides_the_first_parameters():
    np.testing.assert_array_equal(make(seed=1).initial_parameters, make(seed=1).initial_parameters)
    assert np.any(make(seed=1).initial_parameters != make(seed=2).initial_parameters)


def test_the_first_policy_is_close_to_uniform():
    policy = make(hidden=(64, 64))
    np.testing.assert_allclose(policy(policy.first_snapshot, OBSERVATIONS)[0].entropy(), np.log(4), atol=1e-2)


class Odd(eqx.Module):
    kind: str

    def __call__(self, observation):
        return {"scalar": observation.sum(), "matrix": observation[None], "tuple": (observation, observation)}[
            self.kind
        ]


@pytest.mark.parametrize("kind", ["scalar", "matrix", "tuple", "raises"])
def test_a_module_with_a_bad_output_is_refused(kind):
    with pytest.raises(SettingsError, match="network"):
        make(network=lambda space, key: Odd(kind))


@pytest.mark.parametrize("spaces", [(Text(3), SPACES[1]), (SPACES[0], Text(3))])
def test_unsupported_spaces_are_named(spaces):
    with pytest.raises(UnsupportedSpace, match="Text"):
        Policy.make(*spaces, config_with())


class Convolution(eqx.Module):
    convolution: eqx.nn.Conv1d

    def __init__(self, observation_space, key):
        self.convolution = eqx.nn.Conv1d(1, 2, 2, key=key)

    def __call__(self, observation):
        return self.convolution(observation[None]).ravel()


def test_a_users_module_that_passed_the_check_takes_observations_of_bytes():
    policy = Policy.make(Box(0, 255, (3,), np.uint8), SPACES[1], config_with(), Convolution)
    policy.value(policy.first_snapshot, np.zeros((2, 3), np.uint8))


class AsItIs(eqx.Module):
    def __call__(self, observation):
        return observation


def as_it_is(observation_space, key):
    return AsItIs()


@pytest.mark.parametrize("network", [None, as_it_is], ids=["ours", "own"])
@pytest.mark.parametrize("pixels", [{}, {"pixel_mean": 100.0, "pixel_std": 50.0}], ids=["default", "set"])
def test_a_network_sees_bytes_less_their_mean_over_their_deviation_and_floats_as_they_are(network, pixels):
    settings = config_with(seed=0, hidden=(8,), **pixels)
    of_bytes, of_floats = (
        Policy.make(space, SPACES[1], settings, network)
        for space in (Box(0, 255, (3,), np.uint8), Box(-10, 10, (3,), np.float32))
    )
    parameters = np.random.default_rng(1).normal(size=of_bytes.size).astype(np.float32)
    observations = np.array([[0, 1, 2], [90, 100, 110], [253, 254, 255]], np.uint8)
    seen = (observations - np.float32(pixels.get("pixel_mean", 0))) / np.float32(pixels.get("pixel_std", 255))
    found, expected = of_bytes(Snapshot(parameters), observations), of_floats(Snapshot(parameters), seen)
    np.testing.assert_allclose(found[0].log_probs, expected[0].log_probs, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(found[1], expected[1], rtol=1e-4, atol=1e-5)
    features = jax.vmap(of_floats.network(parameters).torso)(seen)
    logits = (
        features @ of_floats.network(parameters).policy_head.weight + of_floats.network(parameters).policy_head.bias
    )
    np.testing.assert_allclose(found[0].log_probs, jax.nn.log_softmax(logits), rtol=1e-4, atol=1e-5)


def test_a_pickled_policy_sees_bytes_as_before():
    space = Box(0, 255, (3,), np.uint8)
    policy = Policy.make(space, SPACES[1], config_with(seed=0, pixel_mean=7.0, pixel_std=9.0), as_it_is)
    observations = np.array([[0, 100, 255]], np.uint8)
    again = cloudpickle.loads(cloudpickle.dumps(policy))
    for a, b in zip(*(p(policy.first_snapshot, observations) for p in (policy, again)), strict=True):
        np.testing.assert_array_equal(jax.tree.leaves(a), jax.tree.leaves(b))


def test_a_users_module_learns():
    agent = A3C(Corridor, network=Own, backend="inline", seed=0, learning_rate=0.02)
    before = agent.parameters
    after = agent.learn(steps=2000).latest.parameters
    assert (before != after).mean() > 0.5


@pytest.mark.parametrize("start", [0, 7])
def test_predicted_actions_are_inside_the_space(start):
    agent = A3C(lambda: Bandit(start=start), backend="inline", seed=0)
    for deterministic in (True, False):
        actions, _ = agent.predict(np.ones((50, 1)), deterministic=deterministic)
        assert all(start <= action < start + 4 for action in actions)


def test_normalised_layers_see_no_scale_and_no_shift():
    """Of frames too, whose channels are normalised at each place."""
    x = np.random.default_rng(0).normal(size=(4, 3, 6)).astype(np.float32)
    given = activate(x, "relu", layer_norm=True)
    np.testing.assert_allclose(activate(7 * x + 2, "relu", layer_norm=True), given, atol=1e-4)
    expected = (x - x.mean(-1, keepdims=True)) / x.std(-1, keepdims=True)
    np.testing.assert_allclose(given, np.maximum(expected, 0), atol=1e-4)
    np.testing.assert_array_equal(activate(x, "relu", layer_norm=False), np.maximum(x, 0))


@pytest.mark.parametrize("space", [Box(-1, 1, (3,), np.float32), Box(0, 255, (40, 40, 2), np.uint8)], ids=str)
def test_layer_norm_is_in_all_hidden_layers(space):
    plain, normal = (Policy.make(space, Discrete(2), config_with(seed=0, layer_norm=on)) for on in (False, True))
    observation = space.sample()[None]
    assert plain.size == normal.size
    # What a layer gives is the same however large its weights are, but for the heads.
    head = sum(leaf.size for leaf in jax.tree.leaves(normal.network(normal.initial_parameters).value_head))
    larger = np.concatenate([3 * normal.initial_parameters[:-head], normal.initial_parameters[-head:]])
    before, after = (
        policy_values(normal, parameters, observation) for parameters in (normal.initial_parameters, larger)
    )
    np.testing.assert_allclose(before, after, rtol=1e-3)
    assert (
        policy_values(plain, plain.initial_parameters, observation) != policy_values(plain, larger, observation)
    ).all()


def policy_values(policy, parameters, observation):
    return np.asarray(policy.value(Snapshot(parameters), observation))
