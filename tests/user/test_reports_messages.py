"""What users reported of the command line's messages: one line each, status 2, nothing written."""

import shutil

import pytest

from a3c.cli.train import parse
from a3c.runs.folder import RunFolder, config_toml

TRAIN = ["train", "CartPole-v1", "--recipe", "none", "--backend", "inline", "--run", "run"]
ELSEWHERE = {
    "--lr": "--learning-rate",
    "--total-timesteps": "--steps",
    "--total_timesteps": "--steps",
    "--total-steps": "--steps",
    "--timesteps": "--steps",
    "--num-envs": "--envs-per-worker",
    "--n-envs": "--envs-per-worker",
    "--num-workers": "--workers",
    "--n-steps": "--segment-length",
    "--num-steps": "--segment-length",
    "--ent-coef": "--entropy-coefficient",
    "--vf-coef": "--value-coefficient",
    "--max-grad-norm": "--max-gradient-norm",
    "--gae": "--gae-lambda",
    "--algo": "--algorithm",
    "--log-dir": "--run",
    "--clip-coef": "--clip-range",
    "--eval-freq": "--evaluate-every",
    "--exploration-fraction": "--epsilon-anneal-steps",
}
MORE = "; see a3c train --help\n"


def assert_refused(outcome, message, folder=None):
    assert outcome == (2, "", message)
    assert folder is None or list(folder.iterdir()) == []


@pytest.mark.parametrize(("theirs", "ours"), ELSEWHERE.items())
@pytest.mark.parametrize("written", ["{} 1", "{}=1"])
def test_a_flag_of_another_library_is_told_ours(command, tmp_path, theirs, ours, written):
    outcome = command(*TRAIN, *written.format(theirs).split())
    assert_refused(outcome, f"a3c train: there is no flag {theirs}; it is called {ours!r} here{MORE}", tmp_path)


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ("--learningrate 1", "there is no flag --learningrate; did you mean '--learning-rate' or "),
        ("-steps 5", "there is no flag -steps; did you mean '--steps' or "),
        ("--no-steps", "there is no flag --no-steps; did you mean "),
        ("--qqqq", f"there is no flag --qqqq{MORE}"),
        ("--env CartPole-v1", f"there is no flag --env: give the environment first, without a flag{MORE}"),
        ("--environment X", f"there is no flag --environment: give the environment first, without a flag{MORE}"),
        (
            "--batch-size 64",
            f"there is no flag --batch-size; it is called '--min-batch' or '--minibatch-size' here{MORE}",
        ),
        ("--cuda", f"there is no flag --cuda: a learner (ga3c, impala, impact) uses a GPU by itself{MORE}"),
        (
            "--torch-deterministic",
            "there is no flag --torch-deterministic: one seed gives one result with a2c, or with --ord",
        ),
        ("CartPole-v0", f"'CartPole-v0' is one argument too many: every setting has a flag{MORE}"),
        ("--steps", f"--steps needs a value: a whole number{MORE}"),
        ("--steps --seed 1", f"--steps needs a value: a whole number{MORE}"),
        ("--steps 1.5", "--steps is '1.5', but must be a whole number\n"),
        ("--steps 100k", "--steps is '100k', but must be a whole number; write 100_000\n"),
        ("--steps=1.5M", "--steps is '1.5M', but must be a whole number; write 1_500_000\n"),
        ("--steps 1,000", "--steps is '1,000', but must be a whole number; write 1_000\n"),
        ("--steps 1e400", "--steps is '1e400', but must be a whole number\n"),
        ("--workers two", "--workers is 'two', but must be a whole number\n"),
        ("--seconds soon", "--seconds is 'soon', but must be a number\n"),
        ("--hidden 64 6.5", "--hidden is '6.5', but must be whole numbers\n"),
        ("--epsilon 0.5 x", "--epsilon is 'x', but must be numbers\n"),
        ("--grayscale=yes", f"--grayscale takes no value: it is on where it is given{MORE}"),
        ("--algorithm dqn", "there is no algorithm 'dqn'; did you mean 'pqn'?; there are: a3c, a2c, "),
        ("--locked=1", f"--locked takes no value: it is on where it is given{MORE}"),
        ("--env-kwargs size", f"--env-kwargs takes pairs, each a name and a value: 'size' has none{MORE}"),
        ("--optimizer-options eps x", "--optimizer-options is 'x', but must be a number\n"),
        ("--steps 0", "--steps is 0, but must be at least 1\n"),
        ("--seed -1", "--seed is -1, but must be at least 0\n"),
        ("--gamma -1e-3", "--gamma is -0.001, but must be at least 0 and at most 1\n"),
    ],
)
def test_a_wrong_flag_is_one_line(command, tmp_path, flags, message):
    outcome = command(*TRAIN, *flags.split())
    assert (outcome.status, outcome.out) == (2, "")
    assert outcome.err.startswith(f"a3c train: {message}")
    assert outcome.err.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("evaluate", "name the run: a3c evaluate RUN; see a3c evaluate --help"),
        ("evaluate --run x", "there is no flag --run: give the run first, without a flag; see a3c evaluate --help"),
        ("evaluate x y", "'y' is one argument too many: every setting has a flag; see a3c evaluate --help"),
        ("evaluate x --n-eval-episodes 5", "there is no flag --n-eval-episodes; it is called '--episodes' here; see"),
        ("evaluate x --checkpoint newest", "--checkpoint is 'newest', but must be one of best, latest"),
        ("play x --record f.gif", "there is no flag --record; it is called '--video' here; see a3c play --help"),
        ("play x --seconds x", "--seconds is 'x', but must be a number"),
        ("plot x --out y", "there is no flag --out; did you mean '--output'?; see a3c plot --help"),
        ("plot x -o", "-o needs a value: a path; see a3c plot --help"),
        ("plot x --output=", "--output is '', but must be a path"),
        ("recipes a b", "'b' is one argument too many: every setting has a flag; see a3c recipes --help"),
        ("inspect CartPole-v1 --lr 1", "there is no flag --lr; it is called '--learning-rate' here; see a3c inspect"),
    ],
)
def test_a_wrong_flag_of_the_other_commands_is_one_line(command, tmp_path, arguments, message):
    name, *rest = arguments.split()
    outcome = command(name, *rest)
    assert (outcome.status, outcome.out) == (2, "")
    assert outcome.err.startswith(f"a3c {name}: {message}")
    assert outcome.err.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_numbers_may_be_written_in_every_way(tmp_path):
    flags = "--steps 2e2 --envs_per_worker=1_0.0 --hidden 1e1 8 --optimizer rmsprop --optimizer-options decay 1e-1"
    config = parse(["CartPole-v1", "--recipe", "none", *flags.split()])[1]
    assert (config.steps, config.envs_per_worker, config.hidden) == (200, 10, (10, 8))
    assert config.optimizer_options == {"decay": 0.1}
    # A file may be written by hand, and pairs that are given replace those in it.
    file = tmp_path / "mine.toml"
    file.write_text(config_toml(config).replace("steps = 200\n", "steps = 3e2\n"))
    config = parse(["--config", str(file), "--optimizer-options", "eps", "1"])[1]
    assert (config.steps, config.optimizer_options) == (300, {"eps": 1.0})


def test_pairs_of_a_recipe_are_replaced_by_those_given():
    assert parse(["CartPole-v1"])[1].optimizer_options == {"b1": 0.5, "b2": 0.99}
    assert parse(["CartPole-v1", "--optimizer-options", "b1", "0.8"])[1].optimizer_options == {"b1": 0.8}
    changed = parse(["CartPole-v1", "--optimizer-options.b1", "0.8"])[1].optimizer_options
    assert changed == {"b1": 0.8, "b2": 0.99}


def test_a_file_with_half_a_step_is_refused(command, tmp_path):
    (tmp_path / "mine.toml").write_text("schema = 1\nsteps = 1.5\n")
    message = "a3c train: mine.toml: --steps cannot be 1.5; it must be a whole number\n"
    assert_refused(command("train", "--config", "mine.toml"), message)


@pytest.mark.parametrize(
    ("environment", "own"),
    [("Mine-v0", True), ("MyCart-v0", True), ("MyGrid-v3", True), ("CartPol-v1", False), ("FrozenLake-v2", False)],
)
def test_an_id_of_ones_own_is_named_with_its_module(command, tmp_path, environment, own):
    outcome = command("train", environment, "--steps", "10")
    assert outcome.status == 2
    assert outcome.err.startswith(f"a3c train: there is no environment '{environment}'; ")
    assert (f"module:{environment}" in outcome.err) == own
    assert outcome.err.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_a_folder_of_runs_is_plotted_whole(command, trained, tmp_path):
    for name in ("runs/first", "runs/second", "runs/repeats/seed-1"):
        shutil.copytree(trained.folder.path, tmp_path / name)
    assert command("plot", "runs/first", "runs/second", "-o", "two.svg") == (0, "two.svg\n", "")
    assert command("plot", "runs", "-o", "all.svg") == (0, "all.svg\n", "")
    picture = (tmp_path / "all.svg").read_text()
    assert "<!-- runs: median of 2 runs -->" in picture
    assert "<!-- repeats: median of 1 run -->" in picture
    shutil.rmtree(tmp_path / "runs" / "repeats")
    assert command("plot", "runs", "--by", "run", "-o", "both.svg") == (0, "both.svg\n", "")
    picture = (tmp_path / "both.svg").read_text()
    assert "<!-- first -->" in picture
    assert "<!-- second -->" in picture


def test_what_has_no_episode_is_left_out_of_a_folder_of_runs(command, trained, tmp_path):
    for name in ("old", "young"):
        shutil.copytree(trained.folder.path, tmp_path / "runs" / name)
    young = RunFolder(tmp_path / "runs" / "young").episodes_path
    young.write_text(young.read_text().splitlines()[0] + "\n")
    outcome = command("plot", "runs", "-o", "a.png")
    assert outcome == (0, "a.png\n", "left out, without a finished episode: runs/young\n")
    shutil.rmtree(tmp_path / "runs" / "old")
    assert command("plot", "runs").err == "a3c plot: runs/young holds no finished episode yet: nothing to plot\n"


@pytest.mark.parametrize("made", [True, False])
def test_a_folder_without_runs_is_none(command, tmp_path, made):
    if made:
        (tmp_path / "empty").mkdir()
    assert_refused(command("plot", "empty"), "a3c plot: empty holds no run: there is no config.toml in it\n")
