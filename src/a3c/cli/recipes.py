"""`a3c recipes`: what settings come with a3c."""

from dataclasses import dataclass
from typing import Any

from a3c.cli.command import Command
from a3c.cli.flags import read
from a3c.config.toml import toml_value


@dataclass(frozen=True)
class RecipesFlags:
    """Flags of `a3c recipes`."""

    name: str | None = None
    """Show all settings of this recipe."""


def run(arguments: list[str]) -> int:
    """Runs the command; `arguments` come after `recipes`."""
    description = "List the recipes: tuned settings for an environment, and published systems to reproduce."
    flags = RecipesFlags(**read(Command("a3c recipes", description, {"flags": RecipesFlags}, "name"), arguments))
    from a3c.recipes import all_recipes, find_recipe

    if flags.name is not None:
        recipe = find_recipe(flags.name, "")
        if recipe is not None:
            _show(recipe)
        return 0
    from rich.console import Console
    from rich.table import Column, Table

    # Names are to be typed: they are never cut.
    table = Table(
        Column("recipe", no_wrap=True, min_width=max(map(len, all_recipes()))),
        *(Column(title, overflow="fold") for title in ("environments", "what it is", "what it reached")),
        box=None,
        header_style="bold",
        pad_edge=False,
    )
    for recipe in all_recipes().values():
        applies = " (by default)" if recipe.default else ""
        table.add_row(recipe.name, ", ".join(recipe.environments) + applies, recipe.title, recipe.reached)
    Console(soft_wrap=False).print(table)
    print("\na3c train ENV --recipe NAME trains with one; a3c recipes NAME shows its settings")
    return 0


def _show(recipe: Any) -> None:
    """As a file that --recipe takes, so that somebody may change it."""
    about = {
        "title": recipe.title,
        "environments": list(recipe.environments),
        "algorithm": recipe.algorithm,
        "source": recipe.source,
        "reached": recipe.reached,
    }
    use = "a3c train takes it by itself for these environments (--recipe none: not)"
    if not recipe.default:
        use = f"a3c train ENV --recipe {recipe.name} trains with it"
    print(
        f"""# {use}; flags override it.
# [common] is for every algorithm; a table such as [appo] overrides it for that one, and [environments."..."] for those.
# To change it: a3c recipes {recipe.name} > mine.toml, then a3c train ENV --recipe mine.toml"""
    )
    for title, settings in (
        ("about", about),
        ("common", recipe.common),
        *recipe.algorithms.items(),
        *((f'environments."{pattern}"', own) for pattern, own in recipe.members.items()),
    ):
        print(f"\n[{title}]")
        for name, value in settings.items():
            print(f"{name} = {toml_value(value)}")
