"""Reading the flags of a command. A wrong one is named in one line, with what to do."""

import ast
import dataclasses
import re
import typing
from pathlib import Path
from typing import Any, Literal

from a3c.cli.command import HELP, HELP_ALL, ONE_BY_ONE, Command, HelpAsked, flag
from a3c.config.held import can_be_held
from a3c.config.making import kind, kinds_of
from a3c.errors import SettingsError
from a3c.names import called

SINGULAR = {flag(name): name for name in ONE_BY_ONE}
WRAPPER = r"[\w.]+:\w+"
EXAMPLE = "--wrapper gymnasium.wrappers:ClipReward min_reward=-1 max_reward=1"
SUFFIXES = {"": 1, "k": 1_000, "m": 1_000_000}


def read(command: Command, arguments: list[str], unknown: dict[str, list[str]] | None = None) -> dict[str, Any]:
    """What is given, by the names of the fields. Raises SettingsError for a wrong flag, and HelpAsked.

    `unknown` gets flags that are none of these, and what comes after each, for `read_late`. One of the pairs of a
    setting, `--optimizer-options.eps 0.1`, has the name `optimizer_options.eps`.
    """
    if HELP_ALL in arguments or set(HELP) & set(arguments):
        raise HelpAsked(command, everything=HELP_ALL in arguments)
    return _Reading(command, arguments, unknown).result()


def read_late(command: Command, unknown: dict[str, list[str]], group: type) -> dict[str, Any]:
    """What `read` did not know, by the fields of one more group. Raises SettingsError for what is none of them."""
    arguments = [argument for title, values in unknown.items() for argument in (title, *values)]
    return read(dataclasses.replace(command, groups={**command.groups, "": group}), arguments)


class _Reading:
    """The arguments from left to right: what was read, and what is left."""

    def __init__(self, command: Command, arguments: list[str], unknown: dict[str, list[str]] | None):
        self._command, self._left, self._unknown = command, list(arguments), unknown
        self._types: dict[str, Any] = {n: one.type for n, one in command.fields.items() if n != command.argument}
        self._more = f"; see {command.prog} --help"
        self._given: dict[str, Any] = {}
        self._loose: list[str] = []
        """What stands without a flag."""

    def result(self) -> dict[str, Any]:
        while self._left:
            argument = self._left.pop(0)
            if _is_flag(argument):
                title, equals, value = argument.partition("=")
                self._read_flag(title, [value] if equals else None)
                continue
            self._loose.append(argument)
            if len(self._loose) > 1 and not self._command.many:
                raise self._wrong(f"{argument!r} is one argument too many: every setting has a flag")
        return self._given | self._argument()

    def _read_flag(self, title: str, value: list[str] | None) -> None:
        """`value` is what stands behind `=`, where it does."""
        types = self._types
        name = self._command.short.get(title) or SINGULAR.get(title) or title.removeprefix("--").replace("-", "_")
        pairs, dot, key = name.partition(".")
        if is_switch(types.get(name.removeprefix("no_"))):
            if value is not None:
                raise self._wrong(f"{title} takes no value: it is on where it is given")
            self._given[name.removeprefix("no_")] = not name.startswith("no_")
        elif dot and typing.get_origin(types.get(pairs)) is dict:
            values = self._values(1, anything=True) if value is None else value
            self._given[name] = _value(title, [key, *values], types[pairs])[key]
        elif name in types and self._stands_for(title, name):
            before = self._given.get(name, ()) if self._command.fields[name].metadata.get("again") else ()
            one = name in ONE_BY_ONE
            given = self._one(title, name, value) if one else self._setting(title, types[name], value)
            self._given[name] = (*before, *given) if before else given
        elif self._unknown is not None and title.startswith("--"):
            self._unknown[title] = self._values() if value is None else value
        else:
            raise self._wrong(self._no_such_flag(title))

    def _stands_for(self, title: str, name: str) -> bool:
        if name in ONE_BY_ONE:
            return title in SINGULAR
        return title in self._command.short or title.startswith("--")

    def _one(self, title: str, name: str, value: list[str] | None) -> tuple[Any]:
        """The one value of a setting whose flag is in the singular."""
        given = self._values(1) if value is None else value
        if not given:
            raise self._wrong(f"{title} needs a value: {ONE_BY_ONE[name]}")
        return (self._wrapper(title, given[0]) if name == "wrappers" else given[0],)

    def _setting(self, title: str, annotation: Any, value: list[str] | None) -> Any:
        several = _takes_several(annotation)
        values = self._values(None if several else 1) if value is None else value
        if not values and not several:
            raise self._wrong(f"{title} needs a value: {kind(annotation)}")
        if typing.get_origin(annotation) is dict and len(values) % 2:
            raise self._wrong(f"{title} takes pairs, each a name and a value: {values[-1]!r} has none")
        return _value(title, values, annotation)

    def _wrapper(self, title: str, name: str) -> Any:
        """A wrapper with the arguments after it."""
        if not re.fullmatch(WRAPPER, name):
            raise self._wrong(f"{title} is {name!r}, but must be module:Class, its arguments after it: {EXAMPLE}")
        arguments: dict[str, Any] = {}
        while self._left and (found := re.fullmatch(r"([a-zA-Z_]\w*)=(.*)", self._left[0], re.DOTALL)):
            arguments[found[1]] = _wrapper_argument(title, self._left.pop(0), found[2])
        if self._loose and self._left and not _is_flag(self._left[0]):
            raise self._wrong(f"{self._left[0]!r} is no argument of {name}: write KEY=VALUE, as in {EXAMPLE}")
        return (name, arguments) if arguments else name

    def _values(self, most: int | None = None, anything: bool = False) -> list[str]:
        """The next arguments, up to a flag, or whatever they are; at most so many."""
        values: list[str] = []
        while self._left and len(values) != most and (anything or not _is_flag(self._left[0])):
            values.append(self._left.pop(0))
        return values

    def _argument(self) -> dict[str, Any]:
        """The argument without a flag."""
        command, argument = self._command, self._command.argument
        if argument is None or not self._loose:
            if command.needed:
                raise self._wrong(f"name the {argument}: {command.prog} {str(argument).upper()}")
            return {}
        return {argument: _value(argument, self._loose, command.fields[argument].type)}

    def _no_such_flag(self, title: str) -> str:
        argument = self._command.argument
        if argument is not None and called(title, [argument]).startswith(";"):
            return f"there is no flag {title}: give the {argument} first, without a flag"
        return f"there is no flag {title}{called(title, self._types, flag)}"

    def _wrong(self, line: str) -> SettingsError:
        return SettingsError(f"{line}{self._more}")


def _is_flag(argument: str) -> bool:
    """Whether it is no value: a minus sign comes before numbers too."""
    return re.match(r"--|-[a-zA-Z]", argument) is not None and argument not in ("-inf", "-nan")


def is_switch(annotation: Any) -> bool:
    """Whether its flag stands for itself, --locked or --no-locked."""
    return annotation in (bool, bool | None)


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
    nothing = "; leave it out for none" if value.lower() == "none" and _takes_several(annotation) else ""
    wrong = SettingsError(f"{title} is {value!r}, but must be {kind(annotation)}{_written(value)}{nothing}")
    if words is not None:
        if value not in typing.get_args(words):
            raise wrong
        return value
    if bool in kinds and value in ("True", "False"):
        return value == "True"
    if Path in kinds:
        if not value:
            raise wrong
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


def _wrapper_argument(title: str, written: str, value: str) -> Any:
    """A wrapper's argument: a number, True, False, text, or several in brackets."""
    if not value.startswith(("[", "(", "{")):
        return _one(title, value, bool | int | float | str)
    try:
        several = ast.literal_eval(value)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        several = None
    if not can_be_held(several):
        raise SettingsError(f"{title}: {written} is no list of numbers and texts, such as 'shape=[84, 84]'")
    return several


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
