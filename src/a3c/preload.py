"""Imports all that a worker needs, and computes nothing: done once, in the process that workers are forked from."""

import gc
import importlib

# Looking for garbage while importing finds none and takes a sixth of the time; what is imported stays, so that later it
# need not be looked at, nor copied by the workers.
gc.disable()
for module in ("a3c.algorithms.a3c", "a3c.algorithms.random", "a3c.preparing"):
    importlib.import_module(module)
gc.freeze()
gc.enable()
