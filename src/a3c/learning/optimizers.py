"""Optax optimizers over one flat parameter vector, with a state that can be shared between processes.

The state becomes a matrix `[K, P]`: one row for each array that the optimizer keeps per parameter. Scalar counts, such
as Adam's, are set from the global count of updates.
"""

import inspect
from functools import cached_property
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array, Float, Int

from a3c.errors import SettingsError, nearest

DEFAULT_OPTIONS: dict[str, dict[str, Any]] = {
    # Mnih et al. 2016, section 8: decay 0.99; the epsilon of 0.1 stands inside the square root (equation S3).
    "rmsprop": {"decay": 0.99, "eps": 0.1, "eps_in_sqrt": True},
}


NONNEGATIVE = {"nu", "nu_max", "n", "e_g", "e_x", "sum_of_squares", "step_sizes"}
"""Optax's names for what is no less than 0: means of squares, maxima of them, sizes of steps."""

BY_LAYER = ("fromage", "lamb", "lars")
"""Optimizers whose state is per parameter, but whose step for a layer depends on the norms of the whole layer."""


class SharedOptimizer:
    """An Optax optimizer by name, for `size` parameters.

    The learning rate is an argument of `update`, so that it can be annealed by the global step.
    """

    def __init__(self, name: str, options: dict[str, float], size: int):
        self.name, self.options, self.size = name, {**DEFAULT_OPTIONS.get(name, {}), **options}, size
        self._treedef, self._leaves = self._describe()

    def _transformation(self) -> optax.GradientTransformation:
        factory = getattr(optax, self.name, None)
        if factory is None or "learning_rate" not in _parameters(factory):
            names = [n for n in vars(optax) if "learning_rate" in _parameters(getattr(optax, n))]
            raise SettingsError(f"`optimizer`: Optax has no optimizer {self.name!r}{nearest(self.name, names)}")
        if self.name in BY_LAYER:
            raise SettingsError(
                f"`optimizer` {self.name} scales the step of each layer by the layer's norms, but here the parameters "
                "of all layers are one vector; use adam, rmsprop or sgd"
            )
        return factory(learning_rate=1.0, **self.options)

    def _describe(self):
        vector = jax.ShapeDtypeStruct((self.size,), jnp.float32)
        try:
            state = jax.eval_shape(self._transformation().init, vector)
        except SettingsError:
            raise
        except Exception as error:
            # What Optax checks itself, and names and values that it does not know what to do with.
            raise SettingsError(f"`optimizer_options`: {error}") from None
        paths, treedef = jax.tree.flatten_with_path(state)
        leaves = [leaf for _, leaf in paths]
        self.nonnegative_rows = [
            row
            for row, path in enumerate(path for path, leaf in paths if leaf.shape)
            # What sm3 calls nu is a mean of gradients.
            if getattr(path[-1], "name", None) in NONNEGATIVE and self.name != "sm3"
        ]
        """The rows that are never below 0, as the optimizer takes roots of them."""
        for leaf in leaves:
            if leaf.shape != (self.size,) and not (leaf.shape == () and jnp.issubdtype(leaf.dtype, jnp.integer)):
                raise SettingsError(
                    f"`optimizer` {self.name} keeps state that is not per parameter (shape {leaf.shape}), "
                    "which workers cannot share; use adam, rmsprop or sgd"
                )
        return treedef, leaves

    @property
    def rows(self) -> int:
        """K: the arrays of one value per parameter that the optimizer keeps."""
        return sum(leaf.shape != () for leaf in self._leaves)

    def initial_state(self) -> Float[np.ndarray, "K {self.size}"]:
        """`[K, P]`: what the optimizer keeps before its first update."""

        @jax.jit
        def initial(parameters):
            rows = [leaf for leaf in jax.tree.leaves(self._transformation().init(parameters)) if leaf.shape]
            return jnp.stack(rows) if rows else jnp.zeros((0, self.size))

        return np.array(initial(np.zeros(self.size, np.float32)))

    @cached_property
    def update(self):
        """Jitted `(gradient [P], floats [1+K, P], count, learning_rate) -> change [1+2K, P]`.

        The first row of `floats` is the parameters, the others are the state. `change` is to be made in place, as what
        is shared is never written back whole: its last K rows are factors for the state, its first 1+K are then to be
        added to `floats`. `count` is the number of updates applied before this one.

        What comes nearer to 0 does so by a factor, all else by a sum. A change that is made late, to a state that
        others have changed since, therefore never takes across 0 what the optimizer keeps on one side of it, such as
        Adam's second moments, of which it takes the root.
        """
        transformation, leaves, treedef = self._transformation(), self._leaves, self._treedef

        def update(
            gradient: Float[Array, "P"],
            floats: Float[Array, "rows P"],
            count: Int[Array, ""],
            learning_rate: Float[Array, ""],
        ) -> Float[Array, "2*rows-1 P"]:
            parameters, state = floats[0], floats[1:]
            rows = iter(state)
            values = [next(rows) if leaf.shape else jnp.asarray(count, leaf.dtype) for leaf in leaves]
            step, new = transformation.update(gradient, jax.tree.unflatten(treedef, values), parameters)
            new_rows = [row for row, leaf in zip(jax.tree.leaves(new), leaves, strict=True) if leaf.shape]
            sums, factors = [], []
            for row, new_row in zip(state, new_rows, strict=True):
                ratio = new_row / row
                # False where the state is 0, and the ratio infinite or no number.
                shrinks = (ratio >= 0) & (ratio < 1)
                sums.append(jnp.where(shrinks, 0.0, new_row - row))
                factors.append(jnp.where(shrinks, ratio, 1.0))
            return jnp.stack([learning_rate * step, *sums, *factors])  # type: ignore[operator]

        return jax.jit(update)

    def __getstate__(self) -> dict[str, Any]:
        return {"name": self.name, "options": self.options, "size": self.size}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__init__(**state)


def _parameters(function: Any) -> tuple[str, ...]:
    try:
        return tuple(inspect.signature(function).parameters)
    except (TypeError, ValueError):
        return ()


def clip_by_global_norm(gradient: Float[Array, "P"], max_norm: float) -> tuple[Float[Array, "P"], Float[Array, ""]]:
    """The gradient scaled down to `max_norm` where its norm is larger, and the norm it had. 0 leaves it as it is."""
    norm = jnp.sqrt(jnp.sum(gradient**2))
    if max_norm > 0:
        gradient = gradient * jnp.minimum(1.0, max_norm / jnp.maximum(norm, 1e-12))
    return gradient, norm
