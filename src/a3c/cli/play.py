"""`a3c play`: watch a run's agent, in a window or as a video."""

import os
import sys
from dataclasses import dataclass
from pathlib import Path

from a3c.cli.agents import AgentFlags, parse, quiet_jax, saved_checkpoint
from a3c.config.setting import setting
from a3c.errors import SettingsError


@dataclass(frozen=True)
class PlayFlags(AgentFlags):
    """Flags of `a3c play`."""

    video: Path | None = None
    """Write a video instead of opening a window: .gif, or .mp4 with the video extra."""

    filmstrip: Path | None = None
    """Write a few frames at even distances into a .png file, for a quick look; with --video or instead of it."""

    seconds: float | None = None
    """Stop after this many seconds of the video."""

    episodes: int = setting(1, at_least=1)
    """Episodes to play."""


def run(arguments: list[str]) -> int:
    """Runs the command; `arguments` come after `play`."""
    flags = parse(PlayFlags, arguments, "a3c play", "Watch a run's agent, in a window or as a video.")
    filming = flags.video is not None or flags.filmstrip is not None
    if not filming and not _has_display():
        raise SettingsError("there is no display to open a window on: write a video with --video agent.gif")
    if flags.seconds is not None and not (filming and flags.seconds > 0):
        raise SettingsError("--seconds limits what --video and --filmstrip show: give it with one of them, above 0")
    quiet_jax()
    if filming:
        # Frames are drawn without a window, which pygame would otherwise look for.
        os.environ.setdefault("SDL_VIDEODRIVER", "dummy")
    from a3c.loading import agent_from
    from a3c.playing import play

    play(
        agent_from(saved_checkpoint(flags, "play")),
        flags.episodes,
        flags.video,
        filmstrip=flags.filmstrip,
        seconds=flags.seconds,
        deterministic=flags.deterministic,
        seed=flags.seed,
        max_episode_steps=flags.max_episode_steps,
    )
    return 0


def _has_display() -> bool:
    return sys.platform in ("win32", "darwin") or any(os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY"))
