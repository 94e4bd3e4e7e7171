"""What is kept of a run: its checkpoints, and its summary."""

import dataclasses
import math
import platform
from contextlib import suppress
from pathlib import Path
from typing import cast

import numpy as np

from a3c.errors import CheckpointError
from a3c.learning.snapshot import Snapshot
from a3c.machine import available_cores, versions
from a3c.runs.checkpoint import Checkpoint
from a3c.runs.folder import RunFolder
from a3c.runs.summaries import Figure, Summary
from a3c.training.evaluations import Evaluations
from a3c.training.measures import Measures
from a3c.training.records import Records

STOP_WHEN = "stop_when was true of the evaluations"
"""Why a run ended that `stop_when` has ended: by evaluations, which are the same where a run gives one result."""
SAVE_EVERY = 1.0
"""Seconds between two boundaries that are saved, at least."""


class Keeper:
    """Makes checkpoints and summaries of a run as it is, and writes them where there is a folder."""

    def __init__(
        self,
        start: Checkpoint,
        measures: Measures,
        records: Records,
        evaluations: Evaluations,
        folder: RunFolder | None,
    ):
        self._start, self._measures, self._records, self.folder = start, measures, records, folder
        self._evaluations = evaluations
        self._boundary: Checkpoint | None = None
        self._saved = -math.inf

    def cross(self) -> Checkpoint:
        """At a boundary: keeps the run as it is now, to be saved when it is time, and for training to go back to."""
        now = dataclasses.replace(self.checkpoint(), at_boundary=True)
        self._let_go_back(now)
        if self.folder is not None:
            self._boundary = now
        return now

    def go_back(self, start: Checkpoint, evaluations: Evaluations) -> None:
        """The run goes on from its last boundary, or from where it began, with the evaluations of there."""
        self._evaluations = evaluations
        if self.folder is not None and not start.config.has_boundaries:
            # What the clock had saved is not to be resumed from: its rows are gone.
            self.folder.go_back(start)

    def _let_go_back(self, checkpoint: Checkpoint) -> None:
        if np.isfinite(checkpoint.parameters).all():
            floats = np.vstack([checkpoint.parameters, checkpoint.optimizer_state])
            self._measures.store.setbacks.keep(floats, checkpoint.statistics)

    def boundary_is_due(self, now: float) -> bool:
        """Whether there is one that is to be saved now: they may come often, and a run that is resumed from an earlier
        one comes to the same."""
        return self._boundary is not None and now - self._saved >= SAVE_EVERY

    def save_boundary(self, now: float) -> Path | None:
        """Saves the run as it was at the last boundary, if it is not yet. Says where it is."""
        boundary, folder = self._boundary, self.folder
        if boundary is None or folder is None:
            return None
        self._boundary, self._saved = None, now
        # The best first: a run that is resumed from a boundary finds what its best was, or finds it anew.
        self._save_best()
        folder.save_boundary(boundary)
        return folder.checkpoint_path("latest")

    def _save_best(self) -> None:
        returns, evaluations = self._measures.returns, self._evaluations
        is_new = evaluations.best_is_new or (evaluations.best_mean is None and returns.best_is_new)
        if self.folder is not None and is_new:
            self.folder.save_best(self.best_checkpoint())
            evaluations.best_is_new = returns.best_is_new = False

    def checkpoint(self, snapshot: Snapshot | None = None) -> Checkpoint:
        """The run as it is now, with the latest snapshot or that given."""
        start, store, returns = self._start, self._measures.store, self._measures.returns
        evaluations = self._evaluations
        snapshot = snapshot or store.snapshot
        return Checkpoint(
            config=start.config,
            parameters=snapshot.parameters,
            statistics=snapshot.statistics,
            optimizer_state=store.optimizer_state,
            spaces=start.spaces,
            own_environment=start.own_environment,
            own_network=start.own_network,
            own_evaluation_environment=start.own_evaluation_environment,
            # Where a row could not be written, a run resumed here cannot have it.
            counts=store.totals() | {"episodes": self._measures.episodes - self._records.pending},
            seconds=self._measures.clock.seconds,
            returns=returns.last,
            lengths=returns.lengths,
            setbacks=store.setbacks.state(store.total("updates")),
            best_return_mean_100=returns.best,
            solved_at_step=returns.solved_at_step,
            solved_at_second=returns.solved_at_second,
            plays=evaluations.plays,
            best_evaluation=evaluations.best_mean,
            best_step=evaluations.best_step,
            best_version=evaluations.best_version,
            evaluations=self._records.evaluated,
            confirmations=evaluations.confirmations,
            confirm_after=evaluations.confirm_after,
            moments=store.moments,
            target=store.target,
        )

    def best_checkpoint(self) -> Checkpoint:
        """The best that was evaluated; the average parameters at the best mean of 100 episodes, where nothing was; the
        latest where there were never 100."""
        return self.checkpoint(self._best)

    @property
    def _best(self) -> Snapshot | None:
        returns, evaluations = self._measures.returns, self._evaluations
        if evaluations.best_mean is not None:
            return evaluations.best_snapshot or self.find_best()
        return None if returns.best is None else returns.best_snapshot

    def find_best(self) -> Snapshot | None:
        """The best that was saved before this run went on, if it is there yet, and whole."""
        if self.folder is None:
            return None
        with suppress(CheckpointError):
            return self.folder.load("best", self._start.config.algorithm).snapshot
        return None

    def save(self) -> Path | None:
        """Saves the run as it is now, and the best where it is new; training may go back to it. Says where the latest
        is, where there is a folder; raises DiskError and TrainingDiverged."""
        folder, latest = self.folder, self.checkpoint()
        if folder is not None:
            folder.save_latest(latest)
        if self._measures.clock.ended is None and not self._start.config.has_boundaries:
            self._let_go_back(latest)
        if folder is None:
            return None
        self._save_best()
        return folder.checkpoint_path("latest")

    def not_reproducible(self, status: str, stop_reason: str | None) -> str | None:
        """Why the same seed and settings may give another result; None where they give the same."""
        config, totals = self._start.config, self._measures.totals
        if not config.gives_one_result:
            return "workers are asynchronous: see `ordered`"
        if self._start.counts["steps"] and not self._start.at_boundary:
            return "it went on from a checkpoint between two boundaries"
        if status in ("interrupted", "failed"):
            return "the clock decided at which step it ended, as it was interrupted or failed"
        if stop_reason not in (None, STOP_WHEN):
            return "a callback ended it"
        limits = (config.steps, totals["steps"]), (config.episodes, totals["episodes"])
        if (
            status == "finished"
            and stop_reason is None
            and not any(limit is not None and total >= limit for limit, total in limits)
        ):
            return "the limit on seconds ended it"
        return None

    def summary(
        self,
        status: str,
        *,
        remarks: list[str],
        stop_reason: str | None,
        incidents: dict[str, int],
        error: str | None = None,
    ) -> Summary:
        """What `summary.json` holds."""
        why_not = self.not_reproducible(status, stop_reason)
        config, measures = self._start.config, self._measures
        totals, clock, returns = measures.totals, measures.clock, measures.returns
        rate, stations = clock.mean_rate(totals["steps"]), measures.stations.summary()
        summary = {
            "status": status,
            "algorithm": config.algorithm.name,
            "environment": config.environment,
            "seed": config.seed,
            "workers": config.workers or sum(station["workers"] for station in stations) or None,
            **totals,
            "startup_seconds": None if clock.first_update is None else round(clock.first_update - clock.started, 3),
            "wall_seconds": round(clock.seconds, 3),
            "training_seconds": round(clock.training_seconds, 3),
            "steps_per_second": None if rate is None else round(rate, 1),
            "return_mean_100": returns.whole_mean,
            "best_return_mean_100": returns.best,
            "target_return": config.target_return,
            "solved_at_step": returns.solved_at_step,
            "solved_at_second": returns.solved_at_second,
            "best_evaluation": self._figure,
            "evaluations": self._records.evaluated,
            "confirmations_failed": self._evaluations.confirmations,
            "policy_lag": measures.updates.lag_of_run,
            "stop_reason": stop_reason,
            **incidents,
            "reproducible": why_not is None,
            "reproducible_why_not": why_not,
            "remarks": remarks,
            "versions": versions(),
            "machine": {"system": platform.platform(), "processor": platform.machine(), "cores": available_cores()},
        }
        if config.track_info:
            summary["info"] = measures.info.means
        if config.cluster is not None:
            summary["stations"] = stations
        return cast("Summary", summary if error is None else {**summary, "error": error})

    @property
    def _figure(self) -> Figure | None:
        figure = self._evaluations.figure
        if figure is None:
            return None
        return {
            "step": figure.step,
            "policy": figure.policy,
            "mean": figure.mean,
            "std": figure.std,
            "min": min(figure.returns),
            "max": max(figure.returns),
            "episodes": len(figure.returns),
        }
