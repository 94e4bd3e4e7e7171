"""Imitating: an agent's checkpoint from demonstrations, and the run folder that training goes on in."""

import dataclasses
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from a3c.imitation.cloning import Imitation, check_policy, clone
from a3c.imitation.demonstrations import Demonstrations, load_demonstrations
from a3c.imitation.settings import ImitationSettings
from a3c.learning.snapshot import nothing
from a3c.roles.worker import Work
from a3c.runs.checkpoint import NOTHING_JUDGED, Checkpoint
from a3c.runs.folder import RunFolder
from a3c.runs.lock import locked


def imitate(
    work: Work,
    start: Checkpoint,
    dataset: Any,
    settings: ImitationSettings,
    run: str | Path | None,
    say: Callable[[str], object] | None,
) -> tuple[Imitation, Checkpoint]:
    """Clones what was demonstrated, from `start` on. Gives what it came to, and where training goes on, with a new
    optimizer; a run folder begins there too."""
    check_policy(start.config)
    policy = work.policy
    data = load_demonstrations(dataset, policy.observations, policy.actions, masked=policy.layout.mask > 0)
    with nullcontext() if run is None else locked(Path(run)):
        # Before anything is learned: a folder may hold a run already.
        folder = None if run is None else RunFolder.create(run, start.config)
        imitation, after = _cloned(work, start, data, settings, say)
        if folder is not None:
            folder.save_best(after)
            folder.save_latest(after)
    return imitation, after


def _cloned(
    work: Work,
    start: Checkpoint,
    data: Demonstrations,
    settings: ImitationSettings,
    say: Callable[[str], object] | None,
) -> tuple[Imitation, Checkpoint]:
    imitation, learned = clone(work.policy, start, data, settings, say or (lambda line: None))
    after = dataclasses.replace(
        start,
        **learned,
        **NOTHING_JUDGED,
        optimizer_state=work.optimizer.initial_state(),
        target=learned["parameters"] if start.config.algorithm.has_target_network else nothing(),
        plays="greedy",
    )
    return imitation, after
