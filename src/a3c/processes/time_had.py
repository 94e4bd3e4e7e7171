"""The time that a process of low priority has had for what it does: beside busy cores, one that hangs looks like one
that is slow.

In use:

    had.begin()                                         while it goes on
    had.look(time.monotonic(), cpu_seconds(pid))        often while it seems to hang: seconds
"""

import os
from pathlib import Path

WINDOW = 5.0
"""Seconds over which is compared: somebody who wants to run gets a little of a core in them, however low."""
STILL = 0.02
"""Seconds of CPU time in a window below which it stands still, as the process waits for something else than a core."""
SHARE = 0.1
"""What is taken for its part of a core where its CPU time is not known: about that of niceness 11 beside 0."""


class TimeHad:
    """Of one process. What it waited for a core does not count: it has had the CPU time that it got. Where that stands
    still it did not want any, and all of the time counts."""

    def __init__(self) -> None:
        self.begin()

    def begin(self) -> None:
        """Counts from the next look on."""
        self._seconds = 0.0
        self._window: tuple[float, float | None] | None = None

    def look(self, now: float, cpu: float | None) -> float:
        """Seconds had since it began, `now` on a steady clock; `cpu` is the CPU time of the process so far, None where
        nobody knows."""
        if self._window is None:
            self._window = now, cpu
        before, cpu_before = self._window
        if (passed := now - before) >= WINDOW:
            self._window = now, cpu
            self._seconds += _had(passed, None if cpu is None or cpu_before is None else cpu - cpu_before)
        return self._seconds


def _had(passed: float, cpu: float | None) -> float:
    if cpu is None:
        return SHARE * passed
    return passed if cpu <= STILL else min(cpu, passed)


def cpu_seconds(process: int | None) -> float | None:
    """What a process has used of CPU time; None where the system does not tell."""
    try:
        # The name of the program comes before, and may have anything in it.
        values = Path(f"/proc/{process}/stat").read_text(errors="replace").rpartition(")")[2].split()
        return (int(values[11]) + int(values[12])) / os.sysconf("SC_CLK_TCK")
    except (OSError, ValueError, IndexError):
        return None
