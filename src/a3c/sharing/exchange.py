"""What the processes of a run share beside the ParameterStore; the main process makes it before it starts them."""

from dataclasses import dataclass, field

from a3c.config import TrainConfig
from a3c.environments.spaces import Layout
from a3c.learning.snapshot import Snapshot
from a3c.rollout.segment import Segment
from a3c.sharing.assignment import Assignment
from a3c.sharing.course import Course, Gate
from a3c.sharing.duties import Turns
from a3c.sharing.order import Freely, Place, Round
from a3c.sharing.parameter_store import ParameterStore
from a3c.sharing.prediction_board import PredictionBoard
from a3c.sharing.published import PublishedSnapshots
from a3c.sharing.segment_queue import SegmentQueue
from a3c.sharing.stations import Stations
from a3c.sharing.target import Target
from a3c.sharing.team import Team


@dataclass
class Exchange:
    """Each algorithm has what it shares, and nothing else is set."""

    team: Team = field(init=False)
    round: Round | None = None
    """Of workers that are asynchronous and yet in order."""
    queue: SegmentQueue = field(init=False)
    board: PredictionBoard = field(init=False)
    published: PublishedSnapshots = field(init=False)
    assignment: Assignment | None = None
    """Of the workers, to be looked for between segments, or in a pause."""
    stations: Stations | None = None
    """Of a cluster; the queue is filled, and what is published sent on, by relays."""
    turns: Turns | None = None
    """Of the learner, where it shares a process with the worker."""

    course: Course | None = None
    """When the run is to end, and where its boundaries and pauses are."""
    gate: Gate | None = None
    """Where processes wait at a boundary and in a pause; inline there is nobody to wait for."""

    def reclaim(self, worker: int, pid: int) -> None:
        """In the process that takes the place of a worker, whose process has ended, before it begins: takes back what
        that one held."""
        if hasattr(self, "queue"):
            self.queue.reclaim(pid)
        if hasattr(self, "board"):
            self.board.reclaim(worker)

    def place(self, worker: int, store: ParameterStore, config: TrainConfig) -> Freely | Place:
        """This worker's place in the order of all."""
        if self.round is not None:
            return self.round.place(worker)
        course = self.course or Course(config)
        return self.team.place(worker, course) if hasattr(self, "team") else Freely(store, course)

    def end_batches(self) -> None:
        """At a boundary, when no segment comes any more: a learner gives up the batch that is not whole."""
        if hasattr(self, "queue"):
            self.queue.end_batches()

    def go_on(self, store: ParameterStore, wait: int) -> None:
        """After a pause or at a boundary, while all wait: what they share starts anew. The target is judged after
        `wait` episodes at the earliest."""
        assert self.course is not None
        steps = store.total("steps")
        self.course.go_on(steps, wait, store.snapshot if self.course.is_boundary(steps) else None)
        if self.round is not None:
            self.round.begin()
        if self.gate is not None:
            self.gate.open()


def make_exchange(
    config: TrainConfig,
    layout: Layout,
    store: ParameterStore,
    returns: list[float] | None = None,
    best: float | None = None,
    wait: int = 0,
    best_snapshot: Snapshot | None = None,
) -> Exchange:
    """For a configuration whose `workers` are filled in; `returns` are those of the last episodes before, and `best`
    the best mean of 100 of them, with `best_snapshot` where that is known. The target is judged after `wait` episodes
    at the earliest."""
    turns = Turns() if config.backend == "inline" else None
    exchange, workers = Exchange(assignment=Assignment(store.read()), turns=turns), config.workers or 1
    shares = config.algorithm.shares
    target = None
    if config.workers_judge:
        target = Target(config.target_return, returns or [], store.read(), best, best_snapshot)
        target.judge_after(wait)
    exchange.course = Course(config, store.total("steps"), target)
    if target is not None:
        exchange.gate = Gate(config.processes, store)
    if "team" in shares:
        exchange.team = Team(workers, store.parameters.size, store, target, config.segment_size)
    if config.station_count:
        exchange.stations = Stations(config.station_count, layout)
    if config.in_turns:
        exchange.round = Round(workers, store, exchange.course, reads=config.algorithm.learns == "worker")
    if "queue" in shares:
        like = Segment.zeros(config, config.environments_each, layout)
        exchange.queue = SegmentQueue(like, config.segments_that_may_wait, store, turns)
    if "board" in shares:
        exchange.board = PredictionBoard(workers, config.environments_each, layout, store, turns)
    if "published" in shares:
        readers, batch = (workers, config.segments_per_batch) if config.in_turns else (0, 1)
        exchange.published = PublishedSnapshots(
            store.read(),
            config.own.published_late,
            readers,
            batch,
            updates=config.own.updates_per_batch,
            before=config.own.batches_before,
        )
    return exchange
