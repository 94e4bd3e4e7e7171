"""The curves of a report, as its page draws them: plain values for JSON, thinned out to what can be seen."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from a3c.errors import RunFolderError
from a3c.runs.curves import Axis, Curve, evaluations_of, mean_returns_of, metric_curves, on_common_grid, returns_of
from a3c.runs.groups import Group
from a3c.runs.listing import ListedRun
from a3c.runs.metrics import WINDOW

AXES: tuple[Axis, ...] = ("steps", "seconds")
DOTS, LINE, SMALL_LINE = 4_000, 1_500, 400
"""Points that are drawn at most: of episodes, of a curve of returns, of one of metrics; of many runs fewer each."""
ALL_POINTS = 12_000
"""Points of all runs together in one chart."""
DIGITS = 5
METRICS = {
    "entropy": "Entropy of the policy",
    "loss": "Loss",
    "policy_loss": "Policy loss",
    "value_loss": "Value loss",
    "explained_variance": "Explained variance of the returns",
    "gradient_norm": "Gradient norm",
    "policy_lag": "Policy lag, updates",
    "steps_per_second": "Steps a second",
    "length_mean_100": "Length of an episode, mean of 100",
    "learning_rate": "Learning rate",
    "entropy_coefficient": "Entropy coefficient",
    "queue_length": "Segments waiting in the queue",
}
"""The charts besides that of returns: columns of `metrics.csv`, and what they are called."""
CONSTANT_IS_DULL = ("learning_rate", "entropy_coefficient")


def page_data(groups: Sequence[Group]) -> dict[str, Any]:
    """What the page draws of these groups of runs."""
    runs = [(number, run) for number, group in enumerate(groups) for run in group.runs]
    charts = [_returns(groups, runs)]
    found = {id(run): metric_curves(run.folder, tuple(METRICS)) for _, run in runs}
    for name, title in METRICS.items():
        lines = [(group, run, curves[name]) for group, run in runs if name in (curves := found[id(run)])]
        levels = {round(float(value), 12) for _, _, curve in lines for value in curve.values}
        if lines and not (name in CONSTANT_IS_DULL and len(levels) == 1):
            charts.append({"title": title, "lines": _lines(lines, SMALL_LINE)})
    last = [curve for _, run in runs if (curve := _last(run)) is not None]
    targets = {run.get("target_return") for _, run in runs} - {None}
    return {
        "groups": [{"name": group.name} for group in groups],
        "runs": [{"group": group, "solved": _solved(run)} for group, run in runs],
        "targets": sorted(float(target) for target in targets),
        "ends": {axis: [float(curve.over(axis)[-1]) for curve in last] for axis in AXES},
        "charts": charts,
    }


def _returns(groups: Sequence[Group], runs: list[tuple[int, ListedRun]]) -> dict[str, Any]:
    """The chart of returns: the moving mean of each run, evaluations as points, and what sums up groups of several."""
    means = [(group, run, curve) for group, run in runs if (curve := _mean_returns(run)) is not None]
    chart: dict[str, Any] = {
        "title": f"Return, mean of the last {WINDOW} episodes",
        "main": True,
        "lines": _lines(means, LINE, None if len(runs) > 1 else f"mean of {WINDOW}"),
        "points": [points for group, run in runs for points in _evaluations(group, run, len(runs) == 1)],
        "bands": [],
    }
    chart["key"] = _key(len(runs) == 1, chart["points"])
    if len(runs) == 1:
        chart["dots"] = [_drawn(_thinned(returns_of(run.folder), DOTS)) | {"group": 0} for _, run, _ in means]
    for number, group in enumerate(groups):
        curves = [curve for of, _, curve in means if of == number]
        if len(group.runs) > 1 and curves:
            chart["bands"].append({"group": number} | {axis: _band(curves, axis) for axis in AXES})
    return chart


def _key(alone: bool, points: list[dict[str, Any]]) -> str:
    """What stands for what, where the reader points at nothing."""
    said = ["small dots: episodes"] if alone else ["bold: median", "band: between the quartiles", "thin: a run"]
    marks = {"● evaluated greedily": False, "○ by drawn actions": True}
    said += [mark for mark, sampled in marks.items() if any(one["sampled"] == sampled for one in points)]
    if any(one["decides"] for one in points):
        said.append("large: the best model")
    return " · ".join(said)


def _mean_returns(run: ListedRun) -> Curve | None:
    try:
        return mean_returns_of(run.folder)
    except RunFolderError:
        return None


def _last(run: ListedRun) -> Curve | None:
    """A curve that ends where the run did."""
    return metric_curves(run.folder, ("updates",)).get("updates") or _mean_returns(run)


def _evaluations(group: int, run: ListedRun, alone: bool) -> list[dict[str, Any]]:
    """Points by purpose and policy, which only the page of one run tells apart."""
    found = []
    for (purpose, policy), (curve, _) in evaluations_of(run.folder).items():
        named = {"group": group, "name": f"{policy} evaluation" if alone else f"{run.path.name}, {policy} evaluation"}
        # One run has its curve in the second colour.
        marks = {"sampled": policy == "sampled", "decides": bool(purpose), "color": 2 if alone else group}
        found.append(_drawn(curve) | named | marks)
    return found


def _lines(curves: list[tuple[int, ListedRun, Curve]], most: int, name: str | None = None) -> list[dict[str, Any]]:
    """A line for each run."""
    most = max(60, min(most, ALL_POINTS // max(1, len(curves))))
    return [
        _drawn(_thinned(_last_of_each(curve), most)) | {"group": group, "name": name or run.path.name}
        for group, run, curve in curves
    ]


def _band(curves: list[Curve], axis: Axis) -> dict[str, Any]:
    """Median and quartiles over runs."""
    at, values = on_common_grid([(curve.over(axis), curve.values) for curve in curves])
    median, low, high = np.quantile(values, (0.5, 0.25, 0.75), axis=0)
    return {name: _plain(numbers) for name, numbers in (("at", at), ("median", median), ("low", low), ("high", high))}


def _solved(run: ListedRun) -> dict[str, float] | None:
    step, second = run.summary.get("solved_at_step"), run.summary.get("solved_at_second")
    return None if step is None or second is None else {"steps": step, "seconds": second}


def _last_of_each(curve: Curve) -> Curve:
    """Without all but the last of the episodes that ended at the same step."""
    last = np.append(np.diff(curve.steps) > 0, True)
    return Curve(*(column[last] for column in curve))


def _thinned(curve: Curve, most: int) -> Curve:
    """At most so many points at even distances, the first and the last among them."""
    if len(curve.steps) <= most:
        return curve
    kept = np.linspace(0, len(curve.steps) - 1, most).astype(int)
    return Curve(*(column[kept] for column in curve))


def _drawn(curve: Curve) -> dict[str, Any]:
    return {name: _plain(column) for name, column in zip(Curve._fields, curve, strict=True)}


def _plain(numbers: np.ndarray) -> list[float | int | None]:
    """With as many digits as can be seen, as the page holds them as text; None for what is no number."""
    return [_short(float(number)) for number in numbers]


def _short(number: float) -> float | int | None:
    if not math.isfinite(number):
        return None
    if number.is_integer() and abs(number) < 2**53:
        return int(number)
    return float(f"{number:.{DIGITS}g}") if abs(number) < 10**DIGITS else round(number)
