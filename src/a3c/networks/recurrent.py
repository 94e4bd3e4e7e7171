"""Recurrent layers: what an agent remembers of an episode, as a state of each environment.

In use, with features `[T, B, F]` of T rows of B environments:

    state, output = core.step(state, core.inputs(features[0]))          # one row; state [B, S], output [B, units]
    outputs = unroll(core, first_state, starts, features)               # all of them, [T, B, units]
"""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float

from a3c.learning.arrays import AnyArray
from a3c.networks.mlp import Dense, orthogonal


class LSTM(eqx.Module):
    """Long short-term memory (Hochreiter and Schmidhuber 1997; forget gate of Gers et al. 2000).

    The state is its output and its cell, one after the other.
    """

    inputs: Dense
    recurrent: Any
    """`[units, 4 units]`: input gate, forget gate, candidate, output gate."""

    def __init__(self, features: int, units: int, generator: np.random.Generator):
        self.inputs, self.recurrent = _gates(4, features, units, generator)
        # A bias of 1 keeps the forget gate open at first (Jozefowicz et al. 2015, section 2.2).
        self.inputs.bias[units : 2 * units] = 1.0

    @property
    def state_size(self) -> int:
        return 2 * self.recurrent.shape[0]

    def step(
        self, state: Float[AnyArray, "*B S"], inputs: Float[AnyArray, "*B gates"]
    ) -> tuple[Float[Array, "*B S"], Float[Array, "*B units"]]:
        """The next state `[..., S]` and the output `[..., units]`; `inputs` are `self.inputs` of features."""
        output, cell = jnp.split(state, 2, axis=-1)
        admit, keep, candidate, emit = jnp.split(inputs + output @ self.recurrent, 4, axis=-1)
        cell = jax.nn.sigmoid(keep) * cell + jax.nn.sigmoid(admit) * jnp.tanh(candidate)
        output = jax.nn.sigmoid(emit) * jnp.tanh(cell)
        return jnp.concatenate([output, cell], axis=-1), output


class GRU(eqx.Module):
    """Gated recurrent unit (Cho et al. 2014), its reset gate behind the matrix product. The state is its output."""

    inputs: Dense
    recurrent: Any
    """`[units, 3 units]`: reset gate, update gate, candidate."""

    def __init__(self, features: int, units: int, generator: np.random.Generator):
        self.inputs, self.recurrent = _gates(3, features, units, generator)

    @property
    def state_size(self) -> int:
        return self.recurrent.shape[0]

    def step(
        self, state: Float[AnyArray, "*B S"], inputs: Float[AnyArray, "*B gates"]
    ) -> tuple[Float[Array, "*B S"], Float[Array, "*B units"]]:
        """As that of LSTM."""
        reset_in, update_in, candidate_in = jnp.split(inputs, 3, axis=-1)
        reset, update, candidate = jnp.split(state @ self.recurrent, 3, axis=-1)
        candidate = jnp.tanh(candidate_in + jax.nn.sigmoid(reset_in + reset) * candidate)
        keep = jax.nn.sigmoid(update_in + update)
        state = keep * state + (1.0 - keep) * candidate
        return state, state


CORES = {"lstm": LSTM, "gru": GRU}


def unroll(
    core: LSTM | GRU,
    first_state: Float[AnyArray, "B S"],
    starts: Bool[AnyArray, "T B"],
    features: Float[AnyArray, "T B f"],
) -> Float[Array, "T B units"]:
    """Outputs `[T, B, units]` of rows in time, from the state `[B, S]` before the first.

    Where `starts` `[T, B]` says that a row is an episode's first, nothing is remembered of what came before it.
    """

    def step(state: jax.Array, row: tuple[jax.Array, jax.Array]) -> tuple[jax.Array, jax.Array]:
        inputs, start = row
        return core.step(jnp.where(start[:, None], 0.0, state), inputs)

    # The inputs of all rows at once: only what depends on the row before is left to do row by row.
    _, outputs = jax.lax.scan(step, jnp.asarray(first_state), (core.inputs(features), jnp.asarray(starts)))
    return outputs


def _gates(count: int, features: int, units: int, generator: np.random.Generator) -> tuple[Dense, np.ndarray]:
    """Weights of so many gates, each orthogonal by itself: from the features, and from the state."""
    inputs = Dense(features, count * units, 1.0, generator)
    recurrent = np.concatenate([orthogonal(generator, units, units, 1.0) for _ in range(count)], axis=1)
    return inputs, recurrent
