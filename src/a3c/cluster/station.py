"""A Station: the workers of one machine, and what stands there for what is shared on another.

    station.exchange(snapshot, news)        gives a Delivery

Its workers are those of any run, under a Supervisor, with a store, a queue and published parameters of their own. Where
they learn, they do so without locks in that store, and stations exchange how far each has moved the parameters
(Downpour SGD, Dean et al. 2012). The optimizer's state is each station's own: it is a mean over gradients that are
alike everywhere, and sending it would take K times the bytes.
"""

import pickle
import socket
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from a3c.cluster.delivery import Answer, Delivery, Lost, News, StationTask
from a3c.cluster.packing import Packed, Packing
from a3c.cluster.settings import of_station
from a3c.errors import A3CError, WorkerError, described
from a3c.learning.snapshot import Snapshot
from a3c.machine import versions as versions_here
from a3c.processes.pulse import Pulse
from a3c.roles.messages import Failure, Mishap, Report, Task
from a3c.rollout.segment import Segment
from a3c.sharing.assignment import Assignment
from a3c.sharing.course import Course
from a3c.sharing.exchange import Exchange
from a3c.sharing.parameter_store import ParameterStore
from a3c.sharing.published import PublishedSnapshots
from a3c.sharing.segment_queue import SegmentQueue
from a3c.training.restarting import Death, Restarts
from a3c.training.supervisor import Supervisor

ANSWER_WITHIN = 0.2
"""Seconds that a station waits for something to say."""
REMEMBERED = 100_000
"""What was published last, of which the versions are known: a segment may take a while to collect."""


class Station:
    """Starts its workers; they are no more when it is left by `close`, or its process ends."""

    def __init__(self, task: StationTask):
        self._number, self._host = task.number, socket.gethostname()
        config = of_station(task.config)
        workers, start = config.workers or 1, task.snapshot
        self._workers = workers
        self.store = ParameterStore(
            start.parameters,
            task.optimizer_state,
            workers,
            counts=task.counts,
            normalizes=task.layout.statistics,
            statistics=start.statistics,
            moments=task.moments,
            target=start.target,
        )
        self._exchange = Exchange(assignment=Assignment(start), course=Course(config, task.counts["steps"]))
        self._ships_segments = config.algorithm.ships == "segments"
        if self._ships_segments:
            like = Segment.zeros(config, config.environments_each, task.layout)
            # Whose segment was not taken yet waits: the next would be older when it is learned from.
            self._exchange.queue = SegmentQueue(like, workers, self.store, reserves=True)
            # Numbered by what came, as not every version does.
            self._exchange.published = PublishedSnapshots(replace(start, version=0))
        self._versions, self._published = {0: start.version}, 0
        self._packing = Packing()
        self._pulse = Pulse(workers, shared=True)
        self._synced = start.parameters
        self._delivered, self._skipped = self.store.counted, 0
        self._reports: list[Report] = []
        self._mishaps: list[Mishap] = []
        self._failure: Failure | None = None
        self._ended = False
        seeds = task.seed.spawn(workers)
        self._tasks = [
            Task(index, config, self.store, seed, self._exchange, self._pulse, station=(task.number, task.stations))
            for index, seed in enumerate(seeds)
        ]
        self._step_timeout = config.step_timeout
        self._supervisor = Supervisor(self._tasks, task.work, Restarts(config, self._tell, together=False))
        self._supervisor.__enter__()

    def close(self) -> None:
        """Ends what still runs, at once."""
        self._supervisor.kill()

    def exchange(self, snapshot: Snapshot | None, news: News) -> Delivery:
        """Takes what others have learned, None where that is nothing new, and gives what there is here."""
        counts = {name: news.totals[name] - self._delivered[name] for name in ("steps", "episodes")}
        self.store.set_elsewhere(counts, news.moments)
        if news.ends:
            self.store.stop()
        self._follow(news.ends)
        segments, change = [], None
        if self._ships_segments:
            self._publish(snapshot)
            segments = self._take(news.most, news.link)
        elif snapshot is not None:
            change = self._sync(snapshot)
        return self._deliver(segments, change, news.keeps)

    def _publish(self, snapshot: Snapshot | None) -> None:
        if snapshot is not None:
            self._published += 1
            self._versions[self._published] = snapshot.version
            self._versions.pop(self._published - REMEMBERED, None)
            self._exchange.published.publish(replace(snapshot, version=self._published))

    def _take(self, most: int, link: float) -> list[tuple[Packed, float]]:
        """The segments that there are, after waiting a little for the first."""
        segments, timeout = [], 0.0 if self._ended else ANSWER_WITHIN
        while len(segments) < most and (batch := self._exchange.queue.get(1, timeout)) is not None:
            segments.append((self._packing.pack(batch.segment, link), self._versions[int(batch.version)]))
            timeout = 0.0
        return segments

    def _sync(self, snapshot: Snapshot) -> np.ndarray:
        """How far workers here have moved the parameters, to which what others did is added meanwhile."""
        change = self.store.parameters - self._synced
        self.store.absorb(snapshot.parameters - self._synced)
        self._synced = snapshot.parameters + change
        return change

    def _follow(self, ends: bool) -> None:
        """Takes in what the workers say; where they have nothing more to do, or are to end, until they have ended."""
        if self._ended:
            return
        try:
            self._hear(self._supervisor.reports(0.0))
            for index, why in self._pulse.late(self._step_timeout):
                self._supervisor.give_up(index, why)
            if ends or not self._supervisor.alive:
                self._ended = True
                self._hear(self._supervisor.finish(lambda: True))
        except WorkerError as error:
            self._ended = True
            self._failure = Failure(f"{self._name}: {error}", error.traceback)
            self._supervisor.kill()
        self._mishaps += [Mishap(f"{self._name}: {line}") for line in self._pulse.look()]

    @property
    def _name(self) -> str:
        return f"station {self._number} ({self._host})"

    def _hear(self, reports: Any) -> None:
        for report in reports:
            report.worker = self._tasks[report.worker].number
            self._reports.append(report)

    def _tell(self, death: Death, replaced: bool) -> None:
        number = self._tasks[death.worker].number
        line = f"worker {number} of {self._name} failed: {death.message}"
        line += "; another has taken its place" if replaced else ""
        event = "replaced" if replaced else "failed"
        self._mishaps.append(
            Mishap(line, event, death.message, number, self._number, replaced, death.traceback),
        )

    def _deliver(self, segments: list[tuple[Packed, float]], change: np.ndarray | None, keeps: bool) -> Delivery:
        counted, skipped = self.store.counted, self.store.setbacks.skipped
        delivery = Delivery(
            number=self._number,
            host=self._host,
            workers=self._workers,
            counts={name: count - self._delivered[name] for name, count in counted.items()},
            moments=self.store.moments_besides(self._workers),
            clock=time.monotonic(),
            segments=segments,
            change=change,
            state=(self.store.optimizer_state, self.store.target) if keeps else None,
            skipped=skipped - self._skipped,
            reports=self._reports,
            mishaps=self._mishaps,
            failure=self._failure,
            # And nothing is left to take.
            ended=self._ended and not (self._ships_segments and len(self._exchange.queue)),
        )
        self._delivered, self._skipped, self._reports, self._mishaps = counted, skipped, [], []
        if keeps and np.isfinite(self.store.parameters).all():
            floats = np.vstack([self.store.parameters, self.store.optimizer_state])
            self.store.setbacks.keep(floats, self.store.statistics)
        return delivery


def begin(versions: dict[str, str], packed: bytes) -> Callable[[Snapshot | None, News], Answer]:
    """In a process on a station's machine: what answers, from a packed StationTask that was made with these versions.

    What keeps it from beginning is its answer, in one line.
    """
    try:
        check_versions(versions)
        return Station(pickle.loads(packed)).exchange
    except A3CError as error:
        lost = Lost(f"on {socket.gethostname()}, {error}", final=True)
    except Exception as error:
        lost = Lost(f"it could not begin on {socket.gethostname()}: {described(error)}", final=True)
    return lambda snapshot, news: lost


def check_versions(versions: dict[str, str]) -> None:
    """Raises A3CError where another version of something is here than on the learner's machine."""
    here = versions_here()
    for name, there in versions.items():
        if here[name] != there:
            raise A3CError(f"{name} is {here[name]} here, but {there} where the learner is: install the same")
