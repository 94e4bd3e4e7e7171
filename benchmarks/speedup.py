"""Measures how many more steps a second each algorithm takes with more workers, up to the cores there are.

    python benchmarks/speedup.py                           CartPole-v1 and Pong by their recipes
    python benchmarks/speedup.py --only cartpole --algorithms a3c,impala --seconds 10   a part of it

Mnih et al. 2016, table 2: with 16 threads A3C came to a fixed score 12.5 times as soon as with one, mean of seven Atari
games. What is measured here is steps a second of training, which says no more than how well processes keep out of each
other's way. Every run is a fresh process. The learner of GA3C and IMPALA is a process besides the workers.
"""

import argparse
from collections.abc import Iterator
from functools import partial
from statistics import median

from a3c.algorithm.builtin import BUILT_IN
from a3c.machine import available_cores
from benchmark import Benchmark, Part, installed, some_of, tell
from measure import Record, train
from report import Finding, Measured, by, column, number

WORKERS = (1, 2, 4, 8, 16)
PUBLISHED = 12.5
"""Times as fast as one worker, sixteen of A3C."""
ENVIRONMENTS = {"cartpole": "CartPole-v1", "pong": "ALE/Pong-v5"}
ALGORITHMS = [name for name, algorithm in BUILT_IN.items() if algorithm.learns != "nowhere"]


def rates(environment: str, arguments: argparse.Namespace) -> list[Record]:
    """Every algorithm with every number of workers there are cores for."""
    if not installed(environment):
        return []
    runs = []
    for repeat in range(1, arguments.repeats + 1):
        for algorithm in arguments.algorithms:
            for workers in (count for count in WORKERS if count <= available_cores()):
                flags = ("--algorithm", algorithm, "--workers", str(workers), "--seconds", str(arguments.seconds))
                flags += ("--no-stop-when-solved", "--evaluate-every", "0", "--seed", str(repeat))
                flags += ("--steps", "1_000_000_000")
                run = train(environment, *flags, limit=arguments.seconds + 120.0, curve=False)
                runs.append({"system": algorithm, "workers": workers} | run)
                tell(runs[-1])
    return runs


def findings(environment: str, part: Measured) -> Iterator[Finding]:
    for algorithm, runs in by(part, "system").items():
        found = {
            workers: median(column(of_them, "steps_per_second", missing=0.0))
            for workers, of_them in by({"runs": runs}, "workers").items()
        }
        for workers, rate in found.items():
            said = f"{number(rate, ',.0f')} steps/s, {number(rate / found[1], '.2f')} x"
            aim = f">= {PUBLISHED} x, published" if workers == WORKERS[-1] and algorithm == "a3c" else ""
            reached = rate >= PUBLISHED * found[1] if aim else None
            yield Finding(f"{environment}, {algorithm}, {workers} worker{'s' * (workers > 1)}", said, aim, reached)


PARTS = {name: Part(partial(rates, one), partial(findings, one)) for name, one in ENVIRONMENTS.items()}


def main() -> None:
    benchmark = Benchmark("speedup", PARTS)
    parser = benchmark.parser(__doc__)
    parser.add_argument(
        "--algorithms",
        type=some_of("algorithm", ALGORITHMS),
        default="a3c,a2c,appo,ga3c,impala",
        help="to measure (%(default)s)",
    )
    parser.add_argument("--seconds", type=float, default=15.0, help="of training, in every run (%(default)s)")
    parser.add_argument("--repeats", type=int, default=1, help="of every run (%(default)s)")
    benchmark.run(parser.parse_args())


if __name__ == "__main__":
    main()
