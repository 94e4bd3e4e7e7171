"""A command of `a3c`: its flags, which are the fields of dataclasses."""

import dataclasses
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

HELP = ("--help", "-h")
HELP_ALL = "--help-all"
ONE_BY_ONE = {"wrappers": "MODULE:CLASS [KEY=VALUE ...]", "import_modules": "MODULE"}
"""Settings whose flag is in the singular, as it takes one of their values, and how that is written."""


def flag(name: str) -> str:
    """The flag of a setting: `envs_per_worker` -> `--envs-per-worker`, `wrappers` -> `--wrapper`."""
    return "--" + (name.removesuffix("s") if name in ONE_BY_ONE else name).replace("_", "-")


def with_flags(line: str) -> str:
    """A line about settings, which it names as `envs_per_worker`, as the command line has them."""
    return re.sub(r"`([a-z_]+)`", lambda found: flag(found[1]), line)


class HelpAsked(Exception):
    """The arguments ask for help: of this command, and whether for everything."""

    def __init__(self, command: "Command", everything: bool):
        super().__init__(command, everything)
        self.command, self.everything = command, everything


@dataclass(frozen=True)
class Command:
    """What is after `a3c train`: flags, and perhaps an argument without one."""

    prog: str
    description: str
    groups: Mapping[str, type]
    """The dataclasses whose fields are the flags, by the titles that help gives them."""
    argument: str | None = None
    """The field that is given without a flag, and"""
    many: bool = False
    """whether it may be given several times."""
    needed: bool = False
    """Whether it must be given."""
    short: Mapping[str, str] = field(default_factory=dict)
    """Short flags, and the fields they stand for."""

    @property
    def fields(self) -> dict[str, dataclasses.Field[Any]]:
        """All of the flags' fields; where groups have one of the same name, the first group's."""
        found: dict[str, dataclasses.Field[Any]] = {}
        for group in self.groups.values():
            found = {one.name: one for one in dataclasses.fields(group)} | found
        return found
