"""An Evaluator plays its share of an order, the same episodes every time, until nobody waits for them any more."""

import numpy as np
import pytest

from a3c.learning.snapshot import Snapshot
from a3c.processes.tokens import Stopped
from a3c.roles.evaluator import Evaluator
from a3c.sharing.assignment import Order
from a3c.training.preparing import prepare
from configs_for_tests import config_with
from environments_for_tests import Endless


@pytest.fixture(scope="module")
def work():
    return prepare(config_with("CartPole-v1", backend="inline", seed=1))[0]


def order(work, **changes):
    snapshot = Snapshot(work.policy.initial_parameters)
    return Order(1, snapshot, "greedy", 7, 3, 1000)._replace(**changes)


def evaluator(work):
    return Evaluator(work.evaluation_environments, work.policy)


def test_shares_are_all_episodes_together_and_no_two_players_play_the_same(work):
    shares = [evaluator(work).play(order(work), lambda: True, player, 3) for player in range(3)]
    assert [len(share.returns) for share in shares] == [3, 2, 2]
    assert [share.player for share in shares] == [0, 1, 2]
    assert len({tuple(share.returns[:2]) for share in shares}) == 3


@pytest.mark.parametrize("way", ["greedy", "sampled"])
def test_an_order_gives_the_same_every_time_also_on_environments_that_were_played_on(work, way):
    one = evaluator(work)
    first, other, again = (one.play(order(work, way=way, seed=seed), lambda: True) for seed in (3, 4, 3))
    fresh = evaluator(work).play(order(work, way=way), lambda: True)
    assert first.returns == again.returns == fresh.returns != other.returns


def test_global_generators_go_on_from_where_they_were(work):
    np.random.seed(5)
    before = np.random.get_state()[1].copy()
    evaluator(work).play(order(work), lambda: True)
    np.testing.assert_array_equal(np.random.get_state()[1], before)


class NeverEnds(Endless):
    def step(self, action):
        return (*super().step(action)[:2], False, False, {})


@pytest.mark.parametrize(("limit", "cut", "length"), [(None, 3, 7), (9, 0, 9)])
def test_an_episode_without_a_time_limit_is_cut_as_the_order_says(limit, cut, length):
    config = config_with(backend="inline", seed=1, max_episode_steps=limit, steps=1)
    work = prepare(config, NeverEnds)[0]
    played = evaluator(work).play(order(work, episodes=3, cut_after=7), lambda: True)
    assert (played.cut, played.lengths) == (cut, [length] * 3)


def test_it_stops_when_nobody_waits_any_more(work):
    with pytest.raises(Stopped):
        evaluator(work).play(order(work), lambda: False)
    assert evaluator(work).play(order(work, episodes=1), lambda: False, player=1, players=2).returns == []
