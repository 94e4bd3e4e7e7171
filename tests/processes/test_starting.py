"""Starting processes, and what ends them."""

import os
import shutil
import signal
import time
from multiprocessing import forkserver
from pathlib import Path

import psutil
import pytest

from a3c.errors import ProcessError
from a3c.processes import starting as processes
from a3c.processes.starting import FILES, FILES_EACH, call, check_open_files, kill, start
from a3c.roles.messages import Failure
from a3c.training import process as worker_process
from processes_for_tests import PATIENCE, leaves_with_a_thread, loses_its_parent
from processes_for_tests import processes as processes_of


def test_a_called_process_that_is_killed_is_one_line():
    with pytest.raises(ProcessError, match=r"^kill_itself failed: its process \(pid \d+\) was killed by SIGKILL"):
        call("processes_for_tests:kill_itself")


def test_what_a_called_process_raises_has_its_traceback():
    with pytest.raises(RuntimeError, match=r"Traceback(.|\n)*ZeroDivisionError"):
        call("operator:floordiv", 1, 0)
    assert call("operator:floordiv", 7, 2) == 3


def test_the_server_leaves_no_socket_in_the_folder_for_temporary_files():
    assert call("operator:add", 1, 2) == 3
    address = forkserver._forkserver._forkserver_address
    assert address.startswith("/proc/self/fd/")
    where = str(Path(address).readlink())
    assert where.endswith(" (deleted)")
    assert not Path(where).parent.exists()


def test_what_environments_have_in_the_folder_for_temporary_files_goes_with_their_process():
    with processes_of((leaves_with_a_thread,)) as (remote,):
        folder = Path(remote.answer())
        remote.process.join(PATIENCE)
        assert not folder.exists()


def test_it_goes_where_the_process_that_started_theirs_was_killed_too():
    with processes_of((loses_its_parent,)) as (remote,):
        killed, folder, pid = remote.answer()
        remote.process.join(PATIENCE)
        deadline = time.monotonic() + PATIENCE
        while psutil.pid_exists(pid) and time.monotonic() < deadline:
            time.sleep(0.01)
        assert folder != killed
        assert not Path(folder).exists()
    shutil.rmtree(killed)


def test_a_server_that_is_killed_is_one_line_and_the_next_start_has_another(monkeypatch):
    """Killed where it is asked to fork: before that, another is started without a word."""
    ask = forkserver.connect_to_new_process

    def killed(descriptors):
        server = forkserver._forkserver._forkserver_pid
        os.kill(server, signal.SIGKILL)
        os.waitid(os.P_PID, server, os.WEXITED | os.WNOWAIT)
        monkeypatch.setattr(forkserver._forkserver, "ensure_running", lambda: None)
        return ask(descriptors)

    processes.start_server()
    monkeypatch.setattr(forkserver, "connect_to_new_process", killed)
    with pytest.raises(ProcessError, match="the server that processes are started from was killed"):
        start(os.getpid, (), "test")
    monkeypatch.undo()
    assert call("operator:add", 1, 2) == 3


def test_a_process_can_be_killed_whose_server_is_gone():
    process = start(signal.pause, (), "test")
    os.kill(forkserver._forkserver._forkserver_pid, signal.SIGKILL)
    process.join()
    assert process.exitcode == processes.SERVER_GONE
    assert _alive(process.pid)
    kill(process)
    while _alive(process.pid):
        pass


def _alive(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_the_limit_on_open_files_is_raised_as_far_as_it_goes(monkeypatch):
    import resource

    limits = {"soft": 40, "hard": 1000}
    monkeypatch.setattr(resource, "getrlimit", lambda _: (limits["soft"], limits["hard"]))
    monkeypatch.setattr(resource, "setrlimit", lambda _, both: limits.update(soft=both[0], hard=both[1]))
    needed = FILES + 4 * FILES_EACH
    check_open_files(4)
    assert limits == {"soft": needed, "hard": 1000}
    check_open_files(1)
    assert limits == {"soft": needed, "hard": 1000}
    limits.update(soft=12, hard=12)
    with pytest.raises(ProcessError, match=rf"only 12 files .* 4 processes need {needed}: .*ulimit -n {needed}"):
        check_open_files(4)
    limits.update(soft=-1, hard=-1)
    check_open_files(100_000)


def test_a_pipe_that_breaks_in_an_environment_is_its_error(monkeypatch):
    """And not that of a main process that has gone."""

    def work(*_):
        raise BrokenPipeError("the simulator has gone")

    class Sent(list):
        send = list.append

    sent = Sent()
    monkeypatch.setattr(worker_process, "_work", work)
    worker_process.main(sent, None, b"")
    (failure,) = sent
    assert isinstance(failure, Failure)
    assert "BrokenPipeError: the simulator has gone" in failure.message
