"""The folder of a run: where everything is, and what may be written into it."""

import json
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from a3c.algorithm import Algorithm
from a3c.config import GROUPS, SCHEMA_VERSION, TrainConfig
from a3c.config.making import make_recorded_config, not_recorded, recorded
from a3c.config.setting import names_of
from a3c.config.toml import read_toml, toml_value
from a3c.errors import CheckpointError, DiskError, RunFolderError, SettingsError
from a3c.runs.checkpoint import Checkpoint
from a3c.runs.files import disk_errors, exists, write_atomically
from a3c.runs.metrics import EPISODE_COLUMNS, EVALUATION_COLUMNS, EVENTS, METRIC_COLUMNS, RowFile, TensorBoard
from a3c.runs.migrations import check_schema, migrated_settings
from a3c.runs.summaries import Summary

CHECKPOINTS_KEPT = 3
OWN = "own"
"""The table of the settings that the algorithm alone has."""
BOUNDARY = "boundary"
"""The checkpoint that a run which gives one result is resumed from."""
CHECKPOINTS, NUMBERED = "*.safetensors", "step-*.safetensors"

TEXTS = ("status", "algorithm", "environment")
NUMBERS = (
    *("seed", "workers", "steps", "episodes", "updates", "wall_seconds", "training_seconds", "steps_per_second"),
    *("target_return", "return_mean_100", "best_return_mean_100", "solved_at_step", "solved_at_second"),
)
"""What `summary.json` is read for."""


class RunFolder:
    """A run's folder: `config.toml`, `episodes.csv`, `metrics.csv`, `evaluations.csv`, `summary.json`, `checkpoints/`,
    `curve.png`."""

    def __init__(self, path: Path):
        self.path = path

    @classmethod
    def create(cls, path: str | Path, config: TrainConfig) -> "RunFolder":
        """A new run; one that was begun with the same settings and has no checkpoint yet begins anew.

        Raises RunFolderError where the folder holds another run, or cannot be written.
        """
        folder = cls(Path(path))
        try:
            if folder.path.exists() and not folder.path.is_dir():
                raise RunFolderError(f"`run` {path} is a file; name a folder")
            folder._check_new(config)
            folder.checkpoints.mkdir(parents=True, exist_ok=True)
            write_atomically(folder.config_path, config_toml(config).encode())
        except (OSError, DiskError) as error:
            reason = error.strerror if isinstance(error, OSError) else error
            raise RunFolderError(f"`run` {path} cannot be written: {reason}") from None
        return folder

    def _check_new(self, config: TrainConfig) -> None:
        path, other = self.path, "or choose another `run`"
        if self.unsaved:
            if different := differences(self.config(), config):
                raise RunFolderError(
                    f"{path} holds a run that ended before its first checkpoint, with other settings "
                    f"({', '.join(different)}): start that anew with `resume` {path}, {other}"
                )
        elif self.config_path.exists():
            raise RunFolderError(f"{path} already holds a run: continue it with `resume` {path}, {other}")
        elif self.summary_path.exists() or any(self.checkpoints.glob(CHECKPOINTS)):
            raise RunFolderError(f"{path} already holds a run, without its config.toml: choose another `run`")

    @classmethod
    def open(cls, path: str | Path) -> "RunFolder":
        """An existing run. Raises RunFolderError where there is none."""
        folder = cls(Path(path))
        if not exists(folder.config_path):
            raise RunFolderError(f"{path} holds no run: there is no config.toml in it")
        return folder

    @property
    def unsaved(self) -> bool:
        """Whether a run was begun here that has no checkpoint: it ended, or was killed, before the first."""
        return exists(self.config_path) and not any(self.checkpoints.glob(CHECKPOINTS))

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
    def evaluations_path(self) -> Path:
        """Runs of before schema 4 have no such file."""
        return self.path / "evaluations.csv"

    @property
    def events_path(self) -> Path:
        """What befell the run and did not end it; not there where nothing did."""
        return self.path / "events.csv"

    @property
    def errors(self) -> Path:
        """The tracebacks of workers that were replaced, and of an evaluator that ended."""
        return self.path / "errors"

    @property
    def logged_path(self) -> Path:
        """What the run is called by the loggers that it has, for them to go on where it is resumed."""
        return self.path / "logged.json"

    @property
    def curve_path(self) -> Path:
        return self.path / "curve.png"

    @property
    def checkpoints(self) -> Path:
        return self.path / "checkpoints"

    def checkpoint_path(self, which: str) -> Path:
        """The file of the `latest` or `best` checkpoint."""
        return self.checkpoints / f"{which}.safetensors"

    def config(self, algorithm: Algorithm | None = None) -> TrainConfig:
        """The settings; `algorithm` is the one that the file names, where nobody else knows it by its name."""
        return read_config(self.config_path, algorithm)

    def summary(self) -> dict[str, Any]:
        """`summary.json`; raises RunFolderError where it cannot be read."""
        summary: Any = None
        with suppress(OSError, ValueError, RecursionError):
            summary = json.loads(self.summary_path.read_text(encoding="utf-8"))
        if not _is_summary(summary):
            raise RunFolderError(f"{self.summary_path} is missing or damaged")
        return summary

    @property
    def has_ended(self) -> bool:
        """Whether it came to its end, and neither failed nor was killed; also where nothing is known of that."""
        with suppress(RunFolderError):
            return self.summary()["status"] not in ("running", "failed")
        return True

    def load(self, which: str = "best", algorithm: Algorithm | None = None) -> Checkpoint:
        """The best checkpoint, or the latest where there is no best one yet."""
        named = [self.checkpoint_path(name) for name in (which, "latest")]
        # A run that is killed between its first two files has only the numbered one.
        numbered = sorted(self.checkpoints.glob(NUMBERED), reverse=True)
        for path in (*named, *numbered):
            if path.exists():
                return Checkpoint.load(path, algorithm)
        raise CheckpointError(f"{self.path} holds no checkpoint yet")

    def load_to_resume(self, config: TrainConfig) -> Checkpoint:
        """What a run goes on from: its last boundary, where it has any and still gives one result."""
        boundary = self.checkpoint_path(BOUNDARY)
        if config.gives_one_result and config.checkpoint_steps != 0 and boundary.exists():
            return Checkpoint.load(boundary, config.algorithm)
        return self.load("latest", config.algorithm)

    def open_rows(
        self, counts: dict[str, int], evaluations: int = 0, more: tuple[str, ...] = ()
    ) -> tuple[RowFile, RowFile, RowFile]:
        """`episodes.csv`, `metrics.csv` and `evaluations.csv`, of which only the rows stay that a checkpoint with these
        counts, and so many evaluations, covers; each with these columns `more`.

        Of a new run none do. An episode that was reported after the checkpoint may have ended before it, and so an
        evaluation: the checkpoint's count says how many there are.
        """
        steps, episodes = counts["steps"], counts["episodes"]
        return (
            RowFile(self.episodes_path, EPISODE_COLUMNS + more, {"step": steps} if steps else None, most=episodes),
            RowFile(
                self.metrics_path,
                METRIC_COLUMNS + more,
                {"steps": steps, "episodes": episodes} if steps else None,
            ),
            RowFile(
                self.evaluations_path,
                EVALUATION_COLUMNS + more,
                {"step": steps} if steps else None,
                most=evaluations,
            ),
        )

    def clear_events(self) -> None:
        """Deletes the events of a run that began here and was killed: a new one has its own."""
        with disk_errors(self.path):
            for events in (*self.path.glob(f"{EVENTS}.*"), *self.errors.glob("*.txt"), self.events_path):
                events.unlink(missing_ok=True)

    def open_tensorboard(self, steps: int = 0) -> TensorBoard:
        """TensorBoard events of a run that goes on after so many steps."""
        return TensorBoard(self.path, steps)

    def write_summary(self, summary: Summary) -> None:
        write_atomically(self.summary_path, (json.dumps(summary, indent=2) + "\n").encode())

    def save_latest(self, checkpoint: Checkpoint) -> None:
        """Saves the latest checkpoint, also under its step's number; the last three numbered ones are kept."""
        checkpoint.save(self.checkpoints / f"step-{checkpoint.counts['steps']:012d}.safetensors")
        checkpoint.save(self.checkpoint_path("latest"))
        with disk_errors(self.checkpoints):
            for old in sorted(self.checkpoints.glob(NUMBERED))[:-CHECKPOINTS_KEPT]:
                old.unlink()

    def save_boundary(self, checkpoint: Checkpoint) -> None:
        """Saves the run as it was at a boundary, which is its latest too."""
        checkpoint.save(self.checkpoint_path(BOUNDARY))
        self.save_latest(checkpoint)

    def go_back(self, start: Checkpoint) -> None:
        """Deletes the checkpoints of after this one, which the run was begun or resumed from and begins with again."""
        with disk_errors(self.checkpoints):
            for path in self.checkpoints.glob(CHECKPOINTS if not start.counts["steps"] else NUMBERED):
                path.unlink()
        if start.counts["steps"]:
            self.save_latest(start)

    def save_best(self, checkpoint: Checkpoint) -> None:
        checkpoint.save(self.checkpoint_path("best"))


def _is_summary(value: Any) -> bool:
    return (
        isinstance(value, dict)
        and value.keys() >= {"algorithm", "environment", "seed", "workers"}
        and all(isinstance(value.get(name, ""), str) for name in TEXTS)
        and all(isinstance(value.get(name), int | float | None) for name in NUMBERS)
        and _is_figure(value.get("best_evaluation"))
    )


def _is_figure(value: Any) -> bool:
    return value is None or (isinstance(value, dict) and isinstance(value.get("mean"), int | float))


def differences(one: TrainConfig, other: TrainConfig) -> list[str]:
    """The names of the settings in which they differ."""
    mine, others = recorded(one), recorded(other)
    return [name for name in mine | others if mine.get(name) != others.get(name)]


def default_run_path(config: TrainConfig, which: str | None = None) -> Path:
    """`runs/ENV-ALGORITHM-SEED-TIME`, or `which` in place of the seed."""
    return Path("runs") / f"{file_name(config)}-{which or config.seed}-{time.strftime('%Y%m%d-%H%M%S')}"


def file_name(config: TrainConfig) -> str:
    """`ENV-ALGORITHM`, for files; an id's slash and colon become dashes."""
    # A name in a folder has 255 bytes at most.
    return f"{config.environment.replace('/', '-').replace(':', '-')[:50]}-{config.algorithm}"


def default_repeats_path(config: TrainConfig, repeats: int) -> Path:
    """`runs/ENV-ALGORITHM-xN-TIME`."""
    return default_run_path(config, f"x{repeats}")


def read_config(path: Path, algorithm: Algorithm | None = None) -> TrainConfig:
    """A `config.toml`, as `--config` and resuming read it; raises SettingsError."""
    settings = read_toml(path)
    schema = settings.pop("schema", None)
    check_schema(schema, path, SettingsError)
    return make_recorded_config(migrated_settings(schema, flat(settings)), str(path), algorithm)


def config_toml(config: TrainConfig) -> str:
    """All settings as TOML, a table for each group; one that is None is left out, as TOML has no word for it."""
    settings = recorded(config)
    settings["env_kwargs"] |= not_recorded(config)
    parts = [f"schema = {SCHEMA_VERSION}\nalgorithm = {toml_value(settings['algorithm'])}\n"]
    for title, group in (GROUPS | {OWN: config.algorithm.settings}).items():
        lines = [f"{name} = {toml_value(settings[name])}\n" for name in names_of(group) if settings[name] is not None]
        parts += [f"\n[{title}]\n", *lines] if lines else []
    return "".join(parts)


def flat(settings: dict[str, Any]) -> dict[str, Any]:
    """The settings of all tables; those outside of them are settings too, as schema 1 had them."""
    found: dict[str, Any] = {}
    for name, value in settings.items():
        # A group may be called as one of its settings is.
        is_table = name in (*GROUPS, OWN) and isinstance(value, dict)
        found |= value if is_table else {name: value}
    return found
