"""Networks for the tests of what a user sees that go wrong, but in the learner's process alone."""

import importlib
import multiprocessing
from typing import Any

import equinox as eqx
import jax


class Saboteur(eqx.Module):
    """Traced by the learner, it makes `target`, module:Class.method, raise from then on."""

    layer: eqx.nn.Linear
    target: str = eqx.field(static=True)

    def __init__(self, observation_space: Any, key: jax.Array, target: str):
        self.layer = eqx.nn.Linear(observation_space.shape[0], 4, key=key)
        self.target = target

    def __call__(self, observation: jax.Array) -> jax.Array:
        if multiprocessing.current_process().name == "a3c-learner":
            module, _, path = self.target.partition(":")
            owner, _, method = path.partition(".")
            setattr(getattr(importlib.import_module(module), owner), method, give_up)
        return self.layer(observation)


def give_up(*arguments: Any) -> None:
    raise ZeroDivisionError("the learner gave up")
