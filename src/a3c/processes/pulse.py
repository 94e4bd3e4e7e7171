"""Whether workers' environments still answer, and whether they keep what they should let go.

In use:

    end = pulse.watch(worker, calls)        a worker: a thread looks at it once a second
    for line in pulse.look(): ...           the main process, often
    for worker, what in pulse.late(60.0): ...
"""

import os
import sys
import sysconfig
import threading
import time
import traceback
from collections.abc import Callable
from pathlib import Path

import numpy as np

from a3c.processes.shared_memory import SharedArray

EVERY = 1.0
"""Seconds between two looks."""
QUIET = 10.0
"""Seconds beyond what calls of the environment usually take, after which it is said to hang."""
USUAL = 2.0
"""How many times the longest call so far is still usual."""
MAKING = 60.0
"""Seconds that making one environment may take, and its first reset."""
STILL = 5.0
"""Seconds without a call of any environment after which, where one hangs, the others wait for it."""
SETTLED = 60.0
"""Seconds after which a worker has all that it needs in memory."""
GROWTH = 2**30
"""Bytes that a process grows by after that, and to more than twice its size, before it is said to."""

ROW = np.dtype(
    [
        ("looks", np.int64),
        ("calls", np.int64),
        ("quiet", np.float64),
        ("longest", np.float64),
        ("memory", np.float64),
        ("place", "S160"),
    ]
)
"""What a worker's thread sees: how often it has looked; calls of the environment, odd in one; seconds in this call
and in the longest before; bytes of memory; where in the code it is."""


class Pulse:
    """Of `workers`. In each the thread that looks takes no time from the steps; where an environment keeps Python from
    running it, the main process sees that it does not look any more."""

    def __init__(self, workers: int, shared: bool):
        self._shared = SharedArray((workers,), ROW) if shared else None
        self._own = None if shared else np.zeros(workers, ROW)
        self._looked, self._started = 0.0, 0.0
        self._seen, self._silent, self._quiet = np.zeros(workers, np.int64), np.zeros(workers), np.zeros(workers)
        self._said: set[tuple[int, str]] = set()
        self._settled: dict[int, float] = {}
        self._calls, self._still = 0, 0.0
        self._counts: Callable[[], int] | None = None
        self.stands_still = False
        """Whether an environment hung at the last look, and the workers with it."""

    @property
    def _rows(self) -> np.ndarray:
        return self._own if self._shared is None else self._shared.array  # type: ignore[return-value]

    def watch(self, worker: int, calls: Callable[[], int]) -> Callable[[], None]:
        """Looks at the calling thread from now on, until what this returns is called.

        `calls` counts calls of the environment: odd in one. It is 1 at most while environments are started, and grows
        by 2 with each that is made or reset.
        """
        ended, thread, self._counts = threading.Event(), threading.get_ident(), calls

        def look() -> None:
            quiet, before, row = 0.0, -1, self._rows[worker : worker + 1]
            while not ended.wait(EVERY):
                now = calls()
                if now == before and now % 2:
                    # Counted, not measured: the time for which a process was stopped is nobody's fault.
                    quiet += EVERY
                    row["place"] = _place(thread)
                else:
                    row["longest"], quiet, before = np.maximum(row["longest"], quiet), 0.0, now
                row["quiet"], row["calls"], row["memory"] = quiet, now, memory()
                row["looks"] += 1
            row["looks"] = row["quiet"] = 0

        def end() -> None:
            ended.set()
            watcher.join(EVERY)

        watcher = threading.Thread(target=look, daemon=True, name="watch the environment")
        watcher.start()
        return end

    def look(self, now: float | None = None) -> list[str]:
        """What is new for people to know, in a line each; nothing where it was looked a moment ago."""
        now = time.monotonic() if now is None else now
        if now - self._looked < EVERY:
            return []
        rows = self._rows.copy()
        self._started = self._started or now
        # Time for which this process was stopped itself does not count.
        passed, self._looked = min(now - self._looked, 2 * EVERY), now
        self._silent = np.where((rows["looks"] > 0) & (rows["looks"] == self._seen), self._silent + passed, 0.0)
        self._seen = rows["looks"]
        self._quiet = quiet = np.maximum(rows["quiet"], self._silent)
        allowed = np.where(rows["calls"] <= 1, MAKING, QUIET + USUAL * rows["longest"])
        hanging = np.flatnonzero(quiet > allowed)
        calls, before = int(rows["calls"].sum()), self._calls
        self._still, self._calls = self._still + passed if calls == before else 0.0, calls
        self.stands_still = bool(hanging.size) and self._still >= STILL
        lines = [
            f"worker {worker} has not finished {self._what(worker)}: its environment hangs, perhaps "
            f"({self._where(worker)})"
            for worker in self._new("hangs", hanging)
        ]
        return [*lines, *self._grown(rows, now)]

    def late(self, timeout: float) -> list[tuple[int, str]]:
        """The workers whose environments had not answered for more than so many seconds when it was looked last, each
        with a line that says so; none where `timeout` is 0."""
        late = np.flatnonzero(self._quiet > timeout).tolist() if timeout else []
        advice = f"where that is no fault, raise `step_timeout` from {timeout:g} s"
        return [
            (worker, f"its environment has not finished {self._what(worker)} ({self._where(worker)}); {advice}")
            for worker in late
        ]

    def in_call(self) -> bool:
        """Whether the environment that is watched in this process is in a call at this moment."""
        return self._counts is not None and self._counts() % 2 == 1

    def forget(self, worker: int) -> None:
        """It has ended, and another takes its place."""
        self._rows[worker] = np.zeros((), ROW)
        self._silent[worker] = self._quiet[worker] = 0.0
        self._said -= {(worker, what) for what in ("hangs", "grown")}
        self._settled.pop(worker, None)

    def _what(self, worker: int) -> str:
        """What it does, and for how long."""
        what = "a step" if self._rows["calls"][worker] > 1 else "making an environment, or its first reset"
        return f"{what} for {self._quiet[worker]:.0f} s"

    def _where(self, worker: int) -> str:
        row = self._rows[worker]
        if row["quiet"] < self._silent[worker]:
            return "in code that keeps Python from running"
        return row["place"].decode(errors="replace")

    def _grown(self, rows: np.ndarray, now: float) -> list[str]:
        if now - self._started < SETTLED:
            return []
        for worker, bytes_ in enumerate(rows["memory"]):
            if bytes_:
                self._settled.setdefault(worker, float(bytes_))
        grown = [
            worker
            for worker, before in self._settled.items()
            if rows["memory"][worker] > max(before + GROWTH, 2 * before)
        ]
        lines = []
        for worker in self._new("grown", grown):
            before, after = self._settled[worker] / 2**30, rows["memory"][worker] / 2**30
            lines.append(
                f"worker {worker} has grown from {before:.1f} to {after:.1f} GB of memory in "
                f"{(now - self._started) / 60:.0f} min: its environment keeps what it should let go, perhaps"
            )
        return lines

    def _new(self, what: str, workers: object) -> list[int]:
        new = [int(worker) for worker in workers if (int(worker), what) not in self._said]  # type: ignore[attr-defined]
        self._said |= {(worker, what) for worker in new}
        return new


def memory() -> float:
    """Bytes of memory that this process has; 0 where the system does not tell."""
    try:
        return int(Path("/proc/self/statm").read_text().split()[1]) * float(os.sysconf("SC_PAGE_SIZE"))
    except (OSError, ValueError, IndexError):
        return 0.0


def _place(thread: int) -> bytes:
    """Where a thread is, in code that is not Python's own."""
    library = sysconfig.get_path("stdlib")
    for frame, line in traceback.walk_stack(sys._current_frames().get(thread)):
        file = frame.f_code.co_filename
        if not file.startswith((library, "<")) or "site-packages" in file:
            return f"in {frame.f_code.co_name}, {Path(file).name} line {line}".encode()[:160]
    return b""
