"""One process at a time in a run folder: the lock, and what is left of it."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from a3c.errors import RunFolderError
from a3c.runs import lock
from a3c.runs.lock import LOCK, locked

HOLDS = """
import os, sys, time
from pathlib import Path
from a3c.runs.lock import locked
with locked(Path(sys.argv[1])):
    if os.fork() == 0:
        # As a process of an environment, which nobody has ended; what closes the lock in it has run by now.
        print("held", flush=True)
        os.close(0); os.close(1); os.close(2)
        time.sleep(60)
        os._exit(0)
    time.sleep(60)
"""


def test_a_folder_is_held_by_one_at_a_time(tmp_path):
    folder = tmp_path / "new" / "run"
    for _ in range(2):
        with locked(folder):
            with pytest.raises(RunFolderError, match=rf"is in use: process {os.getpid()} trains in it"), locked(folder):
                pass
            assert folder.is_dir()
        # Nothing came of it, and nothing is left.
        assert not (tmp_path / "new").exists()


def test_what_was_written_stays_and_the_lock_does_not(tmp_path):
    (tmp_path / ".latest.safetensors.x.partial").touch()
    with locked(tmp_path / "run"):
        (tmp_path / "run" / "config.toml").touch()
    assert [path.name for path in (tmp_path / "run").iterdir()] == ["config.toml"]


def test_what_a_killed_process_left_half_written_is_deleted(tmp_path):
    unfinished = [tmp_path / ".summary.json.x.partial", tmp_path / "checkpoints" / ".latest.safetensors.y.partial"]
    (tmp_path / "checkpoints").mkdir()
    for path in [*unfinished, tmp_path / ".hidden", tmp_path / "mine.partial"]:
        path.touch()
    with locked(tmp_path):
        pass
    assert sorted(path.name for path in tmp_path.rglob("*")) == [".hidden", "checkpoints", "mine.partial"]


@pytest.mark.parametrize("content", ["", "99999999\n", "\udcff"])
def test_a_lock_that_was_left_over_is_in_nobodys_way(tmp_path, content):
    (tmp_path / LOCK).write_text(content, errors="surrogateescape")
    with locked(tmp_path):
        assert (tmp_path / LOCK).read_text() == f"{os.getpid()}\n"


def test_the_system_releases_the_lock_of_a_killed_process_even_if_one_forked_from_it_lives_on(tmp_path):
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDS, str(tmp_path)], stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    try:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(RunFolderError, match=f"process {holder.pid} trains in it"), locked(tmp_path):
            pass
        holder.kill()
        holder.wait()
        with locked(tmp_path):
            pass
    finally:
        os.killpg(holder.pid, signal.SIGKILL)
        holder.wait()
        holder.stdout.close()


def test_one_that_waited_for_the_lock_as_it_was_taken_away_takes_the_next(tmp_path, monkeypatch):
    flock, path = lock.fcntl.flock, tmp_path / LOCK

    def away(descriptor, how):
        monkeypatch.setattr(lock.fcntl, "flock", flock)
        path.unlink()
        flock(descriptor, how)

    monkeypatch.setattr(lock.fcntl, "flock", away)
    with locked(tmp_path), pytest.raises(RunFolderError), locked(tmp_path):
        pass


def test_where_the_file_system_has_no_locks_nobody_is_kept_out(tmp_path, monkeypatch):
    def flock(descriptor, how):
        raise OSError(lock.errno.ENOLCK, "No locks available")

    monkeypatch.setattr(lock.fcntl, "flock", flock)
    with locked(tmp_path), locked(tmp_path):
        pass


@pytest.mark.parametrize("name", ["x" * 300, "file", "file/run", "\0"])
def test_where_nothing_can_be_written_it_is_said_so(tmp_path, name):
    (tmp_path / "file").touch()
    with pytest.raises(RunFolderError, match=r"cannot be written|is a file"), locked(Path(f"{tmp_path}/{name}")):
        pass
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
