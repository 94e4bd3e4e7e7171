"""Checkpoints: all that continuing a run needs, in one safetensors file that holds no code.

Three tensors, `parameters` [P], `optimizer_state` [K, P] and `moments` [R], and a JSON header. It is never unpickled.
"""

import dataclasses
import json
import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from a3c.config import SCHEMA_VERSION, TrainConfig
from a3c.errors import A3CError, CheckpointError
from a3c.runs.files import write_atomically
from a3c.settings import make_recorded_config

TENSORS = ("parameters", "optimizer_state", "moments")


@dataclass
class Checkpoint:
    """A run at one moment. Random streams continue from `config.seed` and `counts["steps"]`: see `worker_seeds`."""

    config: TrainConfig
    parameters: np.ndarray
    optimizer_state: np.ndarray
    spaces: dict[str, Any]
    own_environment: bool = False
    own_network: bool = False
    counts: dict[str, int] = field(default_factory=lambda: {"steps": 0, "episodes": 0, "updates": 0})
    seconds: float = 0.0
    returns: list[float] = field(default_factory=list)
    """Returns of the last episodes, at most 100."""
    best_return_mean_100: float | None = None
    solved_at_step: int | None = None
    solved_at_second: float | None = None
    moments: np.ndarray = field(default_factory=lambda: np.empty(0))
    """Of all that was observed, where it is normalised: a row of Statistics."""

    def save(self, path: str | Path) -> None:
        """Writes the file to a temporary name, syncs it and renames it. Raises DiskError."""
        from safetensors.numpy import save

        tensors = {name: getattr(self, name) for name in TENSORS}
        header = {f.name: getattr(self, f.name) for f in dataclasses.fields(self) if f.name not in tensors}
        header |= {"schema": SCHEMA_VERSION, "config": dataclasses.asdict(self.config)}
        write_atomically(Path(path), save(tensors, {"a3c": json.dumps(header)}), sync=True)

    @classmethod
    def load(cls, path: str | Path) -> "Checkpoint":
        """Raises CheckpointError, in one line, for a file that is missing, damaged, foreign or of another schema."""
        from safetensors import SafetensorError, safe_open

        if not Path(path).is_file():
            raise CheckpointError(f"there is no checkpoint {path}")
        try:
            with safe_open(str(path), "numpy") as file:
                header = json.loads((file.metadata() or {})["a3c"])
                tensors = {name: file.get_tensor(name) for name in set(TENSORS) & set(file.keys())}
        except KeyError:
            raise CheckpointError(f"{path} is a safetensors file, but not a checkpoint of a3c") from None
        except (SafetensorError, json.JSONDecodeError, OSError, ValueError):
            raise CheckpointError(f"{path} is damaged or not a checkpoint: it cannot be read") from None
        schema = header.pop("schema", None)
        if schema != SCHEMA_VERSION:
            raise CheckpointError(
                f"{path} has checkpoint schema {schema}, but this version of a3c reads {SCHEMA_VERSION}"
            )
        try:
            header["config"] = make_recorded_config(header["config"], str(path))
            header["counts"] = {name: int(header["counts"][name]) for name in ("steps", "episodes", "updates")}
            header["spaces"] = {kind: dict(header["spaces"][kind]) for kind in ("observation", "action")}
            return cls(**header, **tensors)
        except (A3CError, KeyError, TypeError, ValueError) as error:
            raise CheckpointError(f"{path} does not hold what a checkpoint should: {error}") from None

    def check_fits(self, spaces: dict[str, Any], parameters: int) -> None:
        """Raises CheckpointError where this checkpoint was trained for other spaces or another network."""
        for kind, here in spaces.items():
            if here != self.spaces[kind]:
                raise CheckpointError(
                    f"the checkpoint was trained for the {kind} space {self.spaces[kind]}, not {here}"
                )
        if self.parameters.shape != (parameters,):
            raise CheckpointError(
                f"the checkpoint holds {self.parameters.size} parameters, but this network has {parameters}"
            )
        if not math.isfinite(float(self.parameters.sum())):
            raise CheckpointError("the checkpoint holds parameters that are not finite")


def worker_seeds(config: TrainConfig, steps: int, workers: int) -> list[np.random.SeedSequence]:
    """A random stream for each worker; a run resumed at `steps` draws new numbers, not the same ones again."""
    return np.random.SeedSequence(config.seed or 0, spawn_key=(1, steps)).spawn(workers)
