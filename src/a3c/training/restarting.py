"""When a worker that failed is replaced by a new one, and when that is of no use.

why_not = restarts.refusal(task, death)     None: it is replaced, or everyone goes back
task = successor(task, process.pid)         the same work, with other random numbers
restarts.tell(death, replaced=True)
"""

import dataclasses
import re
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from a3c.config import TrainConfig
from a3c.roles.messages import Task

WITHIN = 600.0
"""Seconds within which `worker_restarts` workers may be replaced."""
ALIKE_WITHIN = 60.0
"""Seconds within which all workers that fail alike show that the environment is to blame."""
ALONE = 3
"""How often one that is alone fails alike until that is shown."""
SUCCESSOR = 2**31
"""The child of a worker's seed that the one after it gets; what a worker draws from are the first few."""


@dataclass(frozen=True)
class Death:
    """How a process came to its end."""

    worker: int
    message: str
    """In one line."""
    traceback: str = ""
    final: bool = False
    """Whether a new one would fail too: a mistake that was named, or nobody is there to start it."""

    @property
    def cause(self) -> str:
        """What is alike where it comes again; the number of a process or step is not."""
        return re.sub(r"\d+", "", self.message)


class GoBack(Exception):
    """A worker of a run that gives one result has failed: all go back to the last boundary."""

    def __init__(self, death: Death):
        super().__init__(death.message)
        self.death = death


class Restarts:
    """Of one run. `tell` hears of each worker that failed and did not end the run, and whether it was replaced."""

    def __init__(
        self,
        config: TrainConfig,
        tell: Callable[[Death, bool], None] = lambda death, replaced: None,
        together: bool | None = None,
    ):
        """`together` is whether all go back where one fails, as they do by default where one seed gives one result."""
        self._config, self.tell = config, tell
        self.together = config.gives_one_result if together is None else together
        self._deaths: list[tuple[float, Death]] = []
        self._stepped: set[int] = set()

    def refusal(self, task: Task, death: Death, now: float | None = None) -> str | None:
        """Why this worker is not replaced, as the end of a line, empty where that goes without saying."""
        most, workers = self._config.worker_restarts, self._config.worker_processes
        # Also of those who take their first steps again, as all went back.
        rows_of = self._config.rows_of
        self._stepped |= {one for one in range(workers) if any(map(task.store.steps_of, rows_of(one)))}
        # Who fails before its first step would fail there again.
        if not most or task.is_learner or death.final or task.index not in self._stepped:
            return ""
        now = time.monotonic() if now is None else now
        self._deaths = [(then, one) for then, one in self._deaths if now - then <= WITHIN] + [(now, death)]
        alike = [one.worker for then, one in self._deaths if now - then <= ALIKE_WITHIN and one.cause == death.cause]
        if len(set(alike)) == workers and (workers > 1 or len(alike) >= ALONE):
            return f"; {'every worker' if workers > 1 else 'it'} has failed like this within {ALIKE_WITHIN:.0f} s"
        if len(self._deaths) > most:
            times = "once" if most == 1 else f"{most} times"
            return (
                f"; workers were replaced {times} within {WITHIN / 60:.0f} minutes: see to the environment, or raise "
                "`worker_restarts`"
            )
        return None


def successor(task: Task, pid: int) -> Task:
    """What the worker gets that takes the place of this process: a fresh seed, of numbers that nobody has drawn yet."""
    seed = np.random.SeedSequence(task.seed.entropy, spawn_key=(*task.seed.spawn_key, SUCCESSOR))
    return dataclasses.replace(task, seed=seed, replaces=pid)
