"""A small agent for the tests of the Python surface, and observations for it."""

import numpy as np

from a3c import A3C

OBSERVATION = np.array([0.1, -0.2, 0.03, 0.4], np.float32)
BATCH = np.random.default_rng(1).normal(size=(6, 4)).astype(np.float32)


def cartpole(**settings) -> A3C:
    return A3C("CartPole-v1", **{"recipe": "none", "backend": "inline", "seed": 3, "envs_per_worker": 4} | settings)
