"""What the processes of a run share beside the ParameterStore; the main process makes it before it starts them."""

from dataclasses import dataclass, field

from a3c.config import TrainConfig
from a3c.environments.spaces import Layout
from a3c.parallel.parameter_store import ParameterStore
from a3c.parallel.prediction_board import PredictionBoard
from a3c.parallel.published import PublishedParameters
from a3c.parallel.segment_queue import SegmentQueue
from a3c.parallel.team import Team
from a3c.rollout.segment import Segment


@dataclass
class Exchange:
    """Each algorithm has what it needs, and nothing else is set."""

    team: Team = field(init=False)
    """a2c"""
    queue: SegmentQueue = field(init=False)
    """ga3c, impala"""
    board: PredictionBoard = field(init=False)
    """ga3c"""
    published: PublishedParameters = field(init=False)
    """impala"""


def make_exchange(config: TrainConfig, layout: Layout, store: ParameterStore) -> Exchange:
    """For a configuration whose `workers` are filled in."""
    exchange, parameters, workers = Exchange(), store.parameters, config.workers or 1
    if config.algorithm == "a2c":
        exchange.team = Team(workers, parameters.size, store)
    if config.has_learner:
        like = Segment.zeros(config, config.environments_each, layout)
        exchange.queue = SegmentQueue(like, config.segments_that_may_wait, store)
    if config.algorithm == "ga3c":
        exchange.board = PredictionBoard(workers, config.environments_each, layout, store)
    if config.algorithm == "impala":
        exchange.published = PublishedParameters(parameters, store.total("updates"), config.forced_lag)
    return exchange
