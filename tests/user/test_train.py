"""`a3c train`: what it writes, what it prints, what ends it."""

import json
import os
import pty
import select
import struct
import subprocess
import time
from pathlib import Path

import pytest
from a3c_command import A3C, RUN_FILES, SMALL, TIMEOUT, environment_without_display, run_command

from a3c.runs.checkpoint import Checkpoint
from a3c.runs.folder import RunFolder, read_config
from a3c.runs.metrics import read_rows
from configs_for_tests import config_with

INLINE = [*SMALL, "--backend", "inline"]
KEYS = [
    *("status", "algorithm", "environment", "seed", "workers", "steps", "episodes", "updates"),
    *("startup_seconds", "wall_seconds", "training_seconds", "steps_per_second"),
    *("policy_lag", "remarks", "versions", "machine"),
    *("return_mean_100", "best_return_mean_100", "solved_at_step", "solved_at_second"),
]


def test_a_run_ends_well_and_complains_about_nothing(trained):
    assert (trained.outcome.status, trained.outcome.err) == (0, "")


@pytest.mark.parametrize("name", RUN_FILES)
def test_a_run_writes(trained, name):
    files = list(trained.folder.path.glob(name))
    assert len(files) == 1
    assert files[0].stat().st_size > 0


def test_a_run_leaves_no_temporary_file(trained):
    assert not [path for path in trained.folder.path.rglob("*") if path.name.startswith(".")]


@pytest.mark.parametrize("key", KEYS)
def test_the_summary_has(trained, key):
    assert key in trained.folder.summary()


def test_the_summary_says_what_ran_and_how_it_ended(trained):
    summary = trained.folder.summary()
    wanted = {"status": "finished", "algorithm": "a3c", "environment": "CartPole-v1", "seed": 7, "workers": 2}
    assert wanted.items() <= summary.items()
    assert summary["solved_at_step"] is summary["solved_at_second"] is None
    assert 0 < summary["startup_seconds"] < summary["wall_seconds"]


def test_a_run_stops_at_its_steps_and_at_most_a_segment_of_each_worker_later(trained):
    assert 6000 <= trained.folder.summary()["steps"] < 6000 + 2 * 16 * 16


def test_every_finished_episode_has_a_row(trained):
    rows, summary = read_rows(trained.folder.episodes_path), trained.folder.summary()
    assert len(rows) == summary["episodes"]
    assert {row[2] for row in rows} == {"0", "1"}
    # On CartPole every step gives 1; the steps that are missing belong to the 32 episodes under way.
    assert all(float(row[3]) == int(row[4]) for row in rows)
    assert 0 <= summary["steps"] - sum(int(row[4]) for row in rows) < 32 * 500


def test_the_mean_of_the_summary_is_that_of_the_last_100_rows(trained):
    returns = [float(row[3]) for row in read_rows(trained.folder.episodes_path)]
    means = [sum(returns[end - 100 : end]) / 100 for end in range(100, len(returns) + 1)]
    summary = trained.folder.summary()
    assert summary["return_mean_100"] == pytest.approx(means[-1])
    assert summary["best_return_mean_100"] == pytest.approx(max(means))


def test_metrics_grow_up_to_the_summary(trained):
    steps = [int(row[0]) for row in read_rows(trained.folder.metrics_path)]
    # Two are alike where a worker told of its last episodes after the steps had been counted.
    assert steps == sorted(steps)
    assert steps[-1] == trained.folder.summary()["steps"]


def test_tensorboard_shows_the_rows_of_metrics(trained):
    events = _tensorboard_scalars(next(trained.folder.path.glob("events.*")))
    rows = read_rows(trained.folder.metrics_path)
    assert [step for step, tag, _ in events if tag == "losses/entropy"] == [int(row[0]) for row in rows]
    values = [value for _, tag, value in events if tag == "charts/return_mean_100"]
    assert values == pytest.approx([float(row[5]) for row in rows if row[5]], rel=1e-4)


def test_progress_that_goes_to_no_terminal_is_plain_lines(trained):
    remark, first, *lines = trained.outcome.out.splitlines()
    assert remark.startswith("--steps 6,000 are 24 updates of 256 steps")
    assert first == "a3c on CartPole-v1, 2 workers of 16, seed 7, into run"
    assert any("steps/s" in line and "return" in line for line in lines)
    assert "\x1b" not in trained.outcome.out
    assert "\r" not in trained.outcome.out


def test_what_is_left_is_named_and_is_there(trained):
    left = dict(line.split() for line in trained.outcome.out.splitlines()[-3:])
    assert list(left) == ["curve", "best", "summary"]
    assert all((trained.folder.path.parent / path).is_file() for path in left.values())


def test_a_terminal_gets_one_live_line_and_a_config_file_repeats_a_run(trained, tmp_path):
    arguments = ["train", "--config", trained.folder.config_path, "--run", "again"]
    status, screen = _in_a_terminal([*A3C, *map(str, arguments)], tmp_path)
    assert status == 0, screen
    assert "\x1b[?25l" in screen, "the cursor was not hidden, so no line was renewed in place"
    assert screen.rindex("\x1b[?25h") > screen.rindex("\x1b[?25l"), "the cursor stayed hidden"
    assert "steps/s" in screen
    assert read_config(tmp_path / "again" / "config.toml") == trained.folder.config()


def test_python_m_with_no_progress_prints_nothing(tmp_path):
    sizes = ["--envs-per-worker", "1", "--segment-length", "3"]
    arguments = ["train", "CartPole-v1", *INLINE, *sizes, "--steps", "300", "--no-progress", "--run", "run"]
    outcome = run_command(*A3C, *arguments, cwd=tmp_path)
    assert outcome == (0, "", "")
    assert RunFolder(tmp_path / "run").summary()["status"] == "finished"


def test_a_module_in_the_current_folder_gives_its_environment(own_environments):
    arguments = ["train", "odd_environments:Walk-v0", *SMALL, "--episodes", "200", "--workers", "1", "--run", "run"]
    outcome = run_command(*A3C, *arguments, "--env-kwargs", "length", "3", cwd=own_environments)
    assert (outcome.status, outcome.err) == (0, "")
    folder = RunFolder(own_environments / "run")
    assert folder.summary()["environment"] == "odd_environments:Walk-v0"
    assert {tuple(row[3:]) for row in read_rows(folder.episodes_path)} == {("3", "3")}


def test_the_same_seed_inline_gives_the_same_run(command, tmp_path):
    for run in ("first", "second"):
        assert command("train", "CartPole-v1", *INLINE, "--steps", "2000", "--run", run).status == 0
    first, second = (RunFolder(tmp_path / run) for run in ("first", "second"))
    episodes = [[(step, *rest) for step, _, *rest in read_rows(f.episodes_path)] for f in (first, second)]
    assert len(episodes[0]) > 20
    assert episodes[0] == episodes[1]
    assert (first.load("latest").parameters == second.load("latest").parameters).all()


@pytest.mark.parametrize(
    ("limit", "met"),
    [
        (["--steps", "1000"], lambda s: s["status"] == "finished" and 1000 <= s["steps"] < 1256),
        (["--episodes", "60"], lambda s: s["status"] == "finished" and 60 <= s["episodes"] < 60 + 16 * 16),
        (
            ["--seconds", "3", "--target-return", "501"],
            lambda s: s["status"] == "finished" and s["steps"] > 0 and s["wall_seconds"] >= 3,
        ),
        (["--target-return", "12"], lambda s: s["status"] == "solved" and s["solved_at_step"] <= s["steps"]),
        (["--target-return", "12", "--steps", "8000"], lambda s: s["status"] == "solved" and s["steps"] < 8000),
        (
            ["--target-return", "12", "--steps", "8000", "--no-stop-when-solved"],
            lambda s: s["status"] == "solved" and s["steps"] >= 8000 and 0 < s["solved_at_step"] < 8000,
        ),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_a_run_ends_at(command, tmp_path, limit, met):
    outcome = command("train", "CartPole-v1", *INLINE, *limit, "--run", "run")
    summary = RunFolder(tmp_path / "run").summary()
    assert outcome.status == 0
    assert met(summary), summary
    assert ("solved:" in outcome.out) == (summary["status"] == "solved")


def test_a_solved_run_was_solved_by_100_episodes(command, tmp_path):
    command("train", "CartPole-v1", *INLINE, "--target-return", "12", "--run", "run")
    summary, rows = RunFolder(tmp_path / "run").summary(), read_rows(tmp_path / "run" / "episodes.csv")
    steps = [int(row[0]) for row in rows]
    until = [float(row[3]) for row in rows if int(row[0]) <= summary["solved_at_step"]]
    assert summary["solved_at_step"] in steps
    assert len(until) >= 100
    assert summary["best_return_mean_100"] >= 12


def test_without_run_the_folder_says_what_was_trained(command, tmp_path):
    command("train", "CartPole-v1", *INLINE, "--steps", "100")
    (folder,) = (tmp_path / "runs").iterdir()
    assert folder.name.startswith("CartPole-v1-a3c-7-")
    assert (folder / "summary.json").exists()


def test_a_seed_that_was_not_given_is_drawn_and_recorded(command, tmp_path):
    for run in ("first", "second"):
        command("train", "CartPole-v1", "--recipe", "none", "--backend", "inline", "--steps", "100", "--run", run)
    seeds = [read_config(tmp_path / run / "config.toml").seed for run in ("first", "second")]
    assert None not in seeds
    assert seeds[0] != seeds[1]


def test_a_recipe_applies_by_itself_and_flags_override_it(command, tmp_path):
    command("train", "CartPole-v1", "--backend", "inline", "--steps", "100", "--gamma", "0.9", "--run", "run")
    config = read_config(tmp_path / "run" / "config.toml")
    assert config.gamma == 0.9
    assert config.steps == 100
    assert config.learning_rate != config_with().learning_rate


@pytest.mark.parametrize("asked", [[], ["--algorithm", "a3c"]])
@pytest.mark.parametrize("environment", [["CartPole-v0"], []])
def test_a_recipe_of_one_algorithm_brings_it_unless_another_is_asked_for(command, tmp_path, asked, environment):
    flags = ["--recipe", "lets-make-an-a3c", "--workers", "1", "--backend", "inline", "--steps", "50"]
    command("train", *environment, *flags, *asked, "--run", "run")
    config = read_config(tmp_path / "run" / "config.toml")
    assert config.algorithm.name == (asked[-1] if asked else "ga3c")
    assert config.environment == "CartPole-v0"


def test_random_actions_average_about_22_on_cartpole(command, tmp_path):
    arguments = ["--algorithm", "random", "--episodes", "4000", "--workers", "2", "--run", "run"]
    assert command("train", "CartPole-v1", *SMALL, *arguments).status == 0
    folder = RunFolder(tmp_path / "run")
    returns = [float(row[3]) for row in read_rows(folder.episodes_path)]
    assert len(returns) == folder.summary()["episodes"] >= 4000
    assert 21 < sum(returns) / len(returns) < 23.4
    assert folder.curve_path.exists()


def test_a_run_too_short_for_an_episode_still_leaves_a_checkpoint(command, tmp_path):
    arguments = ["--steps", "4", "--envs-per-worker", "2", "--segment-length", "2"]
    assert command("train", "CartPole-v1", *INLINE, *arguments, "--run", "run").status == 0
    folder = RunFolder(tmp_path / "run")
    assert folder.summary()["return_mean_100"] is None
    assert Checkpoint.load(folder.checkpoint_path("latest")).counts["steps"] == 4


def _in_a_terminal(arguments: list[str], cwd: Path) -> tuple[int, str]:
    """The exit status, and everything that went to the screen."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        arguments, cwd=cwd, env=environment_without_display(TERM="xterm"), stdin=theirs, stdout=theirs, stderr=theirs
    )
    os.close(theirs)
    screen, deadline = b"", time.monotonic() + TIMEOUT
    try:
        while time.monotonic() < deadline:
            if select.select([ours], [], [], 0.2)[0]:
                screen += os.read(ours, 65536)
    except OSError:
        # How Linux says that the last process has closed the terminal.
        pass
    finally:
        os.close(ours)
        process.kill() if process.poll() is None and time.monotonic() >= deadline else None
    return process.wait(TIMEOUT), screen.decode()


def _tensorboard_scalars(path: Path) -> list[tuple[int, str, float]]:
    """`(step, tag, value)` of an event file, whose records are length, checksum, event, checksum."""
    from tensorboardX.proto.event_pb2 import Event

    data, at, scalars = path.read_bytes(), 0, []
    while at < len(data):
        (length,) = struct.unpack_from("<Q", data, at)
        event = Event.FromString(data[at + 12 : at + 12 + length])
        scalars += [(event.step, value.tag, value.simple_value) for value in event.summary.value]
        at += 12 + length + 4
    return scalars


def test_the_summary_is_plain_json(trained):
    text = trained.folder.summary_path.read_text()
    assert json.loads(text, parse_constant=lambda name: pytest.fail(f"{name} is not JSON"))
