"""Runs whose workers are in stations, here over pipes on this machine: from the first step to the last."""

import numpy as np
from gymnasium.vector import AutoresetMode

from a3c import IMPALA, NStepQ
from a3c.runs.metrics import read_rows
from configs_for_tests import PLAIN
from environments_for_tests import Bandit, Endless, vector_of

# Every row is a step, so that the steps tell how many segments there were.
ENDLESS = vector_of(Endless, AutoresetMode.SAME_STEP)
SMALL = {"envs_per_worker": 8, "segment_length": 8, "learning_rate": 0.02, "hidden": (16,), "seed": 0}
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
