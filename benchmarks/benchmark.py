"""How a benchmark runs: its flags, its parts one after the other, its results saved after each, its pictures."""

import argparse
import subprocess
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from rich.table import Table

import a3c
import report
from measure import Record, machine
from report import Findings, Measured

ROOT = Path(__file__).resolve().parents[1]


@dataclass(frozen=True)
class Part:
    """A part of a benchmark: what measures it, and what is made of its runs."""

    measure: Callable[[argparse.Namespace], list[Record]]
    findings: Findings
    table: Callable[[Measured], Table] | None = None
    pictures: dict[str, Callable[[Measured, Path], None]] = field(default_factory=dict)
    """What draws them, by their file names."""


@dataclass(frozen=True)
class Benchmark:
    """Parts whose results share a file, benchmarks/results/NAME.json."""

    name: str
    parts: dict[str, Part]
    table: Callable[[dict[str, Measured]], Table] | None = None
    """Of all parts that there are results of, together."""
    pictures: dict[str, Callable[[dict[str, Measured], Path], None]] = field(default_factory=dict)
    """What draws all parts that there are results of, by file names."""

    def parser(self, description: str | None) -> argparse.ArgumentParser:
        """The flags that every benchmark has."""
        parser = argparse.ArgumentParser(
            description=description, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False
        )
        names, output = ",".join(self.parts), ROOT / "benchmarks" / "results" / f"{self.name}.json"
        parser.add_argument(
            "--only", type=some_of("part", self.parts), default=names, help="parts to measure, of %(default)s"
        )
        parser.add_argument("--output", type=Path, default=output, help="the results")
        parser.set_defaults(figures_only=False)
        if self.pictures or any(part.pictures for part in self.parts.values()):
            parser.add_argument("--figures", type=Path, default=ROOT / "docs", help="the folder to draw figures into")
            parser.add_argument("--figures-only", action="store_true", help="measure nothing: draw from the results")
        return parser

    @property
    def findings(self) -> dict[str, Findings]:
        return {name: part.findings for name, part in self.parts.items()}

    def measured(self, arguments: argparse.Namespace) -> dict[str, Measured]:
        """Measures the parts that are asked for; all results there are, saved after each part."""
        results, here = report.load(arguments.output), machine()
        if here["load_average_before"][0] > here["cores"] / 2:
            print(f"this machine is busy (load {here['load_average_before'][0]}): times will be worse than its best")
        for name in arguments.only:
            print(f"{name}:", flush=True)
            before = machine()
            results[name] = {"machine": before, "runs": self.parts[name].measure(arguments)}
            report.save(results, self.findings, arguments.output)
        return results

    def run(self, arguments: argparse.Namespace) -> None:
        """Measures the parts that are asked for, and draws the pictures of all that there are results of."""
        if arguments.figures_only:
            results = report.load(arguments.output)
        else:
            results = self.measured(arguments)
            measured = {name: results[name] for name in arguments.only}
            tables = [table(part) for name, part in measured.items() if (table := self.parts[name].table) is not None]
            if self.table is not None:
                tables.append(self.table(results))
            report.show(measured, self.findings, tables)
        drawings = [
            (picture, draw, results.get(name), f" of the part {name}")
            for name, part in self.parts.items()
            for picture, draw in part.pictures.items()
        ]
        drawings += [(picture, draw, results, "") for picture, draw in self.pictures.items()]
        for picture, draw, shown, of_what in drawings:
            if shown:
                draw(shown, arguments.figures / picture)
                print(f"figure   {arguments.figures / picture}")
            else:
                print(f"no figure {picture}: {arguments.output} has no results{of_what}")


def installed(environment: str, import_modules: Sequence[str] = ()) -> bool:
    """Whether it can be made here; says so where it cannot, as it is then left out."""
    try:
        a3c.make_environment(environment, settings={"import_modules": import_modules}).close()
    except a3c.A3CError:
        print(f"{environment}: left out, as it is not installed")
        return False
    return True


def some_of(kind: str, known: Iterable[str]) -> Callable[[str], list[str]]:
    """What reads the value of a flag: names of a kind, with commas between them."""

    def names(given: str) -> list[str]:
        names = given.split(",")
        if unknown := set(names) - set(known):
            raise argparse.ArgumentTypeError(
                f"there is no {kind} {', '.join(sorted(unknown))}; the {kind}s are {', '.join(known)}"
            )
        return names

    return names


def check_peers(parser: argparse.ArgumentParser, python: str) -> None:
    """Ends with a line where the interpreter `python` has no Stable-Baselines3."""
    found = subprocess.run([python, "-c", "import stable_baselines3"], capture_output=True, timeout=120, check=False)
    if found.returncode:
        parser.error(f"{python} has no stable-baselines3: `make bench` installs it, --peer-seeds 0 goes without")


def tell(run: Record) -> None:
    """A line of progress."""
    outcome = run["error"] or f"{run['status']}, {run['steps']:,} steps, {run['steps_per_second'] or 0:,.0f} steps/s"
    if run["solved_at_second"] is not None:
        outcome += f", solved after {run['solved_at_second']:.2f} s and {run['solved_at_step']:,} steps"
    print(f"  {run['system']} ({run['command']}): {outcome}", flush=True)
