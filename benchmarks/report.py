"""What the benchmarks make of their runs: figures beside their targets, tables, a JSON file."""

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

Measured = dict[str, Any]
"""Of one part: `machine`, and `runs`, a record each."""


@dataclass(frozen=True)
class Finding:
    """A measured figure beside its target; `reached` is None where there is no target."""

    name: str
    measured: str
    target: str = ""
    reached: bool | None = None


Findings = Callable[[Measured], Iterator[Finding]]


def load(path: Path) -> dict[str, Measured]:
    """The results there are, by part."""
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}


def save(results: dict[str, Measured], findings: dict[str, Findings], path: Path) -> None:
    """Writes the results, each part with its findings. A list of numbers takes one line."""
    for name, part in results.items():
        part["findings"] = [asdict(finding) for finding in findings[name](part)]
    text = re.sub(
        r"\[\s+([-\d.,\s]+?)\s+\]", lambda m: "[" + " ".join(m[1].split()) + "]", json.dumps(results, indent=1)
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text + "\n", encoding="utf-8")


def show(results: dict[str, Measured], findings: dict[str, Findings], tables: list[Table]) -> None:
    """Prints the tables, then every figure beside its target."""
    console = Console(width=None if Console().is_terminal else 140)
    for table in tables:
        console.print(table)
    table = Table("", "measured", "target", "", title="a3c beside its targets")
    for name, part in results.items():
        for finding in findings[name](part):
            verdict = {True: "[green]reached", False: "[bold red]short", None: ""}[finding.reached]
            table.add_row(finding.name, finding.measured, finding.target, verdict)
        table.add_section()
    console.print(table)


def markdown(headings: list[str], rows: list[list[str]]) -> str:
    """A table in Markdown, its columns as wide as they need to be to be read as it is."""
    lines = [headings, *rows]
    widths = [max(len(line[place]) for line in lines) for place in range(len(headings))]
    rule = ["-" * widths[0], *("-" * (width - 1) + ":" for width in widths[1:])]
    sides = [str.ljust, *[str.rjust] * (len(headings) - 1)]
    return "\n".join(
        "| " + " | ".join(side(cell, width) for side, cell, width in zip(sides, line, widths, strict=True)) + " |"
        for line in (headings, rule, *rows)
    )


def systems_table(part: Measured, title: str, policy_lag: bool = False) -> Table:
    """A row for each system: how many seeds solved it, and the median and the worst of them all."""
    headings = ["", "solved", "median s", "worst s", "median steps", "worst steps", "steps/s"]
    table = Table(*headings, *(["policy lag"] * policy_lag), "start-up s", title=title)
    for system, runs in by(part, "system").items():
        seconds, steps = column(runs, "solved_at_second"), column(runs, "solved_at_step")
        lag = number(median(column(runs, "policy_lag")), ".2f", missing="unknown")
        table.add_row(
            system,
            f"{solved(runs)} of {len(runs)}",
            number(median(seconds), ".2f"),
            number(max(seconds), ".2f"),
            number(median(steps), ",.0f"),
            number(max(steps), ",.0f"),
            number(median(column(runs, "steps_per_second")), ",.0f"),
            *([lag] * policy_lag),
            number(median(column(runs, "startup_seconds")), ".2f"),
        )
    return table


def by(part: Measured, key: str) -> dict[Any, list[Measured]]:
    """The runs of a part by one of their fields, in the order in which they came."""
    groups: dict[Any, list[Measured]] = {}
    for run in part["runs"]:
        groups.setdefault(run[key], []).append(run)
    return groups


def column(runs: list[Measured], name: str, missing: float = math.inf) -> list[float]:
    """A field of every run; a run without it, as an unsolved one, counts as `missing`."""
    return [missing if run.get(name) is None else run[name] for run in runs]


def solved(runs: list[Measured]) -> int:
    """How many of the runs solved their environment."""
    return sum(run["solved_at_second"] is not None for run in runs)


def final_score(run: Measured, checkpoint: str = "latest") -> float:
    """Mean return of the episodes that the agent of a run's end plays, or its best; minus infinity where it failed."""
    return run.get("greedy", {}).get(checkpoint, {}).get("mean", -math.inf)


def number(value: float, form: str, unit: str = "", missing: str = "never") -> str:
    """A number with its unit; what is infinite never came."""
    return format(value, form) + unit if math.isfinite(value) else missing
