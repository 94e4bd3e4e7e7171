"""Recurrent layers: their formulas, and the unrolled gradient that knows nothing of the episode before."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from a3c.networks.recurrent import CORES, GRU, LSTM, unroll

FEATURES, UNITS, ROWS, ENVIRONMENTS = 3, 4, 7, 5

each_core = pytest.mark.parametrize("kind", CORES)


def make(kind):
    return CORES[kind](FEATURES, UNITS, np.random.default_rng(1))


def rows(seed=0):
    """First state, starts and features, of rows in which some episodes start."""
    generator = np.random.default_rng(seed)
    starts = generator.random((ROWS, ENVIRONMENTS)) < 0.25
    assert starts[1:].any()
    assert not starts[0].all()
    features = generator.normal(size=(ROWS, ENVIRONMENTS, FEATURES)).astype(np.float32)
    return generator.normal(size=(ENVIRONMENTS, make("lstm").state_size)).astype(np.float32), starts, features


def state_of(core, first_state):
    return first_state[:, : core.state_size]


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def test_lstm_is_the_published_formula():
    core, (state, _, features) = make("lstm"), rows()
    h, c = state[:, :UNITS], state[:, UNITS:]
    weight, bias = core.inputs.weight, core.inputs.bias
    i, f, g, o = (
        features[0] @ weight[:, gate : gate + UNITS] + h @ core.recurrent[:, gate : gate + UNITS] + bias[gate:][:UNITS]
        for gate in range(0, 4 * UNITS, UNITS)
    )
    c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
    h = sigmoid(o) * np.tanh(c)
    after, output = core.step(state, core.inputs(features[0]))
    np.testing.assert_allclose(output, h, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(after, np.concatenate([h, c], axis=1), rtol=1e-5, atol=1e-6)


def test_gru_is_the_published_formula():
    core, (state, _, features) = make("gru"), rows()
    h, weight = state[:, :UNITS], core.inputs.weight
    x = [features[0] @ weight[:, gate : gate + UNITS] for gate in range(0, 3 * UNITS, UNITS)]
    r, z, n = (h @ core.recurrent[:, gate : gate + UNITS] for gate in range(0, 3 * UNITS, UNITS))
    candidate = np.tanh(x[2] + sigmoid(x[0] + r) * n)
    expected = sigmoid(x[1] + z) * h + (1 - sigmoid(x[1] + z)) * candidate
    after, output = core.step(h, core.inputs(features[0]))
    np.testing.assert_allclose(output, expected, rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(after, output)


def test_the_forget_gate_is_open_at_first_and_each_gate_is_orthogonal():
    lstm, gru = make("lstm"), make("gru")
    np.testing.assert_array_equal(lstm.inputs.bias.reshape(4, UNITS), [[0] * 4, [1] * 4, [0] * 4, [0] * 4])
    assert not gru.inputs.bias.any()
    for core, gates in ((lstm, 4), (gru, 3)):
        for gate in np.split(core.recurrent, gates, axis=1):
            np.testing.assert_allclose(gate @ gate.T, np.eye(UNITS), atol=1e-6)


def one_by_one(core, first_state, starts, features):
    """What `unroll` gives, from the definition: a Python loop that begins anew at each start."""
    outputs, state = [], first_state
    for start, row in zip(starts, features, strict=True):
        state = jnp.stack([0 * s if begins else s for begins, s in zip(start, state, strict=True)])
        state, output = core.step(state, core.inputs(row))
        outputs.append(output)
    return jnp.stack(outputs)


@each_core
def test_unrolling_is_stepping_one_by_one_and_so_is_its_gradient(kind):
    core, (first_state, starts, features) = make(kind), rows()
    first_state = state_of(core, first_state)
    weights = np.random.default_rng(2).normal(size=(ROWS, ENVIRONMENTS, UNITS))

    def gradients(outputs_of):
        def loss(arguments):
            core, first_state, features = arguments
            return jnp.sum(weights * outputs_of(core, first_state, starts, features))

        return eqx.filter_grad(loss)((core, jnp.asarray(first_state), jnp.asarray(features)))

    outputs = unroll(core, first_state, starts, features)
    np.testing.assert_allclose(outputs, one_by_one(core, first_state, starts, features), rtol=1e-5, atol=1e-6)
    for found, expected in zip(*map(jax.tree.leaves, map(gradients, (unroll, one_by_one))), strict=True):
        assert np.abs(expected).max() > 0.1
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


@each_core
def test_what_came_before_a_reset_has_no_effect_and_gets_no_gradient(kind):
    core, (first_state, _, features) = make(kind), rows()
    first_state, start_at = state_of(core, first_state), 3
    starts = np.zeros((ROWS, ENVIRONMENTS), bool)
    starts[start_at, :2] = True

    @jax.jit
    def after(first_state, features):
        return unroll(core, first_state, starts, features)[start_at:]

    changed = features.copy()
    changed[:start_at] += 1.0
    difference = np.abs(after(first_state, features) - after(first_state + 1.0, changed)).max(axis=(0, 2))
    assert not difference[:2].any()
    assert (difference[2:] > 1e-3).all()
    of_state, of_features = jax.grad(lambda *arguments: jnp.sum(after(*arguments) ** 2), argnums=(0, 1))(
        first_state, features
    )
    assert not of_state[:2].any()
    assert not of_features[:start_at, :2].any()
    assert (np.abs(of_state[2:]).max(axis=1) > 1e-6).all()
    assert (np.abs(of_features[:start_at, 2:]).max(axis=(0, 2)) > 1e-6).all()
    assert (np.abs(of_features[start_at:]).max(axis=(0, 2)) > 1e-6).all()


def test_state_sizes():
    assert isinstance(make("lstm"), LSTM)
    assert isinstance(make("gru"), GRU)
    assert (make("lstm").state_size, make("gru").state_size) == (2 * UNITS, UNITS)
