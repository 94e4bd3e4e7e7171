"""Weights & Biases. Its own environment variables hold: WANDB_MODE, WANDB_PROJECT, WANDB_ENTITY, WANDB_DIR, ..."""

import os
import re
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from a3c.runs.summaries import Summary
from a3c.training.loggers.logger import LoggedRun, Logger

PROJECT = "a3c"
"""Where runs go that nobody named a project for."""
BEGIN_WITHIN, FINISH_WITHIN = 20.0, 25.0
"""Seconds for W&B to answer at first, and to take what is left at the end."""


class WandbLogger(Logger):
    """A run at W&B, with the run folder's name; the seeds of repeats in a group."""

    name = needs = "wandb"

    def __init__(self, project: str | None = None, name: str | None = None, group: str | None = None, **options: Any):
        """What is not given here is W&B's: its environment variables, or the project `a3c`. `options` are more
        arguments of `wandb.init`, such as `tags` and `entity`. Raises SettingsError where it is not installed."""
        self.check()
        self._options: dict[str, Any] = {"project": project, "name": name, "group": group, **options}
        self._run: Any = None
        self._said: list[Any] = []

    def begin(self, run: LoggedRun) -> str | None:
        import wandb

        ours = {"project": PROJECT, "name": run.name, "group": run.group}
        theirs = {"project": "WANDB_PROJECT", "name": "WANDB_NAME", "group": "WANDB_RUN_GROUP"}
        named: dict[str, Any] = {
            key: self._options.get(key) or os.environ.get(theirs[key]) or ours[key] for key in ours
        }
        if run.folder is not None and "WANDB_DIR" not in os.environ:
            named["dir"] = str(run.folder)
        settings: dict[str, Any] = {"silent": True, "init_timeout": BEGIN_WITHIN, "finish_timeout": FINISH_WITHIN}
        if "WANDB_CONSOLE" not in os.environ:
            settings["console"] = "off"
        # It would ask for a key amid the progress, where there is none, and wait for the answer.
        silent = wandb.Settings(silent=True)
        wandb.setup(silent)
        wandb.termsetup(silent, None)
        self._said = []
        self._run = wandb.init(
            **self._options | named,
            config=dict(run.config),
            id=run.id,
            resume="allow" if run.id else None,
            # Whatever else the caller logs at W&B goes on by itself.
            reinit="create_new",
            settings=wandb.Settings(**settings),
        )
        self._run.define_metric("steps")
        self._run.define_metric("*", step_metric="steps")
        self.where = f"offline, in {Path(self._run.dir).parent}" if self._run.offline else str(self._run.url)
        return self._run.id

    def scalars(self, step: int, numbers: Mapping[str, float]) -> None:
        self._run.log({"steps": step, **numbers})

    def text(self, step: int, line: str) -> None:
        self._said.append([step, line])

    def artefact(self, path: Path, kind: str) -> None:
        import wandb

        if kind not in ("best", "latest"):
            # A copy: W&B would link to a file elsewhere, and say so.
            copy = shutil.copy(path, self._run.dir)
            self._run.save(copy, base_path=self._run.dir, policy="now")
            return
        name = re.sub(r"[^\w.-]", "-", f"{self._run.name}-{kind}")
        artifact = wandb.Artifact(name, type="model")
        artifact.add_file(str(path))
        self._run.log_artifact(artifact)

    def end(self, summary: Summary) -> None:
        import wandb

        if self._said:
            self._run.log({"events": wandb.Table(columns=["steps", "event"], data=self._said)})
        self._run.summary.update({f"summary/{key}": value for key, value in summary.items()})
        self._run.finish(exit_code=int(summary["status"] == "failed"))
