"""Demonstrations: what was observed and done, from a file of NumPy or a Minari dataset."""

import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from gymnasium.spaces import Dict

from a3c.environments.observations import Observations
from a3c.errors import A3CError, SettingsError, brief, install
from a3c.networks.actions import BoxActions, DiscreteActions

ENDS = ("terminations", "truncations")
NAMES = ("observations", "actions", "rewards", *ENDS)
"""The arrays of a file; the rewards and ends need not be there. A Dict's parts are `observations/KEY`."""


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
    if isinstance(dataset, Mapping):
        name, arrays = "the dataset", dict(dataset)
    elif isinstance(dataset, (str, Path)) and is_file(dataset):
        name, arrays = str(dataset), _read(Path(dataset))
    else:
        found = _minari(dataset) if isinstance(dataset, (str, Path)) else dataset
        name, arrays = str(getattr(found, "id", "the dataset")), _of_episodes(found, observations)
    return _checked(name, arrays, observations, actions)


def _read(path: Path) -> dict[str, np.ndarray]:
    try:
        with np.load(path, allow_pickle=False) as file:
            return {name: file[name] for name in file.files}
    except OSError as error:
        raise SettingsError(f"cannot read {path}: {error.strerror or error}") from None
    except (ValueError, AttributeError, EOFError, zipfile.BadZipFile):
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


def _of_episodes(dataset: Any, observations: Observations) -> dict[str, Any]:
    """The arrays of a Minari dataset, whose episodes have an observation more than actions."""
    episodes, parts = list(dataset.iterate_episodes()), observations.space
    arrays: dict[str, Any] = {
        name: np.concatenate([np.asarray(getattr(one, name)) for one in episodes]) for name in NAMES[1:]
    }
    arrays["truncations"][np.cumsum([len(one.actions) for one in episodes]) - 1] = True
    if isinstance(parts, Dict):
        for key in parts.spaces:
            rows = [np.asarray(one.observations[key])[: len(one.actions)] for one in episodes]
            arrays[f"observations/{key}"] = np.concatenate(rows)
    else:
        arrays["observations"] = np.concatenate([np.asarray(one.observations)[: len(one.actions)] for one in episodes])
    return arrays


def _checked(
    name: str, arrays: dict[str, Any], observations: Observations, actions: DiscreteActions | BoxActions
) -> Demonstrations:
    space = observations.space
    keys = [f"observations/{key}" for key in space.spaces] if isinstance(space, Dict) else ["observations"]
    arrays = {key: np.asarray(array) for key, array in arrays.items()}
    if unknown := next((key for key in arrays if key not in (*keys, *NAMES)), None):
        raise SettingsError(
            f"{name}: there is no array {brief(repr(unknown))} to learn from: there may be {', '.join(NAMES)}"
        )
    for key in (*keys, "actions"):
        if key not in arrays:
            raise SettingsError(
                f"{name} holds no {key!r}: it needs {', '.join(keys)} and actions; rewards, ends if known"
            )
    steps = len(arrays["actions"]) if arrays["actions"].ndim else 0
    for key, array in arrays.items():
        if array.ndim == 0 or len(array) != steps:
            raise SettingsError(f"{name}: {key} has shape {array.shape}, but there are {steps} actions: a row for each")
    if steps < 2:
        raise SettingsError(f"{name} holds {steps} steps: there is nothing to learn from")
    given = {key: arrays[f"observations/{key}"] for key in space.spaces} if isinstance(space, Dict) else arrays[keys[0]]
    try:
        # Files have what the environment gave, perhaps in wider numbers.
        packed = observations.pack_any(given)[0]
    except (A3CError, ValueError) as error:
        raise SettingsError(f"{name}: {error}") from None
    done = actions.from_environment(_of_space(name, arrays["actions"], actions.space))
    for what, numbers in (("observations", packed), ("actions", done)):
        if not np.isfinite(numbers).all():
            raise SettingsError(f"{name}: its {what} hold numbers that are not finite")
    ends = [arrays.get(key, np.zeros(steps)).astype(bool).reshape(steps) for key in ENDS]
    last = ends[0] | ends[1]
    last[-1] = True
    rewards = arrays["rewards"].astype(np.float64).reshape(steps) if "rewards" in arrays else None
    return Demonstrations(packed, done, rewards, ends[0], last)


def _of_space(name: str, actions: np.ndarray, space: Any) -> np.ndarray:
    """The actions, where they are those of the space; raises SettingsError."""
    shape = space.shape or ()
    if actions.shape[1:] != shape and actions[0].size == int(np.prod(shape)):
        actions = actions.reshape(-1, *shape)
    if actions.shape[1:] != shape:
        raise SettingsError(f"{name}: an action has shape {actions.shape[1:]}, but the environment takes {space}")
    wrong = next(
        (one for one in (actions.min(axis=0), actions.max(axis=0)) if not space.contains(_as(one, space))), None
    )
    if wrong is not None and not np.issubdtype(space.dtype, np.floating):
        raise SettingsError(f"{name}: it holds the action {wrong}, which is not in {space}")
    return actions


def _as(action: np.ndarray, space: Any) -> Any:
    return int(action) if not (space.shape or ()) and float(action).is_integer() else np.asarray(action, space.dtype)
