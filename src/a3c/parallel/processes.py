"""Starting worker processes: by forkserver with the heavy imports done once, one thread each, ending with their parent.

In use:

    start_server()                       early: it imports in the background while the caller goes on
    process = start(target, arguments)   an importable top-level function
"""

import importlib
import multiprocessing
import os
import re
import signal
import sys
import tempfile
import threading
import traceback
import types
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

from a3c.errors import A3CError

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


def start_server() -> None:
    """Starts the process that workers are forked from; it imports JAX and this package on its own core.

    Raises A3CError where the folder for temporary files has too long a path.
    """
    if START_METHOD != "forkserver":
        return
    from multiprocessing import forkserver, resource_tracker

    # Starting the tracker unblocks the signals, so it comes before they are blocked.
    resource_tracker.ensure_running()
    multiprocessing.get_context("forkserver").set_forkserver_preload(["a3c.preload"])
    with _worker_environment(), _blocked_signals(), _empty_main():
        try:
            forkserver.ensure_running()
        except OSError as error:
            if "too long" not in str(error):
                raise
            raise A3CError(
                f"the path of the folder for temporary files, {tempfile.gettempdir()}, is too long for the socket that "
                "workers are started through: set TMPDIR to a folder with a shorter one, such as /tmp"
            ) from None


def start(target: Callable, arguments: tuple[Any, ...], name: str) -> BaseProcess:
    """Starts a worker process. The caller's main module is not run again in it, so no `__main__` guard is needed."""
    start_server()
    process = multiprocessing.get_context(START_METHOD).Process(target=target, args=arguments, name=name, daemon=True)  # type: ignore[attr-defined]
    with _worker_environment(), _blocked_signals(), _empty_main():
        process.start()
    return process


def call(function: str, *arguments: Any) -> Any:
    """The result of `module:function`, run in a process of its own, so that its imports stay out of this one.

    Raises the A3CError that it raises; for anything else, RuntimeError with its traceback.
    """
    ours, theirs = multiprocessing.Pipe(duplex=False)
    process = start(_answer, (theirs, function, arguments), f"a3c-{function.rpartition(':')[2]}")
    theirs.close()
    try:
        answer = ours.recv()
    except EOFError:
        process.join()
        raise RuntimeError(f"the process that ran {function} ended with exit status {process.exitcode}") from None
    process.join()
    if isinstance(answer, Exception):
        raise answer
    return answer


def _answer(connection: Connection, function: str, arguments: tuple[Any, ...]) -> None:
    try:
        prepare_worker()
        module, _, name = function.partition(":")
        connection.send(getattr(importlib.import_module(module), name)(*arguments))
    except A3CError as error:
        connection.send(error)
    except BaseException:
        connection.send(RuntimeError(traceback.format_exc()))


def prepare_worker(platforms: str | None = "cpu") -> bool:
    """First thing in a worker: end with the parent, and one thread even where the user had a forkserver running.

    JAX runs on these platforms, comma-separated; on whatever there is, a GPU first, where they are None. Returns
    whether a worker has compiled anything into the cache yet.
    """
    os.environ.update(WORKER_ENVIRONMENT)
    parent = multiprocessing.parent_process()
    if parent is not None:

        def follow() -> None:
            parent.join()
            os._exit(1)

        threading.Thread(target=follow, daemon=True, name="end with parent").start()
    import jax

    jax.config.update("jax_platforms", platforms)
    # A worker waits for every result at once: computing in its own thread saves a switch to another and back.
    jax.config.update("jax_cpu_enable_async_dispatch", False)
    return use_compilation_cache()


def use_compilation_cache() -> bool:
    """Keeps compiled programs in the user's cache folder, which turns seconds of compiling into tenths.

    Returns whether a worker has compiled anything there yet.

    JAX does not write entries atomically and never repairs one that a killed process left truncated: on its warning
    the entry is deleted here, and then written anew.
    """
    import jax

    folder = Path(os.environ.get("JAX_COMPILATION_CACHE_DIR") or cache_folder())
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        jax.config.update("jax_compilation_cache_dir", None)
        return False
    jax.config.update("jax_compilation_cache_dir", str(folder))
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0)
    jax.config.update("jax_persistent_cache_min_entry_size_bytes", -1)
    show = warnings.showwarning

    def repair(message: Any, *details: Any, **more: Any) -> None:
        unreadable = re.search(r"reading persistent compilation cache entry for '([^']+)'", str(message))
        if unreadable is None:
            show(message, *details, **more)
            return
        for entry in folder.glob(f"{unreadable[1]}-*"):
            entry.unlink(missing_ok=True)

    warnings.showwarning = repair
    warnings.filterwarnings("always", message="Error reading persistent compilation cache")
    warnings.filterwarnings("ignore", message="Error writing persistent compilation cache")
    # JAX names an entry after the function: `Policy.act` is what every worker compiles first.
    return any(folder.glob("jit_act-*"))


def cache_folder() -> Path:
    """Where compiled programs are kept: `a3c/` in the user's cache folder."""
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "a3c"
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA", Path.home())) / "a3c" / "cache"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "a3c"


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
    """Workers inherit the mask: Ctrl-C and SIGTERM are for the main process, which tells the workers to end."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM})
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
