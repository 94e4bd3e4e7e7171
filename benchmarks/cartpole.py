"""Measures a3c on CartPole against its targets, and against Stable-Baselines3 on the same machine.

    python benchmarks/cartpole.py                          everything, about 15 minutes on two cores
    python benchmarks/cartpole.py --only solve --seeds 3   a part of it
    python benchmarks/cartpole.py --figures-only           draw the figure again from the results

Every run is a fresh process, timed from its start. Systems take turns, so that a noisy machine hits all alike. All
runs are kept in the results, bad ones included; a part that is not measured again keeps its earlier results.
"""

import argparse
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import report
from a3c.recipes import with_recipe
from measure import MemoryWatch, Record, bare_rate, machine, train, train_peer

ROOT = Path(__file__).resolve().parents[1]
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
            _tell(runs[-1])
        if seed <= arguments.peer_seeds:
            for algorithm in ("a2c", "ppo"):
                runs.append({"system": f"SB3 {algorithm.upper()}"} | train_peer(arguments.peer_python, algorithm, seed))
                _tell(runs[-1])
    return runs


def throughput(arguments: argparse.Namespace) -> list[Record]:
    """Steps per second of training, and of processes that only step the same environments, with 1 and with 2."""
    count = with_recipe(None, {"environment": ENVIRONMENT})["envs_per_worker"]
    runs = []
    for repeat in range(1, arguments.repeats + 1):
        for processes in PROCESSES:
            flags = ("--workers", str(processes), "--steps", str(THROUGHPUT_STEPS), "--no-stop-when-solved")
            runs.append({"system": "a3c", "processes": processes} | train(ENVIRONMENT, *flags, "--seed", str(repeat)))
            _tell(runs[-1])
        for processes in PROCESSES:
            rate = round(bare_rate(ENVIRONMENT, count, processes), 1)
            runs.append({"system": "bare environments", "processes": processes, "steps_per_second": rate})
            print(f"  {processes} bare processes of {count} environments: {rate:,.0f} steps/s", flush=True)
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
        _tell(runs[-1])
    return runs


def recipes(arguments: argparse.Namespace) -> list[Record]:
    """Published A3C systems by their recipes: seconds until the last 100 episodes average above 200."""
    runs = []
    for seed in range(1, arguments.repeats + 1):
        for recipe in RECIPES:
            flags = ("--recipe", recipe, "--seconds", str(RECIPE_SECONDS), "--target-return", ABOVE_200)
            runs.append({"system": recipe} | train(*flags, "--seed", str(seed)))
            _tell(runs[-1])
    return runs


PARTS: dict[str, Callable[[argparse.Namespace], list[Record]]] = {
    "solve": solve,
    "throughput": throughput,
    "startup": startup,
    "memory": memory,
    "cartpole-v0": cartpole_v0,
    "recipes": recipes,
}


def _tell(run: Record) -> None:
    """A line of progress."""
    outcome = run["error"] or f"{run['status']}, {run['steps']:,} steps, {run['steps_per_second'] or 0:,.0f} steps/s"
    if run["solved_at_second"] is not None:
        outcome += f", solved after {run['solved_at_second']:.2f} s and {run['solved_at_step']:,} steps"
    print(f"  {run['system']} ({run['command']}): {outcome}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default=",".join(PARTS), help="parts to measure, of %(default)s")
    parser.add_argument("--seeds", type=int, default=10, help="seeds of a3c until solved (%(default)s)")
    parser.add_argument("--peer-seeds", type=int, default=3, help="seeds of each peer, 0 for none (%(default)s)")
    parser.add_argument("--repeats", type=int, default=3, help="repetitions of every other part (%(default)s)")
    parser.add_argument("--peer-python", default=sys.executable, help="an interpreter with stable-baselines3")
    parser.add_argument("--output", type=Path, default=ROOT / "benchmarks/results/cartpole.json", help="the results")
    parser.add_argument("--figure", type=Path, default=ROOT / "docs/cartpole.png", help="the picture to draw")
    parser.add_argument("--figures-only", action="store_true", help="measure nothing: draw from the results there are")
    arguments = parser.parse_args()

    results = report.load(arguments.output)
    if not arguments.figures_only:
        names = arguments.only.split(",")
        if unknown := set(names) - set(PARTS):
            parser.error(f"--only has no part {', '.join(sorted(unknown))}; the parts are {', '.join(PARTS)}")
        if "solve" in names and arguments.peer_seeds:
            _check_peers(parser, arguments.peer_python)
        here = machine()
        if here["load_average_before"][0] > here["cores"] / 2:
            print(f"this machine is busy (load {here['load_average_before'][0]}): times will be worse than its best")
        for name in names:
            print(f"{name}:", flush=True)
            before = machine()
            results[name] = {"machine": before, "runs": PARTS[name](arguments)}
            report.save(results, arguments.output)
        report.show({name: results[name] for name in names})
    if "solve" in results:
        report.draw(results["solve"], arguments.figure)
        print(f"figure   {arguments.figure}")
    else:
        print(f"nothing to draw: {arguments.output} has no results of the part solve")


def _check_peers(parser: argparse.ArgumentParser, python: str) -> None:
    found = subprocess.run([python, "-c", "import stable_baselines3"], capture_output=True, timeout=120, check=False)
    if found.returncode:
        parser.error(f"{python} has no stable-baselines3: `make bench` installs it, --peer-seeds 0 goes without")


if __name__ == "__main__":
    main()
