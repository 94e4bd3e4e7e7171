"""What is measured of stations."""

import numpy as np
import pytest

from a3c.environments.spaces import Layout
from a3c.sharing.stations import Stations
from a3c.training.stations import StationMeasures

LAYOUT = Layout((1,), np.dtype(np.float32), (), np.dtype(np.int64), ())


class Clock:
    """Of a run that has gone on for ten seconds, after 1000 steps before."""

    def mean_rate(self, steps):
        return (steps - 1000) / 10


@pytest.fixture
def stations():
    """Of three one has answered, one of these was replaced before."""
    stations = Stations(3, LAYOUT)
    assert stations.claim(1, ["a", "b"]) == "a"
    stations.add(1, steps=500, lag=6.0, lagged=4, bytes=2000, restarts=1, worker_restarts=2)
    stations.answers(1, "there", 4)
    return stations


def test_a_summary_has_those_that_have_answered(stations):
    (one,) = StationMeasures(stations, Clock(), 1000).summary()
    assert one == {
        "host": "there", "workers": 4, "steps": 500, "steps_per_second": 50.0, "policy_lag": 1.5,
        "bytes_per_step": 4.0, "restarts": 1, "worker_restarts": 2,
    }  # fmt: skip


def test_a_row_says_how_many_work_and_how_often_one_was_replaced(stations):
    measures = StationMeasures(stations, Clock(), 1000)
    row = measures.row()
    assert (row["stations"], row["station_restarts"], measures.working) == (1, 1, 1)
    assert row["station_bytes_per_second"] > 0
    assert measures.row()["station_bytes_per_second"] == 0


def test_no_two_stations_have_one_place_until_one_leaves(stations):
    assert stations.claim(0, ["a", "b"]) == "b"
    assert stations.claim(2, ["a", "b"]) is None
    stations.leave(1)
    assert stations.claim(2, ["a", "b"]) == "a"
    assert stations.working == 0


def test_of_a_run_on_one_machine_nothing_is_said():
    measures = StationMeasures(None, Clock(), 0)
    assert (measures.row(), measures.summary(), measures.working) == ({}, [], None)
