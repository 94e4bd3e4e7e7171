"""MLflow. Its own environment variables hold: MLFLOW_TRACKING_URI, MLFLOW_EXPERIMENT_NAME, ..."""

import logging
import os
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from a3c.runs.summaries import Summary
from a3c.training.loggers.logger import LoggedRun, Logger

EXPERIMENT = "a3c"
"""Where runs go that nobody named an experiment for."""
AT_ONCE, LONGEST = 100, 500
"""Parameters that a server takes at once, and characters of each."""
STATUS = {"failed": "FAILED", "interrupted": "KILLED"}


class MlflowLogger(Logger):
    """A run of MLflow, with the run folder's name; the seeds of repeats have the tag `group`."""

    name = needs = "mlflow"

    def __init__(self, experiment: str | None = None, name: str | None = None, tags: Mapping[str, str] | None = None):
        """What is not given here is MLflow's: its environment variables, or the experiment `a3c`. Raises SettingsError
        where it is not installed."""
        self.check()
        self._experiment, self._name, self._tags = experiment, name, dict(tags or {})
        self._client: Any = None
        self._id, self._said = "", list[str]()

    def begin(self, run: LoggedRun) -> str | None:
        from mlflow import MlflowClient  # pyright: ignore[reportMissingImports]: an extra that dev has not
        from mlflow.entities import Param  # pyright: ignore[reportMissingImports]

        if "MLFLOW_LOGGING_LEVEL" not in os.environ:
            # It tells of its database's tables, amid the progress.
            logging.getLogger("mlflow").setLevel(logging.WARNING)
        self._client, self._said = MlflowClient(), []
        if run.id is not None:
            self._id = run.id
            self._client.update_run(self._id, status="RUNNING")
        else:
            tags = self._tags if run.group is None else {"group": run.group} | self._tags
            name = self._name or os.environ.get("MLFLOW_RUN_NAME") or run.name
            self._id = self._client.create_run(self._experiment_id(), run_name=name, tags=tags).info.run_id
            params = [Param(key, str(value)[:LONGEST]) for key, value in run.config.items()]
            for first in range(0, len(params), AT_ONCE):
                self._client.log_batch(self._id, params=params[first : first + AT_ONCE])
        self.where = f"run {self._id} at {self._client.tracking_uri}"
        return self._id

    def _experiment_id(self) -> str:
        if self._experiment is None and (known := os.environ.get("MLFLOW_EXPERIMENT_ID")):
            return known
        name = self._experiment or os.environ.get("MLFLOW_EXPERIMENT_NAME") or EXPERIMENT
        found = self._client.get_experiment_by_name(name)
        return self._client.create_experiment(name) if found is None else found.experiment_id

    def scalars(self, step: int, numbers: Mapping[str, float]) -> None:
        self._log(list(numbers.items()), step)

    def _log(self, numbers: Sequence[tuple[str, float]], step: int) -> None:
        from mlflow.entities import Metric  # pyright: ignore[reportMissingImports]

        now = int(time.time() * 1000)
        self._client.log_batch(self._id, metrics=[Metric(key, float(number), now, step) for key, number in numbers])

    def text(self, step: int, line: str) -> None:
        self._said.append(f"{step:,} steps: {line}\n")

    def artefact(self, path: Path, kind: str) -> None:
        self._client.log_artifact(self._id, str(path), "checkpoints" if kind in ("best", "latest") else None)

    def end(self, summary: Summary) -> None:
        if self._said:
            self._client.log_text(self._id, "".join(self._said), "said.txt")
        numbers = [(f"summary/{key}", number) for key, number in summary.items() if isinstance(number, int | float)]
        self._log([(key, float(number)) for key, number in numbers], summary["steps"])
        self._client.set_terminated(self._id, STATUS.get(summary["status"], "FINISHED"))
