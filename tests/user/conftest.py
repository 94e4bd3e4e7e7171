"""What the tests of what a user sees share: the command, and a run that was trained with it."""

import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from a3c_command import SCRIPT, SMALL, Outcome, Running, run_command

from a3c.runs.folder import RunFolder


@pytest.fixture(scope="session", autouse=True)
def compilation_cache(compiled: Path) -> Iterator[Path]:
    """Compiled programs are kept for the session, also by the commands: most runs here need the same ones."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("JAX_COMPILATION_CACHE_DIR", str(compiled))
        yield compiled


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Running]]:
    """Starts `a3c ...` that writes the run folder `run` of the test's folder; ends what the test left running."""
    started: list[Running] = []

    def start(*arguments: Any, **options: Any) -> Running:
        started.append(Running(tmp_path / "run", list(arguments), **options))
        return started[-1]

    yield start
    for running in started:
        running.end()


@pytest.fixture
def own_environments(tmp_path: Path) -> Path:
    """The test's folder with `odd_environments.py` in it, where a user's module would be."""
    shutil.copy(Path(__file__).with_name("odd_environments.py"), tmp_path)
    return tmp_path


@pytest.fixture
def command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture) -> Callable[..., Outcome]:
    """Runs `a3c ...` in this process, which saves importing it again, in the test's folder."""
    from a3c.cli import main, train

    monkeypatch.chdir(tmp_path)
    for name in ("DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    # Acting sets these for its process; monkeypatch takes them back.
    for name in ("PJRT_NPROC", "OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "JAX_PLATFORMS", "SDL_VIDEODRIVER"):
        monkeypatch.setenv(name, "dummy")
        monkeypatch.delenv(name)
    # Seconds count from here, not from the start of the tests.
    monkeypatch.setattr(train, "process_started", time.monotonic)

    def command(*arguments: Any) -> Outcome:
        capfd.readouterr()
        try:
            status = main.run([str(argument) for argument in arguments])
        except SystemExit as ended:
            status = ended.code
        return Outcome(status, *capfd.readouterr())

    return command


class Trained(NamedTuple):
    """A run that other tests only read."""

    outcome: Outcome
    folder: RunFolder


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Trained:
    """A short run with two workers, exactly as a user starts it."""
    cwd = tmp_path_factory.mktemp("trained")
    arguments = ["train", "CartPole-v1", *SMALL, "--steps", "6000", "--workers", "2", "--run", "run"]
    outcome = run_command(SCRIPT, *arguments, cwd=cwd)
    return Trained(outcome, RunFolder(cwd / "run"))
