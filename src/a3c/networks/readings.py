"""Readings: what each part of an observation is to the networks here. Importing this takes no JAX.

In use:

    config = with_readings(config, space, own_network=False)    # what the settings leave open is chosen, and recorded
    readings(config, space)[()]                                 # Reading("grid", "HWC", "one_hot")

A reading is what the settings say, and else what suits the part. Runs that were trained before it was recorded have
the scaling "bytes", which stands for the rules of then.
"""

import dataclasses
import math
from typing import NamedTuple

import gymnasium
import numpy as np
from gymnasium.spaces import Box, Dict, Discrete, MultiBinary, MultiDiscrete, Tuple

from a3c.config import TrainConfig
from a3c.config.checks import words_of
from a3c.config.setting import changed
from a3c.environments.observations import parts, size_of
from a3c.errors import SettingsError, nearest

LARGE = 64
"""Rows and columns from which on the convolutions of the A3C paper, made for 84x84, are used."""
SMALL = 16
"""Rows and columns from which on pictures have convolutions with strides."""
LEAST_STRIDED = 10
"""Rows and columns that convolutions with strides need."""
LARGEST_GRID = 24
"""Rows and columns of a grid at most: without strides, larger ones make a dense layer of a million parameters."""
SMALLEST_GRID = 5
"""Rows and columns of a grid at least: there is not much to be seen from place to place in smaller ones."""
SMALLEST_MATRIX = 8
"""Rows and columns that fractions with two axes have at least to look like a grid: rows often are of a table."""
MOST_CHOICES = 16
"""Whole numbers that are one-hot have at most so many values each,"""
MOST_ONE_HOT = 4096
"""and are so many inputs in all."""
MOST_CHOICES_EVER = 256
"""Values of a number that can be set to be one-hot."""
WIDEST = 1024
"""Bounds of whole numbers that are further apart were often drawn at random, and scale nothing."""
PARTS_SHOWN = 4
"""Parts of an observation that are described one by one."""

WORDS = words_of(TrainConfig())
NETWORKS, LAYOUTS = (tuple(filter(None, WORDS[name])) for name in ("network", "input_layout"))
SCALINGS = tuple(word for word in WORDS["input_scaling"] if word not in (None, "bytes"))


class Reading(NamedTuple):
    """How one part is read; a word of each setting."""

    network: str
    layout: str
    scaling: str


NOTHING_GIVEN = Reading(None, None, None)  # type: ignore[arg-type]


def readings(config: TrainConfig, space: gymnasium.Space) -> dict[tuple, Reading]:
    """Of each part, by the keys that lead to it. Raises UnsupportedSpace, and SettingsError for what does not fit."""
    found = parts(space)
    if config.input_scaling == "bytes":
        return {path: _reading_of_bytes(config, path, part) for path, part in found.items()}
    named = {_name(path): path for path in found}
    if wrong := next((name for name in config.input_parts if not named.get(name)), None):
        raise SettingsError(f"`input_parts`: observations have no part {wrong!r}{nearest(wrong, named)}")
    if isinstance(space, Dict | Tuple):
        return _readings_of_parts(config, found)
    given = Reading(config.network, config.input_layout, config.input_scaling)  # type: ignore[arg-type]
    return {(): _reading(config, space, given)}


def with_readings(config: TrainConfig, space: gymnasium.Space, own_network: bool) -> TrainConfig:
    """The settings with the readings in them: once chosen, they stay.

    A network of the user's own gets bytes as pixels and all else as it is, unless told otherwise.
    """
    if own_network:
        if config.normalize_observations is None:
            config = dataclasses.replace(config, normalize_observations=False)
        told = config.input_scaling is not None or config.input_parts
        return config if told else dataclasses.replace(config, input_scaling="bytes")
    found = readings(config, space)
    if config.normalize_observations is None:
        those = normalized_numbers(config, space)
        if any(those) == all(those):
            config = dataclasses.replace(config, normalize_observations=any(those))
    if config.input_scaling == "bytes":
        return config
    if isinstance(space, Dict | Tuple):
        return dataclasses.replace(config, input_parts={_name(path): "/".join(words) for path, words in found.items()})
    network, layout, scaling = found[()]
    return dataclasses.replace(config, network=network, input_layout=layout, input_scaling=scaling)


def normalized_numbers(config: TrainConfig, space: gymnasium.Space) -> tuple[bool, ...]:
    """Which numbers of a packed observation are shifted and scaled by what was seen of them: never choices or bits."""
    found = zip(parts(space).values(), readings(config, space).values(), strict=True)
    return tuple(_is_normalized(config, part, reading) for part, reading in found for _ in range(size_of(part)))


def _is_normalized(config: TrainConfig, part: gymnasium.Space, reading: Reading) -> bool:
    if not isinstance(part, Box) or reading.scaling == "one_hot":
        return False
    if config.normalize_observations is not None:
        return config.normalize_observations
    return reading.network == "mlp" and reading.scaling == "raw" and part.dtype.kind != "b"


def raw_numbers(config: TrainConfig, space: gymnasium.Space) -> np.ndarray:
    """Which numbers of a packed observation are neither scaled by their bounds nor one-hot, flat."""
    raw = [
        isinstance(part, Box) and reading.scaling == "raw"
        for part, reading in zip(parts(space).values(), readings(config, space).values(), strict=True)
    ]
    return np.repeat(raw, [size_of(part) for part in parts(space).values()])


def choices(part: gymnasium.Space) -> int:
    """The values that a number of this part has at most, where it is one-hot."""
    if isinstance(part, Discrete):
        return int(part.n)
    return int(part.nvec.max() if isinstance(part, MultiDiscrete) else _span(part) + 1)


def frame_shape(reading: Reading, part: gymnasium.Space) -> tuple[int, int, int]:
    """`[H, W, C]` of what convolutions see: whatever is neither row nor column is a channel."""
    shape, rows = part.shape or (), reading.layout.index("H")
    channels = math.prod(shape) // math.prod(shape[rows : rows + 2])
    return shape[rows], shape[rows + 1], channels * (choices(part) if reading.scaling == "one_hot" else 1)


def _reading(config: TrainConfig, part: gymnasium.Space, given: Reading) -> Reading:
    """Of one part; what is given must fit it, and None is chosen."""
    suitable = _suitable_scaling(config, part)
    scaling = given.scaling or suitable
    if problem := _misfit(part, scaling):
        raise SettingsError(f"`input_scaling` {scaling} {problem}: use {suitable}")
    layout = given.layout or _suitable_layout(part)
    if given.network == "mlp":
        return Reading("mlp", "flat", scaling)
    if given.layout and given.layout != "flat" and not _has_axes(part, given.layout):
        raise SettingsError(
            f"`input_layout` {layout} needs observations of {len(layout)} axes, but they are {list(part.shape or ())}"
        )
    if given.network is not None:
        if given.layout is None and layout == "flat":
            layout = _spread(part)
        if layout == "flat":
            raise SettingsError(
                f"`network` {given.network} needs frames [H, W, C], but observations are {list(part.shape or ())}: "
                "use mlp"
            )
        return Reading(given.network, layout, scaling)
    network = "mlp" if layout == "flat" else _suitable_network(part, layout, suitable == "pixels")
    return Reading(network, "flat" if network == "mlp" else layout, scaling)


def _readings_of_parts(config: TrainConfig, found: dict[tuple, gymnasium.Space]) -> dict[tuple, Reading]:
    """Of a Dict or Tuple: what is set for all parts goes to those that it fits."""
    suitable = {path: _reading(config, part, NOTHING_GIVEN) for path, part in found.items()}
    fitting = {
        "network": lambda path: config.network == "mlp" or suitable[path].network != "mlp",
        "input_layout": lambda path: config.input_layout == "flat" or _has_axes(found[path], config.input_layout or ""),
        "input_scaling": lambda path: not _misfit(found[path], config.input_scaling),
    }
    given: dict[tuple, list[str | None]] = {path: [None] * 3 for path in found}
    for place, (name, fits) in enumerate(fitting.items()):
        value = getattr(config, name)
        those = [path for path in found if value is not None and fits(path)]
        for path in those:
            given[path][place] = value
        if value is not None and not those:
            raise SettingsError(f"`{name}` {value} fits no part of the observations: leave it out")
    for path in found:
        for word in filter(None, config.input_parts.get(_name(path), "").split("/")):
            given[path][_kind(word)] = word
    return {path: _reading(config, part, Reading(*given[path])) for path, part in found.items()}  # type: ignore[arg-type]


def _kind(word: str) -> int:
    """Which setting it is a word of: network, layout or scaling. Raises SettingsError."""
    for place, words in enumerate((NETWORKS, LAYOUTS, SCALINGS)):
        if word in words:
            return place
    known = [*NETWORKS, *LAYOUTS, *SCALINGS]
    raise SettingsError(f"`input_parts` holds {word!r}, which is none of {', '.join(known)}{nearest(word, known)}")


def _reading_of_bytes(config: TrainConfig, path: tuple, part: gymnasium.Space) -> Reading:
    """As runs had it before it was recorded: only bytes `[H, W, C]` were pictures, and scaled."""
    shape = part.shape or ()
    frames = _holds_bytes(part) and len(shape) == 3 and min(shape[:2]) >= SMALL
    network = config.network if frames or not path else "mlp"
    if network is None:
        network = "mlp" if not frames else "a3c" if min(shape[:2]) >= LARGE else "small"
    if network != "mlp" and len(shape) != 3:
        raise SettingsError(f"`network` {network} needs frames [H, W, C], but observations are {list(shape)}: use mlp")
    scaling = "one_hot" if isinstance(part, Discrete | MultiDiscrete) else "pixels" if _holds_bytes(part) else "raw"
    return Reading(network, "flat" if network == "mlp" else "HWC", scaling)


def _suitable_scaling(config: TrainConfig, part: gymnasium.Space) -> str:
    if isinstance(part, Discrete | MultiDiscrete):
        return "one_hot"
    if not isinstance(part, Box):
        return "raw"
    whole = (part.low == 0).all() and (part.high == 255).all()
    if _holds_bytes(part) and (whole or changed(config, ("pixel_mean", "pixel_std"))):
        return "pixels"
    if np.issubdtype(part.dtype, np.integer):
        span = _span(part)
        if 1 < span < MOST_CHOICES and (span + 1) * math.prod(part.shape) <= MOST_ONE_HOT:
            return "one_hot"
        return "bounds" if span <= WIDEST else "raw"
    return "pixels" if whole and _suitable_layout(part) != "flat" else "raw"


def _suitable_layout(part: gymnasium.Space) -> str:
    """Where the rows and columns are of what looks like a grid or pictures; flat for what does not."""
    shape, layout = part.shape or (), _spread(part)
    if layout == "flat" or min(shape[layout.index("H") :][:2]) < SMALLEST_GRID:
        return "flat"
    if isinstance(part, Box) and np.issubdtype(part.dtype, np.floating):
        low, high = part.low, part.high
        if (low != low.flat[0]).any() or (high != high.flat[0]).any():
            return "flat"
        if len(shape) == 2:
            bounded = low.flat[0] == 0 and np.isfinite(high.flat[0])
            return "HW" if bounded and min(shape) >= SMALLEST_MATRIX and max(shape) <= 2 * min(shape) else "flat"
    elif isinstance(part, Box) and len(shape) == 2 and _span(part) > WIDEST:
        return "flat"
    return layout


def _spread(part: gymnasium.Space) -> str:
    """The layout that two axes side by side speak for: the longest, equal ones rather than unequal."""
    shape = part.shape or ()
    fitting = [layout for layout in LAYOUTS if _has_axes(part, layout)]
    if not fitting or (isinstance(part, MultiDiscrete) and (part.nvec != part.nvec.flat[0]).any()):
        return "flat"

    def extent(layout: str) -> tuple[int, bool]:
        rows = layout.index("H")
        return min(shape[rows : rows + 2]), shape[rows] == shape[rows + 1]

    return max(fitting, key=extent)


def _suitable_network(part: gymnasium.Space, layout: str, pixels: bool) -> str:
    least, most = sorted((part.shape or ())[layout.index("H") :][:2])
    symbols = not pixels and not (isinstance(part, Box) and np.issubdtype(part.dtype, np.floating))
    if most <= LARGEST_GRID and (symbols or least < SMALL):
        return "grid"
    if least >= LARGE:
        return "a3c"
    return "small" if least >= LEAST_STRIDED else "mlp"


def _misfit(part: gymnasium.Space, scaling: str | None) -> str | None:
    """Why a part cannot be scaled so; None where it can."""
    if isinstance(part, Discrete | MultiDiscrete):
        return None if scaling == "one_hot" else "is not for choices, which are one-hot"
    if isinstance(part, MultiBinary):
        return None if scaling == "raw" else "is not for bits, which are given as they are"
    whole = np.issubdtype(part.dtype, np.integer)  # type: ignore[arg-type]
    if scaling == "one_hot" and not (whole and _span(part) < MOST_CHOICES_EVER):
        return f"needs whole numbers that take at most {MOST_CHOICES_EVER} values, but observations are {_range(part)}"
    if scaling == "bounds" and not math.isfinite(_span(part)):
        return f"needs bounds, but observations are {_range(part)}"
    if scaling == "pixels" and not (_holds_bytes(part) or _suitable_layout(part) != "flat"):
        return f"is for bytes and pictures, but observations are {_range(part)}"
    return None


def _has_axes(part: gymnasium.Space, layout: str) -> bool:
    return layout != "flat" and len(layout) == len(part.shape or ())


def _holds_bytes(part: gymnasium.Space) -> bool:
    return isinstance(part, Box) and part.dtype == np.uint8


def _span(part: gymnasium.Space) -> float:
    """The widest distance between the bounds of a number of a Box; 1 for bits."""
    if not isinstance(part, Box) or part.dtype == np.bool_:
        return 1.0
    return float((part.high.astype(np.float64) - part.low.astype(np.float64)).max())


def _name(path: tuple) -> str:
    return "/".join(map(str, path))


def describe(config: TrainConfig, space: gymnasium.Space, own_network: bool) -> str:
    """One line for people: which network, why, and how its inputs are scaled; `with_readings` has filled them in.

    A network is "as set" where another one suits: whether the one that suits was set or chosen is not recorded.
    """
    found, all_parts = readings(config, space), parts(space)
    if own_network:
        inputs = ", ".join(dict.fromkeys(_scaled(config, part, found[path]) for path, part in all_parts.items()))
        return f"network of your own: {inputs}"
    described = {path: _described(config, path, part, found[path]) for path, part in all_parts.items()}
    if not isinstance(space, Dict | Tuple):
        return f"network {described[()]}"
    lines = [f"{_name(path)} {line}" for path, line in described.items()]
    more = f"; and {len(lines) - PARTS_SHOWN} more parts" if len(lines) > PARTS_SHOWN else ""
    return f"networks: {'; '.join(lines[:PARTS_SHOWN])}{more}"


def _described(config: TrainConfig, path: tuple, part: gymnasium.Space, reading: Reading) -> str:
    if config.input_scaling == "bytes":
        suitable = _reading_of_bytes(config.replace(network=None), path, part)
    else:
        suitable = _reading(config, part, NOTHING_GIVEN)
    is_set = reading.network != suitable.network
    looks, scaled = _looks(config, part, reading, is_set), _scaled(config, part, reading)
    return f"{reading.network}{', as set' if is_set else ''} ({looks}; {scaled})"


def _looks(config: TrainConfig, part: gymnasium.Space, reading: Reading, is_set: bool) -> str:
    """What a part looks like, which is why it has its network, unless that is set."""
    shape = part.shape or ()
    size = "x".join(map(str, shape)) or "1"
    where = {"CHW": ", channels first", "HWCS": ", stacked last", "SHWC": ", stacked first"}
    where = (where | {"SCHW": ", stacked and channels first"}).get(reading.layout, "")
    if is_set:
        return f"{size}{where}"
    if reading.network == "mlp":
        what = {Discrete: "choice", MultiDiscrete: "choice", MultiBinary: "bit"}.get(type(part), "number")
        unlike = ", neither a grid nor pictures" if len(shape) > 1 and config.input_scaling != "bytes" else ""
        return f"{size} {what}{'s' if math.prod(shape) != 1 else ''}{unlike}"
    return f"{size} looks like {'a grid' if reading.network == 'grid' else 'pictures'}{where}"


def _scaled(config: TrainConfig, part: gymnasium.Space, reading: Reading) -> str:
    """How the numbers of a part are given to the network."""
    if isinstance(part, Discrete | MultiDiscrete):
        return "one-hot"
    if isinstance(part, MultiBinary):
        return "bits as they are"
    if _is_normalized(config, part, reading):
        return f"{part.dtype} normalised"
    less = f"({part.dtype} - {config.pixel_mean:g})" if config.pixel_mean else f"{part.dtype}"
    how = {
        "pixels": f"{less} / {config.pixel_std:g}",
        "one_hot": f"{_range(part)} one-hot",
        "bounds": f"{_range(part)} scaled to 0 to 1",
        "raw": f"{part.dtype} as {'they are' if math.prod(part.shape or ()) > 1 else 'it is'}",
    }
    return how[reading.scaling]


def _range(part: gymnasium.Space) -> str:
    if not isinstance(part, Box):
        return str(part)
    return f"{part.dtype} {part.low.min():g} to {part.high.max():g}"
