"""Imports all that a worker needs, and computes nothing: done once, in the process that workers are forked from."""

import gc
import importlib
import os
import signal

from a3c.algorithm.builtin import BUILT_IN

parent = os.getppid()


def end_with_parent(*_: object) -> None:
    """The server looks for its parent's end only when it has imported all."""
    if os.getppid() != parent:
        os._exit(1)


signal.signal(signal.SIGALRM, end_with_parent)
signal.setitimer(signal.ITIMER_REAL, 0.2, 0.2)
# Looking for garbage while importing finds none and takes a sixth of the time; what is imported stays, so that later it
# need not be looked at, nor copied by the workers.
gc.disable()
for algorithm in BUILT_IN.values():
    importlib.import_module(str(algorithm.worker).partition(":")[0])
importlib.import_module("a3c.training.preparing")
gc.freeze()
gc.enable()
signal.setitimer(signal.ITIMER_REAL, 0)
signal.signal(signal.SIGALRM, signal.SIG_DFL)
