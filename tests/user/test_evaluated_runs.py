"""Runs that are evaluated beside training: what callbacks hear, what is written, and what may go wrong with it."""

import csv
import signal
from pathlib import Path

import pytest
from odd_environments import Frames, Unmakeable, Walk

import a3c
from a3c import A3C, Callback
from a3c.errors import CheckpointError, InvalidEnvironment, SettingsError, TrainingWarning
from a3c.runs.folder import RunFolder
from a3c.training.evaluations import Evaluations

SMALL = {"envs_per_worker": 2, "segment_length": 8, "hidden": (4,), "log": (), "seed": 1}


def long_walk():
    """No episode ends in the runs here, so that a segment always has as many steps."""
    return Walk(length=200)


def walk(**settings):
    """Evaluated every 32 steps, on episodes of 5 steps with a reward of 1 each."""
    given = {"backend": "inline", "evaluate_every": 32, "evaluation_episodes": 3, "evaluation_environment": Walk}
    return A3C(long_walk, **given | SMALL | settings)


class Hearing(Callback):
    """Notes every evaluation."""

    def __init__(self):
        self.heard = []

    def on_evaluation(self, training, evaluation):
        self.heard.append(evaluation)


def rows(folder):
    return list(csv.DictReader(folder.evaluations_path.read_text().splitlines()))


def test_what_is_heard_is_what_is_written_and_the_summary_says_what_the_best_came_to(tmp_path):
    hearing = Hearing()
    result = walk().learn(steps=80, run=tmp_path / "run", callback=hearing)
    heard = [(e.purpose, e.policy, e.step, e.mean, len(e.returns)) for e in hearing.heard]
    assert heard == [
        ("interval", "greedy", 32, 5.0, 3), ("interval", "greedy", 64, 5.0, 3), ("candidate", "greedy", 80, 5.0, 3),
        ("final", "greedy", 80, 5.0, 3), ("final", "sampled", 80, 5.0, 3),
    ]  # fmt: skip
    written = [(r["purpose"], r["policy"], int(r["step"]), float(r["mean"])) for r in rows(RunFolder(tmp_path / "run"))]
    assert written == [one[:4] for one in heard]
    figure = {"step": 80, "policy": "greedy", "mean": 5.0, "std": 0.0, "min": 5.0, "max": 5.0, "episodes": 3}
    assert result.summary["best_evaluation"] == figure
    assert (result.summary["evaluations"], result.best.plays) == (5, "greedy")


def test_in_the_end_the_progress_line_says_what_the_best_came_to_as_it_is_to_be_played(command):
    flags = ["--backend", "inline", "--envs-per-worker", 2, "--segment-length", 8, "--hidden", 4, "--log"]
    done = command(
        *("train", "CartPole-v1", *flags, "--seed", 1, "--recipe", "none", "--steps", 64, "--evaluate-every", 32),
        *("--run", "run"),
    )
    assert done.status == 0
    assert "evaluating the best of the run, 20 episodes; Ctrl-C leaves that out\n" in done.out
    figure = RunFolder(Path("run")).summary()["best_evaluation"]
    assert f"  evaluated {figure['mean']:.1f}  " in done.out.splitlines()[-4]


def test_a_function_of_evaluations_stops():
    asked = []

    def twice(evaluations):
        asked.append([evaluation.step for evaluation in evaluations])
        return len(evaluations) == 2

    result = walk().learn(steps=10_000, stop_when=twice)
    assert asked[:2] == [[32], [32, 64]]
    assert (result.summary["steps"], result.stop_reason) == (64, "stop_when was true of the evaluations")


def test_what_is_true_only_when_the_run_has_ended_did_not_end_it():
    result = walk().learn(steps=80, stop_when=lambda evaluations: evaluations[-1].purpose == "final")
    assert (result.summary["status"], result.stop_reason) == ("finished", None)


async def waiting(evaluations): ...


@pytest.mark.parametrize(("given", "message"), [
    (5, "stop_when: 5 is no function of evaluations"),
    (waiting, "stop_when: waiting would do nothing when it is called, as it is async or has a yield: give an ordinary "
              "function"),
])  # fmt: skip
def test_what_is_no_function_of_evaluations_is_refused(tmp_path, given, message):
    with pytest.raises(SettingsError) as refused:
        walk().learn(steps=80, run=tmp_path / "run", stop_when=given)
    assert str(refused.value) == message
    assert list(tmp_path.iterdir()) == []


def test_what_looks_at_evaluations_needs_some():
    with pytest.raises(SettingsError, match="`stop_when` looks at evaluations, and `evaluate_every` 0 asks for none"):
        walk(evaluate_every=0).learn(steps=80, stop_when=lambda evaluations: True)


def test_what_a_callback_raises_at_an_evaluation_ends_the_run_which_is_saved(tmp_path):
    class Raising(Callback):
        def on_evaluation(self, training, evaluation):
            raise RuntimeError("not like this")

    with pytest.raises(RuntimeError, match="not like this"):
        walk().learn(steps=80, run=tmp_path / "run", callback=Raising())
    folder = RunFolder(tmp_path / "run")
    assert (folder.summary()["status"], folder.load("latest").counts["steps"]) == ("failed", 32)
    assert len(rows(folder)) == folder.load("latest").evaluations == 1


def test_training_goes_on_where_the_environment_of_evaluations_fails(tmp_path):
    agent = walk(evaluation_environment=lambda: Walk(breaks_at=5))
    with pytest.warns(TrainingWarning, match="evaluation beside training has ended: RuntimeError: the wheel") as warned:
        result = agent.learn(steps=80, run=tmp_path / "run")
    assert ["evaluation" in str(warning.message) for warning in warned].count(True) == 1
    assert (result.summary["status"], result.summary["steps"]) == ("finished", 80)
    assert (result.summary["evaluations"], result.summary["best_evaluation"]) == (0, None)
    kept = tmp_path / "run" / "errors" / "evaluator-1.txt"
    assert 'raise RuntimeError("the wheel came off")' in kept.read_text()
    assert result.summary["remarks"][-1].endswith(f"({kept})")


@pytest.mark.parametrize(("environment", "error", "message"), [
    (Frames, SettingsError, "`evaluation_environment` Frames has another observation space"),
    (Unmakeable, InvalidEnvironment, "could not be made"),
    ("Nope-v0", InvalidEnvironment, "there is no environment 'Nope-v0'"),
    (5, InvalidEnvironment, "no environment is made from a value of type int"),
])  # fmt: skip
def test_an_environment_that_nothing_can_be_evaluated_on_is_refused_at_once(environment, error, message):
    with pytest.raises(error, match=message):
        walk(evaluation_environment=environment)


def test_a_run_that_goes_on_keeps_the_rows_and_adds_its_own(tmp_path):
    walk().learn(steps=80, run=tmp_path / "run")
    result = a3c.resume(tmp_path / "run", environment=long_walk, evaluation_environment=Walk, steps=112)
    steps = [(int(row["step"]), row["purpose"]) for row in rows(RunFolder(tmp_path / "run"))]
    before = [(32, "interval"), (64, "interval"), (80, "candidate"), (80, "final"), (80, "final")]
    assert steps == [*before, (96, "interval"), (112, "candidate"), (112, "final"), (112, "final")]
    assert result.summary["evaluations"] == result.latest.evaluations == len(steps)


def short_walk():
    return Walk(length=3)


def test_a_function_that_evaluations_are_played_on_is_to_be_given_again(tmp_path, command):
    A3C("odd_environments:Walk-v0", backend="inline", evaluation_environment=short_walk, **SMALL).learn(
        steps=32, run=tmp_path / "run"
    )
    folder = RunFolder(tmp_path / "run")
    assert (folder.config().evaluation_environment, folder.load("latest").own_evaluation_environment) == (
        "short_walk",
        True,
    )
    with pytest.raises(
        CheckpointError, match=r"evaluated on short_walk, .* a3c.resume\(..., evaluation_environment=\)"
    ):
        a3c.resume(folder.path, steps=64)
    agent = a3c.load(folder.path)
    agent.predict([0.0, 0.0, 0.0])
    missing = "short_walk, a function that no file holds: give it to a3c.load as evaluation_environment="
    for use in (agent.evaluate, agent.make_environment, lambda: agent.learn(steps=8, run=tmp_path / "again")):
        with pytest.raises(SettingsError, match=missing):
            use()
    assert not (tmp_path / "again").exists()
    agent.save(tmp_path / "saved")
    with pytest.raises(SettingsError, match=missing):
        a3c.load(tmp_path / "saved").evaluate(1)
    for given, length in ((short_walk, 3), ("odd_environments:Walk-v0", 5)):
        assert a3c.load(tmp_path / "saved", evaluation_environment=given).evaluate(1).lengths == [length]
    done = command("evaluate", folder.path, "--import-module", "odd_environments")
    assert (done.status, done.out) == (2, "")
    assert missing in done.err
    assert a3c.resume(folder.path, evaluation_environment=short_walk, steps=64).latest.own_evaluation_environment


def test_repeats_are_evaluated_on_a_function_too(tmp_path):
    a3c.repeat(
        "odd_environments:Walk-v0",
        1,
        backend="inline",
        evaluation_environment=short_walk,
        run=tmp_path / "it",
        steps=32,
        evaluate_every=32,
        evaluation_episodes=1,
        recipe="none",
        **SMALL,
    )
    assert {row["length_mean"] for row in rows(RunFolder(tmp_path / "it" / "seed-1"))} == {"3"}


def test_ctrl_c_in_the_evaluation_at_the_end_says_that_training_had_ended(command, monkeypatch):
    finish = Evaluations.finish

    def interrupted(self, going_on, find_best):
        signal.raise_signal(signal.SIGINT)
        finish(self, going_on, find_best)

    monkeypatch.setattr(Evaluations, "finish", interrupted)
    flags = ["--backend", "inline", "--envs-per-worker", 2, "--segment-length", 8, "--hidden", 4, "--log"]
    limits = ["--recipe", "none", "--steps", 256, "--evaluate-every", 256]
    train = ["train", "odd_environments:Walk-v0", *flags, *limits]
    done = command(*train, "--run", "run")
    assert done.status == 130
    steps = RunFolder(Path("run")).summary()["steps"]
    said = (
        f"training had ended, after {steps} steps, and is saved; its best was not evaluated to the end: do that with:"
    )
    how = "  a3c evaluate run --import-module odd_environments"
    assert done.out.splitlines()[-2:] == [said, how]
    repeated = command(*train, "--run", "all", "--repeats", 2)
    again = "stopped and saved; continue with: a3c train odd_environments:Walk-v0 --repeats 2 --resume all"
    assert repeated.out.splitlines()[-3:] == [said, how.replace("run", "all/seed-1", 1), again]
    assert command(*how.split()[1:], "--episodes", 1).status == 0
