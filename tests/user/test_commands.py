"""`a3c` itself, and `evaluate`, `play`, `plot`, `recipes`; what all commands have in common with `inspect`."""

import dataclasses
import json
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
from a3c_command import A3C, SCRIPT, run_command
from PIL import Image

import a3c
from a3c.agent import Agent
from a3c.runs.folder import RunFolder

COMMANDS = (
    "inspect",
    "train",
    "imitate",
    "evaluate",
    "play",
    "tune",
    "runs",
    "plot",
    "compare",
    "report",
    "recipes",
    "completion",
)


def test_alone_it_prints_help_and_reports_a_mistake(command):
    outcome = command()
    assert outcome.status == 2
    assert outcome.out == command("--help").out
    assert all(f"\n  {name} " in outcome.out for name in COMMANDS)


def test_the_installed_script_prints_help(tmp_path):
    outcome = run_command(SCRIPT, "--help", cwd=tmp_path)
    assert (outcome.status, outcome.err) == (0, "")
    assert outcome.out.startswith("usage: a3c COMMAND")


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_explains_itself(command, name):
    outcome = command(name, "--help")
    assert outcome.status == 0
    assert f"usage: a3c {name}" in outcome.out
    assert outcome.err == ""


def test_help_of_train_names_every_setting(command):
    from a3c.config.making import FIELDS, all_own_fields

    text = command("train", "--help-all").out
    flags = {"wrappers": "wrapper", "import_modules": "import-module"}
    named = [flags.get(name, name.replace("_", "-")) for name in (*FIELDS, *all_own_fields()) if name != "environment"]
    own = ["--algorithm", "--recipe", "--run", "--resume", "--config", "--[no-]progress"]
    assert [name for name in (*named, *own) if name not in text] == []


def test_help_of_train_fits_one_screen(command):
    lines = command("train", "--help").out.splitlines()
    assert len(lines) <= 60
    assert max(map(len, lines)) <= 120


@pytest.mark.parametrize(
    ("statement", "heavy"),
    [
        ("from a3c.cli.main import run; run(['--help'])", ["jax", "numpy", "gymnasium", "matplotlib"]),
        ("from a3c.cli.main import run; run(['completion', 'bash'])", ["jax", "matplotlib", "rich"]),
        ("import a3c; a3c.__version__; dir(a3c)", ["jax", "numpy", "gymnasium", "matplotlib"]),
        ("import a3c; a3c.TrainConfig()", ["jax", "gymnasium", "matplotlib"]),
        ("import a3c; a3c.A3C", ["onnx", "onnxruntime", "jax2onnx", "a3c.exporting"]),
    ],
)
def test_no_heavy_import_is_needed_for(tmp_path, statement, heavy):
    script = f"{statement}\nimport sys; print([name for name in {heavy} if name in sys.modules], file=sys.stderr)"
    outcome = run_command(sys.executable, "-c", script, cwd=tmp_path)
    assert (outcome.status, outcome.err.strip()) == (0, "[]")


def test_train_alone_shows_how_to_start(command, tmp_path):
    outcome = command("train")
    assert (outcome.status, outcome.out) == (2, "")
    first, *examples, last = outcome.err.splitlines()
    assert first == "a3c train: name an environment; for example:"
    assert [line.split()[:2] for line in examples] == [["a3c", "train"]] * 3
    assert "a3c train --help" in last
    assert list(tmp_path.iterdir()) == []


def test_version(command):
    assert command("--version") == (0, f"a3c {a3c.__version__}\n", "")


def test_an_unknown_command_is_named_with_the_nearest(command):
    outcome = command("trian")
    assert outcome.status == 2
    assert outcome.err == "a3c: there is no command 'trian'; did you mean 'train'?; see a3c --help\n"


def test_evaluate_prints_one_line(trained):
    outcome = run_command(*A3C, "evaluate", "run", "--episodes", "10", cwd=trained.folder.path.parent)
    assert (outcome.status, outcome.err) == (0, "")
    assert outcome.out.startswith("CartPole-v1, best checkpoint, greedy, as recorded for this model: ")
    assert "over 10 episodes (worst " in outcome.out
    assert len(outcome.out.splitlines()) == 1


@pytest.mark.parametrize("flags", [(), ("--stochastic",), ("--checkpoint", "latest")])
def test_evaluate_as_json_has_every_episode(command, trained, flags):
    outcome = command("evaluate", trained.folder.path, "--episodes", "7", "--json", *flags)
    result = json.loads(outcome.out)
    assert outcome.status == 0
    assert result["episodes"] == len(result["returns"]) == len(result["lengths"]) == 7
    assert result["mean"] == pytest.approx(np.mean(result["returns"]))
    assert result["std"] == pytest.approx(np.std(result["returns"]))
    assert result["returns"] == result["lengths"]


@pytest.mark.parametrize(
    ("recorded", "flags", "policy", "says"),
    [
        ("sampled", [], "sampled", "sampled, as recorded for this model"),
        ("sampled", ["--greedy"], "greedy", "greedy"),
        ("greedy", ["--stochastic"], "sampled", "sampled"),
    ],
)
def test_a_model_is_played_as_it_is_recorded_unless_told(command, trained, recorded, flags, policy, says):
    dataclasses.replace(trained.folder.load("best"), plays=recorded).save("it.safetensors")
    flags = ["evaluate", "it.safetensors", "--episodes", "2", *flags]
    assert command(*flags).out.startswith(f"CartPole-v1, it.safetensors, {says}: ")
    result = json.loads(command(*flags, "--json").out)
    assert (result["policy"], result["recorded"]) == (policy, says != policy)


@pytest.mark.parametrize("what", ["evaluate", "play"])
def test_it_cannot_be_played_both_ways(command, trained, what):
    outcome = command(what, trained.folder.path, "--greedy", "--stochastic")
    why = "--greedy and --stochastic contradict: give one of them, or none to play as recorded"
    assert (outcome.status, outcome.out, outcome.err) == (2, "", f"a3c {what}: {why}\n")


def test_evaluate_repeats_itself_but_not_with_another_seed(command, trained):
    def returns(*flags):
        return json.loads(command("evaluate", trained.folder.path, "--episodes", "8", "--json", *flags).out)["returns"]

    assert returns() == returns() == returns("--seed", "7")
    assert returns() != returns("--seed", "8")


def test_evaluate_takes_the_best_checkpoint_unless_told(command, trained, tmp_path):
    shutil.copytree(trained.folder.path, tmp_path / "run")
    best = RunFolder(tmp_path / "run").checkpoint_path("best")
    best.write_bytes(b"not a checkpoint")
    assert command("evaluate", "run", "--episodes", "2").status == 2
    assert command("evaluate", "run", "--episodes", "2", "--checkpoint", "latest").status == 0
    best.unlink()
    assert command("evaluate", "run", "--episodes", "2").status == 0


def test_evaluate_takes_a_checkpoint_file(command, trained):
    outcome = command("evaluate", trained.folder.checkpoint_path("latest"), "--episodes", "2")
    assert outcome.status == 0
    assert "over 2 episodes" in outcome.out


def test_play_writes_a_film(command, trained, tmp_path):
    pytest.importorskip("pygame")
    outcome = command("play", trained.folder.path, "--video", "film.gif", "--episodes", "2", "--seed", "3")
    assert (outcome.status, outcome.err) == (0, "")
    how, first, second, last = outcome.out.splitlines()
    assert how == "plays    greedy, as recorded for this model"
    assert first.startswith("episode 1: return ")
    assert second.startswith("episode 2: return ")
    steps = sum(int(line.split()[-1]) for line in (first, second))
    # A frame before every step, and one of each episode's end.
    assert last == f"video    film.gif ({steps + 2} frames, {(steps + 2) / 50:.0f} s)"
    with Image.open(tmp_path / "film.gif") as film:
        assert film.format == "GIF"
        # Frames that look alike are joined.
        assert 2 < film.n_frames <= steps + 2


def _frames_of_an_episode(agent: Agent, seed: int) -> list[np.ndarray]:
    """A frame before every step, and that of the end."""
    environment = agent.make_environment(render_mode="rgb_array")
    observation, _ = environment.reset(seed=seed)
    frames, ended = [environment.render()], False
    while not ended:
        observation, _, terminated, truncated, _ = environment.step(agent.predict(observation)[0])
        frames.append(environment.render())
        ended = terminated or truncated
    environment.close()
    return frames


def test_play_writes_a_filmstrip_instead_of_a_window(command, trained, tmp_path):
    pytest.importorskip("pygame")
    outcome = command("play", trained.folder.path, "--filmstrip", "strip.png", "--seed", "3")
    assert (outcome.status, outcome.err) == (0, "")
    _, first, last = outcome.out.splitlines()
    assert first.startswith("episode 1: return ")
    assert last == "strip    strip.png"
    assert [path.name for path in tmp_path.iterdir()] == ["strip.png"]
    drawn = _frames_of_an_episode(a3c.load(trained.folder.path), seed=3)
    assert len(drawn) == int(first.split()[-1]) + 1
    with Image.open(tmp_path / "strip.png") as strip:
        assert strip.format == "PNG"
        # 3 rows of 6 frames of 200x133, 4 white pixels around each.
        assert strip.size == (6 * 204 + 4, 3 * 137 + 4)
        pixels = np.asarray(strip.convert("RGB"))
    # The gap comes off every frame, and the rest is white.
    cells = pixels[4:, 4:].reshape(3, 137, 6, 204, 3).swapaxes(1, 2).reshape(18, 137, 204, 3)
    frames = cells[:, :133, :200]
    count = min(18, len(drawn))
    assert (frames[count:] == 255).all()
    frames = frames[:count]
    expected = [drawn[round(index)] for index in np.linspace(0, len(drawn) - 1, count)]
    np.testing.assert_array_equal(frames, [np.asarray(Image.fromarray(frame).resize((200, 133))) for frame in expected])
    assert (frames < 255).any(axis=(1, 2, 3)).all()
    assert (pixels < 255).sum() == (frames < 255).sum()


def test_play_writes_film_and_strip_of_the_first_seconds(command, trained, tmp_path):
    pytest.importorskip("pygame")
    flags = ["--video", "film.gif", "--filmstrip", "strip.png", "--episodes", "1000", "--seed", "3"]
    outcome = command("play", trained.folder.path, *flags, "--seconds", "2")
    assert (outcome.status, outcome.err) == (0, "")
    _, *episodes, film, strip = outcome.out.splitlines()
    # 50 frames a second; a frame before every step, and one of each end. The last episode has no return.
    assert film == "video    film.gif (100 frames, 2 s)"
    assert strip == "strip    strip.png"
    assert sum(int(line.split()[-1]) + 1 for line in episodes) <= 100
    with Image.open(tmp_path / "film.gif") as film, Image.open(tmp_path / "strip.png") as strip:
        assert 1 < film.n_frames <= 100
        assert strip.format == "PNG"


def test_play_of_a_moment_shows_it_all_over_the_strip(command, trained):
    pytest.importorskip("pygame")
    outcome = command("play", trained.folder.path, "--stochastic", "--filmstrip", "strip.png", "--seconds", "0.001")
    assert outcome == (0, "plays    sampled\nstrip    strip.png\n", "")


@pytest.mark.parametrize(
    "flags",
    [["--seconds", "5"], ["--seconds", "0", "--video", "film.gif"], ["--seconds", "-1", "--filmstrip", "s.png"]],
)
def test_seconds_are_those_of_a_film(command, trained, tmp_path, monkeypatch, flags):
    monkeypatch.setenv("DISPLAY", ":0")
    outcome = command("play", trained.folder.path, *flags)
    assert (outcome.status, outcome.out) == (2, "")
    assert outcome.err.startswith("a3c play: --seconds limits what --video and --filmstrip show")
    assert len(outcome.err.splitlines()) == 1
    assert list(tmp_path.iterdir()) == []


def test_play_without_a_display_offers_a_video(command, trained):
    outcome = command("play", trained.folder.path)
    assert outcome.status == 2
    assert outcome.err == "a3c play: there is no display to open a window on: write a video with --video agent.gif\n"


@pytest.mark.parametrize("name", ["curve.png", "curve.svg", "curve.pdf"])
def test_plot_draws_one_run(command, trained, tmp_path, name):
    outcome = command("plot", trained.folder.path, "-o", name)
    assert outcome == (0, f"{name}\n", "")
    starts = {"curve.png": b"\x89PNG", "curve.svg": b"<?xml", "curve.pdf": b"%PDF"}
    assert (tmp_path / name).read_bytes().startswith(starts[name])


def test_plot_names_each_of_several_runs(command, trained, tmp_path):
    shutil.copytree(trained.folder.path, tmp_path / "another run")
    assert command("plot", trained.folder.path, "another run", "--by", "run", "-o", "both.svg").status == 0
    picture = (tmp_path / "both.svg").read_text()
    # Text is drawn as outlines, with the words beside them in a comment.
    assert "<!-- another run -->" in picture
    assert "<!-- run -->" in picture
    assert "<!-- A3C on CartPole-v1 -->" in picture


def test_recipes_are_listed_and_shown(command):
    from a3c.recipes import all_recipes, find_recipe

    listed = command("recipes")
    assert listed.status == 0
    for name, recipe in all_recipes().items():
        assert name in listed.out
        shown = command("recipes", name)
        assert shown.status == 0
        # What is shown is a recipe of one's own.
        Path("mine.toml").write_text(shown.out)
        own = dataclasses.replace(find_recipe("mine.toml", ""), name=name, default=recipe.default)
        assert own == recipe


def test_output_into_a_closed_pipe_is_no_crash(tmp_path):
    outcome = run_command("sh", "-c", f"{' '.join(A3C)} recipes | head -c 1; exit 0", cwd=tmp_path)
    assert "Traceback" not in outcome.err
    assert "Exception" not in outcome.err
