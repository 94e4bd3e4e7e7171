"""The rows of a run: `episodes.csv`, `metrics.csv`, and TensorBoard's event files."""

import csv
import io
from pathlib import Path
from typing import Any

from a3c.learning.diagnostics import DIAGNOSTICS
from a3c.runs.files import disk_errors, write_atomically

EPISODE_COLUMNS = ("step", "seconds", "worker", "return", "length")
METRIC_COLUMNS = (
    *("steps", "seconds", "episodes", "updates", "steps_per_second"),
    *("return_mean_100", "best_return_mean_100", "length_mean_100", "policy_lag"),
    *DIAGNOSTICS,
    *("learning_rate", "entropy_coefficient", "queue_length", "predictors", "trainers"),
)
TENSORBOARD_AFTER = 10.0
"""Seconds of a run before TensorBoard's writer is loaded: it takes a third of a second that short runs would notice."""


class RowFile:
    """A CSV file that grows by whole rows; when a run is resumed, rows after its checkpoint are dropped."""

    def __init__(self, path: Path, columns: tuple[str, ...] | list[str], keep_until: int | None = None):
        self.path = path
        rows = [] if keep_until is None else [row for row in read_rows(path) if int(row[0]) <= keep_until]
        text = io.StringIO()
        csv.writer(text, lineterminator="\n").writerows([columns, *rows])
        write_atomically(path, text.getvalue().encode())
        with disk_errors(path):
            self._file = path.open("a", newline="", encoding="utf-8")

    def append(self, rows: list[Any]) -> None:
        text = io.StringIO()
        csv.writer(text, lineterminator="\n").writerows(rows)
        with disk_errors(self.path):
            self._file.write(text.getvalue())
            self._file.flush()

    def close(self) -> None:
        with disk_errors(self.path):
            self._file.close()


def read_rows(path: Path) -> list[list[str]]:
    """The rows of a CSV file without its header, and without a last row that was cut off."""
    if not path.exists():
        return []
    whole = path.read_bytes().rpartition(b"\n")[0].decode()
    header, *rows = list(csv.reader(io.StringIO(whole))) or [[]]
    return [row for row in rows if len(row) == len(header)]


class TensorBoard:
    """TensorBoard events, a point for each row of `metrics.csv`; the writer is loaded late, see TENSORBOARD_AFTER."""

    def __init__(self, folder: Path):
        self._folder, self._pending, self._writer = folder, [], None

    def add(self, row: dict[str, Any], seconds: float) -> None:
        self._pending.append(row)
        if seconds >= TENSORBOARD_AFTER:
            self._write()

    def _write(self) -> None:
        with disk_errors(self._folder):
            if self._writer is None:
                from tensorboardX import SummaryWriter

                self._writer = SummaryWriter(str(self._folder), flush_secs=10)
            for row in self._pending:
                for name, value in row.items():
                    if value is not None and name != "steps":
                        self._writer.add_scalar(_tag(name), value, row["steps"])
        self._pending = []

    def close(self) -> None:
        self._write()
        if self._writer is not None:
            with disk_errors(self._folder):
                self._writer.close()


def _tag(name: str) -> str:
    return f"{'losses' if name in DIAGNOSTICS else 'charts'}/{name}"
