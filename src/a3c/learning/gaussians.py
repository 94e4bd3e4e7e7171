"""Distributions of continuous actions. Each samples from noise drawn outside, so that sampling is a pure function."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from a3c.learning.arrays import AnyArray

NODES, WEIGHTS = np.polynomial.hermite_e.hermegauss(16)
"""Where and how much to weigh a function of a standard normal number for its mean: Gauss-Hermite quadrature."""
WEIGHTS = WEIGHTS / WEIGHTS.sum()


class Gaussian(eqx.Module):
    """Independent normal numbers, with `mean` and `log_std` `[..., n]`."""

    mean: Float[AnyArray, "... n"]
    log_std: Float[AnyArray, "... n"]

    def log_prob(self, actions: Float[AnyArray, "... n"]) -> Float[AnyArray, "..."]:
        """The logarithm of the density."""
        z = (actions - self.mean) * jnp.exp(-self.log_std)
        return -(0.5 * jnp.square(z) + self.log_std + 0.5 * np.log(2 * np.pi)).sum(axis=-1)

    def entropy(self) -> Float[AnyArray, "..."]:
        """In nats, the differential one: below 0 where the standard deviations are small."""
        return (self.log_std + 0.5 * np.log(2 * np.pi * np.e)).sum(axis=-1)

    def mode(self) -> Float[AnyArray, "... n"]:
        return self.mean

    def sample(self, noise: Float[AnyArray, "... n"]) -> Float[AnyArray, "... n"]:
        """From standard normal numbers."""
        return self.mean + jnp.exp(self.log_std) * noise


class SquashedGaussian(Gaussian):
    """tanh of independent normal numbers: actions between -1 and 1 (Haarnoja et al. 2018, appendix C).

    Actions are given and taken before tanh, where numbers close to the bounds are still told apart.
    """

    def log_prob(self, actions: Float[AnyArray, "... n"]) -> Float[AnyArray, "..."]:
        """The logarithm of the density of `tanh(actions)`."""
        return super().log_prob(actions) - _log_slope(actions).sum(axis=-1)

    def entropy(self) -> Float[AnyArray, "..."]:
        """In nats, the differential one, of the actions after tanh: by quadrature, as there is no formula."""
        numbers = self.mean[..., None] + jnp.exp(self.log_std)[..., None] * NODES.astype(np.float32)
        return super().entropy() + (_log_slope(numbers) @ WEIGHTS.astype(np.float32)).sum(axis=-1)


class StateNoiseGaussian(Gaussian):
    """A Gaussian whose noise is linear in features of the state (gSDE; Raffin et al. 2021, arXiv 2005.05719).

    Noise that is held over several steps then still changes with the state, and smoothly.
    """

    features: Float[AnyArray, "... f"]
    scales: Float[AnyArray, "... f n"]
    """Standard deviations of the matrices that features are multiplied with."""

    def __init__(
        self, mean: Float[AnyArray, "... n"], features: Float[AnyArray, "... f"], log_scales: Float[AnyArray, "f n"]
    ):
        # The size of the noise is learned by the scales: features are there for what they say of the state.
        features = jax.lax.stop_gradient(features)
        scales = jnp.exp(log_scales)
        variance = jnp.einsum("...f,...fn->...n", jnp.square(features), jnp.square(scales))
        self.mean, self.log_std = mean, 0.5 * jnp.log(variance + 1e-6)
        self.features, self.scales = features, jnp.broadcast_to(scales, (*features.shape, scales.shape[-1]))

    def sample(self, noise: Float[AnyArray, "... f n"]) -> Float[AnyArray, "... n"]:
        """From a matrix of standard normal numbers."""
        return self.mean + jnp.einsum("...f,...fn->...n", self.features, self.scales * noise)


def _log_slope(x: Float[AnyArray, "..."]) -> Float[AnyArray, "..."]:
    """log(1 - tanh(x)^2), without rounding to log(0) where x is large."""
    return 2.0 * (np.log(2.0) - x - jax.nn.softplus(-2.0 * x))
