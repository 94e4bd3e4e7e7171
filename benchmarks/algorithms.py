"""Measures the algorithms of a3c against their targets, and what policy lag costs IMPALA.

    python benchmarks/algorithms.py                        everything, about 20 minutes on two cores
    python benchmarks/algorithms.py --only solve,lag --seeds 3 --lag-seeds 2   a part of it
    python benchmarks/algorithms.py --figures-only         draw the figures again from the results

Every run is a fresh process, timed from its start. Systems take turns, so that a noisy machine hits all alike. All
runs are kept in the results, bad ones included; a part that is not measured again keeps its earlier results.
"""

import argparse
import math
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from statistics import median

from a3c.algorithm.builtin import BUILT_IN
from benchmark import Benchmark, Part, tell
from measure import Record, train
from pictures import draw_lag, draw_solved, last_second
from report import Finding, Measured, by, column, number, solved, systems_table

ENVIRONMENT = "CartPole-v1"
ALGORITHMS = [algorithm.name for algorithm in BUILT_IN.values() if algorithm.learns != "nowhere"]
SLOWER = {"a2c": 2, "impala": 2, "ga3c": 4}
"""How many times A3C's median seconds until solved each may take."""

PUBLISHED = "lets-make-an-a3c"
"""The recipe after Janisch (2017), whose system ran on 4 cores."""
PUBLISHED_RATE = 2_200
PUBLISHED_STEPS = 65_000
PUBLISHED_EPISODES = 1_000
PUBLISHED_TARGET = 195.0
ONE_EACH, VECTORISED = "ga3c, 8 workers of one environment", "ga3c, CartPole-v1's recipe"
THROUGHPUT = {
    ONE_EACH: ("CartPole-v0", "--algorithm", "ga3c", "--recipe", PUBLISHED, "--seconds", "15"),
    VECTORISED: (ENVIRONMENT, "--algorithm", "ga3c", "--steps", "1_500_000", "--no-stop-when-solved"),
}
RATES = {ONE_EACH: (5 * PUBLISHED_RATE, f", 5 x {PUBLISHED_RATE:,}"), VECTORISED: (50_000, "")}
"""Steps a second to reach, and where the number comes from."""

FORCED_LAG = 50
LAG_STEPS = 1_500_000
LAG_FLAGS = ("--learning-rate", "5e-4", "--learning-rate-final", "5e-4")
"""Settings on top of the recipe's, the same for all that are compared."""
WITH_VTRACE = f"V-trace, forced lag {FORCED_LAG}"
WITHOUT_VTRACE = {
    f"log epsilon, forced lag {FORCED_LAG}": ("epsilon", FORCED_LAG),
    f"no correction, forced lag {FORCED_LAG}": ("none", FORCED_LAG),
}
LAG_SETTINGS = {"V-trace, forced lag 0": ("vtrace", 0), WITH_VTRACE: ("vtrace", FORCED_LAG), **WITHOUT_VTRACE}


def solve(arguments: argparse.Namespace) -> list[Record]:
    """Seconds until it is solved, and that is confirmed, after a short run of each to warm the caches."""
    for algorithm in ALGORITHMS:
        train(ENVIRONMENT, "--algorithm", algorithm, "--steps", "10000", "--seed", "0")
    runs = []
    for seed in range(1, arguments.seeds + 1):
        for algorithm in ALGORITHMS:
            run = train(ENVIRONMENT, "--algorithm", algorithm, "--seed", str(seed))
            runs.append({"system": algorithm} | run)
            tell(runs[-1])
    return runs


def solve_findings(part: Measured) -> Iterator[Finding]:
    systems = by(part, "system")
    for system, runs in systems.items():
        count, seconds = solved(runs), column(runs, "solved_at_second")
        yield Finding(f"{system} solved", f"{count} of {len(runs)} seeds", "every seed", count == len(runs))
        if system in SLOWER:
            limit, ours = SLOWER[system], median(column(systems["a3c"], "solved_at_second"))
            measured, target = number(median(seconds), ".2f", " s"), f"<= {limit} x a3c's"
            if math.isfinite(median(seconds)) and math.isfinite(ours):
                measured += f", {median(seconds) / ours:.2f} x a3c's"
            reached = math.isfinite(median(seconds)) and median(seconds) <= limit * ours
            yield Finding(f"{system} solved, median", measured, target, reached)
        else:
            yield Finding(f"{system} solved, median", number(median(seconds), ".2f", " s"))
        yield Finding(f"{system} solved, worst", number(max(seconds), ".2f", " s"))
        yield Finding(f"{system}, policy lag, median", _lag(runs))


def ga3c_throughput(arguments: argparse.Namespace) -> list[Record]:
    """Steps per second of training with GA3C, of one environment a worker and of many."""
    runs = []
    for repeat in range(1, arguments.repeats + 1):
        for system, flags in THROUGHPUT.items():
            runs.append({"system": system} | train(*flags, "--seed", str(repeat)))
            tell(runs[-1])
    return runs


def ga3c_throughput_findings(part: Measured) -> Iterator[Finding]:
    for system, runs in by(part, "system").items():
        rates, (least, why) = column(runs, "steps_per_second", missing=0.0), RATES[system]
        measured = f"{median(rates):,.0f} steps/s, worst {min(rates):,.0f}"
        yield Finding(f"{system}, median", measured, f">= {least:,} steps/s{why}", median(rates) >= least)


def lets_make_an_a3c(arguments: argparse.Namespace) -> list[Record]:
    """What 30 seconds of the published system's settings come to: greedy episodes with two of its checkpoints."""
    runs = []
    for seed in range(1, arguments.seeds + 1):
        flags = ("CartPole-v0", "--algorithm", "ga3c", "--recipe", PUBLISHED, "--seed", str(seed))
        runs.append({"system": PUBLISHED} | train(*flags, evaluated=("best", "latest")))
        tell(runs[-1])
        for checkpoint in ("best", "latest"):
            print(
                f"    {checkpoint} checkpoint, greedy: {number(_greedy(runs[-1:], checkpoint)[0], '.1f')}", flush=True
            )
    return runs


def lets_make_an_a3c_findings(part: Measured) -> Iterator[Finding]:
    runs = part["runs"]
    if not runs:
        return
    for checkpoint in ("best", "latest"):
        means = _greedy(runs, checkpoint)
        above = sum(mean >= PUBLISHED_TARGET for mean in means)
        measured = f"{above} of {len(runs)} seeds, median {median(means):.1f}, worst {min(means):.1f}"
        name = f"GA3C in 30 s: {checkpoint} checkpoint, greedy, >= {PUBLISHED_TARGET:g}"
        if checkpoint == "best":
            yield Finding(name, measured, "every seed", above == len(runs))
        else:
            yield Finding(name, measured)
    means = column(runs, "return_mean_100", missing=0.0)
    name = "GA3C in 30 s: last 100 training episodes, 15% random"
    yield Finding(name, f"median {median(means):.1f}, worst {min(means):.1f}")
    for field, unit, published in (
        ("episodes", "episodes", PUBLISHED_EPISODES),
        ("steps", "steps", PUBLISHED_STEPS),
        ("steps_per_second", "steps/s", PUBLISHED_RATE),
    ):
        middle = median(column(runs, field, missing=0.0))
        yield Finding(f"GA3C in 30 s: {unit}, median", f"{middle:,.0f}; published {published:,}")


def _greedy(runs: list[Measured], checkpoint: str) -> list[float]:
    """Mean return of a checkpoint of every run; 0 where there is none."""
    return [run.get("greedy", {}).get(checkpoint, {}).get("mean", 0.0) for run in runs]


def lag(arguments: argparse.Namespace) -> list[Record]:
    """IMPALA until solved, with workers that act many updates behind its learner, and with what corrects for that."""
    runs = []
    for seed in range(1, arguments.lag_seeds + 1):
        for system, (correction, forced) in LAG_SETTINGS.items():
            flags = ("--algorithm", "impala", "--forced-lag", str(forced), "--lag-correction", correction)
            run = train(ENVIRONMENT, *flags, "--steps", str(LAG_STEPS), *LAG_FLAGS, "--seed", str(seed))
            runs.append({"system": system} | run)
            tell(runs[-1])
    return runs


def lag_findings(part: Measured) -> Iterator[Finding]:
    systems = by(part, "system")
    for system, runs in systems.items():
        count, steps = solved(runs), median(column(runs, "solved_at_step"))
        best = median(column(runs, "best_return_mean_100", missing=0.0))
        measured = f"{count} of {len(runs)} seeds, median step {number(steps, ',.0f')}, best mean {best:.0f}"
        name = f"{system} ({_lag(runs)}), solved"
        if system in WITHOUT_VTRACE:
            yield Finding(name, measured)
        else:
            yield Finding(name, measured, "every seed", count == len(runs))
    for system in WITHOUT_VTRACE:
        if system in systems and WITH_VTRACE in systems:
            ours, theirs = (median(column(systems[name], "solved_at_step")) for name in (WITH_VTRACE, system))
            measured = f"{number(ours, ',.0f')} against {number(theirs, ',.0f')}"
            yield Finding(f"V-trace better than {system}, median step", measured, "sooner", ours < theirs)


def _lag(runs: list[Measured]) -> str:
    """The median policy lag of some runs."""
    return number(median(column(runs, "policy_lag")), ".1f", " updates", missing="unknown")


def draw_algorithms(part: Measured, path: Path) -> None:
    """The picture of the part `solve`; its seconds end where the text beside the longest run does."""
    draw_solved(part, path, longest=2 * last_second(part))


PARTS = {
    "solve": Part(
        solve,
        solve_findings,
        partial(systems_table, title="CartPole-v1 until the last 100 training episodes average 475", policy_lag=True),
        {"algorithms.png": draw_algorithms},
    ),
    "ga3c-throughput": Part(ga3c_throughput, ga3c_throughput_findings),
    "lets-make-an-a3c": Part(lets_make_an_a3c, lets_make_an_a3c_findings),
    "lag": Part(
        lag,
        lag_findings,
        partial(systems_table, title=f"IMPALA on CartPole-v1, at most {LAG_STEPS:,} steps", policy_lag=True),
        {"policy_lag.png": draw_lag},
    ),
}


def main() -> None:
    benchmark = Benchmark("algorithms", PARTS)
    parser = benchmark.parser(__doc__)
    parser.add_argument("--seeds", type=int, default=10, help="seeds of solve and of lets-make-an-a3c (%(default)s)")
    parser.add_argument("--repeats", type=int, default=3, help="repetitions of ga3c-throughput (%(default)s)")
    parser.add_argument("--lag-seeds", type=int, default=5, help="seeds of every setting of lag (%(default)s)")
    benchmark.run(parser.parse_args())


if __name__ == "__main__":
    main()
