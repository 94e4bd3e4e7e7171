"""The processes of trials, as the main process sees them."""

import multiprocessing
from collections.abc import Sequence
from multiprocessing import connection

from a3c.processes import starting
from a3c.tuning import trial
from a3c.tuning.trial import Failed, Message, Order

LOOK_UP = 0.2
"""Seconds to wait for a message at most: then somebody may have interrupted it, or the time may be over."""


class TrialProcess:
    """One that trains what it is ordered to, and tells of it."""

    def __init__(self, order: Order, name: str):
        self._messages, theirs = multiprocessing.Pipe(duplex=False)
        self._process = starting.start(trial.run, (theirs, order), name)
        theirs.close()

    def hear(self) -> Message:
        """The next thing that it tells; where it has died, of what."""
        try:
            return self._messages.recv()
        except (EOFError, OSError):
            self._process.join(starting.END_WITHIN)
            return Failed(starting.cause_of_death(self._process))

    def end(self) -> None:
        """Ends it, as it has nothing more to say."""
        starting.kill(self._process)
        self._process.join(starting.END_WITHIN)
        self._messages.close()

    @staticmethod
    def that_tell(processes: Sequence["TrialProcess"]) -> list["TrialProcess"]:
        """Those that have something to tell, soon."""
        ready = connection.wait([process._messages for process in processes], LOOK_UP)
        return [process for process in processes if process._messages in ready]
