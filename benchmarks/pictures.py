"""The pictures that the benchmarks draw of their runs."""

import math
from pathlib import Path
from statistics import median

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from report import Measured, by, column, final_score, solved

TICKS = (1, 2, 5, 10, 20, 50, 100, 200)
SECONDS = "seconds since the process started (logarithmic)"
MEAN_RETURN = "mean return of the last 100 training episodes"


def draw_solved(part: Measured, path: Path, longest: float) -> None:
    """CartPole-v1: learning curves over seconds, and the seconds until solved, of every system and seed.

    The axis of seconds ends at `longest`.
    """
    figure = Figure(figsize=(11, 4.5), layout="constrained")
    curves, bars = figure.subplots(1, 2, width_ratios=(3, 2))
    systems = by(part, "system")
    for number, (system, runs) in enumerate(systems.items()):
        color = f"C{number}"
        for index, run in enumerate(runs):
            if curve := run.get("curve"):
                label = _label(system, runs) if index == 0 else None
                curves.plot(curve["second"], curve["mean"], color=color, alpha=0.7, linewidth=1.2, label=label)
        _draw_seconds(bars, len(systems) - 1 - number, runs, color)
    curves.axhline(475, color="grey", linestyle="--", linewidth=1, label="solved: 475")
    curves.set(title="CartPole-v1: every seed", xlabel=SECONDS, ylabel=MEAN_RETURN, xscale="log")
    curves.set_ylim(0, 520)
    curves.legend(loc="upper left", fontsize="small", bbox_to_anchor=(0.0, 0.88))
    bars.set(title="until solved: median and seeds", xlabel="seconds (logarithmic)", xscale="log")
    bars.set_ylim(-0.6, len(systems) - 0.4)
    bars.set_yticks(range(len(systems)), list(systems)[::-1])
    ticks = [tick for tick in TICKS if tick <= longest]
    for axes in (curves, bars):
        axes.set_xlim(1, longest)
        axes.set_xticks(ticks, [str(tick) for tick in ticks])
        axes.minorticks_off()
        axes.grid(alpha=0.2)
    _save(figure, part, path)


def _draw_seconds(bars: Axes, row: int, runs: list[Measured], color: str) -> None:
    """Of one system: a bar for the median seconds until solved, and a dot for each seed."""
    seconds = [second for second in column(runs, "solved_at_second") if math.isfinite(second)]
    if seconds:
        bars.barh(row, median(seconds), color=color, alpha=0.4, height=0.6)
        bars.plot(seconds, [row] * len(seconds), "o", color=color, markersize=4)
        bars.text(max(seconds) * 1.15, row, f"{median(seconds):.1f} s", va="center")
    if unsolved := len(runs) - len(seconds):
        bars.text(1.2, row - 0.4, f"{unsolved} of {len(runs)} seeds never solved it", va="center", fontsize="small")


def last_second(part: Measured) -> float:
    """When the last episode of all runs ended, in seconds since the start of its run."""
    return max((run["curve"]["second"][-1] for run in part["runs"] if _has_curve(run)), default=10.0)


def draw_lag(part: Measured, path: Path) -> None:
    """Mean return over steps for every setting of policy lag: each seed thin, the mean over seeds thick.

    In the mean, a run that ended keeps its last value: a solved run stays solved.
    """
    figure = Figure(figsize=(8, 5), layout="constrained")
    axes = figure.subplots()
    end = max((run["curve"]["step"][-1] for run in part["runs"] if _has_curve(run)), default=1)
    steps = np.linspace(0, end, 400)
    for number, (system, runs) in enumerate(by(part, "system").items()):
        color, curves = f"C{number}", [run["curve"] for run in runs if _has_curve(run)]
        for curve in curves:
            axes.plot(curve["step"], curve["mean"], color=color, alpha=0.35, linewidth=0.8)
        if curves:
            mean = np.mean([np.interp(steps, curve["step"], curve["mean"]) for curve in curves], axis=0)
            label = f"{system}: {solved(runs)} of {len(runs)} solved"
            axes.plot(steps, mean, color=color, linewidth=2.5, label=label)
    axes.axhline(475, color="grey", linestyle="--", linewidth=1, label="solved: 475")
    axes.set(title="IMPALA on CartPole-v1: seeds and their mean", xlabel="thousand steps", ylabel=MEAN_RETURN)
    axes.set_xlim(0, end)
    axes.set_ylim(0, 520)
    axes.xaxis.set_major_formatter(lambda value, _: f"{value / 1000:,.0f}")
    axes.grid(alpha=0.2)
    figure.legend(loc="outside lower center", ncols=2, fontsize="small")
    _save(figure, part, path)


def draw_scores(part: Measured, path: Path, title: str, aim: int) -> None:
    """Pong: mean score over minutes, and over steps, of every seed."""
    figure = Figure(figsize=(11, 4.5), layout="constrained")
    over = dict(zip(("second", "step"), figure.subplots(1, 2, sharey=True), strict=True))
    for number, (system, runs) in enumerate(by(part, "system").items()):
        for index, run in enumerate(run for run in runs if _has_curve(run)):
            label = _label(system, runs) if index == 0 else None
            for unit, axes in over.items():
                scale = 60 if unit == "second" else 1e6
                values = np.array(run["curve"][unit]) / scale
                axes.plot(values, run["curve"]["mean"], color=f"C{number}", alpha=0.8, linewidth=1.2, label=label)
    for unit, axes in over.items():
        axes.axhline(aim, color="grey", linestyle="--", linewidth=1, label=f"aim: {aim}")
        axes.set(
            xlabel="minutes since the process started" if unit == "second" else "million steps", ylim=(-21.5, 21.5)
        )
        axes.set_xlim(left=0)
        axes.grid(alpha=0.2)
    over["second"].set(title=title, ylabel=MEAN_RETURN)
    over["second"].legend(loc="lower right", fontsize="small")
    _save(figure, part, path)


def draw_task(part: Measured, path: Path, title: str, aim: float) -> None:
    """Mean return over steps of every seed of a task; a dot for what its final policy reaches greedily."""
    figure = Figure(figsize=(5.5, 4), layout="constrained")
    axes = figure.subplots()
    for number, (system, runs) in enumerate(by(part, "system").items()):
        for index, run in enumerate(run for run in runs if _has_curve(run)):
            color, steps = f"C{number}", np.array(run["curve"]["step"]) / 1e6
            label = _label(system, runs) if index == 0 else None
            axes.plot(steps, run["curve"]["mean"], color=color, alpha=0.8, linewidth=1.2, label=label)
            greedy = run.get("greedy", {}).get("latest", {}).get("mean")
            axes.plot(steps[-1:], [greedy], "o", color=color, markersize=5)
    axes.axhline(aim, color="grey", linestyle="--", linewidth=1, label=f"aim: {aim:g}, for the dots")
    axes.set(title=title, xlabel="million steps", ylabel=MEAN_RETURN)
    axes.set_xlim(left=0)
    axes.grid(alpha=0.2)
    axes.legend(loc="best", fontsize="small")
    _save(figure, part, path)


def draw_tasks(parts: dict[str, Measured], path: Path, systems: list[str]) -> None:
    """A panel for each part, by its title: a dot for what each seed of every system reaches, a line for their median.

    `systems` stand from left to right.
    """
    columns = 5
    rows = math.ceil(len(parts) / columns)
    figure = Figure(figsize=(3 * columns, 3 * rows), layout="constrained")
    panels = figure.subplots(rows, columns, squeeze=False).ravel()
    for axes in panels[len(parts) :]:
        axes.set_axis_off()
    for axes, (title, part) in zip(panels, parts.items(), strict=False):
        for place, system in enumerate(systems):
            scores = [score for run in by(part, "system").get(system, []) if math.isfinite(score := final_score(run))]
            if scores:
                axes.plot([place] * len(scores), scores, "o", color=f"C{place}", markersize=5, alpha=0.6)
                axes.hlines(median(scores), place - 0.3, place + 0.3, color=f"C{place}", linewidth=2)
        axes.set_title(title, fontsize="medium")
        axes.set_xticks(range(len(systems)), systems, fontsize="small")
        axes.set_xlim(-0.6, len(systems) - 0.4)
        axes.grid(alpha=0.2)
    for axes in panels[::columns]:
        axes.set_ylabel("mean of 100 greedy episodes")
    _save(figure, next(iter(parts.values())), path)


def _label(system: str, runs: list[Measured]) -> str:
    """What the curves of a system are called, once for all its seeds."""
    return f"{system}, {len(runs)} seed{'s' * (len(runs) > 1)}"


def _has_curve(run: Measured) -> bool:
    return bool(run.get("curve", {}).get("step"))


def _save(figure: Figure, part: Measured, path: Path) -> None:
    """Writes the picture, with the machine on top."""
    where = part["machine"]
    figure.suptitle(f"{where['cores']} cores, {where['processor']}, {where['date'][:10]}", fontsize="small")
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=120)
