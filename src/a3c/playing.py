"""Playing with a trained agent for people to watch: in a window, or into a video file."""

from collections.abc import Callable
from pathlib import Path

import gymnasium
import numpy as np

from a3c.agent import Agent
from a3c.errors import InvalidEnvironment, SettingsError
from a3c.runs.files import disk_errors

FRAMES_PER_SECOND = 30


def play(
    agent: Agent,
    episodes: int,
    video: Path | None,
    *,
    deterministic: bool = True,
    seed: int | None = None,
    say: Callable[[str], object] = print,
) -> list[float]:
    """Plays whole episodes in a window, or into `video`, and returns their returns.

    Raises SettingsError for a video format that cannot be written, InvalidEnvironment where nothing can be drawn.
    """
    if video is not None:
        _check_format(video)
    environment = agent.make_environment(render_mode="rgb_array" if video is not None else "human")
    frames: list[np.ndarray] = []
    returns = []
    try:
        for episode in range(episodes):
            return_ = _play_episode(agent, environment, deterministic, seed if episode == 0 else None, frames, video)
            returns.append(return_)
            say(f"episode {episode + 1}: return {return_:g}")
    finally:
        environment.close()
    if video is not None:
        _write(video, frames, int(environment.metadata.get("render_fps", FRAMES_PER_SECOND)))
        say(f"video    {video} ({len(frames)} frames)")
    return returns


def _play_episode(
    agent: Agent,
    environment: gymnasium.Env,
    deterministic: bool,
    seed: int | None,
    frames: list[np.ndarray],
    video: Path | None,
) -> float:
    observation, _ = environment.reset(seed=seed)
    return_, ended, state = 0.0, False, None
    while not ended:
        if video is not None:
            frames.append(_frame(environment))
        action, state = agent.predict(observation, state, deterministic)
        observation, reward, terminated, truncated, _ = environment.step(action)
        return_ += float(reward)
        ended = terminated or truncated
    if video is not None:
        frames.append(_frame(environment))
    return return_


def _frame(environment: gymnasium.Env) -> np.ndarray:
    frame = environment.render()
    if not isinstance(frame, np.ndarray) or frame.ndim != 3:
        raise InvalidEnvironment(f"{environment} draws no rgb frames, so there is nothing to film")
    return frame


def _check_format(video: Path) -> None:
    if video.suffix not in (".gif", ".mp4"):
        raise SettingsError(f"--video {video}: name a .gif or .mp4 file")
    if not video.resolve().parent.is_dir():
        raise SettingsError(f"--video {video}: there is no folder {video.parent}")
    if video.suffix == ".mp4":
        try:
            import imageio_ffmpeg  # noqa: F401
        except ImportError:
            raise SettingsError(
                f"--video {video}: writing .mp4 needs the video extra: pip install 'a3c[video]' (.gif works without)"
            ) from None


def _write(video: Path, frames: list[np.ndarray], frames_per_second: int) -> None:
    with disk_errors(video):
        if video.suffix == ".gif":
            from PIL import Image

            images = [Image.fromarray(frame) for frame in frames]
            # GIF counts in hundredths of a second, and viewers slow down below two of them.
            duration = max(20, round(1000 / frames_per_second))
            images[0].save(video, save_all=True, append_images=images[1:], duration=duration, loop=0, optimize=True)
        else:
            import imageio.v3 as imageio

            imageio.imwrite(video, np.stack(frames), fps=frames_per_second, macro_block_size=2)
