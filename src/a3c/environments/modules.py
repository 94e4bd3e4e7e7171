"""Modules that only a file names: a checkpoint, or a run's `config.toml`, may be somebody else's.

Making an environment imports the module of its `module:Id`. One that is installed may be imported, or was already;
another one, such as a file in the current folder, only where the user names it too.
"""

import dataclasses
import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from a3c.config.environment import EnvironmentSettings
from a3c.config.held import ONLY_PYTHON
from a3c.config.wrappers import parts_of
from a3c.errors import SettingsError, brief
from a3c.modules import own_place

HAS_VERSION = re.compile(r"-v\d+$")


def module_of(environment: Any) -> str:
    """The module of `module:Id`; nothing, for other ids and for factories."""
    return environment.rpartition(":")[0] if isinstance(environment, str) else ""


def check_modules(config: EnvironmentSettings, named: Iterable[str], source: Any, yes: Callable[[str], str]) -> None:
    """Raises SettingsError where making the environment would run code that neither is installed nor the user named.

    Args:
        config: the settings of a file; the names in them are those of `module:Id`, also in `env_kwargs`, of wrappers,
            and of modules to import.
        named: the modules that the user named, alone or as `module:function`.
        source: the file.
        yes: what to do to have a module imported.
    """
    trusted = {name.partition(":")[0] for name in named} | set(named)
    for module, reason in _doubts(config):
        if module not in trusted:
            raise SettingsError(f"{source} {reason}; if you trust it: {yes(module)}")


def to_be_named(config: EnvironmentSettings) -> list[str]:
    """The modules that the user would have to name, less that of the environment, where a file held these settings."""
    if not (config.wrappers or config.import_modules):
        return []
    used = dataclasses.replace(config, environment="", evaluation_environment=None)
    return list(dict.fromkeys(module for module, _ in _doubts(used)))


def _doubts(config: EnvironmentSettings) -> Iterator[tuple[str, str]]:
    """The modules whose code nobody vouches for, and why."""
    made = [name for name in (config.environment, config.evaluation_environment) if name]
    pairs = [parts_of(wrapper) for wrapper in config.wrappers]
    around = [what for what, _ in pairs if isinstance(what, str) and not what.startswith(ONLY_PYTHON)]
    given = [config.env_kwargs, *(dict(arguments) for _, arguments in pairs)]
    imported = [name if ":" in name else f"{name}:" for name in config.import_modules]
    for text in (*imported, *made, *around, *_texts(given)):
        module = module_of(text)
        if not module:
            continue
        if place := own_place(module):
            yield module, f"names the module {brief(module)}, which is not installed ({place})"
        elif text in made and not _is_environment(text):
            yield module, f"names {brief(text)}, which is no environment's id or class"
        elif text in around and not _is_wrapper(text):
            yield module, f"names {brief(text)}, which is no wrapper's class"
        elif text in imported and not text.endswith(":"):
            yield module, f"calls {brief(text)}"


def check_loaded(
    config: EnvironmentSettings,
    environment: Any,
    evaluation_environment: Any,
    wrappers: Any,
    import_modules: Iterable[str],
    source: Any,
) -> None:
    """The same for `load`, whose user may have given other environments and wrappers than those of the file, and named
    modules."""

    def yes(module: str) -> str:
        for name in ("environment", "evaluation_environment"):
            if module == module_of(getattr(config, name)):
                return f"give {name}={getattr(config, name)!r}"
        return f"give import_modules=[{module!r}]"

    used = config if environment is None else dataclasses.replace(config, environment="")
    used = used if evaluation_environment is None else dataclasses.replace(used, evaluation_environment=None)
    used = used if wrappers is None else dataclasses.replace(used, wrappers=())
    named = {module_of(environment), module_of(evaluation_environment), *import_modules}
    check_modules(used, named, source, yes)


def with_modules(held: Iterable[str], named: Iterable[str]) -> tuple[str, ...]:
    """The `import_modules` of a file, and those that the user named besides, each once."""
    return tuple(dict.fromkeys((*held, *named)))


def _texts(value: Any) -> Iterator[str]:
    """All that is text in a value."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        yield from _texts([*value.keys(), *value.values()])
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from _texts(item)


def _is_wrapper(name: str) -> bool:
    """Whether `module:Name`, of a module that may be imported, is a wrapper's class; a function of a file's would be
    called."""
    import gymnasium

    found = _found(name)
    return found is None or (isinstance(found, type) and issubclass(found, gymnasium.Wrapper))


def _found(name: str) -> Any:
    """What a name stands for; None where nothing is found, as whoever makes it says what is wrong."""
    import importlib

    module, _, rest = name.rpartition(":")
    try:
        return getattr(importlib.import_module(module), rest, None)
    except Exception:
        return None


def _is_environment(name: str) -> bool:
    """Whether `module:Name`, of a module that may be imported, is a registered id or an environment's class.

    Anything else that can be called, such as `os:system`, would be called with arguments of the file.
    """
    if HAS_VERSION.search(name):
        return True
    import gymnasium

    found, rest = _found(name), name.rpartition(":")[2]
    is_class = isinstance(found, type) and issubclass(found, (gymnasium.Env, gymnasium.vector.VectorEnv))
    return is_class or rest in gymnasium.registry or not callable(found)
