"""What is confirmed, and what is chosen then."""

import pytest

from a3c.tuning.confirming import chosen, finalists_of
from a3c.tuning.study import Trial


def a_trial(number, score, *confirmed, state="complete"):
    return Trial(number, state, {}, score, [score], is_default=number == 0, confirmed=confirmed)


TRIALS = [
    a_trial(0, 1.0),
    *(a_trial(number, 10.0 + number) for number in range(1, 6)),
    a_trial(6, 99.0, state="pruned"),
]


def test_the_best_by_their_scores_are_confirmed_and_the_defaults_beside_them():
    assert [trial.number for trial in finalists_of(TRIALS)] == [5, 4, 3, 0]
    assert [trial.number for trial in finalists_of(TRIALS[:3])] == [2, 1, 0]


@pytest.mark.parametrize(
    ("confirmed", "seeds", "number"),
    [
        ({}, 3, 5),
        # The best by its median fails once in three.
        ({5: (20.0, 20.0, -60.0), 4: (14.0, 14.0, 14.0), 3: (13.0, 13.0, 13.0), 0: (1.0, 1.0, 1.0)}, 3, 4),
        # A seed of it has failed, or was interrupted.
        ({5: (20.0, 20.0), 4: (14.0, 14.0, 14.0), 3: (15.0, 13.0, 13.0)}, 3, 4),
        ({5: (10.0,), 4: (10.0,)}, 1, 5),
        ({5: (1.0,), 4: (14.0,)}, 0, 5),
    ],
    ids=["nothing confirmed", "one bad in three", "a seed missing", "equals", "not asked for"],
)
def test_the_best_by_the_mean_of_fresh_seeds_is_chosen(confirmed, seeds, number):
    trials = [a_trial(trial.number, trial.score, *confirmed.get(trial.number, ())) for trial in TRIALS[:6]]
    assert chosen(trials, seeds).number == number


def test_no_trial_no_choice():
    assert chosen([TRIALS[-1]], 3) is None
