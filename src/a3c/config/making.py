"""Settings from what a file, a call or the command line gives: names, types and numbers are checked here."""

import dataclasses
import math
import numbers
import typing
from collections.abc import Iterable, Mapping
from typing import Any, Literal

from a3c.algorithm import Algorithm
from a3c.algorithm.builtin import A3C, BUILT_IN, find_algorithm
from a3c.config import TrainConfig
from a3c.config.checks import check_number
from a3c.config.held import ONLY_PYTHON, can_be_held
from a3c.config.run import LIMITS
from a3c.config.wrappers import as_wrappers, held
from a3c.errors import SettingsError, brief
from a3c.modules import own_place
from a3c.names import called

FIELDS = {field.name: field for field in dataclasses.fields(TrainConfig) if field.name not in ("algorithm", "own")}
"""The settings that every algorithm has."""
SIZES = ("envs_per_worker", "segment_length")
"""Settings that stay open until it is known what a step takes; see `TrainConfig.default_sizes`."""
KINDS = {int: "a whole number", float: "a number", str: "text", bool: "True or False"}
LEARN_ARGUMENTS = (*LIMITS, "run", "progress", "callback", "stop_when")
"""What `learn` takes."""
SEVERAL = {int: "whole numbers", float: "numbers", int | str: "whole numbers or names"}


def make_config(settings: dict[str, Any], source: str = "the settings") -> TrainConfig:
    """A TrainConfig from a dictionary, as a recipe, `config.toml` or keyword arguments give it.

    The algorithm is a name or a value, and its own settings stand among the others. Raises SettingsError for an unknown
    name or a value of the wrong type, naming `source`.
    """
    try:
        algorithm = _algorithm(settings.get("algorithm", A3C))
        settings = {**{name: value for name, value in algorithm.defaults.items() if name not in SIZES}, **settings}
        fields = FIELDS | own_fields(algorithm)
        given = {}
        for name, value in settings.items():
            if name == "algorithm" or (name in own_fields(algorithm) and value is None):
                # None is whatever this algorithm does.
                continue
            if name not in fields:
                raise SettingsError(_no_setting(name, fields, algorithm))
            if name == "wrappers":
                given[name] = as_wrappers(value)
                continue
            given[name] = _plain(value, fields[name].type)
            if name == "env_kwargs" and isinstance(value, dict) and all(isinstance(key, str) for key in value):
                # Any value, as environments take any.
                _check_given(value)
                continue
            if not _fits(given[name], fields[name].type):
                must_be = f"it must be {kind(fields[name].type)}"
                if not isinstance(value, (tuple, list)) and _fits((given[name],), fields[name].type):
                    must_be = f"give a list: {name} = [{value!r}]"
                raise SettingsError(f"`{name}` cannot be {brief(repr(value))}; {must_be}")
        own = algorithm.settings(**{name: given.pop(name) for name in own_fields(algorithm) if name in given})
        return TrainConfig(**given, algorithm=algorithm, own=own)
    except SettingsError as error:
        raise SettingsError(f"{source}: {error}" if source else str(error)) from None


def _algorithm(given: Any) -> Algorithm:
    if isinstance(given, Algorithm):
        return given
    if not isinstance(given, str):
        raise SettingsError(f"algorithm cannot be {brief(repr(given))}; it must be a name or an Algorithm")
    return find_algorithm(given)


def own_fields(algorithm: Algorithm) -> dict[str, dataclasses.Field[Any]]:
    """The settings that this algorithm alone has."""
    return {field.name: field for field in dataclasses.fields(algorithm.settings)}


def all_own_fields() -> dict[str, list[Algorithm]]:
    """The settings that not every algorithm of this package has, and the algorithms that have each."""
    found: dict[str, list[Algorithm]] = {}
    for algorithm in BUILT_IN.values():
        for name in own_fields(algorithm):
            found.setdefault(name, []).append(algorithm)
    return found


def _no_setting(name: Any, fields: dict[str, Any], algorithm: Algorithm) -> str:
    if having := all_own_fields().get(name):
        return f"`{name}` is a setting of {' and '.join(map(str, having))}, not of {algorithm}"
    said = called(name, fields)
    if not said.startswith(("; it", ":")) and (meant := called(name, LEARN_ARGUMENTS)).startswith("; it"):
        return f"there is no setting {brief(repr(name))}{meant}, and learn() takes it"
    return f"there is no setting {brief(repr(name))}{said}"


def no_argument(method: str, name: str, arguments: Iterable[str], algorithm: Algorithm = A3C) -> str:
    """For an error: a method of agents has no such argument; a setting is given where the agent is made."""
    plain, settings = f"{method}: there is no argument {name!r}", FIELDS | own_fields(algorithm)
    if name in settings:
        return f"{plain}: it is a setting, given where the agent is made"
    said = called(name, arguments)
    if not said.startswith(("; it", ":")) and (meant := called(name, settings)).startswith("; it"):
        return f"{plain}{meant}, a setting, given where the agent is made"
    return f"{plain}{said}"


def make_recorded_config(settings: dict[str, Any], source: str, algorithm: Algorithm | None = None) -> TrainConfig:
    """As `make_config`, from what a run recorded: a module that only the file names is not imported.

    `algorithm` is the one that is named there, where nobody else knows it by its name.
    """
    named = settings.get("algorithm", A3C.name)
    if algorithm is not None and named in (algorithm.name, algorithm.reference):
        return make_config(settings | {"algorithm": algorithm}, source)
    module = named.rpartition(":")[0] if isinstance(named, str) else ""
    if module and (place := own_place(module)):
        raise SettingsError(
            f"{source} names the module {brief(module)} for its algorithm, which is not installed ({place}); if you "
            "trust it, import it before, or name it by `import_module`"
        )
    return make_config(settings, source)


def recorded(config: TrainConfig) -> dict[str, Any]:
    """The settings by name as a file holds them, without arguments of the environment that only Python can give; for
    such a wrapper there is what it is called."""
    settings = {"algorithm": config.algorithm.recorded} | {name: getattr(config, name) for name in FIELDS}
    settings |= {name: getattr(config.own, name) for name in own_fields(config.algorithm)}
    settings["wrappers"] = tuple(map(held, config.wrappers))
    return settings | {"env_kwargs": {key: value for key, value in config.env_kwargs.items() if can_be_held(value)}}


def not_recorded(config: TrainConfig) -> dict[str, dict[str, str]]:
    """What stands in their places in `config.toml`, which a run cannot be repeated or continued with."""
    return {
        key: {ONLY_PYTHON: type(value).__name__} for key, value in config.env_kwargs.items() if not can_be_held(value)
    }


def _check_given(arguments: dict[str, Any]) -> None:
    for key, value in arguments.items():
        if isinstance(value, dict) and ONLY_PYTHON in value:
            raise SettingsError(
                f"{brief(key)} of env_kwargs was given from Python, and is nothing that a file can hold "
                f"({brief(str(value[ONLY_PYTHON]))}): go on there, with a3c.load(..., environment=...)"
            )


def number(name: str, value: Any, fields: Mapping[str, dataclasses.Field[Any]] = FIELDS) -> Any:
    """A number that a call is given under the name of a setting, 1e5 as 100000. Raises SettingsError."""
    plain, annotation = _plain(value, fields[name].type), fields[name].type
    if value is None or not _fits(plain, annotation):
        raise SettingsError(f"{name} cannot be {value!r}; it must be {kind(annotation)}")
    check_number(fields[name], plain, name)
    return plain


def _plain(value: Any, annotation: Any) -> Any:
    """The value with Python's own numbers for NumPy's, and a whole number for 1e5 where one is wanted."""
    if isinstance(value, (tuple, list)):
        return type(value)([_plain(item, annotation) for item in value])
    if isinstance(value, bool) or not isinstance(value, numbers.Real):
        return value
    value = int(value) if isinstance(value, numbers.Integral) else float(value)
    whole = int in kinds_of(annotation) and float not in kinds_of(annotation)
    return int(value) if whole and isinstance(value, float) and value.is_integer() else value


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
        return _fits(value, int) or (isinstance(value, float) and not math.isnan(value))
    if annotation is int:
        return isinstance(value, int) and not isinstance(value, bool)
    return isinstance(value, annotation)


def kinds_of(annotation: Any) -> set[Any]:
    """The plain types that a setting is made of: int, float, ..."""
    arguments = typing.get_args(annotation)
    if typing.get_origin(annotation) is Literal or not arguments:
        return {annotation}
    return set().union(*map(kinds_of, arguments))


def kind(annotation: Any) -> str:
    """For people: what values a setting takes."""
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is Literal:
        return f"one of {', '.join(arguments)}"
    if origin is tuple:
        words = typing.get_args(arguments[0]) if typing.get_origin(arguments[0]) is Literal else ()
        return SEVERAL.get(arguments[0]) or (f"some of {', '.join(words)}" if words else "names")
    if origin is dict:
        return "names, each with its value"
    if arguments:
        return " or ".join(kind(argument) for argument in arguments if argument is not type(None))
    return KINDS.get(annotation) or "a path"
