"""Mistakes of a user: exit status 2, and one line that says what is wrong and what to do. Nothing is written."""

import importlib.util
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from a3c_command import A3C, SMALL, run_command
from safetensors.numpy import save

from a3c.config import SCHEMA_VERSION
from a3c.config.making import recorded
from a3c.runs.folder import RunFolder

TRAIN = ["train", "CartPole-v1", "--recipe", "none", "--steps", "100"]


def assert_refused(outcome, *words: str) -> None:
    assert outcome.status == 2
    assert outcome.out == ""
    lines = outcome.err.strip().splitlines()
    assert len(lines) == 1, outcome.err
    assert "Traceback" not in outcome.err
    for word in words:
        assert word in outcome.err


@pytest.mark.parametrize(
    ("environment", "words"),
    [
        ("CartPol-v1", ["there is no environment 'CartPol-v1'", "did you mean 'CartPole-v1'"]),
        ("Qwertyuiop", ["there is no environment 'Qwertyuiop'", "module:Qwertyuiop for one of your own"]),
        ("no_such_module:Walk-v0", ["there is no module 'no_such_module'", "nor in the current folder"]),
        ("odd_environments:Wakl-v0", ["there is no environment 'odd_environments:Wakl-v0'", "'Walk-v0'"]),
        ("odd_environments:TextObservations-v0", ["observation space Text", "not supported", "supported: Box"]),
        ("odd_environments:TextActions-v0", ["action space Text", "not supported", "supported: Box"]),
        ("odd_environments:Unmakeable-v0", ["could not be made", "the camera is not connected"]),
        ("", ["name an environment"]),
    ],
)
def test_a_wrong_environment(command, own_environments, environment, words):
    outcome = command("train", environment, "--steps", "100", "--run", "run")
    assert_refused(outcome, *words)
    assert [path.name for path in own_environments.iterdir() if path.name != "__pycache__"] == ["odd_environments.py"]


def test_a_game_with_a_slip_of_the_pen(command, tmp_path):
    pytest.importorskip("ale_py")
    outcome = command("train", "ALE/Pnog-v5", "--steps", "100", "--run", "run")
    assert_refused(outcome, "there is no environment 'ALE/Pnog-v5'; did you mean 'ALE/Pong-v5'")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("environment", "module", "extra"),
    [("ALE/Pong-v5", "ale_py", "atari"), ("LunarLander-v3", "Box2D", "box2d"), ("Ant-v5", "mujoco", "mujoco")],
)
def test_an_environment_that_is_not_installed(command, environment, module, extra):
    if importlib.util.find_spec(module):
        pytest.skip(f"{module} is installed")
    outcome = command("train", environment, "--steps", "100", "--run", "run")
    assert_refused(outcome, environment, f"in a clone of a3c, pip install '.[{extra}]'")


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (["--workers", "0"], ["--workers is 0, but must be at least 1"]),
        (["--workers", "-2"], ["--workers is -2"]),
        (["--steps", "0"], ["--steps is 0, but must be at least 1"]),
        (["--envs-per-worker", "0"], ["--envs-per-worker is 0"]),
        (["--seconds", "0"], ["--seconds is 0.0, but must be above 0"]),
        (["--learning-rate", "-1"], ["--learning-rate is -1.0"]),
        (["--learning-rate", "nan"], ["--learning-rate cannot be nan"]),
        (["--gamma", "1.5"], ["--gamma is 1.5, but must be at least 0 and at most 1"]),
        (["--seed", "-1"], ["--seed is -1"]),
        (["--workers", "two"], ["--workers", "two"]),
        (["--steps", "1.5"], ["--steps", "1.5"]),
        (["--algorithm", "dqn"], ["there is no algorithm", "dqn", "a3c"]),
        (["--learningrate", "1"], ["--learningrate"]),
        (["--steps"], ["--steps"]),
        (["--backend", "inline", "--workers", "2"], ["--backend inline", "--workers"]),
        (["--backend", "inline", "--locked"], ["--locked", "--backend inline"]),
        (["--epsilon-final", "0.1"], ["--epsilon-final", "without --epsilon"]),
        (["--predictors", "2"], ["--predictors is a setting of ga3c, not of a3c"]),
        (
            ["--algorithm", "a2c", "--min-batch", "64"],
            ["--min-batch is a setting of ga3c and impact and impala, not of a2c"],
        ),
        (["--algorithm", "impala", "--trainers", "2"], ["--trainers is a setting of ga3c, not of impala"]),
        (["--algorithm", "ga3c", "--forced-lag", "2"], ["--forced-lag is a setting of impala, not of ga3c"]),
        (
            ["--algorithm", "ga3c", "--queue-size", "1", "--min-batch", "512"],
            ["--queue-size is 1", "--min-batch 512", "takes 2 segments"],
        ),
        (["--algorithm", "impala", "--queue-size", "0"], ["--queue-size is 0, but must be at least 1"]),
        (["--algorithm", "impala", "--rho-clip", "0"], ["--rho-clip is 0.0, but must be above 0"]),
        (["--algorithm", "impala", "--forced-lag", "-1"], ["--forced-lag is -1, but must be at least 0"]),
        (["--algorithm", "impala", "--locked"], ["--locked is of no use to impala"]),
        (["--algorithm", "impala", "--n-step", "4"], ["--n-step is not defined for V-trace", "--lag-correction"]),
        (["--frame-stack", "4"], ["--frame-stack: only for frames, uint8 [H, W] or [H, W, C]"]),
        (["--grayscale", "--frame-size", "84"], ["--grayscale --frame-size: only for frames"]),
        (["--sticky-actions", "0.25"], ["--sticky-actions: only Atari games have that, and CartPole-v1 is none"]),
        (["--no-max-pool", "--noop-max", "30"], ["--noop-max --max-pool: only Atari games have that"]),
        (["--sticky-actions", "1"], ["--sticky-actions is 1.0, but must be at least 0 and below 1"]),
        (["--threshold", "255"], ["--threshold is 255, but must be at least 0 and at most 254"]),
        (["--frame-size", "8", "8", "8"], ["--frame-size takes at most 2 numbers, not 3"]),
        (["--network", "a3c"], ["--network a3c needs frames", "use mlp"]),
        (["--network", "resnet"], ["--network", "resnet", "nature"]),
        (["--algorithm", "impala", "--normalize-returns"], ["--normalize-returns is not defined for V-trace"]),
        (["--algorithm", "ga3c", "--lag-correction", "retrace"], ["--lag-correction", "retrace", "vtrace"]),
    ],
    ids=" ".join,
)
def test_a_wrong_flag(command, tmp_path, flags, words):
    assert_refused(command(*TRAIN, *flags, "--run", "run"), *words)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["odd_environments:Walk-v0"], ["nothing would ever end this run", "--steps"]),
        (["CartPole-v1", "--recipe", "none", "--no-stop-when-solved"], ["nothing would ever end", "--episodes"]),
        (["CartPole-v1", "--recipe", "tensorflow"], ["there is no recipe 'tensorflow'", "'tensorflow-blog'"]),
        (["CartPole-v1", "--steps", "9", "--optimizer", "addam"], ["no optimizer 'addam'", "'adam'"]),
        (["CartPole-v1", "--steps", "9", "--env-kwargs", "sutton", "1"], ["CartPole-v1 could not be made", "sutton"]),
        (["CartPole-v1", "--resume", "a", "--config", "b"], ["--resume", "--config", "contradict"]),
        (["CartPole-v1", "--resume", "nowhere"], ["nowhere holds no run"]),
        (
            ["odd_environments:Frames-v0", "--sticky-actions", "0.25"],
            ["--sticky-actions", "only Atari games have that"],
        ),
        (["odd_environments:Frames-v0", "--crop", "0", "25"], ["--crop 0 25 is not inside", "BOTTOM <= 24"]),
        (["odd_environments:Frames-v0", "--crop", "9", "9"], ["--crop 9 9 is not inside", "TOP < BOTTOM"]),
        (["odd_environments:Frames-v0", "--crop", "0", "24", "-1"], ["--crop 0 24 -1 is not inside", "0 <= LEFT"]),
        (["odd_environments:Frames-v0", "--frame-size", "25"], ["--frame-size 25 25 is larger", "24 24"]),
        (
            ["odd_environments:Frames-v0", "--crop", "2", "22", "--frame-size", "21", "20"],
            ["--frame-size 21 20 is larger", "20 24 after --crop"],
        ),
        (["odd_environments:Frames-v0", "--network", "nature"], ["frames of 24x24 are too small", "--network"]),
        (["odd_environments:Measures-v0", "--frame-stack", "4"], ["--frame-stack: only for frames"]),
        (["--config", "missing.toml"], ["missing.toml cannot be read: No such file"]),
    ],
    ids=" ".join,
)
def test_what_cannot_be_trained(command, own_environments, arguments, words):
    before = {path.name for path in own_environments.iterdir()}
    assert_refused(command("train", *arguments), *words)
    assert {path.name for path in own_environments.iterdir()} - before <= {"__pycache__"}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("schema = 1\nsteps = [\n", ["is not a TOML file"]),
        ("schema = 99\n", ["run/config.toml has schema 99, of a newer version of a3c", "update a3c"]),
        ("steps = 5\n", ["has schema None, which no version of a3c has written"]),
        ("schema = 1\nstepps = 5\n", ["there is no setting 'stepps'", "did you mean 'steps'"]),
        ('schema = 1\nsteps = "five"\n', ["steps cannot be 'five'"]),
        ("schema = 1\nworkers = 0\n", ["--workers is 0"]),
        (b"\xff\xfe\x00", ["is not a TOML file"]),
    ],
)
@pytest.mark.parametrize("way", ["--config", "--resume"])
def test_a_corrupt_config(command, tmp_path, way, text, words):
    file = tmp_path / "run" / "config.toml"
    file.parent.mkdir()
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    assert_refused(command("train", way, "run/config.toml" if way == "--config" else "run"), "run/config.toml", *words)
    assert list(file.parent.iterdir()) == [file]


def test_a_run_folder_that_holds_a_run_is_not_overwritten(trained):
    before = {path: path.stat().st_mtime_ns for path in trained.folder.path.rglob("*")}
    outcome = run_command(*A3C, *TRAIN, "--run", "run", cwd=trained.folder.path.parent)
    assert_refused(outcome, "run already holds a run: continue it with --resume run, or choose another --run")
    assert {path: path.stat().st_mtime_ns for path in trained.folder.path.rglob("*")} == before


@pytest.mark.parametrize("run", ["file", "file/run"])
def test_a_run_folder_that_cannot_be_made(command, tmp_path, run):
    (tmp_path / "file").write_text("mine")
    assert_refused(command(*TRAIN, "--run", run), f"--run {run}")
    assert (tmp_path / "file").read_text() == "mine"


def _truncated(content: bytes) -> bytes:
    return content[: len(content) // 2]


def _without_header(content: bytes) -> bytes:
    return save({"parameters": np.zeros(3, np.float32)})


def _other_header(**changes):
    """Other fields, without the checksum, as files had none once."""

    def change(content: bytes) -> bytes:
        length = int.from_bytes(content[:8], "little")
        header = json.loads(content[8 : 8 + length])
        ours = json.loads(header["__metadata__"]["a3c"])
        del ours["sha256"]
        header["__metadata__"]["a3c"] = json.dumps(ours | changes)
        text = json.dumps(header).encode()
        text += b" " * (-len(text) % 8)
        return len(text).to_bytes(8, "little") + text + content[8 + length :]

    return change


DAMAGES = {
    "empty": (lambda content: b"", "is damaged or not a checkpoint"),
    "truncated": (_truncated, "is damaged or not a checkpoint"),
    "random bytes": (lambda content: bytes(range(256)) * 64, "is damaged or not a checkpoint"),
    "foreign": (_without_header, "is a safetensors file, but not a checkpoint of a3c"),
    "another schema": (
        _other_header(schema=99),
        f"which reads up to {SCHEMA_VERSION}: update a3c",
    ),
    "unknown setting": (_other_header(config={"colour": "red"}), "does not hold what a checkpoint should"),
    "unknown field": (_other_header(colour="red"), "does not hold what a checkpoint should"),
    "other spaces": (
        _other_header(spaces={"observation": {"kind": "Box", "shape": [9]}, "action": {}}),
        "was trained for the observation space",
    ),
    "no spaces": (_other_header(spaces={}), "does not hold what a checkpoint should"),
    "no counts": (_other_header(counts={}), "does not hold what a checkpoint should"),
    "played in no known way": (_other_header(plays="often"), "its plays are not greedy or sampled"),
    "header of another type": (_other_header(spaces=[1], counts="many"), "does not hold what a checkpoint should"),
}


@pytest.fixture
def damaged_run(request, trained, tmp_path) -> Path:
    run = tmp_path / "run"
    shutil.copytree(trained.folder.path, run)
    for path in RunFolder(run).checkpoints.iterdir():
        path.write_bytes(request.param(path.read_bytes()))
    return run


@pytest.mark.parametrize(("damaged_run", "word"), DAMAGES.values(), ids=DAMAGES, indirect=["damaged_run"])
@pytest.mark.parametrize("arguments", [["train", "--resume", "run", "--steps", "9000"], ["evaluate", "run"]])
def test_a_wrong_checkpoint(command, damaged_run, word, arguments):
    before = {path: path.read_bytes() for path in damaged_run.rglob("*.*") if path.is_file()}
    assert_refused(command(*arguments), word)
    assert {path: path.read_bytes() for path in damaged_run.rglob("*.*") if path.is_file()} == before


def test_a_run_without_a_checkpoint_has_nobody_to_evaluate(command, trained, tmp_path):
    shutil.copytree(trained.folder.path, tmp_path / "run")
    shutil.rmtree(tmp_path / "run" / "checkpoints")
    assert_refused(command("evaluate", "run"), "run holds no checkpoint yet")


def test_a_checkpoint_with_parameters_for_another_network(command, trained, tmp_path):
    shutil.copytree(trained.folder.path, tmp_path / "run")
    outcome = command("train", "--resume", "run", "--steps", "9000", "--hidden", "32")
    assert_refused(outcome, "parameters, but this network has")


def test_a_checkpoint_that_is_no_number_any_more(command, trained, tmp_path):
    checkpoint = trained.folder.load("latest")
    header = {name: value for name, value in vars(checkpoint).items() if not isinstance(value, np.ndarray)}
    header |= {"schema": SCHEMA_VERSION, "config": recorded(checkpoint.config)}
    del header["source"]
    tensors = {name: value for name, value in vars(checkpoint).items() if isinstance(value, np.ndarray)}
    tensors["parameters"] = tensors["parameters"] * np.float32("nan")
    (tmp_path / "diverged.safetensors").write_bytes(save(tensors, {"a3c": json.dumps(header)}))
    assert_refused(command("evaluate", "diverged.safetensors"), "diverged.safetensors", "parameters are not finite")


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (["--run", "other"], ["--resume and --run contradict"]),
        (["--algorithm", "random"], ["is a run of a3c, not of random"]),
        (["--config", "run/config.toml"], ["--resume and --config contradict"]),
    ],
    ids=" ".join,
)
def test_resuming_what_would_be_another_run(command, trained, tmp_path, flags, words):
    shutil.copytree(trained.folder.path, tmp_path / "run")
    assert_refused(command("train", "--resume", "run", "--steps", "9000", *flags), *words)


def test_resuming_with_another_environment(command, trained):
    outcome = command("train", "Acrobot-v1", "--resume", trained.folder.path, "--steps", "9000")
    assert_refused(outcome, "is a run of CartPole-v1, not of Acrobot-v1")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["evaluate", "nowhere"], ["there is no run folder or checkpoint nowhere"]),
        (["evaluate", "."], [". holds no run"]),
        (["evaluate", "{run}", "--episodes", "0"], ["episodes is 0, but must be at least 1"]),
        (["play", "{run}", "--video", "film.avi"], ["film.avi", ".gif or .mp4"]),
        (["play", "{run}", "--video", "nowhere/film.gif"], ["there is no folder nowhere"]),
        (["play", "{run}", "--filmstrip", "strip.jpg"], ["--filmstrip strip.jpg: name a .png file"]),
        (["play", "{run}", "--filmstrip", "nowhere/strip.png"], ["there is no folder nowhere"]),
        (["play", "{run}", "--video", "film.gif", "--episodes", "0"], ["--episodes is 0"]),
        (["plot"], ["name at least one run folder"]),
        (["plot", "nowhere"], ["nowhere holds no run"]),
        (["plot", "{run}", "-o", "curve.xyz"], ["curve.xyz", "xyz"]),
        (["plot", "{run}", "-o", "nowhere/curve.png"], ["there is no folder nowhere"]),
        (["recipes", "tensorflow"], ["there is no recipe 'tensorflow'", "'tensorflow-blog'"]),
    ],
    ids=" ".join,
)
def test_the_other_commands(command, trained, tmp_path, arguments, words):
    outcome = command(*(argument.format(run=trained.folder.path) for argument in arguments))
    assert_refused(outcome, *words)
    assert list(tmp_path.iterdir()) == []


def test_plotting_a_run_without_episodes(command, tmp_path):
    flags = [*SMALL, "--backend", "inline", "--steps", "2", "--envs-per-worker", "1", "--segment-length", "2"]
    assert command("train", "CartPole-v1", *flags, "--run", "run").status == 0
    assert_refused(command("plot", "run", "-o", "out.png"), "run holds no finished episode yet: nothing to plot")
    assert not (tmp_path / "out.png").exists()


@pytest.mark.parametrize("arguments", [["train", "CartPol-v1"], ["evaluate", "nowhere"]])
def test_in_a_process_of_its_own_it_is_one_line_too(tmp_path, arguments):
    assert_refused(run_command(*A3C, *arguments, cwd=tmp_path), arguments[1])
    assert list(tmp_path.iterdir()) == []


def test_a_folder_for_temporary_files_whose_path_is_too_long(tmp_path):
    temporary = tmp_path / ("long" * 30)
    temporary.mkdir()
    outcome = run_command(*A3C, *TRAIN, "--run", "run", cwd=tmp_path, TMPDIR=str(temporary))
    assert_refused(outcome, str(temporary), "too long", "set TMPDIR")
    assert list(tmp_path.iterdir()) == [temporary]
    assert list(temporary.iterdir()) == []
