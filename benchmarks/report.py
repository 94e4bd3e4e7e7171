"""What the benchmarks make of their runs: figures beside their targets, a JSON file, a picture."""

import json
import math
import re
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Any

from rich.console import Console
from rich.table import Table

Part = dict[str, Any]
"""Of one part: `machine`, and `runs`, a record each."""


@dataclass(frozen=True)
class Finding:
    """A measured figure beside its target; `reached` is None where there is no target."""

    name: str
    measured: str
    target: str = ""
    reached: bool | None = None


def load(path: Path) -> dict[str, Part]:
    """The results there are, by part."""
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}


def save(results: dict[str, Part], path: Path) -> None:
    """Writes the results, each part with its findings. A list of numbers takes one line."""
    for name, part in results.items():
        part["findings"] = [asdict(finding) for finding in FINDINGS[name](part)]
    text = re.sub(
        r"\[\s+([-\d.,\s]+?)\s+\]", lambda m: "[" + " ".join(m[1].split()) + "]", json.dumps(results, indent=1)
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text + "\n", encoding="utf-8")


def show(results: dict[str, Part]) -> None:
    """Prints the systems of the part `solve`, then every figure beside its target."""
    console = Console(width=None if Console().is_terminal else 140)
    if "solve" in results:
        console.print(_systems_table(results["solve"]))
    table = Table("", "measured", "target", "", title="a3c beside its targets")
    for name, part in results.items():
        for finding in FINDINGS[name](part):
            verdict = {True: "[green]reached", False: "[bold red]short", None: ""}[finding.reached]
            table.add_row(finding.name, finding.measured, finding.target, verdict)
        table.add_section()
    console.print(table)


def _systems_table(part: Part) -> Table:
    headings = ("", "solved", "median s", "worst s", "median steps", "worst steps", "steps/s", "start-up s")
    table = Table(*headings, title="CartPole-v1 until the last 100 training episodes average 475")
    for system, runs in _by(part, "system").items():
        seconds, steps = _column(runs, "solved_at_second"), _column(runs, "solved_at_step")
        table.add_row(
            system,
            f"{_solved(runs)} of {len(runs)}",
            _number(median(seconds), ".2f"),
            _number(max(seconds), ".2f"),
            _number(median(steps), ",.0f"),
            _number(max(steps), ",.0f"),
            _number(median(_column(runs, "steps_per_second")), ",.0f"),
            _number(median(_column(runs, "startup_seconds")), ".2f"),
        )
    return table


def _solve(part: Part) -> Iterator[Finding]:
    systems = _by(part, "system")
    ours = systems.pop("a3c", [])
    yield from _solved_in_time("CartPole-v1", ours)
    if not systems or not ours:
        return
    peers = {name: median(_column(runs, "solved_at_second")) for name, runs in systems.items()}
    faster = min(peers, key=lambda name: peers[name])
    if math.isinf(peers[faster]):
        yield Finding("speed-up against the faster peer", "no peer solved it: nothing to compare", ">= 10 x")
        return
    ratio = peers[faster] / median(_column(ours, "solved_at_second"))
    yield Finding(f"speed-up against the faster peer, {faster}", f"{ratio:.1f} x", ">= 10 x", ratio >= 10)


def _throughput(part: Part) -> Iterator[Finding]:
    rates = {
        (system, processes): median(_column(runs, "steps_per_second", missing=0.0))
        for system, of_system in _by(part, "system").items()
        for processes, runs in _by({"runs": of_system}, "processes").items()
    }
    for (system, processes), rate in rates.items():
        name = f"{system}, {processes} process{'es' if processes > 1 else ''}"
        if (system, processes) == ("a3c", 2):
            yield Finding(name, f"{rate:,.0f} steps/s", ">= 150,000 steps/s", rate >= 150_000)
        else:
            yield Finding(name, f"{rate:,.0f} steps/s")
    gains = {system: rates[system, 2] / max(rates[system, 1], 1e-9) for system in ("a3c", "bare environments")}
    share = gains["a3c"] / gains["bare environments"]
    measured = f"{gains['a3c']:.2f} x against {gains['bare environments']:.2f} x, {share:.0%}"
    yield Finding("gain of a second worker against bare processes", measured, ">= 95%", share >= 0.95)


def _startup(part: Part) -> Iterator[Finding]:
    for cache, limit in (("warm", 2.0), ("cold", 3.5)):
        seconds = _column(_by(part, "cache")[cache], "startup_seconds")
        measured = f"{_number(median(seconds), '.2f', ' s')}, worst {_number(max(seconds), '.2f', ' s')}"
        yield Finding(
            f"start-up, {cache} compilation cache, median", measured, f"<= {limit} s", median(seconds) <= limit
        )


def _memory(part: Part) -> Iterator[Finding]:
    by_processes = _by(part, "processes")
    if not by_processes:
        return
    largest = max((size for run in by_processes[2] for size in run["worker_bytes"]), default=math.inf) / 1e6
    yield Finding("memory of a worker beside another (PSS), largest", f"{largest:.0f} MB", "<= 160 MB", largest <= 160)
    totals = {processes: median(run["total_bytes"] for run in runs) / 1e6 for processes, runs in by_processes.items()}
    yield Finding("what a second worker adds to the whole run (PSS), median", f"{totals[2] - totals[1]:.0f} MB")
    yield Finding("the whole run with 2 workers (PSS), median", f"{totals[2]:.0f} MB")


def _cartpole_v0(part: Part) -> Iterator[Finding]:
    yield from _solved_in_time("CartPole-v0", part["runs"])


def _recipes(part: Part) -> Iterator[Finding]:
    for recipe, runs in _by(part, "system").items():
        seconds = _column(runs, "solved_at_second")
        above = sum(second < 60 for second in seconds)
        measured = f"{above} of {len(runs)} seeds, median {_number(median(seconds), '.1f', ' s')}"
        target = f"{len(runs)} of {len(runs)} seeds in under 60 s"
        yield Finding(f"recipe {recipe} above 200", measured, target, above == len(runs))


FINDINGS: dict[str, Callable[[Part], Iterator[Finding]]] = {
    "solve": _solve,
    "throughput": _throughput,
    "startup": _startup,
    "memory": _memory,
    "cartpole-v0": _cartpole_v0,
    "recipes": _recipes,
}


def _solved_in_time(environment: str, runs: list[Part]) -> Iterator[Finding]:
    if not runs:
        return
    seconds = _column(runs, "solved_at_second")
    solved = _solved(runs)
    yield Finding(f"{environment} solved", f"{solved} of {len(runs)} seeds", "every seed", solved == len(runs))
    for name, value, limit in (("median", median(seconds), 3.0), ("worst", max(seconds), 6.0)):
        yield Finding(f"{environment} solved, {name}", _number(value, ".2f", " s"), f"<= {limit:g} s", value <= limit)
    after = [run["wall_seconds"] - run["solved_at_second"] for run in runs if run["solved_at_second"] is not None]
    if after:
        yield Finding(f"{environment}, from solved to the end of the run, worst", f"{max(after):.2f} s")


def _by(part: Part, key: str) -> dict[Any, list[Part]]:
    """The runs of a part by one of their fields, in the order in which they came."""
    groups: dict[Any, list[Part]] = {}
    for run in part["runs"]:
        groups.setdefault(run[key], []).append(run)
    return groups


def _column(runs: list[Part], name: str, missing: float = math.inf) -> list[float]:
    """A field of every run; a run without it, as an unsolved one, counts as `missing`."""
    return [missing if run.get(name) is None else run[name] for run in runs]


def _solved(runs: list[Part]) -> int:
    return sum(run["solved_at_second"] is not None for run in runs)


def _number(value: float, form: str, unit: str = "") -> str:
    return format(value, form) + unit if math.isfinite(value) else "never"


def draw(part: Part, path: Path) -> None:
    """Learning curves over seconds, and the seconds until solved, of every system and seed."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11, 4.5), layout="constrained")
    curves, bars = figure.subplots(1, 2, width_ratios=(3, 2))
    systems = _by(part, "system")
    for number, (system, runs) in enumerate(systems.items()):
        color = f"C{number}"
        for index, run in enumerate(runs):
            if curve := run.get("curve"):
                label = f"{system}, {len(runs)} seed{'s' * (len(runs) > 1)}" if index == 0 else None
                curves.plot(curve["second"], curve["mean"], color=color, alpha=0.7, linewidth=1.2, label=label)
        seconds = [second for second in _column(runs, "solved_at_second") if math.isfinite(second)]
        row = len(systems) - 1 - number
        if seconds:
            bars.barh(row, median(seconds), color=color, alpha=0.4, height=0.6)
            bars.plot(seconds, [row] * len(seconds), "o", color=color, markersize=4)
            bars.text(max(seconds) * 1.15, row, f"{median(seconds):.1f} s", va="center")
        if unsolved := len(runs) - len(seconds):
            bars.text(1.2, row - 0.4, f"{unsolved} of {len(runs)} seeds never solved it", va="center", fontsize="small")
    curves.axhline(475, color="grey", linestyle="--", linewidth=1, label="solved: 475")
    curves.set(
        title="CartPole-v1: every seed",
        xlabel="seconds since the process started (logarithmic)",
        ylabel="mean return of the last 100 training episodes",
        xscale="log",
    )
    curves.set_ylim(0, 520)
    curves.legend(loc="upper left", fontsize="small", bbox_to_anchor=(0.0, 0.88))
    bars.set(title="until solved: median and seeds", xlabel="seconds (logarithmic)", xscale="log")
    bars.set_ylim(-0.6, len(systems) - 0.4)
    bars.set_yticks(range(len(systems)), list(systems)[::-1])
    ticks = (1, 2, 5, 10, 20, 50, 100, 200)
    for axes in (curves, bars):
        axes.set_xlim(1, 400)
        axes.set_xticks(ticks, [str(tick) for tick in ticks])
        axes.minorticks_off()
        axes.grid(alpha=0.2)
    where = part["machine"]
    figure.suptitle(f"{where['cores']} cores, {where['processor']}, {where['date'][:10]}", fontsize="small")
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=120)
