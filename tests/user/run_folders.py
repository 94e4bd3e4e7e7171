"""Run folders written by hand: what a training would have left behind, in no time."""

import csv
from pathlib import Path
from typing import Any

from a3c.runs.folder import RunFolder
from a3c.runs.metrics import EPISODE_COLUMNS, EVALUATION_COLUMNS, METRIC_COLUMNS
from configs_for_tests import config_with

STEPS = range(100, 4001, 100)


def write_run(
    path: Path, *, level: float = 100.0, evaluations: int = 0, summary: dict[str, Any] | None = None, **settings: Any
) -> RunFolder:
    """A run whose returns rise to `level`, and so many evaluations at intervals."""
    environment = settings.pop("environment", "CartPole-v1")
    config = config_with(environment, **{"workers": 1, "seed": 1, "target_return": 90.0} | settings)
    folder = RunFolder.create(path, config)
    figure = {"step": 4000, "policy": "greedy", "mean": level, "std": 1.0, "min": 0.0, "max": level, "episodes": 20}
    solved = level >= 90
    facts = {
        **{"status": "solved" if solved else "finished", "environment": environment, "seed": config.seed, "workers": 1},
        **{"algorithm": config.algorithm.name, "steps": 4000, "episodes": len(STEPS), "wall_seconds": 40.0},
        **{"return_mean_100": level / 2, "best_evaluation": figure, "target_return": 90.0, "machine": {"cores": 2}},
        **{"solved_at_step": int(400_000 / level) if solved else None, "solved_at_second": 4.0 if solved else None},
        **{"remarks": [], "versions": {"python": "3"}, "reproducible": True},
    }
    folder.write_summary(facts | (summary or {}))  # type: ignore[arg-type]
    _write(folder.episodes_path, EPISODE_COLUMNS, [(step, step / 100, 0, level * step / 4000, 9) for step in STEPS])
    metrics = [{"steps": s, "seconds": s / 100, "episodes": s // 100, "updates": s, "entropy": 4000 / s} for s in STEPS]
    _write(folder.metrics_path, METRIC_COLUMNS, [[row.get(name) for name in METRIC_COLUMNS] for row in metrics])
    played = [
        (400 * n, 4.0 * n, n, "interval", "greedy", level * n / 10, 1.0, 0, level, 20, 9, 0)
        for n in range(1, evaluations + 1)
    ]
    _write(folder.evaluations_path, EVALUATION_COLUMNS, played)
    return folder


def _write(path: Path, columns: tuple[str, ...], rows: list[Any]) -> None:
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([columns, *rows])
