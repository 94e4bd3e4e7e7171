"""Fully connected layers, and the networks built on them or on a user's own module."""

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.ad_checkpoint import checkpoint_name
from jaxtyping import Array, Float

from a3c.learning.arrays import AnyArray

ACTIVATIONS: dict[str, Callable[[jax.Array], jax.Array]] = {"tanh": jnp.tanh, "relu": jax.nn.relu, "elu": jax.nn.elu}

SUMS = "sums"
"""The name, in JAX, of what a layer's activation is applied to."""


def activate(x: Float[AnyArray, "*B n"], activation: str, layer_norm: bool) -> Float[Array, "*B n"]:
    """What a layer gives, after its activation; before that, with `layer_norm`, with mean 0 and variance 1 over its
    numbers, of a frame over the channels of each place (Ba et al. 2016, without the gain and bias that follow there).
    """
    sums = checkpoint_name(jnp.asarray(x), SUMS)
    if layer_norm:
        sums = sums - sums.mean(axis=-1, keepdims=True)
        sums = sums * jax.lax.rsqrt((sums**2).mean(axis=-1, keepdims=True) + 1e-6)
    return ACTIVATIONS[activation](sums)


class Dense(eqx.Module):
    """`x @ weight + bias`, initialised orthogonally (Saxe et al. 2014) with the given gain.

    Weights are drawn with NumPy: it needs no compilation, and gives the same numbers on every device.
    """

    weight: Any
    bias: Any

    def __init__(self, inputs: int, outputs: int, gain: float, generator: np.random.Generator):
        self.weight = orthogonal(generator, inputs, outputs, gain)
        self.bias = np.zeros(outputs, np.float32)

    def __call__(self, x: Float[AnyArray, "*B inputs"]) -> Float[Array, "*B outputs"]:
        return jnp.asarray(x) @ self.weight + self.bias


def orthogonal(
    generator: np.random.Generator, inputs: int, outputs: int, gain: float
) -> Float[np.ndarray, "{inputs} {outputs}"]:
    """A `[inputs, outputs]` matrix with orthonormal rows or columns, times `gain`; float32."""
    rows, columns = max(inputs, outputs), min(inputs, outputs)
    q, r = np.linalg.qr(generator.normal(size=(rows, columns)))
    q = q * np.sign(np.diag(r))
    return (gain * (q if inputs >= outputs else q.T)).astype(np.float32)


class MLP(eqx.Module):
    """Dense layers, each followed by the activation: one observation of any shape, flattened, to features."""

    layers: list[Dense]
    activation: str = eqx.field(static=True)
    layer_norm: bool = eqx.field(static=True)

    def __init__(
        self,
        inputs: int,
        hidden: Sequence[int],
        activation: str,
        generator: np.random.Generator,
        layer_norm: bool = False,
    ):
        widths = [inputs, *hidden]
        self.layers = [Dense(a, b, np.sqrt(2), generator) for a, b in pairwise(widths)]
        self.activation, self.layer_norm = activation, layer_norm

    def __call__(self, observation: Float[AnyArray, "..."]) -> Float[Array, "f"]:
        x = jnp.ravel(observation)
        for layer in self.layers:
            x = activate(layer(x), self.activation, self.layer_norm)
        return x


class ActionValues(eqx.Module):
    """Features of an observation, and from them the value of each action; what an ActorCritic is to a Policy."""

    torso: eqx.Module
    core: Any
    head: Dense

    critic_torso = None
    log_std = None

    def __init__(
        self,
        torso: eqx.Module,
        features: int,
        outputs: int,
        generator: np.random.Generator,
        core: eqx.Module | None = None,
    ):
        self.torso, self.core = torso, core
        self.head = Dense(features, outputs, 0.01, generator)

    def features(self, observation: Any) -> tuple[jax.Array, jax.Array]:
        """The same twice, `[n]` each, of one observation."""
        features = self.torso(observation)  # type: ignore[operator]
        return features, features

    def heads(
        self, features: Float[Array, "*B f"], critic_features: Float[Array, "*B f"]
    ) -> tuple[Float[Array, "*B outputs"], Float[Array, "*B"]]:
        """The values of all actions `[..., outputs]`, and of the best one `[...]`."""
        values = self.head(features)
        return values, values.max(axis=-1)


class ActorCritic(eqx.Module):
    """Features of an observation, and from them what the distribution of actions is made of, and the value.

    `critic_torso` is None where policy and value share their features; `core`, the recurrent layer after them, where
    nothing is remembered; `log_std` where it is no parameter of its own.
    """

    torso: eqx.Module
    critic_torso: eqx.Module | None
    core: Any
    policy_head: Dense
    value_head: Dense
    log_std: Any

    def __init__(
        self,
        torso: eqx.Module,
        critic_torso: eqx.Module | None,
        features: int,
        outputs: int,
        log_std: np.ndarray | None,
        generator: np.random.Generator,
        core: eqx.Module | None = None,
    ):
        self.torso, self.critic_torso, self.core = torso, critic_torso, core
        self.log_std = log_std
        # A gain of 0.01 makes the first policy close to uniform (Andrychowicz et al. 2021, section 3.2).
        self.policy_head = Dense(features, outputs, 0.01, generator)
        self.value_head = Dense(features, 1, 1.0, generator)

    def features(self, observation: Any) -> tuple[jax.Array, jax.Array]:
        """Those of the policy and those of the value, `[n]` each, of one observation."""
        features = self.torso(observation)  # type: ignore[operator]
        return features, features if self.critic_torso is None else self.critic_torso(observation)  # type: ignore[operator]

    def heads(
        self, features: Float[Array, "*B f"], critic_features: Float[Array, "*B f"]
    ) -> tuple[Float[Array, "*B outputs"], Float[Array, "*B"]]:
        """Outputs `[..., outputs]` and values `[...]` of features `[..., n]`."""
        return self.policy_head(features), self.value_head(critic_features)[..., 0]
