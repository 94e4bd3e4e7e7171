"""The Supervisor starts, watches and stops workers and learners; who dies is replaced, or ends the run with a line."""

import queue
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from multiprocessing import Pipe
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import Any

from a3c.errors import WorkerError
from a3c.processes.starting import END_WITHIN, SERVER_GONE, cause_of_death, kill, start
from a3c.roles.messages import Failure, Report, Task
from a3c.training import process as worker_process
from a3c.training.restarting import Death, GoBack, Restarts, successor

STOP_WITHIN = 10.0
"""Seconds that workers get to finish their segments and to close their environments before they are killed."""
HURRY_WITHIN = 3.0
"""Seconds that they get where somebody waits who has pressed Ctrl-C."""
LOOK_EVERY = 0.1
"""Seconds between two looks of the thread that reads."""
MOST_WAITING = 500_000
"""Reports and episodes that are read before somebody takes them, about 100 MB; then processes wait."""


class Ended:
    """What is read where a process has ended."""


class Supervisor:
    """Worker processes, and a learner's, each with one pipe. Use as a context manager:
    leaving it leaves no process behind.

    In use:

        with Supervisor(tasks, work, restarts) as supervisor:
            while supervisor.alive:
                for report in supervisor.reports(timeout=0.2): ...

    A thread reads the pipes, so that no process waits while whoever takes the reports does something else.
    """

    def __init__(
        self, tasks: Iterable[Task], work: bytes, restarts: Restarts, watch: Callable[[], None] = lambda: None
    ):
        """`restarts` says who is replaced; `watch` is called ten times a second, by the thread that reads."""
        self._tasks, self._work, self._restarts, self._watch = list(tasks), work, restarts, watch
        self._processes: dict[int, BaseProcess] = {}
        self._connections: dict[int, Connection] = {}
        self._done: set[int] = set()
        """Those that have said how they ended, and may be closing their environments yet."""
        self._failed: dict[int, tuple[Death, float]] = {}
        """Those that are replaced once they have ended, and when they are to have; they may be closing, too."""
        self._watched: dict[int, tuple[Connection, int]] = {}
        """What the thread that reads looks at; it takes out of it who has ended."""
        self._messages: queue.SimpleQueue[tuple[int, Any]] = queue.SimpleQueue()
        # Each is written by one thread: that which reads, and that which takes.
        self._read_in_all = self._taken_in_all = 0
        self._leaving = threading.Event()
        self._reader = threading.Thread(target=self._read, daemon=True, name="read the reports")

    def __enter__(self) -> "Supervisor":
        try:
            for task in self._tasks:
                self._start(task)
            self._reader.start()
        except BaseException:
            self.kill()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    def _start(self, task: Task) -> None:
        ours, theirs = Pipe(duplex=False)
        arguments = (theirs, task, self._work)
        process = start(worker_process.main, arguments, f"a3c-{task.name.replace(' ', '-')}")
        self._processes[task.index], self._connections[task.index] = process, ours
        theirs.close()
        self._watched[task.index] = ours, process.sentinel

    @property
    def alive(self) -> bool:
        """Whether any process still has work."""
        return bool(self._processes.keys() - self._done)

    @property
    def working(self) -> bool:
        """Whether any worker still has."""
        return any(not self._tasks[index].is_learner for index in self._processes.keys() - self._done)

    def _read(self) -> None:
        """The thread that reads, until it is to leave."""
        try:
            while not self._leaving.is_set():
                self._watch()
                watched = self._watched.copy()
                if not watched or self._read_in_all - self._taken_in_all >= MOST_WAITING:
                    self._leaving.wait(LOOK_EVERY)
                    continue
                ready = wait([handle for both in watched.values() for handle in both], LOOK_EVERY)
                for index, (connection, sentinel) in watched.items():
                    if connection in ready or sentinel in ready:
                        self._read_all(index, connection, sentinel in ready)
        except Exception as error:
            # For whoever takes the reports, not for a thread that nobody hears.
            self._messages.put((-1, error))

    def _read_all(self, index: int, connection: Connection, ended: bool) -> None:
        """What there is to read of a process."""
        try:
            while connection.poll():
                message = connection.recv()
                self._read_in_all += _size(message)
                self._messages.put((index, message))
        except (EOFError, OSError):
            # OSError where it died in the middle of a message. Else its pipe may be open yet: then it was the server
            # that ended, which tells of the ends of others.
            ended = True
        if ended:
            # Before anybody hears of it: a new one may come in its place.
            del self._watched[index]
            self._messages.put((index, Ended()))

    def reports(self, timeout: float) -> Iterator[Report]:
        """The reports that have come, after waiting at most `timeout` seconds for one.

        Raises WorkerError as soon as one has raised or died and is not replaced, and GoBack where all are to be.
        """
        self._hurry_failed()
        try:
            message = self._messages.get(timeout=timeout)
        except queue.Empty:
            return
        yield from self._take(*message)
        # No more than there are now: who takes them has other things to do.
        for _ in range(self._messages.qsize()):
            yield from self._take(*self._messages.get())

    def _take(self, index: int, message: Any) -> Iterator[Report]:
        if isinstance(message, Report):
            self._taken_in_all += _size(message)
            yield message
        elif isinstance(message, Ended):
            self._forget(index, self._processes[index])
        elif isinstance(message, Exception):
            self._done.add(index)
            raise message
        elif isinstance(message, Failure):
            # Where the message says it all it names a mistake.
            self._fails(Death(index, message.message, message.traceback, final=not message.traceback))
        else:
            self._done.add(index)

    def _forget(self, index: int, process: BaseProcess) -> None:
        """It has ended. Raises WorkerError and GoBack where it has not said how, and no other takes its place."""
        process.join(STOP_WITHIN)
        kill(process)
        del self._processes[index]
        self._connections.pop(index).close()
        if index in self._done:
            return
        if index not in self._failed:
            self._fails(Death(index, cause_of_death(process), final=process.exitcode == SERVER_GONE))
        death, _ = self._failed.pop(index)
        # Where the run is about to end, there is nothing for a new one to do.
        task, replaced = self._tasks[index], not self._tasks[index].store.stopping
        if replaced:
            task.pulse.forget(index)
            self._tasks[index] = successor(task, process.pid or 0)
            self._start(self._tasks[index])
        self._restarts.tell(death, replaced)

    def _fails(self, death: Death) -> None:
        """Raises WorkerError where the run is to end with it, and GoBack where a new one alone would change its result;
        else it is replaced as soon as its process has ended."""
        task = self._tasks[death.worker]
        if (why_not := self._restarts.refusal(task, death)) is not None:
            self._done.add(death.worker)
            raise WorkerError(task.failed(death.message + why_not), death.worker, death.traceback)
        if self._restarts.together and not task.store.stopping:
            self._done.add(death.worker)
            raise GoBack(death)
        self._failed[death.worker] = death, time.monotonic() + STOP_WITHIN

    def give_up(self, index: int, message: str) -> None:
        """Ends a worker that does not go on, for the reason that `message` gives; it has failed."""
        if index in self._processes and index not in self._done and index not in self._failed:
            kill(self._processes[index])
            self._fails(Death(index, message))

    def _hurry_failed(self) -> None:
        """Ends those that take too long to close their environments, before they are replaced."""
        for index, (_, deadline) in self._failed.items():
            if time.monotonic() > deadline:
                kill(self._processes[index])

    def finish(self, hurry: Callable[[], bool]) -> Iterator[Report]:
        """The last reports of workers that were asked to stop; those that take too long are killed, with a remark.

        `hurry` says whether somebody waits.
        """
        deadline, hurried = time.monotonic() + STOP_WITHIN, False
        while self._processes and time.monotonic() < deadline:
            if not hurried and hurry():
                deadline, hurried = min(deadline, time.monotonic() + HURRY_WITHIN), True
            yield from self.reports(timeout=0.1)
        late = [index for index in self._processes if not self._tasks[index].is_learner]
        self.kill()
        for index in late:
            remark = "finishing its steps, or closing its environments, took too long and was cut short"
            yield Report(index, remarks={"late": remark})

    def kill(self) -> None:
        """Ends whatever still runs, at once."""
        for process in self._processes.values():
            kill(process)
        for process in self._processes.values():
            process.join(END_WITHIN)
        self._leaving.set()
        if self._reader.is_alive():
            self._reader.join(END_WITHIN)
        for connection in self._connections.values():
            connection.close()
        self._processes.clear()
        self._connections.clear()


def _size(message: Any) -> int:
    """How much of what may wait it takes."""
    return 1 + len(message.episodes) if isinstance(message, Report) else 0
