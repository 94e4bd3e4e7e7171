"""The trials in their file: which come first, what is pruned, what a kill leaves, whose file it is."""

import pytest

from a3c.errors import RunFolderError
from a3c.tuning.spaces import Choice, Range
from a3c.tuning.study import FIRST, opened
from a3c.tuning.trial import EVALUATIONS
from a3c.tuning.tuner import best_of

pytest.importorskip("optuna", reason="needs the extra tune")

SPACES = {"learning_rate": Range(1e-4, 1e-2), "gamma": Choice((0.9, 0.99))}
DEFAULTS = {"learning_rate": 1e-3, "gamma": 0.99}
IDENTITY = {"environment": "A-v0", "algorithm": "a3c", "seeds": [1, 2], "settings": {"steps": 9, "hide": []}}


@pytest.fixture
def open_study(tmp_path):
    def open_study(**identity):
        return opened(tmp_path / "a.journal", IDENTITY | identity, SPACES, DEFAULTS, seeds=2)

    return open_study


def finish(trial, mean):
    """Has a trial come to its end with this score, unless it is pruned before; whether it was not."""
    for seed in range(2):
        for number in range(EVALUATIONS):
            if trial.report(seed, number, mean):
                trial.prune()
                return False
        trial.scores.append(mean)
    trial.complete()
    return True


def test_the_defaults_come_first_and_are_the_best_of_equals(open_study):
    with open_study() as study:
        for _ in range(3):
            finish(study.ask(), 1.0)
        trials = study.trials()
    assert trials[0].values == DEFAULTS
    assert [trial.is_default for trial in trials] == [True, False, False]
    assert best_of(trials).number == 0


def test_what_is_worse_than_the_median_at_the_same_step_is_pruned(open_study):
    with open_study() as study:
        assert all(finish(study.ask(), score) for score in range(FIRST))
        assert not finish(study.ask(), -1.0)
        assert finish(study.ask(), 10.0)
        pruned, best = study.trials()[FIRST:]
    assert (pruned.state, pruned.evaluations, pruned.scores) == ("pruned", 1, [])
    assert (best.state, best.evaluations, best.scores) == ("complete", 2 * EVALUATIONS, [10.0, 10.0])


def test_what_is_compared_is_the_median_over_the_seeds_that_have_come_as_far(open_study):
    with open_study() as study:
        trial = study.ask()
        trial.report(0, 0, 4.0)
        trial.report(1, 0, 1.0)
        trial.prune()
        assert study.trials()[0].score == 2.5


def test_defaults_that_failed_are_tried_again(open_study):
    with open_study() as study:
        study.ask().fail("the environment raised")
        study.ask().prune()
    with open_study() as study:
        again = study.ask()
        assert again.values == DEFAULTS
        finish(again, 1.0)
        assert [(trial.state, trial.is_default) for trial in study.trials()] == [
            ("failed", True),
            ("pruned", False),
            ("complete", True),
        ]
    with open_study() as study:
        assert study.ask().values != DEFAULTS


def test_after_a_kill_what_was_running_begins_anew_and_the_rest_is_kept(open_study, tmp_path):
    with open_study() as study:
        finish(study.ask(), 5.0)
        were_running = [study.ask().values for _ in range(2)]
        # What is in the file now is what a kill leaves, in the middle of a line.
        left = (tmp_path / "a.journal").read_bytes() + b'{"op_code":6,"trial'
    (tmp_path / "a.journal").write_bytes(left)
    for _ in range(2):
        with open_study() as study:
            assert [trial.score for trial in study.trials()] == [5.0]
            assert [study.ask().values for _ in range(2)] == were_running


@pytest.mark.parametrize(
    ("identity", "message"),
    [
        ({"environment": "B-v0"}, "holds a tuning of A-v0, not of B-v0"),
        ({"algorithm": "appo"}, "holds a tuning of a3c, not of appo"),
        ({"settings": {"steps": 10, "hide": []}}, "with other steps, whose scores"),
        ({"seeds": [1, 2, 3]}, "with other seeds, whose scores"),
    ],
)
def test_the_file_of_another_tuning_is_refused(open_study, identity, message):
    with open_study() as study:
        finish(study.ask(), 1.0)
    with pytest.raises(RunFolderError, match=message), open_study(**identity):
        pass


def test_a_file_that_is_none_and_one_in_use_are_refused(open_study, tmp_path):
    (tmp_path / "a.journal").write_text("something else")
    with pytest.raises(RunFolderError, match="holds something else"), open_study():
        pass
    assert (tmp_path / "a.journal").read_text() == "something else"
    (tmp_path / "a.journal").unlink()
    with open_study(), pytest.raises(RunFolderError, match="is in use: process"), open_study():
        pass
