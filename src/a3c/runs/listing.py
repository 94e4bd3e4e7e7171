"""The runs below a folder, each by the little that `config.toml` and `summary.json` hold of it.

In use:

    for run in find_runs(Path("runs")):
        print(run.path, run.status, run.settings["learning_rate"], run.summary.get("steps"))

Nothing here raises for a run that is damaged: it is listed, with what is wrong.
"""

import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import MISSING, dataclass, field, fields
from functools import cache
from pathlib import Path
from typing import Any

from a3c.algorithm.builtin import BUILT_IN
from a3c.config import TrainConfig
from a3c.config.making import FIELDS, own_fields
from a3c.config.toml import read_toml
from a3c.errors import A3CError, RunFolderError, SettingsError
from a3c.runs.folder import RunFolder, flat
from a3c.runs.lock import is_held
from a3c.runs.migrations import check_schema, migrated_settings
from a3c.runs.repeats import RepeatsFolder

STATUSES = ("running", "solved", "finished", "interrupted", "failed", "killed", "damaged")
"""What a listed run can be: what its summary says, but for one that is still running, one that was killed, and one
whose files cannot be read."""
TRACES = ("checkpoints", "summary.json", "episodes.csv")
"""By what a run is told from another folder with a `config.toml`."""
TAIL = 4096
"""Bytes at the end of a file in which its last row is."""


@dataclass(frozen=True)
class ListedRun:
    """A run as it was when it was looked at."""

    folder: RunFolder
    status: str
    settings: dict[str, Any] = field(default_factory=dict)
    """By name as a file holds them; those that it does not hold have their default."""
    summary: dict[str, Any] = field(default_factory=dict)
    """As in `summary.json`; of a run that is running, numbers are those of its last row of metrics."""
    repeats: Path | None = None
    """The folder of repeats that it is in."""
    problem: str | None = None
    """What cannot be read of it."""

    @property
    def path(self) -> Path:
        return self.folder.path

    def get(self, name: str) -> Any:
        """What its summary says, or else its settings."""
        said = self.summary.get(name)
        return self.settings.get(name) if said is None else said

    def spelled(self, name: str) -> str:
        """A setting's value for people; - where its algorithm has no such setting."""
        return spelled_value(self.settings[name]) if name in self.settings else "-"

    @property
    def evaluated(self) -> float | None:
        """The mean of what its best model came to in whole episodes; None where no evaluation was due."""
        figure = self.summary.get("best_evaluation")
        return figure and figure["mean"]

    @property
    def began(self) -> float:
        """When its `config.toml` was written, in seconds since 1970; of what has none, its folder."""
        for path in (self.folder.config_path, self.path):
            with suppress(OSError):
                return path.stat().st_mtime
        return 0.0

    @property
    def has_ended(self) -> bool:
        """Whether it came to an end of its own, or of its user's."""
        return self.status in ("solved", "finished", "interrupted")


def find_runs(path: Path) -> list[ListedRun]:
    """The run that a folder is, or those in it and in the folders below, by their names; seeds in order."""
    if RunFolder(path).config_path.is_file():
        return [read_run(path)]
    return [read_run(found, repeats) for found, repeats in _below(path)]


def read_run(path: Path, repeats: Path | None = None) -> ListedRun:
    """What a folder holds of a run."""
    folder = RunFolder(path)
    settings, summary, problems = dict[str, Any](), dict[str, Any](), list[str]()
    try:
        settings = settings_of(folder.config_path)
    except A3CError as error:
        problems.append(str(error))
    if folder.summary_path.exists():
        try:
            summary = folder.summary()
        except RunFolderError as error:
            problems.append(str(error))
    if is_held(path):
        return ListedRun(folder, "running", settings, summary | _latest(folder), repeats)
    if problems:
        return ListedRun(folder, "damaged", settings, summary, repeats, "; ".join(problems))
    status = summary.get("status", "running")
    return ListedRun(folder, "killed" if status == "running" else status, settings, summary, repeats)


def settings_of(path: Path) -> dict[str, Any]:
    """The settings of a `config.toml`, whoever's algorithm it names, as this version writes them. They are not
    checked. Raises SettingsError for what is no such file."""
    tables = read_toml(path)
    schema = tables.pop("schema", None)
    check_schema(schema, path, SettingsError)
    try:
        settings = migrated_settings(schema, flat(tables))
    except (TypeError, AttributeError, KeyError):
        raise SettingsError(f"{path} is damaged") from None
    return _defaults(str(settings.get("algorithm"))) | settings


@cache
def _defaults(algorithm: str) -> dict[str, Any]:
    """The settings of an algorithm as they are where nothing is set; of one that is not of this package those that all
    have."""
    known = BUILT_IN.get(algorithm)
    of_all = [one for one in fields(TrainConfig) if one.name in FIELDS]
    own = own_fields(known).values() if known else ()
    found = {one.name: one.default_factory() if one.default is MISSING else one.default for one in (*of_all, *own)}  # type: ignore[misc]
    found |= known.defaults if known else {}
    return {name: list(value) if isinstance(value, tuple) else value for name, value in found.items()}


def defaults_of(settings: dict[str, Any]) -> dict[str, Any]:
    """What these settings would be had nothing been set but the algorithm."""
    return _defaults(str(settings.get("algorithm")))


def spelled_value(value: Any) -> str:
    """A setting's value for people, `64 64` for a list of two."""
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, list | tuple):
        return " ".join(map(spelled_value, value)) or "none"
    if isinstance(value, dict):
        return ", ".join(f"{key} {spelled_value(inner)}" for key, inner in value.items()) or "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "none" if value is None else str(value)


def _below(path: Path) -> Iterator[tuple[Path, Path | None]]:
    """The runs in a folder, with the folder of repeats that each is in. Links are not followed."""
    try:
        entries = sorted(os.scandir(path), key=lambda entry: entry.name)
    except OSError:
        return
    names = {entry.name for entry in entries}
    traces = len(names.intersection(TRACES))
    # A logger's copy of a run has its summary, and none of its episodes.
    is_copy = "summary.json" in names and "episodes.csv" not in names
    if traces >= (1 if "config.toml" in names else 2) and not is_copy:
        yield path, None
        return
    repeats = RepeatsFolder(path)
    seeds = [repeats.run(seed).path for seed in repeats.seeds()]
    yield from ((seed, path) for seed in seeds)
    for entry in entries:
        if entry.is_dir(follow_symlinks=False) and not entry.name.startswith(".") and path / entry.name not in seeds:
            yield from _below(path / entry.name)


def _latest(folder: RunFolder) -> dict[str, Any]:
    """The last row of the metrics of a run that is running, whose summary is written but now and then."""
    try:
        with folder.metrics_path.open("rb") as file:
            columns = file.readline().decode().strip().split(",")
            file.seek(max(file.tell(), os.fstat(file.fileno()).st_size - TAIL))
            last = file.read().rpartition(b"\n")[0].rpartition(b"\n")[2].decode().strip().split(",")
        row = {name: float(cell) for name, cell in zip(columns, last, strict=True) if cell}
        counts = {name: int(row[name]) for name in ("steps", "episodes", "updates")}
    except (OSError, ValueError, KeyError):
        return {}
    named = {"return_mean_100": row.get("return_mean_100"), "wall_seconds": row.get("seconds")}
    return counts | {name: value for name, value in named.items() if value is not None}
