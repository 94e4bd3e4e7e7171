"""An algorithm of your own: A3C whose workers learn from each segment more than once.

    python own_algorithm.py                                                    from Python
    a3c train CartPole-v1 --algorithm own_algorithm:REPLAY --replays 3         from the command line, in this folder

An Algorithm is a value: what sets it apart, its own settings, and the loop of its workers. All else (processes, limits,
checkpoints, resuming, flags, help) it has from a3c. Prints the return of 20 episodes, before and after it was loaded.
"""

from dataclasses import dataclass

import numpy as np

import a3c
from a3c.algorithm import Algorithm, OwnSettings
from a3c.config.schedules import entropy_coefficient_at, epsilon_at, learning_rate_at
from a3c.config.setting import setting
from a3c.gradient import make_gradient
from a3c.learning.diagnostics import norm_of
from a3c.roles.worker import Worker


@dataclass(frozen=True)
class ReplaySettings(OwnSettings):
    """What this algorithm has beside the settings of all."""

    replays: int = setting(2, at_least=1)
    """How often each segment is learned from."""


def run(worker: Worker) -> None:
    """A worker's whole life: as A3C's, but for the inner loop."""
    config, store, own = worker.config, worker.store, worker.config.own
    assert isinstance(own, ReplaySettings)
    gradient_of = make_gradient(worker.policy, config)
    while worker.running():
        step = store.total("steps")
        snapshot = store.read()
        segment, episodes = worker.collector.collect(snapshot, epsilon_at(config, worker.index, step))
        worker.record(segment, episodes)
        for _ in range(own.replays):
            gradient, diagnostics = gradient_of(snapshot, segment, entropy_coefficient_at(config, step))
            gradient, diagnostics = np.asarray(gradient), np.asarray(diagnostics)
            rate = learning_rate_at(config, step) / own.replays
            lag = store.learn(gradient, norm_of(diagnostics), rate, snapshot.version)
            worker.learned(lag, diagnostics)
            snapshot = store.read()


REPLAY = Algorithm("replay", "A3C that learns from each segment more than once", "none", run, settings=ReplaySettings)

if __name__ == "__main__":
    agent = a3c.Agent("CartPole-v1", algorithm=REPLAY, replays=2, seed=1)
    agent.learn(progress=True)
    print(agent.evaluate(episodes=20))
    agent.save("replay.safetensors")
    print(a3c.load("replay.safetensors", algorithm=REPLAY).evaluate(episodes=20))
