"""A relay: a process on the learner's machine that stands there for the workers of some stations.

It is started, watched and ended like a worker, and does with what is shared what they would do: it counts, puts
segments into the queue, adds to the parameters what was learned, and reports. A station that is lost is replaced.
"""

import time
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Any

import cloudpickle
import numpy as np

from a3c.cluster.delivery import Delivery, Lost, News, StationTask
from a3c.cluster.engine import Engine, make_engine
from a3c.cluster.packing import unpacked
from a3c.errors import WorkerError
from a3c.learning.snapshot import Snapshot
from a3c.machine import versions
from a3c.processes.tokens import LOOK_UP_EVERY, Stopped
from a3c.roles.messages import BEGAN, LOST, Mishap, Report, Task
from a3c.sharing.course import Verdict
from a3c.sharing.stations import Stations

LARGE = 100_000
"""Bytes of parameters from which on they are sent by reference, once for all stations, and not with every question:
below, that takes longer than sending them."""
BROADCAST_EVERY = 0.1
"""Seconds between two sendings of large parameters to a station."""
BYTES_A_SECOND = 10e6
"""What exchanges of changes take of a link for each station, where `sync_interval` says nothing else."""
OFTEN, SELDOM = 0.02, 1.0
"""Seconds between two of them, at least and at most."""
FORGETS = 0.98
"""What is left of how fast a link was seen to be, after another delivery."""
TOGETHER_WITHIN = 10.0
"""Seconds after the first of the stations that begin with a run, in which the others are waited for: annealing goes by
steps, which one of them alone would take meanwhile, of fewer environments than there are to be."""
GATHER_EVERY = 0.02
"""Seconds between two looks whether they are there."""
LOOK_EVERY = 0.001
"""Seconds between two looks whether the learner has room for more."""
AT_ONCE = 64
"""Segments of one delivery, at most."""
WAITED = 0.002
"""Seconds for each segment of a delivery beyond which the learner was waited for, and it had too many."""
KEEP_EVERY = 10.0
"""Seconds between two states of an optimizer that are fetched, for checkpoints and for stations that begin."""
NONE_FOR = 60.0
"""Seconds without any station after which the run ends; and without an answer, after which one is lost."""
FIRST_DELAY, LAST_DELAY = 1.0, 30.0
"""Seconds until a station that was lost is replaced: twice as many each time, until one has answered."""


def run(task: Task, work: bytes, send: Callable[[Report], None]) -> None:
    """A relay's whole life. Raises WorkerError where the run is to end with it."""
    relay = Relay(task, work, send, make_engine(task.config.cluster or "", task.config.station_count))
    relay.run()


@dataclass
class _Slot:
    """A station of this relay: the one there is, or that there is to be."""

    number: int
    row: int
    """Of what it has counted and observed, in the store."""
    handle: Hashable | None = None
    place: str = ""
    begun: int = 0
    """How often one has."""
    asked_at: float = 0.0
    waits: bool = False
    """Whether it has been asked, and has not answered."""
    due: float = 0.0
    """When it is to be asked next, or started."""
    delay: float = FIRST_DELAY
    moments: np.ndarray | None = None
    """What those before it have observed."""
    sent: float = -1.0
    """The version of the parameters that it has, and when it got it."""
    sent_at: float = 0.0
    others: tuple[int, int] = (0, 0)
    """The updates of others in the parameters that it got last, and in those before."""
    most: int = 1
    """Segments that it may deliver at once: more where the learner waits for them, fewer where they wait for it."""
    link: float = np.inf
    """Bytes a second that come from it; unknown before any have."""
    offset: float = np.inf
    """Seconds by which this machine's clock is ahead of its."""
    has_answered: bool = False
    """Whether the one there is has, ever."""
    ended: bool = False


class Relay:
    """Of the stations whose numbers, divided by that of the relays, leave the number of this one."""

    def __init__(self, task: Task, work: bytes, send: Callable[[Report], None], engine: Engine):
        self._task, self._work, self._send, self._engine = task, work, send, engine
        self._config, self._store, self._exchange = task.config, task.store, task.exchange
        assert task.exchange.stations is not None
        assert task.exchange.course is not None
        self._stations: Stations = task.exchange.stations
        self._course = task.exchange.course
        self._ships_segments = task.config.algorithm.ships == "segments"
        size = self._store.parameters.nbytes
        self._large = size > LARGE
        self._interval = task.config.sync_interval or min(max(2 * size / BYTES_A_SECOND, OFTEN), SELDOM)
        self._slots = [_Slot(row - task.config.processes, row) for row in task.config.rows_of(task.index)]
        if task.replaces is not None:
            # The stations of the one before have ended with it.
            for slot in self._slots:
                self._stations.leave(slot.number)
        self._put: tuple[float, float, Any] = (-1.0, 0.0, None)
        """What was put last: its version, when, and what stands for it."""
        self._kept = time.monotonic()
        self._answered = time.monotonic()
        """When there was a station last."""
        self._gathers_until: float | None = np.inf if self._ships_segments else None
        """When the learner gets segments at the latest, though not all stations have any yet; None once it does."""

    def run(self) -> None:
        """Until the run has ended, here and in the stations."""
        try:
            while not self._over():
                self._begin_missing()
                self._ask()
                answers = self._engine.wait(self._wait())
                then = time.monotonic()
                for handle, answer in answers:
                    slot = next(slot for slot in self._slots if slot.handle == handle)
                    if isinstance(answer, Lost):
                        self._lose(slot, answer)
                    else:
                        self._take(slot, answer)
                self._look(time.monotonic() - then)
        finally:
            for slot in self._slots:
                if slot.handle is not None:
                    self._engine.kill(slot.handle)

    @property
    def _is_to_end(self) -> bool:
        return self._store.stopping or self._course.verdict(self._store.totals()) is Verdict.END

    def _over(self) -> bool:
        return self._is_to_end and all(slot.handle is None for slot in self._slots)

    def _wait(self) -> float:
        """Seconds until something is due, at most those between two looks whether the run is to stop."""
        due = [slot.due for slot in self._slots if slot.handle is not None and not slot.waits]
        return min(max(min(due, default=np.inf) - time.monotonic(), 0.0), LOOK_UP_EVERY)

    def _begin_missing(self) -> None:
        missing = [slot for slot in self._slots if slot.handle is None and not slot.ended]
        if self._is_to_end or not any(time.monotonic() >= slot.due for slot in missing):
            return
        places = self._engine.places()
        for slot in missing:
            if time.monotonic() < slot.due:
                continue
            place = self._stations.claim(slot.number, places)
            if place is None:
                # Until a machine joins.
                slot.due = time.monotonic() + FIRST_DELAY
            else:
                self._begin(slot, place)

    def _begin(self, slot: _Slot, place: str) -> None:
        store = self._store
        snapshot = self._snapshot()
        task = StationTask(
            number=slot.number,
            stations=self._config.station_count,
            config=self._config,
            layout=self._stations.layout,
            work=self._work,
            # Another each time, of numbers that nobody has drawn yet.
            seed=np.random.SeedSequence(self._task.seed.entropy, spawn_key=(6, slot.number, slot.begun, *self._key)),
            snapshot=snapshot,
            optimizer_state=store.optimizer_state,
            counts=store.totals(),
            moments=store.moments,
        )
        slot.place, slot.begun, slot.moments = place, slot.begun + 1, store.observed(slot.row)
        slot.sent, slot.sent_at, slot.asked_at = snapshot.version, 0.0, time.monotonic()
        slot.offset, slot.link = np.inf, np.inf
        others = self._updates_of_others(slot)
        slot.others = others, others
        slot.handle = self._engine.start(place, versions(), cloudpickle.dumps(task))
        slot.due = 0.0

    @property
    def _key(self) -> tuple[int, ...]:
        return tuple(self._task.seed.spawn_key)

    def _snapshot(self) -> Snapshot:
        """What a station's workers are to act with."""
        return self._exchange.published.read() if self._ships_segments else self._store.read()

    def _updates_of_others(self, slot: _Slot) -> int:
        return self._store.total("updates") - self._store.counted_in(slot.row)["updates"]

    def _ask(self) -> None:
        """Has all stations answer that may, and whose time it is."""
        now = time.monotonic()
        for slot in self._slots:
            if slot.handle is None or slot.waits or (now < slot.due and not self._store.stopping):
                continue
            if self._ships_segments and self._is_full and not self._is_to_end:
                # What it has is best delivered when it can be learned from: by newer parameters, until then.
                slot.due, self._answered = now + LOOK_EVERY, now
                continue
            keeps = not self._ships_segments and now - self._kept >= KEEP_EVERY
            if keeps:
                self._kept = now
            news = News(
                {name: total for name, total in self._store.totals().items() if name != "updates"},
                self._store.moments_besides(slot.row),
                self._store.stopping,
                keeps,
                0 if self._gathering else slot.most,
                slot.link,
            )
            slot.waits, slot.asked_at = True, now
            self._engine.exchange(slot.handle, self._news_of(slot, now), news)

    @property
    def _gathering(self) -> bool:
        """Whether segments stay where they are, until all stations that began with the run have some."""
        if self._gathers_until is not None:
            ready, now = self._stations.ready, time.monotonic()
            if any(ready):
                self._gathers_until = min(self._gathers_until, now + TOGETHER_WITHIN)
            if self._is_to_end or (ready and all(ready)) or now >= self._gathers_until:
                self._gathers_until = None
        return self._gathers_until is not None

    @property
    def _is_full(self) -> bool:
        """Whether as many segments wait for the learner as may."""
        return len(self._exchange.queue) >= self._config.segments_that_may_wait

    def _news_of(self, slot: _Slot, now: float) -> Any:
        """The parameters for a station, or what stands for them; None where it has them, or was sent some just now."""
        if not self._ships_segments:
            slot.others = slot.others[1], self._updates_of_others(slot)
        elif self._large and now - slot.sent_at < BROADCAST_EVERY:
            return None
        version, put_at, standing = self._put
        if not self._large or now - put_at >= BROADCAST_EVERY or standing is None:
            snapshot = self._snapshot()
            version, standing = snapshot.version, self._engine.put(snapshot) if self._large else snapshot
            self._put = version, now, standing
        if self._ships_segments and version == slot.sent:
            return None
        slot.sent, slot.sent_at = version, now
        self._stations.add(slot.number, bytes=self._store.parameters.nbytes)
        return standing

    def _take(self, slot: _Slot, delivery: Delivery) -> None:
        """Does with what was delivered what workers here would do with it."""
        store, stations, now = self._store, self._stations, time.monotonic()
        self._answered, slot.waits, slot.delay = now, False, FIRST_DELAY
        interval = self._interval if not self._ships_segments else GATHER_EVERY if self._gathering else 0.0
        slot.due = slot.asked_at + interval
        self._see_link(slot, delivery.size, now - delivery.clock)
        if not slot.has_answered:
            slot.has_answered = True
            workers = f"{delivery.workers} worker{'s' if delivery.workers != 1 else ''}"
            said = f"station {slot.number} began on {delivery.host}, {workers}"
            self._tell(Mishap(said, BEGAN, f"{delivery.host}, {workers}", None, slot.number))
        stations.answers(slot.number, delivery.host, delivery.workers)
        stations.add(slot.number, steps=delivery.counts["steps"], bytes=delivery.size)
        stations.add(slot.number, worker_restarts=sum(mishap.replaced for mishap in delivery.mishaps))
        assert slot.moments is not None
        store.attach(slot.row)
        store.set_observed(slot.row, stations.layout.statistics.merged(np.stack([slot.moments, delivery.moments])))
        store.normalize()
        store.setbacks.note(slot.row, delivery.skipped)
        lag = self._learn(slot, delivery)
        counts = delivery.counts if not self._ships_segments else delivery.counts | {"updates": 0}
        store.count(**counts)
        for report in delivery.reports:
            self._report(slot, report, lag)
        self._tell(*delivery.mishaps)
        if delivery.failure is not None:
            failure = delivery.failure
            raise WorkerError(failure.message, self._task.index, failure.traceback)
        self._put_segments(slot, delivery)
        if delivery.ended:
            self._forget(slot)
            slot.ended = True

    def _see_link(self, slot: _Slot, size: int, took: float) -> None:
        """Notes how far clocks differ, by what took the shortest, and by what took longer how fast the link is: as fast
        as was seen lately, as an answer may have waited here too. The first of a station is small."""
        slot.offset = min(slot.offset, took)
        if size > LARGE:
            rate = size / max(took - slot.offset, 1e-9)
            slot.link = rate if slot.link == np.inf else max(rate, FORGETS * slot.link)

    def _learn(self, slot: _Slot, delivery: Delivery) -> int:
        """Adds what workers have learned; gives the updates of others that it did not know of."""
        store = self._store
        if delivery.state is not None:
            store.keep_state(*delivery.state)
        if delivery.change is None:
            return 0
        lag = self._updates_of_others(slot) - slot.others[0]
        updates = delivery.counts["updates"]
        if not np.isfinite(delivery.change).all():
            store.setbacks.note(slot.row, 1)
            return lag
        store.absorb(delivery.change)
        self._stations.add(slot.number, lag=lag * updates, lagged=updates)
        return lag

    def _report(self, slot: _Slot, report: Report, lag: int) -> None:
        """Passes on what a worker said, on the clock of this machine, with the lag that it did not see itself."""
        report.relay, report.lag = self._task.index, report.lag + lag * report.updates
        report.episodes = [one._replace(seconds=one.seconds + slot.offset) for one in report.episodes]
        if report.first_update is not None:
            report.first_update += slot.offset
        self._stations.add(slot.number, lag=report.lag - lag * report.updates)
        self._send(report)

    def _put_segments(self, slot: _Slot, delivery: Delivery) -> None:
        began = time.monotonic()
        for packed, version in delivery.segments:
            lag = self._store.total("updates") + self._store.setbacks.skipped - version
            self._stations.add(slot.number, lag=max(lag, 0.0), lagged=1)
            try:
                self._exchange.queue.put(unpacked(packed), version)
            except Stopped:
                return
        waited = time.monotonic() - began > WAITED * len(delivery.segments)
        slot.most = max(slot.most // 2, 1) if waited else min(2 * slot.most, AT_ONCE)

    def _tell(self, *mishaps: Mishap) -> None:
        if mishaps:
            self._send(Report(self._task.index, mishaps=list(mishaps)))

    def _forget(self, slot: _Slot) -> None:
        if slot.handle is not None:
            self._engine.kill(slot.handle)
        slot.handle, slot.waits, slot.has_answered = None, False, False

    def _lose(self, slot: _Slot, lost: Lost) -> None:
        """A station is no more. Raises WorkerError where none is to take its place."""
        what = f"station {slot.number} was lost: {lost.why}"
        self._forget(slot)
        # Who has done all that there was to do counts among the stations at the end of a run.
        self._stations.leave(slot.number)
        if self._is_to_end:
            slot.ended = True
            return
        if lost.final:
            raise WorkerError(f"station {slot.number} failed: {lost.why}", self._task.index)
        most = self._config.station_restarts
        if self._stations.restarts >= most:
            raise WorkerError(
                f"{what}; {most} were replaced before it: see to the machines, or raise `station_restarts`",
                self._task.index,
            )
        self._stations.add(slot.number, restarts=1)
        slot.due, slot.delay = time.monotonic() + slot.delay, min(2 * slot.delay, LAST_DELAY)
        self._tell(Mishap(f"{what}; another takes its place", LOST, lost.why, None, slot.number))

    def _look(self, busy: float) -> None:
        """Gives up stations that do not answer. Raises WorkerError where there has been none for too long. For how long
        this relay was busy, or waited for the learner, is nobody's fault."""
        now = time.monotonic()
        self._answered += busy
        for slot in self._slots:
            slot.asked_at += busy if slot.waits else 0.0
            if slot.waits and now - slot.asked_at > NONE_FOR:
                self._lose(slot, Lost(f"it has not answered for {NONE_FOR:.0f} s"))
        if now - max(self._answered, self._stations.last_answer) > NONE_FOR and not self._is_to_end:
            raise WorkerError(f"there has been no station for {NONE_FOR:.0f} s", self._task.index)
