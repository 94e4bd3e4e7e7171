"""What an environment's reset and step give, held against Gymnasium's API: in one line where it is another."""

import inspect
import os
import re
import traceback
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np

from a3c.errors import InvalidEnvironment

OURS = tuple(f"{Path(file).parent}{os.sep}" for file in (gymnasium.__file__, __file__))
"""Where an environment's results are unpacked."""


def reset(environment: gymnasium.Env, seed: int | None = None) -> tuple[Any, Any]:
    """The first observation, and what comes with it. Raises InvalidEnvironment where reset gives something else."""
    try:
        result = environment.reset(seed=seed)
    except (TypeError, ValueError) as error:
        _explain(error)
        raise
    if not isinstance(result, tuple | list) or len(result) != 2:
        raise InvalidEnvironment(f"reset must return an observation and a dict, info, but it gave {_short(result)}")
    return result[0], result[1]


def step(environment: gymnasium.Env, action: Any) -> tuple[Any, float, bool, bool, Any]:
    """What a step gives, its reward a float. Raises InvalidEnvironment where it gives something else."""
    try:
        observation, reward, terminated, truncated, info = environment.step(action)
    except (TypeError, ValueError) as error:
        _explain(error)
        raise
    return observation, reward if type(reward) is float else number(reward), bool(terminated), bool(truncated), info


def number(reward: Any) -> float:
    """A reward as a float: any number, also in an array of its own. Raises InvalidEnvironment for all else."""
    array = np.asarray(reward)
    if array.size != 1 or array.dtype.kind not in "biuf":
        raise InvalidEnvironment(f"the environment gave the reward {_short(reward)}: return one number, a float")
    return float(array.item())


def check_api(environment: gymnasium.Env, name: str) -> None:
    """Raises InvalidEnvironment for what can be seen without calling anything."""
    for space in ("observation_space", "action_space"):
        found = getattr(environment, space, None)
        if found is None:
            raise InvalidEnvironment(f"{name} has no {space}: set self.{space} to one of gymnasium.spaces")
        if not isinstance(found, gymnasium.Space):
            raise InvalidEnvironment(
                f"the {space} of {name} is a {_kind(found)}: make it one of gymnasium.spaces, such as Box or Discrete"
            )
    taken = inspect.signature(environment.unwrapped.reset).parameters
    missing = [key for key in ("seed", "options") if key not in taken]
    if missing and not any(parameter.kind is parameter.VAR_KEYWORD for parameter in taken.values()):
        raise InvalidEnvironment(
            f"reset of {name} takes no {' or '.join(missing)}: define it as reset(self, *, seed=None, options=None)"
        )


def what_it_is(made: Any) -> str:
    """For people: what was made where a gymnasium.Env is wanted."""
    if any(kind.__module__.partition(".")[0] == "gym" for kind in type(made).__mro__):
        return f"{_kind(made)}, of the old package gym: derive it from gymnasium.Env"
    return type(made).__name__


def _kind(value: Any) -> str:
    kind = type(value)
    return kind.__name__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__name__}"


def _explain(error: Exception) -> None:
    """Raises InvalidEnvironment where it was we, or a wrapper of Gymnasium's, that found other results than there are
    to be, and not the environment itself that failed."""
    if "unpack" not in str(error) or not traceback.extract_tb(error.__traceback__)[-1].filename.startswith(OURS):
        return
    if re.search(r"expected 2\b", str(error)):
        raise InvalidEnvironment(f"reset must return an observation and a dict, info ({error})") from None
    raise InvalidEnvironment(
        f"step must return observation, reward, terminated, truncated and info, all five ({error})"
    ) from None


def _short(value: Any) -> str:
    """For people: a value of any size in a few words."""
    text = " ".join(f"{value!r}".split())
    return text if len(text) <= 50 else f"{text[:50]}..."
