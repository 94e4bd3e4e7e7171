"""The end of a process whose environments have started threads and processes: those end with it.

In use:

    stand_alone()            first thing in a process of ours
    leave()                  last thing
    kill_group(process.pid)  from outside, also when it has ended
"""

import atexit
import multiprocessing
import os
import shutil
import signal
import sys
import threading
from contextlib import suppress
from typing import Any

from a3c.interruption import SIGNALS


def stand_alone() -> None:
    """Makes a process group of this process and all that its environments will start, by multiprocessing too.

    Signals are handled by doing nothing. Were they blocked or ignored, so they would be in the processes of
    environments, which could not be ended by them.
    """
    config = multiprocessing.current_process()._config  # type: ignore[attr-defined]
    config["daemon"] = False
    # That of the process that started this one is not for this one to use, and to remove.
    config["tempdir"] = None
    if not hasattr(os, "setpgid"):
        return
    os.setpgid(0, 0)
    for number in SIGNALS:
        signal.signal(number, _do_nothing)
    os.register_at_fork(after_in_child=_handle_by_default)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)


def _do_nothing(number: int, frame: Any) -> None: ...


def _handle_by_default() -> None:
    for number in SIGNALS:
        signal.signal(number, signal.SIG_DFL)


def kill_group(leader: int) -> None:
    """Ends the group of a process, 0 for that of this one, if there is one: it may have ended, or just have begun."""
    if hasattr(os, "killpg"):
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(leader, signal.SIGKILL)


def clear_temporary() -> None:
    """Removes the folder that multiprocessing has made for what an environment uses of it, in that for temporary files:
    a process that comes to its usual end does it by itself."""
    folder = multiprocessing.current_process()._config.get("tempdir")  # type: ignore[attr-defined]
    if folder is not None:
        shutil.rmtree(folder, ignore_errors=True)


def leave(status: int = 0) -> None:
    """Ends this process where an environment's threads or processes would keep it for ever; else leaves that to the
    caller."""
    for process in multiprocessing.active_children():
        process.kill()
    if all(thread.daemon or thread is threading.main_thread() for thread in threading.enumerate()):
        return
    if multiprocessing.parent_process() is None:
        atexit._run_exitfuncs()
    clear_temporary()
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):
            stream.flush()
    os._exit(status)
