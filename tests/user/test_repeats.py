"""`a3c train --repeats`: several seeds, what is made of them, and going on with those that are missing."""

import json
import shutil
import signal
import sys
import time
from pathlib import Path
from typing import NamedTuple

import pytest
from a3c_command import A3C, Outcome, run_command

from a3c.runs.folder import RunFolder
from a3c.runs.repeats import MEASURES, RepeatsFolder, median_and_worst

WALK = ["train", "odd_environments:Walk-v0", "--recipe", "none", "--hidden", "8", "--log"]
INLINE = [*WALK, "--backend", "inline", "--steps", "300"]

# Says at the end whether JAX was imported in the main process.
A3C_WITHOUT_JAX = (
    "import sys; from a3c.cli.main import run; status = run(sys.argv[1:]); assert 'jax' not in sys.modules"
)

BREAKS_ONCE = """
from pathlib import Path
import gymnasium
from odd_environments import Walk

class BreaksOnce(Walk):
    def step(self, action):
        if self.taken_in_all == 20 and not Path("broken").exists():
            Path("broken").touch()
            raise RuntimeError("the wheel came off")
        return super().step(action)

gymnasium.register("BreaksOnce-v0", BreaksOnce)
"""


def report_of(path: Path) -> dict:
    return json.loads((path / "repeats.json").read_text(encoding="utf-8"))


def summaries_of(path: Path) -> dict[int, dict]:
    repeats = RepeatsFolder(path)
    return {seed: repeats.run(seed).summary() for seed in repeats.seeds()}


def written(path: Path) -> dict[Path, int]:
    """When each file of the seeds was written."""
    return {file: file.stat().st_mtime_ns for file in path.glob("seed-*/**/*")}


def table_of(out: str) -> list[list[str]]:
    lines = [line.rstrip() for line in out.splitlines()]
    first = next(index for index, line in enumerate(lines) if line.startswith("seed  "))
    last = next(index for index, line in enumerate(lines) if line.startswith("worst"))
    return [line.split() for line in lines[first : last + 1]]


class Broken(NamedTuple):
    """Three seeds of which the first failed, and the same resumed."""

    outcome: Outcome
    took: float
    report: dict
    summaries: dict[int, dict]
    picture: bytes
    written: dict[Path, int]
    resumed: Outcome
    path: Path


@pytest.fixture(scope="module")
def broken(tmp_path_factory: pytest.TempPathFactory) -> Broken:
    cwd = tmp_path_factory.mktemp("broken")
    shutil.copy(Path(__file__).with_name("odd_environments.py"), cwd)
    (cwd / "breaking.py").write_text(BREAKS_ONCE)
    path = cwd / "all"
    arguments = [
        *WALK,
        "--seed",
        "4",
        "--workers",
        "1",
        "--target-return",
        "5",
        "--run",
        "all",
        "--worker-restarts",
        "0",
    ]
    arguments[1] = "breaking:BreaksOnce-v0"
    script = (sys.executable, "-c", f"{A3C_WITHOUT_JAX}; sys.exit(status)")
    started = time.monotonic()
    outcome = run_command(*script, *arguments, "--repeats", "3", cwd=cwd)
    took = time.monotonic() - started
    state = outcome, took, report_of(path), summaries_of(path), (path / "repeats.png").read_bytes(), written(path)
    resumed = run_command(*script, *arguments[:2], "--repeats", "3", "--resume", "all", cwd=cwd)
    return Broken(*state, resumed, path)


def test_a_seed_that_fails_does_not_end_the_others(broken):
    statuses = {seed: summary["status"] for seed, summary in broken.summaries.items()}
    assert statuses == {4: "failed", 5: "solved", 6: "solved"}


def test_a_seed_that_fails_is_named_at_the_end(broken):
    assert broken.outcome.status == 1
    assert 'raise RuntimeError("the wheel came off")' in broken.outcome.err
    assert "AssertionError" not in broken.outcome.err, "JAX was imported in the main process"
    last = broken.outcome.err.splitlines()[-1]
    assert last.startswith("a3c train: 1 of 3 seeds failed (seed 4): worker 0 ")
    assert "the wheel came off" in last


def test_each_seed_has_a_heading_and_a_line_of_its_result(broken):
    lines = broken.outcome.out.splitlines()
    headings = [index for index, line in enumerate(lines) if line.startswith("seed ") and " of 3: " in line]
    names = [f"seed {n} of 3: a3c on breaking:BreaksOnce-v0, 1 worker of 16, seed {n + 3}, into all/seed-{n + 3}"
             for n in (1, 2, 3)]  # fmt: skip
    assert [lines[index] for index in headings] == names
    results = [line for line in lines if line.startswith(("failed: ", "solved: "))]
    assert [line.split(":")[0] for line in results] == ["failed", "solved", "solved"]


def test_the_network_is_said_in_the_same_words_for_each_seed_also_where_it_is_resumed(broken):
    lines = [*broken.outcome.out.splitlines(), *broken.resumed.out.splitlines()]
    said = [line for line in lines if line.startswith("network ")]
    assert len(said) == 4
    assert set(said) == {"network mlp (3 numbers; float32 normalised)"}


def test_the_table_ends_with_median_and_worst(broken):
    title, *rows = table_of(broken.outcome.out)
    assert " ".join(title) == "seed status steps seconds last 100 best 100 evaluated solved at (s)"
    assert [row[0] for row in rows] == ["4", "5", "6", "median", "worst"]
    assert [row[1] for row in rows[:3]] == ["failed", "solved", "solved"]
    assert [row[-2:] == ["not", "solved"] for row in rows] == [True, False, False, False, True]
    assert "\nsolved 2 of 3 seeds\n" in broken.outcome.out


def test_the_report_says_what_was_trained_and_what_became_of_it(broken):
    wanted = {"environment": "breaking:BreaksOnce-v0", "algorithm": "a3c", "recipe": "none", "target_return": 5.0}
    assert (wanted | {"repeats": 3, "solved": 2}).items() <= broken.report.items()
    for row, (seed, summary) in zip(broken.report["seeds"], broken.summaries.items(), strict=True):
        named = {
            "seconds": summary["training_seconds"],
            "best_evaluation": (summary["best_evaluation"] or {}).get("mean"),
        }
        assert row == {name: summary[name] for name in row if name not in named} | named
        assert row["seed"] == seed
        assert {"seed", "status", *MEASURES} == set(row)
    assert broken.report["versions"] == broken.summaries[4]["versions"]
    assert broken.report["machine"] == broken.summaries[4]["machine"]


def test_the_seconds_of_a_seed_count_from_its_own_start(broken):
    seconds = [summary["training_seconds"] for summary in broken.summaries.values()]
    assert all(second > 0 for second in seconds)
    assert sum(seconds) < broken.took


def test_the_picture_is_drawn_with_what_there_is(broken):
    assert broken.picture.startswith(b"\x89PNG")


def test_resuming_goes_on_with_the_seed_that_failed_alone(broken):
    assert (broken.resumed.status, broken.resumed.err) == (0, "")
    summaries = summaries_of(broken.path)
    assert summaries[4]["status"] == "solved"
    assert summaries[4]["steps"] > broken.summaries[4]["steps"] > 0
    now = written(broken.path)
    done = [file for file in broken.written if "seed-4" not in file.parts]
    assert len(done) > 8
    assert [file for file in done if now[file] != broken.written[file]] == []
    assert "seed 2 of 3: all/seed-5 is solved already" in broken.resumed.out
    assert "\nsolved 3 of 3 seeds\n" in broken.resumed.out
    assert report_of(broken.path)["recipe"] == "none"


def test_ctrl_c_saves_the_seed_under_way_and_the_rest_can_follow(start, command, own_environments):
    path = own_environments / "run"
    running = start(
        *WALK, "--workers", "1", "--steps", "900_000_000", "--repeats", "2", "--run", "run", "--report-interval", "0.1"
    )
    running.folder = RunFolder(path / "seed-1")
    running.wait_for(lambda: running.steps() > 0)
    running.process.send_signal(signal.SIGINT)
    outcome = running.outcome()
    assert (outcome.status, outcome.err) == (130, "")
    how = "a3c train odd_environments:Walk-v0 --repeats 2 --resume run"
    assert outcome.out.splitlines()[-1] == f"stopped and saved; continue with: {how}"
    assert table_of(outcome.out)[1][:2] == ["1", "interrupted"]
    stopped = summaries_of(path)
    assert (list(stopped), stopped[1]["status"]) == ([1], "interrupted")
    assert [row["seed"] for row in report_of(path)["seeds"]] == [1]
    assert (path / "repeats.png").exists()

    steps = stopped[1]["steps"] + 1000
    resumed = command(*how.split()[1:], "--steps", steps)
    assert (resumed.status, resumed.err) == (0, "")
    summaries = summaries_of(path)
    assert [summary["status"] for summary in summaries.values()] == ["finished", "finished"]
    assert all(steps <= summary["steps"] < steps + 16 * 16 for summary in summaries.values())
    assert summaries[1]["episodes"] > stopped[1]["episodes"]


@pytest.fixture(scope="module")
def two_seeds(tmp_path_factory: pytest.TempPathFactory) -> tuple[Outcome, Path]:
    """Two seeds without a target."""
    cwd = tmp_path_factory.mktemp("two")
    shutil.copy(Path(__file__).with_name("odd_environments.py"), cwd)
    return run_command(*A3C, *INLINE, "--repeats", "2", "--run", "two", cwd=cwd), cwd / "two"


@pytest.fixture
def repeated(two_seeds, own_environments) -> tuple[Outcome, Path]:
    """Two seeds without a target, in the test's own folder."""
    shutil.copytree(two_seeds[1], own_environments / "two")
    return two_seeds[0], own_environments / "two"


def test_without_a_target_nothing_is_said_of_solving(repeated):
    outcome, path = repeated
    assert (outcome.status, outcome.err) == (0, "")
    assert "solved" not in outcome.out
    assert [row[:2] for row in table_of(outcome.out)[1:3]] == [["1", "finished"], ["2", "finished"]]
    assert sorted(file.name for file in path.iterdir()) == ["repeats.json", "repeats.png", "seed-1", "seed-2"]
    # Fewer than a hundred episodes have no mean.
    assert report_of(path)["worst"]["return_mean_100"] is None


def test_more_repeats_are_added_by_resuming(command, repeated):
    _, path = repeated
    before = written(path)
    added = command(*INLINE[:2], "--repeats", "3", "--resume", "two", "--no-progress")
    assert (added.status, added.err) == (0, "")
    assert added.out.startswith("seed  ")
    assert RepeatsFolder(path).run(3).summary()["status"] == "finished"
    assert before.items() <= written(path).items()


def test_a_seed_that_was_killed_before_its_first_checkpoint_starts_anew(command, repeated):
    _, path = repeated
    shutil.rmtree(path / "seed-2" / "checkpoints")
    (path / "seed-2" / "checkpoints").mkdir()
    (path / "seed-2" / "summary.json").unlink()
    assert command(*INLINE[:2], "--repeats", "2", "--resume", "two").status == 0
    summary = summaries_of(path)[2]
    assert (summary["status"], summary["seed"]) == ("finished", 2)
    assert RepeatsFolder(path).run(2).load("latest").counts["steps"] == summary["steps"]


def test_plot_takes_a_folder_of_repeats_for_its_runs(command, repeated, own_environments):
    for arguments, words in (
        (["two"], "median of 2 runs"),
        (["two/seed-1", "two/seed-2"], "median of 2 runs"),
        (["two/seed-1", "two/seed-2", "--mean"], "mean of 2 runs"),
    ):
        assert command("plot", *arguments, "-o", "all.svg") == (0, "all.svg\n", "")
        assert f"<!-- {words} -->" in (own_environments / "all.svg").read_text()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--repeats", "2", "--run", "two"], ["--run two", "continue them with --resume two", "another --run"]),
        (["--repeats", "2", "--run", "."], ["--run .", "it is not empty", "another --run"]),
        (["--repeats", "2", "--run", "odd_environments.py"], ["odd_environments.py is a file"]),
        (["--repeats", "0"], ["--repeats is 0, but must be at least 1"]),
        (["--repeats", "2", "--optimizer", "addam"], ["no optimizer 'addam'"]),
        (["--repeats", "2", "--resume", "two/seed-1"], ["two/seed-1 holds a single run", "without --repeats"]),
        (["--repeats", "2", "--resume", "nowhere"], ["nowhere holds no run"]),
        (["--repeats", "2", "--resume", "two", "--run", "new"], ["--resume and --run contradict"]),
        (["--repeats", "1", "--resume", "two"], ["two holds 2 seeds already", "--repeats 2 or more"]),
        (["--repeats", "2", "--resume", "two", "--seed", "5"], ["from seed 1 on: leave --seed out"]),
        (["--repeats", "2", "--resume", "two", "--algorithm", "random"], ["a run of a3c, not of random"]),
        (["--resume", "two"], ["two holds repeats: give --repeats, the number of seeds"]),
    ],
    ids=lambda value: " ".join(value) if value[0].startswith("--") else "",
)
def test_what_cannot_be_repeated(command, repeated, own_environments, arguments, words):
    before = {file: file.stat().st_mtime_ns for file in own_environments.rglob("*")}
    # What is resumed brings its own settings.
    outcome = command(*(INLINE[:2] if "--resume" in arguments else INLINE), *arguments)
    assert (outcome.status, outcome.out) == (2, "")
    assert len(outcome.err.splitlines()) == 1
    assert [word for word in words if word not in outcome.err] == []
    assert {file: file.stat().st_mtime_ns for file in own_environments.rglob("*")} == before


def test_without_run_the_folder_says_how_many(command, own_environments):
    assert command(*INLINE, "--repeats", "1", "--seed", "6").status == 0
    (folder,) = (own_environments / "runs").iterdir()
    assert folder.name.startswith("odd_environments-Walk-v0-a3c-x1-")
    assert RepeatsFolder(folder).seeds() == [6]


def test_help_teaches_repeats(command):
    assert "--repeats" in command("train", "--help").out
    assert "--mean" in command("plot", "--help").out


@pytest.mark.parametrize(
    ("measure", "values", "median", "worst"),
    [
        ("solved_at_second", [3.0, 1.0, 2.0], 2.0, 3.0),
        ("solved_at_second", [3.0, None, 1.0], 3.0, None),
        ("solved_at_second", [3.0, None], None, None),
        ("solved_at_second", [None, None, 1.0], None, None),
        ("steps", [10, 40, 20, 30], 25, 40),
        ("return_mean_100", [-5.0, 9.0, 4.0], 4.0, -5.0),
        ("best_return_mean_100", [9.0, None, 4.0], 4.0, None),
        ("seconds", [], None, None),
    ],
)
def test_median_and_worst_of_seeds(measure, values, median, worst):
    assert median_and_worst(measure, values) == (median, worst)
