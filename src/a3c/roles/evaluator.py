"""An Evaluator plays whole episodes with snapshots of a policy that is being trained elsewhere, and learns nothing.

A process of its own has one (`training/process.py`), a worker another for its share of an Assignment that is for all
workers, and an inline run one that takes turns with its worker.
"""

from collections.abc import Callable

import numpy as np
from gymnasium.vector import VectorEnv

from a3c.config.evaluating import CUT_AFTER
from a3c.environments.generators import GlobalGenerators, play_seed
from a3c.environments.making import EnvironmentMaker
from a3c.environments.serial import close_and_say
from a3c.evaluation import AT_ONCE, Player, play_episodes
from a3c.networks.policy import Policy
from a3c.roles.messages import Played
from a3c.sharing.assignment import Order, share


class Evaluator:
    """On environments of its own, which it makes when it plays first, and keeps."""

    def __init__(self, environments: EnvironmentMaker, policy: Policy, random: bool = False):
        """`random`: whether actions are drawn from the action space, whatever the policy."""
        self._maker, self._policy, self._random = environments, policy, random
        self._vector: VectorEnv | None = None
        self.calls = 0
        """Odd while it plays; as Pulse has it. It grows with each step."""

    def play(self, order: Order, going_on: Callable[[], bool], player: int = 0, players: int = 1) -> Played:
        """What this player's share of the episodes came to, of so many players; raises Stopped once `going_on` says
        no."""
        episodes = share(order.episodes, player, players)
        if not episodes:
            return Played(player, order.number, [], [], 0)

        def counted() -> bool:
            self._count()
            # From the first step on it makes no environments any more.
            self.calls = max(self.calls, 3)
            return going_on()

        seed = int(np.random.SeedSequence([order.seed, player]).generate_state(1)[0])
        self.calls += 1
        try:
            with GlobalGenerators(play_seed(seed)).swapped():
                vector = self._environments(min(episodes, AT_ONCE))
                generator = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(2,)))
                choose = Player(self._policy, order.snapshot, order.way, generator, self._random)
                config, most = self._maker.config, CUT_AFTER if self._maker.time_limit else order.cut_after
                masks, track = bool(config.action_masks), config.track_info
                evaluation = play_episodes(
                    vector, choose, episodes, seed, most, masks=masks, track=track, going_on=counted
                )
        finally:
            self.calls += 1
        return Played(player, order.number, evaluation.returns, evaluation.lengths, evaluation.cut, evaluation.info)

    def _environments(self, count: int) -> VectorEnv:
        if self._vector is None or self._vector.num_envs != count:
            self.close()
            # Each is made and reset.
            self.calls -= 4 * count
            self._vector = self._maker.make_vector(count, started=self._count)
        return self._vector

    def _count(self) -> None:
        self.calls += 2

    def close(self) -> None:
        """Closes its environments."""
        if self._vector is not None:
            close_and_say(self._vector)
        self._vector = None
