"""Distributions of discrete actions. Each samples from noise drawn outside, so that sampling is a pure function."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import ArrayLike, Float, Int

from a3c.learning.arrays import AnyArray

IMPOSSIBLE = -1e9
"""The logit of what is no choice: minus infinity would turn gradients into NaN."""


class Categorical(eqx.Module):
    """One of n actions; made from `logits`, unnormalised log-probabilities `[..., n]`."""

    log_probs: Float[AnyArray, "... n"]

    def __init__(self, logits: Float[AnyArray, "... n"]):
        self.log_probs = jax.nn.log_softmax(logits)

    def log_prob(self, actions: Int[AnyArray, "..."]) -> Float[AnyArray, "..."]:
        # A sum over a one-hot row compiles and runs faster than a gather, whose gradient is a scatter.
        chosen = jax.nn.one_hot(actions, self.log_probs.shape[-1], dtype=bool)
        return jnp.sum(jnp.where(chosen, self.log_probs, 0.0), axis=-1)

    def entropy(self) -> Float[AnyArray, "..."]:
        """In nats: 0 when one action is certain, log(n) when all are equally likely."""
        return -jnp.sum(jnp.exp(self.log_probs) * self.log_probs, axis=-1)

    def mode(self) -> Int[AnyArray, "..."]:
        return jnp.argmax(self.log_probs, axis=-1)

    def sample(self, noise: Float[AnyArray, "..."]) -> Int[AnyArray, "..."]:
        """The action whose share of [0, 1) holds `noise`, uniform numbers there (inversion of the cumulative)."""
        cumulative = jnp.cumsum(jnp.exp(self.log_probs), axis=-1)
        # Rounding may leave the last cumulative probability below 1, so it is not compared.
        return jnp.sum(cumulative[..., :-1] <= noise[..., None], axis=-1)

    def mix_uniform(self, epsilon: Float[ArrayLike, "..."]) -> "Categorical":
        """With probability `epsilon` a uniformly random action, else one of this distribution."""
        epsilon = jnp.asarray(epsilon)[..., None]
        probs = (1.0 - epsilon) * jnp.exp(self.log_probs) + epsilon / self.log_probs.shape[-1]
        return Categorical(jnp.log(jnp.maximum(probs, 1e-30)))


class EpsilonGreedy(eqx.Module):
    """The best of n actions by their values `[..., n]`; with probability `epsilon` `[...]` a uniformly random one."""

    values: Float[AnyArray, "... n"]
    epsilon: Float[ArrayLike, "..."] = 0.0

    def value_of(self, actions: Int[AnyArray, "..."]) -> Float[AnyArray, "..."]:
        """The values of these actions."""
        chosen = jax.nn.one_hot(actions, self.values.shape[-1], dtype=bool)
        return jnp.sum(jnp.where(chosen, self.values, 0.0), axis=-1)

    @property
    def log_probs(self) -> Float[AnyArray, "... n"]:
        """Of all actions."""
        return self._categorical.log_probs

    def log_prob(self, actions: Int[AnyArray, "..."]) -> Float[AnyArray, "..."]:
        return self._categorical.log_prob(actions)

    def entropy(self) -> Float[AnyArray, "..."]:
        """In nats: of what is random, and nothing of the values."""
        return self._categorical.entropy()

    def mode(self) -> Int[AnyArray, "..."]:
        """The first of the best."""
        return jnp.argmax(self.values, axis=-1)

    def sample(self, noise: Float[AnyArray, "..."]) -> Int[AnyArray, "..."]:
        """From uniform numbers in [0, 1)."""
        return self._categorical.sample(noise)

    def mix_uniform(self, epsilon: Float[ArrayLike, "..."]) -> "EpsilonGreedy":
        """With probability `epsilon` a uniformly random action, else one of this distribution."""
        return EpsilonGreedy(self.values, 1.0 - (1.0 - jnp.asarray(self.epsilon)) * (1.0 - jnp.asarray(epsilon)))

    @property
    def _categorical(self) -> Categorical:
        best = jax.nn.one_hot(self.mode(), self.values.shape[-1])
        epsilon = jnp.asarray(self.epsilon)[..., None]
        probs = (1.0 - epsilon) * best + epsilon / self.values.shape[-1]
        return Categorical(jnp.log(jnp.maximum(probs, 1e-30)))


class MultiCategorical(eqx.Module):
    """k independent choices, the i-th one of `counts[i]`; made from their `logits` `[..., sum(counts)]`, in a row."""

    choices: Categorical
    """With log-probabilities `[..., k, max(counts)]`."""
    counts: tuple[int, ...] = eqx.field(static=True)

    def __init__(self, logits: Float[AnyArray, "... n"], counts: tuple[int, ...]):
        most, ends = max(counts), np.cumsum(counts)
        rows = [
            jnp.pad(
                logits[..., end - count : end],
                [(0, 0)] * (logits.ndim - 1) + [(0, most - count)],
                constant_values=IMPOSSIBLE,
            )
            for count, end in zip(counts, ends, strict=True)
        ]
        self.choices, self.counts = Categorical(jnp.stack(rows, axis=-2)), counts

    def log_prob(self, actions: Int[AnyArray, "... k"]) -> Float[AnyArray, "..."]:
        return self.choices.log_prob(actions).sum(axis=-1)

    def entropy(self) -> Float[AnyArray, "..."]:
        """In nats, of all choices together."""
        return self.choices.entropy().sum(axis=-1)

    def mode(self) -> Int[AnyArray, "... k"]:
        return self.choices.mode()

    def sample(self, noise: Float[AnyArray, "... k"]) -> Int[AnyArray, "... k"]:
        """From uniform numbers in [0, 1)."""
        # The rounding that Categorical allows for may otherwise lead past the last choice of a shorter row.
        return jnp.minimum(self.choices.sample(noise), jnp.array(self.counts) - 1)

    def mix_uniform(self, epsilon: Float[ArrayLike, "..."]) -> "MultiCategorical":
        """Each choice with probability `epsilon` a uniformly random one."""
        counts = np.array(self.counts)[:, None]
        uniform = np.where(np.arange(counts.max()) < counts, 1.0 / counts, 0.0).astype(np.float32)
        epsilon = jnp.asarray(epsilon)[..., None, None]
        probs = (1.0 - epsilon) * jnp.exp(self.choices.log_probs) + epsilon * uniform
        logits = jnp.where(uniform > 0, jnp.log(jnp.maximum(probs, 1e-30)), IMPOSSIBLE)
        return eqx.tree_at(lambda mixed: mixed.choices, self, Categorical(logits))


class Bernoulli(eqx.Module):
    """k independent bits; made from the `logits` `[..., k]` of each being 1."""

    logits: Float[AnyArray, "... k"]

    def log_prob(self, actions: Int[AnyArray, "... k"]) -> Float[AnyArray, "..."]:
        return jax.nn.log_sigmoid(jnp.where(actions > 0, self.logits, -self.logits)).sum(axis=-1)

    def entropy(self) -> Float[AnyArray, "..."]:
        """In nats, of all bits together."""
        probs = jax.nn.sigmoid(self.logits)
        return -(probs * jax.nn.log_sigmoid(self.logits) + (1.0 - probs) * jax.nn.log_sigmoid(-self.logits)).sum(
            axis=-1
        )

    def mode(self) -> Int[AnyArray, "... k"]:
        return (self.logits > 0).astype(jnp.int32)

    def sample(self, noise: Float[AnyArray, "... k"]) -> Int[AnyArray, "... k"]:
        """From uniform numbers in [0, 1)."""
        return (noise < jax.nn.sigmoid(self.logits)).astype(jnp.int32)

    def mix_uniform(self, epsilon: Float[ArrayLike, "..."]) -> "Bernoulli":
        """Each bit with probability `epsilon` a uniformly random one."""
        epsilon = jnp.asarray(epsilon)[..., None]
        ones = (1.0 - epsilon) * jax.nn.sigmoid(self.logits) + epsilon / 2.0
        zeros = (1.0 - epsilon) * jax.nn.sigmoid(-self.logits) + epsilon / 2.0
        return Bernoulli(jnp.log(jnp.maximum(ones, 1e-30)) - jnp.log(jnp.maximum(zeros, 1e-30)))
