import importlib
import os
import random

# Most of the time of the tests goes into compiling what runs but a few times: XLA is to spend less on it, also in the
# processes that tests start. What is computed is the same. Set before JAX is imported.
os.environ.setdefault("XLA_FLAGS", "--xla_backend_optimization_level=0")

from jaxtyping import install_import_hook

# The shapes that annotations name are checked in the tests, and in this process alone. Set before a3c is imported. A
# whole number will do where a float is asked for. Of a list beartype checks one item, which it draws: not from the
# generator whose numbers some tests count.
draw, random.getrandbits = random.getrandbits, random.Random().getrandbits
importlib.import_module("beartype.door")
random.getrandbits = draw

CHECKED = [
    *("a3c.gradient", "a3c.networks.policy", "a3c.networks.mlp", "a3c.networks.conv", "a3c.networks.recurrent"),
    *(f"a3c.learning.{name}" for name in ("returns", "losses", "distributions", "gaussians", "joint", "optimizers")),
]
install_import_hook(CHECKED, "beartype.beartype(conf=beartype.BeartypeConf(is_pep484_tower=True))")

import equinox as eqx
import gymnasium
import jax
import numpy as np
import pytest

from a3c.networks.policy import Policy
from a3c.processes import tokens
from a3c.rollout.collector import Collector
from a3c.sharing import duties
from configs_for_tests import config_with

CONFIG = config_with(seed=0, hidden=())
POLICY_SETTINGS = (
    *("algorithm", "seed", "hidden", "activation", "shared_trunk", "recurrent", "recurrent_units", "layer_norm"),
    *("normalize_observations", "normalize_rewards", "action_masks"),
)

# Policies are stateless: those for the same spaces and settings are one, so that each is compiled once.
policies = {}


@pytest.fixture(scope="session")
def compiled(tmp_path_factory):
    """The folder of compiled programs: one for all processes that share the tests, so that each is compiled once."""
    folder = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        folder = folder.parent
    folder = folder / "compiled"
    folder.mkdir(exist_ok=True)
    return folder


@pytest.fixture(scope="session", autouse=True)
def compile_once(compiled):
    """Programs that tests have in common are compiled once; nothing is read from, or left for, another run."""
    jax.config.update("jax_compilation_cache_dir", str(compiled))
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0)
    jax.config.update("jax_persistent_cache_min_entry_size_bytes", -1)


@pytest.fixture
def registry():
    """Gymnasium's, as it was before the test when that is over."""
    before = dict(gymnasium.registry)
    yield gymnasium.registry
    gymnasium.registry.clear()
    gymnasium.registry.update(before)


@pytest.fixture
def looking_often(monkeypatch):
    """Those who wait, and the threads that do duties, look every two milliseconds whether there is an end to it."""
    monkeypatch.setattr(tokens, "LOOK_UP_EVERY", 0.002)
    monkeypatch.setattr(duties, "LOOK_UP_EVERY", 0.002)


@pytest.fixture
def make_policy():
    """A policy for the spaces of an environment, or of a vector of them."""

    def make(environment, config=CONFIG):
        observation_space = getattr(environment, "single_observation_space", environment.observation_space)
        action_space = getattr(environment, "single_action_space", environment.action_space)
        key = (str(observation_space), str(action_space), *(getattr(config, name) for name in POLICY_SETTINGS))
        if key not in policies:
            policies[key] = Policy.make(observation_space, action_space, config)
        return policies[key]

    return make


@pytest.fixture
def make_collector(make_policy):
    """A collector with the given settings, over a policy without hidden layers."""

    def make(environments, *, seed=0, **settings):
        config = config_with(**{"seed": 0, "hidden": ()} | settings)
        return Collector(environments, make_policy(environments, config), config, np.random.SeedSequence(seed))

    return make


@pytest.fixture
def linear_values():
    """Parameters of a policy without hidden layers with which it is uniform and V = weights . observation + bias."""

    def parameters(policy, weights, bias=0.0):
        network = policy.network(policy.initial_parameters)
        heads = (network.policy_head.weight, network.value_head.weight, network.value_head.bias)
        values = (0 * heads[0], np.array(weights, np.float32)[:, None], np.array([bias], np.float32))
        network = eqx.tree_at(lambda n: (n.policy_head.weight, n.value_head.weight, n.value_head.bias), network, values)
        return np.asarray(policy.flatten(network))

    return parameters
