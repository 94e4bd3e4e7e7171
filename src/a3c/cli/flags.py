"""The flags of a command: the fields of dataclasses. A wrong one is named in one line, with what to do."""

import dataclasses
import re
import typing
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from a3c.config.making import kind, kinds_of
from a3c.errors import SettingsError
from a3c.names import called

HELP = ("--help", "-h")
HELP_ALL = "--help-all"
SUFFIXES = {"": 1, "k": 1_000, "m": 1_000_000}


def flag(name: str) -> str:
    """The flag of a setting: `envs_per_worker` -> `--envs-per-worker`."""
    return "--" + name.replace("_", "-")


def with_flags(line: str) -> str:
    """A line about settings, which it names as `envs_per_worker`, as the command line has them."""
    return re.sub(r"`([a-z_]+)`", lambda found: flag(found[1]), line)


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

    def read(self, arguments: list[str], unknown: dict[str, list[str]] | None = None) -> dict[str, Any]:
        """What is given, by the names of the fields. Raises SettingsError for a wrong flag; leaves after help.

        `unknown` gets flags that are none of these, and what comes after each, for `late`. One of the pairs of a
        setting, `--optimizer-options.eps 0.1`, has the name `optimizer_options.eps`.
        """
        if HELP_ALL in arguments or set(HELP) & set(arguments):
            from a3c.cli.help import help_text

            print(help_text(self, everything=HELP_ALL in arguments))
            raise SystemExit(0)
        types: dict[str, Any] = {name: one.type for name, one in self.fields.items() if name != self.argument}
        more = f"; see {self.prog} --help"
        given: dict[str, Any] = {}
        loose: list[str] = []
        rest = list(arguments)
        while rest:
            argument = rest.pop(0)
            if not _is_flag(argument):
                loose.append(argument)
                if len(loose) > 1 and not self.many:
                    raise SettingsError(f"{argument!r} is one argument too many: every setting has a flag{more}")
                continue
            title, equals, value = argument.partition("=")
            name = self.short.get(title) or title.removeprefix("--").replace("-", "_")
            if types.get(name.removeprefix("no_")) is bool:
                if equals:
                    raise SettingsError(f"{title} takes no value: it is on where it is given{more}")
                given[name.removeprefix("no_")] = not name.startswith("no_")
                continue
            pairs, dot, key = name.partition(".")
            if dot and typing.get_origin(types.get(pairs)) is dict:
                values = [value] if equals else rest[:1]
                del rest[: not equals]
                given[name] = _value(title, [key, *values], types[pairs])[key]
                continue
            if name not in types or not (title in self.short or title.startswith("--")):
                if unknown is None or not title.startswith("--"):
                    raise SettingsError(f"{self._unknown(title, types)}{more}")
                unknown[title] = [value] if equals else []
                while rest and not equals and not _is_flag(rest[0]):
                    unknown[title].append(rest.pop(0))
                continue
            several = _takes_several(types[name])
            values = [value] if equals else []
            while rest and not equals and not _is_flag(rest[0]) and (several or not values):
                values.append(rest.pop(0))
            if not values and not several:
                raise SettingsError(f"{title} needs a value: {kind(types[name])}{more}")
            if typing.get_origin(types[name]) is dict and len(values) % 2:
                raise SettingsError(f"{title} takes pairs, each a name and a value: {values[-1]!r} has none{more}")
            given[name] = _value(title, values, types[name])
        return given | self._argument(loose, more)

    def late(self, unknown: dict[str, list[str]], group: type) -> dict[str, Any]:
        """What `read` did not know, by the fields of one more group. Raises SettingsError for what is none of them."""
        arguments = [argument for title, values in unknown.items() for argument in (title, *values)]
        return dataclasses.replace(self, groups={**self.groups, "": group}).read(arguments)

    def _unknown(self, title: str, types: Mapping[str, Any]) -> str:
        if self.argument is not None and called(title, [self.argument]):
            return f"there is no flag {title}: give the {self.argument} first, without a flag"
        return f"there is no flag {title}{called(title, types, flag)}"

    def _argument(self, loose: list[str], more: str) -> dict[str, Any]:
        if self.argument is None or not loose:
            if self.needed:
                raise SettingsError(f"name the {self.argument}: {self.prog} {str(self.argument).upper()}{more}")
            return {}
        annotation = self.fields[self.argument].type
        return {self.argument: _value(self.argument, loose, annotation)}


def _is_flag(argument: str) -> bool:
    """Whether it is no value: a minus sign comes before numbers too."""
    return re.match(r"--|-[a-zA-Z]", argument) is not None and argument not in ("-inf", "-nan")


def _takes_several(annotation: Any) -> bool:
    origins = [typing.get_origin(part) for part in (annotation, *typing.get_args(annotation))]
    return tuple in origins or dict in origins


def _value(title: str, values: list[str], annotation: Any) -> Any:
    """What was written after a flag, as its field has it. Raises SettingsError where it is none."""
    if typing.get_origin(annotation) is dict:
        names, values_of = values[::2], typing.get_args(annotation)[1]
        return {name: _one(title, value, values_of) for name, value in zip(names, values[1::2], strict=True)}
    if _takes_several(annotation):
        return tuple(_one(title, value, annotation) for value in values)
    return _one(title, values[0], annotation)


def _one(title: str, value: str, annotation: Any) -> Any:
    kinds = kinds_of(annotation)
    if value == "None" and type(None) in kinds:
        return None
    words = next((kind for kind in kinds if typing.get_origin(kind) is Literal), None)
    wrong = SettingsError(f"{title} is {value!r}, but must be {kind(annotation)}{_written(value)}")
    if words is not None:
        if value not in typing.get_args(words):
            raise wrong
        return value
    if bool in kinds and value in ("True", "False"):
        return value == "True"
    if kinds <= {bool, type(None)}:
        raise wrong
    if Path in kinds:
        return Path(value)
    if not kinds & {int, float}:
        return value
    if int in kinds and re.fullmatch(r"[+-]?\d+(_\d+)*", value):
        return int(value)
    try:
        number = float(value)
    except ValueError:
        if str in kinds:
            return value
        raise wrong from None
    if float in kinds:
        return number
    if not number.is_integer():
        raise wrong
    return int(number)


def _written(value: str) -> str:
    """How a number is written that people write in another way."""
    found = re.fullmatch(r"(\d[\d.,_]*) ?([kKmM]?)", value)
    if found is None or not (found[2] or "," in found[1]):
        return ""
    try:
        number = float(re.sub("[,_]", "", found[1])) * SUFFIXES[found[2].lower()]
    except ValueError:
        return ""
    return f"; write {int(number):_}"
