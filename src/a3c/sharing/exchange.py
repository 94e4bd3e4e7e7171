"""What the processes of a run share beside the ParameterStore; the main process makes it before it starts them."""

from dataclasses import dataclass, field

from a3c.config import TrainConfig
from a3c.environments.spaces import Layout
from a3c.rollout.segment import Segment
from a3c.sharing.assignment import Assignment
from a3c.sharing.duties import Turns
from a3c.sharing.parameter_store import ParameterStore
from a3c.sharing.prediction_board import PredictionBoard
from a3c.sharing.published import PublishedSnapshots
from a3c.sharing.segment_queue import SegmentQueue
from a3c.sharing.team import Team


@dataclass
class Exchange:
    """Each algorithm has what it shares, and nothing else is set."""

    team: Team = field(init=False)
    queue: SegmentQueue = field(init=False)
    board: PredictionBoard = field(init=False)
    published: PublishedSnapshots = field(init=False)
    assignment: Assignment | None = None
    """Of the workers, to be looked for between segments."""
    turns: Turns | None = None
    """Of the learner, where it shares a process with the worker."""

    def reclaim(self, worker: int, pid: int) -> None:
        """In the process that takes the place of a worker, whose process has ended, before it begins: takes back what
        that one held."""
        if hasattr(self, "queue"):
            self.queue.reclaim(pid)
        if hasattr(self, "board"):
            self.board.reclaim(worker)


def make_exchange(config: TrainConfig, layout: Layout, store: ParameterStore) -> Exchange:
    """For a configuration whose `workers` are filled in."""
    turns = Turns() if config.backend == "inline" else None
    exchange, workers = Exchange(assignment=Assignment(store.read()), turns=turns), config.workers or 1
    shares = config.algorithm.shares
    if "team" in shares:
        exchange.team = Team(workers, store.parameters.size, store)
    if "queue" in shares:
        like = Segment.zeros(config, config.environments_each, layout)
        exchange.queue = SegmentQueue(like, config.segments_that_may_wait, store, turns)
    if "board" in shares:
        exchange.board = PredictionBoard(workers, config.environments_each, layout, store, turns)
    if "published" in shares:
        exchange.published = PublishedSnapshots(store.read(), config.own.published_late)
    return exchange
