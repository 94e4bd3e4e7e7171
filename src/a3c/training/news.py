"""What the Monitor has for callbacks."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from a3c.training.progress import FinishedEpisode
from a3c.training.run_evaluation import RunEvaluation


@dataclass
class News:
    """What has happened since somebody asked last."""

    episodes: list[FinishedEpisode] = field(default_factory=list)
    reported: bool = False
    """Whether it was time for a report."""
    checkpoint: Path | None = None
    """Where the latest was saved."""
    evaluations: list[RunEvaluation] = field(default_factory=list)
    rows: list[dict[str, Any]] = field(default_factory=list)
    """Of metrics."""
