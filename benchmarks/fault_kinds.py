"""The kinds of faults that befall a run in `faults.py`: each starts a Trial, does it harm, and says how it ends."""

import shutil
import signal
import subprocess
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import psutil

from trial import Resuming, Trial

LONGEST_START = 4.0
"""Seconds over which moments are spread, from a command's first line on: half of it is its start."""


def sigterm(trial: Trial, resume: Resuming) -> None:
    _signalled(trial, resume, [signal.SIGTERM], group=False)


def sigint(trial: Trial, resume: Resuming) -> None:
    _signalled(trial, resume, [signal.SIGINT])


def double_sigint(trial: Trial, resume: Resuming) -> None:
    _signalled(trial, resume, [signal.SIGINT, signal.SIGINT], saved_all=False)


def sighup(trial: Trial, resume: Resuming) -> None:
    _signalled(trial, resume, [signal.SIGHUP])


def _signalled(trial: Trial, resume: Resuming, numbers: list[int], group: bool = True, saved_all: bool = True) -> None:
    trial.start()
    trial.pause(LONGEST_START)
    for index, number in enumerate(numbers):
        if index:
            trial.pause(0.3)
        if trial.process.poll() is None:
            trial.signal(number, group)
    trial.ends(130)
    trial.goes_on(resume, saved_all)


def killed(trial: Trial, resume: Resuming) -> None:
    trial.start()
    trial.pause(LONGEST_START)
    trial.signal(signal.SIGKILL)
    trial.ends(-signal.SIGKILL)
    trial.goes_on(resume, saved_all=False)


def killed_and_resumed(trial: Trial, resume: Resuming) -> None:
    """Killed, gone on with in its two workers, killed again."""
    trial.start()
    trial.wait_for(trial.config_path.exists)
    trial.pause(2.0)
    trial.signal(signal.SIGKILL)
    trial.ends(-signal.SIGKILL)
    again = Trial(trial.folder, trial.algorithm, trial.chance)
    again.run, again.bad = trial.run, trial.bad
    try:
        again.start("train", trial.environment, "--resume", str(trial.run))
        again.pause(LONGEST_START)
        again.signal(signal.SIGKILL)
        again.ends(-signal.SIGKILL)
        again.goes_on(resume, saved_all=False)
    finally:
        again.clear()


def killed_worker(trial: Trial, resume: Resuming) -> None:
    """It is replaced, unless it is killed before its first step."""
    trial.start()
    if processes := trial.wait_for(trial.workers):
        trial.pause(2.0)
        _kill(trial.chance.choice(processes[:2]))
    _ends_or_lives_on(trial, resume, 1)


def killed_last_worker(trial: Trial, resume: Resuming) -> None:
    """Where none is replaced."""
    trial.start("--worker-restarts", "0")
    if processes := trial.wait_for(trial.workers):
        trial.pause(2.0)
        _kill(trial.chance.choice(processes[:2]))
    trial.ends(1)
    trial.goes_on(resume)


def killed_learner(trial: Trial, resume: Resuming) -> None:
    trial.algorithm = trial.chance.choice(["ga3c", "impala"])
    trial.start()
    if processes := trial.wait_for(trial.workers):
        trial.pause(2.0)
        _kill(processes[-1])
    trial.ends(1)
    trial.goes_on(resume)


def _kill(process: psutil.Process) -> None:
    # It may have been done by then.
    with suppress(psutil.NoSuchProcess):
        process.kill()


def killed_server(trial: Trial, resume: Resuming) -> None:
    trial.start()
    trial.wait_for(trial.server)
    trial.pause(LONGEST_START)
    if server := trial.server():
        _kill(server)
    _ends_or_lives_on(trial, resume, 1)


def killed_preparing(trial: Trial, resume: Resuming) -> None:
    trial.start()
    if process := trial.wait_for(trial.preparing):
        trial.pause(0.1)
        _kill(process)
    _ends_or_lives_on(trial, resume, 1)


def paused_worker(trial: Trial, resume: Resuming) -> None:
    trial.start()
    if workers := trial.wait_for(trial.workers):
        trial.pause(1.0)
        worker = trial.chance.choice(workers)
        worker.suspend()
        trial.pause(3.0)
        worker.resume()
    _ends_or_lives_on(trial, resume)


def _ends_or_lives_on(trial: Trial, resume: Resuming, *statuses: int) -> None:
    """It may take no harm: then it learns on, until SIGTERM ends it."""
    before = trial.steps()
    if trial.wait_for(lambda: trial.steps() > before + 2000):
        trial.signal(signal.SIGTERM)
        statuses = (130, *statuses)
    trial.ends(*statuses)
    trial.goes_on(resume)


def full_disk(trial: Trial, resume: Resuming) -> None:
    disk = trial.folder / "disk"
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "none", str(disk)], check=True)
    try:
        trial.start(*(["--log", "tensorboard"] if trial.chance.random() < 0.5 else []), run=disk / "run")
        trial.pause(LONGEST_START)
        _fill(disk / "filler", trial.chance.choice([0, 100, 1000, 4000]))
        trial.ends(1, 2)
        (disk / "filler").unlink()
        trial.goes_on(resume, saved_all=False)
    finally:
        trial.clear()
        subprocess.run(["umount", "-l", str(disk)], check=True)


def _fill(path: Path, spared: int) -> None:
    """Writes until a disk has no more than these bytes."""
    with path.open("wb", buffering=0) as file:
        for size in (100_000, 1000, 1):
            try:
                while True:
                    file.write(b"x" * size)
            except OSError:
                pass
        file.truncate(max(0, file.tell() - spared))


def folder_deleted(trial: Trial, resume: Resuming) -> None:
    trial.start()
    trial.wait_for(trial.config_path.exists)
    trial.pause(2.0)
    shutil.rmtree(trial.run, ignore_errors=True)
    trial.ends(1)


def temporary_deleted(trial: Trial, resume: Resuming) -> None:
    trial.start()
    trial.pause(LONGEST_START / 2)
    shutil.rmtree(trial.temporary, ignore_errors=True)
    _ends_or_lives_on(trial, resume, 1)


def closed_pipe(trial: Trial, resume: Resuming) -> None:
    """`| head -1`, or a reader that is gone before the first line."""
    process = trial.start(stdout=subprocess.PIPE)
    assert process.stdout is not None
    if trial.chance.random() < 0.5:
        process.stdout.readline()
    process.stdout.close()
    trial.ends(1)
    trial.goes_on(resume)


def full_output(trial: Trial, resume: Resuming) -> None:
    with Path("/dev/full").open("w") as full:
        trial.start(stdout=full)
    trial.ends(1)
    trial.goes_on(resume)


def limited_files(trial: Trial, resume: Resuming) -> None:
    """No file may grow beyond this many blocks of 512 bytes; rows of episodes do, sooner or later."""
    blocks = trial.chance.choice([0, 1, 8, 30, 60, 120])
    trial.start(shell=f"ulimit -f {blocks};")
    trial.wait_for(lambda: False, seconds=20.0)
    trial.ends(1, 2)
    trial.goes_on(resume, saved_all=False)


def raises(trial: Trial, resume: Resuming) -> None:
    _starts_faulty(trial, "raises", trial.chance.randrange(1, 2000))
    trial.wait_for(lambda: False, seconds=20.0)
    trial.ends(1, traceback=True)
    trial.goes_on(resume)


def raises_once(trial: Trial, resume: Resuming) -> None:
    _is_replaced(trial, resume, "raises")


def hangs_too_long(trial: Trial, resume: Resuming) -> None:
    _is_replaced(trial, resume, "step", "--step-timeout", "1.5")


def _is_replaced(trial: Trial, resume: Resuming, fault: str, *flags: str) -> None:
    """One of the workers, which has stepped before; in A2C so are all."""
    once = trial.folder / "once"
    _starts_faulty(trial, fault, trial.chance.randrange(200, 2000), "once", str(once), *flags)
    trial.wait_for(once.exists)
    if not trial.wait_for(lambda: trial.summary().get("worker_restarts")):
        trial.bad.append("no worker was replaced")
    _ends_or_lives_on(trial, resume)


def hangs_in_constructor(trial: Trial, resume: Resuming) -> None:
    _hangs(trial, "constructor")


def hangs_in_step(trial: Trial, resume: Resuming) -> None:
    _hangs(trial, "step", trial.chance.randrange(1, 1000))
    trial.goes_on(resume)


def hangs_in_close(trial: Trial, resume: Resuming) -> None:
    _hangs(trial, "close")
    trial.goes_on(resume)


def _hangs(trial: Trial, fault: str, at: int = 0) -> None:
    """Ctrl-C ends it all the same."""
    _starts_faulty(trial, fault, at)
    if at:
        trial.wait_for(trial.workers)
    trial.pause(LONGEST_START)
    trial.signal(signal.SIGINT, group=True)
    trial.ends(130)


def _starts_faulty(trial: Trial, fault: str, at: int = 0, *more: str) -> None:
    trial.environment = "faulty_environments:Faulty-v0"
    trial.resuming = ["--env-kwargs", "fault", "none"]
    trial.start("--env-kwargs", "fault", fault, "at", str(at), *more)


def two_in_one_folder(trial: Trial, resume: Resuming) -> None:
    trial.start()
    trial.wait_for(trial.config_path.exists)
    trial.pause(2.0)
    how = trial.chance.choice([["--resume", str(trial.run)], ["--run", str(trial.run)]])
    second = trial.start("train", trial.environment, "--algorithm", trial.algorithm, *how)
    trial.ends(2, process=second)
    _ends_or_lives_on(trial, resume)


KINDS: dict[str, Callable[[Trial, Resuming], None]] = {
    "sigterm": sigterm,
    "sigint": sigint,
    "double sigint": double_sigint,
    "sighup": sighup,
    "kill -9": killed,
    "killed twice": killed_and_resumed,
    "kill -9 worker": killed_worker,
    "kill -9 worker for good": killed_last_worker,
    "kill -9 learner": killed_learner,
    "kill -9 server": killed_server,
    "kill -9 preparing": killed_preparing,
    "paused worker": paused_worker,
    "full disk": full_disk,
    "run folder deleted": folder_deleted,
    "TMPDIR deleted": temporary_deleted,
    "closed pipe": closed_pipe,
    "stdout /dev/full": full_output,
    "ulimit -f": limited_files,
    "environment raises": raises,
    "environment raises once": raises_once,
    "hangs for too long": hangs_too_long,
    "hangs in constructor": hangs_in_constructor,
    "hangs in step": hangs_in_step,
    "hangs in close": hangs_in_close,
    "two in one folder": two_in_one_folder,
}
