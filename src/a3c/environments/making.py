"""Making environments: one, or a vector of them, by id, by `module:Name`, or by a user's factory."""

import difflib
import importlib.util
import inspect
import re
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import gymnasium
from gymnasium.envs.registration import EnvSpec
from gymnasium.vector import SyncVectorEnv, VectorEnv

from a3c.arguments import is_policy
from a3c.config.environment import FRAME_SETTINGS, AtariSettings, WorldSettings
from a3c.config.setting import changed, names_of
from a3c.config.wrappers import spelled
from a3c.environments import atari
from a3c.environments.factories import EnvironmentFactory
from a3c.environments.hiding import hide
from a3c.environments.importing import import_all, import_for, missing, not_installed
from a3c.environments.pixels import FrameSkip, PixelEnv
from a3c.environments.results import check_api, what_it_is
from a3c.environments.serial import SerialVectorEnv, close
from a3c.environments.wrapping import changing, wrap
from a3c.errors import A3CError, InvalidEnvironment, SettingsError, UnsupportedSpace, described, install, nearest

OLD_ATARI_ID = re.compile(r"^[A-Za-z]+-v[04]$")
"""Ids such as PongNoFrameskip-v4 and Pong-v0."""

TAKES_NUMBER = (
    "a function with a required argument is given the number of environments; other arguments come from env_kwargs"
)

LONG_TO_MAKE = 1.0
"""Seconds: what takes longer makes something new, and is not tried again only to see whether it does."""


@dataclass(frozen=True)
class EnvironmentMaker:
    """What to make, and the settings that say how: travels to the workers."""

    source: str | EnvironmentFactory
    config: WorldSettings = field(default_factory=WorldSettings)
    one_by_one: bool = False
    """Whether an id's environments are stepped one by one, though it has a vector form."""

    def __post_init__(self) -> None:
        """Raises InvalidEnvironment for what cannot make any."""
        how = "give its id, its class, or a function that makes a new one at each call"
        if isinstance(self.source, gymnasium.Env | VectorEnv):
            raise InvalidEnvironment(
                f"this {type(self.source.unwrapped).__name__} is made already, and training makes its own: {how}"
            )
        if not isinstance(self.source, str) and not callable(self.source):
            raise InvalidEnvironment(f"no environment is made from a value of type {type(self.source).__name__}: {how}")

    @property
    def name(self) -> str:
        """The id, or the factory's name."""
        return self.source if isinstance(self.source, str) else getattr(self.source, "__name__", repr(self.source))

    @property
    def spec(self) -> EnvSpec | None:
        """The registered entry of an id (its module imported); None for a factory."""
        return found if isinstance(found := self._found, EnvSpec) else None

    @property
    def time_limit(self) -> int | None:
        """Steps of an episode at most, where the settings or its registered entry say so."""
        return self.config.max_episode_steps or (self.spec and self.spec.max_episode_steps)

    @property
    def _found(self) -> EnvSpec | EnvironmentFactory:
        import_all(self.config.import_modules)
        return find(self.source) if isinstance(self.source, str) else self.source

    def make(self, **kwargs: Any) -> gymnasium.Env:
        """One environment, as for evaluation and play; `kwargs` such as `render_mode` are added."""
        game = self._game()
        with _failures(self.name):
            if game is not None:
                return game.make(**kwargs)
            environment = wrap(self._make_plain({**self.config.env_kwargs, **kwargs}), self.config.wrappers)
            return self._with_frames(environment)

    def _make_plain(self, arguments: dict[str, Any]) -> gymnasium.Env:
        """One environment as it is, but for its time limit."""
        limit = self.config.max_episode_steps
        if limit is not None:
            # A step of ours is several of its own where frames are skipped.
            limit *= self.config.frame_skip or 1
        found = self._found
        if isinstance(found, EnvSpec):
            # Gymnasium's checker warns in several lines of what is said in one here, or by `a3c inspect`.
            arguments = {"disable_env_checker": True, **arguments}
            environment = gymnasium.make(found, max_episode_steps=limit, **arguments)
            check_api(environment, self.name)
            return environment
        environment = found(**arguments)  # type: ignore[reportCallIssue]
        if isinstance(environment, VectorEnv) or not isinstance(environment, gymnasium.Env):
            hint = ""
            if isinstance(environment, VectorEnv):
                hint = "; a function that makes a vector environment takes the number of environments, and nothing else"
            raise InvalidEnvironment(
                f"{self.name} made a {what_it_is(environment)} where one gymnasium.Env is needed{hint}"
            )
        check_api(environment, self.name)
        return environment if limit is None else gymnasium.wrappers.TimeLimit(environment, limit)

    def make_vector(self, count: int, threads: int = 1, started: Callable[[], object] = lambda: None) -> VectorEnv:
        """`count` environments stepped together: the environment's own vector form where it has one.

        `threads` is how many step Atari games; all others are stepped by the calling one. `started`: see
        SerialVectorEnv; a vector form does not call it.
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
        vector = SerialVectorEnv([self.make] * count, started)
        self._check_apart(vector.envs)
        return vector

    @property
    def _makes_vectors(self) -> bool:
        """Whether the factory is a VectorEnv class, or requires an argument that env_kwargs doesn't give: the number of
        environments."""
        found = self._found
        if isinstance(found, EnvSpec):
            return False
        if isinstance(found, type):
            return issubclass(found, VectorEnv)
        taken = inspect.signature(found).parameters
        required = [p for name, p in taken.items() if p.default is p.empty and name not in self.config.env_kwargs]
        return any(p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD) for p in required)

    def spaces(
        self, look: Callable[[gymnasium.Env | VectorEnv], object] = lambda environment: None
    ) -> tuple[gymnasium.Space, gymnasium.Space]:
        """Observation and action space of one environment, which is made and closed for it.

        `look` is called with it before, or with a vector of one where only vectors can be made.

        Raises InvalidEnvironment for a function that gives the same one at each call, which several workers, or one
        with several, would step together.
        """
        started = time.monotonic()
        made = self._make_to_look_at()
        took = time.monotonic() - started
        try:
            look(made)
        finally:
            close(made)
        if self._calls_function and took < LONG_TO_MAKE:
            again = self._make_to_look_at()
            self._check_apart([made, again])
            close(again)
        if isinstance(made, VectorEnv):
            return made.single_observation_space, made.single_action_space
        return made.observation_space, made.action_space

    def _make_to_look_at(self) -> gymnasium.Env | VectorEnv:
        return self.make_vector(1) if self._makes_vectors else self.make()

    @property
    def _calls_function(self) -> bool:
        """Whether environments come from a function, which may keep one and give it again; a class makes a new one."""
        found = self._found
        return not isinstance(found.entry_point if isinstance(found, EnvSpec) else found, str | type)

    def _check_apart(self, environments: Sequence[gymnasium.Env | VectorEnv]) -> None:
        """Raises InvalidEnvironment where some are the same, whatever wrappers are around them."""
        bare = [environment.unwrapped for environment in environments]
        if len(set(map(id, bare))) < len(bare):
            raise InvalidEnvironment(
                f"{self.name} gives the same environment at each call, and training needs several: make a new one in "
                "it, as lambda: gymnasium.make('CartPole-v1') does"
            )

    @property
    def has_own_vector(self) -> bool:
        """Whether several are stepped by a vector environment of their own, with these settings."""
        game, spec = self._game(), self.spec
        if game is not None:
            return game.has_vector
        if spec is None:
            return self._makes_vectors
        vectors = spec.vector_entry_point is not None and not self.one_by_one
        return vectors and not spec.additional_wrappers and not self._changed

    @property
    def notes(self) -> tuple[str, ...]:
        """What to say at the start of a training: the wrappers, and whether they cost a vector form."""
        if not self.config.wrappers:
            return ()
        names = f"wrappers {', '.join(map(spelled, self.config.wrappers))}"
        if not replace(self, config=replace(self.config, wrappers=())).has_own_vector:
            return (names,)
        return (f"{names}; they have {self.name} stepped one by one, without its faster vector form",)

    @contextmanager
    def blaming_wrappers(self) -> Iterator[None]:
        """Says, where a space is not supported, which wrappers have changed it."""
        try:
            yield
        except UnsupportedSpace as error:
            if not self.config.wrappers:
                raise
            names = changing(self._make_plain(dict(self.config.env_kwargs)), self.config.wrappers)
            blame = f" (as `wrappers` {', '.join(names)} made it)" if names else ""
            raise UnsupportedSpace(f"{error}{blame}") from None

    def _make_own_vector(self, count: int) -> VectorEnv:
        changed = self._changed + ["max_episode_steps"] * (self.config.max_episode_steps is not None)
        if changed:
            raise InvalidEnvironment(
                f"{_named(changed)} cannot be applied to the vector environment {self.name}: do it in its factory"
            )
        with _failures(f"{self.name}({count})", TAKES_NUMBER):
            vector = self._found(count, **self.config.env_kwargs)  # type: ignore[operator]
        if not isinstance(vector, VectorEnv):
            raise InvalidEnvironment(
                f"{self.name}({count}) made a {what_it_is(vector)}, not a gymnasium VectorEnv: {TAKES_NUMBER}"
            )
        if isinstance(vector.unwrapped, SyncVectorEnv):
            self._check_apart(vector.unwrapped.envs)
        if vector.num_envs != count:
            raise InvalidEnvironment(
                f"{self.name}({count}) made a vector of {vector.num_envs} environments: it must make as many as it is "
                "asked for"
            )
        return vector

    def _with_frames(self, environment: gymnasium.Env) -> gymnasium.Env:
        """With the settings of frames, if any are set."""
        if atari_only := changed(self.config, names_of(AtariSettings)):
            raise SettingsError(f"{_named(atari_only)}: only Atari games have that, and {self.name} is none")
        if self.config.frame_skip not in (None, 1):
            environment = FrameSkip(environment, self.config.frame_skip, self.config.action_masks is not False)
        if self.config.hide:
            environment = hide(environment, self.config.hide)
        return PixelEnv(environment, self.config) if changed(self.config, FRAME_SETTINGS) else environment

    @property
    def _changed(self) -> list[str]:
        """The settings that wrap each environment and are set."""
        skip = ["frame_skip"] * (self.config.frame_skip not in (None, 1))
        return skip + changed(self.config, ["wrappers", "hide", *FRAME_SETTINGS, *names_of(AtariSettings)])

    def _game(self) -> atari.Game | None:
        """The Atari game that this is, if it is one."""
        spec = self.spec
        return atari.Game.of(spec, self.config) if spec is not None and atari.is_game(spec) else None


def find(name: str) -> EnvSpec | EnvironmentFactory:
    """What a name stands for: the registered entry of an id, or the class or function that `module:Name` names.

    The module is imported first, from the current folder too. Atari games are registered when one is asked for.
    """
    if not name:
        raise InvalidEnvironment("name an environment, such as CartPole-v1")
    module_name, colon, id_ = name.rpartition(":")
    module = import_for(name, module_name) if colon else None
    if not colon and (id_.startswith("ALE/") or (id_ not in gymnasium.registry and OLD_ATARI_ID.search(id_))):
        _register_atari(name)
    with _quiet():
        try:
            return gymnasium.spec(id_)
        except gymnasium.error.Error:
            if callable(factory := getattr(module, id_, None)):
                return factory  # type: ignore[reportReturnType]
            raise InvalidEnvironment(_unknown(name)) from None


def _unknown(environment_id: str) -> str:
    """What to say of an id that is not registered."""
    _, colon, name = environment_id.rpartition(":")
    known = [key for key in gymnasium.registry if not key.startswith(("phys2d/", "tabular/", "GymV"))]
    said = f"there is no environment {environment_id!r}"
    if is_policy(name):
        return f"{said}: the network follows from the observations; give the environment alone, such as 'CartPole-v1'"
    close = nearest(name, known)
    if not close:
        return f"{said}; use a Gymnasium id such as CartPole-v1, or module:{name or 'Id'} for one of your own"
    if OLD_ATARI_ID.search(name) and importlib.util.find_spec("ale_py") is None:
        return f"{said}{close}; Atari games need the module ale_py: {install('atari')}"
    slip = difflib.get_close_matches(name, known, cutoff=0.8)
    return f"{said}{close}" if colon or slip else f"{said}{close}; name one of your own with its module, module:{name}"


def _register_atari(environment_id: str) -> None:
    try:
        atari.register()
    except ModuleNotFoundError:
        # Other environments have versions 0 and 4 too.
        if environment_id.startswith("ALE/") or "NoFrameskip" in environment_id or "Deterministic" in environment_id:
            raise InvalidEnvironment(missing(environment_id, "ale_py")) from None


def _named(settings: list[str]) -> str:
    return " ".join(f"`{name}`" for name in settings)


@contextmanager
def _failures(name: str, hint: str = "") -> Iterator[None]:
    """Turns whatever goes wrong while an environment is made into one clear line, which ends with the hint."""
    try:
        with _quiet():
            yield
    except A3CError:
        raise
    except (gymnasium.error.DependencyNotInstalled, ModuleNotFoundError) as error:
        raise not_installed(name, error) from error
    except Exception as error:
        if "required positional argument" in str(error) and not hint:
            hint = "give it in env_kwargs"
        raise InvalidEnvironment(f"{name} could not be made: {described(error)}{hint and f' ({hint})'}") from error


@contextmanager
def _quiet() -> Iterator[None]:
    """Without Gymnasium's notes that a version is older than another, as the user asked for that one, and that an
    environment says of no render_mode that it has it: what cannot be drawn is said in one line."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*is out of date.*")
        warnings.filterwarnings("ignore", message=".*overriding environment.*", category=UserWarning)
        warnings.filterwarnings("ignore", message=".*not in the possible render_modes.*", category=UserWarning)
        yield
