"""The clock of a run: when it started, when its work began, and how much of its limits is used."""

import time
from collections.abc import Callable

from a3c.config import TrainConfig
from a3c.roles.messages import Report
from a3c.runs.checkpoint import Checkpoint

START_WITHIN = 120.0
"""Seconds that imports, environments and compiling may take before a limit on seconds counts them."""


class Clock:
    """When a run started, when its work began, and how much of its limits is used.

    Work begins with the first update, or the first steps where nothing is learned: rates and a limit on seconds count
    from there, without importing and compiling before it.
    """

    def __init__(self, checkpoint: Checkpoint, started: float):
        self.config: TrainConfig = checkpoint.config
        self.started, self._before, self._counts = started, checkpoint.seconds, checkpoint.counts
        self.first_update: float | None = None
        self.work_started: float | None = None
        self.trained_until: float | None = None
        """When the last worker had ended; what comes then is no training."""
        self.ended: float | None = None

    def see(self, report: Report, steps: int) -> bool:
        """Takes note of a first update, and of the first steps; whether work begins with this report."""
        if report.first_update is not None and self.first_update is None:
            self.first_update = report.first_update
        if self.work_started is None and steps > self._counts["steps"]:
            self.work_started = report.first_update or time.monotonic()
            return True
        return False

    @property
    def seconds(self) -> float:
        """Since the start of the process or of the call, and in the runs that this one continues."""
        return self.at(time.monotonic())

    def at(self, moment: float) -> float:
        """The same at a moment of `time.monotonic`."""
        return self._before + moment - self.started

    @property
    def training_seconds(self) -> float:
        """The same, until training ended where it has."""
        return self.at(self._now)

    @property
    def _now(self) -> float:
        """This moment, or that at which training ended."""
        return self.trained_until or self.ended or time.monotonic()

    @property
    def trained_for(self) -> float:
        """Seconds since the first update, which is what a limit on them counts; below 0 before it."""
        first = self.work_started if self.config.algorithm.learns == "nowhere" else self.first_update
        return time.monotonic() - (self.started + START_WITHIN if first is None else first)

    @property
    def is_over(self) -> bool:
        """Whether the limit on seconds is reached."""
        return self.config.seconds is not None and self.trained_for >= self.config.seconds

    def mean_rate(self, steps: int) -> float | None:
        """Steps a second since the work began, until training ended."""
        if self.work_started is None:
            return None
        return (steps - self._counts["steps"]) / max(self._now - self.work_started, 1e-9)

    def fraction(self, totals: dict[str, int]) -> tuple[float | None, float | None]:
        """How much of the nearest limit is used, and the seconds left until it."""
        spent = max(self.trained_for, 0.0)
        parts: list[tuple[float, float]] = []
        for name in ("steps", "episodes"):
            if limit := getattr(self.config, name):
                done = totals[name] - self._counts[name]
                pace = done / max(time.monotonic() - (self.work_started or 0.0), 1e-9)
                parts.append((totals[name] / limit, (limit - totals[name]) / pace if pace else float("inf")))
        if self.config.seconds:
            parts.append((spent / self.config.seconds, self.config.seconds - spent))
        if not parts:
            return None, None
        fraction, eta = max(parts)
        return min(fraction, 1.0), max(eta, 0.0) if eta != float("inf") else None


def for_seconds(seconds: float, going_on: Callable[[], bool], late: Callable[[], object]) -> Callable[[], bool]:
    """`going_on`, but no longer than for so many seconds from now; `late` is called once where these ended it."""
    until, is_told = time.monotonic() + seconds, False

    def goes_on() -> bool:
        nonlocal is_told
        if not going_on():
            return False
        if time.monotonic() < until:
            return True
        if not is_told:
            is_told = True
            late()
        return False

    return goes_on
