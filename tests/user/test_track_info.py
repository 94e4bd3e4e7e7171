"""`track_info`: numbers of the environment's info, from episodes to files, progress and evaluations."""

import json
import math
from statistics import fmean

import pytest

import a3c
from a3c import A2C, IMPALA, RandomAgent
from a3c.cli.main import run
from a3c.runs.metrics import read_rows
from environments_for_tests import Telling

KEYS = ("is_success", "deep.steps")
SMALL = {"envs_per_worker": 2, "segment_length": 8, "hidden": (4,), "log": (), "seed": 1, "track_info": KEYS}


def told(folder, name):
    """What each row says of success and steps, where it says anything."""
    rows = read_rows(folder / name, ("steps" if name == "metrics.csv" else "step", *(f"info/{key}" for key in KEYS)))
    return [[float(cell) for cell in row[1:]] for row in rows if row[1]]


@pytest.mark.parametrize(
    ("agent", "how"),
    [(A2C, {"workers": 2}), (IMPALA, {"backend": "inline"})],
    ids=["a2c", "impala"],
)
def test_every_episode_has_what_was_told_and_the_rows_have_means(tmp_path, agent, how):
    folder = tmp_path / "run"
    result = agent(Telling, **SMALL, **how, evaluate_every=400, evaluation_episodes=4).learn(
        steps=800, seconds=120, run=folder
    )
    rows = read_rows(folder / "episodes.csv", ("step", "length", *(f"info/{key}" for key in KEYS)))
    assert len(rows) == result.summary["episodes"] > 100
    assert all(float(row[2]) == int(row[1]) % 2 and float(row[3]) == int(row[1]) for row in rows)
    means = [fmean(float(row[place]) for row in rows[-100:]) for place in (2, 3)]
    assert told(folder, "metrics.csv")[-1] == pytest.approx(means, rel=1e-5)
    assert list(result.summary["info"].values()) == pytest.approx(means)
    lengths = [float(row[1]) for row in read_rows(folder / "evaluations.csv", ("step", "length_mean"))]
    assert [steps for _, steps in told(folder, "evaluations.csv")] == pytest.approx(lengths)
    assert lengths


def test_a_resumed_run_goes_on_with_its_means_and_may_track_more(tmp_path):
    folder, lines = tmp_path / "run", []
    RandomAgent(Telling, **SMALL, backend="inline").learn(steps=300, run=folder)
    before = told(folder, "episodes.csv")
    a3c.resume(
        folder,
        environment=Telling,
        steps=360,
        track_info=(*KEYS, "nope"),
        callback=lambda now: lines.append(now.line()),
    )
    after = told(folder, "episodes.csv")
    assert after[: len(before)] == before
    assert len(before) < len(after) < 100
    means = [fmean(row[place] for row in after) for place in (0, 1)]
    assert told(folder, "metrics.csv")[-1] == pytest.approx(means, rel=1e-5)
    assert f"is_success {means[0]:.3g}  steps {means[1]:.3g}" in lines[-1]
    assert "info/nope" in (folder / "metrics.csv").read_text().splitlines()[0]
    remarks = json.loads((folder / "summary.json").read_text())["remarks"]
    assert [remark for remark in remarks if "nope: the environment's info had no such number" in remark]


def test_an_evaluation_has_them_too(tmp_path):
    agent = RandomAgent(Telling, **SMALL, backend="inline")
    evaluation = agent.evaluate(episodes=40, seed=1)
    assert evaluation.info["deep.steps"] == evaluation.lengths
    assert str(evaluation).endswith(f"; is_success {evaluation.info_means['is_success']:.4g}; deep.steps "
                                    f"{fmean(evaluation.lengths):.4g}")  # fmt: skip
    cut = agent.evaluate(episodes=2, max_episode_steps=2)
    assert all(math.isnan(number) for number in cut.info["is_success"])
    assert cut.info_means["is_success"] is None


def test_the_command_prints_them(tmp_path, capsys):
    flags = ["--algorithm", "random", "--backend", "inline", "--steps", "200", "--run", str(tmp_path / "run"), "--log"]
    tracked = ["--track-info", "is_success", "--track-info", "deep.steps", "nope"]
    assert run(["train", "environments_for_tests:Telling", *flags, *tracked]) == 0
    assert "is_success" in capsys.readouterr().out
    assert run(["evaluate", str(tmp_path / "run"), "--json", "--import-module", "environments_for_tests"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert result["info"]["deep.steps"] == pytest.approx(fmean(result["lengths"]))
    assert result["info"]["nope"] is None
