"""The errors a user may want to catch. Each message is one line that says what to do."""

import traceback
from typing import Any


class A3CError(Exception):
    """Base of every error this package raises on purpose.

    `exit_status` is what the command line leaves with: 2 for a mistake in what was asked, 1 for a run that failed.
    """

    exit_status = 2


class SettingsError(A3CError, ValueError):
    """A setting is out of range, unknown, or contradicts another."""


class InvalidEnvironment(A3CError):
    """The environment is unknown, not installed, or fails while it is made."""


class UnsupportedSpace(A3CError):
    """The environment's observation or action space is not one that the policies here can handle."""


class InvalidObservation(A3CError, ValueError):
    """What an agent was given to act on is no observation of its environment, nor a batch of them."""


class ExportError(A3CError, ValueError):
    """What an agent is has no form in the format that it was to be exported to, or what was exported acts otherwise."""


class AgentLearning(A3CError, RuntimeError):
    """The agent was asked to act, to be saved or to learn while `learn` runs, with the parameters from before it."""


class TrainingDiverged(A3CError):
    """Gradients were not finite, also after training went back; or what was to be saved is not."""

    exit_status = 1


class RunFolderError(A3CError):
    """The run folder cannot be used: it already holds a run, holds none, or cannot be written."""


class CheckpointError(A3CError):
    """A checkpoint is truncated, damaged, foreign, or belongs to other spaces or another network."""


class DiskError(A3CError):
    """Writing to the run folder failed while training, as on a full disk."""

    exit_status = 1


class ProcessError(A3CError):
    """A process that training needs could not be started, or was killed while it worked for the main process."""

    exit_status = 1


class OutputError(A3CError):
    """What a command or a progress line prints could not be written, as to a closed pipe or a full disk."""

    exit_status = 1


class WorkerError(A3CError):
    """A worker raised, died or hung, and was not replaced; carries the worker's number and, where there is one, its
    traceback."""

    exit_status = 1

    def __init__(self, message: str, worker: int, traceback: str = ""):
        super().__init__(message)
        self.worker = worker
        self.traceback = traceback

    def __reduce__(self) -> tuple[type["WorkerError"], tuple[str, int, str]]:
        """As pickle makes it again: by its message alone it could not be."""
        return type(self), (str(self), self.worker, self.traceback)


class TrainingWarning(UserWarning):
    """What keeps a run from learning well, and which setting helps: `learn` gives it where it shows no progress."""


def brief(value: Any, most: int = 200) -> str:
    """A value that nobody vouches for as part of a line: as Python writes it, text as it is where that is one line."""
    text = value if isinstance(value, str) and value.isprintable() else repr(value)
    return text if len(text) <= most else f"{text[:most]}..."


def install(extra: str) -> str:
    """What to do where an extra is missing, for an error. The package is not on PyPI, so it takes a clone."""
    return f"in a clone of a3c, pip install '.[{extra}]'"


def nearest(name: str, names: Any, spell: Any = str) -> str:
    """`; did you mean 'a' or 'b'?`, or nothing, for an error about an unknown `name`; `spell` gives what is written."""
    import difflib

    close = difflib.get_close_matches(name, list(names), n=3, cutoff=0.5)
    return f"; did you mean {' or '.join(repr(spell(c)) for c in close)}?" if close else ""


def described(error: BaseException) -> str:
    """Any exception in one line: its type and the first line it says; where it says nothing, where it was raised."""
    name = type(error).__name__
    said = next((line.strip() for line in str(error).splitlines() if line.strip()), None)
    if said is not None:
        # What is in backticks is a setting only where we say so.
        return f"{name}: {said if isinstance(error, A3CError) else said.replace('`', chr(39))}"
    raised = traceback.extract_tb(error.__traceback__)[-1:]
    return f"{name} in {raised[0].filename}, line {raised[0].lineno}: {raised[0].line}" if raised else name
