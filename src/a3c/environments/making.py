"""Making environments: one, or a vector of them, by id, by `module:Id`, or by a user's factory."""

import inspect
import re
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import gymnasium
from gymnasium.envs.registration import EnvSpec
from gymnasium.vector import VectorEnv

from a3c.checks import flag
from a3c.config import ATARI_SETTINGS, FRAME_SETTINGS, TrainConfig
from a3c.environments import atari
from a3c.environments.hiding import hide
from a3c.environments.pixels import FrameSkip, PixelEnv
from a3c.environments.results import check_api, what_it_is
from a3c.environments.serial import SerialVectorEnv, close
from a3c.errors import A3CError, InvalidEnvironment, SettingsError, described, nearest

EXTRAS = {"ale_py": "atari", "Box2D": "box2d", "box2d": "box2d", "mujoco": "mujoco", "pygame": "render"}
"""The extra of this package that installs a module an environment may be missing."""

OLD_ATARI_ID = re.compile(r"^[A-Za-z]+-v[04]$")
"""Ids such as PongNoFrameskip-v4 and Pong-v0."""

TAKES_NUMBER = (
    "a function with a required argument is given the number of environments; other arguments come from env_kwargs"
)

EnvironmentFactory = Callable[..., gymnasium.Env] | Callable[[int], VectorEnv]
"""A factory of one environment, called with `env_kwargs` alone, or of a vector environment: a VectorEnv class, or a
function that requires an argument, the number of environments."""


@dataclass(frozen=True)
class EnvironmentMaker:
    """What to make, and the settings that say how: travels to the workers."""

    source: str | EnvironmentFactory
    config: TrainConfig = field(default_factory=TrainConfig)

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
        game = self._game()
        with _failures(self.name):
            if game is not None:
                return game.make(**kwargs)
            return self._with_frames(self._make_plain({**self.config.env_kwargs, **kwargs}))

    def _make_plain(self, arguments: dict[str, Any]) -> gymnasium.Env:
        """One environment as it is, but for its time limit."""
        limit = self.config.max_episode_steps
        if limit is not None:
            # A step of ours is several of its own where frames are skipped.
            limit *= self.config.frame_skip or 1
        if isinstance(self.source, str):
            # Gymnasium's checker warns in several lines of what is said in one here, or by `a3c inspect`.
            arguments = {"disable_env_checker": True, **arguments}
            environment = gymnasium.make(self.spec, max_episode_steps=limit, **arguments)  # type: ignore[arg-type]
            check_api(environment, self.name)
            return environment
        environment = self.source(**arguments)  # type: ignore[reportCallIssue]
        if isinstance(environment, VectorEnv) or not isinstance(environment, gymnasium.Env):
            hint = ""
            if isinstance(environment, VectorEnv):
                hint = "; a function that makes a vector environment takes the number of environments, and nothing else"
            raise InvalidEnvironment(
                f"{self.name} made a {what_it_is(environment)} where one gymnasium.Env is needed{hint}"
            )
        check_api(environment, self.name)
        return environment if limit is None else gymnasium.wrappers.TimeLimit(environment, limit)

    def make_vector(self, count: int, threads: int = 1) -> VectorEnv:
        """`count` environments stepped together: the environment's own vector form where it has one.

        `threads` is how many step Atari games; all others are stepped by the calling one.
        """
        if self._makes_vectors:
            return self._make_own_vector(count)
        game, spec = self._game(), self.spec
        if game is not None:
            with _failures(self.name):
                vector = game.make_vector(count, threads)
            if vector is not None:
                return vector
        elif spec is not None and self.has_own_vector and count > 1:
            arguments: dict[str, Any] = dict(self.config.env_kwargs)
            if self.config.max_episode_steps is not None:
                arguments["max_episode_steps"] = self.config.max_episode_steps
            with _failures(self.name):
                return gymnasium.make_vec(spec, count, vectorization_mode="vector_entry_point", **arguments)
        return SerialVectorEnv([self.make] * count)

    @property
    def _makes_vectors(self) -> bool:
        """Whether the factory is a VectorEnv class, or requires an argument that env_kwargs doesn't give: the number of
        environments."""
        if isinstance(self.source, str):
            return False
        if isinstance(self.source, type):
            return issubclass(self.source, VectorEnv)
        taken = inspect.signature(self.source).parameters
        required = [p for name, p in taken.items() if p.default is p.empty and name not in self.config.env_kwargs]
        return any(p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD) for p in required)

    def spaces(self) -> tuple[gymnasium.Space, gymnasium.Space]:
        """Observation and action space of one environment, which is made and closed for it."""
        if self._makes_vectors:
            vector = self.make_vector(1)
            close(vector)
            return vector.single_observation_space, vector.single_action_space
        environment = self.make()
        close(environment)
        return environment.observation_space, environment.action_space

    @property
    def has_own_vector(self) -> bool:
        """Whether several are stepped by a vector environment of their own, with these settings."""
        game, spec = self._game(), self.spec
        if game is not None:
            return game.has_vector
        if spec is None:
            return self._makes_vectors
        return spec.vector_entry_point is not None and not spec.additional_wrappers and not self._changed

    def _make_own_vector(self, count: int) -> VectorEnv:
        changed = self._changed + ["max_episode_steps"] * (self.config.max_episode_steps is not None)
        if changed:
            raise InvalidEnvironment(
                f"{' '.join(map(flag, changed))} cannot be applied to the vector environment {self.name}: "
                "do it in its factory"
            )
        with _failures(f"{self.name}({count})", TAKES_NUMBER):
            vector = self.source(count, **self.config.env_kwargs)  # type: ignore[operator]
        if not isinstance(vector, VectorEnv):
            raise InvalidEnvironment(
                f"{self.name}({count}) made a {what_it_is(vector)}, not a gymnasium VectorEnv: {TAKES_NUMBER}"
            )
        return vector

    def _with_frames(self, environment: gymnasium.Env) -> gymnasium.Env:
        """With the settings of frames, if any are set."""
        if atari_only := self.config.changed(ATARI_SETTINGS):
            raise SettingsError(
                f"{' '.join(map(flag, atari_only))}: only Atari games have that, and {self.name} is none"
            )
        if self.config.frame_skip not in (None, 1):
            environment = FrameSkip(environment, self.config.frame_skip)
        if self.config.hide:
            environment = hide(environment, self.config.hide)
        return PixelEnv(environment, self.config) if self.config.changed(FRAME_SETTINGS) else environment

    @property
    def _changed(self) -> list[str]:
        """The settings that wrap each environment and are set."""
        skip = ["frame_skip"] * (self.config.frame_skip not in (None, 1))
        return skip + self.config.changed(["hide", *FRAME_SETTINGS, *ATARI_SETTINGS])

    def _game(self) -> atari.Game | None:
        """The Atari game that this is, if it is one."""
        spec = self.spec
        return atari.Game.of(spec, self.config) if spec is not None and atari.is_game(spec) else None


def find_spec(environment_id: str) -> EnvSpec:
    """The registered entry of an id; `module:Id` imports the module first, from the current folder too.

    Atari games are registered when one is asked for.
    """
    module, colon, name = environment_id.rpartition(":")
    if colon:
        _import(module, environment_id)
    elif environment_id.startswith("ALE/") or (name not in gymnasium.registry and OLD_ATARI_ID.search(name)):
        _register_atari(environment_id)
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


def _register_atari(environment_id: str) -> None:
    try:
        atari.register()
    except ModuleNotFoundError:
        # Other environments have versions 0 and 4 too.
        if environment_id.startswith("ALE/") or "NoFrameskip" in environment_id or "Deterministic" in environment_id:
            raise InvalidEnvironment(_missing(environment_id, "ale_py")) from None


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
        raise InvalidEnvironment(f"{environment_id}: importing {module} failed: {described(error)}") from error


def _missing(environment: str, module: str) -> str:
    return f"{environment} needs the module {module}, which is not installed: pip install 'a3c[{EXTRAS[module]}]'"


@contextmanager
def _failures(name: str, hint: str = "") -> Iterator[None]:
    """Turns whatever goes wrong while an environment is made into one clear line, which ends with the hint."""
    try:
        with _quiet():
            yield
    except A3CError:
        raise
    except (gymnasium.error.DependencyNotInstalled, ModuleNotFoundError) as error:
        for module in EXTRAS:
            if module.lower() in str(error).lower():
                raise InvalidEnvironment(_missing(name, module)) from None
        raise InvalidEnvironment(f"{name}: something it needs is not installed: {described(error)}") from error
    except Exception as error:
        if "required positional argument" in str(error) and not hint:
            hint = "give it in env_kwargs"
        raise InvalidEnvironment(f"{name} could not be made: {described(error)}{hint and f' ({hint})'}") from error


@contextmanager
def _quiet() -> Iterator[None]:
    """Without Gymnasium's notes that a version is older than another: the user asked for that one."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*is out of date.*")
        warnings.filterwarnings("ignore", message=".*overriding environment.*", category=UserWarning)
        yield
