"""`a3c inspect`: looks at an environment before it is trained on."""

import math
import shutil
import sys
import textwrap
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from a3c.cli.command import Command, with_flags
from a3c.cli.flags import read
from a3c.cli.train import groups, settings_of
from a3c.config import TrainConfig
from a3c.config.checks import check_ranges
from a3c.config.setting import names_of, setting
from a3c.config.wrappers import spelled
from a3c.processes.starting import start_server

DESCRIPTION = """Look at an environment before training on it. Says what its observations and actions are, what
Gymnasium's checker has to say, which layers the policy will have, how many steps a second there are alone and in
training and where the time goes, and what would go wrong or is worth changing, each in a line with what to do.

a3c inspect my_module:MyEnv-v0 is the first thing to try with an environment of your own; with --seconds 0 nothing is
measured. It takes the settings of a3c train, and looks at what a training with them would be. Nothing is written.

Exit status: 0 it can be trained on, 2 it cannot (or does not exist)."""

WIDEST = 120
"""Columns of the output, where the terminal has as many."""
LABEL = 16
"""Columns that labels take, at the left."""


@dataclass(frozen=True)
class InspectFlags:
    """Flags of `a3c inspect` beside the settings."""

    seconds: float = setting(4.0, at_least=0, everyday="measure training for this long; 0: no measurements")
    """Measure training for this long, after what it takes to start; random play and a worker's environments take a
    quarter of it each. 0: no measurements, only a thousand random steps."""

    recipe: str | None = setting(None, everyday="tuned settings to start from (a3c recipes), or none")
    """Recipe to start from (see a3c recipes), or none for plain defaults. Default: the one for this environment."""


def run(arguments: list[str]) -> int:
    """Runs the command; `arguments` come after `inspect`."""
    command = Command("a3c inspect", DESCRIPTION, groups(("this look", InspectFlags)), "environment")
    given = read(command, arguments, unknown := {})
    config = settings_of(command, given, unknown, limits=("steps", "episodes", "target_return"))
    flags = InspectFlags(**{name: given[name] for name in names_of(InspectFlags) if name in given})
    check_ranges(flags)
    if flags.seconds and config.backend != "inline":
        # It imports JAX on another core meanwhile.
        start_server()
    import jax

    # Looking needs no GPU; a learner that is measured finds its own.
    jax.config.update("jax_platforms", "cpu")
    from a3c.inspecting import inspect
    from a3c.recipes import find_recipe

    with _notes() as say:
        inspection = inspect(config, seconds=flags.seconds, say=say)
    _print(inspection, find_recipe(flags.recipe, config.environment))
    return 0 if inspection.trainable else 2


@contextmanager
def _notes() -> Iterator[Callable[[str], object]]:
    """Says what is being done: in a terminal beside a spinner that goes when all is done, else in lines."""
    if not sys.stdout.isatty():
        yield lambda line: print(f"... {line}", flush=True)
        return
    from rich.console import Console

    with Console().status("making the environment") as status:
        yield status.update


def _print(inspection: Any, recipe: Any) -> None:
    config, play = inspection.config, inspection.play
    print(f"\n{config.environment}")
    for index, line in enumerate(_space_lines(inspection.observation_space)):
        _row("" if index else "observations", line)
    for index, line in enumerate(_space_lines(inspection.action_space)):
        _row("" if index else "actions", line)
    limit = inspection.time_limit
    _row("time limit", "none" if limit is None else f"{limit:,} steps")
    target = config.target_return
    _row("target", "none registered" if target is None else f"mean return {target:g} of 100 episodes")
    _row("stepped by", "a vector form of its own" if inspection.own_vector else "a worker, one after the other")
    for index, wrapper in enumerate(config.wrappers):
        _row("" if index else "wrappers", spelled(wrapper))
    if inspection.frames_per_second:
        _row("drawn at", f"{inspection.frames_per_second} steps a second")
    if play.lives:
        _row("lives", "it tells how many are left (--episodic-life learns that none should be lost)")
    _row("recipe", "none: plain defaults" if recipe is None else f"{recipe.name}: {recipe.title}")
    if recipe is not None:
        _row("", f"reached {recipe.reached}")
    _row("random play", _played(play))
    for index, line in enumerate(inspection.checks or ["nothing to say"]):
        _row("" if index else "checker", line)
    if inspection.policy is not None:
        _print_policy(inspection.policy, config)
    if inspection.speed is not None:
        _print_speed(inspection.speed, play)
    _print_remarks(inspection)


def _print_policy(policy: Any, config: TrainConfig) -> None:
    print(f"\npolicy of {config.algorithm}")
    name, _, why = policy.description.partition(" ")
    _row(name, why)
    _row("actions", policy.actions)
    rows = [
        (part if index == 0 else "", layer.name, "x".join(map(str, layer.output)), f"{layer.parameters:,}")
        for part, found in policy.layers.items()
        for index, layer in enumerate(found)
    ]
    rows = [("", "layer", "output", "parameters"), *rows, ("total", "", "", f"{policy.size:,}")]
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    for part, name, output, parameters in rows:
        gap = max(LABEL, widths[0])
        print(f"  {part:{gap}} {name:{widths[1]}}  {output:>{widths[2]}}  {parameters:>{widths[3]}}")


def _print_speed(speed: Any, play: Any) -> None:
    print("\nsteps a second")
    numbers = [
        ("one environment, random actions", f"{play.steps_per_second:,.0f}"),
        (f"{speed.environments} together, as a worker has them", f"{speed.together:,.0f}"),
        (
            f"training, {speed.workers} worker{'s' if speed.workers != 1 else ''} of {speed.environments}",
            "no update was made in time" if speed.training is None else f"{speed.training:,.0f}",
        ),
    ]
    width = max(len(name) for name, _ in numbers)
    digits = max(len(number) for _, number in numbers)
    for name, number in numbers:
        print(f"  {name:{width}}  {number:>{digits}}")
    share = speed.environment_share
    if share is not None:
        print(
            f"  of a worker's time about {share:.0%} goes to its environments, {1 - share:.0%} to acting and learning"
        )


def _print_remarks(inspection: Any) -> None:
    problems = [remark for remark in inspection.remarks if remark.problem]
    advice = [remark for remark in inspection.remarks if not remark.problem]
    for title, remarks in (("cannot be trained on", problems), ("worth changing", advice)):
        if remarks:
            print(f"\n{title}")
        for remark in remarks:
            _wrapped(with_flags(remark.text), "  - ", "    ")
    if not inspection.remarks:
        print("\nnothing is wrong, and nothing worth changing was seen")


def _played(play: Any) -> str:
    text = f"{play.steps:,} steps"
    if not play.lengths:
        return f"{text}, no episode ended"
    count = len(play.lengths)
    lengths, returns = _span(play.lengths, ","), _span(play.returns, ".4g")
    return f"{text}, {count:,} episode{'s' if count != 1 else ''} of {lengths} steps, returns {returns}"


def _span(values: list[Any], form: str) -> str:
    low, high = min(values), max(values)
    return format(low, form) if low == high else f"{low:{form}} to {high:{form}}"


def _space_lines(space: Any) -> list[str]:
    """What a space holds; a line for each part of a composite one."""
    from gymnasium.spaces import Box, Dict, Discrete, MultiBinary, MultiDiscrete, Tuple

    if isinstance(space, Dict | Tuple):
        parts = space.spaces.items() if isinstance(space, Dict) else enumerate(space.spaces)
        return [f"{key}: {line}" for key, part in parts for line in _space_lines(part)]
    if isinstance(space, Discrete):
        counted = f", counted from {space.start}" if space.start else ""
        return [f"one of {space.n}{counted}"]
    if isinstance(space, MultiDiscrete):
        return [f"choices among {', '.join(map(str, space.nvec.ravel()))}"]
    if isinstance(space, MultiBinary):
        return [f"{'x'.join(map(str, space.shape))} bits"]
    if not isinstance(space, Box):
        return [str(space)]
    size = "x".join(map(str, space.shape)) or "1"
    what = "number" if size == "1" else "numbers"
    if str(space.dtype) == "uint8" and len(space.shape) in (2, 3):
        what = "frames"
    return [f"{size} {what}, {space.dtype}: {_bounds(space)}"]


def _bounds(space: Any) -> str:
    import numpy as np

    # Adding 0 turns -0 into 0.
    lows, highs = space.low.ravel() + 0, space.high.ravel() + 0
    spans = [_between(low, high) for low, high in zip(lows, highs, strict=True)]
    if len(set(spans)) == 1:
        return spans[0]
    if len(spans) <= 8:
        return ", ".join(spans)
    bounds = np.isfinite(lows).astype(int) + np.isfinite(highs)
    both = bounds == 2
    said = [f"{lows[both].min():.4g} to {highs[both].max():.4g} at most"] if both.any() else []
    counts = [((bounds == 1).sum(), "with one bound"), ((bounds == 0).sum(), "without bounds")]
    return ", ".join(said + [f"{count} {what}" for count, what in counts if count])


def _between(low: float, high: float) -> str:
    if low == -math.inf and high == math.inf:
        return "no bounds"
    if low == -math.inf:
        return f"up to {high:.4g}"
    return f"from {low:.4g} on" if high == math.inf else f"{low:.4g} to {high:.4g}"


def _row(label: str, text: str) -> None:
    _wrapped(text, f"  {label:{LABEL}} ", " " * (LABEL + 3))


def _wrapped(text: str, first: str, later: str) -> None:
    width = min(WIDEST, shutil.get_terminal_size((WIDEST, 24)).columns)
    wrapped = textwrap.wrap(text, width, initial_indent=first, subsequent_indent=later, break_on_hyphens=False)
    print("\n".join(wrapped) or first)
