"""A cluster of two nodes on this machine, of which one is lost while a run goes on, and another joins."""

import csv
import gc
import signal
import warnings

import psutil
import pytest

pytest.importorskip("ray", reason="Ray is not installed: pip install '.[cluster]'")

QUICK_HEAD = {"health_check_initial_delay_ms": 0, "health_check_period_ms": 300, "health_check_failure_threshold": 2}
"""So that a node that is lost is known to be after a second, not ten."""


@pytest.fixture
def cluster():
    from ray.cluster_utils import Cluster

    head = {"num_cpus": 1, "include_dashboard": False, "_system_config": QUICK_HEAD}
    cluster = Cluster(initialize_head=True, connect=False, head_node_args=head)
    yield cluster
    cluster.shutdown()
    with warnings.catch_warnings():
        # It leaves files and processes to be closed by whoever collects garbage, which is to be here and now.
        warnings.simplefilter("ignore")
        del cluster
        gc.collect()


def stations():
    """The processes of actors that stations are, on the nodes of this test: others may have a cluster, too."""
    ours = psutil.Process().children(recursive=True)
    return [one for one in ours if one.is_running() and "ray::_Station" in " ".join(command_line(one))]


def command_line(process):
    try:
        return process.cmdline()
    except psutil.Error:
        return []


@pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_node_that_is_lost_is_replaced_by_one_that_joins(cluster, start):
    node = cluster.add_node(num_cpus=1)
    running = start(
        "train", "CartPole-v1", "--algorithm", "impala", "--steps", "100_000_000", "--no-stop-when-solved",
        "--evaluate-every", "0", "--cluster", cluster.address, "--stations", "2", "--workers-per-station", "1",
        "--run", "run",
    )  # fmt: skip

    def count(event):
        path = running.folder.events_path
        if not path.exists():
            return 0
        with path.open() as file:
            return sum(row["event"] == event for row in csv.DictReader(file))

    running.wait_for(lambda: count("station began") == 2)
    assert len(stations()) == 2
    running.wait_for(lambda: running.steps() > 0)
    cluster.remove_node(node, allow_graceful=False)
    running.wait_for(lambda: count("station lost") >= 1)
    cluster.add_node(num_cpus=1)
    running.wait_for(lambda: count("station began") == 3)
    steps = running.steps()
    running.wait_for(lambda: running.steps() > steps)
    running.process.send_signal(signal.SIGINT)
    outcome = running.outcome()
    assert outcome.status == 130, outcome.err
    assert outcome.err == ""
    assert "another takes its place" in outcome.out
    psutil.wait_procs(stations(), timeout=10)
    assert stations() == []
