"""What a cluster costs, all of it on this machine: over pipes, and on two nodes of Ray where that is installed.

    python benchmarks/cluster.py                        all parts, about half an hour on two cores
    python benchmarks/cluster.py --only learning --seeds 4

`learning`: steps until the mean of 100 episodes of CartPole-v1 is 475, by two workers here and by two stations of one.
`overhead`: processor time a step of a run and all its processes, here and over pipes, in pairs.
`sizes`: bytes a step of segments, as they are and as they travel, and what packing takes.
`saturation`: steps a second that one relay takes in of stations that send recorded segments as fast as they can.
`learner`: what a step takes of IMPALA's learner, from recorded segments that are there at once, and of a worker.
Nothing here goes over a network, and no figure says how much faster two machines are.
"""

import argparse
import statistics
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import psutil
from rich.console import Console
from rich.table import Table

import a3c
import report
from a3c.cluster.packing import Packing, unpacked
from a3c.rollout.collector import Collector
from a3c.training.progress import FinishedEpisode
from benchmark import ROOT, some_of
from cluster_limits import TASKS, installed_of, learner, learner_table, saturation, saturation_table
from measure import Record, machine

AGENTS: dict[str, Any] = {"impala": a3c.IMPALA, "appo": a3c.APPO, "a3c": a3c.A3C}
MOST = 600_000
"""Steps of a run that has not reached the target, which count for it."""
PIPES: dict[str, Any] = {"cluster": "pipes", "stations": 2, "workers_per_station": 1}
PLACES = ("here", "pipes", "ray")


class Look(a3c.Callback):
    """The step at which a target was reached first, where the run is to end; and what a step takes of processors."""

    def __init__(self, target: float | None = None):
        self._target, self._returns = target, deque[float](maxlen=100)
        self.reached: int | None = None
        self._samples: list[tuple[int, float]] = []

    def on_episodes(self, training: a3c.Training, episodes: list[FinishedEpisode]) -> None:
        for episode in episodes:
            self._returns.append(episode.return_)
            full = self._target is not None and len(self._returns) == 100
            if full and self.reached is None and statistics.fmean(self._returns) >= (self._target or 0.0):
                self.reached = episode.step
                training.stop("at its target")

    def on_report(self, training: a3c.Training) -> None:
        self._samples.append((training.steps, _processor_seconds()))

    @property
    def microseconds(self) -> float | None:
        """Of processors, a step, of this process and all that it has started, between two reports."""
        if len(self._samples) < 2:
            return None
        # What has ended by the last report is in no sum any more.
        (steps, before), (more, after) = self._samples[0], max(self._samples, key=lambda sample: sample[1])
        return (after - before) / max(more - steps, 1) * 1e6


def _processor_seconds() -> float:
    """Of this process and those that it has started."""
    total = 0.0
    for process in [psutil.Process(), *psutil.Process().children(recursive=True)]:
        try:
            times = process.cpu_times()
        except psutil.Error:
            continue
        total += times.user + times.system
    return total


@contextmanager
def ray_cluster(wanted: bool) -> Iterator[str | None]:
    """The address of one of two nodes on this machine; None where Ray is not installed, or not wanted."""
    if not wanted:
        yield None
        return
    try:
        from ray.cluster_utils import Cluster
    except ImportError:
        print("Ray is not installed: left out")
        yield None
        return
    cluster = Cluster(initialize_head=True, connect=False, head_node_args={"num_cpus": 1, "include_dashboard": False})
    try:
        cluster.add_node(num_cpus=1)
        yield cluster.address
    finally:
        cluster.shutdown()


def learning(flags: argparse.Namespace) -> list[Record]:
    runs = []
    with ray_cluster("ray" in flags.places) as address:
        places: dict[str, Any] = {"here": {"workers": 2}, "pipes": PIPES, "ray": PIPES | {"cluster": address}}
        places = {place: places[place] for place in flags.places if place != "ray" or address is not None}
        for algorithm in flags.algorithms:
            for seed in range(1, flags.seeds + 1):
                for place, settings in places.items():
                    look = Look(475.0)
                    alike: dict[str, Any] = {"seed": seed, "evaluate_every": 0, "stop_when_solved": False}
                    agent = AGENTS[algorithm]("CartPole-v1", **alike, **settings)
                    summary = agent.learn(steps=MOST, callback=look).summary
                    runs.append(
                        {
                            "algorithm": algorithm,
                            "place": place,
                            "seed": seed,
                            "steps_to_target": look.reached,
                            "policy_lag": summary["policy_lag"],
                            "training_seconds": summary["training_seconds"],
                            "startup_seconds": summary["startup_seconds"],
                        }
                    )
                    print(f"  {runs[-1]}", flush=True)
    return runs


def learning_table(runs: list[Record]) -> Table:
    table = Table(
        "algorithm", "place", "reached", "steps, median", "worst", "to here", "lag", "start, s", "training, s"
    )
    here: dict[str, float] = {}
    for algorithm, place in dict.fromkeys((run["algorithm"], run["place"]) for run in runs):
        some = [run for run in runs if (run["algorithm"], run["place"]) == (algorithm, place)]
        steps = [run["steps_to_target"] or MOST for run in some]
        middle = statistics.median(steps)
        here.setdefault(algorithm, middle)
        lag, start, seconds = (
            statistics.median(run[name] or 0.0 for run in some)
            for name in ("policy_lag", "startup_seconds", "training_seconds")
        )
        table.add_row(
            *(algorithm, place, f"{sum(run['steps_to_target'] is not None for run in some)} of {len(some)}"),
            *(f"{middle:,.0f}", f"{max(steps):,}", f"{middle / here[algorithm]:.2f}"),
            *(f"{lag:.1f}", f"{start:.1f}", f"{seconds:.1f}"),
        )
    return table


def overhead(flags: argparse.Namespace) -> list[Record]:
    runs = []
    for task, environment, recipe, steps in installed_of(flags.tasks):
        for algorithm in flags.algorithms:
            for seed in range(1, flags.pairs + 1):
                for place, settings in (("here", {"workers": 2}), ("pipes", PIPES)):
                    look = Look()
                    alike: dict[str, Any] = {
                        "seed": seed,
                        "evaluate_every": 0,
                        "stop_when_solved": False,
                        "report_interval": 0.5,
                    }
                    agent = AGENTS[algorithm](environment, **alike, **recipe, **settings)
                    summary = agent.learn(steps=steps, callback=look).summary
                    stations = summary.get("stations", [])
                    runs.append(
                        {
                            "task": task,
                            "algorithm": algorithm,
                            "place": place,
                            "seed": seed,
                            "microseconds_per_step": look.microseconds,
                            "steps_per_second": summary["steps_per_second"],
                            "policy_lag": summary["policy_lag"],
                            "bytes_per_step": stations[0]["bytes_per_step"] if stations else None,
                        }
                    )
                    print(f"  {runs[-1]}", flush=True)
    return runs


def overhead_table(runs: list[Record]) -> Table:
    table = Table(
        "task", "algorithm", "us a step here", "over pipes", "more, median", "bytes a step", "lag here", "pipes"
    )
    for task, algorithm in dict.fromkeys((run["task"], run["algorithm"]) for run in runs):
        some = [run for run in runs if (run["task"], run["algorithm"]) == (task, algorithm)]
        here, pipes = ([run for run in some if run["place"] == place] for place in ("here", "pipes"))
        times = [(a["microseconds_per_step"], b["microseconds_per_step"]) for a, b in zip(here, pipes, strict=True)]
        times = [(a, b) for a, b in times if a and b]
        if not times:
            continue
        table.add_row(
            *(task, algorithm, f"{statistics.median(a for a, _ in times):,.1f}"),
            *(
                f"{statistics.median(b for _, b in times):,.1f}",
                f"{statistics.median(b / a - 1 for a, b in times):+.0%}",
            ),
            f"{statistics.median(run['bytes_per_step'] for run in pipes):,.0f}",
            *(f"{statistics.median(run['policy_lag'] for run in some):.1f}" for some in (here, pipes)),
        )
    return table


def sizes(flags: argparse.Namespace) -> list[Record]:
    """Of segments that an untrained policy has collected, less the first ten, on their way."""
    runs = []
    for task, environment, recipe, _ in installed_of(flags.tasks):
        agent = a3c.IMPALA(environment, seed=1, **recipe)
        config, work = agent.config, agent._work
        vector = work.environments.make_vector(config.environments_each)
        collector = Collector(vector, work.policy, config, np.random.SeedSequence(1))
        segments = [collector.collect(agent.snapshot)[0] for _ in range(30)][10:]
        vector.close()
        steps = sum(int(segment.mask.sum()) for segment in segments)
        for name, link in (("newest frames", float("inf")), ("compressed", 1.0)):
            packing = Packing()
            packing.pack(segments[0], link)
            began = time.process_time()
            packed = [packing.pack(segment, link) for segment in segments]
            then = time.process_time()
            for one in packed:
                unpacked(one)
            runs.append(
                {
                    "task": task,
                    "packed": name,
                    "whole_bytes_per_step": round(sum(a.nbytes for s in segments for a in s if a is not None) / steps),
                    "bytes_per_step": round(sum(one.size for one in packed) / steps),
                    "pack_microseconds_per_step": round((then - began) / steps * 1e6, 1),
                    "unpack_microseconds_per_step": round((time.process_time() - then) / steps * 1e6, 1),
                }
            )
            print(f"  {runs[-1]}", flush=True)
    return runs


def sizes_table(runs: list[Record]) -> Table:
    table = Table("task", "packed", "whole, bytes a step", "bytes a step", "pack, us a step", "unpack, us a step")
    for run in runs:
        table.add_row(run["task"], run["packed"], *(f"{run[name]:,}" for name in list(run)[2:]))
    return table


PARTS = {
    "learning": (learning, learning_table),
    "overhead": (overhead, overhead_table),
    "sizes": (sizes, sizes_table),
    "saturation": (saturation, saturation_table),
    "learner": (learner, learner_table),
}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False
    )
    parser.add_argument("--only", type=some_of("part", PARTS), default=",".join(PARTS), help="parts, of %(default)s")
    parser.add_argument(
        "--algorithms", type=some_of("algorithm", AGENTS), default=",".join(AGENTS), help="of %(default)s"
    )
    parser.add_argument(
        "--places", type=some_of("place", PLACES), default=",".join(PLACES), help="of learning, of %(default)s"
    )
    parser.add_argument("--tasks", type=some_of("task", TASKS), default=",".join(TASKS), help="of %(default)s")
    parser.add_argument("--seeds", type=int, default=4, help="of learning (default: %(default)s)")
    parser.add_argument("--pairs", type=int, default=3, help="of overhead (default: %(default)s)")
    parser.add_argument("--output", type=Path, default=ROOT / "benchmarks" / "results" / "cluster.json")
    flags = parser.parse_args()
    for name in flags.only:
        print(f"{name}:", flush=True)
        measure, table = PARTS[name]
        before, runs = machine(), measure(flags)
        # Only now, as other parts may have been measured beside this one.
        results = report.load(flags.output)
        results[name] = {"machine": before, "runs": runs}
        report.save(results, {part: lambda measured: iter(()) for part in results}, flags.output)
        Console().print(table(results[name]["runs"]))


if __name__ == "__main__":
    main()
