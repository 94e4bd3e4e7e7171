"""What is measured of the stations of a run: for its rows of metrics, its progress and its summary."""

import time
from typing import Any

from a3c.runs.summaries import StationSummary
from a3c.sharing.stations import Stations
from a3c.training.clock import Clock


class StationMeasures:
    """Of the stations of a cluster; of a run without one there are none, and nothing is said."""

    def __init__(self, stations: Stations | None, clock: Clock, steps_before: int):
        self._stations, self._clock, self._before = stations, clock, steps_before
        self._bytes, self._then = 0, time.monotonic()

    @property
    def working(self) -> int | None:
        """How many have answered, of those there are."""
        return None if self._stations is None else self._stations.working

    def row(self) -> dict[str, Any]:
        """What a row of metrics says of the time since the one before."""
        if self._stations is None:
            return {}
        now, sent = time.monotonic(), sum(station.bytes for station in self._stations.figures())
        rate = (sent - self._bytes) / max(now - self._then, 1e-9)
        self._bytes, self._then = sent, now
        return {
            "stations": self._stations.working,
            "station_bytes_per_second": round(rate),
            "station_restarts": self._stations.restarts,
        }

    def summary(self) -> list[StationSummary]:
        """What each came to."""
        return [] if self._stations is None else [self._of(station) for station in self._stations.figures()]

    def _of(self, station: Any) -> StationSummary:
        rate = self._clock.mean_rate(self._before + station.steps)
        return {
            "host": station.host,
            "workers": station.workers,
            "steps": station.steps,
            "steps_per_second": None if rate is None else round(rate, 1),
            "policy_lag": station.lag,
            "bytes_per_step": round(station.bytes / station.steps, 1) if station.steps else None,
            "restarts": station.restarts,
            "worker_restarts": station.worker_restarts,
        }
