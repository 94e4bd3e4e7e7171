"""The rows that a run writes of its evaluations, and which of them stay when it is resumed."""

import pytest

from a3c.errors import DiskError
from a3c.runs.folder import RunFolder
from a3c.runs.metrics import EVALUATION_COLUMNS, read_rows
from a3c.training.records import Records
from configs_for_tests import config_with


def an_evaluation(step, purpose="interval"):
    numbers = {"mean": 1 / 3, "std": 0.0, "min": -1.5, "max": 2.0, "episodes": 20, "length_mean": 12.5, "cut": 0}
    return {"step": step, "seconds": 1.23456, "version": 7, "purpose": purpose, "policy": "greedy", **numbers}


@pytest.fixture
def folder(tmp_path):
    return RunFolder.create(tmp_path / "run", config_with("Some-v0"))


def resumed(folder, steps, evaluations, tensorboard=False):
    return Records(folder, {"steps": steps, "episodes": 0}, 1.0, tensorboard, evaluations)


def close(records):
    for step in records.closing():
        step()


def steps_in(folder):
    return [int(row[0]) for row in read_rows(folder.evaluations_path)]


def test_an_evaluation_is_a_row_at_once(folder):
    records = resumed(folder, 0, 0, tensorboard=True)
    assert folder.evaluations_path.read_text() == ",".join(EVALUATION_COLUMNS) + "\n"
    records.add_evaluation(an_evaluation(40, "confirmation"))
    assert folder.evaluations_path.read_text().splitlines()[1:] == [
        "40,1.235,7,confirmation,greedy,0.3333333333,0,-1.5,2,20,12.5,0"
    ]
    assert records.evaluated == 1
    close(records)
    (events,) = folder.path.glob("events.out.tfevents.*")
    assert b"eval/greedy/mean" in events.read_bytes()


def test_a_resumed_run_keeps_the_evaluations_that_its_checkpoint_covers(folder):
    records = resumed(folder, 0, 0)
    for step in (10, 20, 20, 30):
        records.add_evaluation(an_evaluation(step))
    close(records)
    records = resumed(folder, 20, 2)
    assert (records.evaluated, steps_in(folder)) == (2, [10, 20])
    records.add_evaluation(an_evaluation(25))
    assert (records.evaluated, steps_in(folder)) == (3, [10, 20, 25])
    close(records)


def test_a_run_of_before_there_were_evaluations_gets_them(folder):
    records = resumed(folder, 20, 0)
    records.add_evaluation(an_evaluation(25))
    close(records)
    assert steps_in(folder) == [25]


def test_an_evaluation_that_cannot_be_written_does_not_count(folder, monkeypatch):
    records = resumed(folder, 0, 0)

    def append(rows):
        raise DiskError("the disk is full")

    monkeypatch.setattr(records.evaluations, "append", append)
    with pytest.raises(DiskError):
        records.add_evaluation(an_evaluation(25))
    assert records.evaluated == 0
    close(records)


def test_where_there_is_no_folder_they_are_counted_alone():
    records = Records(None, {"steps": 0, "episodes": 0}, 0.0, tensorboard=True)
    records.add_evaluation(an_evaluation(25))
    assert (records.evaluated, records.closing()) == (1, [])
