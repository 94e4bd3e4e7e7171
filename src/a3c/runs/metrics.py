"""The rows of a run: `episodes.csv`, `metrics.csv`, `evaluations.csv`, and TensorBoard's event files."""

import socket
import struct
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from a3c.environments.tracking import NAMED
from a3c.errors import RunFolderError
from a3c.learning.diagnostics import DIAGNOSTICS
from a3c.runs.files import GrowingFile, write_atomically

WINDOW = 100
"""Episodes in the moving mean by which a run is judged."""
EPISODE_COLUMNS = ("step", "seconds", "worker", "return", "length")
METRIC_COLUMNS = (
    *("steps", "seconds", "episodes", "updates", "steps_per_second"),
    *("return_mean_100", "best_return_mean_100", "length_mean_100", "policy_lag"),
    *DIAGNOSTICS,
    *("learning_rate", "entropy_coefficient", "queue_length", "predictors", "trainers"),
)
EVALUATION_COLUMNS = (
    *("step", "seconds", "version", "purpose", "policy"),
    *("mean", "std", "min", "max", "episodes", "length_mean", "cut"),
)
WORDS = ("purpose", "policy")
"""The columns that hold words: what an evaluation was for (interval, candidate, confirmation, final), and how it was
played (greedy, sampled). All others hold numbers."""
NEEDED = 5
"""How many of these, the first, every version has written."""
EVENTS = "events.out.tfevents"
"""How the names of TensorBoard's files begin."""
TENSORBOARD_AFTER = 10.0
"""Seconds of a run before TensorBoard's format is loaded: it takes a third of a second that short runs would notice."""


class RowFile:
    """A CSV file that grows by whole rows, each by the names of its columns.

    Where a run is resumed, the rows stay that its checkpoint covers: those whose counts are at most these, `until`, and
    of them the first `most`. The file's columns stay where they are, also those of other versions; what it lacks of
    `columns` is added at its end, empty in the rows before. Raises RunFolderError for what is no such file, DiskError.
    """

    def __init__(
        self, path: Path, columns: tuple[str, ...], until: dict[str, int] | None = None, most: int | None = None
    ):
        self._path = path
        header, rows = ([], []) if until is None else _read(path, columns)
        bounds = [(header.index(name), bound) for name, bound in (until or {}).items() if header]
        rows = [row for row in rows[:most] if all(float(row[place] or 0) <= bound for place, bound in bounds)]
        self._begin(_joined(header, columns), rows)

    def _begin(self, columns: list[str], rows: list[list[str]]) -> None:
        """Writes the file anew, and grows that."""
        wide = [row + [""] * (len(columns) - len(row)) for row in rows]
        write_atomically(self._path, _csv([columns, *wide]), sync=bool(rows))
        self._columns, self._file = columns, GrowingFile(self._path)

    def append(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Adds rows; what one has no value for is left empty, and a name that is new gets a column."""
        columns = _joined(self._columns, [name for row in rows for name in row])
        if len(columns) > len(self._columns):
            # What was deleted meanwhile is noticed, and not begun anew.
            self.sync()
            before = self._file
            self._begin(columns, _read(self._path, ())[1])
            before.close()
        self._file.append(_csv([[row.get(name) for name in columns] for row in rows]))

    def sync(self) -> None:
        """Has the rows survive a power cut."""
        self._file.sync()

    def close(self) -> None:
        self._file.close()


def read_rows(path: Path, columns: tuple[str, ...] | None = None) -> list[list[str]]:
    """The rows of a CSV file of a run, without its header; of `columns`, in their order, where they are given.

    A row that was cut off or damaged is none. What the file has no column for, as of an older version, is left empty.
    Raises RunFolderError for what is no such file.
    """
    header, rows = _read(path, columns)
    if columns is None or header == list(columns):
        return rows
    places = [header.index(name) if name in header else None for name in columns]
    return [["" if place is None else row[place] for place in places] for row in rows]


def _read(path: Path, columns: tuple[str, ...] | None) -> tuple[list[str], list[list[str]]]:
    """The header of a file, and its whole rows, where these columns are as they should be (None: all of them)."""
    try:
        # What is no text makes its own row a damaged one.
        text = path.read_bytes().rpartition(b"\n")[0].decode(errors="replace")
    except FileNotFoundError:
        return [], []
    except OSError as error:
        raise RunFolderError(f"cannot read {path}: {error.strerror}") from None
    if not text:
        return [], []
    # Not the module's reader, to which one quotation mark, or a zero, spoils all that follows.
    header, *rows = (line.rstrip("\r").split(",") for line in text.split("\n"))
    columns = tuple(header) if columns is None else columns
    for name in columns[:NEEDED]:
        if name not in header:
            raise RunFolderError(f"{path} is damaged, as it has no column {name}: delete it to do without its rows")
    places = [header.index(name) for name in columns if name in header and name not in WORDS]
    return header, [row for row in rows if len(row) == len(header) and _is_whole(row, places)]


def _is_whole(row: list[str], places: list[int]) -> bool:
    """Whether it has numbers at these places, or nothing, and at the first of them a count."""
    return all(_is_number(row[place]) for place in places) and all(row[place].isdecimal() for place in places[:1])


def _joined(columns: list[str], more: Iterable[str]) -> list[str]:
    """The columns, and at their end those of `more` that are not among them."""
    new = [name for name in dict.fromkeys(more) if name not in columns]
    for name in new:
        if not can_be_column(name):
            raise ValueError(f"{name!r} cannot be the name of a column")
    return columns + new


def can_be_column(name: str) -> bool:
    """Whether a CSV file here can have a column of that name."""
    return name.isprintable() and not any(sign in name for sign in ',"') and name != ""


def _is_number(cell: str) -> bool:
    """Whether it is one, or nothing."""
    try:
        float(cell or 0)
    except ValueError:
        return False
    return True


def _csv(rows: Iterable[Iterable[Any]]) -> bytes:
    """Numbers and names as they are: neither has a comma."""
    return "".join(",".join("" if cell is None else str(cell) for cell in row) + "\n" for row in rows).encode()


class TensorBoard:
    """TensorBoard events, points for each row of `metrics.csv` and `evaluations.csv`; the format is loaded late, see
    TENSORBOARD_AFTER.

    They are written here, at once: a thread of its own, as TensorBoard's writers have, could not say that the disk is
    full, and a process would wait for it for ever.
    """

    def __init__(self, folder: Path, steps: int = 0):
        """Of a run that goes on after so many steps: TensorBoard forgets the points behind them, as CSV files do."""
        self._folder, self._steps = folder, steps
        self._file: GrowingFile | None = None
        self._pending: list[tuple[float, int, dict[str, Any]]] = []
        """When, at which step, and what, by its tag."""

    def add(self, row: Mapping[str, Any], seconds: float) -> None:
        """A row of metrics."""
        self._add(row["steps"], metric_tags(row), seconds)

    def add_evaluation(self, row: Mapping[str, Any], seconds: float) -> None:
        self._add(row["step"], evaluation_tags(row), seconds)

    def _add(self, step: int, numbers: dict[str, Any], seconds: float) -> None:
        self._pending.append((time.time(), step, numbers))
        if seconds >= TENSORBOARD_AFTER:
            self._write()

    def _write(self) -> None:
        if not self._pending:
            return
        from tensorboardX.proto import event_pb2, summary_pb2

        # They are made where they are imported, and no type checker knows of them.
        event, value, summary = event_pb2.Event, summary_pb2.Summary.Value, summary_pb2.Summary  # type: ignore[attr-defined]

        if self._file is None:
            self._file = GrowingFile(self._folder / f"{EVENTS}.{int(time.time())}.{socket.gethostname()}")
            self._file.append(_record(event(wall_time=time.time(), file_version="brain.Event:2")))
            if self._steps:
                self._file.append(_start_after(self._steps))
        records = []
        for now, step, numbers in self._pending:
            points = [
                value(tag=tag, simple_value=float(number)) for tag, number in numbers.items() if number is not None
            ]
            records.append(_record(event(wall_time=now, step=step, summary=summary(value=points))))
        self._file.append(b"".join(records))
        self._pending = []

    def go_back(self, steps: int) -> None:
        """The run goes on after so many steps again."""
        self._pending = [point for point in self._pending if point[1] <= steps]
        if self._file is not None:
            self._file.append(_start_after(steps))

    def close(self) -> None:
        try:
            self._write()
        finally:
            if self._file is not None:
                self._file.close()


def _start_after(steps: int) -> bytes:
    """The event for which points behind these steps are forgotten."""
    from tensorboardX.proto import event_pb2

    event, log = event_pb2.Event, event_pb2.SessionLog  # type: ignore[attr-defined]
    return _record(event(wall_time=time.time(), step=steps + 1, session_log=log(status=log.START)))


def _record(event: Any) -> bytes:
    """An event as an event file holds it: its length and its bytes, each with a checksum."""
    from tensorboardX.record_writer import masked_crc32c

    content = event.SerializeToString()
    length = struct.pack("<Q", len(content))
    return b"".join(part + struct.pack("<I", masked_crc32c(part)) for part in (length, content))


def metric_tags(row: Mapping[str, Any]) -> dict[str, Any]:
    """The numbers of a row of `metrics.csv` by what TensorBoard and other loggers call them; without the steps."""
    return {_tag(name): number for name, number in row.items() if name != "steps"}


def evaluation_tags(row: Mapping[str, Any]) -> dict[str, Any]:
    """The same of a row of `evaluations.csv`."""
    names = [name for name in row if name in ("mean", "length_mean") or name.startswith(NAMED)]
    return {f"eval/{row['policy']}/{name}": row[name] for name in names}


def _tag(name: str) -> str:
    return name if name.startswith(NAMED) else f"{'losses' if name in DIAGNOSTICS else 'charts'}/{name}"
