"""Stations that deliver recorded segments, for `cluster.py`: in a module that started processes import by its name."""

import pickle
import time
from typing import Any

from a3c.cluster import engine
from a3c.cluster.delivery import Delivery
from a3c.cluster.station import Station


class Recorded(engine.PipesEngine):
    """Stations that answer at once, with the same recorded segments: what a relay has to take in, and nothing else."""

    def start(self, place: str, versions: dict[str, str], task: bytes) -> Any:
        process = engine.start(serve_recorded, (theirs := self._pipe(), task), "a3c-recorded", method="spawn")
        theirs.close()
        self._stations[process] = self._ours
        return process

    def _pipe(self) -> Any:
        self._ours, theirs = engine.Pipe()
        return theirs


def serve_recorded(connection: Any, task: bytes) -> None:
    """A station for as long as it takes to record what it delivers, which it then delivers again and again."""
    engine.end_with_parent()
    station = Station(pickle.loads(task))
    delivered: Delivery | None = None
    try:
        while True:
            asked = connection.recv()
            if delivered is None:
                now = station.exchange(*asked)
                if len(now.segments) > 0 and not now.reports:
                    station.close()
                    delivered = now
                connection.send(now)
            else:
                delivered.clock, delivered.ended = time.monotonic(), asked[1].ends
                connection.send(delivered)
    except (EOFError, OSError):
        return
