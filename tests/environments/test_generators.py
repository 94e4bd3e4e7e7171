"""The global generators: seeded for a while, and then as they were."""

import random

import numpy as np

from a3c.config import TrainConfig
from a3c.environments.generators import GlobalGenerators, of_play, of_worker
from a3c.runs.checkpoint import worker_seeds


def draw():
    return np.random.normal(), np.random.random(), random.random(), random.gauss(0, 1)


def drawn_with(generators):
    with generators.swapped():
        return draw()


def test_one_seed_draws_the_same_whatever_was_drawn_before():
    first = drawn_with(GlobalGenerators(np.random.SeedSequence(1)))
    draw()
    assert first == drawn_with(GlobalGenerators(np.random.SeedSequence(1)))
    assert first != drawn_with(GlobalGenerators(np.random.SeedSequence(2)))
    assert first[1] != first[2]


def test_the_callers_numbers_go_on():
    def callers_numbers(interrupted):
        np.random.seed(1)
        random.seed(1)
        # Normal numbers are made in pairs: the second one waits.
        before = draw()
        if interrupted:
            drawn_with(of_play(3))
        return before, draw()

    assert callers_numbers(True) == callers_numbers(False)


def test_inside_they_can_be_left_and_entered_again():
    whole = GlobalGenerators(np.random.SeedSequence(1))
    with whole.swapped():
        expected = [draw(), draw()]
    parts, outside = GlobalGenerators(np.random.SeedSequence(1)), []
    np.random.seed(4)
    random.seed(4)
    with parts.swapped():
        found = [draw()]
        with parts.swapped():
            outside.append(draw())
        found.append(draw())
    outside.append(draw())
    np.random.seed(4)
    random.seed(4)
    assert found == expected
    assert outside == [draw(), draw()]


def test_they_are_the_callers_again_after_an_error():
    state = random.getstate()
    try:
        with of_play(1).swapped():
            draw()
            raise ZeroDivisionError
    except ZeroDivisionError:
        assert random.getstate() == state


def test_no_two_workers_or_resumed_runs_draw_the_same():
    config = TrainConfig(seed=0)
    seeds = [seed for steps in (0, 100) for seed in worker_seeds(config, steps, 3)]
    drawn = [drawn_with(of_worker(seed)) for seed in seeds] + [drawn_with(of_play(0))]
    assert len(set(drawn)) == 7
    # Whatever the collector has spawned of a seed meanwhile.
    seeds[0].spawn(2)
    assert drawn_with(of_worker(seeds[0])) == drawn[0]
