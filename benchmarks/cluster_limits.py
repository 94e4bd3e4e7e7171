"""What one relay and one learner carry at most, for `cluster.py`: simulated with recorded segments.

Beside them there are no workers that would have to be fast enough, nor a second machine.
"""

import argparse
import threading
import time
from collections.abc import Iterator
from multiprocessing import Pipe
from typing import Any

from rich.table import Table

import a3c
from a3c.cluster.engine import PipesEngine
from a3c.cluster.relay import Relay
from a3c.processes.starting import kill, start
from a3c.training.training import _make_tasks
from benchmark import installed
from measure import Record
from recorded_stations import learn_recorded, serve_recorded

TASKS: dict[str, tuple[str, dict[str, Any], int]] = {
    "cartpole": ("CartPole-v1", {}, 1_500_000),
    "halfcheetah": ("HalfCheetah-v5", {}, 100_000),
    "pong": ("ALE/Pong-v5", {}, 40_000),
    # The recipe `Pong` plays 40x40 frames.
    "pong-84x84": ("ALE/Pong-v5", {"recipe": "pong-84x84"}, 15_000),
}
"""The environment, settings, and steps of each run."""


def installed_of(tasks: list[str]) -> Iterator[tuple[str, str, dict[str, Any], int]]:
    """Of these tasks those that can be made here: the name, environment, settings, and steps of each."""
    for task in tasks:
        if installed(TASKS[task][0]):
            yield task, *TASKS[task]


def saturation(flags: argparse.Namespace) -> list[Record]:
    """A relay, the stations and who empties the queue share the cores of this machine: the relay's own time is told
    apart by its thread."""
    runs = []
    for task, environment, recipe, _ in installed_of(flags.tasks):
        for stations in (1, 2):
            settings: dict[str, Any] = {"cluster": "pipes", "stations": stations, "workers_per_station": 1, "seed": 1}
            agent = a3c.IMPALA(environment, **settings, **recipe)
            start = agent._start
            start.config = start.config.replace(steps=10**9)
            (relaying, _), work = _make_tasks(start, agent._work.layout), agent._work.pack().pickled
            runs.append({"task": task, "stations": stations, **_saturated(relaying, work, stations)})
            print(f"  {runs[-1]}", flush=True)
    return runs


def _saturated(task: Any, work: bytes, stations: int, seconds: float = 10.0) -> Record:
    relay = Relay(task, work, lambda report: None, PipesEngine(stations, serve_recorded))
    took: dict[str, float] = {}
    thread = threading.Thread(target=relay.run)
    ask = relay._ask

    def timed() -> None:
        took["used"] = time.thread_time()
        ask()

    relay._ask = timed  # type: ignore[method-assign]
    thread.start()
    queue, store, each = task.exchange.queue, task.store, task.config.segment_size
    deadline = time.monotonic() + 60.0

    def taken(until: float, most: float = float("inf")) -> int:
        """Steps of the segments that come until then, as far as `most`."""
        steps = 0
        while time.monotonic() < until and steps < most:
            steps += 0 if queue.get(1, 0.1) is None else each
        return steps

    # Until all are recorded, and some seconds more.
    taken(deadline, 100 * each * stations)
    taken(time.monotonic() + 3.0)
    before, then = took["used"], time.monotonic()
    done = taken(then + seconds)
    own, passed = took["used"] - before, time.monotonic() - then
    store.stop()
    while thread.is_alive():
        queue.get(1, 0.1)
    return {
        "steps_per_second": round(done / passed, 1),
        "relay_microseconds_per_step": round(own / max(done, 1) * 1e6, 2),
        "steps_per_second_of_a_relay": round(done / max(own, 1e-9)),
    }


def saturation_table(runs: list[Record]) -> Table:
    table = Table("task", "stations", "steps/s", "relay, us a step", "a relay alone, steps/s")
    for run in runs:
        table.add_row(
            *(run["task"], str(run["stations"]), f"{run['steps_per_second']:,.0f}"),
            *(f"{run['relay_microseconds_per_step']:.2f}", f"{run['steps_per_second_of_a_relay']:,}"),
        )
    return table


def learner(flags: argparse.Namespace) -> list[Record]:
    """In a process with one thread of XLA, as workers and learners have on CPUs."""
    runs = []
    for task, environment, recipe, _ in installed_of(flags.tasks):
        agent = a3c.IMPALA(environment, workers=1, seed=1, backend="processes", **recipe)
        *_, learning = _make_tasks(agent._start, agent._work.layout)
        ours, theirs = Pipe()
        process = start(learn_recorded, (theirs, learning, agent._work.pack().pickled), "learner", method="spawn")
        theirs.close()
        try:
            acting, learned = ours.recv()
        finally:
            kill(process)
            process.join(1.0)
        runs.append(
            {
                "task": task,
                "worker_microseconds_per_step": round(acting * 1e6, 2),
                "learner_microseconds_per_step": round(learned * 1e6, 2),
            }
        )
        print(f"  {runs[-1]}", flush=True)
    return runs


def learner_table(runs: list[Record]) -> Table:
    table = Table(
        "task", "worker, us a step", "learner, us a step", "learner alone, steps/s", "cores of workers for it"
    )
    for run in runs:
        acting, learned = (run[f"{who}_microseconds_per_step"] for who in ("worker", "learner"))
        table.add_row(
            run["task"], f"{acting:,.1f}", f"{learned:,.1f}", f"{1e6 / learned:,.0f}", f"{acting / learned:.1f}"
        )
    return table
