"""Engines: by what a relay starts stations and talks to them.

In use:

    station = engine.start(place, versions, task)
    engine.exchange(station, snapshot, news)
    for station, answer in engine.wait(0.1): ...      a Delivery, or Lost; then it may be asked again
    engine.kill(station)

What starts with `engine.put(snapshot)` may be given to several in place of the snapshot.
"""

import importlib
import pickle
from collections.abc import Callable, Hashable
from contextlib import suppress
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from queue import Empty, SimpleQueue
from threading import Thread
from typing import Any, Protocol

from a3c.cluster import station
from a3c.cluster.delivery import Answer, Lost, News
from a3c.config.cluster import PIPES
from a3c.processes.starting import cause_of_death, end_with_parent, kill, start


class Engine(Protocol):
    """Starts stations where it can, and passes on what they are told and what they say.

    Each is to be killed in the end, also one that is Lost. Raises ProcessError where there is nothing any more that
    they could be started on.
    """

    def places(self) -> list[str]:
        """The machines on which there may be a station now, one on each."""
        ...

    def start(self, place: str, versions: dict[str, str], task: bytes) -> Hashable:
        """Has a station begin there, with this packed StationTask; what goes wrong is its first answer."""
        ...

    def exchange(self, station: Hashable, snapshot: Any, news: News) -> None:
        """Asks it, once at a time."""
        ...

    def wait(self, timeout: float) -> list[tuple[Hashable, Answer]]:
        """What has been answered, or none within so many seconds."""
        ...

    def kill(self, station: Hashable) -> None:
        """Ends it at once."""
        ...

    def put(self, snapshot: Any) -> Any:
        """What stands for a large snapshot in `exchange`."""
        ...


class PipesEngine:
    """Stations are processes on this machine, and the end of this process is theirs.

    A thread each talks to them, so that one that hangs with half of a question in its pipe holds up no other.
    """

    def __init__(self, stations: int, life: Callable[..., None] | None = None):
        """`life(connection, versions, task)` is what the process of one does, `serve` by default."""
        self._life = life or serve
        self._places = [f"here {number}" for number in range(stations)]
        self._questions: dict[BaseProcess, SimpleQueue] = {}
        self._answers: SimpleQueue[tuple[Hashable, Answer]] = SimpleQueue()

    def places(self) -> list[str]:
        return self._places

    def start(self, place: str, versions: dict[str, str], task: bytes) -> BaseProcess:
        ours, theirs = Pipe()
        process = start(self._life, (theirs, versions, task), "a3c-station", method="spawn")
        theirs.close()
        self._questions[process] = questions = SimpleQueue()
        Thread(target=self._talk, args=(process, ours, questions), daemon=True, name="talk to a station").start()
        return process

    def _talk(self, process: BaseProcess, connection: Connection, questions: SimpleQueue) -> None:
        """The thread for a station: until it is gone, or None is put."""
        with connection:
            try:
                while (question := questions.get()) is not None:
                    connection.send(question)
                    self._answers.put((process, connection.recv()))
            except (EOFError, OSError, pickle.UnpicklingError):
                process.join(1.0)
                self._answers.put((process, Lost(cause_of_death(process))))

    def exchange(self, station: Any, snapshot: Any, news: News) -> None:
        self._questions[station].put((snapshot, news))

    def wait(self, timeout: float) -> list[tuple[Hashable, Answer]]:
        answers: list[tuple[Hashable, Answer]] = []
        with suppress(Empty):
            answers.append(self._answers.get(timeout=timeout))
            while True:
                answers.append(self._answers.get_nowait())
        return [(station, answer) for station, answer in answers if station in self._questions]

    def kill(self, station: Any) -> None:
        self._questions.pop(station).put(None)
        kill(station)
        station.join(1.0)

    def put(self, snapshot: Any) -> Any:
        return snapshot


def serve(connection: Connection, versions: dict[str, str], task: bytes) -> None:
    """The process of a station on this machine."""
    end_with_parent()
    answers = station.begin(versions, task)
    try:
        while True:
            connection.send(answers(*connection.recv()))
    except (EOFError, OSError):
        # Nobody asks any more.
        return


def make_engine(cluster: str, stations: int) -> Engine:
    """The one that the setting `cluster` names. Raises SettingsError and ProcessError in one line."""
    if cluster == PIPES:
        return PipesEngine(stations)
    # By its name, as Ray is not installed with this package.
    return importlib.import_module("a3c.cluster.ray_engine").RayEngine(cluster)
