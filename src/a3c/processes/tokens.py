"""A pipe of small numbers: what processes and threads hand each other beside arrays that they share."""

import fcntl
import os
import select
import sys
import termios
import time
from array import array
from collections.abc import Callable
from multiprocessing import reduction
from typing import Any

TOKEN = 2
"""Bytes of a number: the system moves so few whole or not at all."""
LOOK_UP_EVERY = 0.1
"""Seconds after which one who waits looks whether the run is to stop."""


class Stopped(Exception):
    """The run is to stop, and what was waited for will not come."""


class TokenPipe:
    """Numbers from 0 to 65,535, in order: any process that has the pipe may put, any may take; each is taken once.

    Two bytes a number. The system moves so few whole or not at all, so that no lock is needed: nothing blocks when a
    process is killed, and the pipe is gone with the last process that has it. It can be pickled only while a process is
    being started.
    """

    def __init__(self) -> None:
        self._reader, self._writer = os.pipe()
        os.set_blocking(self._reader, False)

    def put(self, *tokens: int) -> None:
        os.write(self._writer, array("H", tokens).tobytes())

    def take(self, most: int, timeout: float) -> list[int]:
        """At least one and at most `most` of what is there; none where none came within `timeout` seconds."""
        return self.take_by(lambda: self.take_now(most), timeout)

    def take_by(self, take: Callable[[], list[int]], timeout: float) -> list[int]:
        """The same, each time that there is something by calling `take`, as another may be faster."""
        deadline = time.monotonic() + timeout
        poll = select.poll()
        poll.register(self._reader, select.POLLIN)
        while poll.poll(max(deadline - time.monotonic(), 0.0) * 1000):
            if tokens := take():
                return tokens
        return []

    def take_now(self, most: int) -> list[int]:
        """What is there at this moment, at most `most`."""
        try:
            return array("H", os.read(self._reader, most * TOKEN)).tolist()
        except BlockingIOError:
            return []

    def wait(self, most: int, stopping: Callable[[], bool]) -> list[int]:
        """`take`, for as long as it takes; raises Stopped once `stopping` is true and nothing is there."""
        return self.wait_by(lambda: self.take_now(most), stopping)

    def wait_by(self, take: Callable[[], list[int]], stopping: Callable[[], bool]) -> list[int]:
        """The same by calling `take`."""
        while not (tokens := self.take_by(take, LOOK_UP_EVERY)):
            if stopping():
                raise Stopped
        return tokens

    def wait_for(self, condition: Callable[[], bool], stopping: Callable[[], bool]) -> None:
        """Until `condition`, of which a token tells; where one that was told of did not come, a look now and then does.
        Raises Stopped once `stopping` is true before."""
        while not condition():
            if not self.take(1, LOOK_UP_EVERY) and stopping() and not condition():
                raise Stopped

    def __len__(self) -> int:
        """How many are in the pipe."""
        waiting = fcntl.ioctl(self._reader, termios.FIONREAD, bytes(4))
        return int.from_bytes(waiting, sys.byteorder) // TOKEN

    def __del__(self) -> None:
        for name in ("_reader", "_writer"):
            if name in self.__dict__:
                os.close(self.__dict__.pop(name))

    def __getstate__(self) -> dict[str, Any]:
        return {"ends": [reduction.DupFd(end) for end in (self._reader, self._writer)]}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self._reader, self._writer = (end.detach() for end in state["ends"])
