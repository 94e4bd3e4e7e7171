"""Runs that older versions left behind: for ever they are evaluated, plotted, loaded, continued and repeated.

Each folder in `golden` was written by a version that had this schema; nothing in it is ever changed, and the next
schema gets a folder beside it. What is asserted here is what that version said of its runs.
"""

import csv
import json
import shutil
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

import a3c

GOLDEN = Path(__file__).parents[1] / "golden"


class Said(NamedTuple):
    """Of a run, by the version that wrote it."""

    best: float
    """Greedy mean return of five episodes, of the best checkpoint."""
    latest: float
    observation: list[float]
    value: float
    """Of the observation, by the best checkpoint."""
    value_of_latest: float
    action: float
    state: list[float] | None = None
    """What is remembered of the observation."""


RUNS = {
    "schema-1/a3c-cartpole": Said(124.0, 121.2, [0.1, -0.2, 0.03, 0.4], 20.613808, 22.553991, 1),
    "schema-1/impala-cartpole": Said(269.2, 49.2, [0.1, -0.2, 0.03, 0.4], 1.8946147, 4.4371376, 1),
    "schema-1/a2c-pendulum": Said(-105.67947, -104.93987, [0.8, 0.6, -0.5], 0.32176948, 0.24878092, -0.06834617),
    "schema-1/gru-cartpole": Said(
        32.4, 10.2, [0.1, 0.03], 11.395578, 10.778776, 1, [0.9911723, 0.99558765, 0.99628943]
    ),
    "schema-2/ga3c-cartpole": Said(161.6, 68.2, [0.1, -0.2, 0.03, 0.4], 2.0299506, 2.7310615, 1),
    "schema-2/gru-pendulum": Said(
        *(-133.08134, -133.11819, [0.8, 0.6, -0.5], 0.12048543, 0.056511462, 0.01349638),
        [-0.04810153, -0.11781848, -0.26432145],
    ),
    "schema-2/impala-pendulum": Said(-122.66781, -122.63782, [0.8, 0.6, -0.5], 0.17237897, 0.13640316, 0.08514798),
    # Of two processes, and solved.
    "schema-3/a3c-cartpole": Said(136.6, 125.0, [0.1, -0.2, 0.03, 0.4], 25.314121, 27.63681, 1),
    "schema-3/impala-cartpole": Said(16.6, 19.4, [0.1, -0.2, 0.03, 0.4], 1.3214781, 1.5908544, 0),
    "schema-3/lstm-pendulum": Said(
        *(-117.47326, -117.48897, [0.8, 0.6, -0.5], -0.063562505, -0.08776886, 0.03553386),
        [0.0692094, 0.1254066, 0.02892786, 0.166972, 0.18816905, 0.07118497],
    ),
    "schema-4/a3c-cartpole": Said(144.8, 149.4, [0.1, -0.2, 0.03, 0.4], 1.1840427, 1.2365317, 1),
}


@pytest.fixture(params=RUNS)
def golden(request) -> Path:
    return GOLDEN / request.param


@pytest.fixture
def run(golden, tmp_path) -> Path:
    """A copy, that may be written to."""
    return shutil.copytree(golden, tmp_path / "run")


def said(golden: Path) -> Said:
    return RUNS[golden.relative_to(GOLDEN).as_posix()]


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_every_golden_run_is_tried():
    assert {path.parent.relative_to(GOLDEN).as_posix() for path in GOLDEN.rglob("config.toml")} == set(RUNS)


def test_it_plays_as_it_did(command, golden):
    for which in ("best", "latest"):
        outcome = command("evaluate", golden, "--episodes", "5", "--json", "--checkpoint", which)
        assert outcome.status == 0
        # A decision on the edge may fall otherwise on another machine.
        assert json.loads(outcome.out)["mean"] == pytest.approx(getattr(said(golden), which), rel=0.05)


def value_of_network(agent, observation):
    """As it was noted: in rewards as they were learned from, divided by their deviation where that was set."""
    divisor = agent.snapshot.return_deviation if agent.config.rewards_are_normalized else 1.0
    return agent.value(observation) / divisor


def test_python_loads_it_and_it_thinks_as_it_did(golden, tmp_path):
    known, agent = said(golden), a3c.load(golden)
    observation = np.array(known.observation, np.float32)
    action, state = agent.predict(observation)
    assert action == pytest.approx(known.action, rel=1e-4)
    assert state is None if known.state is None else state == pytest.approx(known.state, rel=1e-4)
    assert value_of_network(agent, observation) == pytest.approx(known.value, rel=1e-4)
    latest = a3c.load(golden / "checkpoints" / "latest.safetensors")
    assert value_of_network(latest, observation) == pytest.approx(known.value_of_latest, rel=1e-4)
    agent.save(tmp_path / "again.safetensors")
    assert a3c.load(tmp_path / "again.safetensors").value(observation) == agent.value(observation)


def test_it_is_continued(command, run):
    before = {name: rows(run / name) for name in ("episodes.csv", "metrics.csv")}
    summary = json.loads((run / "summary.json").read_text())
    steps = summary["steps"] + 48
    assert command("train", "--resume", run, "--steps", steps, "--no-progress") == (0, "", "")
    now = json.loads((run / "summary.json").read_text())
    assert now["steps"] >= steps
    assert now["updates"] > summary["updates"]
    assert (now["seed"], now["solved_at_step"]) == (summary["seed"], summary["solved_at_step"])
    assert now["episodes"] == len(rows(run / "episodes.csv"))
    for name, kept in before.items():
        continued = rows(run / name)
        assert [{column: row[column] for column in old} for row, old in zip(continued, kept, strict=False)] == kept
        assert len(continued) > len(kept) or name == "episodes.csv"
    assert (run / "curve.png").stat().st_size > 10_000


# `--resume` reads that file of the others too.
@pytest.mark.parametrize("golden", ["schema-1/a3c-cartpole", "schema-1/a2c-pendulum"], indirect=True)
def test_it_is_repeated_from_its_config(command, golden, tmp_path):
    config = golden / "config.toml"
    # To the end of the first episodes: a limit on steps would anneal faster.
    assert command("train", "--config", config, "--episodes", "3", "--run", "again", "--no-progress") == (0, "", "")
    again, first = rows(tmp_path / "again" / "episodes.csv")[:3], rows(golden / "episodes.csv")[:3]
    assert len(again) == 3
    for row, expected in zip(again, first, strict=True):
        for name in ("step", "worker", "length"):
            assert row[name] == expected[name]
        assert float(row["return"]) == pytest.approx(float(expected["return"]), rel=1e-3)


@pytest.mark.parametrize("how", [[], ["--mean"]], ids=str)
def test_they_are_plotted(command, tmp_path, how):
    outcome = command("plot", *(GOLDEN / name for name in RUNS), *how, "-o", "all.png")
    assert (outcome.status, outcome.err) == (0, "")
    assert (tmp_path / "all.png").stat().st_size > 10_000


@pytest.mark.parametrize("golden", ["schema-1/a3c-cartpole"], indirect=True)
def test_columns_of_another_version_and_of_the_users_stay_with_their_values(command, run):
    """They stand elsewhere, one that this version writes is not there, and one that it does not know is."""
    left_out, before = "entropy_coefficient", {}
    for name in ("episodes.csv", "metrics.csv"):
        found = [{"mine": f"{number}.5", **row} for number, row in enumerate(rows(run / name))]
        columns = [column for column in reversed(found[0]) if column != left_out]
        before[name] = [columns, *([row[column] for column in columns] for row in found)]
        with (run / name).open("w", newline="") as file:
            csv.writer(file, lineterminator="\n").writerows(before[name])
    steps = json.loads((run / "summary.json").read_text())["steps"]
    assert command("train", "--resume", run, "--steps", steps + 400, "--no-progress") == (0, "", "")
    for name, (columns, *kept) in before.items():
        added = [left_out] if name == "metrics.csv" else []
        with (run / name).open(newline="") as file:
            header, *continued = csv.reader(file)
        assert header == columns + added
        assert continued[: len(kept)] == [row + [""] * len(added) for row in kept]
        new = rows(run / name)[len(kept) :]
        assert new
        assert {row["mine"] for row in new} == {""}
        assert all(int(row["steps" if name == "metrics.csv" else "step"]) > steps for row in new)
    assert rows(run / "metrics.csv")[-1][left_out] == "0.01"
