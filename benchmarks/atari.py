"""Trains Atari games of the A3C paper by the recipe `atari`, and plays the policies they end with.

    python benchmarks/atari.py                             three games of 50 minutes on two cores
    python benchmarks/atari.py --only enduro               one of them
    python benchmarks/atari.py --figures-only              draw the figures again from the results

A run ends after the steps of its recipe, ten million at most, or after 50 minutes. Games are those without sticky
actions, as what is published of Stable-Baselines3. What counts is the mean of 100 games that the final policy plays as
it did in training, by sampling.
All runs are kept in the results; a game that is not measured again keeps its earlier ones.
"""

import argparse
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

from rich.table import Table

from benchmark import Benchmark, Part, tell
from measure import Record, train
from pictures import draw_task
from report import Finding, Measured, final_score, number


@dataclass(frozen=True)
class Game:
    """A game, and what the RL Zoo of Stable-Baselines3 publishes of ten million steps in it (of MsPacman that of its
    predecessor)."""

    environment: str
    a2c: float
    ppo: float


GAMES = {
    "space-invaders": Game("SpaceInvadersNoFrameskip-v4", 627, 960),
    "seaquest": Game("SeaquestNoFrameskip-v4", 1_721, 1_784),
    "beam-rider": Game("BeamRiderNoFrameskip-v4", 2_890, 3_397),
    "enduro": Game("EnduroNoFrameskip-v4", 0, 996),
    "qbert": Game("QbertNoFrameskip-v4", 3_882, 15_627),
    "ms-pacman": Game("MsPacmanNoFrameskip-v4", 1_581, 2_255),
}
DEFAULT = "space-invaders,seaquest,enduro"


def play(game: Game, arguments: argparse.Namespace) -> list[Record]:
    """The game with every seed."""
    runs = []
    for seed in range(1, arguments.seeds + 1):
        flags = ("--no-stop-when-solved", "--seconds", str(arguments.seconds), "--seed", str(seed))
        if arguments.workers:
            flags += ("--workers", str(arguments.workers))
        run = train(
            game.environment,
            *flags,
            limit=arguments.seconds + 900.0,
            evaluated=("latest",),
            evaluated_with=("--stochastic",),
        )
        runs.append({"system": game.environment} | run)
        tell(runs[-1])
        print(f"    by sampling: {number(final_score(run), ',.0f', missing='failed')}", flush=True)
    return runs


def findings(game: Game, part: Measured) -> Iterator[Finding]:
    for run in part["runs"]:
        score, minutes = final_score(run), run["process_seconds"] / 60
        said = f"{number(score, ',.0f', missing='failed')} after {run.get('steps', 0):,} steps, {minutes:.0f} minutes"
        published = f"> {game.ppo:,.0f}, PPO of the zoo after 10,000,000 (A2C {game.a2c:,.0f})"
        yield Finding(f"{game.environment}, seed {run.get('seed')}", said, published, score > game.ppo)


def games_table(parts: dict[str, Measured]) -> Table:
    """A row for each game and seed."""
    headings = ("", "seed", "final, mean of 100", "steps", "minutes", "steps/s", "zoo PPO, A2C")
    table = Table(*headings, title="Atari, by sampling")
    for name, game in GAMES.items():
        for run in parts.get(name, {}).get("runs", []):
            table.add_row(
                game.environment,
                str(run.get("seed", "")),
                number(final_score(run), ",.0f", missing="failed"),
                f"{run.get('steps', 0):,}",
                f"{run['process_seconds'] / 60:.0f}",
                f"{run.get('steps_per_second') or 0:,.0f}",
                f"{game.ppo:,.0f}, {game.a2c:,.0f}",
            )
    return table


def _part(name: str, game: Game) -> Part:
    draw = partial(draw_task, title=game.environment, aim=game.ppo)
    return Part(partial(play, game), partial(findings, game), None, {f"atari_{name.replace('-', '_')}.png": draw})


PARTS = {name: _part(name, game) for name, game in GAMES.items()}


def main() -> None:
    benchmark = Benchmark("atari", PARTS, games_table)
    parser = benchmark.parser(__doc__)
    parser.set_defaults(only=DEFAULT)
    parser.add_argument("--seeds", type=int, default=1, help="seeds of every game (%(default)s)")
    parser.add_argument("--seconds", type=float, default=3_000.0, help="after which it ends (%(default)s)")
    parser.add_argument(
        "--workers", type=int, help="of every run, where several stand side by side (default: all cores)"
    )
    benchmark.run(parser.parse_args())


if __name__ == "__main__":
    main()
