"""What networks are given, and which network is chosen: what users of grids, symbols and odd pictures met."""

import shutil
from pathlib import Path

import equinox as eqx
import jax.numpy as jnp
import numpy as np
import pytest
from grid_environments import Pieces, Stacked, Symbols, Unreached
from gymnasium.spaces import Box

import a3c
from a3c import A3C, RandomAgent
from a3c.errors import SettingsError
from a3c.runs.checkpoint import Checkpoint
from a3c.runs.folder import RunFolder

BEFORE = Path(__file__).with_name("before_readings.safetensors")
"""A checkpoint of `Symbols`, from before runs recorded how observations are read."""
SYMBOLS = np.arange(36, dtype=np.uint8).reshape(6, 6) % 4
TINY = ["--backend", "inline", "--envs-per-worker", "2", "--seed", "1", "--hidden", "4", "--algorithm", "random"]
"""Of the random algorithm, which needs nothing compiled: its network is made all the same."""


def small(environment, algorithm=A3C, **settings):
    return algorithm(environment, backend="inline", envs_per_worker=2, seed=1, hidden=(4,), **settings)


@pytest.fixture
def train(command):
    """`a3c train` of an environment of grids, into the folder `run`."""

    def train(name, *arguments, steps=32, run="run"):
        return command("train", f"grid_environments:{name}", *TINY, "--steps", steps, "--run", run, *arguments)

    return train


@pytest.mark.parametrize(
    ("name", "line", "recorded"),
    [
        ("Symbols-v0", "network grid (6x6 looks like a grid; uint8 0 to 3 one-hot)", ("grid", "HW", "one_hot", {})),
        (
            "Stacked-v0",
            "network grid (4x6x6 looks like a grid, channels first; float32 as they are)",
            ("grid", "CHW", "raw", {}),
        ),
        (
            "Pieces-v0",
            "networks: map grid (6x6 looks like a grid; uint8 0 to 3 one-hot); "
            "speed mlp (2 numbers; float32 normalised)",
            (None, None, None, {"map": "grid/HW/one_hot", "speed": "mlp/flat/raw"}),
        ),
    ],
)
def test_a_run_says_which_network_was_chosen_and_why_and_records_it(train, command, tmp_path, name, line, recorded):
    outcome = train(name)
    assert (outcome.status, outcome.err) == (0, "")
    assert outcome.out.splitlines()[1] == line
    config = RunFolder(tmp_path / "run").config()
    assert (config.network, config.input_layout, config.input_scaling, config.input_parts) == recorded
    assert a3c.load(tmp_path / "run").config == config
    again = train(name, "--config", "run/config.toml", run="again")
    assert again.status == 0
    assert RunFolder(tmp_path / "again").config() == config
    inspected = command("inspect", f"grid_environments:{name}", "--seconds", "0", *TINY)
    kind, _, why = line.partition(" ")
    assert " ".join(inspected.out.split()).count(f"{kind} {why}") == 1


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["--network", "mlp"], "network mlp, as set (6x6; uint8 0 to 3 one-hot)"),
        (["--input-scaling", "bounds"], "network grid (6x6 looks like a grid; uint8 0 to 3 scaled to 0 to 1)"),
        (["--input-layout", "flat"], "network mlp, as set (6x6; uint8 0 to 3 one-hot)"),
        (["--input-scaling", "bytes"], "network mlp (6x6 numbers; uint8 / 255)"),
    ],
)
def test_a_wrong_guess_can_be_overridden(train, tmp_path, arguments, line):
    outcome = train("Symbols-v0", *arguments)
    assert outcome.status == 0
    assert outcome.out.splitlines()[1] == line
    name, value = arguments[0][2:].replace("-", "_"), arguments[1]
    assert getattr(RunFolder(tmp_path / "run").config(), name) == value


def test_what_does_not_fit_is_refused_in_one_line(train, tmp_path):
    outcome = train("Stacked-v0", "--input-scaling", "one_hot")
    assert (outcome.status, outcome.out) == (2, "")
    assert "one_hot needs whole numbers that take at most 256 values, but observations are float32" in outcome.err
    assert len(outcome.err.splitlines()) == 1
    assert not (tmp_path / "run").exists()


def test_a_checkpoint_that_recorded_no_readings_acts_and_goes_on_as_before():
    agent = a3c.load(BEFORE)
    assert (agent.config.network, agent.config.input_scaling) == (None, "bytes")
    assert agent.value(SYMBOLS) == pytest.approx(0.02903204970061779, rel=1e-5)
    agent.learn(steps=64)
    assert agent.value(SYMBOLS) == pytest.approx(0.03113955818116665, rel=1e-5)


def test_the_settings_of_a_run_that_recorded_no_readings_mean_what_they_meant(train, tmp_path):
    train("Symbols-v0")
    written = (tmp_path / "run" / "config.toml").read_text()
    kept = [row for row in written.splitlines() if not row.startswith(("network", "input_", "[", "schema"))]
    (tmp_path / "old.toml").write_text("\n".join(["schema = 1", *kept]))
    outcome = train("Symbols-v0", "--config", "old.toml", run="again")
    assert outcome.out.splitlines()[1] == "network mlp (6x6 numbers; uint8 / 255)"
    config = RunFolder(tmp_path / "again").config()
    assert (config.network, config.input_scaling) == (None, "bytes")


def test_a_run_that_recorded_no_readings_is_resumed(command, tmp_path):
    folder = tmp_path / "run"
    (folder / "checkpoints").mkdir(parents=True)
    shutil.copy(BEFORE, folder / "checkpoints" / "latest.safetensors")
    rows = ['schema = 1', 'environment = "grid_environments:Symbols-v0"', 'backend = "inline"', "envs_per_worker = 2",
            "hidden = [2]", "shared_trunk = true", 'optimizer = "sgd"', "steps = 64", "seed = 1"]  # fmt: skip
    (folder / "config.toml").write_text("\n".join(rows))
    steps = Checkpoint.load(BEFORE).counts["steps"] + 64
    outcome = command("train", "--resume", "run", "--steps", steps)
    assert (outcome.status, outcome.err) == (0, "")
    agent = a3c.load(folder)
    assert agent.value(SYMBOLS) == pytest.approx(0.03113955818116665, rel=1e-5)


def test_bounds_that_observations_never_approach_are_reported_once(capsys):
    small(Unreached, RandomAgent).learn(steps=1400, progress=True)
    _, line, *rows = capsys.readouterr().out.splitlines()
    assert line == "network grid (6x6 looks like a grid; uint8 / 255)"
    (remark,) = [row for row in rows if "bounds" in row]
    assert "observations were 0 to 3 in 1,0" in remark
    assert "steps, but are scaled by their bounds 0 to 255, so that little is left of them: give the space" in remark
    assert "or set `normalize_observations`" in remark


@pytest.mark.parametrize("settings", [{"normalize_observations": True}, {"input_scaling": "raw"}])
def test_bounds_that_nothing_is_scaled_by_are_not_reported(settings, capsys):
    small(Unreached, RandomAgent, **settings).learn(steps=1400, progress=True)
    assert "bounds" not in capsys.readouterr().out


class Seen(eqx.Module):
    """Hands on every number."""

    def __call__(self, observation):
        return jnp.ravel(observation)


def test_an_own_network_gets_bytes_as_pixels_unless_told_otherwise(tmp_path):
    shapes, values = [], []

    def own(space, key):
        return Seen()

    for settings in ({}, {"input_scaling": "raw"}, {"input_scaling": "one_hot"}):
        agent = small(Symbols, network=own, **settings)
        weight = agent.policy.network(agent.parameters).policy_head.weight
        shapes.append(weight.shape[0])
        values.append(agent.value(SYMBOLS))
    assert shapes == [36, 36, 144]
    assert values[1] == pytest.approx(255 * values[0], rel=1e-4)
    agent.save(tmp_path / "own.safetensors")
    again = a3c.load(tmp_path / "own.safetensors", environment=Symbols, network=own)
    assert again.value(SYMBOLS) == values[2]


def test_a_part_of_an_observation_can_be_read_otherwise():
    agent = small(Pieces, input_parts={"map": "mlp"})
    assert agent.config.input_parts == {"map": "mlp/flat/one_hot", "speed": "mlp/flat/raw"}
    with pytest.raises(SettingsError, match="`input_parts`: observations have no part 'mop'; did you mean 'map'"):
        small(Pieces, input_parts={"mop": "mlp"})


class Last(Stacked):
    observation_space = Box(0, 1, (6, 6, 4), np.float32)


def test_frames_on_another_axis_are_seen_as_if_they_were_last():
    frames = np.random.default_rng(0).random((4, 6, 6)).astype(np.float32)
    first = small(Stacked)
    last = small(Last)
    assert first.config.input_layout == "CHW"
    assert last.config.input_layout == "HWC"
    assert first.value(frames) == pytest.approx(last.value(frames.transpose(1, 2, 0)), rel=1e-5)
