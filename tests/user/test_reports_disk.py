"""What users reported of disks, run folders and resuming: full, deleted, damaged, used twice, cut short."""

import os
import shutil
import subprocess
from contextlib import suppress
from pathlib import Path

import pytest
from odd_environments import Walk
from test_bad_input import assert_refused

from a3c import RandomAgent
from a3c.cli import repeats
from a3c.errors import DiskError, RunFolderError
from a3c.runs import metrics, plots
from a3c.runs.folder import RunFolder
from a3c.runs.lock import locked
from a3c.runs.metrics import read_rows
from a3c.runs.repeats import RepeatsFolder
from a3c.training import training

ID = "odd_environments:Walk-v0"
WALK = [
    *("train", ID, "--recipe", "none", "--seed", "7", "--algorithm", "random"),
    *("--backend", "inline", "--no-progress", "--report-interval", "1e-6"),
]
RESUME = ["train", ID, "--resume", "run", "--no-progress"]


@pytest.fixture(autouse=True)
def _environments(own_environments):
    """The environments are in the current folder."""


@pytest.fixture(autouse=True)
def curve(monkeypatch):
    """Curves take longer to draw than these runs; gives the function that draws them."""
    draw = training._draw_curve
    monkeypatch.setattr(training, "_draw_curve", lambda folder: None)
    monkeypatch.setattr(repeats, "draw", lambda folder: None)
    return draw


runs: dict[tuple, Path] = {}


@pytest.fixture
def run_of(command, tmp_path, tmp_path_factory):
    """The folder `run`, as a run with these flags leaves it; each is run once."""

    def run_of(*flags) -> RunFolder:
        if flags not in runs:
            runs[flags] = tmp_path_factory.mktemp("runs") / "run"
            assert command(*WALK, *flags, "--run", runs[flags]) == (0, "", "")
        shutil.copytree(runs[flags], tmp_path / "run")
        return RunFolder(tmp_path / "run")

    return run_of


def episodes_agree(folder: RunFolder) -> bool:
    counts = folder.load("latest").counts["episodes"], folder.summary()["episodes"]
    return counts == (len(read_rows(folder.episodes_path)),) * 2


# Resuming a run that was solved.


@pytest.fixture
def solved(run_of):
    folder = run_of("--target-return", "5")
    assert folder.summary()["status"] == "solved"
    return folder


@pytest.mark.parametrize(("limit", "more"), [("--steps", "4000"), ("--episodes", "900"), ("--seconds", "0.1")])
def test_a_limit_that_is_given_is_a_wish_to_go_on_from_a_solved_run(command, solved, limit, more):
    first = solved.summary()
    for number in range(2 if limit == "--seconds" else 1):
        before = solved.summary()
        outcome = command(*RESUME[:-1], limit, more)
        assert (outcome.status, outcome.err) == (0, "")
        goes_on = f"run was solved at step {first['solved_at_step']:,}: it goes on to the limit that is given now"
        assert (goes_on in outcome.out.splitlines()) == (number == 0)
        assert not [line for line in outcome.out.splitlines() if line.startswith("solved")], "it is not solved anew"
        assert solved.summary()["steps"] > before["steps"]
        assert episodes_agree(solved)
    after = solved.summary()
    assert after["solved_at_step"] == first["solved_at_step"]
    if limit != "--seconds":
        assert after[limit.removeprefix("--")] >= int(more)


def test_without_a_limit_a_solved_run_says_what_to_give(command, solved):
    before = solved.summary()
    for more in ([], ["--target-return", "5"]):
        outcome = command(*RESUME, *more)
        assert (outcome.status, outcome.err) == (0, "")
        (line,) = outcome.out.splitlines()
        assert line.endswith(": to go on, give --steps, --episodes or --seconds, or a higher --target-return")
        assert solved.summary() == before


def test_a_limit_that_is_reached_already_is_said_so(command, solved):
    before = solved.summary()
    (line,) = command(*RESUME, "--steps", "5").out.splitlines()
    assert "give a larger --steps to go on" in line
    assert solved.summary() == before


def test_repeats_that_were_solved_go_on_to_a_limit_that_is_given(command, tmp_path):
    arguments = ["--repeats", "2", "--log"]
    assert command(*WALK, "--target-return", "5", "--run", "all", *arguments).status == 0
    runs = RepeatsFolder(tmp_path / "all").runs()
    before = [run.summary()["steps"] for run in runs]
    resumed = command("train", ID, "--resume", "all", *arguments, "--episodes", "900")
    assert (resumed.status, resumed.err) == (0, "")
    assert all(run.summary()["episodes"] >= 900 for run in runs)
    assert all(run.summary()["steps"] > steps for run, steps in zip(runs, before, strict=True))


# Before the first checkpoint.


@pytest.fixture
def finished(run_of):
    return run_of("--steps", "300")


@pytest.fixture
def killed(finished):
    """The folder that a run leaves that was killed before its first checkpoint."""
    folder = finished
    for path in folder.checkpoints.iterdir():
        path.unlink()
    (folder.checkpoints / ".latest.safetensors.x.partial").write_bytes(b"half")
    (folder.path / ".lock").write_text("99999999\n")
    return folder


ANEW = "the run in run ended before its first checkpoint: it starts anew\n"


@pytest.mark.parametrize(
    "arguments",
    [
        RESUME,
        [*WALK, "--steps", "300", "--run", "run"],
        # The seed was drawn where none was given.
        [*WALK[:4], *WALK[6:], "--steps", "300", "--run", "run"],
    ],
    ids=["resume", "train", "train without a seed"],
)
def test_a_run_without_a_checkpoint_starts_anew(command, killed, arguments):
    # As it is written where steps took long when it began.
    slow = killed.config_path.read_text().replace("envs_per_worker = 16", "envs_per_worker = 3")
    killed.config_path.write_text(slow)
    outcome = command(*arguments)
    assert outcome == (0, ANEW, "")
    assert killed.load("latest").counts["steps"] == killed.summary()["steps"] >= 300
    assert (killed.config().seed, killed.config().envs_per_worker) == (7, 3)
    assert episodes_agree(killed)
    assert sorted(path.name for path in killed.path.rglob(".*")) == []
    assert len(list(killed.path.glob("events.out.tfevents.*"))) == 1


def test_other_settings_do_not_start_it_anew(command, killed):
    before = killed.config_path.read_text()
    outcome = command(*WALK, "--steps", "300", "--learning-rate", "0.5", "--run", "run")
    assert_refused(outcome, "with other settings (learning_rate): start that anew with --resume run, or choose another")
    assert killed.config_path.read_text() == before


def test_a_run_with_a_checkpoint_is_not_started_anew(command, finished):
    before = finished.checkpoint_path("latest").read_bytes()
    assert_refused(command(*WALK, "--steps", "300", "--run", "run"), "continue it with --resume run")
    assert finished.checkpoint_path("latest").read_bytes() == before


def test_repeats_that_were_killed_before_the_first_run_begin_anew(command, tmp_path):
    (tmp_path / "all" / "seed-7").mkdir(parents=True)
    (tmp_path / "all" / ".lock").write_text("99999999\n")
    outcome = command(*WALK, "--steps", "300", "--repeats", "1", "--run", "all")
    assert (outcome.status, outcome.err) == (0, "")
    assert not list((tmp_path / "all").rglob(".*"))


# Two in one folder.


@pytest.mark.parametrize(
    ("arguments", "held"),
    [
        (RESUME, "run"),
        ([*WALK, "--steps", "300", "--run", "run"], "run"),
        ([*WALK, "--steps", "300", "--run", "new"], "new"),
        ([*WALK, "--steps", "300", "--repeats", "2", "--run", "new"], "new"),
        ([*WALK, "--steps", "300", "--repeats", "2", "--run", "new"], "new/seed-7"),
    ],
    ids=["resume", "run", "new run", "repeats", "one of the repeats"],
)
def test_a_second_process_in_a_run_folder_is_refused(command, killed, arguments, held):
    before = killed.config_path.read_text(), killed.summary()
    with locked(Path(held)):
        assert_refused(command(*arguments), f"{held} is in use: process {os.getpid()} trains in it")
    assert (killed.config_path.read_text(), killed.summary()) == before
    assert not Path("new").exists()


def agent(**settings) -> RandomAgent:
    return RandomAgent(Walk, backend="inline", seed=1, report_interval=1e-6, **settings)


def test_python_is_refused_too_and_goes_on_without_the_folder(tmp_path):
    small = agent()
    with locked(tmp_path / "run"), pytest.raises(RunFolderError, match=f"process {os.getpid()} trains in it"):
        small.learn(steps=100, run=tmp_path / "run")
    assert small.learn(steps=100, run=tmp_path / "run").summary["steps"] >= 100
    assert not list((tmp_path / "run").rglob(".*"))


# The disk is full, or what is written to is gone.


@pytest.fixture
def small_disk(tmp_path):
    """A disk of half a mebibyte, mounted where the run is to be."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=512k", "tmpfs", disk], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("nothing can be mounted here")
    yield disk
    subprocess.run(["umount", disk], check=True)


def test_a_full_disk_ends_a_run_in_one_line_and_it_can_be_gone_on_with(command, small_disk, monkeypatch):
    """With TensorBoard from the beginning."""
    monkeypatch.setattr(metrics, "TENSORBOARD_AFTER", 0.0)
    run, filler = RunFolder(small_disk / "run"), small_disk / "filler"
    arguments = [*WALK, "--env-kwargs", "length", "1", "--steps", "50_000_000", "--checkpoint-interval", "0.05"]
    arguments += ["--checkpoint-steps", "0"]
    filler.write_bytes(bytes(200_000))
    outcome = command(*arguments, "--run", run.path)
    assert outcome.status == 1
    assert outcome.out == ""
    (line,) = outcome.err.splitlines()
    assert line.startswith("a3c train: could not write ")
    assert "No space left on device" in line
    assert run.episodes_path.read_bytes().endswith(b",1\n")
    counts = run.load("latest").counts
    assert len(read_rows(run.episodes_path)) >= counts["episodes"] > 0
    filler.unlink()
    # Room for all checkpoints that a run keeps, which a run that goes on has more of.
    subprocess.run(["mount", "-o", "remount,size=4m", small_disk], check=True)
    more = ["--steps", counts["steps"] + 100, "--report-interval", "9", "--checkpoint-interval", "9", "--no-progress"]
    assert command("train", ID, "--resume", run.path, *more) == (0, "", "")
    assert episodes_agree(run)
    assert not list(run.path.rglob(".*"))


def test_a_disk_that_is_read_only_is_said_so(command, killed, small_disk):
    shutil.copytree(killed.path, small_disk / "run")
    subprocess.run(["mount", "-o", "remount,ro", small_disk], check=True)
    for arguments in (["--resume", small_disk / "run"], ["--steps", "300", "--run", small_disk / "new"]):
        assert_refused(
            command("train", ID, "--backend", "inline", *arguments), "cannot be written: Read-only file system"
        )


def test_a_curve_that_cannot_be_written_is_no_success(command, tmp_path, monkeypatch, curve):
    monkeypatch.setattr(training, "_draw_curve", curve)

    def full(path, content):
        raise DiskError(f"could not write {path}: No space left on device")

    monkeypatch.setattr(plots, "write_atomically", full)
    outcome = command(*WALK, "--steps", "300", "--run", "run")
    assert (outcome.status, outcome.err) == (1, "a3c train: could not write run/curve.png: No space left on device\n")
    assert RunFolder(tmp_path / "run").load("latest").counts["steps"] >= 300


def test_a_folder_for_temporary_files_that_is_deleted_while_training_is_done_without(start):
    """The second seed starts its worker after that."""
    running = start(
        *(
            "train",
            ID,
            "--recipe",
            "none",
            "--algorithm",
            "random",
            "--workers",
            "1",
            "--seed",
            "7",
            "--steps",
            "20_000",
        ),
        *("--no-progress", "--log", "--repeats", "2", "--run", "run"),
    )
    running.wait_for((running.folder.path / "seed-7" / "summary.json").exists)
    shutil.rmtree(running.temporary)
    outcome = running.outcome()
    assert (outcome.status, outcome.err) == (0, "")
    assert [run.summary()["status"] for run in RepeatsFolder(running.folder.path).runs()] == ["finished"] * 2


@pytest.mark.parametrize("deleted", ["", "checkpoints", "episodes.csv", "metrics.csv", "evaluations.csv"])
def test_what_is_deleted_while_a_run_writes_to_it_is_noticed(tmp_path, deleted):
    run = RunFolder(tmp_path / "run")

    def delete(progress):
        path = run.path / deleted
        with suppress(FileNotFoundError):
            shutil.rmtree(path) if path.is_dir() else path.unlink()

    with pytest.raises(DiskError) as error:
        agent(log=()).learn(steps=2000, run=run.path, callback=delete)
    (line,) = str(error.value).splitlines()
    assert line.startswith(f"could not write {run.path}")
    assert deleted in ("", "checkpoints") or "it was deleted while the run wrote to it" in line
    if deleted:
        assert run.summary()["status"] == "failed"
    else:
        assert not run.path.exists(), "it is not made anew"


# Damaged files.


@pytest.mark.parametrize("content", [b"a letter\n", None])
@pytest.mark.parametrize("name", ["episodes.csv", "metrics.csv", "evaluations.csv"])
def test_a_file_of_rows_that_is_none_gives_one_line(command, finished, name, content):
    path = finished.path / name
    path.unlink()
    path.mkdir() if content is None else path.write_bytes(content)
    assert_refused(command(*RESUME, "--steps", "600"), f"run/{name}")
    assert path.is_dir() or path.read_bytes() == content
    if name != "metrics.csv":
        assert_refused(command("plot", "run"), f"run/{name}")


@pytest.mark.parametrize("damage", [b"", b"\xff\xff,,\n7,7\n1,"])
def test_whole_rows_of_a_damaged_file_are_used(command, finished, damage):
    for path in (finished.episodes_path, finished.metrics_path):
        path.write_bytes(path.read_bytes() + damage)
    assert command("plot", "run").status == 0
    assert command(*RESUME, "--steps", "600") == (0, "", "")
    assert episodes_agree(finished)


@pytest.mark.parametrize("content", [b"schema = 1\nhidden = " + b"[" * 9000, b"\xff\xfe", b"\x00", b""], ids=repr)
@pytest.mark.parametrize(
    "arguments", [["--resume", "run"], ["--config", "run/config.toml"]], ids=lambda given: given[0]
)
def test_a_config_that_is_none_gives_one_line(command, arguments, content):
    Path("run").mkdir()
    Path("run", "config.toml").write_bytes(content)
    assert_refused(command("train", ID, *arguments), "run/config.toml")


@pytest.mark.parametrize("content", ["[" * 9000, "{", "[]", '{"algorithm": 3}'], ids=lambda content: content[:9])
def test_a_damaged_summary_gives_one_line_and_does_not_keep_a_run_from_going_on(command, killed, content):
    killed.summary_path.write_text(content)
    assert_refused(command("plot", "run"), "run/summary.json is missing or damaged")
    assert command(*RESUME) == (0, ANEW, "")
    assert killed.summary()["status"] == "finished"


@pytest.mark.parametrize(
    "arguments",
    [
        [*WALK, "--steps", "300", "--run"],
        [*WALK, "--steps", "300", "--repeats", "2", "--run"],
        ["train", ID, "--resume"],
        ["train", ID, "--config"],
        ["evaluate"],
        ["play"],
        ["plot"],
        ["plot", "run", "-o"],
    ],
    ids=lambda given: " ".join(given[:1] + given[-3:]),
)
def test_a_name_that_is_too_long_gives_one_line(command, tmp_path, arguments):
    RunFolder.create(tmp_path / "run", agent().config)
    assert_refused(command(*arguments, "x" * 300))
    assert not [path for path in tmp_path.iterdir() if path.name.startswith("xxx")]
