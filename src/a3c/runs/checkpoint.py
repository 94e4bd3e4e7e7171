"""Checkpoints: all that continuing a run needs, in one safetensors file that holds no code.

Four tensors, `parameters` [P], `statistics` [S], `optimizer_state` [K, P] and `moments` [R], with a target network
`target` [P] too, and a JSON header with a checksum over all. It is never unpickled. What is read is checked whole, as
it may be damaged, or somebody else's.
"""

import dataclasses
import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, get_args

import numpy as np

from a3c.algorithm import Algorithm
from a3c.config import SCHEMA_VERSION, TrainConfig
from a3c.config.evaluating import Way
from a3c.config.making import make_recorded_config, recorded
from a3c.environments.spaces import other_order
from a3c.errors import A3CError, CheckpointError, SettingsError, TrainingDiverged, brief
from a3c.learning.snapshot import Snapshot, nothing
from a3c.runs.files import exists, write_atomically
from a3c.runs.migrations import check_schema, migrated
from a3c.runs.tensors import MOST_HEADER, TYPES, read_header, read_tensors

TENSORS = {
    "parameters": ("F32", 1),
    "statistics": ("F32", 1),
    "optimizer_state": ("F32", 2),
    "moments": ("F64", 1),
    "target": ("F32", 1),
}
"""The type of each, and its number of axes."""
OPTIONAL = ("target",)
"""Those that a file has only where they hold something."""
COUNTS = {"steps", "episodes", "updates"}
MOST_RETURNS = 100
DEEPEST = 20
"""How deep the parts of a space may lie in one another."""


NOTHING_JUDGED: dict[str, Any] = {
    **{"returns": [], "best_return_mean_100": None, "solved_at_step": None, "solved_at_second": None},
    **{"best_evaluation": None, **dict.fromkeys(("best_step", "best_version", "evaluations"), 0)},
    **dict.fromkeys(("confirmations", "confirm_after"), 0),
}
"""What a checkpoint says of how good its run was, before it began."""


@dataclass
class Checkpoint:
    """A run at one moment. Random streams continue from `config.seed` and `counts["steps"]`: see `worker_seeds`."""

    config: TrainConfig
    parameters: np.ndarray
    optimizer_state: np.ndarray
    spaces: dict[str, Any]
    own_environment: bool = False
    own_network: bool = False
    own_evaluation_environment: bool = False
    """Whether the one that evaluations are played on, which the settings name, is a function of the caller's own."""
    counts: dict[str, int] = field(default_factory=lambda: {"steps": 0, "episodes": 0, "updates": 0})
    seconds: float = 0.0
    returns: list[float] = field(default_factory=list)
    """Returns of the last episodes, at most 100."""
    lengths: list[int] = field(default_factory=list)
    """Their lengths, as far as they are known."""
    at_boundary: bool = False
    """Whether a run that is resumed here does what one does that goes on."""
    best_return_mean_100: float | None = None
    solved_at_step: int | None = None
    solved_at_second: float | None = None
    plays: Way = "greedy"
    """How this model is to be played: by its most probable actions, "greedy", or by drawn ones, "sampled"."""
    best_evaluation: float | None = None
    """The mean return of the best candidate that was evaluated so far."""
    best_step: int = 0
    """The step at which that candidate was as it is."""
    best_version: int = 0
    """Its version: the updates that it has seen."""
    evaluations: int = 0
    """Rows of `evaluations.csv` so far."""
    confirmations: int = 0
    """How often the target was reached in training, and evaluation did not confirm it."""
    confirm_after: int = 0
    """Finished episodes of the run before which it is not tried again."""
    setbacks: list[int] = field(default_factory=lambda: [0, 0, 0])
    """Updates that were skipped as not finite, the last of them in a row, and how often training went back."""
    statistics: np.ndarray = field(default_factory=nothing)
    """What the parameters act with, where something is normalised: see Snapshot."""
    moments: np.ndarray = field(default_factory=lambda: np.empty(0))
    """Of all that was observed, where it is normalised: a row of Statistics."""
    target: np.ndarray = field(default_factory=nothing)
    """The target network's parameters, where the algorithm has one. The steps say when it is renewed."""

    # No field, as it is not saved.
    source = "the checkpoint"
    """What messages call it: the file that it was loaded from."""

    def __repr__(self) -> str:
        what = f"{self.config.algorithm} on {self.config.environment}"
        return f"<Checkpoint: {what}, at step {self.counts['steps']:,}, {self.parameters.size:,} parameters>"

    @property
    def snapshot(self) -> Snapshot:
        """What the run's policy acts with."""
        return Snapshot(self.parameters, self.statistics, self.counts["updates"])

    def own_evaluation(self, config: TrainConfig) -> str | None:
        """The name of the caller's function that evaluations are played on with these settings, which is to be given
        again; None where there is none."""
        name = self.config.evaluation_environment
        return name if self.own_evaluation_environment and config.evaluation_environment == name else None

    def save(self, path: str | Path) -> None:
        """Writes the file to a temporary name, syncs it and renames it.

        Raises DiskError, and TrainingDiverged where it holds what is no number; the file before is kept.
        """
        from safetensors.numpy import save

        if problem := self._problem():
            raise TrainingDiverged(f"{path} was not written, as {problem}; what was saved before is kept")
        # The format's writer takes for granted that numbers lie one after the other.
        names = [name for name in TENSORS if name not in OPTIONAL or getattr(self, name).size]
        tensors = {name: np.ascontiguousarray(getattr(self, name)) for name in names}
        header = {f.name: getattr(self, f.name) for f in dataclasses.fields(self) if f.name not in TENSORS}
        header |= {"schema": SCHEMA_VERSION, "config": recorded(self.config)}
        header["sha256"] = checksum(header, tensors)
        text = json.dumps(header)
        if 2 * len(text) > MOST_HEADER:
            raise SettingsError(
                f"{path} was not written: the settings (env_kwargs?) take {len(text):,} bytes, too many"
            )
        write_atomically(Path(path), save(tensors, {"a3c": text}), sync=True)

    @classmethod
    def load(cls, path: str | Path, algorithm: Algorithm | None = None) -> "Checkpoint":
        """The checkpoint; `algorithm` is the one that it names, where nobody else knows it by its name.

        Raises CheckpointError, in one line, for a file that is missing, damaged, foreign or of a newer schema.
        Memory is taken for no more than the file holds. Files of older versions are read too: see `migrations.py`.
        """
        header, tensors = _read(Path(path))
        schema = header.pop("schema")
        try:
            if not isinstance(header.get("config"), dict):
                raise ValueError("its config is of another type")
            header, tensors = migrated(schema, header, tensors)
            if unknown := header.keys() - {f.name for f in dataclasses.fields(cls)} | header.keys() & TENSORS.keys():
                raise ValueError(f"there is no field {min(unknown)!r}")
            if missing := {"spaces", "counts", *TENSORS} - header.keys() - tensors.keys() - set(OPTIONAL):
                raise ValueError(f"there is no {min(missing).replace('_', ' ')} in it")
            # Looking through more would take seconds.
            if any(isinstance(value, (list, dict)) and len(value) > 10_000 for value in header["config"].values()):
                raise ValueError("its config is too long")
            header["config"] = make_recorded_config(header["config"], "its config", algorithm)
            header |= tensors
            loaded = cls(**header)
            if problem := loaded._problem():
                raise ValueError(problem)
        except (A3CError, TypeError, ValueError, RecursionError) as error:
            raise CheckpointError(f"{path} does not hold what a checkpoint should: {brief(str(error))}") from None
        loaded.source = str(path)
        return loaded

    def _problem(self) -> str | None:
        """What no run can have, if there is any of it; all fields but `config` may be anything."""
        for name, (holds, requirement) in FIELDS.items():
            if not holds(getattr(self, name)):
                return f"its {name} {'are' if name.endswith('s') else 'is'} not {requirement}"
        for name in TENSORS:
            if not np.isfinite(getattr(self, name)).all():
                return f"its {name.replace('_', ' ')} {'are' if name.endswith('s') else 'is'} not finite"
        if not 0 < self.parameters.size == self.optimizer_state.shape[1]:
            return "its optimizer state is for another number of parameters"
        if self.target.size != (self.parameters.size if self.config.algorithm.has_target_network else 0):
            return "its target network is for another number of parameters"
        environment = self.config.environment
        if not self.own_environment and not (environment.isprintable() and len(environment) <= 1000):
            return "its environment is not an id"
        return None

    def check_spaces(self, spaces: dict[str, Any]) -> None:
        """Raises CheckpointError where this checkpoint was trained for other spaces."""
        for kind, here in spaces.items():
            if here != self.spaces[kind]:
                raise CheckpointError(
                    f"{self.source} was trained for the {kind} space {brief(self.spaces[kind])}, not {brief(here)}"
                )
            if order := other_order(here, self.spaces[kind]):
                raise CheckpointError(f"{self.source} was trained for the {kind} space with {order}")

    def check_size(self, parameters: int) -> None:
        """Raises CheckpointError where this checkpoint was trained for another network."""
        if self.parameters.shape != (parameters,):
            raise CheckpointError(
                f"{self.source} holds {self.parameters.size} parameters, but this network has {parameters}"
            )


def worker_seeds(config: TrainConfig, steps: int, workers: int) -> list[np.random.SeedSequence]:
    """A random stream for each worker; a run resumed at `steps` draws new numbers, not the same ones again."""
    return np.random.SeedSequence(config.seed or 0, spawn_key=(1, steps)).spawn(workers)


def seed_at(config: TrainConfig, steps: int, process: int) -> np.random.SeedSequence:
    """The stream of one process where the run is at `steps`."""
    return worker_seeds(config, steps, config.processes)[process]


def _read(path: Path) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Header and tensors of a file whose checksum, where it has one, is right."""
    try:
        if not exists(path) or not path.is_file():
            raise CheckpointError(f"there is no checkpoint {path}")
        with path.open("rb") as file:
            text, entries = read_header(file, "a3c")
            header = json.loads(text)
            if not isinstance(header, dict):
                raise ValueError("its header is of another type")
            # Before all else: a newer version may have other tensors, and another checksum.
            check_schema(header.get("schema"), path, CheckpointError)
            tensors = read_tensors(file, entries, TENSORS)
        # Files of before there were checksums have none.
        if "sha256" in header and header["sha256"] != checksum(header, tensors):
            raise ValueError("its checksum is not that of what it holds")
    except KeyError:
        raise CheckpointError(f"{path} is a safetensors file, but not a checkpoint of a3c") from None
    except OSError as error:
        raise CheckpointError(f"{path} cannot be read: {error.strerror}") from None
    except MemoryError:
        raise CheckpointError(f"{path} cannot be read: it is larger than the memory that is left") from None
    except (ValueError, RecursionError) as error:
        raise CheckpointError(f"{path} is damaged or not a checkpoint: {brief(str(error))}") from None
    return {name: value for name, value in header.items() if name != "sha256"}, tensors


def checksum(header: dict[str, Any], tensors: dict[str, np.ndarray]) -> str:
    """Over the header, less the checksum itself, and the tensors in their order, each with its shape."""
    rest = {name: value for name, value in header.items() if name != "sha256"}
    digest = hashlib.sha256(json.dumps(rest).encode())
    for name in TENSORS:
        if name in tensors:
            digest.update(f"{name} {tensors[name].shape}".encode())
            digest.update(np.ascontiguousarray(tensors[name]).reshape(-1).view(np.uint8).data)
    return digest.hexdigest()


def _is_count(value: Any) -> bool:
    return type(value) is int and 0 <= value < 2**63


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and -(2**1023) < value < 2**1023


def _are_spaces(value: Any) -> bool:
    return isinstance(value, dict) and set(value) == {"observation", "action"} and _is_shallow(value, DEEPEST)


def _is_shallow(value: Any, most: int) -> bool:
    """Whether lists and dictionaries lie in one another no deeper than that."""
    if not isinstance(value, (dict, list)):
        return True
    return most > 0 and all(_is_shallow(v, most - 1) for v in (value.values() if isinstance(value, dict) else value))


def _are_numbers(name: str) -> Callable[[Any], bool]:
    """Whether it is an array such as the tensor of that name is."""
    kind, axes = TENSORS[name]
    return lambda value: isinstance(value, np.ndarray) and value.dtype == TYPES[kind] and value.ndim == axes


FIELDS: dict[str, tuple[Callable[[Any], bool], str]] = {
    "spaces": (_are_spaces, "the descriptions of two spaces"),
    **dict.fromkeys(
        ["own_environment", "own_network", "own_evaluation_environment", "at_boundary"],
        (lambda value: isinstance(value, bool), "true or false"),
    ),
    "counts": (
        lambda value: isinstance(value, dict) and set(value) == COUNTS and all(map(_is_count, value.values())),
        "steps, episodes and updates, counted from 0",
    ),
    "seconds": (lambda value: _is_number(value) and value >= 0, "a number from 0 on"),
    "returns": (
        lambda value: isinstance(value, list) and len(value) <= MOST_RETURNS and all(map(_is_number, value)),
        f"a list of at most {MOST_RETURNS} numbers",
    ),
    "lengths": (
        lambda value: isinstance(value, list) and len(value) <= MOST_RETURNS and all(map(_is_count, value)),
        f"a list of at most {MOST_RETURNS} counts",
    ),
    "best_return_mean_100": (lambda value: value is None or _is_number(value), "a number"),
    "solved_at_step": (lambda value: value is None or _is_count(value), "a number of steps"),
    "solved_at_second": (lambda value: value is None or (_is_number(value) and value >= 0), "a number from 0 on"),
    "plays": (lambda value: value in get_args(Way), " or ".join(get_args(Way))),
    "best_evaluation": (lambda value: value is None or _is_number(value), "a number"),
    **dict.fromkeys(
        ["best_step", "best_version", "evaluations", "confirmations", "confirm_after"], (_is_count, "a count from 0 on")
    ),
    "setbacks": (
        lambda value: isinstance(value, list) and len(value) == 3 and all(map(_is_count, value)) and value[2] <= 1,
        "three counts",
    ),
    **{name: (_are_numbers(name), "an array of its kind") for name in TENSORS},
}
"""What the fields must be."""
