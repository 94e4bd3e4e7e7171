"""An Assignment: episodes that other processes are to play with a Snapshot, and not to learn from.

assignment.give(snapshot, "greedy", episodes, seed)      the main process
order = assignment.order(after)                          a player, often: None where there is nothing new to play
assignment.withdraw()                                    the main process, when it has what it wants, or not any more
"""

from typing import NamedTuple

import numpy as np

from a3c.config.evaluating import Way
from a3c.learning.snapshot import Snapshot
from a3c.processes.shared_memory import SharedArray

NUMBER, OPEN, EPISODES, SAMPLED, SEED, VERSION, CUT_AFTER = range(7)


class Order(NamedTuple):
    """What is to be played."""

    number: int
    """Counted from 1."""
    snapshot: Snapshot
    way: Way
    episodes: int
    """Of all players together."""
    seed: int
    cut_after: int
    """Steps after which an episode is cut, in an environment without a time limit."""


def share(episodes: int, player: int, players: int) -> int:
    """Of so many episodes, those that one of the players has."""
    return episodes // players + (player < episodes % players)


class Assignment:
    """One at a time, for any number of players, who ask for it when they have time."""

    def __init__(self, like: Snapshot):
        self._parameters = like.parameters.size
        # Parameters, and behind them the statistics.
        self._floats = SharedArray((self._parameters + like.statistics.size,), np.float32)
        self._numbers = SharedArray((7,), np.int64)

    def give(self, snapshot: Snapshot, way: Way, episodes: int, seed: int, cut_after: int) -> int:
        """Has it played; gives its number."""
        floats, numbers = self._floats.array, self._numbers.array
        floats[: self._parameters], floats[self._parameters :] = snapshot.parameters, snapshot.statistics
        numbers[EPISODES], numbers[SAMPLED], numbers[SEED] = episodes, way == "sampled", seed
        numbers[VERSION], numbers[CUT_AFTER] = int(snapshot.version), cut_after
        numbers[NUMBER] += 1
        # Last: who sees that it is open finds all there.
        numbers[OPEN] = 1
        return int(numbers[NUMBER])

    def withdraw(self) -> None:
        """Nobody is to begin with it any more, and who plays is to stop."""
        self._numbers.array[OPEN] = 0

    def is_open(self, number: int) -> bool:
        """Whether this one is still wanted."""
        return bool(self._numbers.array[OPEN]) and int(self._numbers.array[NUMBER]) == number

    def order(self, after: int) -> Order | None:
        """What is to be played, where it is another than number `after`."""
        if not self._numbers.array[OPEN] or self._numbers.array[NUMBER] == after:
            return None
        number, _, episodes, sampled, seed, version, cut_after = self._numbers.array.tolist()
        floats = self._floats.array.copy()
        snapshot = Snapshot(floats[: self._parameters], floats[self._parameters :], version)
        return Order(number, snapshot, "sampled" if sampled else "greedy", episodes, seed, cut_after)
