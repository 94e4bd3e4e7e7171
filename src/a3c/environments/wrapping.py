"""Putting wrappers around an environment, by their names or as they are given.

In use:

    wrap(environment, ["minigrid.wrappers:ImgObsWrapper", (ClipReward, {"max_reward": 1})])     the first is innermost
"""

from collections.abc import Callable, Sequence
from typing import Any

import gymnasium
from gymnasium.vector import VectorEnv, VectorWrapper

from a3c.config.held import ONLY_PYTHON
from a3c.config.wrappers import Wrapper, parts_of, title
from a3c.environments.importing import import_for, no_such
from a3c.environments.results import check_api, what_it_is
from a3c.environments.serial import close
from a3c.errors import A3CError, InvalidEnvironment, SettingsError, brief, described


def wrap(environment: gymnasium.Env, wrappers: Sequence[Wrapper]) -> gymnasium.Env:
    """The environment with all wrappers around it. Raises InvalidEnvironment or SettingsError, and closes it then."""
    try:
        for wrapper in wrappers:
            environment = _wrap(environment, wrapper)
    except BaseException:
        close(environment)
        raise
    return environment


def _wrap(environment: gymnasium.Env, wrapper: Wrapper) -> gymnasium.Env:
    what, arguments = parts_of(wrapper)
    name = f"`wrappers` {title(wrapper)}"
    make = find_wrapper(what) if isinstance(what, str) else what
    if isinstance(make, type) and issubclass(make, VectorWrapper):
        raise InvalidEnvironment(f"{name} is for vector environments: name the one for single environments")
    try:
        wrapped: Any = make(environment, **arguments)
    except A3CError:
        raise
    except Exception as error:
        around = "" if environment.spec is None else f" around {environment.spec.id}"
        raise InvalidEnvironment(f"{name} could not be put{around}: {described(error)}") from error
    if isinstance(wrapped, VectorEnv) or not isinstance(wrapped, gymnasium.Env):
        raise InvalidEnvironment(
            f"{name} made a {what_it_is(wrapped)} where a gymnasium.Env is needed: give a gymnasium.Wrapper, or a "
            "function that puts one around the environment it is given"
        )
    check_api(wrapped, name)
    return wrapped


def find_wrapper(name: str) -> Callable[..., object]:
    """The class or function that `module:Name` names, its module imported. Raises InvalidEnvironment, and SettingsError
    for what a file cannot hold."""
    if name.startswith(ONLY_PYTHON):
        raise SettingsError(
            f"a wrapper was given from Python, and no file can hold it ({brief(name.partition(': ')[2])}): give all "
            "wrappers again, in their order, with a3c.load(..., wrappers=[...]) or a3c.resume(..., wrappers=[...])"
        )
    module_name, colon, attribute = name.rpartition(":")
    called = f"`wrappers` {brief(name)}"
    if not (colon and module_name and attribute):
        theirs = hasattr(gymnasium.wrappers, name) and f"gymnasium.wrappers:{name}"
        raise SettingsError(f"{called}: name it with its module, as {theirs or 'gymnasium.wrappers:ClipReward'}")
    module = import_for(called, module_name)
    found = getattr(module, attribute, None)
    if not callable(found):
        raise InvalidEnvironment(
            f"{called} is a {type(found).__name__}: name a gymnasium.Wrapper, or a function that puts one around"
            if hasattr(module, attribute)
            else f"{called}: {no_such(module, attribute)}"
        )
    return found


def changing(environment: gymnasium.Env, wrappers: Sequence[Wrapper]) -> list[str]:
    """For people: those of the wrappers that change a space, put around an environment that has none yet."""
    found = []
    for wrapper in wrappers:
        before = environment.observation_space, environment.action_space
        environment = wrap(environment, [wrapper])
        if before != (environment.observation_space, environment.action_space):
            found.append(title(wrapper))
    close(environment)
    return found
