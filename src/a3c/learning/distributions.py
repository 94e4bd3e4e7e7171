"""Action distributions. Each samples from noise drawn outside, so that sampling is a pure function."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int


class Categorical(eqx.Module):
    """One of n actions; made from `logits`, unnormalised log-probabilities `[..., n]`."""

    log_probs: Float[Array, "... n"]

    def __init__(self, logits: Float[Array, "... n"]):
        self.log_probs = jax.nn.log_softmax(logits)

    @staticmethod
    def noise(generator: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
        """What `sample` needs for actions of `shape`: uniform numbers in [0, 1), float32."""
        return generator.random(shape, dtype=np.float32)

    def log_prob(self, actions: Int[Array, "..."]) -> Float[Array, "..."]:
        # A sum over a one-hot row compiles and runs faster than a gather, whose gradient is a scatter.
        chosen = jax.nn.one_hot(actions, self.log_probs.shape[-1], dtype=bool)
        return jnp.sum(jnp.where(chosen, self.log_probs, 0.0), axis=-1)

    def entropy(self) -> Float[Array, "..."]:
        """In nats: 0 when one action is certain, log(n) when all are equally likely."""
        return -jnp.sum(jnp.exp(self.log_probs) * self.log_probs, axis=-1)

    def mode(self) -> Int[Array, "..."]:
        return jnp.argmax(self.log_probs, axis=-1)

    def sample(self, noise: Float[Array, "..."]) -> Int[Array, "..."]:
        """The action whose share of [0, 1) holds `noise` (inversion of the cumulative distribution)."""
        cumulative = jnp.cumsum(jnp.exp(self.log_probs), axis=-1)
        # Rounding may leave the last cumulative probability below 1, so it is not compared.
        return jnp.sum(cumulative[..., :-1] <= noise[..., None], axis=-1)

    def mix_uniform(self, epsilon: Float[Array, ""]) -> "Categorical":
        """With probability `epsilon` a uniformly random action, else one of this distribution."""
        probs = (1.0 - epsilon) * jnp.exp(self.log_probs) + epsilon / self.log_probs.shape[-1]
        return Categorical(jnp.log(jnp.maximum(probs, 1e-30)))
