"""Runs in groups, to be drawn and compared: those of a group differ by their seeds alone, or as they were asked to.

In use:

    for group in grouped(open_runs(paths), by=("algorithm",)):
        print(group.name, len(group.runs))
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from a3c.errors import RunFolderError, SettingsError
from a3c.names import called
from a3c.runs.folder import RunFolder
from a3c.runs.listing import ListedRun, find_runs, spelled_value

RUN = "run"
"""To group by: each run by itself."""
NAMED_BY = ("environment", "algorithm")
"""The settings that come first in a group's name, and whose values say enough."""
MOST_NAMED = 3
"""Other settings that groups are told apart by: where more differ, none of them says enough, and folders do."""


@dataclass(frozen=True)
class Group:
    """Runs that belong together, at least one."""

    name: str
    """What tells it from the others: of the settings in which they differ as few as do."""
    runs: list[ListedRun]

    @property
    def folders(self) -> list[RunFolder]:
        return [run.folder for run in self.runs]

    def spelled(self, name: str) -> str:
        """A setting's value for people, or the values."""
        return ", ".join(dict.fromkeys(run.spelled(name) for run in self.runs))


@dataclass(frozen=True)
class OpenedRun:
    """A run, and what it was found in: the folder of its repeats, or one of several folders that were named."""

    run: ListedRun
    origin: Path | None


def open_runs(paths: Sequence[Path]) -> list[OpenedRun]:
    """The runs that these folders are, or that are below them, each once. Raises RunFolderError where there is none, or
    where one that was named itself is damaged."""
    found: dict[Path, OpenedRun] = {}
    for path in paths:
        runs = find_runs(path)
        if not runs:
            RunFolder.open(path)
        for run in runs:
            if run.path == path and run.status == "damaged":
                raise RunFolderError(str(run.problem))
            inside = path if len(paths) > 1 and run.path != path else None
            found.setdefault(run.path.resolve(), OpenedRun(run, run.repeats or inside))
    return list(found.values())


def grouped(opened: Sequence[OpenedRun], by: Sequence[str] = ()) -> list[Group]:
    """The runs in groups, in the order in which the first of each was found.

    Without `by`, those of a folder of repeats are one, as are those of one of several folders that were named, as long
    as their settings differ in nothing but the seed; and so are runs that stand alone. `by` names the settings that are
    to tell them apart instead, or says "run". Raises SettingsError for a setting that none has.
    """
    runs = [one.run for one in opened]
    if RUN in by:
        return [Group(name, [run]) for name, run in zip(_told_apart([run.path for run in runs]), runs, strict=True)]
    _check(by, runs)
    names = tuple(by) or differing([run.settings for run in runs])
    groups: dict[Any, list[ListedRun]] = {}
    for one in opened:
        key = (None if by else one.origin, *(repr(one.run.settings.get(name)) for name in names))
        groups.setdefault(key, []).append(one.run)
    return _named(list(groups.values()), names, by_folder=not by and _is_told_by_folder(groups.values(), names))


def differing(settings: Iterable[dict[str, Any]], beside: Sequence[str] = ("seed",)) -> tuple[str, ...]:
    """The settings that are not the same in all, without those `beside`: those that say most first."""
    every = list(settings)
    names = dict.fromkeys(name for one in every for name in (*NAMED_BY, *one) if name not in beside)
    return tuple(name for name in names if len({repr(one.get(name)) for one in every}) > 1)


def spelled(name: str, value: Any) -> str:
    """A setting and its value for people: `learning_rate 0.001`, and of an algorithm its name alone."""
    return spelled_value(value) if name in NAMED_BY else f"{name} {spelled_value(value)}"


def _check(by: Sequence[str], runs: list[ListedRun]) -> None:
    known = {name for run in runs for name in run.settings}
    for name in by:
        if name not in known:
            raise SettingsError(f"`by` {name}: these runs have no such setting{called(name, known)}")


def _is_told_by_folder(groups: Iterable[list[ListedRun]], names: Sequence[str]) -> bool:
    """Whether so much differs between groups that their folders, which all do, say more than settings."""
    first = [runs[0] for runs in groups]
    # What one of the algorithms alone has does not count: its name says it.
    differ = [name for name in names if name not in NAMED_BY and all(name in run.settings for run in first)]
    return len(differ) > MOST_NAMED and len({_folder(runs) for runs in groups}) == len(first)


def _named(groups: list[list[ListedRun]], names: Sequence[str], by_folder: bool) -> list[Group]:
    """The groups by as few of these settings as tell them apart; where none do, or `by_folder`, by their folders."""
    labels = [""] * len(groups)
    for name in names if not by_folder else [name for name in names if name in NAMED_BY]:
        longer = [
            ", ".join(filter(None, (label, spelled(name, runs[0].settings.get(name)))))
            for label, runs in zip(labels, groups, strict=True)
        ]
        if len(set(longer)) > len(set(labels)):
            labels = longer
    if len(set(labels)) < len(labels):
        folders = _told_apart([_folder(runs) for runs in groups])
        labels = [", ".join(filter(None, (label, folder))) for label, folder in zip(labels, folders, strict=True)]
    return [Group(label or str(_folder(runs)), runs) for label, runs in zip(labels, groups, strict=True)]


def _folder(runs: list[ListedRun]) -> Path:
    """The folder of repeats, of a run, or that which all are in."""
    return runs[0].repeats or (runs[0].path if len(runs) == 1 else runs[0].path.parent)


def _told_apart(paths: list[Path]) -> list[str]:
    """Their last parts, as many as tell them apart."""

    def last(count: int) -> Callable[[Path], str]:
        return lambda path: "/".join(path.parts[-count:])

    for count in range(1, max(len(path.parts) for path in paths) + 1):
        names = list(map(last(count), paths))
        if len(set(names)) == len(set(paths)):
            return names
    return list(map(str, paths))
