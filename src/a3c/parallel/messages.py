"""What the main process gives a worker, and what a worker tells it. Importing this takes no JAX."""

from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from a3c.config import TrainConfig
from a3c.parallel.parameter_store import ParameterStore


@dataclass
class WorkerTask:
    """What tells one worker from another, and what they share."""

    index: int
    config: TrainConfig
    store: ParameterStore
    seed: np.random.SeedSequence


class EpisodeRecord(NamedTuple):
    """A row of `episodes.csv`, less the worker; `seconds` is on the clock of `time.monotonic`."""

    step: int
    seconds: float
    return_: float
    length: int


@dataclass
class Report:
    """What happened in a worker since its last report."""

    worker: int
    episodes: list[EpisodeRecord] = field(default_factory=list)
    updates: int = 0
    lag: int = 0
    diagnostics: dict[str, float] = field(default_factory=dict)
    first_update: float | None = None


@dataclass
class Failure:
    """What a process says before it ends with an exception; no traceback where the message says it all."""

    message: str
    traceback: str


class Finished:
    """What a worker says before it ends as it should."""
