"""Making environments: one, or a vector of them, by id, by `module:Id`, or by a user's factory."""

import inspect
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import gymnasium
from gymnasium.envs.registration import EnvSpec
from gymnasium.vector import AutoresetMode, SyncVectorEnv, VectorEnv

from a3c.environments.single import SingleVectorEnv
from a3c.errors import A3CError, InvalidEnvironment, nearest

EXTRAS = {"ale_py": "atari", "Box2D": "box2d", "box2d": "box2d", "mujoco": "mujoco", "pygame": "render"}
"""The extra of this package that installs a module an environment may be missing."""

EnvironmentFactory = Callable[..., gymnasium.Env] | Callable[[int], VectorEnv]
"""A factory of one environment, called with `env_kwargs` alone, or of a vector environment: a VectorEnv class, or a
function that requires an argument, the number of environments."""


@dataclass(frozen=True)
class EnvironmentMaker:
    """What to make, and how: travels to the workers."""

    source: str | EnvironmentFactory
    kwargs: dict[str, Any] = field(default_factory=dict)
    max_episode_steps: int | None = None

    @property
    def name(self) -> str:
        """The id, or the factory's name."""
        return self.source if isinstance(self.source, str) else getattr(self.source, "__name__", repr(self.source))

    @property
    def spec(self) -> EnvSpec | None:
        """The registered entry of an id (its module imported); None for a factory."""
        return find_spec(self.source) if isinstance(self.source, str) else None

    def make(self, **kwargs: Any) -> gymnasium.Env:
        """One environment, as for evaluation and play; `kwargs` such as `render_mode` are added."""
        arguments = {**self.kwargs, **kwargs}
        with _failures(self.name):
            if isinstance(self.source, str):
                return gymnasium.make(self.spec, max_episode_steps=self.max_episode_steps, **arguments)  # type: ignore[arg-type]
            environment = self.source(**arguments)  # type: ignore[reportCallIssue]
        if isinstance(environment, VectorEnv) or not isinstance(environment, gymnasium.Env):
            raise InvalidEnvironment(
                f"{self.name} made a {type(environment).__name__} where one gymnasium.Env is needed"
            )
        return self._limit(environment)

    def make_vector(self, count: int) -> VectorEnv:
        """`count` environments stepped together: the environment's own vector form where it has one."""
        if self._makes_vectors:
            if self.max_episode_steps is not None:
                raise InvalidEnvironment(
                    f"--max-episode-steps cannot be applied to the vector environment {self.name}: "
                    "limit the episodes in its factory"
                )
            with _failures(self.name):
                vector = self.source(count, **self.kwargs)  # type: ignore[operator]
            if not isinstance(vector, VectorEnv):
                raise InvalidEnvironment(
                    f"{self.name}({count}) made a {type(vector).__name__}, not a gymnasium VectorEnv"
                )
            return vector
        spec = self.spec
        if spec is not None and self._vector_entry_point(spec) and count > 1:
            arguments = dict(self.kwargs)
            if self.max_episode_steps is not None:
                arguments["max_episode_steps"] = self.max_episode_steps
            with _failures(self.name):
                return gymnasium.make_vec(spec, count, vectorization_mode="vector_entry_point", **arguments)
        if count == 1:
            return SingleVectorEnv(self.make())
        return SyncVectorEnv([self.make] * count, autoreset_mode=AutoresetMode.NEXT_STEP)

    @property
    def _makes_vectors(self) -> bool:
        """Whether the factory is a VectorEnv class, or requires an argument: the number of environments."""
        if isinstance(self.source, str):
            return False
        if isinstance(self.source, type):
            return issubclass(self.source, VectorEnv)
        required = [p for p in inspect.signature(self.source).parameters.values() if p.default is p.empty]
        return any(p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD) for p in required)

    def spaces(self) -> tuple[gymnasium.Space, gymnasium.Space]:
        """Observation and action space of one environment, which is made and closed for it."""
        if self._makes_vectors:
            vector = self.make_vector(1)
            vector.close()
            return vector.single_observation_space, vector.single_action_space
        environment = self.make()
        environment.close()
        return environment.observation_space, environment.action_space

    def _vector_entry_point(self, spec: EnvSpec) -> bool:
        return spec.vector_entry_point is not None and not spec.additional_wrappers

    def _limit(self, environment: gymnasium.Env) -> gymnasium.Env:
        if self.max_episode_steps is None:
            return environment
        return gymnasium.wrappers.TimeLimit(environment, self.max_episode_steps)


def make_environment(
    environment: str | EnvironmentFactory, *, env_kwargs: dict[str, Any] | None = None, **kwargs: Any
) -> gymnasium.Env:
    """One environment, made as training makes it.

    Args:
        environment: a Gymnasium id, `module:Id`, or a factory.
        env_kwargs: keyword arguments for the environment.
        kwargs: more of them, such as `render_mode`.

    Raises:
        InvalidEnvironment: it is unknown (the nearest names are given), not installed, or fails.
    """
    return EnvironmentMaker(environment, env_kwargs or {}).make(**kwargs)


def find_spec(environment_id: str) -> EnvSpec:
    """The registered entry of an id; `module:Id` imports the module first, from the current folder too."""
    module, colon, name = environment_id.rpartition(":")
    if colon:
        _import(module, environment_id)
    elif environment_id.startswith("ALE/"):
        _import("ale_py", environment_id)
    with _quiet():
        try:
            return gymnasium.spec(name)
        except gymnasium.error.Error:
            known = [key for key in gymnasium.registry if not key.startswith(("phys2d/", "tabular/", "GymV"))]
            close = nearest(name, known)
            raise InvalidEnvironment(
                f"there is no environment {environment_id!r}{close}"
                + ("" if close else "; use a Gymnasium id such as CartPole-v1, or module:Id for your own")
            ) from None


def _import(module: str, environment_id: str) -> None:
    import importlib

    if str(Path.cwd()) not in sys.path:
        sys.path.append(str(Path.cwd()))
    try:
        importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name in EXTRAS:
            raise InvalidEnvironment(_missing(environment_id, error.name)) from None
        raise InvalidEnvironment(
            f"{environment_id}: there is no module {error.name!r}, neither installed nor in the current folder"
        ) from None
    except Exception as error:
        raise InvalidEnvironment(
            f"{environment_id}: importing {module} failed: {type(error).__name__}: {error}"
        ) from error


def _missing(environment: str, module: str) -> str:
    return f"{environment} needs the module {module}, which is not installed: pip install 'a3c[{EXTRAS[module]}]'"


@contextmanager
def _failures(name: str) -> Iterator[None]:
    """Turns whatever goes wrong while an environment is made into one clear line."""
    try:
        with _quiet():
            yield
    except A3CError:
        raise
    except (gymnasium.error.DependencyNotInstalled, ModuleNotFoundError) as error:
        for module in EXTRAS:
            if module.lower() in str(error).lower():
                raise InvalidEnvironment(_missing(name, module)) from None
        raise InvalidEnvironment(f"{name}: something it needs is not installed: {error}") from error
    except Exception as error:
        raise InvalidEnvironment(f"{name} could not be made: {type(error).__name__}: {error}") from error


@contextmanager
def _quiet() -> Iterator[None]:
    """Without Gymnasium's notes that a version is older than another: the user asked for that one."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*is out of date.*")
        warnings.filterwarnings("ignore", message=".*overriding environment.*", category=UserWarning)
        yield
