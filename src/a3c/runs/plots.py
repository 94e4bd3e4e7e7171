"""Learning curves as pictures."""

import io
import logging
from pathlib import Path
from typing import Any

import numpy as np

from a3c.errors import RunFolderError
from a3c.runs.files import write_atomically
from a3c.runs.folder import RunFolder
from a3c.runs.metrics import WINDOW, read_rows

EVALUATED = ("step", "purpose", "policy", "mean", "std")
"""What is drawn of an evaluation."""
MOST_POINTS = 20_000
COMMON_POINTS = 500
"""Points of the grid of steps on which runs are averaged."""
POLICIES = {"greedy": ("o", "C3"), "sampled": ("s", "C4")}
"""The mark of an evaluation by how was played, and its colour where one run is shown."""
SPECIAL = {"confirmation": ("*", 13, "test whether it is solved"), "final": ("D", 8, "best model, played again")}
"""The mark of an evaluation by what it was for, its size, and what it says; all others only follow the training."""


def plot_curve(folder: RunFolder, path: Path | None = None) -> Path:
    """Draws one run: raw returns, their moving mean, evaluations, the target, and where it was solved."""
    return plot_runs([folder], path or folder.curve_path)


def plot_runs(folders: list[RunFolder], path: Path) -> Path:
    """Draws the runs into one picture, PNG, SVG or PDF by the name's ending. Raises RunFolderError.

    One run shows its raw returns and the spread of its evaluations too; of several runs only the means are shown.
    """
    figure, axes = _figure()
    summaries, policies = [folder.summary() for folder in folders], set[str]()
    for number, (folder, summary) in enumerate(zip(folders, summaries, strict=True)):
        steps, returns = _returns(folder)
        color = f"C{number % 10}"
        if len(folders) == 1:
            thin = max(1, len(steps) // MOST_POINTS)
            axes.plot(
                steps[::thin],
                returns[::thin],
                ".",
                color=color,
                alpha=0.25,
                markersize=3,
                markeredgewidth=0,
                label="return of an episode",
            )
        label = f"mean of the last {WINDOW}" if len(folders) == 1 else folder.path.name
        axes.plot(steps, _moving_mean(returns), color="C1" if len(folders) == 1 else color, linewidth=2, label=label)
        if len(folders) == 1:
            _draw_evaluations(axes, _evaluations(folder))
        else:
            policies |= _draw_evaluation_means(axes, _evaluations(folder), color)
        if summary.get("solved_at_step") is not None:
            solved = summary["solved_at_step"]
            text = f"solved at {solved:,} steps, {summary['solved_at_second']:.1f} s"
            axes.axvline(solved, color="C2" if len(folders) == 1 else color, linestyle=":", label=text)
    for policy in sorted(policies):
        # What the marks are is said once, for all colours.
        axes.plot([], [], POLICIES[policy][0], color="grey", markersize=5, label=f"{policy} evaluation")
    title = _title(summaries)
    if len(folders) == 1:
        workers, seed = summaries[0]["workers"], summaries[0]["seed"]
        title += f": {workers} worker{'s' if workers != 1 else ''}, seed {seed}"
    axes.set(title=title, ylabel="return of an episode")
    return _save(figure, axes, summaries, path)


def plot_means(groups: list[tuple[str, list[RunFolder]]], path: Path) -> Path:
    """Draws, for each named group of runs, the mean over its runs of the moving mean of their returns, its standard
    deviation as a band, and each run as a thin line, into one picture as `plot_runs` does. Raises RunFolderError.

    Runs end at different steps, as solved ones stop early: in the mean, a run's last value is held until the longest
    run of its group ends. The thin line ends where the run did.
    """
    figure, axes = _figure()
    for number, (name, folders) in enumerate(groups):
        color, prefix = f"C{number % 10}", f"{name}: " if len(groups) > 1 else ""
        curves = []
        for folder in folders:
            steps, returns = _returns(folder)
            curves.append((steps, _moving_mean(returns)))
        at, values = on_common_steps(curves)
        # What the thin lines and the bands are is said once.
        thin, band = ("one run", "standard deviation") if number == 0 else (None, None)
        for (steps, _), line in zip(curves, values, strict=True):
            ran = at <= steps[-1]
            axes.plot(at[ran], line[ran], color=color, linewidth=0.8, alpha=0.5, label=thin)
            thin = None
        mean, spread = values.mean(axis=0), values.std(axis=0)
        runs = f"{len(folders)} run{'s' if len(folders) != 1 else ''}"
        axes.plot(at, mean, color=color, linewidth=2.2, label=f"{prefix}mean of {runs}")
        axes.fill_between(at, mean - spread, mean + spread, color=color, alpha=0.15, linewidth=0, label=band)
    summaries = [folder.summary() for _, folders in groups for folder in folders]
    axes.set(title=_title(summaries), ylabel=f"mean return of the last {WINDOW} episodes")
    return _save(figure, axes, summaries, path)


def on_common_steps(curves: list[tuple[np.ndarray, np.ndarray]]) -> tuple[np.ndarray, np.ndarray]:
    """Curves of runs, each as steps in order and values, on one grid of steps: `[P]`, and their values there, `[R, P]`.

    The grid starts where every run has a value, and ends with the longest; between two of its steps, and after the
    last, a run has the value before.
    """
    first, last = max(steps[0] for steps, _ in curves), max(steps[-1] for steps, _ in curves)
    at = np.linspace(first, last, COMMON_POINTS)
    return at, np.stack([values[np.searchsorted(steps, at, side="right") - 1] for steps, values in curves])


def _draw_evaluations(axes: Any, evaluations: dict[tuple[str, str], np.ndarray]) -> None:
    """Of one run: points with their standard deviation, by how was played; those that decide something stand out."""
    for (purpose, policy), (steps, means, spreads) in evaluations.items():
        mark, color = POLICIES[policy]
        size, edge, label = 4.5, color, f"{policy} evaluation and its spread"
        if purpose in SPECIAL:
            (mark, size, label), edge = SPECIAL[purpose], "black"
            label = f"{label} ({policy})"
        axes.errorbar(
            steps,
            means,
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


def _draw_evaluation_means(axes: Any, evaluations: dict[tuple[str, str], np.ndarray], color: str) -> set[str]:
    """Of one of several runs: points in its colour. Returns how was played."""
    for (_, policy), (steps, means, _) in evaluations.items():
        mark = POLICIES[policy][0]
        axes.plot(steps, means, mark, color=color, markersize=5, markeredgecolor="white", markeredgewidth=0.5)
    return {policy for _, policy in evaluations}


def _figure() -> tuple[Any, Any]:
    figure = make_figure((8, 4.5))
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
    return f"{', '.join(algorithms)} on {', '.join(environments)}"


def _save(figure: Any, axes: Any, summaries: list[dict[str, Any]], path: Path) -> Path:
    """Adds what every picture has, the targets among it, and writes it."""
    targets = {summary["target_return"] for summary in summaries if summary.get("target_return") is not None}
    for target in sorted(targets):
        axes.axhline(target, color="grey", linestyle="--", linewidth=1, label=f"target {target:g}")
    axes.set_xlabel("environment steps")
    axes.xaxis.set_major_formatter(lambda x, _: f"{x:,.0f}")
    axes.grid(alpha=0.2)
    axes.legend(loc="best", fontsize="small")
    picture = io.BytesIO()
    try:
        figure.savefig(picture, format=path.suffix.removeprefix(".") or "png", dpi=120)
    except ValueError as error:
        raise RunFolderError(f"{path}: {error}") from None
    write_atomically(path, picture.getvalue())
    return path


def _returns(folder: RunFolder) -> tuple[np.ndarray, np.ndarray]:
    """Steps and returns of the episodes, in the order in which the run counted them."""
    rows = [row for row in read_rows(folder.episodes_path, ("step", "return")) if row[1]]
    if not rows:
        raise RunFolderError(f"{folder.path} holds no finished episode yet: nothing to plot")
    # In files of older versions a row may be of an earlier step than the one before.
    steps = np.maximum.accumulate([int(row[0]) for row in rows])
    return steps, np.array([float(row[1]) for row in rows])


def _evaluations(folder: RunFolder) -> dict[tuple[str, str], np.ndarray]:
    """Steps, means and standard deviations of the evaluations, `[3, N]`, by purpose and policy; those that only follow
    the training are together, under "". Of a run that was not evaluated there are none."""
    found: dict[tuple[str, str], list[list[float]]] = {}
    for step, purpose, policy, mean, std in read_rows(folder.evaluations_path, EVALUATED):
        if policy in POLICIES and mean and std:
            kind = (purpose if purpose in SPECIAL else "", policy)
            found.setdefault(kind, []).append([float(number) for number in (step, mean, std)])
    return {kind: np.array(found[kind]).T for kind in sorted(found)}


def _moving_mean(returns: np.ndarray) -> np.ndarray:
    """The mean of the last 100 episodes at each; of all episodes so far while there are fewer."""
    sums = np.cumsum(np.insert(returns, 0, 0.0))
    end = np.arange(1, len(returns) + 1)
    start = np.maximum(end - WINDOW, 0)
    return (sums[end] - sums[start]) / (end - start)
