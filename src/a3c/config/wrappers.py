"""Wrappers around environments, as settings: what each is, alone or with the keyword arguments that it is called with.

    wrappers=["minigrid.wrappers:ImgObsWrapper", ("gymnasium.wrappers:ClipReward", {"max_reward": 1}), Mine]

A file holds the first two as they are. Of a function or class that cannot be imported by a name it holds what it is
called, for people: whoever goes on gives it again.
"""

import sys
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from a3c.config.held import ONLY_PYTHON, can_be_held
from a3c.errors import SettingsError, brief

NamedWrapper: TypeAlias = str | Callable[..., object]
"""`module:Class`, or the class itself; a function from an environment to one will do too."""
Wrapper: TypeAlias = NamedWrapper | tuple[NamedWrapper, Mapping[str, object]]
"""One of them, or a pair of it and its keyword arguments."""

FORM = "each is module:Class, a class or a function, or a pair of one of these and its keyword arguments"


def as_wrappers(given: Any) -> tuple[Wrapper, ...]:
    """What a file or a caller gives, as the settings have it: by name where it can be imported by one, without
    arguments where there are none, and tuples for lists, as a file tells them not apart. Raises SettingsError."""
    if isinstance(given, str) or not isinstance(given, list | tuple):
        raise SettingsError(f"`wrappers` cannot be {brief(repr(given))}: give a list, of which {FORM}")
    return tuple(map(_as_wrapper, given))


def _as_wrapper(given: Any) -> Wrapper:
    pair = given if isinstance(given, list | tuple) else (given, {})
    if len(pair) != 2 or not isinstance(pair[1], Mapping) or not all(isinstance(key, str) for key in pair[1]):
        raise SettingsError(f"`wrappers` cannot be {brief(repr(given))}: {FORM}")
    what, arguments = pair
    if not isinstance(what, str):
        if not callable(what):
            raise SettingsError(f"`wrappers` cannot be {brief(repr(what))}: {FORM}")
        what = _importable(what) or what
    return (what, {key: _as_tuples(value) for key, value in arguments.items()}) if arguments else what


def _as_tuples(value: Any) -> Any:
    return tuple(map(_as_tuples, value)) if isinstance(value, list | tuple) else value


def _importable(what: Any) -> str | None:
    """The `module:Name` of what another process finds by it."""
    module, name = getattr(what, "__module__", None), getattr(what, "__qualname__", "")
    if module in (None, "__main__") or getattr(sys.modules.get(module), name, None) is not what:
        return None
    return f"{module}:{name}"


def parts_of(wrapper: Wrapper) -> tuple[NamedWrapper, Mapping[str, object]]:
    """What it is, and its keyword arguments."""
    return wrapper if isinstance(wrapper, tuple) else (wrapper, {})


def title(wrapper: Wrapper) -> str:
    """For people: its name, or what its author calls it."""
    what, _ = parts_of(wrapper)
    if isinstance(what, str):
        return what
    # A partial has no name of its own.
    return getattr(what, "__name__", None) or getattr(getattr(what, "func", None), "__name__", type(what).__name__)


def spelled(wrapper: Wrapper) -> str:
    """For people: its name with its arguments."""
    arguments = ", ".join(f"{key}={value!r}" for key, value in parts_of(wrapper)[1].items())
    return f"{title(wrapper)}({arguments})" if arguments else title(wrapper)


def held(wrapper: Wrapper) -> Wrapper:
    """As a file holds it; for what none can hold, text that says so."""
    return wrapper if is_held(wrapper) else f"{ONLY_PYTHON}: {title(wrapper)}"


def is_held(wrapper: Wrapper) -> bool:
    what, arguments = parts_of(wrapper)
    return isinstance(what, str) and can_be_held(dict(arguments))
