"""What the main process gives a worker or learner, and what it is told. Importing this takes no JAX."""

import os
import pickle
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from a3c.algorithm.builtin import BUILT_IN
from a3c.config import TrainConfig
from a3c.environments.spaces import Layout
from a3c.processes.pulse import Pulse
from a3c.sharing.exchange import Exchange
from a3c.sharing.parameter_store import ParameterStore


@dataclass
class Task:
    """What tells one process from another, and what they share."""

    index: int
    """The worker's number, from 0; a learner's comes after those of the workers."""
    config: TrainConfig
    store: ParameterStore
    seed: np.random.SeedSequence
    exchange: Exchange = field(default_factory=Exchange)
    pulse: Pulse = field(default_factory=lambda: Pulse(1, shared=False))
    """Of all workers."""
    platforms: str | None = field(default_factory=lambda: os.environ.get("JAX_PLATFORMS"))
    """Where the user wants JAX to run, for the learner: workers run on the CPU."""
    replaces: int | None = None
    """The process whose place it takes, with all that it held, where a worker has failed."""
    station: tuple[int, int] = (0, 1)
    """The number of this machine's station, and how many there are; of a run on one machine 0 of 1."""

    def __getstate__(self) -> dict[str, Any]:
        """What a script defines, such as an algorithm of its own, travels by value."""
        if self.config.algorithm.name in BUILT_IN:
            return self.__dict__
        import cloudpickle

        return self.__dict__ | {"config": cloudpickle.dumps(self.config)}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        if isinstance(state["config"], bytes):
            self.config = pickle.loads(state["config"])

    @property
    def is_learner(self) -> bool:
        return self.index >= self.config.worker_processes

    @property
    def number(self) -> int:
        """The worker's among those of all stations, whose workers are numbered in turn: a station may have any number
        of them."""
        station, stations = self.station
        return station + stations * self.index

    @property
    def name(self) -> str:
        if self.is_learner:
            return "learner"
        return f"relay {self.index}" if self.config.relays else f"worker {self.number}"

    def failed(self, why: str) -> str:
        """The line that says so."""
        return f"{self.name} failed ({self.config.environment}, seed {self.config.seed}): {why}"


BEGAN, LOST = "station began", "station lost"
"""What `events.csv` calls what befell a station."""


class Mishap(NamedTuple):
    """What befell a station, or one of its workers, and did not end the run."""

    line: str
    """For people."""
    event: str = ""
    """In `events.csv`; nothing where it is no more than a remark."""
    what: str = ""
    worker: int | None = None
    station: int | None = None
    replaced: bool = False
    """Whether a worker was."""
    traceback: str = ""


class PackedWork(NamedTuple):
    """What all workers work with (`Work`), packed."""

    pickled: bytes
    layout: Layout
    description: str
    made: Any = None
    """What was packed, in the process that did; None where it came from another."""
    notes: tuple[str, ...] = ()


class EpisodeRecord(NamedTuple):
    """A row of `episodes.csv`, less the worker; `seconds` is on the clock of `time.monotonic`."""

    step: int
    seconds: float
    return_: float
    length: int
    turn: int | None = None
    """In which it ended, where workers have an order."""
    infos: tuple[float, ...] = ()
    """What `info` said of it, for each key of `track_info`; nan where it said nothing."""


class Played(NamedTuple):
    """What one player's share of an Assignment came to."""

    player: int
    """A worker's number; 0 where there is one player."""
    number: int
    """Of the assignment."""
    returns: list[float]
    lengths: list[int]
    cut: int
    """How many of the episodes were cut."""
    info: Mapping[str, list[float]] = {}
    """By the keys of `track_info`, what `info` said of each episode; nan where it said nothing."""


@dataclass
class Report:
    """What happened in a worker or learner since its last report."""

    worker: int
    episodes: list[EpisodeRecord] = field(default_factory=list)
    updates: int = 0
    lag: float = 0.0
    """Policy lag, summed over the updates."""
    waiting: int = 0
    """Segments that waited for the learner, summed over the updates."""
    diagnostics: dict[str, float] = field(default_factory=dict)
    """Means over the updates."""
    threads: dict[str, int] = field(default_factory=dict)
    """A learner's threads by their duty."""
    first_update: float | None = None
    largest_reward: float = 0.0
    """The largest training reward, without its sign."""
    largest_observation: float = 0.0
    """The largest number that episodes start with and a network sees as it is, without its sign; in a first report."""
    played: Played | None = None
    """Its share of the episodes that all workers were to play."""
    remarks: dict[str, str] = field(default_factory=dict)
    """What people should know of the environments, by what it is about: each is said once a run."""
    turn: int | None = None
    """The last that it is of, where workers have an order."""
    row: dict[str, int] | None = None
    """Set where this is the last that the process tells before a row of metrics: the counters of the row, as far as the
    process knows them."""
    relay: int | None = None
    """Which relay passes it on, of a worker in a station."""
    mishaps: list[Mishap] = field(default_factory=list)
    """What befell stations."""
    waits: bool = False
    """Whether this process waits for all others, in a pause or at a boundary, and has said all that was before it."""

    @property
    def process(self) -> int:
        """Which process of this machine sent it."""
        return self.worker if self.relay is None else self.relay


@dataclass
class Failure:
    """What a process says when it has raised, before environments are closed; no traceback where the message says it
    all."""

    message: str
    traceback: str


class Finished:
    """What a process says when its work is done; a worker then closes its environments."""
