from itertools import permutations

import numpy as np
import pytest

from a3c.sharing.parameter_store import ParameterStore
from a3c.sharing.team import Team
from processes_for_tests import InThread, QuietStore, answer, meet, processes


def gradients_of(workers, size=40):
    """Of magnitudes so different that no two orders of adding them up agree in every bit."""
    generator = np.random.default_rng(0)
    return (generator.normal(size=(workers, size)) * 10.0 ** generator.integers(-4, 4, (workers, size))).astype("f4")


def mean_in_order(gradients):
    total = gradients[0].copy()
    for gradient in gradients[1:]:
        total = total + gradient
    return total / np.float32(len(gradients))


def arrive(team, worker, gradient):
    with team.meeting(worker, gradient) as mean:
        return None if mean is None else mean.copy()


def test_the_mean_is_added_up_in_the_order_of_the_workers_however_they_arrive(looking_often):
    gradients = gradients_of(4)
    expected = mean_in_order(gradients)
    assert (mean_in_order(gradients[::-1]) != expected).any()
    store = QuietStore()
    team = Team(4, gradients.shape[1], store)
    for order in permutations(range(4)):
        threads = {}
        for worker in order:
            # Nobody goes on before the last is here.
            assert all(thread.running for thread in threads.values())
            threads[worker] = InThread(arrive, team, worker, gradients[worker])
            if worker != order[-1]:
                store.wait_until_waiting(threads[worker])
        np.testing.assert_array_equal(threads[0].answer(), expected)
        assert [threads[worker].answer() for worker in (1, 2, 3)] == [None] * 3


def test_nobody_is_ever_a_meeting_ahead_and_all_see_the_same_totals():
    workers, meetings = 5, 300
    counts = [0] * workers
    team = Team(workers, 3, QuietStore(lambda: sum(counts)))
    assert team.totals == {"steps": 0, "episodes": 0, "updates": 0}

    def work(worker):
        means, totals = [], []
        for meeting in range(meetings):
            counts[worker] += worker + 1
            with team.meeting(worker, np.full(3, meeting * (worker + 1), np.float32)) as mean:
                means.append(mean)
                if worker == 0:
                    # What all had counted when they came is all there is, but for what is counted for all here.
                    assert sum(counts) == 115 * meeting + 15
                    counts[0] += 100
            totals.append(team.totals["steps"])
        return means, totals

    first, *others = [thread.answer() for thread in [InThread(work, worker) for worker in range(workers)]]
    for meeting, mean in enumerate(first[0]):
        np.testing.assert_array_equal(mean, np.full(3, 3 * meeting))
    assert first[1] == [115 * (meeting + 1) for meeting in range(meetings)]
    for means, totals in others:
        assert means == [None] * meetings
        assert totals == first[1]


def test_processes_meet():
    store = ParameterStore(np.zeros(2, np.float32), np.zeros((0, 2), np.float32), 3)
    team, gradients = Team(3, 2, store), np.arange(3 * 50 * 2, dtype=np.float32).reshape(3, 50, 2)
    with processes(*((answer, meet, team, worker, gradients[worker]) for worker in (1, 2))) as remotes:
        means, totals = meet(team, 0, gradients[0])
        others = [remote.answer() for remote in remotes]
    np.testing.assert_array_equal(means, gradients.mean(axis=0))
    assert [total["steps"] for total in totals] == [6 * (meeting + 1) for meeting in range(50)]
    assert others == [([None] * 50, totals)] * 2


@pytest.mark.parametrize("missing", [0, 1, 2])
def test_the_end_of_a_run_frees_all_who_wait(looking_often, missing):
    store = QuietStore()
    team = Team(3, 2, store)
    threads = [InThread(arrive, team, worker, np.ones(2)) for worker in range(3) if worker != missing]
    store.wait_until_waiting(*threads)
    assert all(thread.running for thread in threads)
    store.stop_now = True
    assert [thread.answer() for thread in threads] == ["stopped", "stopped"]


def test_a_team_of_one_meets_alone():
    counts = [0]
    team = Team(1, 2, QuietStore(lambda: sum(counts)))
    for meeting in range(3):
        counts[0] += 4
        gradient = np.array([meeting, 0.1], np.float32)
        with team.meeting(0, gradient) as mean:
            np.testing.assert_array_equal(mean, gradient)
        assert team.totals["steps"] == 4 * (meeting + 1)


def test_totals_start_from_those_of_the_run_that_this_one_continues():
    counts = {"steps": 70, "episodes": 3, "updates": 5}
    store = ParameterStore(np.zeros(2, np.float32), np.zeros((0, 2), np.float32), 2, counts=counts, shared=False)
    assert Team(2, 2, store).totals == counts
