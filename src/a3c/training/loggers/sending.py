"""What a logger is given waits in a queue, and a thread hands it over: whatever it does, training goes on."""

import queue
import threading
from collections import deque
from collections.abc import Callable
from typing import Any

from a3c.errors import A3CError, brief, described
from a3c.training.loggers.logger import LoggedRun, Logger

MOST = 2000
"""What waits at most for one logger: beyond that, what comes is dropped."""


class Sending:
    """One logger of one run."""

    def __init__(self, logger: Logger, run: LoggedRun, remember: Callable[[str], None]):
        """`remember` gets the id that the run is to be continued by."""
        self.name = logger.called()
        self._logger, self._run, self._remember = logger, run, remember
        self._waiting = queue.Queue[tuple[Callable[..., object], tuple[Any, ...]] | None](MOST)
        self._thread = threading.Thread(target=self._send, name=f"a3c-log-{self.name}", daemon=True)
        self.failures = deque[str]()
        """Why it could not take something, until somebody has said so: the first time alone."""
        self.where = deque[str]()
        """Where the run is to be found, until somebody has said so."""
        self._has_failed = self._is_out = False

    def start(self) -> None:
        self._thread.start()

    def put(self, method: Callable[..., object], *arguments: Any) -> None:
        """Has a method of the logger called with these; returns at once."""
        if self._is_out:
            return
        try:
            self._waiting.put_nowait((method, arguments))
        except queue.Full:
            self._fail(f"it has not taken {MOST:,} things that wait for it: what comes now is dropped")

    def finish(self) -> None:
        """Nothing more comes."""
        if not self._thread.is_alive():
            return
        try:
            self._waiting.put_nowait(None)
        except queue.Full:
            self._is_out = True

    def wait(self, seconds: float) -> bool:
        """Whether it is done after so many seconds at most."""
        if self._thread.ident is not None:
            self._thread.join(seconds)
        return not self._thread.is_alive()

    def give_up(self) -> None:
        """It takes too long: what waits is dropped."""
        self._is_out = True

    def _send(self) -> None:
        if not self._call(self._begin):
            self._is_out = True
            return
        while (one := self._waiting.get()) is not None and not self._is_out:
            method, arguments = one
            self._call(method, *arguments)

    def _begin(self) -> None:
        id_ = self._logger.begin(self._run)
        if self._logger.where:
            self.where.append(self._logger.where)
        if id_ is not None:
            self._remember(id_)

    def _call(self, method: Callable[..., object], *arguments: Any) -> bool:
        """Whether it went well. Also SystemExit, which a library may raise, ends no more than this."""
        try:
            method(*arguments)
        except BaseException as error:
            self._fail(brief(str(error) if isinstance(error, A3CError) else described(error)))
            return False
        return True

    def _fail(self, why: str) -> None:
        if not self._has_failed:
            self._has_failed = True
            self.failures.append(why)
