"""Generators that environments draw from but `reset(seed=...)` does not seed: NumPy's and Python's global ones, those
of their spaces, and their own where they don't pass the seed on.

In use:

    generators = GlobalGenerators(seed_sequence)
    with generators.swapped():           np.random and random draw what the seed says
        with generators.swapped():       the caller's again, as for a callback
"""

import random
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress

import gymnasium
import numpy as np
from gymnasium.vector import VectorEnv


class GlobalGenerators:
    """States for the two generators, from a seed; swapped with those that they have, and back."""

    def __init__(self, seed: np.random.SeedSequence):
        # The first two children of a worker's seed are for sampling and for resets.
        seed = np.random.SeedSequence(seed.entropy, spawn_key=(*seed.spawn_key, 2))
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


def play_seed(seed: int | None) -> np.random.SeedSequence:
    """What these generators are seeded from in evaluation, play and inspection; in training it is the worker's seed."""
    return np.random.SeedSequence(seed, spawn_key=(4,))


def separate(vector: VectorEnv) -> Sequence[gymnasium.Env]:
    """The environments of a vector of objects of their own; none of another."""
    return getattr(vector.unwrapped, "envs", ())


def seed_unseeded(environments: Sequence[gymnasium.Env], seed: np.random.SeedSequence, again: bool = False) -> None:
    """Before they are reset for the first time: else these generators would be seeded by the clock.

    `again`: whether those are seeded too that have been before.
    """
    children = np.random.SeedSequence(seed.entropy, spawn_key=(*seed.spawn_key, 3)).spawn(len(environments))
    for environment, child in zip(environments, children, strict=True):
        bare, numbers = environment.unwrapped, map(int, child.generate_state(2))
        # What an environment has made of these attributes is its own affair.
        with suppress(Exception):
            bare.observation_space.seed(next(numbers))
            bare.action_space.seed(next(numbers))
            if again or bare._np_random is None:
                bare.np_random = np.random.default_rng(child)
