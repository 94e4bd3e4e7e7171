"""Demonstrations: what was observed and done, from a file of NumPy or a Minari dataset."""

import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from a3c.environments.given import pack_given
from a3c.environments.observations import Observations, part_of, parts
from a3c.environments.spaces import joined
from a3c.errors import A3CError, SettingsError, brief, install
from a3c.names import called
from a3c.networks.actions import BoxActions, DiscreteActions

ENDS = ("terminations", "truncations")
NAMES = ("observations", "actions", "rewards", *ENDS)
"""The arrays of a file; the rewards and ends need not be there. The parts of a Dict are `observations/KEY`, of a Tuple
`observations/0` and so on."""


@dataclass(frozen=True)
class Demonstrations:
    """Steps of whole episodes, one after the other."""

    observations: np.ndarray
    """Packed, `[N, *shape]`."""
    actions: np.ndarray
    """As the policy has them, `[N, *shape]`."""
    rewards: np.ndarray | None
    """`[N]`, where they are known, with"""
    terminated: np.ndarray
    """whether a step was terminal, `[N]`, and"""
    last: np.ndarray
    """whether it was an episode's last, `[N]`: the last of all is."""

    def __len__(self) -> int:
        return len(self.actions)


def environment_of(dataset: str) -> str | None:
    """The id that a Minari dataset was collected in; None of a file, which does not say."""
    if is_file(dataset):
        return None
    spec = _minari(dataset).spec.env_spec
    return None if spec is None else spec.id


def is_file(dataset: object) -> bool:
    return str(dataset).endswith((".npz", ".npy"))


def load_demonstrations(
    dataset: Any, observations: Observations, actions: DiscreteActions | BoxActions
) -> Demonstrations:
    """The demonstrations of a Minari dataset, its id, an `.npz` file, or arrays by their names (`NAMES`), for a policy
    with these spaces. Raises SettingsError, in one line."""
    paths = list(parts(observations.space))
    if isinstance(dataset, Mapping):
        name, arrays = "the dataset", _by_name(dataset, paths)
    elif isinstance(dataset, (str, Path)) and is_file(dataset):
        name, arrays = str(dataset), _read(Path(dataset))
    elif isinstance(dataset, (str, Path)) or hasattr(dataset, "iterate_episodes"):
        found = _minari(dataset) if isinstance(dataset, (str, Path)) else dataset
        name, arrays = str(getattr(found, "id", "the dataset")), _of_episodes(found, paths)
    else:
        raise SettingsError(
            f"demonstrations are an .npz file, a Minari dataset, or arrays by their names, "
            f"{{'observations': ..., 'actions': ...}}, and not a {type(dataset).__name__}"
        )
    return _checked(name, arrays, observations, actions)


def _read(path: Path) -> dict[str, np.ndarray]:
    try:
        with np.load(path, allow_pickle=False) as file:
            return {name: file[name] for name in file.files}
    except OSError as error:
        raise SettingsError(f"cannot read {path}: {error.strerror or error}") from None
    except (ValueError, TypeError, AttributeError, EOFError, zipfile.BadZipFile):
        raise SettingsError(f"{path} is no .npz file of plain arrays: numpy.savez writes one") from None


def _minari(dataset: str | Path) -> Any:
    try:
        import minari  # pyright: ignore[reportMissingImports]  an extra
    except ImportError:
        raise SettingsError(f"{dataset} is no .npz file, and for a Minari dataset: {install('minari')}") from None
    try:
        return minari.load_dataset(str(dataset))
    except Exception as error:
        raise SettingsError(
            f"there is no Minari dataset {brief(str(dataset))} on this machine ({brief(str(error))}): minari download "
            "gets one, and a file is named *.npz"
        ) from None


def _by_name(dataset: Mapping[str, Any], paths: list[tuple]) -> dict[str, Any]:
    """The arrays of a dictionary, whose observations may be nested as the space is, or a list of such."""
    arrays = dict(dataset)
    given = arrays.get("observations")
    if given is not None and () not in paths:
        rows = given if isinstance(given, list) else None
        del arrays["observations"]
        try:
            arrays |= {
                key_of(path): part_of(given, path) if rows is None else [part_of(row, path) for row in rows]
                for path in paths
            }
        except A3CError:
            raise SettingsError(
                f"the dataset: its observations lack {', '.join(map(key_of, paths))}: give each as an array of its own "
                "by that name, or the observations as they were collected, in a list"
            ) from None
    return arrays


def key_of(path: tuple) -> str:
    """What the part of observations to which this path leads is called in a file."""
    return joined(("observations", *path))


def _of_episodes(dataset: Any, paths: list[tuple]) -> dict[str, Any]:
    """The arrays of a Minari dataset, whose episodes have an observation more than actions."""
    episodes = list(dataset.iterate_episodes())
    if not episodes:
        raise SettingsError(f"{getattr(dataset, 'id', 'the dataset')} holds no episodes")
    arrays: dict[str, Any] = {
        name: np.concatenate([np.asarray(getattr(one, name)) for one in episodes]) for name in NAMES[1:]
    }
    arrays["truncations"][np.cumsum([len(one.actions) for one in episodes]) - 1] = True
    for path in paths:
        rows = [np.asarray(part_of(one.observations, path))[: len(one.actions)] for one in episodes]
        arrays[key_of(path)] = np.concatenate(rows)
    return arrays


def _checked(
    name: str, arrays: dict[str, Any], observations: Observations, actions: DiscreteActions | BoxActions
) -> Demonstrations:
    paths = list(parts(observations.space))
    keys = [key_of(path) for path in paths]
    # What the policy is not given may be there beside it: what is hidden of a Dict, and its masks.
    for key in list(arrays):
        if key.startswith("observations/") and key not in keys and () not in paths:
            del arrays[key]
        elif key not in (*keys, *NAMES):
            raise SettingsError(
                f"{name}: there is no array {brief(repr(key))} to learn from{called(key, NAMES)}; there may be "
                f"{', '.join((*keys, *NAMES[1:]))}"
            )
    for key in (*keys, "actions"):
        if key not in arrays:
            raise SettingsError(
                f"{name} holds no {key!r}: it needs {', '.join(keys)} and actions; rewards, ends if known"
            )
    arrays = {key: _numbers(f"{name}: {key}", array) for key, array in arrays.items()}
    steps = len(arrays["actions"]) if arrays["actions"].ndim else 0
    for key, array in arrays.items():
        if array.ndim == 0 or len(array) != steps:
            raise SettingsError(f"{name}: {key} has shape {array.shape}, but there are {steps} actions: a row for each")
    if steps < 2:
        raise SettingsError(f"{name} holds {steps} steps: there is nothing to learn from")
    for key in ("rewards", *ENDS):
        if key in arrays and arrays[key].size != steps:
            raise SettingsError(f"{name}: {key} has shape {arrays[key].shape}; expected one number for each step")
    try:
        # Files have what the environment gave, perhaps in wider numbers.
        packed, single = pack_given(observations, _nested({path: arrays[key_of(path)] for path in paths}))
    except A3CError as error:
        raise SettingsError(f"{name}: {error}; observations are those that the policy is given") from None
    if single:
        raise SettingsError(f"{name}: its observations are a single one: there is to be a row for each step")
    done = actions.from_environment(_of_space(name, arrays["actions"], actions.space))
    ends = [arrays.get(key, np.zeros(steps)).astype(bool).reshape(steps) for key in ENDS]
    last = ends[0] | ends[1]
    last[-1] = True
    rewards = arrays["rewards"].astype(np.float64).reshape(steps) if "rewards" in arrays else None
    return Demonstrations(packed, done, rewards, ends[0], last)


def _numbers(what: str, given: Any) -> np.ndarray:
    """The array; raises SettingsError where it is none of finite numbers."""
    try:
        array = np.asarray(given)
    except ValueError:
        raise SettingsError(f"{what} is ragged: its rows are not of one shape") from None
    if array.dtype.kind not in "biuf":
        raise SettingsError(f"{what} is of {array.dtype}, and not of numbers")
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        raise SettingsError(f"{what} holds {array[~np.isfinite(array)][0]}, which is no finite number")
    return array


def _nested(arrays: dict[tuple, np.ndarray]) -> Any:
    """The arrays by the paths that lead to them, one key in another."""
    nested: Any = {}
    for path, array in arrays.items():
        if not path:
            return array
        inner = nested
        for key in path[:-1]:
            inner = inner.setdefault(key, {})
        inner[path[-1]] = array
    return nested


def _of_space(name: str, actions: np.ndarray, space: Any) -> np.ndarray:
    """The actions, where they are those of the space; raises SettingsError."""
    shape = space.shape or ()
    if actions.shape[1:] != shape and actions[0].size == int(np.prod(shape)):
        actions = actions.reshape(-1, *shape)
    if actions.shape[1:] != shape:
        raise SettingsError(f"{name}: an action has shape {actions.shape[1:]}, but the environment takes {space}")
    if np.issubdtype(space.dtype, np.floating):
        # As the environment would be given them.
        return np.clip(actions, space.low, space.high)
    wrong = actions[actions % 1 != 0] if actions.dtype.kind == "f" else actions[:0]
    found = next(
        (one for one in (actions.min(axis=0), actions.max(axis=0)) if not space.contains(_as(one, space))), None
    )
    if found is not None or len(wrong):
        one = wrong[0] if len(wrong) else found
        raise SettingsError(f"{name}: it holds the action {one}, which is not in {space}")
    return actions


def _as(action: np.ndarray, space: Any) -> Any:
    return int(action) if not (space.shape or ()) and float(action).is_integer() else np.asarray(action, space.dtype)
