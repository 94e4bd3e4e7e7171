"""Distributions of discrete actions. Each samples from noise drawn outside, so that sampling is a pure function.

A mask says which actions are valid, True for each that is: the others have probability 0, and are never drawn.
"""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import ArrayLike, Bool, Float, Int

from a3c.learning.arrays import AnyArray

IMPOSSIBLE = -1e9
"""The logit of what is no choice: minus infinity would turn gradients into NaN."""


class Categorical(eqx.Module):
    """One of n actions; made from `logits`, unnormalised log-probabilities `[..., n]`."""

    log_probs: Float[AnyArray, "... n"]
    mask: Bool[AnyArray, "... n"] | None

    def __init__(self, logits: Float[AnyArray, "... n"], mask: Bool[AnyArray, "... n"] | None = None):
        self.log_probs, self.mask = jax.nn.log_softmax(_masked(logits, mask)), mask

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
        actions = jnp.sum(cumulative[..., :-1] <= noise[..., None], axis=-1)
        if self.mask is None:
            return actions
        last_valid = self.mask.shape[-1] - 1 - jnp.argmax(self.mask[..., ::-1], axis=-1)
        return jnp.minimum(actions, last_valid)

    def mix_uniform(self, epsilon: Float[ArrayLike, "..."]) -> "Categorical":
        """With probability `epsilon` a uniformly random valid action, else one of this distribution."""
        epsilon = jnp.asarray(epsilon)[..., None]
        probs = (1.0 - epsilon) * jnp.exp(self.log_probs) + epsilon * _uniform(self.log_probs, self.mask)
        return Categorical(jnp.log(jnp.maximum(probs, 1e-30)), self.mask)


class EpsilonGreedy(eqx.Module):
    """The best of n actions by their values `[..., n]`; with probability `epsilon` `[...]` a uniformly random one."""

    values: Float[AnyArray, "... n"]
    """Least where an action is not valid."""
    epsilon: Float[ArrayLike, "..."]
    mask: Bool[AnyArray, "... n"] | None

    def __init__(
        self,
        values: Float[AnyArray, "... n"],
        epsilon: Float[ArrayLike, "..."] = 0.0,
        mask: Bool[AnyArray, "... n"] | None = None,
    ):
        self.values, self.epsilon, self.mask = _masked(values, mask), epsilon, mask

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
        """With probability `epsilon` a uniformly random valid action, else one of this distribution."""
        either = 1.0 - (1.0 - jnp.asarray(self.epsilon)) * (1.0 - jnp.asarray(epsilon))
        return EpsilonGreedy(self.values, either, self.mask)

    @property
    def _categorical(self) -> Categorical:
        best = jax.nn.one_hot(self.mode(), self.values.shape[-1])
        epsilon = jnp.asarray(self.epsilon)[..., None]
        probs = (1.0 - epsilon) * best + epsilon * _uniform(self.values, self.mask)
        return Categorical(jnp.log(jnp.maximum(probs, 1e-30)), self.mask)


class MultiCategorical(eqx.Module):
    """k independent choices, the i-th one of `counts[i]`; made from their `logits` `[..., sum(counts)]`, in a row."""

    choices: Categorical
    """With log-probabilities `[..., k, max(counts)]`."""
    counts: tuple[int, ...] = eqx.field(static=True)

    def __init__(
        self, logits: Float[AnyArray, "... n"], counts: tuple[int, ...], mask: Bool[AnyArray, "... n"] | None = None
    ):
        rows = None if mask is None else _rows(mask, counts, False)
        self.choices, self.counts = Categorical(_rows(logits, counts, IMPOSSIBLE), rows), counts

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
        """Each choice with probability `epsilon` a uniformly random valid one."""
        if self.choices.mask is not None:
            return eqx.tree_at(
                lambda mixed: mixed.choices, self, self.choices.mix_uniform(jnp.asarray(epsilon)[..., None])
            )
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


def _masked(numbers: Float[AnyArray, "... n"], mask: Bool[AnyArray, "... n"] | None) -> Float[AnyArray, "... n"]:
    """Logits or values, those of what is not valid so small that they count for nothing."""
    return numbers if mask is None else jnp.where(mask, numbers, IMPOSSIBLE)


def _uniform(numbers: Float[AnyArray, "... n"], mask: Bool[AnyArray, "... n"] | None) -> Float[ArrayLike, "..."]:
    """The probability of each valid action where all of them are as likely."""
    if mask is None:
        return 1.0 / numbers.shape[-1]
    return mask / jnp.maximum(mask.sum(axis=-1, keepdims=True), 1)


def _rows(numbers: AnyArray, counts: tuple[int, ...], filler: float | bool) -> AnyArray:
    """Numbers `[..., sum(counts)]` in a row -> `[..., k, max(counts)]`, filled up."""
    most, ends = max(counts), np.cumsum(counts)
    rows = [
        jnp.pad(
            numbers[..., end - count : end],
            [(0, 0)] * (numbers.ndim - 1) + [(0, most - count)],
            constant_values=filler,
        )
        for count, end in zip(counts, ends, strict=True)
    ]
    return jnp.stack(rows, axis=-2)
