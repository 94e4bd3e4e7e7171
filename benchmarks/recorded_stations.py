"""Stations that deliver recorded segments, for `cluster.py`: in a module that started processes import by its name."""

import pickle
import time
from typing import Any

from a3c.cluster import engine
from a3c.cluster.delivery import Delivery
from a3c.cluster.station import Station


def serve_recorded(connection: Any, versions: dict[str, str], task: bytes) -> None:
    """A station for as long as it takes to record what it delivers, which it then delivers again and again: what a
    relay has to take in, and nothing else."""
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
