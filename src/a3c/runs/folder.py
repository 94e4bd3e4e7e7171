"""The folder of a run: where everything is, and what may be written into it."""

import dataclasses
import json
import os
import re
import time
import tomllib
from pathlib import Path
from typing import Any

from a3c.config import SCHEMA_VERSION, TrainConfig
from a3c.errors import CheckpointError, DiskError, RunFolderError, SettingsError
from a3c.runs.checkpoint import Checkpoint
from a3c.runs.files import disk_errors, write_atomically
from a3c.runs.metrics import EPISODE_COLUMNS, METRIC_COLUMNS, RowFile, TensorBoard
from a3c.settings import make_config

CHECKPOINTS_KEPT = 3
LONGEST_NAME = 255
"""Bytes in the name of a file or folder, in most file systems."""

UNFINISHED = re.compile(
    r"\.(config\.toml|summary\.json|curve\.png|(episodes|metrics)\.csv|(latest|best|step-\d+)\.safetensors)\.\w{8}"
)
"""The temporary names under which the files of a run are written."""


class RunFolder:
    """A run's folder: `config.toml`, `episodes.csv`, `metrics.csv`, `summary.json`, `checkpoints/`, `curve.png`."""

    def __init__(self, path: Path):
        self.path = path

    @classmethod
    def create(cls, path: str | Path, config: TrainConfig) -> "RunFolder":
        """A new run. Raises RunFolderError where the folder holds a run already, or cannot be written."""
        folder = cls(Path(path))
        if folder.path.exists() and not folder.path.is_dir():
            raise RunFolderError(f"--run {path} is a file; name a folder")
        if folder.summary_path.exists() or folder.config_path.exists():
            raise RunFolderError(
                f"{path} already holds a run: continue it with --resume {path}, or choose another --run"
            )
        try:
            folder.checkpoints.mkdir(parents=True, exist_ok=True)
            write_atomically(folder.config_path, config_toml(config).encode())
        except (OSError, DiskError) as error:
            reason = error.strerror if isinstance(error, OSError) else error
            raise RunFolderError(f"--run {path} cannot be written: {reason}") from None
        return folder

    @classmethod
    def open(cls, path: str | Path) -> "RunFolder":
        """An existing run. Raises RunFolderError where there is none."""
        folder = cls(Path(path))
        if not folder.config_path.exists():
            raise RunFolderError(f"{path} holds no run: there is no config.toml in it")
        return folder

    @property
    def config_path(self) -> Path:
        return self.path / "config.toml"

    @property
    def summary_path(self) -> Path:
        return self.path / "summary.json"

    @property
    def episodes_path(self) -> Path:
        return self.path / "episodes.csv"

    @property
    def metrics_path(self) -> Path:
        return self.path / "metrics.csv"

    @property
    def curve_path(self) -> Path:
        return self.path / "curve.png"

    @property
    def checkpoints(self) -> Path:
        return self.path / "checkpoints"

    def checkpoint_path(self, which: str) -> Path:
        """The file of the `latest` or `best` checkpoint."""
        return self.checkpoints / f"{which}.safetensors"

    def config(self) -> TrainConfig:
        return read_config(self.config_path)

    def summary(self) -> dict[str, Any]:
        """`summary.json`; raises RunFolderError where it cannot be read."""
        try:
            return json.loads(self.summary_path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            raise RunFolderError(f"{self.summary_path} is missing or damaged") from None

    def load(self, which: str = "best") -> Checkpoint:
        """The best checkpoint, or the latest where there is no best one yet."""
        if which == "best" and not self.checkpoint_path("best").exists():
            which = "latest"
        path = self.checkpoint_path(which)
        if not path.exists():
            raise CheckpointError(f"{self.path} holds no checkpoint yet")
        return Checkpoint.load(path)

    def open_rows(self, keep_until: int | None) -> tuple[RowFile, RowFile]:
        """`episodes.csv` and `metrics.csv`, without the rows after step `keep_until`; None starts them anew."""
        return (
            RowFile(self.episodes_path, EPISODE_COLUMNS, keep_until),
            RowFile(self.metrics_path, METRIC_COLUMNS, keep_until),
        )

    def open_tensorboard(self) -> TensorBoard:
        return TensorBoard(self.path)

    def write_summary(self, summary: dict[str, Any]) -> None:
        write_atomically(self.summary_path, (json.dumps(summary, indent=2) + "\n").encode())

    def save_latest(self, checkpoint: Checkpoint) -> None:
        """Saves the latest checkpoint, also under its step's number; the last three numbered ones are kept."""
        checkpoint.save(self.checkpoints / f"step-{checkpoint.counts['steps']:012d}.safetensors")
        checkpoint.save(self.checkpoint_path("latest"))
        with disk_errors(self.checkpoints):
            for old in sorted(self.checkpoints.glob("step-*.safetensors"))[:-CHECKPOINTS_KEPT]:
                old.unlink()

    def remove_unfinished(self) -> None:
        """Removes the files that a killed run had not finished writing; only for who has the run to itself."""
        for folder in (self.path, self.checkpoints):
            with disk_errors(folder):
                for path in folder.glob(".*"):
                    if UNFINISHED.fullmatch(path.name):
                        path.unlink()

    def save_best(self, checkpoint: Checkpoint) -> None:
        checkpoint.save(self.checkpoint_path("best"))


def default_run_path(config: TrainConfig, which: str | None = None) -> Path:
    """`runs/ENV-ALGORITHM-SEED-TIME`, or `which` in place of the seed; an id's slash and colon become dashes.

    A name that is too long for a file loses the end of the id.
    """
    name = config.environment.replace("/", "-").replace(":", "-")
    rest = f"-{config.algorithm}-{which or config.seed}-{time.strftime('%Y%m%d-%H%M%S')}"
    # Cut to whole letters: a name is limited in bytes.
    return Path("runs") / (os.fsencode(name)[: LONGEST_NAME - len(rest)].decode(errors="ignore") + rest)


def default_repeats_path(config: TrainConfig, repeats: int) -> Path:
    """`runs/ENV-ALGORITHM-xN-TIME`."""
    return default_run_path(config, f"x{repeats}")


def read_config(path: Path) -> TrainConfig:
    """A `config.toml`, as `--config` and resuming read it; raises SettingsError."""
    settings = read_toml(path)
    schema = settings.pop("schema", None)
    if schema != SCHEMA_VERSION:
        raise SettingsError(f"{path} has schema {schema}, but this version of a3c reads {SCHEMA_VERSION}")
    return make_config(settings, str(path))


def read_toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise SettingsError(f"cannot read {path}: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path} is not a TOML file: {error}") from None


def config_toml(config: TrainConfig) -> str:
    """All settings as TOML; one that is None is left out, as TOML has no word for it."""
    lines = [f"schema = {SCHEMA_VERSION}"]
    for name, value in dataclasses.asdict(config).items():
        if value is not None:
            lines.append(f"{name} = {_toml(value)}")
    return "\n".join(lines) + "\n"


def _toml(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(key)} = {_toml(item)}" for key, item in value.items()) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(_toml(item) for item in value) + "]"
    if isinstance(value, float):
        # TOML writes infinity as Python does, JSON otherwise.
        return float.__repr__(value)
    return json.dumps(value)
