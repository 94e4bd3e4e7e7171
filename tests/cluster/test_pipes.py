"""Runs whose workers are in stations, here over pipes on this machine: from the first step to the last."""

import csv
from functools import partial

import numpy as np
import psutil
import pytest
from gymnasium.spaces import Box, Dict, Discrete
from gymnasium.vector import AutoresetMode

from a3c import A3C, IMPALA, Callback, NStepQ
from a3c.runs.metrics import read_rows
from configs_for_tests import PLAIN
from environments_for_tests import Bandit, Endless, Guess, Recall, vector_of
from masked_for_tests import masked_vectors

# Every row is a step, so that the steps tell how many segments there were.
ENDLESS = vector_of(Endless, AutoresetMode.SAME_STEP)
SMALL = {"envs_per_worker": 8, "segment_length": 8, "learning_rate": 0.02, "hidden": (16,), "seed": 0}
# By steps as large until the end, who has learned may unlearn it again.
ANNEALED = {"learning_rate_final": 0.0}
STATIONS = {"cluster": "pipes", "stations": 2, "workers_per_station": 2}


def test_all_segments_that_were_delivered_are_trained_on():
    """Segments of 64 steps, each of which is a batch."""
    result = IMPALA(ENDLESS, **SMALL, **STATIONS, min_batch=1).learn(steps=5000, seconds=120)
    steps, updates = result.summary["steps"], result.summary["updates"]
    assert steps % 64 == 0
    # Each of four workers sees the limit a moment late.
    assert 5000 <= steps < 5000 + 20 * 64
    assert updates == steps // 64
    assert result.summary["policy_lag"] > 0
    assert not result.summary["reproducible"]


def test_what_stations_learned_is_in_one_set_of_parameters(tmp_path):
    """A bandit of four arms, of which two stations learn which is best."""
    exploring = {"epsilon": (0.2,), "epsilon_final": (), "target_interval": 128, "learning_rate": 0.005}
    learning = NStepQ(Bandit, **SMALL | {"hidden": ()} | exploring, **STATIONS, **PLAIN, sync_interval=0.05)
    result = learning.learn(steps=20_000, seconds=120, run=tmp_path / "run")
    rows = read_rows(tmp_path / "run" / "episodes.csv")
    assert {row[2] for row in rows} == {"0", "1", "2", "3"}
    assert learning.predict(np.ones(1))[0] == 2
    assert result.summary["updates"] >= 20_000 // 64
    assert result.latest.optimizer_state.shape[1] == result.latest.parameters.size


def last_returns(folder):
    returns = [float(row[3]) for row in read_rows(folder / "episodes.csv")]
    return np.mean(returns[-200:])


def test_masks_travel_with_segments(tmp_path):
    """The environment raises at what is not valid, and gives 5 to who chooses the last option that is."""
    make = masked_vectors(AutoresetMode.SAME_STEP, says="observation", choices=(3, 2))
    folder = tmp_path / "run"
    learning = IMPALA(make, **SMALL, **STATIONS, **ANNEALED, anneal_steps=30_000)
    result = learning.learn(steps=30_000, seconds=120, run=folder)
    assert result.summary["status"] == "finished"
    assert sum(station["worker_restarts"] for station in result.summary["stations"]) == 0
    assert last_returns(folder) > 4.5


def test_what_is_remembered_travels_with_segments(tmp_path):
    """Who forgets the first observation gets 0.5."""
    remembers = vector_of(Recall, AutoresetMode.SAME_STEP)
    learning = IMPALA(remembers, **SMALL | {"recurrent": "gru"}, **STATIONS, **ANNEALED, anneal_steps=60_000)
    learning.learn(steps=60_000, seconds=120, run=tmp_path / "run")
    assert last_returns(tmp_path / "run") > 0.9


def test_actions_of_several_parts_are_learned_in_stations(tmp_path):
    """Random ones are worth about 0.45."""
    parts = Dict({"which": Discrete(5), "how": Box(-1, 1, (2,), np.float32)})
    learning = A3C(partial(Guess, parts), **SMALL | {"learning_rate": 0.01}, **STATIONS, **PLAIN, sync_interval=0.05)
    learning.learn(steps=40_000, seconds=120, run=tmp_path / "run")
    assert last_returns(tmp_path / "run") > 0.7


def events_of(folder):
    """Those of a run, in their order; none as long as there is no file of them."""
    path = folder / "events.csv"
    return [row["event"] for row in csv.DictReader(path.read_text().splitlines())] if path.exists() else []


class KillsRelay(Callback):
    """Kills the process that has two stations below it, once both have begun; the run ends when the next have."""

    def __init__(self, folder):
        self.folder = folder
        self.killed_at = None

    def on_report(self, training):
        begun = events_of(self.folder).count("station began")
        if self.killed_at is None and begun == 2:
            self.killed_at = training.steps
            relays = [p for p in psutil.Process().children(recursive=True) if len(p.children()) == 2]
            # The server that processes are forked from has two, too: this one was started last.
            max(relays, key=psutil.Process.create_time).kill()
        # What the queue held when it was killed is less.
        if begun == 4 and training.steps > self.killed_at + 20_000:
            training.stop("it was replaced")


@pytest.mark.parametrize("algorithm", [IMPALA, A3C])
def test_a_relay_that_is_killed_is_replaced_and_its_stations_begin_anew(algorithm, tmp_path):
    learning = algorithm(ENDLESS, **SMALL, **STATIONS | {"workers_per_station": 1}, **PLAIN, report_interval=0.2)
    folder = tmp_path / "run"
    with pytest.warns(UserWarning, match="relay 0 failed: .* another has taken its place"):
        result = learning.learn(seconds=120, run=folder, callback=KillsRelay(folder))
    assert events_of(folder) == ["station began"] * 2 + ["replaced"] + ["station began"] * 2
    assert result.summary["worker_restarts"] == 1
