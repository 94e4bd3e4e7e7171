"""One environment alone, for scripts that step it themselves."""

from collections.abc import Mapping

import gymnasium

from a3c.config.making import make_config
from a3c.environments.factories import EnvironmentFactory
from a3c.environments.making import EnvironmentMaker
from a3c.recipes import with_recipe


def make_environment(
    environment: str | EnvironmentFactory,
    *,
    recipe: str | None = None,
    settings: Mapping[str, object] | None = None,
    env_kwargs: Mapping[str, object] | None = None,
    **kwargs: object,
) -> gymnasium.Env:
    """One environment, made as training makes it: with the recipe's frames, time limit and so on.

    Args:
        environment: a Gymnasium id, `module:Id`, `module:Class`, or a factory.
        recipe: as for an Agent.
        settings: fields of TrainConfig, such as `{"frame_stack": 2}`.
        env_kwargs: keyword arguments for the environment.
        kwargs: more of them, such as `render_mode`.

    Raises:
        InvalidEnvironment: it is unknown (the nearest names are given), not installed, or fails.
        SettingsError: a setting is unknown, or does not fit the environment.
    """
    given = {**(settings or {}), "environment": environment if isinstance(environment, str) else ""}
    if env_kwargs:
        given["env_kwargs"] = env_kwargs
    return EnvironmentMaker(environment, make_config(with_recipe(recipe, given), "settings")).make(**kwargs)
