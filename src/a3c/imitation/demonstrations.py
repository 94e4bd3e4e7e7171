"""Demonstrations: what was observed and done, from a file of NumPy or a Minari dataset."""

import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from a3c.environments.given import given_masks, pack_given
from a3c.environments.masks import KEY, are_valid, mask_counts
from a3c.environments.observations import Observations, part_of, parts
from a3c.environments.spaces import in_form, joined
from a3c.errors import A3CError, SettingsError, brief, install
from a3c.names import called
from a3c.networks.actions import Actions

ENDS = ("terminations", "truncations")
NAMES = ("observations", "actions", "rewards", *ENDS)
"""The arrays of a file; the rewards and ends need not be there. The parts of a Dict are `observations/KEY` and
`actions/KEY`, of a Tuple `observations/0` and so on. Where actions are masked there may be an `action_mask`, or that
key of observations."""


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
    masks: np.ndarray | None
    """Which actions were valid, `[N, n]`; None where they are not masked, or nothing says so."""

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
    dataset: Any, observations: Observations, actions: Actions, masked: bool = False
) -> Demonstrations:
    """The demonstrations of a Minari dataset, its id, an `.npz` file, or arrays by their names (`NAMES`), for a policy
    with these spaces, that acts by masks or not. Raises SettingsError, in one line."""
    paths = {"observations": list(parts(observations.space)), "actions": list(actions.parts)}
    if isinstance(dataset, Mapping):
        name, arrays = "the dataset", _by_name(dataset, paths)
    elif isinstance(dataset, (str, Path)) and is_file(dataset):
        name, arrays = str(dataset), _read(Path(dataset))
    elif isinstance(dataset, (str, Path)) or hasattr(dataset, "iterate_episodes"):
        found = _minari(dataset) if isinstance(dataset, (str, Path)) else dataset
        name, arrays = str(getattr(found, "id", "the dataset")), _of_episodes(found, paths, masked)
    else:
        raise SettingsError(
            f"demonstrations are an .npz file, a Minari dataset, or arrays by their names, "
            f"{{'observations': ..., 'actions': ...}}, and not a {type(dataset).__name__}"
        )
    return _checked(name, arrays, observations, actions, masked)


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


def _by_name(dataset: Mapping[str, Any], paths: dict[str, list[tuple]]) -> dict[str, Any]:
    """The arrays of a dictionary, whose observations and actions may be nested as the spaces are, or a list of such."""
    arrays = dict(dataset)
    for what, leading in paths.items():
        given = arrays.get(what)
        if given is None or () in leading:
            continue
        rows = given if isinstance(given, list) else None
        del arrays[what]
        try:
            arrays |= {
                joined((what, *path)): part_of(given, path) if rows is None else [part_of(row, path) for row in rows]
                for path in leading
            }
        except A3CError:
            raise SettingsError(
                f"the dataset: its {what} lack {', '.join(joined((what, *path)) for path in leading)}: give each as an "
                f"array of its own by that name, or the {what} as they were collected, in a list"
            ) from None
        first = given if rows is None else rows[0]
        if what == "observations" and isinstance(first, Mapping) and KEY in first:
            arrays[f"{what}/{KEY}"] = first[KEY] if rows is None else [row[KEY] for row in rows]
    return arrays


def _of_episodes(dataset: Any, paths: dict[str, list[tuple]], masked: bool) -> dict[str, Any]:
    """The arrays of a Minari dataset, whose episodes have an observation more than actions."""
    episodes = list(dataset.iterate_episodes())
    if not episodes:
        raise SettingsError(f"{getattr(dataset, 'id', 'the dataset')} holds no episodes")
    steps = [len(one.rewards) for one in episodes]
    wanted = [(what, path) for what, leading in paths.items() for path in leading]
    if masked and isinstance(episodes[0].observations, Mapping) and KEY in episodes[0].observations:
        wanted.append(("observations", (KEY,)))
    wanted += [(name, ()) for name in ("rewards", *ENDS)]
    arrays: dict[str, Any] = {}
    for what, path in wanted:
        rows = [
            np.asarray(part_of(getattr(one, what), path))[:count] for one, count in zip(episodes, steps, strict=True)
        ]
        arrays[joined((what, *path))] = np.concatenate(rows)
    arrays["truncations"][np.cumsum(steps) - 1] = True
    return arrays


def _checked(
    name: str, arrays: dict[str, Any], observations: Observations, actions: Actions, masked: bool
) -> Demonstrations:
    seen = [joined(("observations", *path)) for path in parts(observations.space)]
    done = [joined(("actions", *path)) for path in actions.parts]
    needed, masks = [*seen, *done], [KEY, f"observations/{KEY}"] if masked else []
    known = [*needed, *NAMES[2:], *masks]
    # What the policy is not given may be there beside it: what is hidden of a Dict, and its masks.
    hidden = [] if "observations" in seen else [key for key in arrays if key.startswith("observations/")]
    arrays = {key: array for key, array in arrays.items() if key in known or key not in hidden}
    if unknown := next((key for key in arrays if key not in known), None):
        raise SettingsError(
            f"{name}: there is no array {brief(repr(unknown))} to learn from{called(unknown, NAMES)}; there may be "
            f"{', '.join(known)}"
        )
    for key in needed:
        if key not in arrays:
            names = f"{', '.join(needed[:-1])} and {needed[-1]}"
            raise SettingsError(f"{name} holds no {key!r}: it needs {names}; rewards, ends if known")
    arrays = {key: _numbers(f"{name}: {key}", array) for key, array in arrays.items()}
    steps = len(arrays[done[0]]) if arrays[done[0]].ndim else 0
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
        packed, single = pack_given(observations, in_form(observations.space, iter([arrays[key] for key in seen])))
    except A3CError as error:
        raise SettingsError(f"{name}: {error}; observations are those that the policy is given") from None
    if single:
        raise SettingsError(f"{name}: its observations are a single one: there is to be a row for each step")
    try:
        given = next((arrays[key] for key in masks if key in arrays), None)
        valid = None if given is None else given_masks(actions.space, given, steps, single=False)
    except (A3CError, ValueError) as error:
        raise SettingsError(f"{name}: {error}") from None
    each = zip(done, actions.parts.values(), strict=True)
    rows = [_of_space(name, key, arrays[key], part.space) for key, part in each]
    chosen = actions.from_environment(in_form(actions.space, iter(rows)))
    if valid is not None:
        _check_valid(name, chosen.reshape(steps, -1), valid, mask_counts(actions.space))
    ends = [arrays.get(key, np.zeros(steps)).astype(bool).reshape(steps) for key in ENDS]
    last = ends[0] | ends[1]
    last[-1] = True
    rewards = arrays["rewards"].astype(np.float64).reshape(steps) if "rewards" in arrays else None
    return Demonstrations(packed, chosen, rewards, ends[0], last, valid)


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


def _check_valid(name: str, chosen: np.ndarray, masks: np.ndarray, counts: Sequence[int]) -> None:
    """Raises SettingsError where an action was taken that its mask forbids: such a step has no probability."""
    forbidden = ~are_valid(chosen, masks, counts)
    if forbidden.any():
        raise SettingsError(f"{name}: the action of step {np.argmax(forbidden)} is not valid by its action_mask")


def _of_space(name: str, key: str, actions: np.ndarray, space: Any) -> np.ndarray:
    """The actions, or a part of them, where they are those of the space; raises SettingsError."""
    shape, what = space.shape or (), "an action" if key == "actions" else f"one of {key}"
    if actions.shape[1:] != shape and actions[0].size == int(np.prod(shape)):
        actions = actions.reshape(-1, *shape)
    if actions.shape[1:] != shape:
        raise SettingsError(f"{name}: {what} has shape {actions.shape[1:]}, but the environment takes {space}")
    if np.issubdtype(space.dtype, np.floating):
        # As the environment would be given them.
        return np.clip(actions, space.low, space.high)
    wrong = actions[actions % 1 != 0] if actions.dtype.kind == "f" else actions[:0]
    found = next(
        (one for one in (actions.min(axis=0), actions.max(axis=0)) if not space.contains(_as(one, space))), None
    )
    if found is not None or len(wrong):
        one, where = wrong[0] if len(wrong) else found, "" if key == "actions" else f" in {key}"
        raise SettingsError(f"{name}: it holds the action {one}{where}, which is not in {space}")
    return actions


def _as(action: np.ndarray, space: Any) -> Any:
    return int(action) if not (space.shape or ()) and float(action).is_integer() else np.asarray(action, space.dtype)
