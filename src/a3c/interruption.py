"""What ends a process from outside: Ctrl-C, SIGTERM, and SIGHUP when its terminal goes.

In use:

    interruption.install(end)                    the command, before anything else
    with interruption.deferred() as asked:       training, in the command or in a user's script
        while not asked.is_set(): ...
"""

import atexit
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

SIGNALS = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name))
STATUS = 130


class Interruption:
    """One for a process, as its signals are.

    The first signal raises KeyboardInterrupt; where `deferred`, it sets an event, and the second one raises. What comes
    after that ends the command at once.
    """

    def __init__(self) -> None:
        self._asked: threading.Event | None = None
        self._told = False
        self._raised = False
        self._end: Callable[[], object] | None = None

    @property
    def raised(self) -> bool:
        """Whether KeyboardInterrupt was raised: an import that it hit may have made another error of it."""
        return self._raised

    def install(self, end: Callable[[], object]) -> None:
        """For a process that is all ours; `end` clears up in the last resort, just before it exits."""
        self._end = end
        for number in _to_handle():
            signal.signal(number, self._handle)
        # The last to be called at exit: after that Python takes the handlers away.
        atexit.register(_ignore)
        # An exception that is raised in a finalizer is only printed: what was to end the process must end it.
        show = sys.unraisablehook

        def unraisable(failure: Any) -> None:
            if issubclass(failure.exc_type, KeyboardInterrupt):
                self._end_now()
            show(failure)

        sys.unraisablehook = unraisable

    def leave(self) -> None:
        """Everything is done: a signal that comes while the process exits has nothing to interrupt."""
        self._raised = True

    @contextmanager
    def deferred(self) -> Iterator[threading.Event]:
        """The event that the first signal sets, in place of raising. Only the main thread gets signals."""
        if threading.current_thread() is not threading.main_thread():
            yield threading.Event()
            return
        if self._asked is not None:
            yield self._asked
            return
        if self._raised and self._end is not None:
            # It was lost on its way up.
            raise KeyboardInterrupt
        self._asked, self._told = threading.Event(), False
        before = {}
        if self._end is None:
            self._raised = False
            before = {number: signal.signal(number, self._handle) for number in _to_handle()}
        try:
            yield self._asked
        finally:
            self._asked = None
            for number, handler in before.items():
                signal.signal(number, handler)

    def _handle(self, number: int, frame: Any) -> None:
        if self._asked is not None and not self._told:
            # First: a signal that comes while the event is being set would wait for its lock for ever.
            self._told = True
            self._asked.set()
            return
        if self._raised and self._end is not None:
            self._end_now()
        self._raised = True
        raise KeyboardInterrupt

    def _end_now(self) -> None:
        try:
            if self._end is not None:
                self._end()
        finally:
            os._exit(STATUS)


def _to_handle() -> list[int]:
    """`nohup` has a process ignore SIGHUP, and it is to go on doing so."""
    hangup = getattr(signal, "SIGHUP", None)
    return [number for number in SIGNALS if number != hangup or signal.getsignal(number) != signal.SIG_IGN]


def _ignore() -> None:
    for number in SIGNALS:
        signal.signal(number, signal.SIG_IGN)


interruption = Interruption()
