"""Generators that `reset` does not seed: seeded for a while, or before it."""

import random

import numpy as np
import pytest

from a3c.environments.generators import GlobalGenerators, play_seed, seed_unseeded, separate
from a3c.environments.making import EnvironmentMaker
from a3c.runs.checkpoint import worker_seeds
from configs_for_tests import config_with
from environments_for_tests import Corridor


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
            drawn_with(GlobalGenerators(play_seed(3)))
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
        with GlobalGenerators(play_seed(1)).swapped():
            draw()
            raise ZeroDivisionError
    except ZeroDivisionError:
        assert random.getstate() == state


def test_no_two_workers_or_resumed_runs_draw_the_same():
    config = config_with(seed=0)
    seeds = [seed for steps in (0, 100) for seed in worker_seeds(config, steps, 3)]
    drawn = [drawn_with(GlobalGenerators(seed)) for seed in seeds] + [drawn_with(GlobalGenerators(play_seed(0)))]
    assert len(set(drawn)) == 7
    # Whatever the collector has spawned of a seed meanwhile.
    seeds[0].spawn(2)
    assert drawn_with(GlobalGenerators(seeds[0])) == drawn[0]


class Unseeded(Corridor):
    """Passes the seed on to nobody, and observes what its space samples."""

    def reset(self, *, seed=None, options=None):
        self.position = self.steps = 0
        return self._observation(), {}

    def _observation(self):
        return self.observation_space.sample() * np.float32(self.np_random.random())


@pytest.mark.parametrize("count", [1, 3])
def test_what_reset_does_not_seed_is_seeded_before(count):
    def seen(seed):
        vector = EnvironmentMaker(Unseeded).make_vector(count)
        seed_unseeded(separate(vector), np.random.SeedSequence(seed))
        return vector.reset(seed=[0] * count)[0]

    first, again, other = seen(1), seen(1), seen(2)
    np.testing.assert_array_equal(first, again)
    assert len(np.unique(np.concatenate([first, other]), axis=0)) == 2 * count


def test_a_generator_that_an_environment_has_seeded_stays():
    class Seeded(Unseeded):
        def __init__(self):
            super().__init__()
            self.np_random = np.random.default_rng(7)

    environment = Seeded()
    seed_unseeded([environment], np.random.SeedSequence(1))
    assert environment.np_random.random() == np.random.default_rng(7).random()
    # Where there are none, as where a space has been replaced, there is nothing to seed.
    environment.observation_space = None
    seed_unseeded([environment], np.random.SeedSequence(1))
