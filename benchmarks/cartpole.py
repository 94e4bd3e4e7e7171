"""Measures a3c on CartPole against its targets, and against Stable-Baselines3 on the same machine.

    python benchmarks/cartpole.py                          everything, about 15 minutes on two cores
    python benchmarks/cartpole.py --only solve --seeds 3   a part of it
    python benchmarks/cartpole.py --figures-only           draw the figure again from the results

Every run is a fresh process, timed from its start. Systems take turns, so that a noisy machine hits all alike. All
runs are kept in the results, bad ones included; a part that is not measured again keeps its earlier results.
"""

import argparse
import math
import sys
import tempfile
from collections.abc import Iterator
from functools import partial
from statistics import median

from a3c.config.making import make_config
from a3c.recipes import with_recipe
from benchmark import Benchmark, Part, check_peers, tell
from measure import MemoryWatch, Record, bare_rate, train, train_peer
from pictures import draw_solved
from report import Finding, Measured, by, column, number, solved, systems_table

ENVIRONMENT = "CartPole-v1"
THROUGHPUT_STEPS = 1_500_000
PROCESSES = (1, 2)
RECIPES = ("tensorflow-blog", "keras-master-worker")
RECIPE_SECONDS = 60
ABOVE_200 = "200.01"
"""A mean of 100 whole-numbered returns that is above 200 is at least this."""


def solve(arguments: argparse.Namespace) -> list[Record]:
    """Seconds until the last 100 training episodes average 475, after a short run of each system to warm the caches."""
    train(ENVIRONMENT, "--steps", "10000", "--seed", "0")
    if arguments.peer_seeds:
        train_peer(arguments.peer_python, "a2c", seed=0, steps=1)
    runs = []
    for seed in range(1, max(arguments.seeds, arguments.peer_seeds) + 1):
        if seed <= arguments.seeds:
            runs.append({"system": "a3c"} | train(ENVIRONMENT, "--seed", str(seed)))
            tell(runs[-1])
        if seed <= arguments.peer_seeds:
            for algorithm in ("a2c", "ppo"):
                runs.append({"system": f"SB3 {algorithm.upper()}"} | train_peer(arguments.peer_python, algorithm, seed))
                tell(runs[-1])
    return runs


def throughput(arguments: argparse.Namespace) -> list[Record]:
    """Steps per second of training, and of processes that only step the same environments, with 1 and with 2."""
    config = make_config(with_recipe(None, {"environment": ENVIRONMENT}))
    runs = []
    for repeat in range(1, arguments.repeats + 1):
        for processes in PROCESSES:
            flags = ("--workers", str(processes), "--steps", str(THROUGHPUT_STEPS), "--no-stop-when-solved")
            runs.append({"system": "a3c", "processes": processes} | train(ENVIRONMENT, *flags, "--seed", str(repeat)))
            tell(runs[-1])
        for processes in PROCESSES:
            rate = round(bare_rate(config, processes), 1)
            runs.append({"system": "bare environments", "processes": processes, "steps_per_second": rate})
            print(
                f"  {processes} bare processes of {config.environments_each} environments: {rate:,.0f} steps/s",
                flush=True,
            )
    return runs


def startup(arguments: argparse.Namespace) -> list[Record]:
    """Seconds from process start to the first update, without and with programs in the compilation cache."""
    runs = []
    for seed in range(1, arguments.repeats + 1):
        with tempfile.TemporaryDirectory() as cache:
            for kind in ("cold", "warm"):
                flags = ("--steps", "10000", "--seed", str(seed))
                run = train(ENVIRONMENT, *flags, environment={"JAX_COMPILATION_CACHE_DIR": cache})
                runs.append({"system": "a3c", "cache": kind} | run)
                print(f"  {kind} cache: first update after {run.get('startup_seconds')} s", flush=True)
    return runs


def memory(arguments: argparse.Namespace) -> list[Record]:
    """Proportional set size of the processes of a run, with 1 and 2 workers."""
    if sys.platform != "linux":
        print("  skipped: only Linux tells the proportional set size")
        return []
    runs = []
    for seed in range(1, arguments.repeats + 1):
        for processes in PROCESSES:
            watch = MemoryWatch()
            flags = ("--workers", str(processes), "--seconds", "8", "--no-stop-when-solved", "--seed", str(seed))
            run = train(ENVIRONMENT, *flags, watch=watch)
            runs.append(
                {"system": "a3c", "processes": processes, "total_bytes": watch.total, "worker_bytes": watch.workers}
                | run
            )
            each = ", ".join(f"{size / 1e6:.0f}" for size in watch.workers)
            print(f"  {processes} workers: {watch.total / 1e6:.0f} MB in all, workers {each} MB", flush=True)
    return runs


def cartpole_v0(arguments: argparse.Namespace) -> list[Record]:
    """CartPole-v0's own criterion: a mean of 195 over 100 episodes."""
    runs = []
    for seed in range(1, arguments.seeds + 1):
        runs.append({"system": "a3c"} | train("CartPole-v0", "--seed", str(seed)))
        tell(runs[-1])
    return runs


def recipes(arguments: argparse.Namespace) -> list[Record]:
    """Published A3C systems by their recipes: seconds until the last 100 episodes average above 200."""
    runs = []
    for seed in range(1, arguments.repeats + 1):
        for recipe in RECIPES:
            flags = ("--recipe", recipe, "--seconds", str(RECIPE_SECONDS), "--target-return", ABOVE_200)
            runs.append({"system": recipe} | train(*flags, "--seed", str(seed)))
            tell(runs[-1])
    return runs


def solve_findings(part: Measured) -> Iterator[Finding]:
    systems = by(part, "system")
    ours = systems.pop("a3c", [])
    yield from _solved_in_time("CartPole-v1", ours)
    if not systems or not ours:
        return
    peers = {name: median(column(runs, "solved_at_second")) for name, runs in systems.items()}
    faster = min(peers, key=lambda name: peers[name])
    if math.isinf(peers[faster]):
        yield Finding("speed-up against the faster peer", "no peer solved it: nothing to compare", ">= 10 x")
        return
    ratio = peers[faster] / median(column(ours, "solved_at_second"))
    yield Finding(f"speed-up against the faster peer, {faster}", f"{ratio:.1f} x", ">= 10 x", ratio >= 10)


def throughput_findings(part: Measured) -> Iterator[Finding]:
    rates = {
        (system, processes): median(column(runs, "steps_per_second", missing=0.0))
        for system, of_system in by(part, "system").items()
        for processes, runs in by({"runs": of_system}, "processes").items()
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


def startup_findings(part: Measured) -> Iterator[Finding]:
    for cache, limit in (("warm", 2.0), ("cold", 3.5)):
        seconds = column(by(part, "cache")[cache], "startup_seconds")
        measured = f"{number(median(seconds), '.2f', ' s')}, worst {number(max(seconds), '.2f', ' s')}"
        yield Finding(
            f"start-up, {cache} compilation cache, median", measured, f"<= {limit} s", median(seconds) <= limit
        )


def memory_findings(part: Measured) -> Iterator[Finding]:
    by_processes = by(part, "processes")
    if not by_processes:
        return
    largest = max((size for run in by_processes[2] for size in run["worker_bytes"]), default=math.inf) / 1e6
    yield Finding("memory of a worker beside another (PSS), largest", f"{largest:.0f} MB", "<= 160 MB", largest <= 160)
    totals = {processes: median(run["total_bytes"] for run in runs) / 1e6 for processes, runs in by_processes.items()}
    yield Finding("what a second worker adds to the whole run (PSS), median", f"{totals[2] - totals[1]:.0f} MB")
    yield Finding("the whole run with 2 workers (PSS), median", f"{totals[2]:.0f} MB")


def cartpole_v0_findings(part: Measured) -> Iterator[Finding]:
    yield from _solved_in_time("CartPole-v0", part["runs"])


def recipes_findings(part: Measured) -> Iterator[Finding]:
    for recipe, runs in by(part, "system").items():
        seconds = column(runs, "solved_at_second")
        above = sum(second < 60 for second in seconds)
        measured = f"{above} of {len(runs)} seeds, median {number(median(seconds), '.1f', ' s')}"
        target = f"{len(runs)} of {len(runs)} seeds in under 60 s"
        yield Finding(f"recipe {recipe} above 200", measured, target, above == len(runs))


def _solved_in_time(environment: str, runs: list[Measured]) -> Iterator[Finding]:
    if not runs:
        return
    seconds = column(runs, "solved_at_second")
    count = solved(runs)
    yield Finding(f"{environment} solved", f"{count} of {len(runs)} seeds", "every seed", count == len(runs))
    for name, value, limit in (("median", median(seconds), 3.0), ("worst", max(seconds), 6.0)):
        yield Finding(f"{environment} solved, {name}", number(value, ".2f", " s"), f"<= {limit:g} s", value <= limit)
    after = [run["wall_seconds"] - run["solved_at_second"] for run in runs if run["solved_at_second"] is not None]
    if after:
        yield Finding(f"{environment}, from solved to the end of the run, worst", f"{max(after):.2f} s")


PARTS = {
    "solve": Part(
        solve,
        solve_findings,
        partial(systems_table, title="CartPole-v1 until the last 100 training episodes average 475"),
        {"cartpole.png": partial(draw_solved, longest=400)},
    ),
    "throughput": Part(throughput, throughput_findings),
    "startup": Part(startup, startup_findings),
    "memory": Part(memory, memory_findings),
    "cartpole-v0": Part(cartpole_v0, cartpole_v0_findings),
    "recipes": Part(recipes, recipes_findings),
}


def main() -> None:
    benchmark = Benchmark("cartpole", PARTS)
    parser = benchmark.parser(__doc__)
    parser.add_argument("--seeds", type=int, default=10, help="seeds of a3c until solved (%(default)s)")
    parser.add_argument("--peer-seeds", type=int, default=3, help="seeds of each peer, 0 for none (%(default)s)")
    parser.add_argument("--repeats", type=int, default=3, help="repetitions of every other part (%(default)s)")
    parser.add_argument("--peer-python", default=sys.executable, help="an interpreter with stable-baselines3")
    arguments = parser.parse_args()
    if "solve" in arguments.only and arguments.peer_seeds and not arguments.figures_only:
        check_peers(parser, arguments.peer_python)
    benchmark.run(arguments)


if __name__ == "__main__":
    main()
