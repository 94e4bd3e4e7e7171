"""Action masks: which actions may be taken now, where an environment says so.

In use:

    offer = offered_by(environment)                     # where it says so: "observation", "info", "method"; or None
    masks = Masks(environments)                         # a Stepper's, of a vector of them
    masks.read(observations, info, ended, terminated)   # [B, n]

An environment says so in one of three ways: in an observation that is a Dict, under the key `action_mask`; in
`info["action_mask"]` of reset and step, as Gymnasium's Taxi does; or when its method `action_masks()` is called, as
sb3-contrib asks for. A mask is kept as booleans, one for each choice and True where it is valid: `[n]` for a Discrete
space, `[sum(nvec)]` for a MultiDiscrete one. Every choice needs one that is valid, unless the episode has ended.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

import gymnasium
import numpy as np
from gymnasium.spaces import Box, Dict, Discrete, MultiDiscrete
from gymnasium.vector import VectorEnv

from a3c.errors import InvalidEnvironment

KEY, METHOD = "action_mask", "action_masks"

Offer = Literal["observation", "info", "method"]
OFFERS: dict[Offer, str] = {
    "observation": f"the observations' {KEY}",
    "info": f"info['{KEY}']",
    "method": f"{METHOD}()",
}
"""For people: where masks come from."""
HOW = f"give them in info['{KEY}'] of reset and step, under the key {KEY} of observations, or by a method {METHOD}()"


def mask_counts(space: gymnasium.Space) -> tuple[int, ...]:
    """The options of each choice that an action is made of; none where actions have no masks."""
    if isinstance(space, Discrete):
        return (int(space.n),)
    return tuple(space.nvec.ravel().tolist()) if isinstance(space, MultiDiscrete) else ()


def unmasked(space: gymnasium.Space) -> gymnasium.Space:
    """What of an observation space is to be seen, where the mask in it is not."""
    if not _has_key(space):
        return space
    assert isinstance(space, Dict)
    seen = {key: part for key, part in space.spaces.items() if key != KEY}
    if not seen:
        raise InvalidEnvironment(f"observations hold nothing but {KEY}: give the agent something to see too")
    return Dict(seen)


def offered_by(environment: gymnasium.Env | VectorEnv) -> Offer | None:
    """Where one environment, or a vector of them, gives masks; None where it does not. It is reset for that, unless its
    actions are numbers, which have none.

    None too where it fails: the run will say how. Raises InvalidEnvironment for a mask that is none.
    """
    space = getattr(environment, "single_action_space", environment.action_space)
    if isinstance(space, Box):
        return _offer(environment, {})
    try:
        observation, info = environment.reset()
        offer = _offer(environment, info)
    except Exception:
        return None
    if isinstance(environment, gymnasium.Env):
        mask_of(environment, observation, info)
    return offer


def _offer(environment: gymnasium.Env | VectorEnv, info: Any) -> Offer | None:
    if _has_key(_observation_space(environment)):
        return "observation"
    if isinstance(info, Mapping) and KEY in info:
        return "info"
    return "method" if _methods(environment) else None


def _observation_space(environment: gymnasium.Env | VectorEnv) -> gymnasium.Space:
    return getattr(environment, "single_observation_space", environment.observation_space)


def _has_key(space: gymnasium.Space) -> bool:
    return isinstance(space, Dict) and KEY in space.spaces


def _methods(environment: gymnasium.Env | VectorEnv) -> list[Callable[[], Any]]:
    """The method of the environment, or of each in a vector, whatever wrappers are around it; empty where there is
    none. A vector that has no environments has one that gives all masks."""
    inside = getattr(environment.unwrapped, "envs", None) if isinstance(environment, VectorEnv) else [environment]
    if not inside:
        found = [getattr(environment, METHOD, None)]
    elif all(one.has_wrapper_attr(METHOD) for one in inside):
        found = [one.get_wrapper_attr(METHOD) for one in inside]
    else:
        found = []
    return [method for method in found if callable(method)]


class Masks:
    """Reads the masks of a vector environment, however it gives them."""

    def __init__(self, environments: VectorEnv, info: Any):
        """`info` is that of a reset. Raises InvalidEnvironment where there are none."""
        self._count, self._counts = environments.num_envs, mask_counts(environments.single_action_space)
        self._size = sum(self._counts)
        offer = _offer(environments, info)
        if offer is None:
            raise InvalidEnvironment(f"the environment gives no action masks, and `action_masks` is on: {HOW}")
        self._offer, self._methods = offer, _methods(environments) if offer == "method" else []
        self._of_all = offer == "method" and not getattr(environments.unwrapped, "envs", None)

    @property
    def all_valid(self) -> np.ndarray:
        """Masks by which all actions are valid, `[B, n]`."""
        return np.ones((self._count, self._size), bool)

    def read(self, given: Any, info: Any, ended: np.ndarray, terminated: np.ndarray) -> np.ndarray:
        """The masks `[B, n]` for what a step or reset gave.

        All actions are valid where an episode has `terminated`, as none follows; and where it has `ended` otherwise and
        there is no valid action, or no mask.

        Raises InvalidEnvironment, with the environment, for a mask that is none.
        """
        found = self._found(given, info, terminated)
        masks = None if ended.any() else _batch(found, (self._count, self._size))
        if masks is None:
            masks = self._one_by_one(found, ended, terminated)
        elif (wrong := ~has_choices(masks, self._counts).all(axis=1)).any():
            index = int(np.argmax(wrong))
            _check_choices(f"environment {index}", masks[index], self._counts)
        return masks

    def joined(self, info: Any, begun: Any, done: np.ndarray) -> dict[str, Any]:
        """The `info` of a step, with what a reset of those that were `done` gave in their places."""
        each, anew = _each(info, self._count), _each(begun, self._count)
        return {KEY: [second if over else first for first, second, over in zip(each, anew, done, strict=True)]}

    def read_final(self, info: Any, done: np.ndarray, terminated: np.ndarray) -> np.ndarray:
        """Those of final observations, where these come apart: in `info["final_obs"]` and `info["final_info"]`. All
        actions are valid where there is none."""
        found: Sequence[Any] = [None] * self._count
        if self._offer == "observation":
            found = [info["final_obs"][index].get(KEY) if over else None for index, over in enumerate(done)]
        elif self._offer == "info":
            found = _each(info.get("final_info", {}), self._count)
        return self._one_by_one(found, done, terminated | ~done)

    def _found(self, given: Any, info: Any, terminated: np.ndarray) -> Sequence[Any]:
        """What there is of each environment, as it gave it."""
        if self._offer == "observation":
            return rows_of(given[KEY], self._counts)
        if self._offer == "info":
            return _each(info, self._count)
        if self._of_all:
            return self._methods[0]()
        # Where an episode has terminated nobody asks, and there may be nothing to say.
        return [None if over else method() for method, over in zip(self._methods, terminated, strict=True)]

    def _one_by_one(self, found: Sequence[Any], ended: np.ndarray, terminated: np.ndarray) -> np.ndarray:
        if len(found) != self._count:
            raise InvalidEnvironment(f"there are {self._count} environments, but action masks for {len(found)}")
        each = zip(range(self._count), found, ended, terminated, strict=True)
        return np.stack([self._one(*of_one) for of_one in each])

    def _one(self, index: int, given: Any, ended: bool, terminated: bool) -> np.ndarray:
        """The mask of one environment."""
        if terminated or (ended and given is None):
            return np.ones(self._size, bool)
        try:
            mask = flat_mask(given, self._counts)
        except ValueError as error:
            raise InvalidEnvironment(f"environment {index} gave an action mask that {error}") from None
        if ended and not has_choices(mask, self._counts).all():
            return np.ones(self._size, bool)
        _check_choices(f"environment {index}", mask, self._counts)
        return mask


def _each(info: Any, count: int) -> Sequence[Any]:
    """`info["action_mask"]` of each environment; None where it has none."""
    given = info.get(KEY)
    if given is None:
        return [None] * count
    there = info.get(f"_{KEY}")
    if there is None or np.all(there):
        return given
    return [mask if is_there else None for mask, is_there in zip(given, there, strict=True)]


def _batch(found: Sequence[Any], shape: tuple[int, int]) -> np.ndarray | None:
    """Masks of a batch at once, where all are what they usually are; None where they are to be looked at one by one."""
    try:
        masks = np.asarray(found)
    except ValueError:
        return None
    if masks.shape != shape:
        return None
    if masks.dtype == bool:
        return masks
    if masks.dtype.kind not in "iuf" or not ((masks == 0) | (masks == 1)).all():
        return None
    return masks.astype(bool)


def flat_mask(given: Any, counts: Sequence[int]) -> np.ndarray:
    """One mask as booleans `[sum(counts)]`; what is given is in a row too, or has a part for each choice.

    Raises ValueError that goes on a sentence, "it ...", where it is no mask.
    """
    size = sum(counts)
    try:
        mask = np.asarray(given)
    except ValueError:
        mask = np.empty(0, object)
    parts = _parts(given)
    if mask.shape != (size,) and len(parts) == len(counts) > 1:
        sizes = tuple(part.size for part in parts)
        if sizes != tuple(counts):
            raise ValueError(f"has parts of {_named(sizes)}: the choices have {_named(counts)} options")
        mask = np.concatenate([part.ravel() for part in parts])
    if given is None:
        raise ValueError(f"is missing: {HOW}, always in the same way")
    if mask.shape != (size,):
        told = f"has shape {mask.shape}" if mask.dtype.kind in "biuf" else f"is {_short(given)}"
        raise ValueError(f"{told}: make it an array of {size}, 1 for each action that may be taken, 0 for the others")
    if mask.dtype.kind not in "biuf" or not ((mask == 0) | (mask == 1)).all():
        raise ValueError(f"holds {_short(_first_wrong(mask))}: 1 is for an action that may be taken, 0 for others")
    return mask.astype(bool)


def rows_of(given: Any, counts: Sequence[int]) -> Any:
    """The masks in a batch, each as it was given: those that have parts are batched part by part."""
    if isinstance(given, tuple) and len(given) == len(counts) > 1:
        return list(zip(*given, strict=False))
    return given if isinstance(given, Sequence | np.ndarray) else [given]


def has_choices(masks: np.ndarray, counts: Sequence[int]) -> np.ndarray:
    """Whether there is a valid option for each choice: `[..., k]` of masks `[..., n]`."""
    return np.logical_or.reduceat(masks, np.cumsum((0, *counts[:-1])), axis=-1)


def are_valid(choices: np.ndarray, masks: np.ndarray, counts: Sequence[int]) -> np.ndarray:
    """Whether choices `[..., k]`, counted from 0, may all be taken: `[...]`, by masks `[..., n]`."""
    options = np.take_along_axis(masks, choices + np.cumsum((0, *counts[:-1])), axis=-1)
    return np.logical_and.reduce(options, axis=-1)


def _check_choices(whose: str, mask: np.ndarray, counts: Sequence[int]) -> None:
    """Raises InvalidEnvironment where there is no valid option for some choice."""
    choices = has_choices(mask, counts)
    if not choices.all():
        which = f" for choice {np.argmin(choices)}" if len(counts) > 1 else ""
        raise InvalidEnvironment(
            f"{whose} gave an action mask without any valid action{which}: terminate the episode where there is none"
        )


def _parts(given: Any) -> list[np.ndarray]:
    """The arrays in tuples and lists, however deep, and in an array of two axes its rows."""
    if isinstance(given, np.ndarray) and given.dtype != object:
        return [given] if given.ndim < 2 else [row for part in given for row in _parts(part)]
    if isinstance(given, Sequence | np.ndarray) and not isinstance(given, str):
        if all(np.ndim(part) == 0 for part in given):
            return [np.asarray(given)]
        return [row for part in given for row in _parts(part)]
    return []


def _first_wrong(mask: np.ndarray) -> Any:
    if mask.dtype.kind not in "biuf":
        return mask.flat[0]
    return mask[(mask != 0) & (mask != 1)][0]


def _named(numbers: Sequence[int]) -> str:
    return ", ".join(map(str, numbers))


def _short(value: Any) -> str:
    return f"{' '.join(str(value).split()):.40}"


def mask_of(environment: gymnasium.Env, observation: Any, info: Any) -> np.ndarray | None:
    """The mask of one environment, `[n]`, for what reset gave, or a step that does not end an episode; None where it
    gives none. Raises InvalidEnvironment."""
    counts = mask_counts(environment.action_space)
    offer = _offer(environment, info) if counts else None
    if offer is None:
        return None
    if offer == "method":
        (method,) = _methods(environment)
        given = method()
    else:
        given = (observation if offer == "observation" else info)[KEY]
    try:
        mask = flat_mask(given, counts)
    except ValueError as error:
        raise InvalidEnvironment(
            f"the environment gave an action mask that {error}; or turn `action_masks` off"
        ) from None
    _check_choices("the environment", mask, counts)
    return mask


def may_repeat(environment: gymnasium.Env, action: Any, observation: Any, info: Any) -> bool:
    """Whether an action may be taken again, after what its step gave; always, where there are no masks."""
    mask, space = mask_of(environment, observation, info), environment.action_space
    if mask is None:
        return True
    assert isinstance(space, Discrete | MultiDiscrete)
    return bool(are_valid(np.ravel(np.asarray(action) - space.start), mask, mask_counts(space)))


def sample_valid(environment: gymnasium.Env, observation: Any, info: Any) -> Any:
    """A random action of those that may be taken, drawn from the environment's own space."""
    space, mask = environment.action_space, mask_of(environment, observation, info)
    if mask is None:
        return space.sample()
    parts = np.split(mask.astype(np.int8), np.cumsum(mask_counts(space))[:-1])
    if isinstance(space, Discrete):
        return space.sample(parts[0])
    assert isinstance(space, MultiDiscrete)
    return space.sample(_nested(parts, space.shape))


def _nested(parts: list[np.ndarray], shape: tuple[int, ...]) -> tuple[Any, ...]:
    """Tuples in tuples, as Gymnasium takes a mask of several axes."""
    if len(shape) == 1:
        return tuple(parts)
    each = len(parts) // shape[0]
    return tuple(_nested(parts[start : start + each], shape[1:]) for start in range(0, len(parts), each))


def choose_valid(noise: np.ndarray, masks: np.ndarray, counts: Sequence[int]) -> np.ndarray:
    """Uniformly random valid choices `[..., k]`, from uniform numbers in [0, 1) `[..., k]` and masks `[..., n]`."""
    chosen = np.empty(noise.shape, np.int64)
    for place, part in enumerate(np.split(masks, np.cumsum(counts)[:-1], axis=-1)):
        ranks = part.cumsum(axis=-1)
        wanted = np.floor(noise[..., place].astype(np.float64) * ranks[..., -1])
        chosen[..., place] = (ranks > wanted[..., None]).argmax(axis=-1)
    return chosen
