"""Recipes: tuned settings for an environment or a family of them, and published systems to reproduce; a TOML file each.

[about]      title, environments (ids, or patterns such as ALE/*), default (whether it applies by itself to them),
             algorithm (where it is not A3C that is best), source, reached
[common]     settings for every algorithm
[a3c], ...   settings for one algorithm
[environments."LunarLander*"], ...   where a recipe is for a family: settings that one of them, or some, need besides,
             and in tables of it, such as appo, what one algorithm needs there

A file of the user's own, which is named by its path, is the same (`files.py`).
"""

import tomllib
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

from a3c.algorithm.builtin import BUILT_IN
from a3c.config.run import LIMITS
from a3c.errors import SettingsError, nearest

SUFFIX = ".toml"
"""How a recipe's file ends, and the name of one that is a path."""


@dataclass(frozen=True)
class Recipe:
    """A recipe as its file has it."""

    name: str
    title: str
    environments: tuple[str, ...]
    default: bool
    source: str
    reached: str
    common: dict[str, Any]
    algorithms: dict[str, dict[str, Any]]
    algorithm: str = "a3c"
    """The one it is for where none is asked for."""
    members: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Settings for some of a family's environments, by id or pattern."""

    def settings(self, algorithm: str, environment: str) -> dict[str, Any]:
        """The settings for an algorithm; for one without a table, those that are common. An environment's own come
        last."""
        settings = self.common | self.algorithms.get(algorithm, {})
        for pattern, own in self.members.items():
            if fnmatchcase(environment, pattern):
                settings |= {name: value for name, value in own.items() if name not in BUILT_IN}
                settings |= own.get(algorithm, {})
        return settings


@cache
def all_recipes() -> dict[str, Recipe]:
    """The recipes of this package by name."""
    recipes = {}
    for file in sorted(resources.files(__name__).iterdir(), key=lambda file: file.name):
        if file.name.endswith(SUFFIX):
            name = file.name.removesuffix(SUFFIX)
            recipes[name] = _recipe(name, tomllib.loads(file.read_text(encoding="utf-8")))
    return recipes


def _recipe(name: str, tables: dict[str, Any]) -> Recipe:
    about, common = tables.pop("about"), tables.pop("common", {})
    about["environments"] = tuple(about["environments"])
    members = tables.pop("environments", {})
    return Recipe(name=name, common=common, members=members, algorithms=tables, **about)


def _own_recipe(path: str) -> Recipe:
    """That of a file of the user's own, which may leave out what is said of it."""
    from a3c.recipes.files import read_recipe_file

    tables = read_recipe_file(Path(path))
    untold = {"title": "a recipe of your own", "environments": (), "source": path, "reached": "not said"}
    tables["about"] = untold | tables["about"] | {"default": False}
    return _recipe(path, tables)


def find_recipe(name: str | None, environment: str) -> Recipe | None:
    """The recipe of that name, or, where none is named, the one that applies to the environment by itself.

    "none" is no recipe; what ends in .toml is a file. Raises SettingsError for a name that does not exist, and for a
    file that is no recipe.
    """
    if name == "none":
        return None
    if name is None:
        return next((recipe for recipe in recipes_for(environment) if recipe.default), None)
    if name.endswith(SUFFIX):
        return _own_recipe(name)
    if name not in all_recipes():
        known = ", ".join(all_recipes())
        raise SettingsError(
            f"there is no recipe {name!r}{nearest(name, all_recipes())}; there are: {known}, none, and files, *{SUFFIX}"
        )
    return all_recipes()[name]


def recipe_name(name: str | None, environment: str) -> str:
    """The name of the recipe that `find_recipe` finds; "none" where it finds none."""
    recipe = find_recipe(name, environment)
    return "none" if recipe is None else recipe.name


def recipes_for(environment: str) -> list[Recipe]:
    """The recipes that name the environment; then those with a pattern, such as ALE/*, that it matches."""
    recipes = all_recipes().values()
    own = [recipe for recipe in recipes if environment in recipe.environments]
    matched = [r for r in recipes if r not in own and any(fnmatchcase(environment, p) for p in r.environments)]
    return own + matched


def with_recipe(name: str | None, settings: dict[str, Any]) -> dict[str, Any]:
    """Settings on top of their recipe. Any limit among them replaces all limits of the recipe, and with wrappers what
    it hides of observations, which they change, is not hidden."""
    recipe = find_recipe(name, settings.get("environment", ""))
    if recipe is None:
        return settings
    if recipe.algorithm not in BUILT_IN and settings.get("algorithm") is None:
        # A module that only a file names is not imported.
        raise SettingsError(f"recipe {recipe.name} is for {recipe.algorithm}: say so too, by `algorithm`")
    settings = {"algorithm": recipe.algorithm} | settings
    base = recipe.settings(str(settings["algorithm"]), str(settings.get("environment") or ""))
    if any(settings.get(limit) is not None for limit in LIMITS):
        base = {name: value for name, value in base.items() if name not in LIMITS}
    named = recipe.environments if not recipe.name.endswith(SUFFIX) else ()
    if settings.get("wrappers"):
        # It is of the environment as it is.
        base.pop("hide", None)
    if not settings.get("environment") and named and not set("*[") & set(named[0]):
        settings = settings | {"environment": named[0]}
    return base | settings
