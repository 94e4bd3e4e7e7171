"""A learner's duties, such as predicting and training: in threads, or in turn with a worker."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from a3c.errors import A3CError
from a3c.processes.tokens import LOOK_UP_EVERY

Duty = Callable[[float], bool]
"""One piece of a learner's work: waits at most so many seconds for it, does it, and says whether there was any."""


@dataclass
class Duties:
    """What a learner does: its duties by name, and in how many threads each; one, where nothing is said."""

    work: dict[str, Duty]
    threads: dict[str, int] = field(default_factory=dict)
    """It may change meanwhile."""
    adjust: Callable[[int, float], None] | None = None
    """What changes it: called often, with the updates so far and the time in seconds."""

    def __post_init__(self) -> None:
        for name in self.work:
            self.threads.setdefault(name, 1)


class DutyThreads:
    """Threads that do a learner's duties, as many as they want at the moment.

    A thread that raises ends all, and its exception comes out of `run`.
    """

    def __init__(self, duties: Duties):
        self.wanted, self._duties = duties.threads, duties.work
        self._threads: dict[str, list[threading.Thread]] = {name: [] for name in self._duties}
        self._ending = threading.Event()
        self._failure: BaseException | None = None

    def run(self, ended: Callable[[], bool], tick: Callable[[], None]) -> None:
        """Until `ended`, which is asked now and then, as `tick` is called; a duty that has begun is done to its end."""
        try:
            while not ended() and self._failure is None:
                self._start_missing()
                tick()
                self._ending.wait(LOOK_UP_EVERY)
        finally:
            self._ending.set()
            for threads in self._threads.values():
                for thread in threads:
                    thread.join()
        if self._failure is not None:
            raise self._failure

    def _start_missing(self) -> None:
        for name, threads in self._threads.items():
            threads[:] = [thread for thread in threads if thread.is_alive()]
            for number in range(self.wanted[name]):
                label = f"{name} {number}"
                if label not in [thread.name for thread in threads]:
                    threads.append(threading.Thread(target=self._work, args=(name, number), name=label))
                    threads[-1].start()

    def _work(self, name: str, number: int) -> None:
        try:
            while not self._ending.is_set() and number < self.wanted[name]:
                self._duties[name](LOOK_UP_EVERY)
        except A3CError as error:
            self._fail(error)
        except BaseException as error:
            error.add_note(f"in {name} {number}")
            self._fail(error)

    def _fail(self, error: BaseException) -> None:
        self._failure = self._failure or error
        self._ending.set()


class Turns:
    """Where a worker and a learner share a process: the learner does what there is whenever it gets its turn."""

    def __init__(self) -> None:
        self.duties: Duties | None = None
        """The learner's, while there is one."""

    def take(self) -> None:
        """Does all that is there to be done, without waiting."""
        while self.duties is not None and sum(duty(0.0) for duty in self.duties.work.values()):
            pass
