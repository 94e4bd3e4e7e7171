import pickle

import jax.numpy as jnp
import numpy as np
import optax
import pytest

from a3c.config.schedules import linear_schedule
from a3c.errors import SettingsError
from a3c.learning.optimizers import SharedOptimizer, clip_by_global_norm
from a3c.sharing.parameter_store import ParameterStore

PARAMETERS = np.array([1.0, -2.0, 0.5], np.float32)


def store_for(name, options=None, parameters=PARAMETERS):
    optimizer = SharedOptimizer(name, options or {}, parameters.size)
    store = ParameterStore(parameters, optimizer.initial_state(), 1, shared=False)
    store.attach(0, optimizer)
    return store


def test_rmsprop_is_the_papers_worked_by_hand():
    store = store_for("rmsprop")
    mean_square, expected = np.zeros(3), PARAMETERS.astype(float)
    for gradient in np.array([[1.0, -2.0, 0.0], [0.5, 4.0, 3.0]]):
        store.apply(gradient.astype(np.float32), 0.1, 0)
        mean_square = 0.99 * mean_square + 0.01 * gradient**2
        expected = expected - 0.1 * gradient / np.sqrt(mean_square + 0.1)
    np.testing.assert_allclose(store.parameters, expected, rtol=1e-5)
    np.testing.assert_allclose(store.optimizer_state, [mean_square], rtol=1e-5)
    # Its first step for a gradient of 1: 0.1 / sqrt(0.01 + 0.1), not 0.1 / (sqrt(0.01) + 0.1).
    once = store_for("rmsprop")
    once.apply(np.ones(3, np.float32), 0.1, 0)
    np.testing.assert_allclose(PARAMETERS - once.parameters, 0.301511, rtol=1e-4)


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("adam", {}),
        ("adam", {"b1": 0.8, "eps": 0.01}),
        ("adamw", {"weight_decay": 0.1}),
        ("rmsprop", {"decay": 0.9, "eps": 0.01}),
        ("sgd", {}),
        ("sgd", {"momentum": 0.9}),
        ("lion", {}),
        ("adagrad", {}),
    ],
)
def test_twenty_shared_updates_equal_optax_alone(name, options):
    store = store_for(name, options)
    paper = {"eps_in_sqrt": True} if name == "rmsprop" else {}
    optimizer = getattr(optax, name)(learning_rate=0.05, **options, **paper)
    parameters, state = jnp.asarray(PARAMETERS), optimizer.init(PARAMETERS)
    generator = np.random.default_rng(0)
    for _ in range(20):
        gradient = generator.normal(size=3).astype(np.float32)
        store.apply(gradient, 0.05, 0)
        updates, state = optimizer.update(gradient, state, parameters)
        parameters = optax.apply_updates(parameters, updates)
    assert np.abs(parameters - PARAMETERS).max() > 0.03
    np.testing.assert_allclose(store.parameters, parameters, rtol=1e-4, atol=1e-6)


def test_the_count_given_is_the_count_used():
    optimizer = SharedOptimizer("adam", {}, 3)
    gradient, floats = np.ones(3, np.float32), np.full((3, 3), 0.5, np.float32)
    early, late = (optimizer.update(gradient, floats, count, 1.0)[0] for count in (0, 1000))
    # Adam divides the first moment by 1 - 0.9^n and the second by 1 - 0.999^n, with n counted from 1.
    first, second = 0.9 * 0.5 + 0.1, 0.999 * 0.5 + 0.001
    for step, n in ((early, 1), (late, 1001)):
        expected = -(first / (1 - 0.9**n)) / np.sqrt(second / (1 - 0.999**n))
        np.testing.assert_allclose(step, expected, rtol=1e-3)


def made(floats, change):
    """What a change makes of floats, as the store makes it."""
    sums, factors = np.split(np.asarray(change), [len(floats)])
    floats = floats.copy()
    floats[1:] *= factors
    return floats + sums


KEPT_ABOVE_ZERO = {
    "adam": [1],
    "adamw": [1],
    "amsgrad": [1, 2],
    "adabelief": [1],
    "rmsprop": [0],
    "adagrad": [0],
    "yogi": [1],
}


@pytest.mark.parametrize("name", KEPT_ABOVE_ZERO)
def test_a_change_that_comes_late_leaves_the_state_on_its_side_of_zero(name):
    optimizer = SharedOptimizer(name, {}, 64)
    generator = np.random.default_rng(0)
    floats = np.concatenate([np.ones((1, 64), np.float32), optimizer.initial_state()])
    count, late = 0, []
    # Gradients that shrink by a factor of a million: what was computed early is added to a state that is far smaller.
    for size in np.geomspace(1.0, 1e-6, 12):
        gradient = (size * generator.normal(size=64)).astype(np.float32)
        late += [optimizer.update(gradient, floats, count, 0.01)]
        for _ in range(300):
            floats, count = made(floats, optimizer.update(size * gradient, floats, count, 0.01)), count + 1
    for change in late * 10:
        floats = made(floats, change)
        assert (floats[1:][KEPT_ABOVE_ZERO[name]] >= 0).all()
        assert np.isfinite(optimizer.update(np.full(64, 1e-6, np.float32), floats, count, 0.01)).all()


def test_a_state_that_nobody_else_changes_becomes_what_the_optimizer_says():
    optimizer, transformation = SharedOptimizer("adam", {}, 3), optax.adam(1.0)
    floats = np.array([[1, 2, 3], [0.5, -0.5, 0.1], [0.2, 0.0, 1e-12]], np.float32)
    gradient = np.array([-1.0, 3.0, 0.0], np.float32)
    state = (optax.ScaleByAdamState(jnp.asarray(7), floats[1], floats[2]), optax.EmptyState())  # type: ignore[arg-type]
    _, (expected, *_) = transformation.update(gradient, state)
    changed = made(floats, optimizer.update(gradient, floats, 7, 0.1))
    np.testing.assert_allclose(changed[1:], [expected.mu, expected.nu], rtol=1e-6)


@pytest.mark.parametrize(("name", "rows"), [("sgd", 0), ("rmsprop", 1), ("adam", 2), ("lion", 1)])
def test_rows_are_the_arrays_kept_per_parameter(name, rows):
    optimizer = SharedOptimizer(name, {}, 3)
    assert optimizer.rows == rows
    np.testing.assert_array_equal(optimizer.initial_state(), np.zeros((rows, 3)))


@pytest.mark.parametrize(("name", "options", "value"), [("adagrad", {}, 0.1), ("rmsprop", {"initial_scale": 2.0}, 2.0)])
def test_a_state_that_starts_above_zero_is_kept(name, options, value):
    store = store_for(name, options)
    np.testing.assert_allclose(store.optimizer_state, [[value] * 3])


@pytest.mark.parametrize(
    ("name", "rows"), {"adam": [1], "amsgrad": [1, 2], "adan": [2], "adadelta": [0, 1], "sm3": [], "sgd": []}.items()
)
def test_rows_that_are_never_below_zero_are_known(name, rows):
    optimizer = SharedOptimizer(name, {}, 4)
    assert optimizer.nonnegative_rows == rows
    assert pickle.loads(pickle.dumps(optimizer)).nonnegative_rows == rows


def test_rows_that_are_never_below_zero_stay_so_and_others_do_not():
    store, generator = store_for("adan", parameters=np.zeros(16, np.float32)), np.random.default_rng(0)
    for _ in range(5):
        store.apply(generator.normal(size=16).astype(np.float32), 0.1, 0)
    assert [row for row in range(4) if (store.optimizer_state[row] >= 0).all()] == [2]


@pytest.mark.parametrize("name", ["adafactor", "lbfgs"])
def test_state_that_is_not_per_parameter_is_refused(name):
    with pytest.raises(SettingsError, match="not per parameter"):
        SharedOptimizer(name, {}, 3)


@pytest.mark.parametrize("name", ["lamb", "lars", "fromage"])
def test_steps_that_depend_on_a_whole_layer_are_refused(name):
    with pytest.raises(SettingsError, match=f"`optimizer` {name} scales the step of each layer .* use adam"):
        SharedOptimizer(name, {}, 3)


def test_an_unknown_name_is_refused_with_the_nearest():
    with pytest.raises(SettingsError, match=r"'adma'.*'adam'"):
        SharedOptimizer("adma", {}, 3)


@pytest.mark.parametrize("name", ["clip", "losses", "__name__"])
def test_what_is_in_optax_but_is_no_optimizer_is_refused(name):
    with pytest.raises(SettingsError, match="no optimizer"):
        SharedOptimizer(name, {}, 3)


def test_an_unknown_option_is_refused():
    with pytest.raises(SettingsError, match="decoy"):
        SharedOptimizer("rmsprop", {"decoy": 0.9}, 3)


def test_a_pickled_optimizer_updates_alike():
    optimizer = SharedOptimizer("rmsprop", {"decay": 0.5}, 3)
    arguments = np.ones(3, np.float32), np.ones((2, 3), np.float32), 0, 0.1
    again = pickle.loads(pickle.dumps(optimizer))
    np.testing.assert_array_equal(again.update(*arguments), optimizer.update(*arguments))


@pytest.mark.parametrize(("max_norm", "expected"), [(1.0, [0.6, 0.8]), (5.0, [3, 4]), (40.0, [3, 4]), (0.0, [3, 4])])
def test_clipping_scales_down_only_what_is_longer(max_norm, expected):
    gradient, norm = clip_by_global_norm(jnp.array([3.0, 4.0]), max_norm)
    np.testing.assert_allclose(gradient, expected, rtol=1e-6)
    assert norm == 5


def test_clipping_leaves_a_zero_gradient_zero():
    gradient, norm = clip_by_global_norm(jnp.zeros(2), 1.0)
    np.testing.assert_array_equal([*gradient, norm], 0)


@pytest.mark.parametrize(
    ("final", "step", "steps", "expected"),
    [
        (0.0, 0, 100, 1.0),
        (0.0, 25, 100, 0.75),
        (0.0, 100, 100, 0.0),
        (0.0, 150, 100, 0.0),
        (3.0, 50, 100, 2.0),
        (None, 50, 100, 1.0),
        (0.0, 50, None, 1.0),
    ],
)
def test_linear_schedule(final, step, steps, expected):
    assert linear_schedule(1.0, final, step, steps) == expected
