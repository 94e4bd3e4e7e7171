"""The learning curve as a picture."""

import io
from pathlib import Path

import numpy as np

from a3c.errors import RunFolderError
from a3c.runs.files import write_atomically
from a3c.runs.folder import RunFolder
from a3c.runs.metrics import read_rows
from a3c.runs.monitor import WINDOW

MOST_POINTS = 20_000


def plot_curve(folder: RunFolder, path: Path | None = None) -> Path:
    """Draws one run: raw returns, their moving mean, the target, and where it was solved."""
    return plot_runs([folder], path or folder.curve_path)


def plot_runs(folders: list[RunFolder], path: Path) -> Path:
    """Draws the runs into one picture, PNG, SVG or PDF by the name's ending. Raises RunFolderError.

    One run shows its raw returns too; of several runs only the moving means are shown.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 4.5), layout="constrained")
    axes = figure.subplots()
    targets = set()
    for number, folder in enumerate(folders):
        summary = folder.summary()
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
        at, means = _moving_mean(steps, returns)
        label = f"mean of the last {WINDOW}" if len(folders) == 1 else folder.path.name
        axes.plot(at, means, color="C1" if len(folders) == 1 else color, linewidth=2, label=label)
        if summary.get("target_return") is not None:
            targets.add(summary["target_return"])
        if summary.get("solved_at_step") is not None:
            solved = summary["solved_at_step"]
            text = f"solved at {solved:,} steps, {summary['solved_at_second']:.1f} s"
            axes.axvline(solved, color="C2" if len(folders) == 1 else color, linestyle=":", label=text)
    for target in sorted(targets):
        axes.axhline(target, color="grey", linestyle="--", linewidth=1, label=f"target {target:g}")
    first = folders[0].summary()
    title = f"{first['algorithm'].upper()} on {first['environment']}"
    if len(folders) == 1:
        title += f": {first['workers']} worker{'s' if first['workers'] != 1 else ''}, seed {first['seed']}"
    axes.set(title=title, xlabel="environment steps", ylabel="return of an episode")
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
    rows = read_rows(folder.episodes_path)
    if not rows:
        raise RunFolderError(f"{folder.path} holds no finished episode yet: nothing to plot")
    return np.array([int(row[0]) for row in rows]), np.array([float(row[3]) for row in rows])


def _moving_mean(steps: np.ndarray, returns: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The mean of the last 100 episodes at each; of all episodes so far while there are fewer."""
    sums = np.cumsum(np.insert(returns, 0, 0.0))
    end = np.arange(1, len(returns) + 1)
    start = np.maximum(end - WINDOW, 0)
    return steps, (sums[end] - sums[start]) / (end - start)
