"""Atari games of the Arcade Learning Environment, stepped and preprocessed by its own vector environment.

Two protocols are in use, and the ids say which: `ALE/Pong-v5` is that of Machado et al. 2018, where the emulator
repeats the action before with probability 0.25 (sticky actions); `PongNoFrameskip-v4` and `PongDeterministic-v4` are
that of Mnih et al. 2015, deterministic but for up to 30 no-ops at the start. Every setting can be changed by its flag.

ale-py is licensed under the GPL: it comes with the extra `atari`, and is imported only when a game is asked for.
"""

import dataclasses
from dataclasses import dataclass
from functools import cache
from typing import Any

import gymnasium
import numpy as np
from gymnasium.envs.registration import EnvSpec
from gymnasium.spaces import Box
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space

from a3c.config.environment import WorldSettings
from a3c.environments.frames import FrameStack, Preprocessing
from a3c.environments.pixels import PixelEnv, stacked_space
from a3c.environments.wrapping import wrap
from a3c.errors import SettingsError

ENTRY_POINT = "ale_py.env:AtariEnv"
FRAMES_PER_SECOND = 60
MOST_FRAMES = 108_000
"""Frames after which a game is cut off: half an hour (Machado et al. 2018)."""

INSTEAD = {
    "frameskip": "frame_skip",
    "repeat_action_probability": "sticky_actions",
    "full_action_space": "full_action_space",
    "obs_type": "grayscale",
    "max_num_frames_per_episode": "max_episode_steps",
}
"""Arguments of ALE's environments that are settings here."""


@dataclass(frozen=True)
class Game:
    """A game as its id and the settings want it."""

    rom: str
    frame_skip: int | tuple[int, int]
    """Frames that an action is repeated for; or the bounds, the second excluded, that each number is drawn from."""
    config: WorldSettings
    """The settings, with those of frames and games filled in."""

    @classmethod
    def of(cls, spec: EnvSpec, config: WorldSettings) -> "Game":
        """The game of a registered id."""
        if wrong := next((name for name in INSTEAD if name in config.env_kwargs), None):
            raise SettingsError(f"`env_kwargs` {wrong}: set `{INSTEAD[wrong]}` instead")
        # Without frame skip in the name, it is left to the preprocessing, where it is 4.
        named = spec.kwargs["frameskip"]
        frame_skip = config.frame_skip or (named if named != 1 else 4)
        sticky = spec.kwargs["repeat_action_probability"] if config.sticky_actions is None else config.sticky_actions
        config = dataclasses.replace(
            config,
            sticky_actions=sticky,
            noop_max=(0 if sticky else 30) if config.noop_max is None else config.noop_max,
            grayscale=True if config.grayscale is None else config.grayscale,
            frame_size=config.frame_size or (84, 84),
            frame_stack=config.frame_stack or 4,
        )
        return cls(spec.kwargs["game"], frame_skip, config)

    @property
    def has_vector(self) -> bool:
        """Whether ALE's vector environment has what is asked for; else single ones do it."""
        return isinstance(self.frame_skip, int) and not (self.config.env_kwargs or self.config.wrappers)

    def make_vector(self, count: int, threads: int = 1) -> "AtariVector | None":
        """ALE's vector environment, where it has what is asked for."""
        return AtariVector(self, count, threads) if self.has_vector else None

    def make(self, **kwargs: Any) -> gymnasium.Env:
        """One environment, which can be drawn; `kwargs` such as `render_mode` are ALE's."""
        environment: gymnasium.Env = AtariGame(self, **kwargs)
        if self.config.max_episode_steps is not None:
            environment = gymnasium.wrappers.TimeLimit(environment, self.config.max_episode_steps)
        return PixelEnv(wrap(environment, self.config.wrappers), self.config)


class AtariVector(VectorEnv):
    """ALE's vector environment: frame skip, max-pooling, grey, no-op and fire starts, and resizing in C++.

    Cropping, thresholds and stacks are ours: ALE fills the stack of a new episode with black frames. So is what a lost
    life means (`Collector`): ALE's `episodic_life` starts a new game. Scores are the game's own, never clipped.
    """

    def __init__(self, game: Game, count: int, threads: int):
        from ale_py.vector_env import AtariVectorEnv

        # It writes its mode into a dictionary that all vector environments share, unless it has its own.
        AtariVectorEnv.metadata = dict(AtariVectorEnv.metadata)
        config = game.config
        screen = screen_size(game.rom)
        ours = bool(config.crop) or config.threshold is not None or config.resize != "area"
        # Checked against the screen in any case: C++ would enlarge without a word.
        preprocess = Preprocessing(screen if config.grayscale else (*screen, 3), config)
        height, width = screen if ours else preprocess.shape[:2]
        assert isinstance(game.frame_skip, int)
        most = MOST_FRAMES
        if config.max_episode_steps is not None:
            most = config.max_episode_steps * game.frame_skip
        self._games = AtariVectorEnv(
            game.rom,
            count,
            num_threads=threads,
            frameskip=game.frame_skip,
            repeat_action_probability=config.sticky_actions or 0.0,
            full_action_space=config.full_action_space,
            max_num_frames_per_episode=most,
            maxpool=config.max_pool,
            noop_max=config.noop_max or 0,
            use_fire_reset=config.fire_reset,
            grayscale=bool(config.grayscale),
            img_height=height,
            img_width=width,
            stack_num=1,
            reward_clipping=False,
        )
        self.metadata = {"autoreset_mode": AutoresetMode.NEXT_STEP}
        self._preprocess = preprocess if ours else None
        self._frame_shape = preprocess.shape
        self._stack = FrameStack(count, preprocess.shape, config.frame_stack or 1)
        self.num_envs = count
        self.single_observation_space = stacked_space(preprocess.shape, config)
        self.single_action_space = self._games.single_action_space
        self.observation_space = batch_space(self.single_observation_space, count)
        self.action_space = self._games.action_space
        self._ended = np.zeros(count, bool)

    def reset(self, *, seed: Any = None, options: dict[str, Any] | None = None) -> tuple[np.ndarray, dict[str, Any]]:
        """`seed` is one integer: the games take it and those that follow."""
        frames, info = self._games.reset(seed=seed)
        self._ended[:] = False
        return self._stacked(frames, np.ones(self.num_envs, bool)), {"lives": info["lives"]}

    def step(self, actions: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, dict[str, Any]]:
        frames, rewards, terminated, truncated, info = self._games.step(actions)
        observations = self._stacked(frames, self._ended)
        self._ended = terminated | truncated
        return observations, rewards, terminated, truncated, {"lives": info["lives"]}

    def _stacked(self, frames: np.ndarray, started: np.ndarray) -> np.ndarray:
        frames = frames[:, 0]
        if self._preprocess is not None:
            frames = self._preprocess(frames)
        return self._stack.push(frames.reshape(self.num_envs, *self._frame_shape), started)


class AtariGame(gymnasium.Env):
    """One game, as AtariVector steps it, whose screen can be drawn: frames `[H, W]` or `[H, W, 3]`, not yet resized."""

    def __init__(self, game: Game, **kwargs: Any):
        from ale_py.env import AtariEnv

        config = game.config
        self._game = AtariEnv(
            game.rom,
            obs_type="grayscale" if config.grayscale else "rgb",
            frameskip=1,
            repeat_action_probability=config.sticky_actions or 0.0,
            full_action_space=config.full_action_space,
            max_num_frames_per_episode=MOST_FRAMES,
            **{**config.env_kwargs, **kwargs},
        )
        self._frame_skip, self._config = game.frame_skip, config
        self.observation_space: Box = self._game.observation_space  # type: ignore[assignment]
        self.action_space, self.render_mode = self._game.action_space, self._game.render_mode
        repeated = game.frame_skip if isinstance(game.frame_skip, int) else sum(game.frame_skip) // 2
        self.metadata = self._game.metadata | {"render_fps": FRAMES_PER_SECOND // repeated}

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[np.ndarray, Any]:
        super().reset(seed=seed)
        frame, info = self._game.reset(seed=seed)
        for action in self._first_actions():
            frame, _, terminated, truncated, info = self._game.step(action)
            if terminated or truncated:
                frame, info = self._game.reset()
        return frame, info

    def _first_actions(self) -> list[int]:
        """FIRE where the game has it, and no-ops: as many of them as AtariVector's games take."""
        meanings = self._game.get_action_meanings()
        fire = [meanings.index("FIRE")] if self._config.fire_reset and "FIRE" in meanings else []
        noops = int(self.np_random.integers(self._config.noop_max or 1))
        return fire + [meanings.index("NOOP")] * (noops - len(fire))

    def step(self, action: Any) -> tuple[np.ndarray, float, bool, bool, dict[str, Any]]:
        skip = self._frame_skip
        frame, score, terminated, truncated, info = self._game.step(action)
        frames = [frame]
        for _ in range((skip if isinstance(skip, int) else int(self.np_random.integers(*skip))) - 1):
            if terminated or truncated:
                break
            frame, reward, terminated, truncated, info = self._game.step(action)
            frames.append(frame)
            score += reward
        # Two frames, as the Atari draws some things in every second one only.
        pooled = np.maximum.reduce(frames[-2:]) if self._config.max_pool else frame
        return pooled, score, terminated, truncated, dict(info)

    def render(self) -> Any:
        return self._game.render()

    def close(self) -> None:
        self._game.close()


@cache
def screen_size(rom: str) -> tuple[int, int]:
    """Rows and columns of a game's screen."""
    import ale_py
    from ale_py import roms

    emulator = ale_py.ALEInterface()
    emulator.loadROM(roms.get_rom_path(rom))  # type: ignore[call-overload]
    return tuple(emulator.getScreenDims())


def register() -> None:
    """Registers ALE's games, and the `Deterministic` ids that ale-py no longer has. Raises ModuleNotFoundError."""
    import ale_py

    # Each emulator would print who made it.
    ale_py.ALEInterface.setLoggerMode(ale_py.LoggerMode.Error)
    gymnasium.register_envs(ale_py)
    for spec in list(gymnasium.registry.values()):
        name, _, version = spec.id.rpartition("-")
        new = f"{name}Deterministic-{version}"
        if is_game(spec) and version in ("v0", "v4") and "NoFrameskip" not in name and new not in gymnasium.registry:
            # Four frames hide the Space Invaders' shots, which blink.
            kwargs = spec.kwargs | {"frameskip": 3 if spec.kwargs["game"] == "space_invaders" else 4}
            gymnasium.register(new, ENTRY_POINT, kwargs=kwargs)


def is_game(spec: EnvSpec | None) -> bool:
    """Whether an id is an Atari game's."""
    return spec is not None and spec.entry_point == ENTRY_POINT
