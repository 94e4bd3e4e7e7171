"""What is written of a run while it goes on: rows of its episodes, its metrics and its evaluations."""

import math
from collections.abc import Callable
from typing import Any

from a3c.environments.tracking import columns_of
from a3c.runs.checkpoint import Checkpoint
from a3c.runs.folder import RunFolder
from a3c.runs.metrics import RowFile, read_rows


class Records:
    """The files of a run that grow. Where there is no folder nothing is written."""

    def __init__(
        self,
        folder: RunFolder | None,
        counts: dict[str, int],
        seconds: float,
        tensorboard: bool,
        evaluations: int = 0,
        tracked: tuple[str, ...] = (),
    ):
        """Goes on from a checkpoint's counts, seconds and evaluations. `tracked` are the columns of `track_info`."""
        self._folder, self._tracked = folder, tracked
        self.episodes = self.metrics = self.evaluations = self._tensorboard = None
        if folder is not None and not counts["steps"]:
            folder.clear_events()
        self._begin(counts, seconds, evaluations)
        if folder is not None and tensorboard:
            self._tensorboard = folder.open_tensorboard(counts["steps"])

    @classmethod
    def of(cls, start: Checkpoint, folder: RunFolder | None) -> "Records":
        """Of a run that goes on from there."""
        config = start.config
        tensorboard, tracked = "tensorboard" in config.log, columns_of(config.track_info)
        return cls(folder, start.counts, start.seconds, tensorboard, start.evaluations, tracked)

    def go_back(self, counts: dict[str, int], seconds: float, evaluations: int) -> None:
        """Goes on from there, without the rows of later. Raises DiskError."""
        self._begin(counts, seconds, evaluations)
        if self._tensorboard is not None:
            self._tensorboard.go_back(counts["steps"])

    def _begin(self, counts: dict[str, int], seconds: float, evaluations: int) -> None:
        self.evaluated = evaluations
        """Evaluations so far, each a row."""
        self._pending: list[dict[str, Any]] = []
        self._latest = (counts["steps"], seconds)
        if self._folder is None:
            return
        before = self._row_files
        self.episodes, self.metrics, self.evaluations = self._folder.open_rows(counts, evaluations, self._tracked)
        for file in before:
            file.close()

    def tracked_before(self) -> list[list[float]]:
        """What info said of the episodes that have rows, for each column that is tracked; nan where it said nothing."""
        if self._folder is None or not self._tracked:
            return []
        rows = read_rows(self._folder.episodes_path, ("step", *self._tracked))
        return [[float(cell or "nan") for cell in row[1:]] for row in rows]

    @property
    def _row_files(self) -> list[RowFile]:
        return [file for file in (self.episodes, self.metrics, self.evaluations) if file is not None]

    @property
    def pending(self) -> int:
        """Episodes that have no row yet."""
        return len(self._pending)

    def add_episode(
        self, worker: int, step: int, second: float, return_: float, length: int, infos: tuple[float, ...] = ()
    ) -> tuple[int, float]:
        """The row of an episode, to be written with the next ones; gives the step and second that count for it.

        Workers report in turns: an episode that is reported after one of a later step counts from that step on.
        """
        self._latest = max(step, self._latest[0]), max(second, self._latest[1])
        if self.episodes is not None:
            row = {"step": self._latest[0], "seconds": f"{self._latest[1]:.3f}", "worker": worker}
            row |= {"return": f"{return_:.10g}", "length": length}
            # To the last digit: a run that is resumed takes its means from here.
            told = zip(self._tracked, infos, strict=False)
            self._pending.append(row | {name: repr(value) for name, value in told if not math.isnan(value)})
        return self._latest

    def write(self, row: dict[str, Any], seconds: float) -> None:
        """The episodes that have no row yet, and a row of metrics. Raises DiskError."""
        if self.episodes is None or self.metrics is None:
            return
        self.episodes.append(self._pending)
        self._pending = []
        self.metrics.append([{name: _short(value) for name, value in row.items()}])
        if self._tensorboard is not None:
            self._tensorboard.add(row, seconds)

    def add_evaluation(self, row: dict[str, Any]) -> None:
        """Writes the row of an evaluation at once; raises DiskError. See EVALUATION_COLUMNS."""
        if self.evaluations is not None:
            precise = {name: f"{value:.10g}" for name, value in row.items() if isinstance(value, float)}
            self.evaluations.append([row | precise | {"seconds": f"{row['seconds']:.3f}"}])
        self.evaluated += 1
        if self._tensorboard is not None:
            self._tensorboard.add_evaluation(row, row["seconds"])

    def sync(self) -> None:
        """Has the rows survive a power cut."""
        for file in self._row_files:
            file.sync()

    def closing(self) -> list[Callable[[], None]]:
        """What there is to do at the end, each to be tried."""
        tensorboard = [] if self._tensorboard is None else [self._tensorboard.close]
        return [*(file.close for file in self._row_files), *tensorboard]


def _short(value: Any) -> Any:
    return f"{value:.6g}" if isinstance(value, float) else value
