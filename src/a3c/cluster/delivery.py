"""What travels between a relay and a station."""

import math
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from a3c.cluster.packing import Packed
from a3c.config import TrainConfig
from a3c.environments.spaces import Layout
from a3c.learning.snapshot import Snapshot
from a3c.roles.messages import Failure, Mishap, Report


@dataclass(frozen=True)
class StationTask:
    """What a station begins with: the run as it is then."""

    number: int
    """The station's, from 0."""
    stations: int
    config: TrainConfig
    layout: Layout
    work: bytes
    """What its workers work with, packed."""
    seed: np.random.SeedSequence
    snapshot: Snapshot
    optimizer_state: np.ndarray
    """`[K, P]`."""
    counts: dict[str, int]
    moments: np.ndarray
    """Of all that was observed until then."""


class News(NamedTuple):
    """What a station is told of the run."""

    totals: dict[str, int]
    """The counters of all, with what this station has delivered."""
    moments: np.ndarray
    """Of what others have observed."""
    ends: bool = False
    """Whether it is to finish what it does, and to end."""
    keeps: bool = False
    """Whether its optimizer's state is asked for."""
    most: int = 1
    """Segments that it may deliver at once."""
    link: float = math.inf
    """Bytes a second that come from it, as far as is known."""


@dataclass
class Delivery:
    """What a station has to say since it was asked last."""

    number: int
    host: str
    workers: int
    counts: dict[str, int]
    """Steps and episodes that were counted, and updates that were made."""
    moments: np.ndarray
    """Of all that it has observed since it began."""
    clock: float
    """Its `time.monotonic` when it was sent."""
    segments: list[tuple[Packed, float]] = field(default_factory=list)
    """What was collected, each with the version of the parameters that it was collected with."""
    change: np.ndarray | None = None
    """`[P]`: how far its workers have moved the parameters."""
    state: tuple[np.ndarray, np.ndarray] | None = None
    """Its optimizer's, and its target network, where they were asked for."""
    skipped: int = 0
    """Updates that were not finite."""
    reports: list[Report] = field(default_factory=list)
    """Of its workers, with their numbers among those of all stations, and its own clock."""
    mishaps: list[Mishap] = field(default_factory=list)
    failure: Failure | None = None
    """Why it has ended, where that is to end the run."""
    ended: bool = False
    """Whether it has nothing more to do."""

    @property
    def size(self) -> int:
        """Bytes of its arrays, which is nearly all that it takes."""
        return sum(packed.size for packed, _ in self.segments) + (0 if self.change is None else self.change.nbytes)


class Lost(NamedTuple):
    """A station is no more."""

    why: str
    final: bool = False
    """Whether another in its place would fail too."""


Answer = Delivery | Lost
