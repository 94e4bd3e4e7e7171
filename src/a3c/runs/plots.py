"""Learning curves as pictures."""

import io
import logging
import textwrap
from pathlib import Path
from typing import Any, Literal

import numpy as np

from a3c.errors import RunFolderError
from a3c.runs.curves import (
    Axis,
    Curve,
    Evaluated,
    evaluation_curve,
    evaluations_of,
    mean_returns_of,
    on_common_grid,
    returns_of,
)
from a3c.runs.files import write_atomically
from a3c.runs.folder import RunFolder
from a3c.runs.metrics import WINDOW

What = Literal["training", "evaluation"]
MOST_POINTS = 20_000
DASHES = ("-", "--", ":", "-.")
"""Lines whose colours are the same, as there are but ten."""
WIDTH, HEIGHT = 8, 4.5
MOST_INSIDE, LONGEST_INSIDE = 9, 60
"""Entries of a legend, and characters of each, that find room among the curves."""
ENOUGH = 5
"""Evaluations of a run that make a curve."""
POLICIES = {"greedy": ("o", "C3"), "sampled": ("s", "C4")}
"""The mark of an evaluation by how was played, and its colour where one run is shown."""
SPECIAL = {"confirmation": ("*", 13, "test whether it is solved"), "final": ("D", 8, "best model, played again")}
"""The mark of an evaluation by what it was for, its size, and what it says; all others only follow the training."""


def plot_curve(folder: RunFolder, path: Path | None = None) -> Path:
    """Draws one run: raw returns, their moving mean, evaluations, the target, and where it was solved."""
    return plot_runs([folder], path or folder.curve_path)


def plot_runs(folders: list[RunFolder], path: Path, *, axis: Axis = "steps", names: list[str] | None = None) -> Path:
    """Draws the runs into one picture, PNG, SVG or PDF by the name's ending, over steps or seconds. Raises
    RunFolderError.

    One run shows its raw returns and the spread of its evaluations too; of several runs only the means are shown.
    `names` are what they are called, by default as their folders are.
    """
    figure, axes = _figure()
    names = names or [folder.path.name for folder in folders]
    summaries, policies = [folder.summary() for folder in folders], set[str]()
    for number, (folder, summary) in enumerate(zip(folders, summaries, strict=True)):
        color, dashes = f"C{number % 10}", DASHES[number // 10 % len(DASHES)]
        if len(folders) == 1:
            returns = returns_of(folder)
            thin = max(1, len(returns.steps) // MOST_POINTS)
            axes.plot(
                returns.over(axis)[::thin],
                returns.values[::thin],
                ".",
                color=color,
                alpha=0.25,
                markersize=3,
                markeredgewidth=0,
                label="return of an episode",
            )
        means = mean_returns_of(folder)
        solved = summary.get("solved_at_step"), summary.get("solved_at_second")
        said = "" if solved[0] is None else f"solved at {solved[0]:,} steps, {solved[1]:.1f} s"
        label = f"mean of the last {WINDOW}" if len(folders) == 1 else ": ".join(filter(None, (names[number], said)))
        shown = "C1" if len(folders) == 1 else color
        axes.plot(means.over(axis), means.values, color=shown, linestyle=dashes, linewidth=2, label=label)
        if len(folders) == 1:
            _draw_evaluations(axes, evaluations_of(folder), axis)
        else:
            policies |= _draw_evaluation_means(axes, evaluations_of(folder), axis, color)
        if said:
            alone = len(folders) == 1
            place = solved[axis == "seconds"]
            axes.axvline(place, color="C2" if alone else color, linestyle=":", label=said if alone else None)
    for policy in sorted(policies):
        # What the marks are is said once, for all colours.
        axes.plot([], [], POLICIES[policy][0], color="grey", markersize=5, label=f"{policy} evaluation")
    title = _title(summaries)
    if len(folders) == 1:
        workers, seed = summaries[0]["workers"], summaries[0]["seed"]
        title += f": {workers} worker{'s' if workers != 1 else ''}, seed {seed}"
    axes.set(title=title, ylabel="return of an episode")
    return _save(figure, axes, summaries, path, axis)


def plot_groups(
    groups: list[tuple[str, list[RunFolder]]],
    path: Path,
    *,
    axis: Axis = "steps",
    what: What | None = None,
    mean: bool = False,
) -> Path:
    """Draws, for each named group of runs, the median over its runs, the range between the quartiles as a band, and
    each run as a thin line, into one picture as `plot_runs` does; with `mean` the mean, and the standard deviation as a
    band. Raises RunFolderError.

    The curves are the moving mean of the training returns, or the evaluations that followed the training; by default
    these where every run has enough of them.
    Runs end at different steps, as solved ones stop early: a run's last value is held until the longest run of its
    group ends. The thin line ends where the run did.
    """
    figure, axes = _figure()
    what, curves = _curves([folders for _, folders in groups], what)
    center, spread = ("mean", "standard deviation") if mean else ("median", "between the quartiles")
    for number, ((name, folders), of_group) in enumerate(zip(groups, curves, strict=True)):
        color, dashes = f"C{number % 10}", DASHES[number // 10 % len(DASHES)]
        prefix = f"{name}: " if len(groups) > 1 else ""
        at, values = on_common_grid([(curve.over(axis), curve.values) for curve in of_group])
        # What the thin lines and the bands are is said once.
        thin, band = ("one run", spread) if number == 0 else (None, None)
        for curve, line in zip(of_group, values, strict=True):
            ran = at <= curve.over(axis)[-1]
            axes.plot(at[ran], line[ran], color=color, linewidth=0.8, alpha=0.5, label=thin)
            thin = None
        middle, low, high = _mean_and_spread(values) if mean else np.quantile(values, (0.5, 0.25, 0.75), axis=0)
        runs = f"{len(folders)} run{'s' if len(folders) != 1 else ''}"
        label = f"{prefix}{center} of {runs}"
        axes.plot(at, middle, color=color, linestyle=dashes, linewidth=2.2, label=label)
        axes.fill_between(at, low, high, color=color, alpha=0.15, linewidth=0, label=band)
    summaries = [folder.summary() for _, folders in groups for folder in folders]
    training = f"mean return of the last {WINDOW} episodes"
    axes.set(title=_title(summaries), ylabel=training if what == "training" else "mean return when evaluated")
    return _save(figure, axes, summaries, path, axis)


def _curves(groups: list[list[RunFolder]], what: What | None) -> tuple[What, list[list[Curve]]]:
    """What is drawn, and of each run of each group its curve."""
    if what != "training":
        evaluated = {folder.path: evaluation_curve(folder) for folders in groups for folder in folders}
        curves = {path: curve for path, curve in evaluated.items() if curve is not None}
        missing = [path for path in evaluated if path not in curves]
        if what == "evaluation" and missing:
            raise RunFolderError(f"{missing[0]} was not evaluated while it trained: there is but its training to plot")
        if not missing and min(len(curve.steps) for curve in curves.values()) >= (ENOUGH if what is None else 1):
            return "evaluation", [[curves[folder.path] for folder in folders] for folders in groups]
    return "training", [[mean_returns_of(folder) for folder in folders] for folders in groups]


def _mean_and_spread(values: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    middle, spread = values.mean(axis=0), values.std(axis=0)
    return middle, middle - spread, middle + spread


def _draw_evaluations(axes: Any, evaluations: dict[tuple[str, str], Evaluated], axis: Axis) -> None:
    """Of one run: points with their standard deviation, by how was played; those that decide something stand out."""
    for (purpose, policy), (curve, spreads) in evaluations.items():
        mark, color = POLICIES[policy]
        size, edge, label = 4.5, color, f"{policy} evaluation and its spread"
        if purpose in SPECIAL:
            (mark, size, label), edge = SPECIAL[purpose], "black"
            label = f"{label} ({policy})"
        axes.errorbar(
            curve.over(axis),
            curve.values,
            spreads,
            fmt=mark,
            color=color,
            ecolor=color,
            elinewidth=1,
            capsize=2,
            markersize=size,
            markeredgecolor=edge,
            # Above the lines, and what decides above what does not.
            zorder=4 if purpose in SPECIAL else 3,
            label=label,
        )


def _draw_evaluation_means(
    axes: Any, evaluations: dict[tuple[str, str], Evaluated], axis: Axis, color: str
) -> set[str]:
    """Of one of several runs: points in its colour. Returns how was played."""
    for (_, policy), (curve, _) in evaluations.items():
        mark, at = POLICIES[policy][0], curve.over(axis)
        axes.plot(at, curve.values, mark, color=color, markersize=5, markeredgecolor="white", markeredgewidth=0.5)
    return {policy for _, policy in evaluations}


def _figure() -> tuple[Any, Any]:
    figure = make_figure((WIDTH, HEIGHT))
    return figure, figure.subplots()


def make_figure(size: tuple[float, float]) -> Any:
    """A figure of so many inches, with Matplotlib imported quietly."""
    # Where it may not write into the user's folders it says so at length, and works all the same.
    log = logging.getLogger("matplotlib")
    level = log.level
    log.setLevel(logging.ERROR)
    from matplotlib.figure import Figure

    log.setLevel(level)
    return Figure(figsize=size, layout="constrained")


def _title(summaries: list[dict[str, Any]]) -> str:
    algorithms = dict.fromkeys(summary["algorithm"].upper() for summary in summaries)
    environments = dict.fromkeys(summary["environment"] for summary in summaries)
    return textwrap.fill(f"{', '.join(algorithms)} on {', '.join(environments)}", 80)


def _save(figure: Any, axes: Any, summaries: list[dict[str, Any]], path: Path, axis: Axis) -> Path:
    """Adds what every picture has, the targets among it, and writes it."""
    targets = {summary["target_return"] for summary in summaries if summary.get("target_return") is not None}
    for target in sorted(targets):
        axes.axhline(target, color="grey", linestyle="--", linewidth=1, label=f"target {target:g}")
    axes.set_xlabel("environment steps" if axis == "steps" else "seconds since the start")
    axes.xaxis.set_major_formatter(lambda x, _: f"{x:,.0f}")
    axes.grid(alpha=0.2)
    _legend(figure, axes)
    picture = io.BytesIO()
    try:
        figure.savefig(picture, format=path.suffix.removeprefix(".") or "png", dpi=120)
    except ValueError as error:
        raise RunFolderError(f"{path}: {error}") from None
    write_atomically(path, picture.getvalue())
    return path


def _legend(figure: Any, axes: Any) -> None:
    """Among the curves, or below them where there is no room."""
    handles, labels = axes.get_legend_handles_labels()
    longest = max(map(len, labels))
    if len(labels) <= MOST_INSIDE and longest <= LONGEST_INSIDE:
        axes.legend(loc="best", fontsize="small")
        return
    # A character of this size takes a sixteenth of an inch, and a line three of them.
    columns = max(1, int(WIDTH / (0.6 + longest / 16)))
    figure.set_size_inches(max(WIDTH, 0.6 + longest / 16), HEIGHT + 0.19 * -(-len(labels) // columns))
    figure.legend(handles, labels, loc="outside lower center", ncols=columns, fontsize="small")
