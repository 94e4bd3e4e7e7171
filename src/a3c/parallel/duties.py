"""A learner's duties, such as predicting and training: in threads, or in turn with a worker."""

import threading
from collections.abc import Callable

from a3c.errors import A3CError
from a3c.parallel.tokens import LOOK_UP_EVERY

Duty = Callable[[float], bool]
"""One piece of a learner's work: waits at most so many seconds for it, does it, and says whether there was any."""


class DutyThreads:
    """Threads that do `duties`; as many of each as `wanted` says, which may change meanwhile.

    A thread that raises ends all, and its exception comes out of `run`.
    """

    def __init__(self, duties: dict[str, Duty], wanted: dict[str, int]):
        self.wanted = wanted
        self._duties = duties
        self._threads: dict[str, list[threading.Thread]] = {name: [] for name in duties}
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


def take_turns(duties: dict[str, Duty]) -> Callable[[], None]:
    """A function that does all that is there to be done, without waiting."""

    def turn() -> None:
        while sum(duty(0.0) for duty in duties.values()):
            pass

    return turn
