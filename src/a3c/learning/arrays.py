"""How shapes are written: `Float[AnyArray, "T *B"]`. The tests check them wherever such a function is called.

An axis has one size wherever its name stands in a signature; `T+1` has one more. `...` are any axes at all: those of
batches that are broadcast against each other. The names:

- `T`, `B`: steps and environments of a segment. `*B` is no axis where there is one environment alone.
- `P`, `K`: parameters, and the numbers that an optimizer keeps for each of them.
- `S`: the state of a recurrent network, or the statistics that observations and rewards are normalised with.
- `n`, `f`: numbers and features, as the docstring says.
"""

import numpy as np
from jaxtyping import Array, Float

AnyArray = Array | np.ndarray
"""JAX's, also those that stand for it inside jit; or NumPy's."""

Scalar = float | Float[AnyArray, ""]
"""A number, which inside jit may be an argument."""
