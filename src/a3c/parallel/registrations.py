"""What a process has registered with Gymnasium, for others to make by id: workers import Gymnasium anew.

In use:

    packed = pack_registrations()        here
    register_all(packed)                 in a worker
"""

import pickle
import sys
import warnings
from functools import partial
from typing import Any, NoReturn

import gymnasium
from gymnasium.envs.registration import EnvSpec

from a3c.errors import InvalidEnvironment, SettingsError
from a3c.parallel.pickling import dumps


def pack_registrations(needed: EnvSpec | None = None) -> dict[str, bytes]:
    """Every entry of the registry by its id, with what it names of `__main__`.

    Each is packed by itself: one that cannot be sent ends only runs that use it. Raises SettingsError where that is
    known before, as it is the one `needed`.
    """
    packed = {}
    for name, spec in gymnasium.registry.items():
        try:
            packed[name] = dumps((spec, _named_in_main(spec)))
        except SettingsError as error:
            if needed is not None and needed.id == name:
                raise
            packed[name] = dumps((_unusable(name, str(error)), {}))
    return packed


def register_all(packed: dict[str, bytes]) -> None:
    """Registers them here, in place of what is here under the same ids."""
    registered = {}
    for name, pickled in packed.items():
        try:
            registered[name], named = pickle.loads(pickled)
        except Exception as error:
            registered[name] = _unusable(name, f"it cannot be made in a worker: {type(error).__name__}: {error}")
        else:
            vars(sys.modules["__main__"]).update(named)
    # All at once, and without a word where a module that comes later registers some of them too.
    warnings.filterwarnings("ignore", message=".*overriding environment.*", category=UserWarning)
    gymnasium.registry.update(registered)


def _named_in_main(spec: EnvSpec) -> dict[str, Any]:
    """What entry points such as `__main__:Mine` name: a worker has another main module, which must have it too."""
    entry_points = [spec.entry_point, spec.vector_entry_point, *(w.entry_point for w in spec.additional_wrappers)]
    names = [
        point.partition(":")[2] for point in entry_points if isinstance(point, str) and point.startswith("__main__:")
    ]
    main = sys.modules["__main__"]
    return {name: getattr(main, name) for name in names if hasattr(main, name)}


def _unusable(name: str, why: str) -> EnvSpec:
    return EnvSpec(name, partial(_refuse, f"{name}: {why}"))


def _refuse(message: str, **_: Any) -> NoReturn:
    raise InvalidEnvironment(message)
