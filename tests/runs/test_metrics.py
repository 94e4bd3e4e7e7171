"""The rows of a run, and TensorBoard's events."""

import os
import resource
import struct
from types import SimpleNamespace

import pytest

from a3c.errors import DiskError, RunFolderError
from a3c.runs import metrics
from a3c.runs.metrics import RowFile, TensorBoard, read_rows

COLUMNS = ("step", "seconds", "what")


@pytest.fixture
def path(tmp_path):
    return tmp_path / "rows.csv"


def named(*row, columns=COLUMNS):
    return dict(zip(columns, row, strict=True))


def write(path, rows, keep_until=None, most=None):
    file = RowFile(path, COLUMNS, None if keep_until is None else {"step": keep_until}, most)
    file.append([named(*row) for row in rows])
    file.close()


def test_rows_are_there_at_once(path):
    file = RowFile(path, COLUMNS)
    file.append([named(1, 0.5, 7)])
    file.append([])
    file.append([named(2, 0.75, float("nan")), named(3, 1.0, None)])
    assert path.read_text() == "step,seconds,what\n1,0.5,7\n2,0.75,nan\n3,1.0,\n"
    file.close()
    assert read_rows(path) == [["1", "0.5", "7"], ["2", "0.75", "nan"], ["3", "1.0", ""]]


def test_a_new_run_starts_the_file_anew(path):
    write(path, [(1, 0.5, 7)])
    write(path, [(2, 0.5, 8)])
    assert read_rows(path) == [["2", "0.5", "8"]]


def test_a_resumed_run_drops_the_rows_after_its_checkpoint(path):
    write(path, [(step, 0.5, 7) for step in (10, 20, 20, 30)])
    write(path, [(25, 0.5, 8)], keep_until=20)
    assert [(row[0], row[2]) for row in read_rows(path)] == [("10", "7"), ("20", "7"), ("20", "7"), ("25", "8")]


def test_a_resumed_run_drops_the_rows_that_its_checkpoint_has_not_counted(path):
    write(path, [(step, 0.5, 7) for step in (10, 20, 20, 30)])
    write(path, [(25, 0.5, 8)], keep_until=20, most=2)
    assert [row[0] for row in read_rows(path)] == ["10", "20", "25"]


def test_a_row_stays_where_all_its_counts_are_covered(path):
    write(path, [(10, 0.5, 7), (20, 0.5, 7), (20, 0.5, 8), (30, 0.5, 8)])
    RowFile(path, COLUMNS, {"step": 20, "what": 7}).close()
    assert read_rows(path) == [["10", "0.5", "7"], ["20", "0.5", "7"]]


@pytest.mark.parametrize(
    "rest",
    [b"3", b"3,0", b"3,0.5", b"3,0.5,", b"3,0.5,1", b"3,0\n", b"x,0,1\n", b"3,x,1\n", b"\xff,\xfe,1\n", b"\x00\n"],
)
def test_a_row_that_was_cut_off_or_damaged_is_no_row(path, rest):
    write(path, [(1, 0.5, 7), (2, 0.5, 7)])
    path.write_bytes(path.read_bytes() + rest)
    assert [row[0] for row in read_rows(path)] == ["1", "2"]
    write(path, [(4, 0.5, 7)], keep_until=99)
    assert [row[0] for row in read_rows(path)] == ["1", "2", "4"]


def test_one_damaged_row_spoils_no_other(path):
    write(path, [(step, 0.5, 7) for step in (1, 2, 3, 4)])
    for damage in (b'2,"0.5,7', b"\x00\xff,2", b"2,0.5,7,8", b"", b"step,seconds,what"):
        path.write_bytes(b"step,seconds,what\n1,0.5,7\n" + damage + b"\r\n3,0.5,7\n4,0.5,7\n")
        assert [row[0] for row in read_rows(path, COLUMNS)] == ["1", "3", "4"], damage


@pytest.mark.parametrize(
    "content", [b"a letter\nto a friend\n", b"\x89PNG\r\n\x1a\n\x00", b"step;seconds;what\n1;2;3\n", None]
)
def test_a_file_of_another_kind_is_said_so(path, content):
    path.mkdir() if content is None else path.write_bytes(content)
    with pytest.raises(RunFolderError, match=r"rows\.csv") as error:
        RowFile(path, COLUMNS, {"step": 9})
    assert len(str(error.value).splitlines()) == 1
    assert content is None or path.read_bytes() == content


def test_rows_of_an_older_version_get_the_columns_of_this_one(path):
    before, now = ("a", "b", "c", "d", "e", "old"), ("a", "b", "c", "d", "e", "new", "old")
    file = RowFile(path, before)
    file.append([named(1, 2, 3, 4, 5, 6, columns=before)])
    file.close()
    RowFile(path, now, {"a": 9}).close()
    assert path.read_text() == "a,b,c,d,e,old,new\n1,2,3,4,5,6,\n"


def test_columns_are_found_by_name_wherever_they_stand(path):
    path.write_text("what,seconds,step\n7,0.5,10\n8,0.75,20\n")
    assert read_rows(path, COLUMNS) == [["10", "0.5", "7"], ["20", "0.75", "8"]]
    assert read_rows(path, ("step", "what")) == [["10", "7"], ["20", "8"]]
    write(path, [(30, 1.0, 9)], keep_until=10)
    assert path.read_text() == "what,seconds,step\n7,0.5,10\n9,1.0,30\n"


def test_a_continued_file_keeps_the_columns_that_this_version_does_not_know(path):
    path.write_text("step,mine,seconds,what,note\n1,0.25,0.5,7,ok\n2,,0.5,8,\n")
    assert read_rows(path, COLUMNS) == [["1", "0.5", "7"], ["2", "0.5", "8"]]
    for step in (3, 4):
        write(path, [(step, 1.0, 9)], keep_until=9)
    assert path.read_text() == "step,mine,seconds,what,note\n1,0.25,0.5,7,ok\n2,,0.5,8,\n3,,1.0,9,\n4,,1.0,9,\n"


def test_a_name_that_comes_later_gets_a_column(path):
    file = RowFile(path, COLUMNS)
    file.append([named(1, 0.5, 7)])
    file.append([{"step": 2, "mine": 0.25}, {"seconds": 1.0, "step": 3, "other": 4, "what": 8}])
    file.append([{"step": 4, "other": 5}])
    file.close()
    assert path.read_text() == "step,seconds,what,mine,other\n1,0.5,7,,\n2,,,0.25,\n3,1.0,8,,4\n4,,,,5\n"


@pytest.mark.parametrize("name", ["", "a,b", 'a "b"', "a\nb", "a\rb"])
def test_a_name_that_cannot_head_a_column_is_refused(path, name):
    file = RowFile(path, COLUMNS)
    with pytest.raises(ValueError, match="cannot be the name of a column"):
        file.append([{"step": 1, name: 2}])
    file.close()
    assert path.read_text() == "step,seconds,what\n"


def test_evaluations_say_in_words_what_they_were_for_and_the_rest_in_numbers(path):
    path.write_text("step,purpose,policy,mean\n1,interval,greedy,9\n2,final,sampled,nine\n3,final,sampled,8\n")
    assert [row[:3] for row in read_rows(path)] == [["1", "interval", "greedy"], ["3", "final", "sampled"]]
    RowFile(path, ("step", "purpose", "policy", "mean"), {"step": 9}).close()
    assert [row[0] for row in read_rows(path)] == ["1", "3"]


@pytest.mark.parametrize("content", [None, "", "step,sec", "step,seconds,what\n"])
def test_a_file_without_rows_has_none(path, content):
    if content is not None:
        path.write_text(content)
    assert read_rows(path) == []


@pytest.fixture
def small_files():
    """Files of a hundred bytes at most stand for a full disk."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_full_disk_is_said_in_one_line_and_cuts_no_row_off(path, small_files):
    file = RowFile(path, COLUMNS)
    rows = [named(step, 0.5, 7) for step in range(100, 107)]
    file.append(rows)
    before = path.read_bytes()
    for _ in range(2):
        with pytest.raises(DiskError, match=r"could not write .*rows\.csv: File too large"):
            file.append(rows)
        assert path.read_bytes() == before
    file.append([named(107, 0.5, 7)])
    file.close()
    assert [row[0] for row in read_rows(path)] == [str(step) for step in range(100, 108)]


def test_a_column_for_which_the_disk_has_no_room_leaves_the_file_as_it_was(path, small_files):
    file = RowFile(path, COLUMNS)
    file.append([named(step, 0.5, 7) for step in range(10, 18)])
    before = path.read_bytes()
    with pytest.raises(DiskError, match=r"could not write .*rows\.csv: File too large"):
        file.append([{"step": 20, "a name that takes much room": 7}])
    assert path.read_bytes() == before
    file.append([{"step": 18, "what": 9}])
    file.close()
    assert path.read_bytes() == before + b"18,,9\n"


@pytest.mark.parametrize("failing", ["fsync", "close"])
def test_what_fails_late_is_said_too(path, monkeypatch, failing):
    file = RowFile(path, COLUMNS)

    def fail(*_):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        if failing == "fsync":
            patch.setattr(os, "fsync", fail)
        else:
            patch.setattr(file._file, "_file", SimpleNamespace(close=fail))
        with pytest.raises(DiskError, match="No space left on device"):
            file.sync() if failing == "fsync" else file.close()
    file.close()


def test_a_file_that_was_deleted_meanwhile_is_noticed(path):
    file = RowFile(path, COLUMNS)
    path.unlink()
    with pytest.raises(DiskError, match="it was deleted while the run wrote to it"):
        file.sync()
    file.close()


def events_in(folder):
    """The events of the one event file in this folder."""
    from tensorboardX.proto.event_pb2 import Event

    (path,) = folder.glob("events.out.tfevents.*")
    content, events = path.read_bytes(), []
    while content:
        (length,) = struct.unpack("<Q", content[:8])
        events.append(Event.FromString(content[12 : 12 + length]))
        content = content[16 + length :]
    return events


def tags(event):
    return [value.tag for value in event.summary.value]


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


def test_tensorboard_shows_evaluations_by_their_policy_at_the_steps_of_what_was_evaluated(tmp_path):
    board = TensorBoard(tmp_path)
    for policy in ("greedy", "sampled"):
        board.add_evaluation({"step": 3, "policy": policy, "mean": 9.0, "length_mean": 4.0, "cut": 1}, seconds=0.0)
    board.close()
    assert [(event.step, tags(event)) for event in events_in(tmp_path)[1:]] == [
        (3, ["eval/greedy/mean", "eval/greedy/length_mean"]),
        (3, ["eval/sampled/mean", "eval/sampled/length_mean"]),
    ]


def test_tensorboard_forgets_the_points_behind_the_steps_from_which_a_run_goes_on(tmp_path):
    board = TensorBoard(tmp_path, steps=8)
    board.add({"steps": 9, "loss": 1.0}, seconds=99.0)
    board.close()
    _, start, row = events_in(tmp_path)
    assert (start.session_log.status, start.step, row.step) == (start.session_log.START, 9, 9)


def test_tensorboard_forgets_them_also_where_a_run_goes_back(tmp_path):
    board = TensorBoard(tmp_path)
    board.add({"steps": 4, "loss": 1.0}, seconds=99.0)
    board.add({"steps": 6, "loss": 1.0}, seconds=0.0)
    board.go_back(4)
    board.add({"steps": 5, "loss": 1.0}, seconds=99.0)
    board.close()
    _, before, start, again = events_in(tmp_path)
    assert (before.step, start.step, again.step) == (4, 5, 5)
    assert start.session_log.status == start.session_log.START


def test_tensorboard_files_are_as_others_write_them(tmp_path):
    from tensorboardX.record_writer import RecordWriter

    board = TensorBoard(tmp_path)
    board.add({"steps": 5, "loss": 1e300, "updates": 3}, seconds=99.0)
    board.close()
    (path,) = tmp_path.glob("events.out.tfevents.*")
    header, event = events_in(tmp_path)
    assert header.file_version == "brain.Event:2"
    assert (event.step, tags(event)) == (5, ["losses/loss", "charts/updates"])
    assert event.summary.value[1].simple_value == 3
    writer = RecordWriter(str(tmp_path / "theirs"))
    for written in (header, event):
        writer.write(written.SerializeToString())
    writer.close()
    assert path.read_bytes() == (tmp_path / "theirs").read_bytes()


def test_events_that_cannot_be_written_are_said_so_and_cut_off_none(tmp_path, small_files):
    board = TensorBoard(tmp_path)
    board.add({"steps": 5, "loss": 1.0}, seconds=99.0)
    (path,) = tmp_path.glob("events.out.tfevents.*")
    before = path.read_bytes()
    with pytest.raises(DiskError, match=r"could not write .*tfevents.*: File too large"):
        board.add({"steps": 6, "loss": 1.0, "updates": 1, "entropy": 0.5}, seconds=99.0)
    with pytest.raises(DiskError):
        board.close()
    assert path.read_bytes() == before


def test_tensorboard_of_a_run_without_rows_is_no_error(tmp_path):
    TensorBoard(tmp_path).close()
