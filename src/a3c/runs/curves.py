"""Curves of a run, as its CSV files hold them, and of several on one grid."""

from typing import Any, Literal, NamedTuple

import numpy as np

from a3c.errors import RunFolderError
from a3c.runs.folder import RunFolder
from a3c.runs.metrics import WINDOW, read_rows

Axis = Literal["steps", "seconds"]
COMMON_POINTS = 500
"""Points of the grid on which runs are summed up."""
POLICIES = ("greedy", "sampled")
SPECIAL = ("confirmation", "final")
"""The evaluations that decide something; all others only follow the training."""


class Curve(NamedTuple):
    """Values over environment steps and over seconds since the run began, `[N]` each, in the order of the run."""

    steps: np.ndarray
    seconds: np.ndarray
    values: np.ndarray

    def over(self, axis: Axis) -> np.ndarray:
        """Steps, or seconds."""
        return getattr(self, axis)


class Evaluated(NamedTuple):
    """Evaluations of one kind: means of their returns, and standard deviations, `[N]`."""

    curve: Curve
    spread: np.ndarray


def returns_of(folder: RunFolder) -> Curve:
    """The return of each episode. Raises RunFolderError where none has finished."""
    rows = [row for row in read_rows(folder.episodes_path, ("step", "seconds", "return")) if row[2]]
    if not rows:
        raise RunFolderError(f"{folder.path} holds no finished episode yet: nothing to plot")
    return _curve(rows)


def has_episodes(folder: RunFolder) -> bool:
    return bool(read_rows(folder.episodes_path, ("step", "return")))


def mean_returns_of(folder: RunFolder) -> Curve:
    """The mean of the last 100 episodes at each; of all episodes so far while there are fewer."""
    returns = returns_of(folder)
    sums = np.cumsum(np.insert(returns.values, 0, 0.0))
    end = np.arange(1, len(returns.values) + 1)
    start = np.maximum(end - WINDOW, 0)
    return returns._replace(values=(sums[end] - sums[start]) / (end - start))


def evaluations_of(folder: RunFolder) -> dict[tuple[str, str], Evaluated]:
    """The evaluations by purpose and policy; those that only follow the training are together, under "". Of a run that
    was not evaluated there are none."""
    found: dict[tuple[str, str], list[list[float]]] = {}
    for purpose, policy, *numbers in _evaluation_rows(folder):
        found.setdefault((purpose if purpose in SPECIAL else "", policy), []).append(numbers)
    return {kind: Evaluated(_by_step(found[kind]), np.array(sorted(found[kind]))[:, 3]) for kind in sorted(found)}


def evaluation_curve(folder: RunFolder) -> Curve | None:
    """The means of the evaluations that came at intervals, played in the way that most were; None: there are none."""
    found: dict[str, list[list[float]]] = {}
    for purpose, policy, *numbers in _evaluation_rows(folder):
        if purpose == "interval":
            found.setdefault(policy, []).append(numbers)
    return _by_step(max(found.values(), key=len)) if found else None


def _evaluation_rows(folder: RunFolder) -> list[tuple[Any, ...]]:
    """Purpose, policy, step, seconds, mean and standard deviation of each evaluation."""
    rows = read_rows(folder.evaluations_path, ("step", "seconds", "mean", "std", "purpose", "policy"))
    return [
        (purpose, policy, int(step), float(seconds or 0), float(mean), float(std))
        for step, seconds, mean, std, purpose, policy in rows
        if policy in POLICIES and mean and std
    ]


def metric_curves(folder: RunFolder, names: tuple[str, ...]) -> dict[str, Curve]:
    """Those columns of `metrics.csv` that hold something."""
    rows = read_rows(folder.metrics_path, ("steps", "seconds", *names))
    found = {name: [[*row[:2], row[place]] for row in rows if row[place]] for place, name in enumerate(names, start=2)}
    return {name: _curve(column) for name, column in found.items() if column}


def on_common_grid(curves: list[tuple[np.ndarray, np.ndarray]]) -> tuple[np.ndarray, np.ndarray]:
    """Curves of runs, each as steps (or seconds) in order and values, on one grid: `[P]`, and their values there,
    `[R, P]`.

    The grid starts where every run has a value, and ends with the longest; between two of its points, and after the
    last, a run has the value before.
    """
    first, last = max(at[0] for at, _ in curves), max(at[-1] for at, _ in curves)
    grid = np.linspace(first, last, COMMON_POINTS)
    return grid, np.stack([values[np.searchsorted(at, grid, side="right") - 1] for at, values in curves])


def _by_step(evaluations: list[list[float]]) -> Curve:
    """A candidate may be of an earlier step than what was evaluated before it."""
    steps, seconds, means, _ = np.array(sorted(evaluations)).T
    return Curve(steps, seconds, means)


def _curve(rows: list[list[str]]) -> Curve:
    """Of rows of a step, seconds and a value, in the order in which the run counted them."""
    steps, seconds, values = (np.array([float(row[column] or 0) for row in rows]) for column in range(3))
    # In files of older versions a row may be of an earlier step than the one before.
    return Curve(np.maximum.accumulate(steps), np.maximum.accumulate(seconds), values)
