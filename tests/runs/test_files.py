"""Writing a file whole or not at all."""

import os

import pytest

from a3c.errors import DiskError
from a3c.runs.files import write_atomically


@pytest.mark.parametrize("sync", [False, True])
def test_the_file_holds_what_was_written(tmp_path, sync):
    for content in (b"first, and long", b"second"):
        write_atomically(tmp_path / "it", content, sync=sync)
        assert (tmp_path / "it").read_bytes() == content
    assert [path.name for path in tmp_path.iterdir()] == ["it"]


def test_everyone_may_read_it(tmp_path):
    write_atomically(tmp_path / "it", b"")
    assert (tmp_path / "it").stat().st_mode & 0o777 == 0o644


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
