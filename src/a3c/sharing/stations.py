"""Stations: what the relays of a run know of the stations that they talk to, for each other and the main process."""

import time
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from a3c.environments.spaces import Layout
from a3c.processes.shared_memory import FileLock, SharedArray

ROW = np.dtype(
    [
        ("place", "S64"),
        ("host", "S64"),
        ("workers", np.int64),
        ("steps", np.int64),
        ("lag", np.float64),
        ("lagged", np.int64),
        ("bytes", np.int64),
        ("restarts", np.int64),
        ("worker_restarts", np.int64),
        ("answered", np.float64),
    ]
)
"""Where a station is: what the engine calls the machine, and what it calls itself; its workers; the steps that came of
them, the policy lag summed over so many of what they sent, and the bytes of that; how often it was replaced, and
workers of it; when it answered last, on `time.monotonic`, 0 while there is none."""


class StationFigures(NamedTuple):
    """Of one station, since the run was begun or resumed."""

    host: str
    workers: int
    steps: int
    lag: float | None
    """Policy lag, a mean over segments or updates."""
    bytes: int
    """That were sent to it and by it, compressed where they were."""
    restarts: int
    worker_restarts: int


class Stations:
    """Of one run: a row each, which is written by the relay that talks to it."""

    def __init__(self, count: int, layout: Layout):
        self.layout = layout
        """Of the steps that they take."""
        self._rows, self._lock = SharedArray((count,), ROW), FileLock()

    def __len__(self) -> int:
        return len(self._rows.array)

    def claim(self, station: int, places: Sequence[str]) -> str | None:
        """Gives a station one of these places that no other has; None where all are taken."""
        with self._lock:
            taken = {place.decode() for place in self._rows.array["place"]}
            free = next((place for place in places if place not in taken), None)
            if free is not None:
                self._rows.array[station]["place"] = free.encode()
            return free

    def leave(self, station: int) -> None:
        """It is no more, and its place is free."""
        with self._lock:
            row = self._rows.array[station]
            row["place"], row["answered"] = b"", 0.0

    def add(self, station: int, **amounts: float) -> None:
        """Adds to what is counted of it: `steps`, `lag`, `lagged`, `bytes`, `restarts`,
        `worker_restarts`."""
        for name, amount in amounts.items():
            self._rows.array[station][name] += amount

    def answers(self, station: int, host: str, workers: int) -> None:
        """It has, at this moment."""
        row = self._rows.array[station]
        row["host"], row["workers"], row["answered"] = host.encode()[:64], workers, time.monotonic()

    @property
    def restarts(self) -> int:
        """Stations that were replaced."""
        return int(self._rows.array["restarts"].sum())

    @property
    def last_answer(self) -> float:
        """When any of them answered last, on `time.monotonic`; 0 where none has."""
        return float(self._rows.array["answered"].max())

    @property
    def ready(self) -> list[bool]:
        """Of each that has a place, whether it has taken steps."""
        with self._lock:
            return [bool(row["steps"]) for row in self._rows.array if row["place"]]

    @property
    def working(self) -> int:
        """How many there are that have answered."""
        return int((self._rows.array["answered"] > 0).sum())

    def figures(self) -> list[StationFigures]:
        """Of those that have ever answered."""
        return [_figures(row) for row in self._rows.array if row["workers"]]


def _figures(row: Any) -> StationFigures:
    lag = round(float(row["lag"]) / int(row["lagged"]), 3) if row["lagged"] else None
    counts = (int(row[name]) for name in ("bytes", "restarts", "worker_restarts"))
    return StationFigures(row["host"].decode(), int(row["workers"]), int(row["steps"]), lag, *counts)
