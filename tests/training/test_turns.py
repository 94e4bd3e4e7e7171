"""Episodes come in the order of the workers' turns, whenever they are reported."""

import random

from a3c.roles.messages import EpisodeRecord, Report
from a3c.training.turns import InTurns


def report(worker, *turns, until=None):
    episodes = [EpisodeRecord(10 * turn, 0.0, float(turn), 1, turn) for turn in turns]
    return Report(worker, episodes, turn=max(turns) if until is None else until)


def test_what_comes_early_waits_for_the_turns_before_it():
    turns = InTurns(3)
    assert turns.take(report(2, 2, 5)) == []
    assert turns.take(report(1, until=1)) == []
    # Worker 1 may have had another episode in turn 4, which it has not reported yet.
    assert [episode.turn for _, episode in turns.take(report(0, 0, 3))] == [0, 2, 3]
    assert [(worker, episode.turn) for worker, episode in turns.take(report(1, 4))] == [(1, 4), (2, 5)]


def test_the_order_is_that_of_the_turns_however_reports_come():
    workers, rounds = 3, 40
    expected = [(turn % workers, turn) for turn in range(workers * rounds)]
    for seed in range(20):
        chance, left, turns = random.Random(seed), [0] * workers, InTurns(workers)
        came = []
        while any(done < rounds for done in left):
            worker = chance.choice([worker for worker in range(workers) if left[worker] < rounds])
            until = chance.randint(left[worker] + 1, rounds)
            of_worker = [turn * workers + worker for turn in range(left[worker], until)]
            came += turns.take(report(worker, *of_worker))
            left[worker] = until
        assert [(worker, episode.turn) for worker, episode in came + turns.rest()] == expected


def test_at_the_end_nothing_is_held_back():
    turns = InTurns(2)
    assert turns.take(report(1, 1, 3)) == []
    assert [episode.turn for _, episode in turns.rest()] == [1, 3]
    assert turns.rest() == []


def test_without_an_order_all_come_at_once():
    episode = EpisodeRecord(1, 0.0, 1.0, 1)
    assert InTurns(2).take(Report(1, [episode, episode])) == [(1, episode)] * 2
