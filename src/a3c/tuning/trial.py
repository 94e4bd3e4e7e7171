"""A trial, in a process of its own: trains with one seed after the other, and says what whole episodes come to.

Each seed is trained in this process, by one worker: cores are for trials side by side, which wait for nothing, and one
seed gives one result.
"""

import math
import traceback
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import NamedTuple, TypeAlias

import numpy as np

from a3c.config import TrainConfig
from a3c.config.evaluating import Way
from a3c.errors import A3CError, TrainingDiverged, described
from a3c.processes.leaving import leave
from a3c.processes.starting import prepare_worker
from a3c.training.beginning import NOTHING_OWN, Own, prepare
from a3c.training.callbacks import Callback, Training
from a3c.training.run_evaluation import RunEvaluation
from a3c.training.training import train

EVALUATIONS = 5
"""How often a seed is evaluated while it trains, evenly many steps apart, the last time after the last step."""


@dataclass(frozen=True)
class Order:
    """What a trial is to do."""

    config: TrainConfig
    """Its settings, as `for_trials` gives them."""
    seeds: tuple[int, ...]
    score_episodes: int
    own: bytes | None = None
    """What a caller in Python made, packed (`environments/registrations.py`)."""


class Evaluated(NamedTuple):
    """What an evaluation beside training came to."""

    seed: int
    """Its place among the trial's seeds,"""
    number: int
    """and among its evaluations, from 0."""
    mean: float


class Scored(NamedTuple):
    """What the policy that a seed's training ended with came to, in fresh episodes."""

    seed: int
    mean: float


class Failed(NamedTuple):
    """Why a trial ended early."""

    message: str
    traceback: str = ""
    diverged: bool = False
    """Whether that is the fault of its settings: gradients were not finite."""


Message: TypeAlias = Evaluated | Scored | Failed


def for_trials(config: TrainConfig) -> TrainConfig:
    """The settings by which each seed trains to the same steps, whatever it has reached, and is evaluated meanwhile."""
    assert config.steps is not None
    return config.replace(
        backend="inline",
        workers=1,
        checkpoint_steps=0,
        # Nothing is solved, so nothing has to be confirmed.
        target_return=math.inf,
        evaluate_every=max(1, config.steps // EVALUATIONS),
        log=(),
    )


def run(connection: Connection, order: Order) -> None:
    """A trial's whole life: sends Messages."""
    from a3c.environments.registrations import unpacked

    try:
        prepare_worker()
        own = NOTHING_OWN if order.own is None else unpacked(order.own)
        for index, seed in enumerate(order.seeds):
            config = order.config.replace(seed=seed)
            connection.send(Scored(index, _score(config, own, order.score_episodes, _Telling(connection, index))))
    except A3CError as error:
        failed = Failed(str(error), getattr(error, "traceback", ""), isinstance(error, TrainingDiverged))
        _send(connection, failed)
    except Exception as error:
        _send(connection, Failed(described(error), traceback.format_exc()))
    leave()


def _send(connection: Connection, message: Message) -> None:
    # The main process may be gone.
    with suppress(OSError):
        connection.send(message)


class _Trained(Exception):
    """The last evaluation beside training was played: the best of the run need not be found."""


class _Telling(Callback):
    """Tells the main process of evaluations."""

    def __init__(self, connection: Connection, seed: int):
        self._connection, self._seed, self._number = connection, seed, 0

    def on_evaluation(self, training: Training, evaluation: RunEvaluation) -> None:
        if evaluation.purpose != "interval":
            return
        self._connection.send(Evaluated(self._seed, self._number, evaluation.mean))
        self._number += 1
        if self._number == EVALUATIONS:
            self.agent = training.snapshot()
            raise _Trained


def _score(config: TrainConfig, own: Own, episodes: int, telling: _Telling) -> float:
    """The mean return of fresh episodes of the policy that training ends with."""
    from a3c.acting import ActingAgent
    from a3c.roles.worker import Work

    work, start = prepare(config, own=own)
    assert isinstance(work, Work)
    try:
        agent = ActingAgent(work, train(start, work, callbacks=[telling]).latest)
    except _Trained:
        agent = telling.agent
    seed = int(np.random.SeedSequence(config.seed or 0, spawn_key=(7,)).generate_state(1)[0])
    return agent.evaluate(episodes, deterministic=way_of(config) == "greedy", seed=seed).mean


def way_of(config: TrainConfig) -> Way:
    """How policies are played to be judged."""
    return config.evaluated_ways[0]
