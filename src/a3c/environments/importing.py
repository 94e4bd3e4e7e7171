"""Modules that what makes environments is found in: imported by name, and what is missing said in one line."""

from functools import cache
from types import ModuleType

from a3c.errors import A3CError, InvalidEnvironment, described, install, nearest
from a3c.modules import import_here

EXTRAS = {"ale_py": "atari", "Box2D": "box2d", "box2d": "box2d", "mujoco": "mujoco", "pygame": "render"}
"""The extra of this package that installs a module an environment may be missing."""


def import_for(name: str, module: str) -> ModuleType:
    """The module that a name is looked for in, also from the current folder. Raises InvalidEnvironment."""
    try:
        return import_here(module)
    except ModuleNotFoundError as error:
        if error.name in EXTRAS:
            raise InvalidEnvironment(missing(name, error.name)) from None
        raise InvalidEnvironment(
            f"{name}: there is no module {error.name!r}, neither installed nor in the current folder"
        ) from None
    except Exception as error:
        raise InvalidEnvironment(f"{name}: importing {module} failed: {described(error)}") from error


def import_all(names: tuple[str, ...]) -> None:
    """Imports each module, and calls each `module:function` once in a process. Raises InvalidEnvironment."""
    for name in names:
        module, colon, _ = name.partition(":")
        if not module:
            raise InvalidEnvironment(f"`import_modules` {name}: name a module, or module:function")
        import_for(f"`import_modules` {name}", module)
        if colon:
            _call_once(name)


@cache
def _call_once(name: str) -> None:
    module, _, function = name.partition(":")
    title = f"`import_modules` {name}"
    found = import_for(title, module)
    call = getattr(found, function, None)
    if not callable(call):
        raise InvalidEnvironment(f"{title}: {no_such(found, function)}")
    try:
        call()
    except A3CError:
        raise
    except Exception as error:
        raise InvalidEnvironment(f"{title} failed: {described(error)}") from error


def no_such(module: ModuleType, name: str) -> str:
    """What to say of a name that a module has not."""
    return f"{module.__name__} has no {name!r}{nearest(name, vars(module))}"


def missing(name: str, module: str) -> str:
    """What to say where a module is missing that an extra installs."""
    return f"{name} needs the module {module}, which is not installed: {install(EXTRAS[module])}"


def not_installed(name: str, error: Exception) -> InvalidEnvironment:
    """What an environment needs and is not installed, with the extra that installs it."""
    for module in EXTRAS:
        if module.lower() in str(error).lower():
            return InvalidEnvironment(missing(name, module))
    return InvalidEnvironment(f"{name}: something it needs is not installed: {described(error)}")
