"""Recorded segments in place of workers, for `cluster_limits.py`; started processes import this module by its name."""

import pickle
import time
from typing import Any

from a3c.cluster import engine
from a3c.cluster.delivery import Delivery
from a3c.cluster.station import Station
from a3c.processes.starting import prepare_worker
from a3c.roles.messages import Task

RECORDED = 30
"""Segments, besides those before them, of which the first take longer."""
BEFORE = 3
SECONDS = 5.0
"""For which a learner learns from them, again and again."""


def serve_recorded(connection: Any, versions: dict[str, str], task: bytes) -> None:
    """A station for as long as it takes to record what it delivers, which it then delivers again and again: what a
    relay has to take in, and nothing else."""
    engine.end_with_parent()
    station = Station(pickle.loads(task))
    delivered: Delivery | None = None
    try:
        while True:
            asked = connection.recv()
            if delivered is None:
                now = station.exchange(*asked)
                if len(now.segments) > 0 and not now.reports:
                    station.close()
                    delivered = now
                connection.send(now)
            else:
                delivered.clock, delivered.ended = time.monotonic(), asked[1].ends
                connection.send(delivered)
    except (EOFError, OSError):
        return


def learn_recorded(connection: Any, task: Task, work: bytes) -> None:
    """Sends the seconds that a step takes of a worker that collects it, and of a learner for whom all are there."""
    engine.end_with_parent()
    prepare_worker()
    import numpy as np

    from a3c.algorithms import impala
    from a3c.roles.learner import Learner
    from a3c.roles.worker import Work
    from a3c.rollout.collector import Collector

    unpacked = Work.unpack(work)
    role = Learner(task, unpacked, lambda report: None)
    train, config = impala.duties(role).work["trainer"], task.config
    vector = unpacked.environments.make_vector(config.environments_each)
    collector = Collector(vector, unpacked.policy, config, np.random.SeedSequence(1))
    for _ in range(BEFORE):
        collector.collect(role.latest)
    began = time.perf_counter()
    segments = [collector.collect(role.latest)[0] for _ in range(RECORDED)]
    acting = (time.perf_counter() - began) / (RECORDED * config.segment_size)
    vector.close()
    batches, learning = 0, 0.0
    while learning < SECONDS:
        for number in range(config.segments_per_batch):
            place = (batches * config.segments_per_batch + number) % RECORDED
            role.exchange.queue.put(segments[place], role.latest.version)
        began = time.perf_counter()
        train(1.0)
        learning += time.perf_counter() - began if batches >= BEFORE else 0.0
        batches += 1
    steps = (batches - BEFORE) * config.segments_per_batch * config.segment_size
    connection.send((acting, learning / steps))
