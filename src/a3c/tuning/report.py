"""What a tuning has come to: the best as a recipe, a table's rows, a picture."""

import io
import time
from pathlib import Path
from statistics import fmean
from typing import Any

import numpy as np

from a3c.algorithm.builtin import BUILT_IN
from a3c.config.cluster import ClusterSettings
from a3c.config.making import make_config, own_fields, recorded
from a3c.config.run import RunSettings
from a3c.config.setting import names_of
from a3c.config.toml import toml_value
from a3c.runs.files import write_atomically
from a3c.runs.plots import make_figure
from a3c.tuning.confirming import is_confirmed
from a3c.tuning.spaces import Choice, Range, spelled
from a3c.tuning.study import Trial
from a3c.tuning.trial import way_of
from a3c.tuning.tuner import Tuning

LEFT_OUT = {
    *(set(names_of(RunSettings)) - {"steps"}),
    *names_of(ClusterSettings),
    *("environment", "evaluation_environment", "evaluate_every", "evaluation_episodes", "algorithm"),
}
"""Settings that a recipe says nothing of: where and how long it is trained is for whoever takes it."""


def recipe_path(storage: Path) -> Path:
    return storage.with_suffix(".toml")


def picture_path(storage: Path) -> Path:
    return storage.with_suffix(".png")


def write_recipe(tuning: Tuning, best: Trial, trials: list[Trial]) -> Path:
    """Writes the recipe with a trial's settings, whole or not at all. Raises DiskError."""
    path = recipe_path(tuning.storage)
    write_atomically(path, recipe_toml(tuning, best, trials).encode())
    return path


def recipe_toml(tuning: Tuning, best: Trial, trials: list[Trial]) -> str:
    """All settings that are not the algorithm's defaults, and those that were searched."""
    config = tuning.config.replace(**best.values)
    settings, plain = recorded(config), recorded(make_config({"algorithm": config.algorithm}))
    named = {
        name: value
        for name, value in settings.items()
        if name not in LEFT_OUT and value is not None and (value != plain[name] or name in best.values)
    }
    own = {name: named.pop(name) for name in own_fields(config.algorithm) if name in named}
    if config.algorithm.name not in BUILT_IN:
        # No other will take them.
        named, own = named | own, {}
    about = {
        "title": f"{config.environment}, tuned",
        "environments": [config.environment],
        "algorithm": config.algorithm.recorded,
        "source": f"a3c tune, trial {best.number} of {len(trials)}, {time.strftime('%Y-%m-%d')}",
        "reached": _reached(tuning, best, trials),
    }
    tables = {"about": about, "common": named} | ({config.algorithm.name: own} if own else {})
    parts = []
    for title, table in tables.items():
        parts.append("".join([f"[{title}]\n", *(f"{name} = {toml_value(value)}\n" for name, value in table.items())]))
    return "\n".join(parts)


def _reached(tuning: Tuning, best: Trial, trials: list[Trial]) -> str:
    seeds, default = len(tuning.seeds), next((trial for trial in trials if trial.is_default), None)
    score, of_seeds = best.score, f"median of {seeds} seeds" if seeds > 1 else "1 seed"
    before = default.score if default and default.state == "complete" else None
    if is_confirmed(best, tuning.confirm):
        count = len(best.confirmed)
        of_seeds = (
            f"mean of {count} fresh seeds, worst {spelled(min(best.confirmed))}," if count > 1 else "1 fresh seed"
        )
        score = fmean(best.confirmed)
        before = fmean(default.confirmed) if default and is_confirmed(default, tuning.confirm) else None
    compared = "" if before is None else f", the defaults {spelled(before)}"
    return (
        f"{spelled(score)}{compared}: {of_seeds} after {tuning.config.steps:,} steps, {tuning.score_episodes} "
        f"episodes each, {way_of(tuning.config)}; the best of {len(trials)} trials"
    )


def draw(tuning: Tuning, trials: list[Trial], best: Trial) -> Path:
    """Draws scores over trials with the best so far, and by each setting; a star is the trial that was chosen. Raises
    DiskError."""
    complete = [trial for trial in trials if trial.state == "complete"]
    others = [trial for trial in trials if trial.state == "pruned" and trial.score is not None]
    names = list(tuning.spaces)
    columns = min(4, len(names))
    rows = -(-len(names) // columns)
    figure = make_figure((10, 3.6 + 2.2 * rows))
    grid = figure.add_gridspec(rows + 1, columns, height_ratios=[1.7] + [1.0] * rows)
    axes = figure.add_subplot(grid[0, :])
    _draw_scores(axes, complete, others, best)
    config = tuning.config
    seeds = f"{len(tuning.seeds)} seeds, " if len(tuning.seeds) > 1 else ""
    axes.set_title(f"{config.algorithm.name.upper()} on {config.environment}: {seeds}{config.steps:,} steps")
    shared = None
    for index, name in enumerate(names):
        panel = figure.add_subplot(grid[1 + index // columns, index % columns], sharey=shared)
        shared = shared or panel
        _draw_setting(panel, name, tuning.spaces[name], complete, others, best)
        if index % columns:
            panel.tick_params(labelleft=False)
        else:
            panel.set_ylabel("score")
    picture = io.BytesIO()
    figure.savefig(picture, format="png", dpi=120)
    path = picture_path(tuning.storage)
    write_atomically(path, picture.getvalue())
    return path


def _draw_scores(axes: Any, complete: list[Trial], others: list[Trial], best: Trial) -> None:
    axes.plot(*_points(others), "x", color="grey", markersize=5, alpha=0.7, label="pruned, at its last evaluation")
    for trial in complete:
        axes.plot([trial.number] * len(trial.scores), trial.scores, ".", color="C0", alpha=0.35, markersize=4)
    axes.plot(*_points(complete), "o", color="C0", markersize=5, label="score, and its seeds")
    if complete:
        numbers, scores = _points(complete)
        axes.plot(numbers, np.maximum.accumulate(scores), drawstyle="steps-post", color="C1", label="best so far")
    label = "fresh seeds, and their mean"
    for trial in complete:
        # Beside the trial's own, which they would hide.
        at = trial.number + 0.25
        if trial.confirmed:
            axes.plot([at] * len(trial.confirmed), trial.confirmed, ".", color="C3", alpha=0.45, markersize=4)
            axes.plot(at, fmean(trial.confirmed), "D", color="C3", markersize=5, label=label)
            label = None
    axes.plot(best.number, best.score, "*", color="C1", markersize=12, markeredgecolor="black", label="chosen")
    for trial in complete:
        if trial.is_default:
            axes.axhline(trial.score, color="C2", linestyle="--", linewidth=1, label="the defaults")
    axes.set(xlabel="trial", ylabel="score")
    axes.xaxis.get_major_locator().set_params(integer=True)
    axes.grid(alpha=0.2)
    axes.legend(loc="best", fontsize="small")


def _points(trials: list[Trial]) -> tuple[list[int], list[float]]:
    return [trial.number for trial in trials], [trial.score or 0.0 for trial in trials]


def _draw_setting(
    axes: Any, name: str, space: Range | Choice, complete: list[Trial], others: list[Trial], best: Trial
) -> None:
    """Scores by the values of one setting; those of a choice side by side, a little apart."""

    def place(trial: Trial) -> float:
        value = trial.values[name]
        if isinstance(space, Range):
            return value
        # As far to the side as its number says, so that points do not hide each other.
        return space.values.index(value) + 0.3 * ((trial.number * 0.618) % 1 - 0.5)

    for trials, mark, color in ((others, "x", "grey"), (complete, "o", "C0")):
        axes.plot([place(trial) for trial in trials], _points(trials)[1], mark, color=color, markersize=3.5, alpha=0.6)
    axes.plot([place(best)], [best.score], "*", color="C1", markersize=11, markeredgecolor="black")
    if isinstance(space, Range):
        axes.set_xscale("log")
        axes.set_xlim(space.low * 0.9, space.high * 1.1)
    else:
        axes.set_xticks(range(len(space.values)), [spelled(value) for value in space.values])
        axes.set_xlim(-0.5, len(space.values) - 0.5)
    axes.tick_params(labelsize="small")
    axes.set_xlabel(name)
    axes.grid(alpha=0.2)
