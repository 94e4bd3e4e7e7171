"""Runs that go on although something goes wrong in them."""

import csv
import re

from a3c_command import SMALL

from a3c.runs.folder import RunFolder
from a3c.runs.metrics import read_rows


def test_workers_whose_environments_raise_and_hang_are_replaced(command, own_environments):
    (own_environments / "log").mkdir()
    outcome = command(
        "train", "odd_environments:Faults-v0", *SMALL, "--algorithm", "random", "--steps", "10_000", "--workers", "2",
        "--run", "run", "--step-timeout", "2", "--env-kwargs", "log", own_environments / "log",
    )  # fmt: skip
    assert (outcome.status, outcome.err) == (0, "")
    said = [line for line in outcome.out.splitlines() if "has taken its place" in line]
    folder = RunFolder(own_environments / "run")
    summary = folder.summary()
    assert len(said) == summary["worker_restarts"] == 2
    assert "; where that is no fault, raise --step-timeout from 2 s; another has taken its place" in "".join(said)
    (error,) = folder.errors.iterdir()
    assert 'raise RuntimeError("the wheel came off")' in error.read_text()
    assert f"RuntimeError: the wheel came off; another has taken its place (run/errors/{error.name})" in "".join(said)
    with folder.events_path.open(newline="") as file:
        events = list(csv.DictReader(file))
    assert [event["event"] for event in events] == ["replaced"] * 2
    assert all(int(event["step"]) > 0 and event["worker"] in "01" for event in events)
    assert {re.sub(r" \d+ s \(.*", "", event["what"]) for event in events} == {
        "RuntimeError: the wheel came off",
        "its environment has not finished a step for",
    }
    assert len(read_rows(folder.episodes_path)) == summary["episodes"] > 0
    # One that is begun anew has a history of its own.
    folder.clear_events()
    assert not folder.events_path.exists()
    assert not list(folder.errors.iterdir())
