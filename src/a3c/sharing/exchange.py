"""What the processes of a run share beside the ParameterStore; the main process makes it before it starts them."""

from dataclasses import dataclass, field

from a3c.config import TrainConfig
from a3c.environments.spaces import Layout
from a3c.rollout.segment import Segment
from a3c.sharing.duties import Turns
from a3c.sharing.order import Freely, Place, Round
from a3c.sharing.parameter_store import ParameterStore
from a3c.sharing.prediction_board import PredictionBoard
from a3c.sharing.published import PublishedSnapshots
from a3c.sharing.segment_queue import SegmentQueue
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
    turns: Turns | None = None
    """Of the learner, where it shares a process with the worker."""

    def place(self, worker: int, store: ParameterStore) -> Freely | Place:
        """This worker's place in the order of all."""
        if self.round is not None:
            return self.round.place(worker)
        return self.team.place(worker) if hasattr(self, "team") else Freely(store)


def make_exchange(
    config: TrainConfig, layout: Layout, store: ParameterStore, returns: list[float] | None = None
) -> Exchange:
    """For a configuration whose `workers` are filled in; `returns` are those of the last episodes before."""
    turns = Turns() if config.backend == "inline" else None
    exchange, workers = Exchange(turns=turns), config.workers or 1
    shares = config.algorithm.shares
    if "team" in shares:
        target, most = Target(config.target_return, returns or []), config.segment_size
        exchange.team = Team(workers, store.parameters.size, store, target, most)
    if config.in_turns:
        target = Target(config.target_return, returns or [])
        exchange.round = Round(workers, store, target, reads=config.algorithm.learns == "worker")
    if "queue" in shares:
        like = Segment.zeros(config, config.environments_each, layout)
        exchange.queue = SegmentQueue(like, config.segments_that_may_wait, store, turns)
    if "board" in shares:
        exchange.board = PredictionBoard(workers, config.environments_each, layout, store, turns)
    if "published" in shares:
        readers, batch = (workers, config.segments_per_batch) if config.in_turns else (0, 1)
        exchange.published = PublishedSnapshots(store.read(), config.own.published_late, readers, batch)
    return exchange
