"""Trackio, of Hugging Face. Its own environment variables hold: TRACKIO_DIR, TRACKIO_SPACE_ID, ...; TRACKIO_PROJECT is
ours."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from a3c.runs.summaries import Summary
from a3c.training.loggers.logger import LoggedRun, Logger

PROJECT = "a3c"
"""Where runs go that nobody named a project for."""


class TrackioLogger(Logger):
    """A run of Trackio, with the run folder's name; the seeds of repeats in a group."""

    name = needs = "trackio"

    def __init__(self, project: str | None = None, name: str | None = None, group: str | None = None, **options: Any):
        """What is not given here is Trackio's: its environment variables, or the project `a3c`. `options` are more
        arguments of `trackio.init`, such as `space_id`. Raises SettingsError where it is not installed."""
        self.check()
        self._options: dict[str, Any] = {"project": project, "name": name, "group": group, **options}
        self._run: Any = None
        self._said: list[str] = []

    def begin(self, run: LoggedRun) -> str | None:
        import trackio  # pyright: ignore[reportMissingImports]: an extra that dev has not

        project = self._options["project"] or os.environ.get("TRACKIO_PROJECT") or PROJECT
        name = run.id or self._options["name"] or run.name
        named = {"project": project, "name": name, "group": self._options["group"] or run.group}
        self._said = []
        self._run = trackio.init(
            # No page is opened.
            **{"embed": False} | self._options | named,
            config=dict(run.config),
            resume="allow" if run.id else "never",
        )
        self.where = f"trackio show --project {project}"
        # It is by their names that Trackio knows runs again.
        return name

    def scalars(self, step: int, numbers: Mapping[str, float]) -> None:
        self._run.log(dict(numbers), step=step)

    def text(self, step: int, line: str) -> None:
        self._said.append(f"- {step:,} steps: {line}\n")

    def artefact(self, path: Path, kind: str) -> None:
        self._run.log_artifact(path, name=f"{self._run.name}-{kind}".replace("/", "-"), type=kind)

    def end(self, summary: Summary) -> None:
        import trackio  # pyright: ignore[reportMissingImports]: an extra that dev has not

        said = {"said": trackio.Markdown("".join(self._said))} if self._said else {}
        numbers = {f"summary/{key}": value for key, value in summary.items() if isinstance(value, int | float)}
        self._run.log(numbers | said, step=summary["steps"])
        self._run.finish()
