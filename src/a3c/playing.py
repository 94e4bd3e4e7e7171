"""Playing with a trained agent for people to watch: in a window, or into a video file and a filmstrip."""

import importlib.util
import io
import math
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np

from a3c.acting import ActingAgent
from a3c.config.environment import MOST_EPISODE_STEPS
from a3c.config.making import number
from a3c.environments import results
from a3c.environments.generators import GlobalGenerators, play_seed, seed_unseeded
from a3c.environments.importing import not_installed
from a3c.environments.masks import mask_of
from a3c.environments.serial import close_and_say
from a3c.errors import InvalidEnvironment, SettingsError, install
from a3c.runs.files import write_atomically

FRAMES_PER_SECOND = 30
STRIP = (3, 6)
"""Rows and columns of a filmstrip."""
STRIP_WIDTH = 200
"""Pixels that a frame of a filmstrip is wide at most."""
DRAWING = ("pygame", "mujoco", "glfw", "OpenGL")
"""Modules that environments draw with."""
VIDEO_SIDE = 640
"""Pixels that a video's longer side has at most where frames are enlarged: by a whole factor, so pixels stay sharp."""
FILM_BYTES = 4 * 2**30
"""What the frames of a film take at most, which is held in memory."""


def play(
    agent: ActingAgent,
    episodes: int,
    video: Path | None = None,
    *,
    filmstrip: Path | None = None,
    seconds: float | None = None,
    deterministic: bool | None = None,
    seed: int | None = None,
    max_episode_steps: int = MOST_EPISODE_STEPS,
    say: Callable[[str], object] = print,
) -> list[float]:
    """Plays whole episodes in a window, or into files, and returns their returns.

    Args:
        agent: who plays.
        episodes: how many episodes.
        video: a .gif or .mp4 file to film all of it into.
        filmstrip: a .png file, for a few frames of it at even distances.
        seconds: stop filming, and playing, after this many seconds of the video; an episode may then be unfinished,
            and has no return.
        deterministic: whether the most probable actions are taken, or drawn ones; by default what is recorded for the
            agent's model.
        seed: of the environment.
        max_episode_steps: steps after which an episode that does not end is cut; its return is that until then.
        say: called with a line for people that tells how is played, at the end of every episode, and for every file.

    Raises SettingsError for a file that cannot be written, InvalidEnvironment where nothing can be drawn, or
    what draws it is not installed.
    """
    episodes, most = number("episodes", episodes), number("max_episode_steps", max_episode_steps)
    seed = seed if seed is None else number("seed", seed)
    if video is not None:
        _check_video(video)
    if filmstrip is not None:
        _check_file("`filmstrip`", filmstrip, (".png",))
    filming = video is not None or filmstrip is not None
    with GlobalGenerators(play_seed(seed)).swapped(), _drawn(agent.config.environment):
        environment = agent.make_environment(render_mode="rgb_array" if filming else "human")
        seed_unseeded([environment], play_seed(seed))
        fps = int(environment.metadata.get("render_fps", FRAMES_PER_SECOND))
        film = _Film(environment, math.inf if seconds is None else max(1.0, seconds * fps)) if filming else None
        returns = []
        try:
            say(f"plays    {agent.manner(deterministic)}")
            for episode in range(episodes):
                first = seed if episode == 0 else None
                return_, ended = _play_episode(agent, environment, deterministic, first, most, film)
                if return_ is None:
                    break
                returns.append(return_)
                cut = "" if ended else f", cut after {most:,} steps without an end"
                say(f"episode {episode + 1}: return {return_:g}{cut}")
        finally:
            close_and_say(environment)
    if film is not None and film.bytes >= FILM_BYTES:
        gibibytes = f"{FILM_BYTES / 2**30:g} GiB"
        say(f"filmed   the first {len(film.frames):,} frames, which fill {gibibytes}: `seconds` ends sooner")
    if film is not None and video is not None:
        _write(video, film.frames, fps)
        say(f"video    {video} ({len(film.frames)} frames, {len(film.frames) / fps:.0f} s)")
    if film is not None and filmstrip is not None:
        _write_strip(filmstrip, film.frames)
        say(f"strip    {filmstrip}")
    return returns


class _Film:
    """The frames that an environment draws, up to a number of them."""

    def __init__(self, environment: gymnasium.Env, most: float):
        self._environment, self._most = environment, most
        self.frames: list[np.ndarray] = []
        self.bytes = 0

    @property
    def full(self) -> bool:
        return len(self.frames) >= self._most or self.bytes >= FILM_BYTES

    def add(self) -> None:
        frame = self._environment.render()
        if not isinstance(frame, np.ndarray) or frame.ndim != 3:
            raise InvalidEnvironment(f"{self._environment} draws no rgb frames, so there is nothing to film")
        self.frames.append(frame)
        self.bytes += frame.nbytes


def _play_episode(
    agent: ActingAgent,
    environment: gymnasium.Env,
    deterministic: bool | None,
    seed: int | None,
    most: int,
    film: _Film | None,
) -> tuple[float | None, bool]:
    """An episode's return, None where the film was full before its end, and whether it ended within `most` steps."""
    observation, info = results.reset(environment, seed)
    return_, ended, steps, state = 0.0, False, 0, None
    while not ended and steps < most:
        if film is not None:
            if film.full:
                return None, False
            film.add()
        mask = mask_of(environment, observation, info) if agent.config.action_masks else None
        action, state = agent.predict(observation, state, deterministic, mask)
        observation, reward, terminated, truncated, info = results.step(environment, action)
        return_ += reward
        steps += 1
        ended = terminated or truncated
    if film is not None and not film.full:
        film.add()
    return return_, ended


@contextmanager
def _drawn(name: str) -> Iterator[None]:
    """Names what is missing where drawing needs a module: environments look for it when they draw first."""
    try:
        yield
    except (gymnasium.error.DependencyNotInstalled, ModuleNotFoundError) as error:
        raise not_installed(name, error) from None
    except InvalidEnvironment as error:
        if "unexpected keyword argument 'render_mode'" in str(error):
            raise InvalidEnvironment(f"{name} takes no render_mode, so there is nothing of it to see") from None
        raise
    except Exception as error:
        # What the libraries that draw say, where they find no screen for example.
        if type(error).__module__.partition(".")[0] in DRAWING:
            raise InvalidEnvironment(f"{name} cannot be drawn here: {error}") from None
        raise


def _check_video(video: Path) -> None:
    _check_file("`video`", video, (".gif", ".mp4"))
    if video.suffix == ".mp4" and not all(map(importlib.util.find_spec, ("imageio", "imageio_ffmpeg"))):
        raise SettingsError(f"`video` {video}: writing .mp4 needs the video extra: {install('video')}")


def _check_file(flag: str, file: Path, endings: tuple[str, ...]) -> None:
    if file.suffix not in endings:
        raise SettingsError(f"{flag} {file}: name a {' or '.join(endings)} file")
    if not file.resolve().parent.is_dir():
        raise SettingsError(f"{flag} {file}: there is no folder {file.parent}")


def _write(video: Path, frames: list[np.ndarray], frames_per_second: int) -> None:
    height, width = frames[0].shape[:2]
    factor = max(1, VIDEO_SIDE // max(height, width))
    height, width = height * factor, width * factor
    if video.suffix == ".gif":
        from PIL import Image

        # One after the other: all of them enlarged may be more than there is memory for.
        images = (image.resize((width, height), Image.Resampling.NEAREST) for image in _images(frames))
        content = io.BytesIO()
        # GIF counts in hundredths of a second, and viewers slow down below two of them.
        duration = max(20, round(1000 / frames_per_second))
        more = {"append_images": images, "duration": duration, "loop": 0, "optimize": True}
        next(images).save(content, "GIF", save_all=True, **more)
        write_atomically(video, content.getvalue())
    else:
        import imageio.v3 as imageio

        # Even numbers of pixels, as most players ask for.
        size = f"scale={width + width % 2}:{height + height % 2}:flags=neighbor"
        options = {"fps": frames_per_second, "macro_block_size": 1, "extension": ".mp4", "output_params": ["-vf", size]}
        with warnings.catch_warnings():
            # JAX warns of every fork; this one runs another program at once.
            warnings.filterwarnings("ignore", message=".*os.fork", category=RuntimeWarning)
            film = imageio.imwrite("<bytes>", np.stack(frames), **options)  # type: ignore[arg-type]
        write_atomically(video, film)


def _write_strip(strip: Path, frames: list[np.ndarray]) -> None:
    """The first frame, the last, and those at even distances between, row by row."""
    from PIL import Image

    rows, columns = STRIP
    # A short film has fewer frames than there is room for.
    chosen = np.unique(np.linspace(0, len(frames) - 1, rows * columns).round().astype(int))
    images = _images([frames[index] for index in chosen])
    scale = min(1.0, STRIP_WIDTH / images[0].width)
    width, height = round(images[0].width * scale), round(images[0].height * scale)
    gap = 4
    sheet = Image.new("RGB", (columns * (width + gap) + gap, rows * (height + gap) + gap), "white")
    for index, image in enumerate(images):
        row, column = divmod(index, columns)
        sheet.paste(image.resize((width, height)), (gap + column * (width + gap), gap + row * (height + gap)))
    content = io.BytesIO()
    sheet.save(content, "PNG")
    write_atomically(strip, content.getvalue())


def _images(frames: list[np.ndarray]) -> list[Any]:
    from PIL import Image

    return [Image.fromarray(frame) for frame in frames]
