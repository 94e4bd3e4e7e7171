"""What public functions are called with: a wrong argument is one line that says what to write.

In use:

    @named_arguments
    def evaluate(self, episodes=100, *, seed=None): ...
"""

import functools
import inspect
from collections.abc import Callable, Mapping
from typing import Any, ParamSpec, TypeVar

from a3c.errors import SettingsError
from a3c.names import called

P = ParamSpec("P")
R = TypeVar("R")


def named_arguments(function: Callable[P, R]) -> Callable[P, R]:
    """The function, whose TypeError for arguments that it does not take is a SettingsError that says which it does.

    Nothing is looked at until then: a call that is right costs what it did.
    """

    @functools.wraps(function)
    def call(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return function(*args, **kwargs)
        except TypeError:
            if wrong := _wrong(function, args, kwargs):
                raise SettingsError(wrong) from None
            raise

    return call


def _wrong(function: Callable[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> str | None:
    """What is wrong with these arguments; None where the function takes them, and failed by itself."""
    signature = inspect.signature(function)
    try:
        signature.bind(*args, **kwargs)
    except TypeError:
        pass
    else:
        return None
    parameters = dict(signature.parameters)
    title = function.__name__
    if "self" in parameters:
        del parameters["self"]
        title, args = (type(args[0]).__name__ if title == "__init__" else title), args[1:]
    kinds = inspect.Parameter
    names = [name for name, one in parameters.items() if one.kind not in (kinds.VAR_POSITIONAL, kinds.VAR_KEYWORD)]
    ordered = [name for name in names if parameters[name].kind is not kinds.KEYWORD_ONLY]
    if is_policy(args[0] if args else kwargs.get("policy")):
        return _without_policy(title, args[1] if len(args) > 1 else kwargs.get("env", kwargs.get("environment")))
    # Before what is missing, which is often what has another name.
    strange = [name for name in kwargs if name not in names]
    if hint := next((said for name in strange if (said := called(name, names)).startswith("; it")), ""):
        name = next(name for name in strange if called(name, names) == hint)
        return f"{title}: there is no argument {name!r}{hint}"
    if len(args) > len(ordered):
        others = [name for name in names if name not in ordered]
        more = f"; name the others, as {title}(..., {others[0]}=...)" if others else ""
        return f"{title} takes {_listed(ordered) if ordered else 'no argument'} without a name{more}"
    taken = ordered[: len(args)]
    if twice := next((name for name in kwargs if name in taken), None):
        return f"{title} is given {twice!r} twice: by its place, and by its name"
    if strange and not any(one.kind is kinds.VAR_KEYWORD for one in parameters.values()):
        return f"{title}: there is no argument {strange[0]!r}{called(strange[0], names) or _others(names)}"
    missing = [
        name for name in names if parameters[name].default is kinds.empty and name not in taken and name not in kwargs
    ]
    return f"{title} needs {_listed(missing)}: {title}({', '.join(missing)}, ...)"


def is_policy(given: Any) -> bool:
    """Whether it is what Stable-Baselines3 has in the first place: "MlpPolicy", or such a class."""
    name = given if isinstance(given, str) else getattr(given, "__name__", "")
    return isinstance(name, str) and name.endswith("Policy")


def _without_policy(title: str, environment: Any) -> str:
    """What to write instead of `A2C("MlpPolicy", environment)`."""
    spec = getattr(environment, "spec", None)
    id = environment if isinstance(environment, str) else getattr(spec, "id", None)
    write = f"write {title}({id!r})" if id else f"write {title}(...) with an id, a class or a function that makes one"
    return f"{title} takes the environment alone, and its network follows from the observations: {write}"


def _listed(names: list[str]) -> str:
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


def _others(names: list[str]) -> str:
    return f": there is {_listed(names)}" if names else ""
