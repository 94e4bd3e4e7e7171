"""One run of `a3c train` that something befalls: started, watched, ended, gone on with, and what was bad about it."""

import concurrent.futures
import io
import json
import multiprocessing
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

import psutil

from a3c.runs.checkpoint import Checkpoint
from a3c.runs.folder import RunFolder
from a3c.runs.metrics import read_rows

HERE = Path(__file__).resolve().parent
LIMIT = 15.0
"""Seconds within which a run has to end after what befell it, and everything of it has to be gone."""
INTERVAL = 0.5
"""Seconds between checkpoints."""
SLACK = 1.5
"""Seconds that a checkpoint may be older than that, as it takes its time to write on a busy machine."""
PATIENCE = 90.0
"""Seconds for a run to start."""
MARK = "A3C_TRIAL"
SHARED_MEMORY = Path("/dev/shm")
FLAGS = [
    *("--recipe", "none", "--seed", "7", "--workers", "2", "--envs-per-worker", "8", "--hidden", "16"),
    *("--report-interval", "0.2", "--checkpoint-steps", "0", "--checkpoint-interval", str(INTERVAL)),
    *("--steps", "900_000_000", "--no-stop-when-solved"),
]


class Trial:
    """A run of two workers in a folder of its own, with a folder of its own for temporary files.

    In use:

        trial.start(); trial.pause(4.0); trial.signal(signal.SIGTERM); trial.ends(130); trial.goes_on()
    """

    def __init__(self, folder: Path, algorithm: str, chance: random.Random):
        self.folder, self.algorithm, self.chance = folder, algorithm, chance
        self.environment = "CartPole-v1"
        self.resuming: list[str] = []
        """Flags to go on with."""
        self.run = folder / "run"
        self.temporary = Path(tempfile.mkdtemp(prefix="fault-"))
        self.bad: list[str] = []
        self.status: int | None = None
        self.seconds = 0.0
        self._pids: set[int] = set()
        self._processes: list[subprocess.Popen] = []

    def start(
        self, *flags: str, run: Path | None = None, stdout: Any = subprocess.DEVNULL, shell: str = ""
    ) -> subprocess.Popen:
        """Starts training, or what these flags say instead, and waits for the command's first line."""
        self.run = run or self.run
        arguments = ["train", self.environment, "--algorithm", self.algorithm, *FLAGS, "--run", str(self.run)]
        command = [sys.executable, "-m", "a3c", *(flags if "train" in flags else [*arguments, *flags])]
        if shell:
            command = ["sh", "-c", f'{shell} exec "$@"', "sh", *command]
        variables = {"TMPDIR": str(self.temporary), MARK: str(self.folder), "PYTHONPATH": str(HERE)}
        process = subprocess.Popen(
            command,
            cwd=self.folder,
            env=os.environ | variables,
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        self._processes.append(process)
        self.wait_for(lambda: _handles_signals(process.pid))
        return process

    @property
    def process(self) -> subprocess.Popen:
        return self._processes[0]

    def pause(self, most: float) -> None:
        """Until a moment at random."""
        time.sleep(self.chance.uniform(0, most))

    def wait_for(self, condition: Callable[[], Any], seconds: float = PATIENCE) -> Any:
        """What the condition is when it first is true; None where the run ends before."""
        deadline = time.monotonic() + seconds
        while not (found := condition()):
            if self.process.poll() is not None or time.monotonic() > deadline:
                return None
            time.sleep(0.01)
        return found

    def signal(self, number: int, group: bool = False) -> None:
        """To the main process, or to all of the command, as a terminal does."""
        self._family()
        try:
            (os.killpg if group else os.kill)(self.process.pid, number)
        except ProcessLookupError:
            self.bad.append("it had ended by itself")

    def server(self) -> psutil.Process | None:
        """The process that the others are forked from."""
        children = _children(self.process.pid)
        return next((child for child in children if "forkserver" in " ".join(_command_line(child))), None)

    def preparing(self) -> psutil.Process | None:
        """The process that makes an environment and the first parameters."""
        forked = self._forked()
        return forked[0] if forked and not self.config_path.exists() else None

    def workers(self) -> list[psutil.Process]:
        """The worker processes, when all there are have been started; a learner comes last."""
        forked = self._forked() if self.summary() else []
        return forked if len(forked) == 2 + (self.algorithm in ("ga3c", "impala")) else []

    def _forked(self) -> list[psutil.Process]:
        server = self.server()
        return sorted(_children(server.pid), key=lambda child: child.pid) if server else []

    @property
    def config_path(self) -> Path:
        return self.run / "config.toml"

    def summary(self) -> dict[str, Any]:
        try:
            return json.loads((self.run / "summary.json").read_text())
        except (OSError, ValueError):
            return {}

    def steps(self) -> int:
        return self.summary().get("steps", 0)

    def ends(self, *statuses: int, process: subprocess.Popen | None = None, traceback: bool = False) -> None:
        """It has to end with one of these statuses within the limit, one line, and nothing left."""
        process = process or self.process
        self._family()
        started = time.monotonic()
        try:
            process.wait(LIMIT)
        except subprocess.TimeoutExpired:
            self.bad.append(f"it had not ended after {LIMIT:.0f} s")
            process.kill()
        self.seconds, self.status = round(time.monotonic() - started, 2), process.wait()
        if self.status not in statuses:
            self.bad.append(f"status {self.status}, not {' or '.join(map(str, statuses))}")
        if process is self.process:
            self._nothing_left()
        assert process.stderr is not None
        # Where what was learned is, is said beside the line that says what happened.
        lines = [line for line in process.stderr.read().splitlines() if not line.startswith("what was learned until")]
        if "Traceback (most recent call last):" in lines and not traceback:
            self.bad.append("a traceback: " + " / ".join(lines[-3:]))
        elif len(lines) > 1 and not traceback:
            self.bad.append(f"{len(lines)} lines: " + " / ".join(lines[-3:]))

    def _nothing_left(self) -> None:
        deadline = time.monotonic() + LIMIT
        while (family := self._family()) and time.monotonic() < deadline:
            time.sleep(0.05)
        for left in family:
            self.bad.append(f"process {left} was left")
            left.kill()
        if self.temporary.exists():
            self.bad += [f"{path.name} was left among temporary files" for path in self.temporary.iterdir()]
        names = [path.name for path in SHARED_MEMORY.iterdir()] if SHARED_MEMORY.is_dir() else []
        found = [(name, re.match(r"pym-(\d+)-", name)) for name in names]
        self.bad += [
            f"{name} was left in shared memory" for name, match in found if match and int(match[1]) in self._pids
        ]

    def _family(self) -> list[psutil.Process]:
        """The processes of this trial that run."""
        family = [process for process in psutil.process_iter() if _environ(process).get(MARK) == str(self.folder)]
        self._pids |= {process.pid for process in family}
        return family

    def goes_on(self, resuming: "Resuming", saved_all: bool = True) -> None:
        """What it has left must be gone on with: at most an interval is lost, none where it was saved at the end."""
        if not self.config_path.exists():
            return
        folder, summary, before = RunFolder(self.run), self.summary(), 0
        if not folder.unsaved:
            try:
                checkpoint = folder.load("latest")
            except Exception as error:
                self.bad.append(f"its checkpoint cannot be read: {error}")
                return
            before = checkpoint.counts["steps"]
            lost = summary.get("wall_seconds", 0.0) - checkpoint.seconds
            if saved_all and before != summary.get("steps"):
                self.bad.append(f"saved at step {before:,} of {summary.get('steps')}")
            elif lost > INTERVAL + SLACK:
                self.bad.append(f"{lost:.1f} s were lost")
        elif saved_all:
            self.bad.append("nothing was saved")
        self.bad += resuming(self.run, before + 500, self.resuming)

    def clear(self) -> None:
        """Ends what may still run of it, and removes its folder for temporary files."""
        for process in self._processes:
            if process.poll() is None:
                process.kill()
            process.wait()
            if process.stderr is not None:
                process.stderr.close()
        for left in self._family():
            left.kill()
        shutil.rmtree(self.temporary, ignore_errors=True)


class Resuming:
    """Goes on with runs by `a3c train --resume`, in a process that has imported everything."""

    def __init__(self) -> None:
        self._pool = concurrent.futures.ProcessPoolExecutor(1, multiprocessing.get_context("spawn"))

    def __call__(self, run: Path, steps: int, flags: list[str]) -> list[str]:
        """What was bad."""
        return self._pool.submit(_resume, run, steps, flags).result(PATIENCE)

    def close(self) -> None:
        self._pool.shutdown()


def _resume(run: Path, steps: int, flags: list[str]) -> list[str]:
    from a3c.cli import main

    flags = ["--steps", str(steps), "--backend", "inline", "--workers", "1", "--no-progress", *flags]
    with redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()) as said:
        try:
            status = main.run(["train", RunFolder(run).config().environment, "--resume", str(run), *flags])
        except BaseException as error:
            status = repr(error)
    if status != 0:
        return [f"resumed with status {status}: {said.getvalue().strip()[-300:]}"]
    summary, rows = RunFolder(run).summary(), read_rows(RunFolder(run).episodes_path)
    bad = []
    if summary["steps"] < steps:
        bad.append(f"resumed to step {summary['steps']} of {steps}")
    if len(rows) != summary["episodes"]:
        bad.append(f"{len(rows)} rows of {summary['episodes']} episodes after it was resumed")
    Checkpoint.load(RunFolder(run).checkpoint_path("latest"))
    return bad


def _handles_signals(pid: int) -> bool:
    """Whether the command has come to its first line: until then it is Python that starts."""
    try:
        caught = re.search(r"SigCgt:\s*(\w+)", Path(f"/proc/{pid}/status").read_text())
    except OSError:
        return False
    return caught is not None and bool(int(caught[1], 16) >> (signal.SIGTERM - 1) & 1)


def _children(pid: int) -> list[psutil.Process]:
    try:
        return psutil.Process(pid).children()
    except psutil.NoSuchProcess:
        return []


def _command_line(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.Error:
        return []


def _environ(process: psutil.Process) -> dict[str, str]:
    try:
        return {} if process.status() == psutil.STATUS_ZOMBIE else process.environ()
    except (psutil.Error, OSError):
        return {}
