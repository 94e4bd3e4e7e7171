"""Which settings go with a cluster, and what a station makes of them."""

import pytest

from a3c.cluster.settings import of_station
from a3c.cluster.station import begin
from a3c.errors import SettingsError
from a3c.machine import versions
from a3c.processes import reaching
from a3c.processes.reaching import check_cluster
from configs_for_tests import config_with


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({"algorithm": "a2c"}, "`algorithm` a2c"),
        ({"algorithm": "ga3c"}, "`algorithm` ga3c"),
        ({"algorithm": "random"}, "`algorithm` random"),
        ({"ordered": True}, "`ordered`"),
        ({"locked": True}, "`locked`"),
        ({"backend": "inline"}, "`backend` inline"),
        ({"checkpoint_steps": 1000}, "`checkpoint_steps`"),
        ({"workers": 2}, "`workers_per_station`"),
        ({"cluster": "somewhere"}, "HOST:PORT"),
        ({"cluster": None, "stations": 2}, "`stations` is of use with `cluster` alone"),
    ],
)
def test_what_does_not_go_together_is_refused_in_a_line(settings, named):
    with pytest.raises(SettingsError) as refused:
        config_with(**{"algorithm": "a3c", "cluster": "pipes"} | settings)
    assert named in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("algorithm", ["a3c", "appo", "n-step-q", "pqn"])
def test_one_worker_on_each_of_several_machines_gives_no_one_result(algorithm):
    config = config_with(algorithm=algorithm, cluster="auto", workers_per_station=1)
    assert not config.gives_one_result
    assert not config.has_boundaries


def test_a_station_has_the_settings_of_a_run_on_its_machine():
    config = config_with(algorithm="impala", cluster="10.0.0.1:6379", stations=9, workers_per_station=3, steps=5)
    assert (config.relays, config.worker_processes, config.processes) == (2, 2, 3)
    alone = of_station(config)
    assert (alone.cluster, alone.relays, alone.workers, alone.steps) == (None, 0, 3, 5)


def test_an_address_at_which_nobody_answers_is_told_at_once():
    with pytest.raises(SettingsError, match=r"nothing answers at 127\.0\.0\.1:1: start a cluster"):
        check_cluster("127.0.0.1:1")


def test_a_machine_that_is_no_part_of_a_cluster_is_told_so(monkeypatch, tmp_path):
    monkeypatch.setattr(reaching, "CURRENT", tmp_path / "none")
    with pytest.raises(SettingsError, match="no part of a Ray cluster"):
        check_cluster("auto")


def test_without_ray_a_line_says_what_to_install(monkeypatch):
    monkeypatch.setattr(reaching, "find_spec", lambda name: None)
    with pytest.raises(SettingsError, match="needs Ray"):
        check_cluster("auto")


def test_another_version_on_a_stations_machine_is_named():
    answer = begin(versions() | {"jax": "0.1"}, b"")(None, None)
    assert answer.final
    assert "jax is " in answer.why
    assert "but 0.1 where the learner is" in answer.why
