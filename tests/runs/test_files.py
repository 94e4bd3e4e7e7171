"""Writing a file whole or not at all."""

import os

import pytest

from a3c.errors import DiskError
from a3c.runs.files import write_atomically


def no_such_file(*_, **__):
    raise FileNotFoundError(2, "No such file or directory")


@pytest.fixture(params=["as Linux can", "as others can", "without /proc"], autouse=True)
def system(request, monkeypatch):
    if request.param == "as others can":
        monkeypatch.delattr(os, "O_TMPFILE", raising=False)
    elif request.param == "without /proc":
        monkeypatch.setattr(os, "link", no_such_file)
    return request.param


@pytest.mark.parametrize("sync", [False, True])
def test_the_file_holds_what_was_written(tmp_path, sync):
    for content in (b"first, and long", b"second"):
        write_atomically(tmp_path / "it", content, sync=sync)
        assert (tmp_path / "it").read_bytes() == content
    assert [path.name for path in tmp_path.iterdir()] == ["it"]


def test_everyone_may_read_it(tmp_path):
    write_atomically(tmp_path / "it", b"")
    assert (tmp_path / "it").stat().st_mode & 0o777 == 0o644


def test_a_process_that_is_killed_while_it_writes_leaves_nothing_where_that_is_possible(tmp_path, monkeypatch, system):
    there, fsync = [], os.fsync

    def look(descriptor):
        there.append(sorted(path.name for path in tmp_path.iterdir()))
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", look)
    write_atomically(tmp_path / "it", b"whole", sync=True)
    if system == "as Linux can":
        assert there == [[]]
    # What is left elsewhere is known by its name.
    assert all(name.startswith(".it.") and name.endswith(".partial") for names in there for name in names)


def test_a_name_may_be_as_long_as_names_can_be(tmp_path):
    for name in ("x" * 255, "é" * 127):
        write_atomically(tmp_path / name, b"it")
        assert (tmp_path / name).read_bytes() == b"it"


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyboardInterrupt()], ids=repr)
def test_what_goes_wrong_before_the_renaming_changes_nothing(tmp_path, monkeypatch, error):
    (tmp_path / "it").write_bytes(b"before")

    def fsync(descriptor):
        raise error

    monkeypatch.setattr(os, "fsync", fsync)
    with pytest.raises(DiskError if isinstance(error, OSError) else KeyboardInterrupt):
        write_atomically(tmp_path / "it", b"after", sync=True)
    assert (tmp_path / "it").read_bytes() == b"before"
    assert [path.name for path in tmp_path.iterdir()] == ["it"]


def test_the_error_says_what_and_why(tmp_path):
    with pytest.raises(DiskError, match=r"could not write .*nowhere.it: No such file or directory") as error:
        write_atomically(tmp_path / "nowhere" / "it", b"")
    assert error.value.exit_status == 1
