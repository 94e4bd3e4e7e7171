"""Trains two small games on grids with the network and the scaling that suit them, and with what else there is.

    python benchmarks/inputs.py                            everything, about 10 minutes on two cores
    python benchmarks/inputs.py --only symbols --seeds 2   a part of it

What counts is the mean return of the last 100 training episodes after a fixed number of steps. Every run is a fresh
process. All runs are kept in the results; a part that is not measured again keeps its earlier results.
"""

import argparse
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median

from rich.table import Table

from benchmark import Benchmark, Part, tell
from measure import Record, train
from report import Finding, Measured, by, column, number

SEEDS = 3
CHOSEN = "as chosen"


@dataclass(frozen=True)
class Game:
    """A game of `grids.py`, and what its observations are read as."""

    environment: str
    steps: int
    systems: dict[str, tuple[str, ...]]
    """Flags by name, the first those of nothing: what is chosen."""
    times: float
    """How many times the best of the others the median of what is chosen has to reach, at least."""


SYMBOLS = Game(
    "grids:Search-v0",
    80_000,
    {
        f"uint8, {CHOSEN}": (),
        "uint8, dense layers": ("--network", "mlp"),
        "float32, dense layers": ("--network", "mlp", "--env-kwargs", "dtype", "float32"),
        "uint8 / 255, dense layers": ("--input-scaling", "bytes"),
    },
    1.0,
)
BRICKS = Game("grids:Bricks-v0", 200_000, {CHOSEN: (), "dense layers": ("--network", "mlp")}, 1.2)


def learn(game: Game, arguments: argparse.Namespace) -> list[Record]:
    """The game with every seed, read in every way in turn."""
    runs = []
    for seed in range(1, (arguments.seeds or SEEDS) + 1):
        for system, flags in game.systems.items():
            given = (game.environment, *flags, "--steps", str(game.steps), "--seed", str(seed))
            # Where the games are.
            run = train(*given, limit=1800.0, environment={"PYTHONPATH": str(Path(__file__).parent)})
            runs.append({"system": system} | run)
            tell(runs[-1])
            print(f"    last 100 episodes: {number(_last(runs[-1:])[0], '.2f', missing='failed')}", flush=True)
    return runs


def _last(runs: list[Measured]) -> list[float]:
    return column(runs, "return_mean_100", missing=float("-inf"))


def findings(game: Game, part: Measured) -> Iterator[Finding]:
    chosen, *others = by(part, "system").items()
    best = max(median(_last(runs)) for _, runs in others)
    reached = median(_last(chosen[1]))
    for system, runs in others:
        yield Finding(f"{game.environment}, {system}", f"median {median(_last(runs)):.2f}, best {max(_last(runs)):.2f}")
    yield Finding(
        f"{game.environment}, {chosen[0]}",
        f"median {reached:.2f}, worst {min(_last(chosen[1])):.2f}",
        f">= {game.times:g} x {best:.2f}",
        reached >= game.times * best,
    )


def inputs_table(part: Measured, title: str) -> Table:
    """A row for each way of reading."""
    table = Table("", "last 100 episodes, every seed", "steps/s", title=title)
    for system, runs in by(part, "system").items():
        returns = ", ".join(number(value, ".2f", missing="failed") for value in _last(runs))
        table.add_row(system, returns, number(median(column(runs, "steps_per_second")), ",.0f"))
    return table


def _part(game: Game) -> Part:
    return Part(partial(learn, game), partial(findings, game), partial(inputs_table, title=game.environment))


PARTS = {"symbols": _part(SYMBOLS), "bricks": _part(BRICKS)}


def main() -> None:
    benchmark = Benchmark("inputs", PARTS)
    parser = benchmark.parser(__doc__)
    parser.add_argument("--seeds", type=int, help=f"seeds of every way of reading (default: {SEEDS})")
    benchmark.run(parser.parse_args())


if __name__ == "__main__":
    main()
