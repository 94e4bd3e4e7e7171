"""`a3c completion`: a script by which a shell completes commands, flags and their values.

All that can be completed is written into the script, so that a shell never has to start Python for it.
"""

import dataclasses
import importlib
import re
import shlex
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

from a3c.algorithm.builtin import BUILT_IN
from a3c.cli.command import HELP_ALL, Command, HelpAsked, flag
from a3c.cli.flags import is_switch, read
from a3c.cli.help import field_docs
from a3c.cli.main import COMMANDS
from a3c.config.making import kinds_of
from a3c.recipes import all_recipes

WHERE = {
    "bash": "a3c completion bash > ~/.local/share/bash-completion/completions/a3c",
    "zsh": "a3c completion zsh > ~/.zfunc/_a3c      with fpath=(~/.zfunc $fpath) before compinit in .zshrc",
    "fish": "a3c completion fish > ~/.config/fish/completions/a3c.fish",
}
"""What has a shell read its script when it first needs it; it is to be made anew after an update."""


@dataclass(frozen=True)
class CompletionFlags:
    """Flags of `a3c completion`."""

    shell: Literal["bash", "zsh", "fish"] = "bash"
    """bash, zsh or fish."""


def run(arguments: list[str]) -> int:
    """Runs the command; `arguments` come after `completion`."""
    description = "\n".join(
        ["Print a script by which a shell completes what is typed, to be saved where the shell looks:"]
        + [f"  {command}" for command in WHERE.values()]
    )
    command = Command("a3c completion", description, {"flags": CompletionFlags}, "shell", needed=True)
    shell = CompletionFlags(**read(command, arguments)).shell
    print(SCRIPTS[shell]([_completed(name) for name in COMMANDS]), end="")
    return 0


@dataclass(frozen=True)
class Value:
    """What may stand somewhere: one of some words, a file, either, or what nobody can complete."""

    words: tuple[str, ...] = ()
    files: bool = False


@dataclass(frozen=True)
class Completed:
    """What a command can be given."""

    name: str
    flags: dict[str, tuple[str, Value | None]]
    """By their names: in a few words what they are, and what stands behind them; None for switches."""
    argument: Value


def _completed(name: str) -> Completed:
    command = command_of(name)
    docs = {field: doc for group in command.groups.values() for field, doc in field_docs(group).items()}
    flags: dict[str, tuple[str, Value | None]] = {"--help": ("what there is", None)}
    argument = Value()
    for one in command.fields.values():
        if one.name == command.argument:
            argument = _value(command, one)
            continue
        doc = " ".join((one.metadata.get("everyday") or one.metadata.get("doc") or docs.get(one.name, "")).split())
        said = re.split(r"[.:;] | \(", doc)[0].rstrip(".")
        if not is_switch(one.type):
            flags[flag(one.name)] = said, _value(command, one)
            continue
        flags[flag(one.name)] = said, None
        if one.default is not False:
            flags[flag(f"no_{one.name}")] = f"not: {said}", None
    for title, field in command.short.items():
        flags[title] = flags[flag(field)]
    return Completed(name, flags, argument)


def command_of(name: str) -> Command:
    """The command of that name, which it gives away when it is asked for help."""
    with suppress(SystemExit):
        try:
            importlib.import_module(f"a3c.cli.{name}").run([HELP_ALL])
        except HelpAsked as asked:
            return asked.command
    raise AssertionError(f"a3c {name} --help-all gives no help")


def _value(command: Command, one: dataclasses.Field[Any]) -> Value:
    if one.name in ("environment", "evaluation_environment"):
        return Value(_environments())
    if one.name == "dataset":
        # And its environment.
        return Value(_environments(), files=True)
    if one.name == "algorithm":
        return Value(tuple(BUILT_IN))
    if one.name == "recipe" or command.prog == "a3c recipes":
        return Value((*all_recipes(), *(["none"] if one.name == "recipe" else [])))
    kinds = kinds_of(one.type)
    words = tuple(str(word) for kind in kinds for word in get_args(kind))
    return Value(tuple(sorted(words)), files=Path in kinds)


def _environments() -> tuple[str, ...]:
    """The ids that are registered here, Atari games included."""
    import gymnasium

    with suppress(ImportError):
        importlib.import_module("ale_py")
    return tuple(sorted(gymnasium.registry))


def _words(words: Iterable[str]) -> str:
    """For a shell: the words in one piece, which it takes apart."""
    return shlex.quote(" ".join(words))


def _by_value(completed: Completed) -> dict[Value, list[str]]:
    """The flags behind which the same may stand; what nobody completes comes too."""
    flags: dict[Value, list[str]] = {}
    for title, (_, value) in completed.flags.items():
        if value is not None:
            flags.setdefault(value, []).append(title)
    return flags


def _bash(all_completed: list[Completed]) -> str:
    def answer(value: Value) -> str:
        return " ".join(["files=1"] * value.files + [f"words={_words(value.words)}"])

    cases = []
    for one in all_completed:
        behind = "".join(
            f"                {'|'.join(flags)}) {answer(value)} ;;\n" for value, flags in _by_value(one).items()
        )
        cases.append(
            f"        {one.name})\n            case $previous in\n{behind}"
            f"                *) if [[ $current == -* ]]; then words={_words(one.flags)}; "
            f"else {answer(one.argument)}; fi ;;\n            esac ;;\n"
        )
    return f"""# bash completion of a3c, made by: a3c completion bash
_a3c() {{
    local current=${{COMP_WORDS[COMP_CWORD]}} previous=${{COMP_WORDS[COMP_CWORD-1]}} words= files=
    # --flag=value comes as three words.
    if [[ $current == "=" ]]; then current=
    elif [[ $previous == "=" ]]; then previous=${{COMP_WORDS[COMP_CWORD-2]}}; fi
    if ((COMP_CWORD == 1)); then previous= words={_words(COMMANDS)}
    else case ${{COMP_WORDS[1]}} in
{"".join(cases)}    esac; fi
    COMPREPLY=($(compgen -W "$words" -- "$current"))
    if [[ $files ]]; then
        compopt -o filenames 2>/dev/null
        local IFS=$'\\n'
        COMPREPLY+=($(compgen -f -- "$current"))
    fi
}}
complete -F _a3c a3c
"""


def _zsh(all_completed: list[Completed]) -> str:
    def answer(value: Value) -> str:
        words = [f"compadd -- {shlex.join(value.words)}"] * bool(value.words)
        return "; ".join(["_files"] * value.files + words) or ":"

    def described(items: Iterable[tuple[str, str]]) -> str:
        return " ".join(shlex.quote(f"{name}:{said}") for name, said in items)

    cases = []
    for one in all_completed:
        behind = "".join(
            f"                {'|'.join(flags)}) {answer(value)} ;;\n" for value, flags in _by_value(one).items()
        )
        flags = described((title, said) for title, (said, _) in one.flags.items())
        cases.append(
            f"        {one.name})\n            case $previous in\n{behind}"
            f"                *) if [[ $PREFIX == -* ]]; then items=({flags}); _describe flag items; "
            f"else {answer(one.argument)}; fi ;;\n            esac ;;\n"
        )
    return f"""#compdef a3c
# zsh completion of a3c, made by: a3c completion zsh
_a3c() {{
    local -a items
    local previous=${{words[CURRENT-1]}}
    # --flag=value is one word.
    if [[ $PREFIX == --*=* ]]; then previous=${{PREFIX%%=*}}; compset -P '*='; fi
    if ((CURRENT == 2)); then items=({described(COMMANDS.items())}); _describe command items; return; fi
    case ${{words[2]}} in
{"".join(cases)}    esac
}}
if [[ ${{funcstack[1]}} == _a3c ]]; then _a3c "$@"; else compdef _a3c a3c; fi
"""


def _fish(all_completed: list[Completed]) -> str:
    def quoted(text: str) -> str:
        return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"

    def answer(value: Value | None) -> str:
        if value is None:
            return ""
        words = f" -a {quoted(' '.join(value.words))}" if value.words or not value.files else ""
        return f" {'-r -F' if value.files else '-x'}{words}"

    lines = ["# fish completion of a3c, made by: a3c completion fish", "complete -c a3c -f"]
    for one in all_completed:
        lines.append(f"complete -c a3c -n __fish_use_subcommand -a {one.name} -d {quoted(COMMANDS[one.name])}")
        here = f"complete -c a3c -n '__fish_seen_subcommand_from {one.name}'"
        if one.argument.files or one.argument.words:
            lines.append(here + answer(one.argument).replace(" -r", "").replace(" -x", ""))
        for title, (said, value) in one.flags.items():
            which = f"-l {title[2:]}" if title.startswith("--") else f"-s {title[1:]}"
            lines.append(f"{here} {which}{answer(value)} -d {quoted(said)}")
    return "\n".join([*lines, ""])


SCRIPTS: dict[str, Callable[[list[Completed]], str]] = {"bash": _bash, "zsh": _zsh, "fish": _fish}
