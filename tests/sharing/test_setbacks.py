"""Updates that are not finite are skipped; after many in a row training goes back to what was kept, once."""

import numpy as np
import pytest

from a3c.errors import TrainingDiverged
from a3c.learning.optimizers import SharedOptimizer
from a3c.sharing.parameter_store import ParameterStore
from a3c.sharing.setbacks import IN_A_ROW

ONES = np.ones(2, np.float32)


def make_store(**before):
    optimizer = SharedOptimizer("sgd", {"momentum": 0.5}, 2)
    settings = {"counts": {"updates": 70}, "shared": False} | before
    store = ParameterStore(np.zeros(2, np.float32), optimizer.initial_state(), 2, **settings)
    store.attach(1, optimizer)
    return store


@pytest.fixture
def store():
    return make_store()


def learn(store, norm=1.0, gradient=ONES):
    return store.learn(gradient, norm, 0.5, store.total("updates"))


def diverge(store, times):
    return [learn(store, np.nan) for _ in range(times)]


@pytest.mark.parametrize(
    "wrong", [{"norm": np.inf}, {"norm": np.nan}, {"gradient": np.array([np.inf, 0], np.float32)}], ids=str
)
def test_an_update_that_is_not_finite_is_skipped_and_counted(store, wrong):
    assert learn(store) == 0
    before = store.parameters
    assert learn(store, **wrong) is None
    np.testing.assert_array_equal(store.parameters, before)
    assert (store.total("updates"), store.setbacks.skipped, store.setbacks.times) == (71, 1, 0)


def test_one_that_is_finite_begins_a_new_row(store):
    for _ in range(3):
        assert diverge(store, IN_A_ROW - 1) == [None] * (IN_A_ROW - 1)
        assert learn(store) == 0
    assert (store.setbacks.skipped, store.setbacks.times) == (3 * (IN_A_ROW - 1), 0)


def test_after_many_in_a_row_training_goes_back_once_at_half_the_learning_rate(store):
    learn(store)
    kept = store.parameters, store.optimizer_state
    store.setbacks.keep(np.vstack(kept), store.statistics)
    learn(store)
    assert diverge(store, IN_A_ROW) == [None] * IN_A_ROW
    np.testing.assert_array_equal(store.parameters, kept[0])
    np.testing.assert_array_equal(store.optimizer_state, kept[1])
    assert (store.setbacks.times, store.total("updates")) == (1, 72)
    learn(store)
    # Momentum 0.5 of a gradient of 1, and 1, at half of the learning rate of 0.5.
    np.testing.assert_allclose(store.parameters, kept[0] - 0.25 * 1.5)
    assert diverge(store, IN_A_ROW - 1) == [None] * (IN_A_ROW - 1)
    with pytest.raises(TrainingDiverged, match="no longer finite"):
        learn(store, np.nan)
    assert np.isfinite(store.parameters).all()
    assert (store.setbacks.skipped, store.setbacks.times) == (2 * IN_A_ROW, 1)


def test_before_anything_was_kept_it_goes_back_to_the_start(store):
    learn(store)
    diverge(store, IN_A_ROW)
    np.testing.assert_array_equal(store.parameters, [0, 0])


def test_workers_that_go_back_at_the_same_moment_go_back_once(store):
    """Each counts in its own row; who was not heard before the other went back begins a new one."""
    diverge(store, IN_A_ROW - 1)
    store.attach(0, store._optimizer)
    assert diverge(store, 2) == [None, None]
    assert (store.setbacks.times, store.setbacks.factor) == (1, 0.5)
    assert diverge(store, IN_A_ROW - 2) == [None] * (IN_A_ROW - 2)


def test_a_run_that_goes_on_has_had_its_setbacks(store):
    diverge(store, IN_A_ROW + 3)
    resumed = make_store(setbacks=store.setbacks.state(70))
    assert (resumed.setbacks.skipped, resumed.setbacks.factor) == (IN_A_ROW + 3, 0.5)
    assert diverge(resumed, IN_A_ROW - 4) == [None] * (IN_A_ROW - 4)
    learn(resumed)
    assert resumed.setbacks.state(71) == [2 * IN_A_ROW - 1, 0, 1]
    again = make_store(setbacks=store.setbacks.state(70))
    diverge(again, IN_A_ROW - 4)
    with pytest.raises(TrainingDiverged):
        learn(again, np.nan)
