"""Measures a3c on Pong from pixels against its targets.

    python benchmarks/pong.py                              everything, about two hours on two cores
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
from dataclasses import dataclass
from functools import partial
from statistics import median

from a3c.config import TrainConfig
from a3c.config.making import make_config
from a3c.recipes import with_recipe
from benchmark import Benchmark, Part, tell
from measure import WINDOW, Episode, MemoryWatch, Record, bare_rate, peer_rate, train
from pictures import draw_scores
from report import Finding, Measured, by, column, number, systems_table

ENVIRONMENT = "ALE/Pong-v5"
TUNED = "tuned recipe"
APPO = "tuned recipe, APPO"
APPO_20 = "tuned recipe, APPO, until 20"
PAPER = "84x84, the paper's network"
PAPER_RECIPE = "pong-84x84"
PROCESSES = 2


@dataclass(frozen=True)
class Way:
    """Settings that come to the target; the seconds within which half of the seeds are to come there, and all of them;
    the steps per second that each is to take until then; and the target."""

    flags: tuple[str, ...]
    median: int
    worst: int
    rate: int
    target: int = 18


WAYS = {
    TUNED: Way(("--algorithm", "a3c"), 150, 240, 1_800),
    APPO: Way(("--algorithm", "appo"), 150, 240, 1_800),
    APPO_20: Way(("--algorithm", "appo"), 240, 240, 1_800, target=20),
    PAPER: Way(("--recipe", PAPER_RECIPE), 360, 360, 900),
}
LIMIT = 20 * 60
"""Seconds after which a run to the target ends."""
PUBLISHED = "pylessons-pong"
POINTS = 100
POINTS_OF = ("a3c", "a2c", "impala", "appo", "n-step-q")
WATCHED = 20 * 60
"""Seconds over which memory is to stay the same."""


def solve(system: str, arguments: argparse.Namespace) -> list[Record]:
    """Seconds until the last 100 training episodes average 18, or another target."""
    runs, way = [], WAYS[system]
    for seed in range(1, arguments.seeds + 1):
        flags = (*way.flags, "--target-return", str(way.target), "--seconds", str(LIMIT), "--seed", str(seed))
        run = train(ENVIRONMENT, *flags, limit=LIMIT + 60, noting=partial(_first_mean, way.target))
        runs.append({"system": system} | run)
        tell(runs[-1])
        when = f"{run.get('mean_at_second')} s, {run.get('mean_at_step')} steps"
        print(f"    mean of {way.target} after: {when}", flush=True)
    return runs


def _first_mean(target: int, episodes: list[Episode]) -> Record:
    """When the last 100 training episodes first came to the target; that it is solved is said later, when it has been
    confirmed by evaluation."""
    seconds, steps, returns = zip(*episodes, strict=True) if episodes else ((), (), ())
    for end in range(WINDOW, len(returns) + 1):
        if sum(returns[end - WINDOW : end]) >= target * WINDOW:
            return {"mean_at_second": seconds[end - 1], "mean_at_step": max(steps[:end])}
    return {"mean_at_second": None, "mean_at_step": None}


def solve_findings(way: Way, part: Measured) -> Iterator[Finding]:
    # Older results know no confirmation: there a run was solved when its mean was at the target.
    earlier = {"mean_at_second": "solved_at_second", "mean_at_step": "solved_at_step"}
    runs = [{to: run.get(old) for to, old in earlier.items()} | run for run in part["runs"]]
    for name, of_median, of_worst in (("mean_at_second", way.median, way.worst), ("solved_at_second", None, LIMIT)):
        seconds = column(runs, name)
        what = f"Pong at {way.target}" + ", confirmed by 100 games" * (name == "solved_at_second")
        measured = f"{number(median(seconds), '.0f', ' s')}, worst {number(max(seconds), '.0f', ' s')}"
        aims = f"<= {of_worst} s" if of_median is None else f"<= {of_median} s, worst {of_worst} s"
        reached = max(seconds) <= of_worst and median(seconds) <= (of_median or of_worst)
        yield Finding(f"{what}: median and worst of {len(runs)} seeds", measured, aims, reached)
    steps = column(runs, "mean_at_step")
    yield Finding("steps until then", f"{number(median(steps), ',.0f')}, worst {number(max(steps), ',.0f')}")
    evaluated = [(run.get("best_evaluation") or {}).get("mean", -math.inf) for run in runs]
    if math.isfinite(min(evaluated)):
        said = f"{number(median(evaluated), '.1f')}, worst {number(min(evaluated), '.1f')}"
        yield Finding("what the policy plays then, greedily", said, ">= 20", median(evaluated) >= 20)
    rates = column(runs, "steps_per_second", missing=0.0)
    measured = f"{median(rates):,.0f} steps/s, worst {min(rates):,.0f}"
    yield Finding("training throughput until then", measured, f">= {way.rate:,} steps/s", min(rates) >= way.rate)


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
            flags = (*named, "--algorithm", "a3c", "--workers", str(PROCESSES))
            flags += ("--seconds", str(arguments.seconds), "--seed", str(repeat))
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
    for system in (TUNED, PAPER):
        least = WAYS[system].rate
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
    flags = ("--recipe", PAPER_RECIPE, "--seconds", str(seconds))
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


def first_points(arguments: argparse.Namespace) -> list[Record]:
    """Every algorithm until it has scored its first 100 points, in all games of training together."""
    runs = []
    for seed in range(1, arguments.point_seeds + 1):
        for algorithm in POINTS_OF:
            flags = ("--algorithm", algorithm, "--seconds", str(arguments.point_seconds), "--seed", str(seed))
            # 100 games of a policy that has hardly begun would take longer than these seconds.
            flags += ("--evaluate-every", "0")
            run = train(ENVIRONMENT, *flags, limit=arguments.point_seconds + 120.0, noting=_scored, curve=False)
            runs.append({"system": algorithm} | run)
            tell(runs[-1])
            print(f"    {POINTS} points after: {runs[-1].get('points_at_second')} s", flush=True)
    return runs


def _scored(episodes: list[Episode]) -> Record:
    """When the agent had scored so many points; a game ends when one side has 21."""
    points = 0.0
    for second, step, score in episodes:
        points += 21 + min(score, 0)
        if points >= POINTS:
            return {"points_at_second": second, "points_at_step": step}
    return {"points_at_second": None, "points_at_step": None}


def first_points_findings(part: Measured) -> Iterator[Finding]:
    for system, runs in by(part, "system").items():
        seconds, steps = column(runs, "points_at_second"), column(runs, "points_at_step")
        said = f"{number(median(seconds), '.0f', ' s')}, worst {number(max(seconds), '.0f', ' s')}"
        said += f"; {number(median(steps), ',.0f', ' steps')}, worst {number(max(steps), ',.0f', ' steps')}"
        yield Finding(f"{system}: the first {POINTS} points, {len(runs)} seeds", said)


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


def _solve_part(system: str, picture: str) -> Part:
    target, pictured = WAYS[system].target, f"Pong from pixels, {system}: every seed"
    title = f"Pong until the last 100 training episodes average {target}"
    return Part(
        partial(solve, system),
        partial(solve_findings, WAYS[system]),
        partial(systems_table, title=title, policy_lag=True),
        {picture: partial(draw_scores, title=pictured, aim=target)},
    )


PARTS = {
    "throughput": Part(throughput, throughput_findings),
    "solve": _solve_part(TUNED, "pong.png"),
    "appo": _solve_part(APPO, "pong_appo.png"),
    "appo-20": _solve_part(APPO_20, "pong_20.png"),
    "84x84": _solve_part(PAPER, "pong_84x84.png"),
    "paper-network": Part(paper_network, paper_network_findings),
    "first-points": Part(first_points, first_points_findings),
    "published": Part(published, published_findings),
}


def main() -> None:
    benchmark = Benchmark("pong", PARTS)
    parser = benchmark.parser(__doc__)
    parser.add_argument("--seeds", type=int, default=5, help="of every way to solve it (%(default)s)")
    parser.add_argument("--repeats", type=int, default=3, help="repetitions of throughput (%(default)s)")
    parser.add_argument("--seconds", type=float, default=40.0, help="seconds of a throughput run (%(default)s)")
    parser.add_argument("--peer-seconds", type=float, default=30.0, help="of the peer, 0 for none (%(default)s)")
    parser.add_argument("--paper-seconds", type=float, default=25 * 60.0, help="of paper-network (%(default)s)")
    parser.add_argument("--point-seeds", type=int, default=3, help="seeds of first-points (%(default)s)")
    parser.add_argument("--point-seconds", type=float, default=120.0, help="longest of first-points (%(default)s)")
    parser.add_argument("--published-seconds", type=float, default=600.0, help="of each published run (%(default)s)")
    parser.add_argument("--peer-python", default=sys.executable, help="an interpreter with stable-baselines3")
    benchmark.run(parser.parse_args())


if __name__ == "__main__":
    main()
