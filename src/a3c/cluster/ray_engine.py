"""Ray as an engine: stations are actors, one on each node. The one file that imports Ray."""

import logging
import os
import threading
import time
from collections.abc import Hashable
from typing import Any

import ray
from ray.exceptions import ActorDiedError, ActorUnavailableError, RayError
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from a3c.cluster.delivery import Answer, Lost, News
from a3c.cluster.station import begin
from a3c.errors import ProcessError, brief
from a3c.processes.reaching import answers, resolved

LOOK_EVERY = 1.0
"""Seconds between two looks whether the head is there."""
FORGOTTEN_AFTER = 300.0
"""Seconds after which a station that nobody asks any more ends."""
GONE_AFTER = 5
"""Looks in a row at which it was not, until it counts as lost."""


class RayEngine:
    """Of a cluster by its address, or `auto`: that which this machine is a part of.

    An actor's question is never asked again, so that what it delivers is taken in once at most; and no actor is started
    anew by Ray, as a relay knows better when and where. Actors end with the process that started them.
    """

    def __init__(self, cluster: str):
        self._address = resolved(cluster)
        ray.init(address=self._address, log_to_driver=False, logging_level=logging.CRITICAL)
        self._open: dict[Any, Any] = {}
        """The station that each open question was put to."""
        self._head_is_lost = threading.Event()
        threading.Thread(target=self._watch, daemon=True, name="watch the head").start()

    def _watch(self) -> None:
        """Without its head a cluster neither starts nor ends anything, and questions to it may take for ever."""
        missed, ended = 0, threading.Event()
        while missed < GONE_AFTER:
            ended.wait(LOOK_EVERY)
            missed = 0 if answers(self._address, LOOK_EVERY) else missed + 1
        self._head_is_lost.set()

    def _check_head(self) -> None:
        if self._head_is_lost.is_set():
            raise ProcessError(f"the head of the cluster at {self._address} is lost")

    def places(self) -> list[str]:
        self._check_head()
        # To ask a head that is gone would take a minute.
        if not answers(self._address, LOOK_EVERY):
            return []
        return [node["NodeID"] for node in ray.nodes() if node["Alive"]]

    def start(self, place: str, versions: dict[str, str], task: bytes) -> Hashable:
        where = NodeAffinitySchedulingStrategy(place, soft=False)
        return _Station.options(scheduling_strategy=where).remote(versions, task)

    def exchange(self, station: Any, snapshot: Any, news: News) -> None:
        self._open[station.exchange.remote(snapshot, news)] = station

    def wait(self, timeout: float) -> list[tuple[Hashable, Answer]]:
        self._check_head()
        if not self._open:
            self._head_is_lost.wait(timeout)
            return []
        ready, _ = ray.wait(list(self._open), timeout=timeout)
        # One more look, as others may have answered meanwhile.
        ready, _ = ray.wait(list(self._open), num_returns=len(self._open), timeout=0) if ready else ([], [])
        return [(self._open.pop(question), _answer(question)) for question in ready]

    def kill(self, station: Any) -> None:
        self._open = {question: asked for question, asked in self._open.items() if asked != station}
        if not self._head_is_lost.is_set():
            ray.kill(station)

    def put(self, snapshot: Any) -> Any:
        return ray.put(snapshot)


def _answer(question: Any) -> Answer:
    try:
        return ray.get(question)
    except RayError as error:
        said = str(error)
        if "No module named 'a3c'" in said:
            return Lost("a3c is not installed there: install it as here, in the Python that runs Ray", final=True)
        if isinstance(error, ActorUnavailableError):
            return Lost("its machine cannot be reached")
        if isinstance(error, ActorDiedError):
            return Lost("its process or its machine is gone")
        return Lost(brief(said.partition("\n")[0]))


@ray.remote(num_cpus=0, max_restarts=0, max_task_retries=0)
class _Station:
    """It takes the cores of its machine without asking Ray for them: what else runs there is the user's to say."""

    def __init__(self, versions: dict[str, str], task: bytes):
        self._asked = time.monotonic()
        threading.Thread(target=self._watch, daemon=True, name="end when forgotten").start()
        self._answers = begin(versions, task)

    def _watch(self) -> None:
        """Where the head is gone too, nobody ends an actor."""
        while time.monotonic() - self._asked < FORGOTTEN_AFTER:
            time.sleep(LOOK_EVERY)
        os._exit(1)

    def exchange(self, snapshot: Any, news: News) -> Answer:
        self._asked = time.monotonic()
        return self._answers(snapshot, news)
