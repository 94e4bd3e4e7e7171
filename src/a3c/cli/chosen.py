"""The runs that `a3c plot`, `a3c compare` and `a3c report` are given, in groups, and where what they make is to go."""

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from a3c.errors import SettingsError

if TYPE_CHECKING:
    from a3c.runs.groups import OpenedRun


@dataclass(frozen=True)
class GroupFlags:
    """How runs are grouped."""

    by: str | None = None
    """Group runs by these settings, such as algorithm,learning_rate; or by run, each for itself. Default: by what
    differs among them other than the seed; a folder of repeats (a3c train --repeats) is a group of its own."""


def named_runs(paths: tuple[Path, ...], example: str) -> list["OpenedRun"]:
    """The runs of these folders that can be shown; of those that were found in a folder and cannot, a line says so.

    Raises SettingsError where none is named, RunFolderError where there is none, or one that was named cannot be shown.
    """
    from a3c.runs.curves import has_episodes
    from a3c.runs.groups import open_runs

    if not paths:
        raise SettingsError(f"name at least one run folder: {example}")
    opened = open_runs(paths)
    damaged = [one for one in opened if one.run.status == "damaged"]
    whole = [one for one in opened if one.run.status != "damaged" and one.run.summary]
    # One that was named itself is not left out: what is made of it says what is wrong.
    begun = [one for one in whole if one.run.path in paths or has_episodes(one.run.folder)]
    young = [one for one in opened if one not in damaged and one not in begun]
    if not begun:
        if young:
            begun, young = young[:1], []
        else:
            raise SettingsError(str(damaged[0].run.problem))
    if young:
        _left_out("without a finished episode", young)
    if damaged:
        _left_out("damaged", damaged)
    return begun


def check_place(output: Path) -> None:
    """Raises SettingsError where there is no folder for a file that is to be written."""
    from a3c.runs.files import exists

    if not (exists(output.parent) and output.resolve().parent.is_dir()):
        raise SettingsError(f"`output` {output}: there is no folder {output.parent}")


def names_in(given: str | None) -> tuple[str, ...]:
    """Names with commas between them."""
    return tuple(name.strip() for name in (given or "").split(",") if name.strip())


def _left_out(why: str, runs: list["OpenedRun"]) -> None:
    print(f"left out, {why}: {', '.join(str(one.run.path) for one in runs)}", file=sys.stderr)
