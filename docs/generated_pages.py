"""Pages of the site that the code writes, into docs/_generated: every command, every setting, every recipe."""

import dataclasses
import os
import re
from collections.abc import Iterator
from importlib import resources
from pathlib import Path
from typing import Any

from a3c.algorithm.builtin import BUILT_IN
from a3c.cli.command import flag
from a3c.cli.completion import command_of
from a3c.cli.flags import is_switch
from a3c.cli.help import field_docs, help_text
from a3c.cli.main import COMMANDS
from a3c.config import GROUPS
from a3c.config.making import kind, own_fields
from a3c.recipes import Recipe, all_recipes

HERE = Path(__file__).parent


def commands() -> Iterator[str]:
    """What `--help` says of each."""
    yield "# Commands\n"
    yield "What `a3c COMMAND --help` prints. The settings of a training have [a page of their own](settings.md).\n"
    for name, text in COMMANDS.items():
        command = command_of(name)
        yield f"## a3c {name}\n\n{text[0].upper()}{text[1:]}.\n"
        # All but those that take the settings of a training.
        yield f"```\n{help_text(command, everything='algorithm' not in command.groups)}\n```\n"


def settings() -> Iterator[str]:
    """Every setting with its type, default and text, by group."""
    yield "# Settings\n"
    yield (
        "Each is a flag of `a3c train`, a keyword argument in Python, and a line of a run's `config.toml`; its name is "
        "the same everywhere. `None` stands for what the text says. Settings of one algorithm are at the end.\n"
    )
    for title, group in GROUPS.items():
        yield f"## {title.capitalize()}\n"
        yield from _settings_of(group, [field.name for field in dataclasses.fields(group)])
    for algorithm in BUILT_IN.values():
        if own := list(own_fields(algorithm)):
            yield f"## {algorithm.title[0].upper()}{algorithm.title[1:]} alone\n"
            yield from _settings_of(algorithm.settings, own)


def _settings_of(group: type, names: list[str]) -> Iterator[str]:
    docs = field_docs(group)
    fields = {field.name: field for field in dataclasses.fields(group)}
    for name in names:
        field = fields[name]
        written = "a3c train ENV" if name == "environment" else flag(name)
        if is_switch(field.type):
            written += f", --no-{written[2:]}"
        text = " ".join((field.metadata.get("doc") or docs.get(name, "")).split())
        yield f"`{name}` ({kind(field.type)}; {_default(field)}; `{written}`)\n:   {text}\n"


def _default(field: dataclasses.Field[Any]) -> str:
    given = field.default if field.default is not dataclasses.MISSING else field.default_factory()  # type: ignore[misc]
    return f"default `{given}`" if given != "" else "no default"


def recipes() -> Iterator[str]:
    """Each recipe as its file has it, with its curves."""
    yield "# Recipes\n"
    yield (
        "Tuned settings for an environment or a family of them, and published systems to reproduce. The recipe for an "
        "environment applies by itself; `--recipe NAME` asks for one, `--recipe none` for [plain "
        "defaults](../defaults.md). All are measured by scripts in `benchmarks/`; [tasks](../tasks.md), "
        "[CartPole](../cartpole.md) and [Pong](../pong.md) have the tables.\n"
    )
    for recipe in all_recipes().values():
        yield f"## {recipe.name}\n\n{recipe.title}.\n\n{recipe.reached}.\n" if recipe.reached else f"## {recipe.name}\n"
        for curve in _curves(recipe):
            yield f"![{recipe.title}](../{curve})\n"
        text = (resources.files("a3c.recipes") / f"{recipe.name}.toml").read_text(encoding="utf-8")
        yield f"```toml\n{text.strip()}\n```\n"


def _curves(recipe: Recipe) -> list[str]:
    """Pictures in docs/ that are named after the environments: task_half_cheetah.png, pong.png."""
    stems = [re.split(r"-v|\*", name.removeprefix("ALE/"))[0] for name in (recipe.name, *recipe.environments)]
    snakes = [re.sub(r"(?<=[a-z])(?=[A-Z])", "_", stem).lower() for stem in stems]
    names = [name for one in snakes for name in (f"task_{one}.png", f"{one.replace('_', '')}.png")]
    return [name for name in dict.fromkeys(names) if (HERE / name).exists()]


def write(_app: object) -> None:
    """Writes them all."""
    # What a block of the site has room for.
    os.environ["COLUMNS"] = "88"
    folder = HERE / "_generated"
    folder.mkdir(exist_ok=True)
    for page in (commands, settings, recipes):
        text = "\n".join(page())
        path = folder / f"{page.__name__}.md"
        # What has not changed is not built again.
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")


def setup(app: Any) -> dict[str, bool]:
    app.connect("builder-inited", write)
    return {"parallel_read_safe": True}
