"""`a3c runs`, `a3c plot` by groups, and `a3c compare`, over run folders written by hand."""

import json
import shutil

import pytest
from run_folders import write_run

from a3c.runs.lock import locked


@pytest.fixture
def runs(tmp_path):
    """Two learning rates of four seeds each, which differ, and a run that was killed in a folder below."""
    for rate, levels in ((0.01, (95, 96, 97, 98)), (0.001, (40, 50, 60, 70))):
        for seed, level in enumerate(levels, start=1):
            folder = tmp_path / "runs" / f"rate-{rate}" / f"seed-{seed}"
            write_run(folder, level=level, seed=seed, learning_rate=rate, evaluations=6)
    write_run(tmp_path / "runs" / "deep" / "down" / "killed", algorithm="impala", summary={"status": "running"})
    return tmp_path / "runs"


def table(outcome):
    return [line.split() for line in outcome.out.splitlines()[1:-1]]


def listed(command, *arguments):
    return [run["run"] for run in json.loads(command("runs", *arguments, "--json").out)]


def test_runs_are_listed_repeats_in_one_line(command, runs):
    outcome = command("runs", "--sort", "run")
    assert (outcome.status, outcome.err) == (0, "")
    assert [line[0] for line in table(outcome)] == ["runs/deep/down/killed", "runs/rate-0.001", "runs/rate-0.01"]
    assert "1 to 4" in outcome.out
    assert "4 solved" in outcome.out
    assert outcome.out.splitlines()[-1] == "9 runs, in 3 lines: --expand shows each seed"
    assert len(table(command("runs", "--expand"))) == 9


def test_statuses_are_told_apart_and_what_is_damaged_is_a_line(command, runs):
    with locked(runs / "rate-0.01" / "seed-1"):
        found = {run["run"]: run for run in json.loads(command("runs", "--json").out)}
        assert found["runs/rate-0.01/seed-1"]["status"] == "running"
    (runs / "rate-0.01" / "seed-2" / "summary.json").write_text("{")
    (runs / "rate-0.01" / "seed-3" / "config.toml").write_text("[[")
    outcome = command("runs", "--json")
    found = {run["run"]: run for run in json.loads(outcome.out)}
    assert found["runs/rate-0.01/seed-1"]["status"] == "solved"
    assert found["runs/deep/down/killed"]["status"] == "killed"
    for seed, name in ((2, "summary.json"), (3, "config.toml")):
        run = found[f"runs/rate-0.01/seed-{seed}"]
        assert run["status"] == "damaged"
        assert name in run["problem"]
    assert command("runs").err.count("damaged: ") == 2


def test_copies_that_a_logger_made_are_no_runs(command, runs):
    run, copies = runs / "rate-0.01" / "seed-1", runs / "mlruns" / "1" / "artifacts"
    (copies / "checkpoints").mkdir(parents=True)
    for name in ("config.toml", "summary.json"):
        shutil.copy(run / name, copies)
    assert len(listed(command)) == 9


def test_a_running_run_shows_its_last_row_of_metrics(command, runs):
    with locked(runs / "deep" / "down" / "killed"):
        summary = runs / "deep" / "down" / "killed" / "summary.json"
        summary.write_text(json.dumps(json.loads(summary.read_text()) | {"steps": 7}))
        (run,) = json.loads(command("runs", "--status", "running", "--json").out)
    assert run["steps"] == 4000


def test_runs_are_filtered_and_sorted(command, runs):
    assert len(listed(command, "--where", "learning_rate=1e-2")) == 4
    assert listed(command, "--where", "learning_rate=0.01", "seed=2") == ["runs/rate-0.01/seed-2"]
    assert listed(command, "--algorithm", "impala") == listed(command, "--status", "killed")
    assert listed(command, "--environment", "Pendulum*") == []
    assert listed(command, "--sort", "evaluated")[:2] == ["runs/deep/down/killed", "runs/rate-0.01/seed-4"]
    assert command("runs", "--status", "failed").err == "none of 9 runs in runs is such a one\n"


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["runs", "nowhere"], "a3c runs: there is no folder nowhere"),
        (["runs", "--where", "lr=1"], "have no setting 'lr'; it is called 'learning_rate' here"),
        (["runs", "--where", "seed"], "--where seed: give a setting and its value"),
        (["plot", "runs", "--by", "colour"], "--by colour: these runs have no such setting"),
        (["compare", "runs/rate-0.01"], "are one group (they differ in nothing but the seed)"),
        (["compare", "runs/rate-0.01/seed-1"], "runs/rate-0.01/seed-1 is one run: name another to compare it with"),
        (["plot", "runs/deep/down/killed", "--what", "evaluation"], "was not evaluated while it trained"),
        (["compare"], "name at least one run folder"),
        (["report", "runs", "-o", "no/where.html"], "--output no/where.html: there is no folder no"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_mistakes_give_one_line(command, runs, arguments, line):
    outcome = command(*arguments)
    assert outcome.status == 2
    assert line in outcome.err
    assert outcome.err.count("\n") == 1


def test_plot_groups_by_what_differs_and_draws_evaluations_where_all_have_them(command, runs, tmp_path):
    shutil.rmtree(runs / "deep")
    assert command("plot", "runs", "-o", "a.svg") == (0, "a.svg\n", "")
    picture = (tmp_path / "a.svg").read_text()
    words = ["learning_rate 0.01: median of 4 runs", "learning_rate 0.001: median of 4 runs", "between the quartiles"]
    words += ["mean return when evaluated", "environment steps"]
    assert [word for word in words if f"<!-- {word} -->" not in picture] == []
    more = ["--by", "algorithm", "--x", "seconds", "--what", "training"]
    assert command("plot", "runs", *more, "-o", "b.svg").status == 0
    picture = (tmp_path / "b.svg").read_text()
    words = ["median of 8 runs", "seconds since the start", "mean return of the last 100 episodes"]
    assert [word for word in words if f"<!-- {word} -->" not in picture] == []


def test_compare_says_what_differs_and_whether_it_is_more_than_chance(command, runs):
    outcome = command("compare", "runs/rate-0.001", "runs/rate-0.01")
    assert (outcome.status, outcome.err) == (0, "")
    lines = [line.split() for line in outcome.out.splitlines()]
    assert ["learning_rate", "0.001", "0.01"] in lines
    assert not any(line[:1] == ["gamma"] for line in lines)
    assert ["reached", "the", "target", "0", "of", "4", "4", "of", "4"] in lines
    sentence = "4 seeds each: learning_rate 0.01 is better than learning_rate 0.001, probability 1.00 [1.00, 1.00]"
    assert f"evaluated: {sentence}" in outcome.out
    assert outcome == command("compare", "runs/rate-0.001", "runs/rate-0.01")
    shutil.rmtree(runs / "rate-0.01" / "seed-4")
    shutil.rmtree(runs / "rate-0.001" / "seed-4")
    found = json.loads(command("compare", "runs/rate-0.001", "runs/rate-0.01", "--json").out)
    assert [verdict["differs"] for verdict in found["verdicts"]] == [False] * 3
    assert "3 seeds each can't tell learning_rate 0.01" in found["verdicts"][0]["sentence"]
    assert "train 4 seeds of each" in found["verdicts"][0]["sentence"]


def test_where_much_differs_groups_are_called_as_their_folders(command, runs):
    much = {"gamma": 0.9, "gae_lambda": 0.8, "hidden": (4,), "learning_rate": 0.1}
    write_run(runs / "other" / "seed-1", level=50.0, **much)
    groups = json.loads(command("compare", "runs/rate-0.01", "runs/other", "--json").out)["groups"]
    assert [group["name"] for group in groups] == ["rate-0.01", "other"]
    groups = json.loads(command("compare", "runs/rate-0.01", "runs/other", "--by", "gamma", "--json").out)["groups"]
    assert [group["name"] for group in groups] == ["gamma 0.99", "gamma 0.9"]


def test_what_has_not_ended_is_left_out_of_a_comparison(command, runs):
    outcome = command("compare", "runs/rate-0.01", "runs/deep")
    assert outcome.status == 2
    assert "no run of impala has ended yet" in outcome.err
