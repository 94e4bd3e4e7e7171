"""Recipes in files of the user's own: those that `a3c tune` writes, or a person."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from a3c.algorithm.builtin import A3C, BUILT_IN
from a3c.config.making import make_config
from a3c.config.toml import read_toml
from a3c.errors import SettingsError, nearest

TEXTS = ("title", "algorithm", "source", "reached")
TABLES = ("about", "common", "environments", *BUILT_IN)
NOT_THERE = ("environment", "evaluation_environment", "algorithm")
"""What is named beside a recipe: a module that only a file names is not imported."""


def read_recipe_file(path: Path) -> dict[str, Any]:
    """The tables of a file, with settings that a run can have. Raises SettingsError in one line."""
    tables = read_toml(path, "recipe")
    try:
        _check_tables(tables)
        tables = {"about": {}, "common": {}, "environments": {}} | tables
        _check_settings(tables)
    except SettingsError as error:
        raise SettingsError(f"recipe {path}: {error}") from None
    return tables


def _check_tables(tables: Mapping[str, Any]) -> None:
    for name, table in tables.items():
        if name not in TABLES:
            what = f"table [{name}]" if isinstance(table, dict) else f"{name} outside of a table"
            raise SettingsError(f"there is no {what}{nearest(name, TABLES)}; settings stand in [common] or [a3c], ...")
        if not isinstance(table, dict):
            raise SettingsError(f"{name} is a value, but must be a table, [{name}]")
    about = tables.get("about", {})
    for name, value in about.items():
        if name in TEXTS:
            right = isinstance(value, str)
        elif name == "environments":
            right = isinstance(value, list) and all(isinstance(one, str) for one in value)
        else:
            # A file never applies by itself, whatever `default` says.
            right = name == "default"
        if not right:
            known = ", ".join((*TEXTS, "environments"))
            raise SettingsError(f"{name} in [about] is not known, or not as it must be; there are {known}")


def _check_settings(tables: Mapping[str, Any]) -> None:
    common, named = tables["common"], tables["about"].get("algorithm", A3C.name)
    checked = [(name, common | tables[name]) for name in BUILT_IN if name in tables]
    if named in BUILT_IN and named not in tables:
        checked.append((named, common))
    for pattern, own in tables["environments"].items():
        if not isinstance(own, dict):
            raise SettingsError(f'environments."{pattern}" must be a table')
        of_algorithm = own.get(named, {})
        plain = {name: value for name, value in own.items() if name not in BUILT_IN}
        checked.append((named, common | tables.get(named, {}) | plain | of_algorithm))
    for algorithm, settings in checked:
        if wrong := [name for name in NOT_THERE if name in settings]:
            raise SettingsError(f"`{wrong[0]}` is no setting of a recipe: give it beside")
        if algorithm in BUILT_IN:
            # The limit on steps, which annealing goes by, may be given beside.
            make_config({"steps": 1} | settings | {"algorithm": algorithm}, "")
