"""Repeats: one training with several seeds, a run folder for each inside one folder, and what they come to together."""

import json
import math
import statistics
from pathlib import Path
from typing import Any, cast

from a3c.algorithm import Algorithm
from a3c.config import TrainConfig
from a3c.errors import RunFolderError
from a3c.runs.files import exists, write_atomically
from a3c.runs.folder import RunFolder
from a3c.runs.lock import LOCK
from a3c.runs.summaries import Measures, RepeatsSummary

MEASURES = tuple(Measures.__annotations__)
RETURNS = ("return_mean_100", "best_return_mean_100", "best_evaluation")
"""The measures of which more is better."""


class RepeatsFolder:
    """The folder of repeats: `seed-<seed>/`, an ordinary run folder each, `repeats.json` and `repeats.png`."""

    def __init__(self, path: str | Path):
        self.path = Path(path)

    @classmethod
    def new(cls, path: str | Path) -> "RepeatsFolder":
        """A folder for new repeats, which the first run makes. Raises RunFolderError where something is in it."""
        folder = cls(path)
        if exists(folder.path) and not folder.path.is_dir():
            raise RunFolderError(f"`run` {path} is a file; name a folder")
        if exists(folder.path) and any(found.is_file() and found.name != LOCK for found in folder.path.rglob("*")):
            how = f"continue them with `resume` {path}" if folder.seeds() else "it is not empty"
            raise RunFolderError(f"`run` {path} cannot take new repeats: {how}, or choose another `run`")
        return folder

    @property
    def report_path(self) -> Path:
        return self.path / "repeats.json"

    @property
    def picture_path(self) -> Path:
        return self.path / "repeats.png"

    def seeds(self) -> list[int]:
        """The seeds whose runs have begun, in order; none where this is not a folder of repeats."""
        if not exists(self.path):
            return []
        names = [path.parent.name.removeprefix("seed-") for path in self.path.glob("seed-*/config.toml")]
        return sorted(int(name) for name in names if name.isdecimal())

    def run(self, seed: int) -> RunFolder:
        return RunFolder(self.path / f"seed-{seed}")

    def runs(self) -> list[RunFolder]:
        """The runs that have begun."""
        return [self.run(seed) for seed in self.seeds()]

    def config(self, algorithm: Algorithm | None = None) -> TrainConfig:
        """The settings, with the first seed; `algorithm` as in RunFolder."""
        return self.runs()[0].config(algorithm)

    def recipe(self) -> str | None:
        """The recipe that `repeats.json` names; None where it names none, or cannot be read."""
        try:
            return json.loads(self.report_path.read_text(encoding="utf-8"))["recipe"]
        except (OSError, ValueError, KeyError, TypeError, RecursionError):
            return None

    def write_report(self, config: TrainConfig, recipe: str | None, repeats: int) -> RepeatsSummary:
        """Writes `repeats.json` about the runs that there are, of `repeats` in all, and returns what it holds."""
        summaries = [run.summary() for run in self.runs() if run.summary_path.exists()]
        rows = [_row(summary) for summary in summaries]
        together = {name: median_and_worst(name, [row[name] for row in rows]) for name in MEASURES}
        report = {
            "environment": config.environment,
            "algorithm": config.algorithm.name,
            "recipe": recipe,
            "workers": config.workers,
            "target_return": config.target_return,
            "repeats": repeats,
            "solved": sum(row["solved_at_step"] is not None for row in rows),
            "median": {name: median for name, (median, _) in together.items()},
            "worst": {name: worst for name, (_, worst) in together.items()},
            "seeds": rows,
            **{name: summaries[0].get(name) for name in ("versions", "machine") if summaries},
        }
        write_atomically(self.report_path, (json.dumps(report, indent=2) + "\n").encode())
        return cast("RepeatsSummary", report)


def repeats_of(run: RunFolder) -> str | None:
    """The name of the repeats that a run is one seed of; None where it is one by itself."""
    folder = run.path.absolute()
    return folder.parent.name if folder.name.removeprefix("seed-").isdecimal() and folder.name[:5] == "seed-" else None


def settings_to_resume(path: Path, algorithm: Algorithm | None = None) -> TrainConfig:
    """The settings of a run, or those that repeats have in common, with the first seed. Raises RunFolderError."""
    repeats = RepeatsFolder(path)
    run = repeats.runs()[0] if repeats.seeds() else RunFolder.open(path)
    return run.config(algorithm)


def median_and_worst(measure: str, values: list[Any]) -> tuple[Any, Any]:
    """Median and worst of a measure over seeds. None, such as the time until solved of a seed that was not, counts as
    worse than any number, and is what comes back where such a seed is the median or the worst."""
    sign = -1 if measure in RETURNS else 1
    badness = [math.inf if value is None else sign * value for value in values] or [math.inf]
    median, worst = (None if math.isinf(bad) else sign * bad for bad in (statistics.median(badness), max(badness)))
    return median, worst


def _row(summary: dict[str, Any]) -> dict[str, Any]:
    figure = summary.get("best_evaluation")
    named = {"seed": summary["seed"], "status": summary.get("status"), "best_evaluation": figure and figure["mean"]}
    # Older summaries know no evaluation at the end, and have but the one.
    named["seconds"] = summary.get("training_seconds", summary.get("wall_seconds"))
    return {name: named.get(name, summary.get(name)) for name in ("seed", "status", *MEASURES)}
