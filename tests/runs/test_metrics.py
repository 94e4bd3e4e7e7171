"""The rows of a run, and TensorBoard's events."""

import pytest

from a3c.errors import DiskError
from a3c.runs import metrics
from a3c.runs.metrics import RowFile, TensorBoard, read_rows

COLUMNS = ("step", "seconds", "what")


@pytest.fixture
def path(tmp_path):
    return tmp_path / "rows.csv"


def write(path, rows, keep_until=None):
    file = RowFile(path, COLUMNS, keep_until)
    file.append(rows)
    file.close()


def test_rows_are_there_at_once(path):
    file = RowFile(path, COLUMNS)
    file.append([(1, 0.5, "a")])
    file.append([])
    file.append([(2, 0.75, "with, comma"), (3, 1.0, None)])
    assert path.read_text() == 'step,seconds,what\n1,0.5,a\n2,0.75,"with, comma"\n3,1.0,\n'
    file.close()
    assert read_rows(path) == [["1", "0.5", "a"], ["2", "0.75", "with, comma"], ["3", "1.0", ""]]


def test_a_new_run_starts_the_file_anew(path):
    write(path, [(1, 0.5, "old")])
    write(path, [(2, 0.5, "new")])
    assert read_rows(path) == [["2", "0.5", "new"]]


def test_a_resumed_run_drops_the_rows_after_its_checkpoint(path):
    write(path, [(step, 0.5, "old") for step in (10, 20, 20, 30)])
    write(path, [(25, 0.5, "new")], keep_until=20)
    assert [(row[0], row[2]) for row in read_rows(path)] == [("10", "old"), ("20", "old"), ("20", "old"), ("25", "new")]


@pytest.mark.parametrize("rest", ["3", "3,0", "3,0.5", "3,0.5,", "3,0.5,cut of"])
def test_a_row_that_was_cut_off_is_no_row(path, rest):
    write(path, [(1, 0.5, "a"), (2, 0.5, "b")])
    with path.open("a") as file:
        file.write(rest)
    assert [row[0] for row in read_rows(path)] == ["1", "2"]
    write(path, [(4, 0.5, "d")], keep_until=99)
    assert [row[0] for row in read_rows(path)] == ["1", "2", "4"]


@pytest.mark.parametrize("content", [None, "", "step,sec", "step,seconds,what\n"])
def test_a_file_without_rows_has_none(path, content):
    if content is not None:
        path.write_text(content)
    assert read_rows(path) == []


def test_a_full_disk_is_said_in_one_line():
    file = RowFile.__new__(RowFile)
    file.path, file._file = "/dev/full", open("/dev/full", "a")  # noqa: PTH123, SIM115
    with pytest.raises(DiskError, match="could not write /dev/full: No space left on device"):
        file.append([(1, 2, 3)])
    with pytest.raises(DiskError):
        file.close()
    assert file._file.closed


@pytest.mark.parametrize("after", [0.0, 10.0])
def test_tensorboard_gets_every_row_early_or_at_the_end(tmp_path, monkeypatch, after):
    monkeypatch.setattr(metrics, "TENSORBOARD_AFTER", after)
    board = TensorBoard(tmp_path)
    for step in (1, 2):
        board.add({"steps": step, "loss": 0.5 * step, "policy_lag": None, "return_mean_100": 7.0}, seconds=1.0)
    assert bool(list(tmp_path.iterdir())) == (after == 0.0)
    board.close()
    (events,) = tmp_path.glob("events.out.tfevents.*")
    content = events.read_bytes()
    assert content.count(b"losses/loss") == content.count(b"charts/return_mean_100") == 2
    assert b"policy_lag" not in content
    assert b"charts/steps" not in content


def test_tensorboard_of_a_run_without_rows_is_no_error(tmp_path):
    TensorBoard(tmp_path).close()
