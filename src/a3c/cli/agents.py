"""Agents from what is saved, for the commands that only act."""

import os
from pathlib import Path
from typing import Any

from a3c.errors import RunFolderError


def quiet_jax() -> None:
    """Acting needs a CPU alone, one thread of it, and no compiling when that was done before."""
    from a3c.parallel.processes import WORKER_ENVIRONMENT, use_compilation_cache

    os.environ.update(WORKER_ENVIRONMENT)
    use_compilation_cache()


def saved_agent(path: Path, which: str) -> Any:
    """The agent of a run folder's `best` or `latest` checkpoint, or of a checkpoint file."""
    from a3c.agent import agent_from
    from a3c.runs.checkpoint import Checkpoint
    from a3c.runs.folder import RunFolder

    if not path.exists():
        raise RunFolderError(f"there is no run folder or checkpoint {path}")
    return agent_from(RunFolder.open(path).load(which) if path.is_dir() else Checkpoint.load(path))
