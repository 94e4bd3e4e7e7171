"""Rows of metrics that fall due by steps: each is of the same updates and episodes in every run.

A process that has told all that a row is of says so in its report (`Report.row`). What it tells after that waits until
the others have come as far.
"""

from collections import deque
from collections.abc import Iterator

from a3c.roles.messages import Report


class InRows:
    """Puts the reports of so many processes into an order in which rows can be written between them.

    In use:

        for report in rows.take(report): ...    those that may be taken in now; None: a row is due, of `rows.totals`
    """

    def __init__(self, processes: int, tell: int):
        """The first so many `tell` of rows."""
        self._waiting, self._tell = [deque[Report]() for _ in range(processes)], tell
        self._wait = [False] * processes
        # What those say of the row who have told all that it is of.
        self._told: dict[int, dict[str, int]] = {}
        self.totals: dict[str, int] = {}
        """The counters of the row that is due, as far as anybody knows them."""

    @property
    def all_wait(self) -> bool:
        """Whether all processes wait for each other, and nothing that they said does."""
        return all(self._wait) and not any(self._waiting)

    def take(self, report: Report) -> Iterator[Report | None]:
        self._waiting[report.process].append(report)
        while True:
            for process, waiting in enumerate(self._waiting):
                while waiting and process not in self._told:
                    first = waiting.popleft()
                    yield first
                    self._wait[process] |= first.waits
                    if first.row is not None:
                        self._told[process] = first.row
            # Who waits for all others has told all, also of a row that it has not heard of.
            if not self._told or not all(process in self._told or self._wait[process] for process in range(self._tell)):
                return
            # A learner, the last, knows the updates best.
            self.totals = {name: total for _, row in sorted(self._told.items()) for name, total in row.items()}
            self._told = {}
            yield None

    def rest(self) -> Iterator[Report]:
        """What waits for rows that will not be, at the end."""
        for waiting in self._waiting:
            while waiting:
                yield waiting.popleft()
