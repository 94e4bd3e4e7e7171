"""An environment that hangs in the process that trains: a thread sees it, as the main one hangs with it.

In use:

    with watched(pulse, step_timeout, say):     raises Rang where a call takes too long
        ...
    with hurried(interrupted):                  after Ctrl-C it is not waited for that
        ...
"""

import os
import signal
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager

from a3c.processes.alarm import Alarm
from a3c.processes.pulse import EVERY, Pulse
from a3c.training.supervisor import HURRY_WITHIN


@contextmanager
def watched(
    pulse: Pulse, timeout: float, say: Callable[[list[str], bool], object] = lambda lines, still: None
) -> Generator[None, None, None]:
    """Has it said that the environment hangs, and raises Rang where it takes longer than `timeout`; 0 waits for ever.

    `pulse` is that of the main thread's environments; `say` gets what it saw, and whether nothing goes on.
    """
    over, alarm = threading.Event(), Alarm()

    def watch() -> None:
        while not over.wait(EVERY):
            say(pulse.look(), pulse.stands_still)
            for _, why in pulse.late(timeout):
                alarm.ring(why, pulse.in_call)

    threading.Thread(target=watch, daemon=True, name="watch the run").start()
    try:
        with alarm:
            yield
    finally:
        over.set()


@contextmanager
def hurried(interrupted: threading.Event) -> Generator[None, None, None]:
    """Sends a second Ctrl-C a while after the first."""
    over = threading.Event()

    def wait() -> None:
        waited = 0.0
        while not over.wait(EVERY):
            waited += EVERY if interrupted.is_set() else 0.0
            if waited >= HURRY_WITHIN:
                os.kill(os.getpid(), signal.SIGINT)
                return

    threading.Thread(target=wait, daemon=True, name="hurry").start()
    try:
        yield
    finally:
        over.set()
