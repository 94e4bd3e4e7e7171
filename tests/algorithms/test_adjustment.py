"""GA3C's threads, adjusted while it runs."""

import itertools

import numpy as np
import pytest

from a3c import GA3C
from a3c.algorithms.ga3c import ADJUST_EVERY, Adjustment
from environments_for_tests import Bandit


def adjusted(rate_of, periods, start=(1, 1), seed=0):
    """The numbers of threads at the end of each period, on a machine that makes `rate_of` updates a second of them."""
    wanted = {"predictor": start[0], "trainer": start[1]}
    adjust = Adjustment(wanted, np.random.default_rng(seed))
    updates, seen = 0.0, []
    for period in range(periods):
        adjust(int(updates), period * ADJUST_EVERY)
        seen.append((wanted["predictor"], wanted["trainer"]))
        updates += rate_of(*seen[-1]) * ADJUST_EVERY
    return seen


@pytest.mark.parametrize("start", [(1, 1), (5, 5), (1, 4)])
def test_the_threads_that_train_fastest_are_found_and_kept(start):
    seen = adjusted(lambda predictors, trainers: 1000 - (predictors - 3) ** 2 - 2 * (trainers - 2) ** 2, 200, start)
    # In turn a trial and what is kept: of any two that follow, one is what is kept.
    assert all((3, 2) in pair for pair in zip(seen[-20:-1], seen[-19:], strict=True))


def test_one_change_at_a_time_is_tried_and_none_below_one():
    seen = adjusted(lambda predictors, trainers: 100, 300)
    assert set(seen) <= {(1, 1), (2, 1), (1, 2)}
    assert len(set(seen)) == 3


def test_a_run_that_becomes_faster_by_itself_keeps_no_change_for_that():
    rates = (1000 * 1.01**period for period in itertools.count())
    seen = adjusted(lambda *numbers: next(rates) * (1.0 if numbers == (2, 2) else 0.8), 300, start=(2, 2))
    assert set(seen) == {(2, 2), (1, 2), (3, 2), (2, 1), (2, 3)}


def test_nothing_is_tried_before_a_period_is_over():
    wanted = {"predictor": 2, "trainer": 2}
    adjust = Adjustment(wanted, np.random.default_rng(0))
    for now in np.linspace(0, ADJUST_EVERY * 0.99, 50):
        adjust(int(now * 100), float(now))
    assert wanted == {"predictor": 2, "trainer": 2}


def test_the_numbers_of_threads_are_among_the_metrics(tmp_path):
    agent = GA3C(Bandit, seed=0, workers=1, envs_per_worker=2, min_batch=32, predictors=2, adjust_threads=True)
    agent.learn(steps=2000, run=tmp_path / "run")
    header, *rows = (line.split(",") for line in (tmp_path / "run/metrics.csv").read_text().splitlines())
    last = dict(zip(header, rows[-1], strict=True))
    assert (last["predictors"], last["trainers"]) == ("2", "1")
