"""A TrainConfig from what a file or a call gives: names and types are checked here."""

import dataclasses
import math
import typing
from typing import Any, Literal

from a3c.config import TrainConfig
from a3c.errors import SettingsError, nearest


def make_config(settings: dict[str, Any], source: str = "the settings") -> TrainConfig:
    """A TrainConfig from a dictionary, as a recipe, `config.toml` or keyword arguments give it.

    Raises SettingsError for an unknown name or a value of the wrong type, naming `source`.
    """
    fields = {f.name: f for f in dataclasses.fields(TrainConfig)}
    for name, value in settings.items():
        if name not in fields:
            raise SettingsError(f"{source}: there is no setting {name!r}{nearest(name, fields)}")
        if not _fits(value, fields[name].type):
            raise SettingsError(f"{source}: {name} cannot be {value!r}; it must be {_type_name(fields[name].type)}")
    try:
        return TrainConfig(**settings)
    except SettingsError as error:
        raise SettingsError(f"{source}: {error}") from None


def make_recorded_config(settings: dict[str, Any], source: str) -> TrainConfig:
    """As `make_config`, from what a run recorded: one that did not record how it read observations read bytes."""
    before = {} if "input_parts" in settings else {"input_scaling": "bytes"}
    return make_config(before | settings, source)


def _fits(value: Any, annotation: Any) -> bool:
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is Literal:
        return value in arguments
    if origin is tuple:
        return isinstance(value, (tuple, list)) and all(_fits(item, arguments[0]) for item in value)
    if origin is dict:
        return isinstance(value, dict) and all(_fits(item, arguments[1]) for item in value.values())
    if arguments:
        return any(_fits(value, argument) for argument in arguments)
    if annotation is float:
        return isinstance(value, (int, float)) and not isinstance(value, bool) and not math.isnan(value)
    if annotation is int:
        return isinstance(value, int) and not isinstance(value, bool)
    return isinstance(value, annotation)


def _type_name(annotation: Any) -> str:
    return str(annotation if hasattr(annotation, "__args__") else annotation.__name__).replace("typing.", "")
