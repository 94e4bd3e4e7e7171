"""The flags of a command: read by tyro; a wrong one is named in one line, with what to do."""

import io
import re
import typing
from collections.abc import Mapping
from contextlib import redirect_stderr
from pathlib import Path
from typing import Any, Literal

from a3c.checks import flag
from a3c.errors import SettingsError
from a3c.names import called
from a3c.settings import kind, kinds_of

OWN = ("--help", "-h")
"""What tyro answers itself, beside flags that begin with `--tyro-`."""
SUFFIXES = {"": 1, "k": 1_000, "m": 1_000_000}


def read(flags: type, arguments: list[str], prog: str, description: str, default: Any = None) -> Any:
    """The flags that checked arguments stand for, with those of `default` where there are none.

    Raises SettingsError; leaves the process after help.
    """
    import tyro

    said = io.StringIO()
    try:
        with redirect_stderr(said):
            return tyro.cli(
                flags,
                args=arguments,
                prog=prog,
                description=description,
                **({} if default is None else {"default": default}),
            )
    except SystemExit as ended:
        if not ended.code:
            raise
        refused = ended.__context__
        while refused is not None and not isinstance(refused, SettingsError):
            refused = refused.__context__
        raise refused or SettingsError(f"{_sentence(said.getvalue())}; see {prog} --help") from None


def _sentence(box: str) -> str:
    """The first part of what tyro says in a box of several lines."""
    rows = (row.strip("│╭╮╰╯─ ") for row in re.split(r"\n│ ─+ │\n", box)[0].splitlines()[1:])
    return re.sub(r"\x1b\[[\d;]*m", "", " ".join(filter(None, rows))).rstrip(".")


def check(
    flags: type,
    arguments: list[str],
    prog: str,
    names: str | None = None,
    *,
    many: bool = False,
    aliases: Mapping[str, str] = {},
) -> list[str]:
    """The arguments, with numbers as tyro takes them: 100000 for 1e5. Raises SettingsError for a wrong one.

    Args:
        flags: the dataclass of the flags.
        arguments: what was given.
        prog: the command, `a3c train`.
        names: the field that is given without a flag, if there is one, and
        many: whether it may be given several times.
        aliases: short flags, and the fields they stand for.
    """
    if set(OWN) & set(arguments):
        return arguments
    types = {name: annotation for name, annotation in typing.get_type_hints(flags).items() if name != names}
    more = f"; see {prog} --help"
    checked: list[str] = []
    loose: list[str] = []
    rest = list(arguments)
    while rest:
        argument = rest.pop(0)
        if not _is_flag(argument):
            loose.append(argument)
            checked.append(argument)
            if len(loose) > 1 and not many:
                raise SettingsError(f"{argument!r} is one argument too many: every setting has a flag{more}")
            continue
        title, equals, value = argument.partition("=")
        name = aliases.get(title) or title.removeprefix("--").replace("-", "_")
        if title.startswith("--tyro-") or types.get(name.removeprefix("no_")) is bool:
            if equals and name in types:
                raise SettingsError(f"{title} takes no value: it is on where it is given{more}")
            checked.append(title if title.startswith("--tyro-") else flag(name))
            continue
        if typing.get_origin(types.get(name.partition(".")[0])) is dict and "." in name:
            # tyro has a flag for each of the pairs that there are already.
            checked += [argument, *([] if equals else rest[:1])]
            del rest[: not equals]
            continue
        if name not in types or not (title in aliases or title.startswith("--")):
            if names is not None and called(title, [names]):
                raise SettingsError(f"there is no flag {title}: give the {names} first, without a flag{more}")
            raise SettingsError(f"there is no flag {title}{called(title, types, flag)}{more}")
        several = _takes_several(types[name])
        values = [value] if equals else []
        while rest and not equals and not _is_flag(rest[0]) and (several or not values):
            values.append(rest.pop(0))
        if not values and not several:
            raise SettingsError(f"{title} needs a value: {kind(types[name])}{more}")
        if typing.get_origin(types[name]) is dict and len(values) % 2:
            raise SettingsError(f"{title} takes pairs, each a name and a value: {values[-1]!r} has none{more}")
        values = [_value(title, value, types[name], index) for index, value in enumerate(values)]
        checked += [f"{flag(name)}={values[0]}"] if equals else [flag(name), *values]
    if not many and names is not None and not loose and not hasattr(flags, names):
        raise SettingsError(f"name the {names}: {prog} {names.upper()}{more}")
    return checked


def _is_flag(argument: str) -> bool:
    """Whether it is no value: a minus sign comes before numbers too."""
    return re.match(r"--|-[a-zA-Z]", argument) is not None and argument not in ("-inf", "-nan")


def _takes_several(annotation: Any) -> bool:
    origins = [typing.get_origin(part) for part in (annotation, *typing.get_args(annotation))]
    return tuple in origins or dict in origins


def _value(title: str, value: str, annotation: Any, index: int) -> str:
    """A value as tyro takes it, one of several by its index. Raises SettingsError where it is none."""
    if typing.get_origin(annotation) is dict:
        annotation = typing.get_args(annotation)[index % 2]
    kinds = kinds_of(annotation)
    if (value == "None" and type(None) in kinds) or kinds & {str, Path}:
        return value
    words = next((kind for kind in kinds if typing.get_origin(kind) is Literal), None)
    wrong = SettingsError(f"{title} is {value!r}, but must be {kind(annotation)}{_written(value)}")
    if words is not None or bool in kinds:
        if value not in (("True", "False") if words is None else typing.get_args(words)):
            raise wrong
        return value
    try:
        number = float(value)
    except ValueError:
        raise wrong from None
    if float in kinds or re.fullmatch(r"[+-]?\d+(_\d+)*", value):
        return value
    if not number.is_integer():
        raise wrong
    return str(int(number))


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
