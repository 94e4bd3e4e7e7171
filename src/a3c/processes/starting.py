"""Starting worker processes: by forkserver with the heavy imports done once, one thread each, ending with their parent.

In use:

    start_server()                       early: it imports in the background while the caller goes on
    process = start(target, arguments)   an importable top-level function
"""

import atexit
import importlib
import multiprocessing
import os
import signal
import sys
import tempfile
import threading
import traceback
import types
import warnings
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

from a3c.errors import A3CError, ProcessError, described
from a3c.interruption import SIGNALS
from a3c.processes.compilation_cache import use_compilation_cache
from a3c.processes.leaving import clear_temporary, kill_group, leave, stand_alone

START_METHOD = "spawn" if sys.platform == "win32" else "forkserver"
"""Never fork: JAX does not survive it."""

WORKER_ENVIRONMENT = {
    # One thread of XLA: with jax 0.10 the XLA_FLAGS known for it have no effect.
    "PJRT_NPROC": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "OMP_NUM_THREADS": "1",
    "JAX_PLATFORMS": "cpu",
    # glibc keeps what is freed: each gradient over frames would otherwise get its megabytes from the system anew, whose
    # page faults were a third of its time.
    "MALLOC_ARENA_MAX": "1",
    "MALLOC_MMAP_MAX_": "0",
    "MALLOC_TRIM_THRESHOLD_": str(2**30),
}


END_WITHIN = 1.0
"""Seconds that a process gets to end once it has nothing left to do, or was killed."""
FILES, FILES_EACH = 128, 12
"""Files that the main process of a run may have open at once, and more for each other process: pipes and shared arrays
most of them."""
FILES_BEFORE = 48
"""Files that it may have open before there are any processes but the server."""
SERVER_GONE = 255
"""The exit code of a process whose end nobody tells, as the server that it was forked from is gone."""
KILLED_SERVER = "the server that processes are started from was killed; out of memory, perhaps"
_started: weakref.WeakSet[BaseProcess] = weakref.WeakSet()
_exiting = threading.Event()
if hasattr(os, "register_at_fork"):
    # They are not those of a process that a user's script forks from this one.
    os.register_at_fork(after_in_child=_started.clear)


def start_server() -> None:
    """Starts the process that workers are forked from; it imports JAX and this package on its own core.

    Raises A3CError where the folder for temporary files has too long a path, ProcessError where nothing can be started.
    """
    if START_METHOD != "forkserver":
        return
    from multiprocessing import forkserver, resource_tracker

    _let_open(FILES_BEFORE, "to prepare a run takes")

    with _start_errors(), warnings.catch_warnings():
        # Whoever killed the tracker knows; it has nothing of ours to track.
        warnings.filterwarnings("ignore", message="resource_tracker: process died")
        # Starting the tracker unblocks the signals, so it comes before they are blocked.
        resource_tracker.ensure_running()
        multiprocessing.get_context("forkserver").set_forkserver_preload(["a3c.preload"])
        with _worker_environment(), _blocked_signals(), _empty_main(), _no_socket_left(forkserver._forkserver):
            forkserver.ensure_running()


def check_open_files(processes: int) -> None:
    """Lets this process open as many files as so many processes need; raises ProcessError where it must not."""
    _let_open(FILES + FILES_EACH * processes, f"{processes} processes need")


def _let_open(needed: int, who: str) -> None:
    import resource

    most, allowed = resource.getrlimit(resource.RLIMIT_NOFILE)
    # An infinite limit is a negative number.
    if 0 <= allowed < needed:
        raise ProcessError(
            f"only {allowed} files may be open at once, and {who} {needed}: raise that limit "
            f"(ulimit -n {needed}), or use fewer workers"
        )
    if 0 <= most < needed:
        resource.setrlimit(resource.RLIMIT_NOFILE, (needed, allowed))


def start(target: Callable, arguments: tuple[Any, ...], name: str, method: str = START_METHOD) -> BaseProcess:
    """Starts a worker process. The caller's main module is not run again in it, so no `__main__` guard is needed.

    By `spawn` it imports what it needs itself, which is faster where that is little. Raises ProcessError where it
    cannot be started.
    """
    if method == START_METHOD:
        start_server()
    process = multiprocessing.get_context(method).Process(target=target, args=arguments, name=name, daemon=True)  # type: ignore[attr-defined]
    # Signals are blocked in the server already. Here they are not: this waits until the server has imported all.
    with _start_errors(), _worker_environment(), _empty_main():
        process.start()
    _started.add(process)
    if _exiting.is_set():
        # Another thread goes on to train.
        process.kill()
    return process


def kill(process: BaseProcess) -> None:
    """Ends a started process at once, and what it has started: environments have processes of their own. Also where the
    server is gone that would tell of its end."""
    if process.pid is not None:
        kill_group(process.pid)
    if process.exitcode == SERVER_GONE:
        with suppress(ProcessLookupError):
            os.kill(process.pid or 0, signal.SIGKILL)
    process.kill()


def kill_started() -> None:
    """Ends all started processes."""
    for process in list(_started):
        if process.is_alive():
            kill(process)


@atexit.register
def _exit() -> None:
    """Processes have SIGTERM blocked, by which multiprocessing would end them, to wait then for their ends."""
    _exiting.set()
    kill_started()


def kill_all() -> None:
    """Ends all processes of the command, the server too, which may be importing yet."""
    kill_started()
    if START_METHOD == "forkserver":
        from multiprocessing import forkserver

        server = forkserver._forkserver._forkserver_pid  # type: ignore[attr-defined]
        if server is not None:
            with suppress(ProcessLookupError):
                os.kill(server, signal.SIGKILL)


def call(function: str, *arguments: Any) -> Any:
    """The result of `module:function`, run in a process of its own, so that its imports stay out of this one.

    Raises the A3CError that it raises, and ProcessError where the process is killed; for anything else, RuntimeError
    with its traceback.
    """
    ours, theirs = multiprocessing.Pipe(duplex=False)
    name = function.rpartition(":")[2]
    process = start(_answer, (theirs, function, arguments), f"a3c-{name}")
    theirs.close()
    try:
        answer = ours.recv()
        process.join(END_WITHIN)
    except (EOFError, OSError):
        # OSError where it died in the middle of its answer.
        process.join()
        raise ProcessError(f"{name} failed: {cause_of_death(process)}") from None
    finally:
        kill(process)
        ours.close()
    if isinstance(answer, Exception):
        raise answer
    return answer


def _answer(connection: Connection, function: str, arguments: tuple[Any, ...]) -> None:
    try:
        prepare_worker()
        module, _, name = function.partition(":")
        answer = getattr(importlib.import_module(module), name)(*arguments)
    except A3CError as error:
        answer = error
    except BaseException as error:
        answer = RuntimeError(f"{described(error)}\n{traceback.format_exc()}")
    # The main process may be gone.
    with suppress(BrokenPipeError):
        connection.send(answer)
    leave()


def cause_of_death(process: BaseProcess) -> str:
    """How a process came to its end, for an error."""
    code = process.exitcode
    if code == SERVER_GONE:
        return KILLED_SERVER
    if code is not None and code < 0:
        name = signal.Signals(-code).name
        hint = "; out of memory, perhaps" if name == "SIGKILL" else ""
        return f"its process (pid {process.pid}) was killed by {name}{hint}"
    return f"its process (pid {process.pid}) ended with exit status {code}"


def prepare_worker(platforms: str | None = "cpu") -> Path | None:
    """First thing in a worker: end with the parent, and one thread even where the user had a forkserver running.

    JAX runs on these platforms, comma-separated; on whatever there is, a GPU first, where they are None. Returns the
    folder that compiled programs are kept in, if they are.
    """
    os.environ.update(WORKER_ENVIRONMENT)
    end_with_parent()
    import jax

    jax.config.update("jax_platforms", platforms)
    # A worker waits for every result at once: computing in its own thread saves a switch to another and back.
    jax.config.update("jax_cpu_enable_async_dispatch", False)
    return use_compilation_cache()


def end_with_parent() -> None:
    """Has this process, one of ours, end as soon as the one that started it has, with all that it has started."""
    stand_alone()
    parent = multiprocessing.parent_process()
    if parent is None:
        return

    def follow() -> None:
        parent.join()
        clear_temporary()
        kill_group(0)
        os._exit(1)

    threading.Thread(target=follow, daemon=True, name="end with parent").start()


@contextmanager
def _worker_environment() -> Iterator[None]:
    """The workers' environment variables, for as long as it takes to start one; the caller's come back."""
    before = {name: os.environ.get(name) for name in WORKER_ENVIRONMENT}
    os.environ.update(WORKER_ENVIRONMENT)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


@contextmanager
def _blocked_signals() -> Iterator[None]:
    """Workers inherit the mask: these signals are for the main process, which tells the workers to end."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextmanager
def _empty_main() -> Iterator[None]:
    """multiprocessing would run the caller's script again in the worker: it finds an empty one instead."""
    main = sys.modules["__main__"]
    sys.modules["__main__"] = types.ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = main


@contextmanager
def _no_socket_left(server: Any) -> Iterator[None]:
    """Where this starts the server: its socket is taken from the folder for temporary files at once, so that nothing is
    left there, however the process ends. It is reached by a descriptor, as Linux alone can."""
    if sys.platform != "linux" or _runs(server):
        yield
        return
    config = multiprocessing.current_process()._config  # type: ignore[attr-defined]
    before = config.get("tempdir")
    with tempfile.TemporaryDirectory(prefix="a3c-", ignore_cleanup_errors=True) as folder:
        config["tempdir"] = folder
        try:
            yield
            socket = os.open(server._forkserver_address, os.O_PATH | os.O_CLOEXEC)
            server._forkserver_address = f"/proc/self/fd/{socket}"
        finally:
            config["tempdir"] = before


def _runs(server: Any) -> bool:
    pid = server._forkserver_pid
    return pid is not None and os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None


@contextmanager
def _start_errors() -> Iterator[None]:
    """Turns what keeps a process from starting into one line."""
    try:
        yield
    except (EOFError, OSError) as error:
        if "too long" in str(error):
            raise A3CError(
                f"the path of the folder for temporary files, {tempfile.gettempdir()}, is too long for the socket that "
                "workers are started through: set TMPDIR to a folder with a shorter one, such as /tmp"
            ) from None
        raise ProcessError(_why_not_started(error)) from None


def _why_not_started(error: EOFError | OSError) -> str:
    if isinstance(error, EOFError | ConnectionError):
        return KILLED_SERVER
    try:
        Path.cwd()
    except OSError:
        return "no process can be started, as the current folder has been deleted: change to another"
    return f"no process can be started: {error}"
