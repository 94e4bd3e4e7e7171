"""What is searched, for each kind of algorithm and task. A setting that is not here can be fixed, but not searched.

Narrow on purpose: each setting more takes more trials. What an algorithm alone has stands under the setting's name, for
whichever algorithm has it.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from a3c.config import TrainConfig
from a3c.config.making import own_fields
from a3c.errors import SettingsError, nearest

Value: TypeAlias = bool | int | float | str | None


@dataclass(frozen=True)
class Range:
    """Numbers between two, drawn evenly by their logarithm."""

    low: float
    high: float

    def holding(self, value: Any) -> "Range":
        """A range that the value is in."""
        return Range(min(self.low, value), max(self.high, value))

    def __str__(self) -> str:
        return f"{self.low:g} to {self.high:g}"


@dataclass(frozen=True)
class Choice:
    """One of a few values."""

    values: tuple[Value, ...]

    def holding(self, value: Any) -> "Choice":
        """A choice that has the value too."""
        if value in self.values:
            return self
        values: list[Any] = [*self.values, value]
        if all(isinstance(one, int | float) for one in values):
            values.sort()
        return Choice(tuple(values))

    def __str__(self) -> str:
        return ", ".join(map(spelled, self.values))


Space: TypeAlias = Range | Choice


@dataclass(frozen=True)
class Task:
    """What of an environment decides what is searched."""

    continuous: bool
    """Whether actions, or some of them, are numbers and no choices."""
    frames: bool
    """Whether convolutions see what is observed."""

    def __str__(self) -> str:
        return f"{'continuous' if self.continuous else 'discrete'} actions, {'frames' if self.frames else 'numbers'}"


EVERY: dict[str, Space] = {
    "learning_rate": Range(1e-4, 1e-2),
    "gamma": Choice((0.95, 0.98, 0.99, 0.995, 0.999)),
    "envs_per_worker": Choice((4, 8, 16, 32)),
    "max_gradient_norm": Choice((0.3, 0.5, 1.0, 5.0)),
}
"""Of every algorithm."""

POLICY: dict[str, Space] = {
    "gae_lambda": Choice((0.8, 0.9, 0.95, 0.98, 1.0)),
    "entropy_coefficient": Choice((0.0, 0.001, 0.003, 0.01, 0.03)),
}
"""Of algorithms that learn a policy."""

LEARNS_ONCE: dict[str, Space] = {"segment_length": Choice((5, 8, 16, 32, 64))}
LEARNS_AGAIN: dict[str, Space] = {"segment_length": Choice((16, 32, 64, 128, 256))}
"""Of algorithms that learn from each segment once, and several times."""

NOT_ANNEALED: dict[str, Space] = {"learning_rate_final": Choice((None, 0.0))}
"""Of algorithms that leave the learning rate as it is."""

CONTINUOUS: dict[str, Space] = {"log_std": Choice((None, -0.5, -1.0, -1.5, -2.0))}
"""Of a policy whose actions are numbers."""

FRAMES: dict[str, Space] = {"learning_rate": Range(1e-4, 3e-3), "envs_per_worker": Choice((8, 16, 32))}
"""Instead, where frames are seen."""

OWN: dict[str, Space] = {
    "passes": Choice((2, 4, 5, 10, 20)),
    "minibatch_size": Choice((64, 128, 256, 512)),
    "target_kl": Choice((0.0, 0.01, 0.02, 0.05)),
    "clip_range": Choice((0.1, 0.2, 0.3)),
    "min_batch": Choice((128, 256, 512, 1024)),
    "target_interval": Choice((300, 1000, 3000, 10_000)),
    "q_lambda": Choice((0.3, 0.5, 0.65, 0.8, 0.95)),
}
"""Of the algorithms that have them."""

EXPLORING: dict[str, Space] = {"epsilon_anneal_steps": Choice((5000, 10_000, 20_000, 50_000))}
"""Of algorithms that learn action values."""


def searched(resolved: TrainConfig, task: Task, fixed: Collection[str], search: Collection[str]) -> dict[str, Space]:
    """The space of each setting that is searched, which holds its default.

    Args:
        resolved: the defaults, with all that is measured and chosen filled in.
        task: what they are for.
        fixed: settings that the user has set, which leave the search.
        search: settings to search, where it is not all of them.

    Raises SettingsError where there is nothing to search, or not what is asked for.
    """
    spaces = _spaces(resolved, task)
    for name in search:
        if name not in spaces:
            raise SettingsError(
                f"`search`: {name!r} is not searched with {resolved.algorithm}, {task}{nearest(name, spaces)}; "
                f"what is: {', '.join(spaces)}"
            )
        if name in fixed:
            raise SettingsError(f"`search` names {name}, which is fixed by `{name}`: leave one of them out")
    names = [name for name in search or spaces if name not in fixed]
    if not names:
        raise SettingsError("every setting that could be searched is fixed: leave one of them out")
    return {name: spaces[name].holding(value_of(resolved, name)) for name in names}


def _spaces(config: TrainConfig, task: Task) -> dict[str, Space]:
    own, learns_policy = own_fields(config.algorithm), config.algorithm.network == "policy"
    found = EVERY | (LEARNS_AGAIN if "passes" in own else LEARNS_ONCE)
    found |= POLICY if learns_policy else EXPLORING
    if not config.algorithm.anneals:
        found |= NOT_ANNEALED
    if task.continuous and learns_policy:
        found |= CONTINUOUS
    if task.frames:
        found |= FRAMES
    return found | {name: space for name, space in OWN.items() if name in own}


def value_of(config: TrainConfig, name: str) -> Any:
    """The value of a setting, which may be the algorithm's own."""
    return getattr(config.own if name in own_fields(config.algorithm) else config, name)


def spelled(value: Any) -> str:
    """A setting's value for people."""
    return f"{value:.4g}" if isinstance(value, float) else "none" if value is None else str(value)


def spelled_all(values: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {spelled(value)}" for name, value in values.items())
