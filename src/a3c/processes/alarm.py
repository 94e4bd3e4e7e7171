"""Ends from another thread what the main thread waits for, such as an environment that hangs.

In use:

    with Alarm() as alarm:
        ...                             another thread: alarm.ring("why", still_due)
"""

import signal
import threading
from collections.abc import Callable
from typing import Any, Self


class Rang(BaseException):
    """What is raised in the main thread, with what `ring` was called with. No Exception, which environments catch."""


class Alarm:
    """Only the main thread can be interrupted, and not on Windows; anywhere else nothing happens."""

    def __init__(self) -> None:
        self._why, self._due = "", lambda: False
        self._can = threading.current_thread() is threading.main_thread() and hasattr(signal, "SIGALRM")

    def __enter__(self) -> Self:
        if self._can:
            self._before = signal.signal(signal.SIGALRM, self._raise)
        return self

    def __exit__(self, *_: object) -> None:
        if self._can:
            signal.signal(signal.SIGALRM, self._before)

    def ring(self, why: str, due: Callable[[], bool]) -> None:
        """Raises Rang there, unless it turns out not to be due any more."""
        self._why, self._due = why, due
        if self._can:
            signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGALRM)

    def _raise(self, number: int, frame: Any) -> None:
        if self._due():
            raise Rang(self._why)
