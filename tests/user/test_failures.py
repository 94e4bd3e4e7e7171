"""What goes wrong in the middle of a run: an environment, a worker, the disk, the compilation cache."""

import os
import sys

from a3c_command import A3C, SMALL, run_command

from a3c.runs.checkpoint import Checkpoint
from a3c.runs.metrics import read_rows


def test_an_environment_that_raises_stops_the_run(start, own_environments):
    running = start(
        "train", "odd_environments:Walk-v0", *SMALL, "--steps", "100_000_000", "--workers", "2", "--run", "run",
        "--env-kwargs", "breaks_at", "400",
    )  # fmt: skip
    running.wait_for(running.folder.summary_path.exists)
    family = running.children()
    outcome = running.outcome()
    assert outcome.status == 1
    assert "Traceback" in outcome.err
    assert 'raise RuntimeError("the wheel came off")' in outcome.err
    last = outcome.err.splitlines()[-1]
    assert last.startswith("a3c train: worker ")
    assert "odd_environments:Walk-v0" in last
    assert "seed 7" in last
    assert "RuntimeError: the wheel came off" in last
    summary = running.folder.summary()
    assert summary["status"] == "failed"
    assert "the wheel came off" in summary["error"]
    assert running.left_behind(family) == []
    # What was learned until then is there, and can be gone on with.
    assert running.folder.load("latest").counts["steps"] == summary["steps"] > 0
    assert len(read_rows(running.folder.episodes_path)) > 0


def test_a_killed_worker_stops_the_run_where_none_is_replaced(start):
    running = start(
        "train", "CartPole-v1", *SMALL, "--steps", "100_000_000", "--workers", "2", "--run", "run",
        "--worker-restarts", "0",
    )  # fmt: skip
    running.wait_for(lambda: running.steps() > 0)
    family, workers = running.children(), running.workers()
    assert len(workers) == 2
    workers[0].kill()
    outcome = running.outcome()
    assert outcome.status == 1
    (kept, last) = outcome.err.splitlines()
    assert kept == "what was learned until then is in run"
    assert last.startswith("a3c train: worker ")
    assert f"(CartPole-v1, seed 7): its process (pid {workers[0].pid}) was killed by SIGKILL" in last
    summary = running.folder.summary()
    assert summary["status"] == "failed"
    assert "SIGKILL" in summary["error"]
    assert Checkpoint.load(running.folder.checkpoint_path("latest")).counts["steps"] > 0
    assert running.left_behind(family) == []


def test_a_full_disk_stops_the_run_and_keeps_what_was_written(start, own_environments):
    """A limit on the size of files stands for the full disk: rows of one-step episodes reach it soon."""
    most = 200_000
    limited = f"""
import os, resource, sys
resource.setrlimit(resource.RLIMIT_FSIZE, ({most}, {most}))
os.execv(sys.executable, [sys.executable, "-m", "a3c", *sys.argv[1:]])
"""
    running = start(
        "train", "odd_environments:Walk-v0", *SMALL, "--steps", "100_000_000", "--workers", "1", "--run", "run",
        "--env-kwargs", "length", "1", "--checkpoint-interval", "0.2", "--checkpoint-steps", "0", "--hidden", "8",
        command=(sys.executable, "-c", limited),
    )  # fmt: skip
    outcome = running.outcome()
    assert outcome.status == 1
    (line,) = outcome.err.splitlines()
    assert line.startswith("a3c train: could not write run/episodes.csv: File too large")
    folder = running.folder
    summary = folder.summary()
    assert summary["status"] == "failed"
    assert "episodes.csv" in summary["error"]
    assert 0 < folder.load("latest").counts["steps"] <= summary["steps"]
    assert folder.load("best").counts["steps"] > 0
    # What was written stays, whole rows alone, and a run resumed here counts as many.
    assert most // 2 < folder.episodes_path.stat().st_size <= most
    assert folder.episodes_path.read_text().endswith(",1\n")
    assert {row[4] for row in read_rows(folder.episodes_path)} == {"1"}
    assert len(read_rows(folder.episodes_path)) == folder.load("latest").counts["episodes"]
    assert not [path for path in folder.path.rglob("*") if path.name.startswith(".")]
    assert list(running.temporary.iterdir()) == []


def test_truncated_entries_of_the_compilation_cache_are_repaired(tmp_path):
    # Enough updates for nothing to be said of their number.
    small = ["--steps", "300", "--envs-per-worker", "1", "--segment-length", "3"]
    arguments = ["train", "CartPole-v1", *SMALL, *small, "--workers", "1", "--no-progress", "--run"]
    cache = tmp_path / "cache"
    first = run_command(*A3C, *arguments, "first", cwd=tmp_path, JAX_COMPILATION_CACHE_DIR=str(cache))
    assert first == (0, "", "")
    sizes = {entry.name: entry.stat().st_size for entry in cache.glob("*-cache")}
    assert sizes
    for name, size in sizes.items():
        os.truncate(cache / name, size // 2)
    second = run_command(*A3C, *arguments, "second", cwd=tmp_path, JAX_COMPILATION_CACHE_DIR=str(cache))
    assert second == (0, "", "")
    repaired = {entry.name: entry.stat().st_size for entry in cache.glob("*-cache")}
    assert repaired.keys() >= sizes.keys()
    assert all(repaired[name] > sizes[name] // 2 for name in sizes)


def test_a_cache_folder_that_cannot_be_made_is_done_without(trained, tmp_path):
    (tmp_path / "file").touch()
    variables = {"JAX_COMPILATION_CACHE_DIR": "", "XDG_CACHE_HOME": str(tmp_path / "file" / "cache")}
    outcome = run_command(*A3C, "evaluate", trained.folder.path, "--episodes", "1", cwd=tmp_path, **variables)
    assert (outcome.status, outcome.err) == (0, "")
