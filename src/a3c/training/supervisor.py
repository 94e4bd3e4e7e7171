"""The Supervisor starts, watches and stops workers and learners, and turns the death of one into a clear error."""

import time
from collections.abc import Callable, Iterable, Iterator
from multiprocessing import Pipe
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess

from a3c.errors import WorkerError
from a3c.processes.starting import END_WITHIN, cause_of_death, kill, start
from a3c.roles.messages import Failure, Report, Task
from a3c.training import process as worker_process

STOP_WITHIN = 10.0
"""Seconds that workers get to finish their segments and to close their environments before they are killed."""
HURRY_WITHIN = 3.0
"""Seconds that they get where somebody waits who has pressed Ctrl-C."""


class Supervisor:
    """Worker processes, and a learner's, each with one pipe. Use as a context manager:
    leaving it leaves no process behind.

    In use:

        with Supervisor(tasks, work) as supervisor:
            while supervisor.alive:
                for report in supervisor.reports(timeout=0.2): ...
    """

    def __init__(self, tasks: Iterable[Task], work: bytes):
        self._tasks, self._work = list(tasks), work
        self._processes: dict[int, BaseProcess] = {}
        self._connections: dict[int, Connection] = {}
        self._done: set[int] = set()
        """Those that have said how they ended, and may be closing their environments yet."""

    def __enter__(self) -> "Supervisor":
        try:
            for task in self._tasks:
                ours, theirs = Pipe(duplex=False)
                arguments = (theirs, task, self._work)
                self._processes[task.index] = start(
                    worker_process.main, arguments, f"a3c-{task.name.replace(' ', '-')}"
                )
                self._connections[task.index] = ours
                theirs.close()
        except BaseException:
            self.kill()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    @property
    def alive(self) -> bool:
        """Whether any process still has work."""
        return bool(self._processes.keys() - self._done)

    @property
    def working(self) -> bool:
        """Whether any worker still has."""
        return any(not self._tasks[index].is_learner for index in self._processes.keys() - self._done)

    def reports(self, timeout: float) -> Iterator[Report]:
        """The reports that have come, after waiting at most `timeout` seconds for one.

        Raises WorkerError as soon as one has raised or died.
        """
        handles = [*self._connections.values(), *(process.sentinel for process in self._processes.values())]
        ready = wait(handles, timeout)
        for index in list(self._processes):
            connection, process = self._connections[index], self._processes[index]
            ended = process.sentinel in ready
            if ended or connection in ready:
                yield from self._receive(index, connection, process, ended)

    def _receive(self, index: int, connection: Connection, process: BaseProcess, ended: bool) -> Iterator[Report]:
        try:
            while connection.poll():
                message = connection.recv()
                if isinstance(message, Report):
                    yield message
                else:
                    self._done.add(index)
                    if isinstance(message, Failure):
                        raise self._failed(index, message.message, message.traceback)
        except (EOFError, OSError):
            # OSError where it died in the middle of a message. Else its pipe may be open yet: then it was the server
            # that ended, which tells of the ends of others.
            ended = True
        if ended:
            self._forget(index, process)

    def _forget(self, index: int, process: BaseProcess) -> None:
        """Raises WorkerError where it has ended without having said how."""
        process.join(STOP_WITHIN)
        kill(process)
        del self._processes[index]
        self._connections.pop(index).close()
        if index not in self._done:
            raise self._failed(index, cause_of_death(process))

    def _failed(self, index: int, message: str, traceback: str = "") -> WorkerError:
        task = self._tasks[index]
        where = f"{task.config.environment}, seed {task.config.seed}"
        return WorkerError(f"{task.name} failed ({where}): {message}", index, traceback)

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
        for connection in self._connections.values():
            connection.close()
        self._processes.clear()
        self._connections.clear()
