"""What users give to have environments made: a function or a class, which is called for each."""

from typing import Any, Protocol

import gymnasium
from gymnasium.vector import VectorEnv


class OneEnvironmentFactory(Protocol):
    """Makes a new environment at each call, `factory(**env_kwargs)`: a gymnasium.Env class, a function, a partial."""

    # Which arguments there are is between the caller and `env_kwargs`: a checker takes any function for this.
    def __call__(self, *args: Any, **env_kwargs: Any) -> gymnasium.Env: ...


class VectorEnvironmentFactory(Protocol):
    """Makes a new vector environment at each call, `factory(count, **env_kwargs)`: a VectorEnv class, or a function
    that requires an argument, the number of environments."""

    def __call__(self, count: int, /, *args: Any, **env_kwargs: Any) -> VectorEnv: ...


EnvironmentFactory = OneEnvironmentFactory | VectorEnvironmentFactory
