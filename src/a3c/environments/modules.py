"""Modules that only a file names: a checkpoint, or a run's `config.toml`, may be somebody else's.

Making an environment imports the module of its `module:Id`. One that is installed may be imported, or was already;
another one, such as a file in the current folder, only where the user names it too.
"""

import dataclasses
import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from a3c.config.environment import EnvironmentSettings
from a3c.errors import SettingsError, brief
from a3c.modules import own_place

HAS_VERSION = re.compile(r"-v\d+$")


def module_of(environment: Any) -> str:
    """The module of `module:Id`; nothing, for other ids and for factories."""
    return environment.rpartition(":")[0] if isinstance(environment, str) else ""


def check_modules(config: EnvironmentSettings, named: Iterable[str], source: Any, yes: Callable[[str], str]) -> None:
    """Raises SettingsError where making the environment would run code that neither is installed nor the user named.

    Args:
        config: the settings of a file; the names in them are those of `module:Id`, also in `env_kwargs`.
        named: the modules that the user named.
        source: the file.
        yes: what to do to have a module imported.
    """
    named = set(named)
    made = [name for name in (config.environment, config.evaluation_environment) if name]
    for text in (*made, *_texts(config.env_kwargs)):
        module = module_of(text)
        if not module or module in named:
            continue
        reason = None
        if place := own_place(module):
            reason = f"names the module {brief(module)}, which is not installed ({place})"
        elif text in made and not _is_environment(text):
            reason = f"names {brief(text)}, which is no environment's id or class"
        if reason is not None:
            raise SettingsError(f"{source} {reason}; if you trust it: {yes(module)}")


def check_loaded(config: EnvironmentSettings, environment: Any, evaluation_environment: Any, source: Any) -> None:
    """The same for `load`, whose user may have given other environments than those of the file."""

    def yes(module: str) -> str:
        for name in ("environment", "evaluation_environment"):
            if module == module_of(getattr(config, name)):
                return f"give {name}={getattr(config, name)!r}"
        return f"import {module} before"

    used = config if environment is None else dataclasses.replace(config, environment="")
    used = used if evaluation_environment is None else dataclasses.replace(used, evaluation_environment=None)
    check_modules(used, {module_of(environment), module_of(evaluation_environment)}, source, yes)


def _texts(value: Any) -> Iterator[str]:
    """All that is text in a value."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        yield from _texts([*value.keys(), *value.values()])
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from _texts(item)


def _is_environment(name: str) -> bool:
    """Whether `module:Name`, of a module that may be imported, is a registered id or an environment's class.

    Anything else that can be called, such as `os:system`, would be called with arguments of the file.
    """
    if HAS_VERSION.search(name):
        return True
    import importlib

    import gymnasium

    module, _, rest = name.rpartition(":")
    try:
        found = getattr(importlib.import_module(module), rest, None)
    except Exception:
        # Whoever makes the environment says what is wrong.
        return True
    is_class = isinstance(found, type) and issubclass(found, (gymnasium.Env, gymnasium.vector.VectorEnv))
    return is_class or rest in gymnasium.registry or not callable(found)
