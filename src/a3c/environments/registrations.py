"""What a process has registered with Gymnasium, for others to make by id: workers import Gymnasium anew.

In use:

    sent = packed(work)                  here, with the work that needs them
    work = unpacked(sent)                in a worker
"""

import importlib
import pickle
import sys
import warnings
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any, NoReturn

import gymnasium
from gymnasium.envs.registration import EnvSpec

from a3c.errors import InvalidEnvironment, SettingsError
from a3c.processes.pickling import dumps


@dataclass(frozen=True)
class Registrations:
    """The registry of a process, to be sent to another."""

    modules: list[str]
    """Those of its entry points that are imported."""
    entries: dict[str, bytes]
    """By their ids: the entry, and what it names of `__main__`. Each is packed by itself, so that one which cannot be
    sent or unpacked ends only runs that use it."""

    @classmethod
    def packed(cls, *needed: EnvSpec | None) -> "Registrations":
        """Those of this process. Raises SettingsError where one that is `needed` cannot be sent."""
        modules, entries = set(), {}
        for name, spec in gymnasium.registry.items():
            modules.update(module for module, _ in _entry_points(spec) if module in sys.modules)
            try:
                entries[name] = dumps((spec, _named_in_main(spec)))
            except SettingsError as error:
                if name in [one.id for one in needed if one is not None]:
                    raise
                entries[name] = dumps((_unusable(name, str(error)), {}))
        return cls(sorted(modules - {"__main__"}), entries)

    def register(self) -> None:
        """Registers them here, in place of what is here under the same ids."""
        # A module may register ids when it is imported: first it, then what became of them.
        for module in self.modules:
            with suppress(Exception):
                importlib.import_module(module)
        registered = {}
        for name, pickled in self.entries.items():
            try:
                registered[name], named = pickle.loads(pickled)
            except Exception as error:
                registered[name] = _unusable(name, f"it cannot be made in a worker: {type(error).__name__}: {error}")
            else:
                vars(sys.modules["__main__"]).update(named)
        gymnasium.registry.update(registered)
        # Those that are imported later do so without a word.
        warnings.filterwarnings("ignore", message=".*overriding environment.*", category=UserWarning)


def packed(value: Any, *needed: EnvSpec | None) -> bytes:
    """A value for another process, with where modules are found here and all that is registered. Raises SettingsError
    for what cannot be sent, and where one that is `needed` cannot."""
    registrations = Registrations.packed(*needed)
    return dumps((sys.path, registrations, dumps(value)))


def unpacked(sent: bytes) -> Any:
    """There: what `packed` packed. Modules are imported from where the packing process found them."""
    path, registrations, pickled = pickle.loads(sent)
    sys.path += [folder for folder in path if folder not in sys.path]
    try:
        value = pickle.loads(pickled)
    except ModuleNotFoundError as error:
        raise InvalidEnvironment(
            f"the environment or network needs the module {error.name}, which workers cannot import: install it, "
            "or add its folder to sys.path"
        ) from None
    # After the modules that this imported, which may have registered the same ids.
    registrations.register()
    return value


def _entry_points(spec: EnvSpec) -> Iterator[tuple[str, str]]:
    """Module and name of those that are given as text."""
    wrappers = [wrapper.entry_point for wrapper in spec.additional_wrappers]
    for entry_point in (spec.entry_point, spec.vector_entry_point, *wrappers):
        if isinstance(entry_point, str):
            module, _, name = entry_point.partition(":")
            yield module, name


def _named_in_main(spec: EnvSpec) -> dict[str, Any]:
    """What entry points such as `__main__:Mine` name: a worker has another main module, which must have it too."""
    main = sys.modules["__main__"]
    names = [name for module, name in _entry_points(spec) if module == "__main__" and hasattr(main, name)]
    return {name: getattr(main, name) for name in names}


def _unusable(name: str, why: str) -> EnvSpec:
    return EnvSpec(name, partial(_refuse, f"{name}: {why}"))


def _refuse(message: str, **_: Any) -> NoReturn:
    raise InvalidEnvironment(message)
