"""The command in a process of its own: run to its end, or started and watched."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import psutil

from a3c.runs.folder import RunFolder

A3C = [sys.executable, "-m", "a3c"]
SCRIPT = Path(sys.executable).with_name("a3c")
TIMEOUT = 120
SMALL = ["--recipe", "none", "--seed", "7", "--report-interval", "0.1"]
RUN_FILES = [
    *("config.toml", "summary.json", "curve.png", "events.out.tfevents.*"),
    *("episodes.csv", "metrics.csv", "evaluations.csv"),
    *(f"checkpoints/{name}.safetensors" for name in ("latest", "best", "step-*")),
]
"""What a run leaves behind, as patterns."""

SHARED_MEMORY = Path("/dev/shm")


class Outcome(NamedTuple):
    """How a command ended, and what it printed."""

    status: int
    out: str
    err: str


def environment_without_display(**more: str) -> dict[str, str]:
    """This process's environment variables, as a user in a plain shell has them."""
    hidden = ("DISPLAY", "WAYLAND_DISPLAY", "SDL_VIDEODRIVER", "PYTHONPATH", "PYTHONWARNINGS")
    return {name: value for name, value in os.environ.items() if name not in hidden} | more


def run_command(*arguments: Any, cwd: Path, input: str | None = None, **variables: str) -> Outcome:
    """Runs a command in a process of its own, and waits; fails where it hangs."""
    done = subprocess.run(
        [str(argument) for argument in arguments],
        cwd=cwd,
        env=environment_without_display(**variables),
        input=input,
        stdin=subprocess.DEVNULL if input is None else None,
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
        check=False,
    )
    return Outcome(done.returncode, done.stdout, done.stderr)


class Running:
    """A command that runs in a process group of its own, with its own folder for temporary files."""

    def __init__(self, folder: Path, arguments: list[Any], command: tuple[str, ...] = tuple(A3C)):
        self.folder = RunFolder(folder)
        # Not in the test's folder: the paths of sockets are limited to some hundred characters.
        self.temporary = Path(tempfile.mkdtemp(prefix="a3c-"))
        self.shared_before = shared_files()
        self.process = subprocess.Popen(
            [*command, *(str(argument) for argument in arguments)],
            cwd=folder.parent,
            env=environment_without_display(TMPDIR=str(self.temporary)),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def wait_for(self, condition: Callable[[], Any]) -> None:
        """Waits until the condition holds; fails where the command ends before, or takes for ever."""
        deadline = time.monotonic() + TIMEOUT
        while not condition():
            assert self.process.poll() is None, self.process.communicate()
            assert time.monotonic() < deadline, "it takes for ever"
            time.sleep(0.02)

    def steps(self) -> int:
        return self.folder.summary()["steps"] if self.folder.summary_path.exists() else 0

    def children(self) -> list[psutil.Process]:
        return psutil.Process(self.process.pid).children(recursive=True)

    def workers(self) -> list[psutil.Process]:
        """The worker processes: the children of the server that they are forked from. A learner comes last."""
        workers = [child for child in self.children() if child.ppid() != self.process.pid]
        return sorted(workers, key=lambda child: (child.create_time(), child.pid))

    def outcome(self) -> Outcome:
        out, err = self.process.communicate(timeout=TIMEOUT)
        return Outcome(self.process.returncode, out, err)

    def left_behind(self, family: list[psutil.Process]) -> list[str]:
        """What has not gone with the command: those of its processes that live on, and files."""
        assert family
        return [*left_behind(family, self.shared_before), *(str(path) for path in self.temporary.iterdir())]

    def end(self) -> None:
        """Ends it, if it still runs, and clears up after it; nobody wants to know what it says."""
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait(TIMEOUT)
        for stream in (self.process.stdout, self.process.stderr):
            if stream is not None:
                stream.close()
        shutil.rmtree(self.temporary, ignore_errors=True)


def shared_files() -> set[str]:
    return {path.name for path in SHARED_MEMORY.iterdir()} if SHARED_MEMORY.is_dir() else set()


def left_behind(family: list[psutil.Process], shared_before: set[str]) -> list[str]:
    """The processes that do not end, and what is new in shared memory."""
    deadline = time.monotonic() + 20
    while (alive := [process for process in family if not _ended(process)]) and time.monotonic() < deadline:
        time.sleep(0.02)
    # Other programs use shared memory too; what multiprocessing and its users leave there has these names.
    left = {name for name in shared_files() - shared_before if name.startswith(("psm_", "sem.", "pym-", "a3c"))}
    return [*map(str, alive), *sorted(left)]


def _ended(process: psutil.Process) -> bool:
    """Whether it has; the system may take its time to take an orphan off the list."""
    try:
        return process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True
