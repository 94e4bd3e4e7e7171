"""NumPy's and Python's global generators, which many environments draw from, seeded as a run is.

In use:

    generators = GlobalGenerators(seed_sequence)
    with generators.swapped():           np.random and random draw what the seed says
        with generators.swapped():       the caller's again, as for a callback
"""

import random
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np


class GlobalGenerators:
    """States for the two generators, from a seed; swapped with those that they have, and back."""

    def __init__(self, seed: np.random.SeedSequence):
        number = int.from_bytes(seed.generate_state(8).tobytes(), "little")
        self._states = random.Random(number).getstate(), np.random.RandomState(np.random.MT19937(seed)).get_state()

    def swap(self) -> None:
        """The generators go on from the states that are here, and theirs are kept in their place."""
        states, self._states = self._states, (random.getstate(), np.random.get_state())
        random.setstate(states[0])
        np.random.set_state(states[1])

    @contextmanager
    def swapped(self) -> Iterator[None]:
        """For as long as this lasts."""
        self.swap()
        try:
            yield
        finally:
            self.swap()


def of_worker(seed: np.random.SeedSequence) -> GlobalGenerators:
    """Those of the worker with this seed, whose first two children are for sampling and for its environments."""
    return GlobalGenerators(np.random.SeedSequence(seed.entropy, spawn_key=(*seed.spawn_key, 2)))


def of_play(seed: int | None) -> GlobalGenerators:
    """Those for evaluation, play and inspection."""
    return GlobalGenerators(np.random.SeedSequence(seed, spawn_key=(4,)))
