"""Measures a3c on Pong from pixels against its targets.

    python benchmarks/pong.py                              everything, about 80 minutes on two cores
    python benchmarks/pong.py --only solve --seeds 1       a part of it
    python benchmarks/pong.py --only throughput --seconds 20 --peer-seconds 0
    python benchmarks/pong.py --figures-only               draw the figures again from the results

Every run is a fresh process, timed from its start. All runs are kept in the results, bad ones included; a part that is
not measured again keeps its earlier results.
"""

import argparse
import math
import sys
from collections.abc import Iterator
from functools import partial
from statistics import median

from a3c.config import TrainConfig
from a3c.config.making import make_config
from a3c.recipes import with_recipe
from benchmark import Benchmark, Part, tell
from measure import MemoryWatch, Record, bare_rate, peer_rate, train
from pictures import draw_scores
from report import Finding, Measured, by, column, number, solved, systems_table

ENVIRONMENT = "ALE/Pong-v5"
TUNED = "tuned recipe"
PAPER = "84x84, the paper's network"
PAPER_RECIPE = "pong-84x84"
PROCESSES = 2
TARGET = 18
LIMIT, AIM = 20 * 60, 12 * 60
"""Seconds within which Pong is to be solved, and those to push on to."""
PUBLISHED = "pylessons-pong"
WATCHED = 20 * 60
"""Seconds over which memory is to stay the same."""


def solve(arguments: argparse.Namespace) -> list[Record]:
    """Seconds until the last 100 training episodes average 18."""
    runs = []
    for seed in range(1, arguments.seeds + 1):
        flags = ("--target-return", str(TARGET), "--seconds", str(LIMIT), "--seed", str(seed))
        run = train(ENVIRONMENT, *flags, limit=LIMIT + 60)
        runs.append({"system": TUNED} | run)
        tell(runs[-1])
    return runs


def solve_findings(part: Measured) -> Iterator[Finding]:
    runs = part["runs"]
    seconds, count = column(runs, "solved_at_second"), solved(runs)
    in_time = sum(second <= LIMIT for second in seconds)
    yield Finding("Pong at 18 within 20 minutes", f"{in_time} of {len(runs)} seeds", "every seed", in_time == len(runs))
    measured = f"{number(median(seconds), '.0f', ' s')}, worst {number(max(seconds), '.0f', ' s')}"
    yield Finding("Pong at 18, median and worst", measured, f"<= {AIM} s", count == len(runs) and max(seconds) <= AIM)
    rates = column(runs, "steps_per_second", missing=0.0)
    measured = f"{median(rates):,.0f} steps/s, worst {min(rates):,.0f}"
    yield Finding("training throughput until then", measured, ">= 1,800 steps/s", min(rates) >= 1_800)


def throughput(arguments: argparse.Namespace) -> list[Record]:
    """Steps per second of training, of the same environments with random actions, and of Stable-Baselines3's A2C."""
    runs = []
    for repeat in range(1, arguments.repeats + 1):
        for system, recipe in ((TUNED, None), (PAPER, PAPER_RECIPE)):
            config = _config(recipe)
            rate = round(bare_rate(config, PROCESSES, seconds=min(arguments.seconds, 10.0)), 1)
            runs.append({"system": f"bare environments: {system}", "steps_per_second": rate})
            print(f"  {PROCESSES} bare processes, {system}: {rate:,.0f} steps/s", flush=True)
            named = () if recipe is None else ("--recipe", recipe)
            flags = (*named, "--workers", str(PROCESSES), "--seconds", str(arguments.seconds), "--seed", str(repeat))
            runs.append({"system": system} | train(ENVIRONMENT, *flags, limit=arguments.seconds + 60))
            tell(runs[-1])
        if arguments.peer_seconds:
            runs.append({"system": "SB3 A2C"} | peer_rate(arguments.peer_python, "sb3_pong.py", arguments.peer_seconds))
            print(f"  SB3 A2C: {runs[-1]['error'] or runs[-1]['steps_per_second']} steps/s", flush=True)
    return runs


def _config(recipe: str | None) -> TrainConfig:
    return make_config(with_recipe(recipe, {"environment": ENVIRONMENT}))


def throughput_findings(part: Measured) -> Iterator[Finding]:
    rates = {name: median(column(runs, "steps_per_second", missing=0.0)) for name, runs in by(part, "system").items()}
    for system, least in ((TUNED, 1_800), (PAPER, 900)):
        yield Finding(system, f"{rates[system]:,.0f} steps/s", f">= {least:,} steps/s", rates[system] >= least)
        bare = rates[f"bare environments: {system}"]
        share = rates[system] / bare
        measured = f"{share:.0%} of {bare:,.0f} steps/s"
        if system == TUNED:
            yield Finding(f"{system}, of its environments alone", measured, ">= 60%", share >= 0.6)
        else:
            yield Finding(f"{system}, of its environments alone", measured)
    if peer := rates.get("SB3 A2C"):
        yield Finding("Stable-Baselines3 A2C, 84x84", f"{peer:,.0f} steps/s; a3c {rates[PAPER] / peer:.1f} x as fast")


def paper_network(arguments: argparse.Namespace) -> list[Record]:
    """One long run at 84x84 with the paper's network, its memory watched."""
    seconds = arguments.paper_seconds
    watch = MemoryWatch(every=5.0, longest=seconds)
    flags = ("--recipe", PAPER_RECIPE, "--seconds", str(seconds), "--target-return", str(TARGET))
    run = {"system": PAPER} | train(
        ENVIRONMENT, *flags, "--no-stop-when-solved", "--seed", "1", limit=seconds + 60, watch=watch
    )
    run["memory"] = {"second": [second for second, _ in watch.samples], "bytes": [size for _, size in watch.samples]}
    tell(run)
    return [run]


def paper_network_findings(part: Measured) -> Iterator[Finding]:
    (run,) = part["runs"]
    best = run.get("best_return_mean_100")
    measured = f"best mean {number(math.inf if best is None else best, '.1f', missing='none')}"
    if run["solved_at_second"] is not None:
        measured += f", 18 after {run['solved_at_second']:.0f} s and {run['solved_at_step']:,} steps"
    yield Finding(f"{PAPER}, learns Pong", measured, "18", run["solved_at_second"] is not None)
    samples = list(zip(run["memory"]["second"], run["memory"]["bytes"], strict=True))
    end = samples[-1][0]

    def around(middle: float) -> float:
        return median([size for second, size in samples if abs(second - middle) <= 60]) / 1e6

    if end > WATCHED + 120:
        first, settled, last = around(120), around(end - WATCHED), around(end - 60)
        measured = f"{first:.0f} MB after 2 minutes, then {settled:.0f} MB, and {last:.0f} MB at the end"
        name = f"memory over the last {WATCHED / 60:.0f} of {end / 60:.0f} minutes (PSS)"
        yield Finding(name, measured, "growth <= 5%", last / settled <= 1.05)


def published(arguments: argparse.Namespace) -> list[Record]:
    """The published system by its recipe, with A3C and with A2C, for as long as there is patience for."""
    runs = []
    for algorithm in ("a3c", "a2c"):
        seconds = arguments.published_seconds
        flags = ("--recipe", PUBLISHED, "--algorithm", algorithm, "--seed", "1", "--seconds", str(seconds))
        run = train("PongDeterministic-v4", *flags, limit=seconds + 120)
        runs.append({"system": f"{PUBLISHED}, {algorithm}"} | run)
        tell(runs[-1])
    return runs


def published_findings(part: Measured) -> Iterator[Finding]:
    for run in part["runs"]:
        if run.get("episodes"):
            # Older results have no seconds of training alone.
            seconds = run.get("training_seconds") or run["wall_seconds"]
            measured = (
                f"{run['episodes']:,} episodes, {run['steps']:,} steps in {seconds:.0f} s, "
                f"mean of the last 100 (or of all) {run['curve']['mean'][-1]:.1f}"
            )
            yield Finding(run["system"], measured)


PARTS = {
    "throughput": Part(throughput, throughput_findings),
    "solve": Part(
        solve,
        solve_findings,
        partial(systems_table, title="Pong until the last 100 training episodes average 18", policy_lag=True),
        {"pong.png": partial(draw_scores, title="Pong from pixels: every seed")},
    ),
    "paper-network": Part(
        paper_network,
        paper_network_findings,
        None,
        {"pong_84x84.png": partial(draw_scores, title="Pong at 84x84 with the network of the A3C paper")},
    ),
    "published": Part(published, published_findings),
}


def main() -> None:
    benchmark = Benchmark("pong", PARTS)
    parser = benchmark.parser(__doc__)
    parser.add_argument("--seeds", type=int, default=3, help="seeds of the tuned recipe (%(default)s)")
    parser.add_argument("--repeats", type=int, default=3, help="repetitions of throughput (%(default)s)")
    parser.add_argument("--seconds", type=float, default=40.0, help="seconds of a throughput run (%(default)s)")
    parser.add_argument("--peer-seconds", type=float, default=30.0, help="of the peer, 0 for none (%(default)s)")
    parser.add_argument("--paper-seconds", type=float, default=25 * 60.0, help="of paper-network (%(default)s)")
    parser.add_argument("--published-seconds", type=float, default=600.0, help="of each published run (%(default)s)")
    parser.add_argument("--peer-python", default=sys.executable, help="an interpreter with stable-baselines3")
    benchmark.run(parser.parse_args())


if __name__ == "__main__":
    main()
