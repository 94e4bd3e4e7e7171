"""A limit on the parameters of a network while it is made, as a file may ask for more than there is memory."""

import math
from typing import Any

import numpy as np


class MoreParameters(Exception):
    """A network has more parameters than it may."""


class LimitedGenerator(np.random.Generator):
    """The default generator, for so many weights at most; all of ours are drawn."""

    def __init__(self, seed: np.random.SeedSequence, most: int):
        super().__init__(np.random.PCG64(seed))
        self._left = most

    def normal(self, loc: Any = 0.0, scale: Any = 1.0, size: Any = None) -> Any:
        self._left -= math.prod(size)
        if self._left < 0:
            raise MoreParameters
        return super().normal(loc, scale, size)
