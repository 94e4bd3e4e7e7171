"""Help texts: a line a flag, by group; or all that there is to know."""

import ast
import dataclasses
import inspect
import re
import shutil
import textwrap
import typing
from pathlib import Path
from typing import Any, Literal

from a3c.algorithm import OwnSettings
from a3c.cli.command import HELP_ALL, ONE_BY_ONE, Command, flag
from a3c.cli.flags import is_switch

WIDEST = 120
"""Columns of a text, where the terminal has as many."""
MARGIN = 32
"""Columns that flags take, at the left, where everything is short."""
VALUES = {int: "N", float: "X", str: "NAME", Path: "PATH"}


def help_text(command: Command, everything: bool) -> str:
    """The flags of a command by group: all of them, or those of everyday use in a line each."""
    width = min(WIDEST, shutil.get_terminal_size().columns)
    parts = [_usage(command), textwrap.fill(command.description, width, replace_whitespace=False)]
    if "\n" in command.description:
        parts[1] = command.description
    short = not everything and any(_everyday(one) for one in command.fields.values())
    for title, group in command.groups.items():
        docs = field_docs(group)
        lines = [
            line
            for one in dataclasses.fields(group)
            if one.name != command.argument and (_everyday(one) or not short)
            if command.fields[one.name] is one or issubclass(group, OwnSettings)
            for line in _flag_lines(command, one, one.metadata.get("doc") or docs.get(one.name, ""), short, width)
        ]
        if lines:
            parts.append("\n".join([f"{title}:", *lines]))
    if short:
        parts.append(f"{command.prog} {HELP_ALL} lists and explains every setting.")
    return "\n\n".join(parts)


def _usage(command: Command) -> str:
    if command.argument is None:
        return f"usage: {command.prog} [FLAGS]"
    docs = {name: doc for group in command.groups.values() for name, doc in field_docs(group).items()}
    argument = command.argument.upper() + (" ..." if command.many else "")
    text = textwrap.indent(textwrap.fill(_words(docs.get(command.argument, "")), WIDEST - 15), " " * 15).strip()
    return f"usage: {command.prog} {argument if command.needed else f'[{argument}]'} [FLAGS]\n\n{argument:13}  {text}"


def _everyday(one: dataclasses.Field[Any]) -> bool:
    return bool(one.metadata.get("everyday"))


def _flag_lines(command: Command, one: dataclasses.Field[Any], doc: str, short: bool, width: int) -> list[str]:
    written = f"  {_written(command, one)}"
    text = _spelled(command, _words(doc))
    default = "" if "Default:" in text else _default(one)
    if short:
        line = f"{one.metadata['everyday']}{default}"
        return [f"{written:{MARGIN}}{line}"] if len(written) < MARGIN else [written, f"{'':{MARGIN}}{line}"]
    indent = " " * 8
    wrapped = textwrap.wrap(
        f"{text}{default}", width - 8, initial_indent=indent, subsequent_indent=indent, break_on_hyphens=False
    )
    return [written, *wrapped]


def _written(command: Command, one: dataclasses.Field[Any]) -> str:
    """`--learning-rate X`, `--[no-]locked`, `-o, --output FILE`."""
    if is_switch(one.type):
        return flag(one.name) if one.default is False else f"--[no-]{flag(one.name)[2:]}"
    short = "".join(f"{title}, " for title, name in command.short.items() if name == one.name)
    return f"{short}{flag(one.name)} {ONE_BY_ONE.get(one.name) or _metavar(one.type)}"


def _metavar(annotation: Any) -> str:
    origin = typing.get_origin(annotation)
    options = [option for option in typing.get_args(annotation) if option is not type(None)]
    if origin is Literal:
        return "|".join(map(str, options))
    if origin is dict:
        return f"KEY {_metavar(options[1])} ..." if typing.get_origin(options[1]) is None else "KEY VALUE ..."
    if origin is tuple:
        return f"{_metavar(options[0])} ..."
    if options:
        return "|".join(dict.fromkeys(map(_metavar, options)))
    return VALUES.get(annotation, "VALUE")


def _default(one: dataclasses.Field[Any]) -> str:
    value = one.default
    if value is dataclasses.MISSING or value is None or value == () or isinstance(value, bool):
        return ""
    return f" ({' '.join(map(str, value)) if isinstance(value, tuple) else value})"


def _spelled(command: Command, text: str) -> str:
    """Other settings as flags, where it names them: `steps`, or segment_length."""

    def spelled(found: re.Match[str]) -> str:
        return flag(found[2]) if found[2] in command.fields else found[2]

    return re.sub(r"(`?)\b([a-z]+(?:_[a-z]+)+|(?<=`)[a-z]+)\b\1(?!\()", spelled, text)


def _words(doc: str) -> str:
    return " ".join(doc.split())


def field_docs(group: type) -> dict[str, str]:
    """What is written below each field of a dataclass and of its bases."""
    docs: dict[str, str] = {}
    for base in reversed(group.__mro__[:-1]):
        body = ast.parse(textwrap.dedent(inspect.getsource(base))).body[0]
        assert isinstance(body, ast.ClassDef)
        for one, after in zip(body.body, body.body[1:], strict=False):
            if isinstance(one, ast.AnnAssign) and isinstance(one.target, ast.Name) and isinstance(after, ast.Expr):
                docs[one.target.id] = str(ast.literal_eval(after.value))
    return docs
