"""The PredictionBoard: where workers ask for actions, and predictors with the network answer.

    policy = RemotePolicy(board, worker, policy)                  a worker's: asks, and waits for the answer
    workers = board.waiting(timeout)                              a predictor; who waits for one
    board.answer(workers, predictions, version)

Each worker has a row of its own in every shared array: nobody's observation can get somebody else's action. What
travels through pipes is numbers: one pipe of workers to the predictors, one of questions back to each worker.
"""

from typing import TYPE_CHECKING, Any

import numpy as np

from a3c.environments.spaces import Layout, Prediction
from a3c.learning.snapshot import Snapshot
from a3c.processes.shared_memory import SharedArray
from a3c.processes.tokens import LOOK_UP_EVERY, TokenPipe
from a3c.sharing.duties import Turns
from a3c.sharing.parameter_store import ParameterStore

if TYPE_CHECKING:
    # The main process needs no JAX.
    from a3c.networks.policy import Policy


NUMBERS = 2**15
"""Questions that are told apart."""


class PredictionBoard:
    """For `workers` of B environments each."""

    def __init__(
        self, workers: int, environments: int, layout: Layout, store: ParameterStore, turns: Turns | None = None
    ):
        rows = (workers, environments)
        self.store, self._turns, self._layout = store, turns, layout
        self.observations = SharedArray((*rows, *layout.observation), layout.observation_dtype)
        self.noise, self.epsilon = SharedArray((*rows, *layout.noise), np.float32), SharedArray(rows, np.float32)
        self.actions = SharedArray((*rows, *layout.action), layout.action_dtype)
        self.log_probs, self.values = SharedArray(rows, np.float32), SharedArray(rows, np.float32)
        self.states = SharedArray((*rows, layout.state), np.float32) if layout.state else None
        """What a recurrent policy remembers: before a question, after its answer."""
        self.masks = SharedArray((*rows, layout.mask), bool) if layout.mask else None
        """Which actions are valid."""
        if self.masks is not None:
            self.masks.array[:] = True
        self.versions = SharedArray((workers,), np.int64)
        self._asked, self._answered = TokenPipe(), [TokenPipe() for _ in range(workers)]
        self._numbers = SharedArray((workers,), np.int64)
        """Of the latest question of each worker: what comes back through its pipe."""

    def ask(self, worker: int) -> None:
        """Asks about what is in this worker's rows; raises Stopped when the run stops before the answer comes."""
        self._numbers.array[worker] += 1
        number = self._number(worker)
        self._asked.put(worker)
        if self._turns is not None:
            self._turns.take()
        # An answer to a question of one who was killed may come after it.
        while self._answered[worker].wait(1, lambda: self.store.stopping) != [number]:
            pass

    def _number(self, worker: int) -> int:
        return int(self._numbers.array[worker]) % NUMBERS

    def reclaim(self, worker: int) -> None:
        """Takes the row of a worker that was killed, and hears what that one had asked, before it asks itself."""
        while self._answered[worker].take(1, LOOK_UP_EVERY):
            pass

    def waiting(self, timeout: float) -> list[int]:
        """The workers that wait for an answer; none where none asked within `timeout` seconds. Each is given once."""
        return self._asked.take(len(self._answered), timeout)

    def questions(self, workers: list[int]) -> list[np.ndarray | None]:
        """What these workers ask about: observations `[n, B, *shape]`, noise, epsilon, and states and masks if there
        are any, as Policy.predict takes them."""
        asked = [self.observations, self.noise, self.epsilon]
        if self.masks is not None:
            asked += [self.states, self.masks]
        elif self.states is not None:
            asked += [self.states]
        return [None if array is None else array.array[workers] for array in asked]

    def answer(self, workers: list[int], predictions: np.ndarray, version: float) -> None:
        """Answers these workers, `predictions` `[n, B, actions' size + 2 + S]` as Policy.predict gives them."""
        said = self._layout.apart(predictions)
        self.actions.array[workers] = said.actions
        self.log_probs.array[workers], self.values.array[workers] = said.log_probs, said.values
        if self.states is not None:
            self.states.array[workers] = said.state
        self.versions.array[workers] = version
        for worker in workers:
            self._answered[worker].put(self._number(worker))


class RemotePolicy:
    """What a Collector takes for its policy where the network is behind a board: asks for every batch of actions.

    The snapshots in the arguments are ignored: the predictors have the latest.
    """

    def __init__(self, board: PredictionBoard, worker: int, policy: "Policy"):
        self.layout, self.observations, self.actions = policy.layout, policy.observations, policy.actions
        self.noise = policy.noise
        self._board, self._worker = board, worker
        self._versions: list[int] = []

    def act(self, snapshot: Snapshot, *asked: Any, **masked: Any) -> Any:
        said = self.choose(snapshot, *asked, **masked)
        return said.actions if said.state is None else (said.actions, said.state)

    def choose(
        self,
        snapshot: Snapshot,
        observations: np.ndarray,
        noise: np.ndarray,
        epsilon: float,
        state: np.ndarray | None = None,
        masks: np.ndarray | None = None,
    ) -> Prediction:
        board, worker = self._board, self._worker
        board.noise.array[worker], board.epsilon.array[worker] = noise, epsilon
        self._ask(observations, state, masks)
        self._versions.append(int(board.versions.array[worker]))
        actions, log_probs, values = (shared.array[worker] for shared in (board.actions, board.log_probs, board.values))
        state = None if board.states is None else board.states.array[worker].copy()
        return Prediction(actions, log_probs, values, state)

    def value(
        self,
        snapshot: Snapshot,
        observations: np.ndarray,
        state: np.ndarray | None = None,
        masks: np.ndarray | None = None,
    ) -> np.ndarray:
        self._ask(observations, state, masks)
        return self._board.values.array[self._worker].copy()

    def _ask(self, observations: np.ndarray, state: np.ndarray | None, masks: np.ndarray | None) -> None:
        self._board.observations.array[self._worker] = observations
        if self._board.states is not None:
            self._board.states.array[self._worker] = state
        if self._board.masks is not None:
            self._board.masks.array[self._worker] = masks
        self._board.ask(self._worker)

    def take_version(self) -> float:
        """The mean version of the parameters that chose the actions since this was called last."""
        version = float(np.mean(self._versions))
        self._versions = []
        return version
