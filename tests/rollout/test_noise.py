"""What actions are chosen by: drawn for each step, or held for some."""

import numpy as np
import pytest

from a3c.rollout.noise import Noise


class Policy:
    """Its noise counts."""

    def __init__(self):
        self.drawn = 0

    def noise(self, generator, shape):
        self.drawn += shape[0]
        return np.broadcast_to(np.arange(self.drawn - shape[0], self.drawn)[:, None], shape)


@pytest.mark.parametrize(
    ("hold", "expected"),
    [(1, [0, 1, 2, 3, 4, 5, 6, 7]), (3, [0, 0, 0, 1, 1, 1, 2, 2]), (4, [0, 0, 0, 0, 1, 1, 1, 1]), (9, [0] * 8)],
)
@pytest.mark.parametrize("lengths", [(8,), (4, 4), (1, 2, 5)])
def test_that_of_a_step_is_held_over_segments_too(hold, expected, lengths):
    noise = Noise(Policy(), np.random.SeedSequence(0), hold)
    drawn = [row for length in lengths for row in noise.draw(length, 2)]
    assert [row.tolist() for row in drawn] == [[number] * 2 for number in expected]


def test_only_what_is_to_be_held_is_held():
    class Pairs:
        def noise(self, generator, shape):
            return generator.standard_normal((*shape, 2))

    noise = Noise(Pairs(), np.random.SeedSequence(0), 3, np.array([False, True]))
    drawn = np.concatenate([noise.draw(4, 2), noise.draw(5, 2)])
    assert [len(np.unique(drawn[:, :, number])) for number in (0, 1)] == [18, 6]
    assert (drawn[:3, :, 1] == drawn[0, :, 1]).all()
