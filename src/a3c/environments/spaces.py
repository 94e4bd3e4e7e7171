"""What observations and actions are stored as, what a space is made of, and how it is described in a checkpoint."""

import math
from collections.abc import Iterator
from typing import Any, Literal, NamedTuple

import gymnasium
import numpy as np

from a3c.errors import UnsupportedSpace
from a3c.learning.moments import Statistics

NO_STATISTICS = Statistics()


class Layout(NamedTuple):
    """Shapes and kinds of numbers of what one environment has at one step."""

    observation: tuple[int, ...]
    observation_dtype: np.dtype
    action: tuple[int, ...]
    action_dtype: np.dtype
    noise: tuple[int, ...]
    """What a policy samples an action from, float32."""
    statistics: Statistics = NO_STATISTICS
    """What is normalised."""
    state: int = 0
    """Numbers that a recurrent policy remembers, float32; 0 for the others."""
    mask: int = 0
    """Choices that an action mask says of whether they are valid, bool; 0 where there are no masks."""

    def apart(self, predictions: np.ndarray) -> "Prediction":
        """What numbers `[..., actions' size + 2 + S]` say, as `Policy.predict` gives them."""
        size = math.prod(self.action)
        actions = predictions[..., :size].reshape(*predictions.shape[:-1], *self.action)
        state = predictions[..., size + 2 :] if self.state else None
        return Prediction(actions.astype(self.action_dtype), predictions[..., size], predictions[..., size + 1], state)


class Prediction(NamedTuple):
    """What a policy does where it is asked, `[..., *shape]`, and what it says of that."""

    actions: np.ndarray
    log_probs: np.ndarray
    """How probable these actions were, `[...]`."""
    values: np.ndarray
    """Of the observations, `[...]`."""
    state: np.ndarray | None
    """What a recurrent policy remembers next, `[..., S]`."""


ODD_KINDS = {gymnasium.spaces.Text: "text", gymnasium.spaces.Sequence: "a sequence of any length"}


ORDINARY = (
    gymnasium.spaces.Box,
    gymnasium.spaces.Discrete,
    gymnasium.spaces.MultiDiscrete,
    gymnasium.spaces.MultiBinary,
)
KINDS = "Box, Discrete, MultiDiscrete and MultiBinary"
SUPPORTED = "Box, Discrete, MultiDiscrete, MultiBinary, and Dict and Tuple of these"
EXAMPLES = {"observation": "Box(0, 0)", "action": "Discrete(1)"}
"""Of a part, where a space has none."""


def parts_of(space: gymnasium.Space) -> dict[tuple, gymnasium.Space]:
    """The spaces that a Dict or Tuple is made of, by the keys that lead to each, in order; any other is its own one."""
    if isinstance(space, gymnasium.spaces.Dict | gymnasium.spaces.Tuple):
        inner = space.spaces.items() if isinstance(space, gymnasium.spaces.Dict) else enumerate(space.spaces)
        return {(key, *path): part for key, within in inner for path, part in parts_of(within).items()}
    return {(): space}


def ordinary_parts(space: gymnasium.Space, what: Literal["observation", "action"]) -> dict[tuple, gymnasium.Space]:
    """The same, of which each part is one that networks read, or policies give. Raises UnsupportedSpace."""
    found, wrapper = parts_of(space), f"a gymnasium.wrappers.Transform{what.capitalize()} of your own"
    if not found:
        raise UnsupportedSpace(
            f"{what} space {space} has no parts: give it one, such as {EXAMPLES[what]}, with {wrapper}"
        )
    for path, part in found.items():
        if isinstance(part, ORDINARY):
            continue
        if not path:
            raise UnsupportedSpace(
                f"{what} space {in_a_line(space)} is not supported; supported: {SUPPORTED}. Wrap the environment with "
                f"{wrapper}"
            )
        it = f"{joined(path)!r} of the {what}s is {kind_of(part)}, which no"
        if what == "action":
            raise UnsupportedSpace(f"{it} policy here gives: leave it out, or make it one of {KINDS}, with {wrapper}")
        hidden = "it" if len(path) == 1 else f"all of {path[0]!r}"
        leave = f"leave {hidden} out, with `hide` {path[0]}, or " if isinstance(space, gymnasium.spaces.Dict) else ""
        raise UnsupportedSpace(f"{it} network here reads: {leave}make numbers of it with {wrapper}")
    return found


def in_form(space: gymnasium.Space, parts: Iterator[Any]) -> Any:
    """What there is of each part, in its order, in the form of the space: what `parts_of` takes apart."""
    if isinstance(space, gymnasium.spaces.Dict):
        return {key: in_form(part, parts) for key, part in space.spaces.items()}
    if isinstance(space, gymnasium.spaces.Tuple):
        return tuple(in_form(part, parts) for part in space.spaces)
    return next(parts)


def joined(path: tuple) -> str:
    """For people: the keys that lead to a part."""
    return "/".join(map(str, path))


def in_a_line(space: gymnasium.Space) -> str:
    """For people: a space as it writes itself, which may be in several lines."""
    return " ".join(str(space).split())


def kind_of(space: gymnasium.Space) -> str:
    """For people: what a space holds that no network reads or gives."""
    return ODD_KINDS.get(type(space), f"a {type(space).__name__}")


def one_of(batch: Any, index: int) -> Any:
    """Of a batch of actions as Gymnasium has it, an array or a dictionary or tuple of such, the action of one place."""
    if isinstance(batch, dict):
        return {key: one_of(part, index) for key, part in batch.items()}
    if isinstance(batch, tuple):
        return tuple(one_of(part, index) for part in batch)
    return batch[index]


def describe_space(space: gymnasium.Space) -> dict[str, Any]:
    """What must match for a policy to fit: kind, shape, type of numbers and number of choices. Plain JSON values."""
    if isinstance(space, gymnasium.spaces.Dict):
        return {"kind": "Dict", "parts": {key: describe_space(inner) for key, inner in space.spaces.items()}}
    if isinstance(space, gymnasium.spaces.Tuple):
        return {"kind": "Tuple", "parts": [describe_space(inner) for inner in space.spaces]}
    description: dict[str, Any] = {"kind": type(space).__name__, "shape": list(space.shape or ())}
    if isinstance(space, gymnasium.spaces.Discrete):
        description |= {"n": int(space.n), "start": int(space.start)}
    elif isinstance(space, gymnasium.spaces.MultiDiscrete):
        description |= {"nvec": space.nvec.tolist(), "start": space.start.tolist()}
    else:
        description["dtype"] = observation_dtype(space).name
    return description


def other_order(here: dict[str, Any], trained: dict[str, Any]) -> str:
    """For people: how the keys of a described space come in another order than those that were trained for, which are
    the same; nothing where they don't. What has parts is packed in their order, which no comparison of spaces sees."""
    theirs, ours = (", ".join(map(joined, _paths(space))) for space in (trained, here))
    return "" if ours == theirs else f"the keys in the order {theirs}, not {ours}: give the space that order"


def _paths(description: dict[str, Any]) -> list[tuple]:
    """The keys that lead to each part of a described space, in its order."""
    inner = description.get("parts")
    if inner is None:
        return [()]
    each = inner.items() if isinstance(inner, dict) else enumerate(inner)
    return [(key, *path) for key, part in each for path in _paths(part)]


def largest_entropy(description: dict[str, Any]) -> float | None:
    """That of a policy over the actions of such a space, in nats, where all are as likely; None where they are no
    choices."""
    match description["kind"]:
        case "Discrete":
            return math.log(description["n"])
        case "MultiDiscrete":
            return math.fsum(math.log(n) for n in np.ravel(description["nvec"]))
        case "MultiBinary":
            return math.prod(description["shape"]) * math.log(2)
        case "Dict" | "Tuple":
            inner = description["parts"]
            found = [largest_entropy(part) for part in (inner.values() if isinstance(inner, dict) else inner)]
            return None if None in found else math.fsum(found)  # type: ignore[arg-type]
    return None


def observation_dtype(space: gymnasium.Space) -> np.dtype:
    """How observations are stored: bytes stay bytes, all else becomes float32."""
    return np.dtype(np.uint8) if space.dtype == np.uint8 else np.dtype(np.float32)
