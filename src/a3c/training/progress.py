"""Progress of a run, and how it is shown: a live line, or plain lines without a terminal."""

import select
import sys
import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

from a3c.errors import OutputError, TrainingWarning
from a3c.notebook import in_notebook

SHOWN = 2
"""Keys of `track_info` that a line has room for."""


class FinishedEpisode(NamedTuple):
    """An episode as it stands in `episodes.csv`."""

    return_: float
    """Undiscounted, in the environment's own units."""
    length: int
    step: int
    """Of the whole run."""
    worker: int


@dataclass(frozen=True)
class Progress:
    """A run at one moment. Values are None until there is something to say."""

    steps: int
    episodes: int
    updates: int
    seconds: float
    steps_per_second: float | None
    return_mean_100: float | None
    best_return_mean_100: float | None
    target_return: float | None
    evaluation_mean: float | None
    """Mean return of the last evaluation."""
    policy_lag: float | None
    queue_length: float | None
    """Segments that wait for the learner, in GA3C, IMPALA and IMPACT."""
    entropy: float | None
    fraction: float | None
    """How much of the nearest limit is used up, 0 to 1."""
    eta: float | None
    """Seconds until that limit, at the present pace."""
    stations: int | None = None
    """How many work, of a cluster."""
    info: Mapping[str, float] = field(default_factory=dict)
    """Means over the last 100 episodes, by the keys of `track_info`."""

    def line(self) -> str:
        """One line for people."""
        parts = [f"{self.steps:,} steps"]
        if self.fraction is not None:
            parts[0] += f" ({self.fraction:.0%})"
        if self.steps_per_second is not None:
            parts.append(f"{self.steps_per_second:,.0f} steps/s")
        if self.stations is not None:
            parts.append(f"{self.stations} station{'s' if self.stations != 1 else ''}")
        if self.return_mean_100 is not None:
            target = f" of {self.target_return:g}" if self.target_return is not None else ""
            parts.append(f"return {self.return_mean_100:.1f}{target}")
        if self.best_return_mean_100 is not None:
            parts.append(f"best {self.best_return_mean_100:.1f}")
        if self.evaluation_mean is not None:
            parts.append(f"evaluated {self.evaluation_mean:.1f}")
        parts += [f"{key.rpartition('.')[2]} {mean:.3g}" for key, mean in list(self.info.items())[:SHOWN]]
        if self.policy_lag is not None:
            parts.append(f"lag {self.policy_lag:.1f}")
        if self.queue_length is not None:
            parts.append(f"queue {self.queue_length:.1f}")
        if self.entropy is not None:
            parts.append(f"entropy {self.entropy:.2f}")
        parts.append(f"{self.seconds:.0f} s" + (f", {clock(self.eta)} left" if self.eta is not None else ""))
        return "  ".join(parts)


@contextmanager
def output_errors() -> Iterator[None]:
    """Turns what keeps a line from being shown into an OutputError."""
    try:
        yield
    except OSError as error:
        raise OutputError(f"could not show progress: {error.strerror or error}") from None


class Shown(Protocol):
    """What a display shows: a run at one moment, or a tuning."""

    def line(self) -> str: ...


class Display(Protocol):
    """Where progress is shown."""

    every: float
    """Seconds between two calls of `show`."""

    def show(self, progress: Shown) -> None: ...

    def say(self, line: str) -> None:
        """What people should know of the run."""

    def tell(self, line: str) -> None:
        """What is being done, for those who watch."""

    def close(self, progress: Shown) -> None: ...

    def check(self) -> None:
        """Raises OutputError where whoever read this has gone; asked more often than anything is shown."""


class Paced:
    """A display that is shown something no more often than it asks for."""

    def __init__(self, display: Display, shown: float = 0.0):
        """`shown`: when it was shown something last, on `time.monotonic`."""
        self._display, self._shown = display, shown

    def show(self, state: Callable[[], Shown]) -> None:
        """What `state` gives, where it is time."""
        now = time.monotonic()
        if now - self._shown >= self._display.every:
            self._shown = now
            self._display.show(state())


class PlainLines:
    """A line now and then, for logs."""

    every = 10.0

    def __init__(self, spell: Callable[[str], str] = str):
        self._spell = spell

    def show(self, progress: Shown) -> None:
        self.say(progress.line())

    def say(self, line: str) -> None:
        with output_errors():
            print(_encodable(self._spell(line)), flush=True)

    def tell(self, line: str) -> None:
        self.say(line)

    def close(self, progress: Shown) -> None:
        self.show(progress)

    def check(self) -> None:
        try:
            output = select.poll()
            # Of nothing but that the other end is closed, which is always told.
            output.register(sys.stdout.fileno(), 0)
        except (OSError, ValueError):
            # Not a file, as in a notebook.
            return
        if any(event & (select.POLLERR | select.POLLHUP) for _, event in output.poll(0)):
            raise OutputError("could not show progress: its reader has gone")


class LiveLine(PlainLines):
    """One line that is renewed in place."""

    every = 0.25

    def __init__(self, spell: Callable[[str], str] = str):
        super().__init__(spell)
        self._live: Any = None

    def show(self, progress: Shown) -> None:
        from rich.live import Live
        from rich.text import Text

        with output_errors():
            if self._live is None:
                self._live = Live(auto_refresh=False)
                self._live.start()
            # Cropped without the sign of an ellipsis, which some encodings do not have.
            self._live.update(Text(progress.line(), no_wrap=True, overflow="crop"), refresh=True)

    def say(self, line: str) -> None:
        """A line that stays, above the live one."""
        if self._live is None:
            super().say(line)
            return
        with output_errors():
            self._live.console.print(_encodable(self._spell(line)), markup=False, highlight=False, soft_wrap=True)

    def close(self, progress: Shown) -> None:
        self.show(progress)
        with output_errors():
            self._live.stop()


class NotebookLine(PlainLines):
    """One line below the cell that is renewed in place."""

    every = 0.5

    def __init__(self, spell: Callable[[str], str] = str):
        super().__init__(spell)
        self._shown: Any = None

    def show(self, progress: Shown) -> None:
        from IPython.display import display  # pyright: ignore[reportMissingImports]  there is one in a notebook

        line = {"text/plain": progress.line()}
        if self._shown is None:
            self._shown = display(line, raw=True, display_id=True)
        else:
            self._shown.update(line, raw=True)


class NoDisplay:
    """Shows nothing, and says nothing."""

    every = float("inf")

    def show(self, progress: Shown) -> None: ...
    def say(self, line: str) -> None: ...
    def tell(self, line: str) -> None: ...
    def close(self, progress: Shown) -> None: ...
    def check(self) -> None: ...


class Warnings(NoDisplay):
    """Shows no progress; what people should know of the run is a Python warning."""

    def say(self, line: str) -> None:
        level, frame = 1, sys._getframe()
        # The line that called `learn` is the one to show.
        while frame is not None and frame.f_globals.get("__name__", "").startswith("a3c."):
            level, frame = level + 1, frame.f_back
        warnings.warn(line, TrainingWarning, stacklevel=level)


def is_wanted(progress: bool | None) -> bool:
    """What was asked for; where nothing was, progress is shown to people, and not to pipes and files."""
    if progress is not None:
        return progress
    return sys.stdout is not None and (sys.stdout.isatty() or in_notebook())


def make_display(wanted: bool, otherwise: type[NoDisplay] = NoDisplay, spell: Callable[[str], str] = str) -> Display:
    """Progress, where it is wanted; else a display that shows none. `spell` writes what is said of settings."""
    if not wanted or sys.stdout is None:
        return otherwise()
    if in_notebook():
        return NotebookLine(spell)
    return LiveLine(spell) if sys.stdout.isatty() else PlainLines(spell)


def _encodable(line: str) -> str:
    """The line as the output's encoding has it: what an environment is called or says may have other letters."""
    encoding = sys.stdout.encoding or "utf-8"
    return line.encode(encoding, "replace").decode(encoding)


def clock(seconds: float) -> str:
    """`0:42`, `3:05`, `1:02:07`."""
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{seconds:02d}" if hours else f"{minutes}:{seconds:02d}"
