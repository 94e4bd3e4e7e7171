"""Agents from what is saved, for the commands that only act."""

import os
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeVar

from a3c.cli.command import Command
from a3c.cli.flags import read
from a3c.config.checks import check_ranges
from a3c.config.environment import MOST_EPISODE_STEPS
from a3c.config.setting import setting
from a3c.errors import RunFolderError, SettingsError


@dataclass(frozen=True)
class ModelFlags:
    """Flags that say which agent is meant, and how it acts."""

    run: Path
    """Run folder, or a checkpoint file."""

    greedy: bool = False
    """Take the most probable actions. Without this or --stochastic it plays as is recorded for this model."""

    stochastic: bool = False
    """Draw actions from the policy, as in training."""

    checkpoint: Literal["best", "latest"] = "best"
    """Which of the run's checkpoints."""

    import_modules: tuple[str, ...] = setting((), again=True)
    """Module that may be imported, and whose functions may be called, though only the run names it and it is not
    installed, such as my_module in the current folder, of a run of my_module:MyEnv-v0. Say so only of what you know.
    Give it again for each further one."""

    @property
    def deterministic(self) -> bool | None:
        """As `ActingAgent.predict` takes it; None is what is recorded."""
        return self.greedy if self.greedy or self.stochastic else None


@dataclass(frozen=True)
class AgentFlags(ModelFlags):
    """Flags of commands in which it plays episodes."""

    seed: int | None = setting(None, at_least=0)
    """Seed of the environments. Default: the run's to evaluate, a new one each time to play."""

    max_episode_steps: int = setting(MOST_EPISODE_STEPS, at_least=1)
    """Cut an episode after this many steps, as some never end. It counts with its return until then."""


Flags = TypeVar("Flags", bound=ModelFlags)


def parse(
    flags: type[Flags], arguments: list[str], prog: str, description: str, short: Mapping[str, str] | None = None
) -> Flags:
    """The flags of a command with an agent; `short` as of Command. Raises SettingsError for a wrong one."""
    command = Command(prog, description, {"flags": flags}, "run", needed=True, short=short or {})
    given = flags(**read(command, arguments))
    check_ranges(given)
    if given.greedy and given.stochastic:
        raise SettingsError("--greedy and --stochastic contradict: give one of them, or none to play as recorded")
    return given


def quiet_jax() -> None:
    """Acting needs a CPU alone, one thread of it, and no compiling when that was done before."""
    from a3c.processes.compilation_cache import use_compilation_cache
    from a3c.processes.starting import WORKER_ENVIRONMENT

    os.environ.update(WORKER_ENVIRONMENT)
    use_compilation_cache()


def saved_checkpoint(flags: ModelFlags, command: str) -> Any:
    """A run folder's `best` or `latest` checkpoint, or that of a file, whose environment may be made."""
    from a3c.environments.importing import import_all
    from a3c.environments.modules import check_modules
    from a3c.runs.checkpoint import Checkpoint
    from a3c.runs.files import exists
    from a3c.runs.folder import RunFolder

    path = flags.run
    import_all(flags.import_modules)
    if not exists(path):
        raise RunFolderError(f"there is no run folder or checkpoint {path}")
    checkpoint = RunFolder.open(path).load(flags.checkpoint) if path.is_dir() else Checkpoint.load(path)
    again = f"a3c {command} {shlex.quote(str(path))} --import-module"
    check_modules(checkpoint.config, flags.import_modules, path, lambda module: f"{again} {module}")
    return checkpoint


def checkpoint_name(flags: ModelFlags) -> str:
    """Which one that is, for people: a run that has no best one yet plays its latest."""
    from a3c.runs.folder import RunFolder

    if not flags.run.is_dir():
        return flags.run.name
    is_there = RunFolder(flags.run).checkpoint_path(flags.checkpoint).exists()
    return f"{flags.checkpoint if is_there else 'latest'} checkpoint"
