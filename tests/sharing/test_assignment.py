"""An Assignment: what other processes are to play."""

import numpy as np

from a3c.learning.snapshot import Snapshot
from a3c.sharing.assignment import Assignment

SNAPSHOT = Snapshot(np.arange(3, dtype=np.float32), np.full(2, 7, np.float32), 11)


def test_who_looks_finds_what_is_to_be_played_once():
    assignment = Assignment(SNAPSHOT)
    assert assignment.order(0) is None
    number = assignment.give(SNAPSHOT, "sampled", 20, 2**32 - 1, 1500)
    order = assignment.order(0)
    assert (order.number, *order[2:]) == (number, "sampled", 20, 2**32 - 1, 1500)
    np.testing.assert_array_equal(order.snapshot.parameters, SNAPSHOT.parameters)
    np.testing.assert_array_equal(order.snapshot.statistics, SNAPSHOT.statistics)
    assert order.snapshot.version == 11
    assert assignment.order(number) is None


def test_what_is_withdrawn_or_followed_by_another_is_not_open_any_more():
    assignment = Assignment(SNAPSHOT)
    first = assignment.give(SNAPSHOT, "greedy", 1, 1, 1000)
    assert assignment.is_open(first)
    second = assignment.give(SNAPSHOT, "greedy", 1, 2, 1000)
    assert not assignment.is_open(first)
    assert assignment.order(first).number == second
    assignment.withdraw()
    assert not assignment.is_open(second)
    assert assignment.order(0) is None
