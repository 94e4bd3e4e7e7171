"""Environments whose observations are pixels, one at a time: their frames as the settings want them."""

from typing import Any

import gymnasium
import numpy as np
from gymnasium.spaces import Box

from a3c.config.environment import FRAME_SETTINGS, WorldSettings
from a3c.config.setting import changed
from a3c.environments.frames import FrameStack, Preprocessing
from a3c.environments.masks import mask_counts, may_repeat
from a3c.environments.results import step
from a3c.errors import SettingsError


class PixelEnv(gymnasium.Wrapper):
    """An environment with uint8 frames `[H, W]` or `[H, W, C]`, cropped, greyed, resized and stacked by the settings.

    Observations are `[h, w, c * frame_stack]`. Raises SettingsError where the environment has no such frames.
    """

    def __init__(self, environment: gymnasium.Env, config: WorldSettings):
        super().__init__(environment)
        space = environment.observation_space
        if not isinstance(space, Box) or space.dtype != np.uint8 or len(space.shape) not in (2, 3):
            wanted = " ".join(f"`{name}`" for name in changed(config, FRAME_SETTINGS))
            what = f"{type(space).__name__}, {list(space.shape or ())}, {space.dtype}"
            raise SettingsError(
                f"{wanted}: only for frames, uint8 [H, W] or [H, W, C], but the observations are {what}: leave out"
            )
        self._preprocess = Preprocessing(space.shape, config)
        self._stack = FrameStack(1, self._preprocess.shape, config.frame_stack or 1)
        self.observation_space = stacked_space(self._preprocess.shape, config)

    def reset(self, **kwargs: Any) -> tuple[np.ndarray, dict[str, Any]]:
        observation, info = self.env.reset(**kwargs)
        return self._observed(observation, started=True), info

    def step(self, action: Any) -> tuple[np.ndarray, Any, bool, bool, dict[str, Any]]:
        observation, reward, terminated, truncated, info = self.env.step(action)
        return self._observed(observation, started=False), reward, terminated, truncated, info

    def _observed(self, frame: np.ndarray, started: bool) -> np.ndarray:
        return self._stack.push(self._preprocess(frame[None]), np.array([started]))[0]


class FrameSkip(gymnasium.Wrapper):
    """Repeats every action for some frames, and adds up their rewards. The last frame is what is seen.

    Where actions are `masked`, no longer than it may be taken.
    """

    def __init__(self, environment: gymnasium.Env, frames: int, masked: bool = True):
        super().__init__(environment)
        self._frames, self._masked = frames, masked and bool(mask_counts(environment.action_space))

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        observation, total, terminated, truncated, info = step(self.env, action)
        for _ in range(self._frames - 1):
            if terminated or truncated or (self._masked and not may_repeat(self.env, action, observation, info)):
                break
            observation, reward, terminated, truncated, info = step(self.env, action)
            total += reward
        return observation, total, terminated, truncated, info


def stacked_space(shape: tuple[int, ...], config: WorldSettings) -> Box:
    """The space of stacks of frames `[h, w, c]`."""
    return Box(0, 255, (*shape[:-1], shape[-1] * (config.frame_stack or 1)), np.uint8)
