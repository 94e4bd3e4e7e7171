"""The scripts in examples/ do what they say."""

import re
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
from a3c_command import run_command

EXAMPLES = Path(__file__).parents[2] / "examples"


def printed_by(name: str, folder: Path, **variables: str) -> str:
    outcome = run_command(sys.executable, EXAMPLES / f"{name}.py", cwd=folder, **variables)
    assert outcome.status == 0, outcome.err
    return outcome.out


def mean_return(printed: str) -> float:
    found = re.search(r"(\S+) \+- \S+ over 20 episodes", printed)
    assert found, printed
    return float(found[1])


def best_in_training(printed: str) -> float:
    """The best mean of 100 training episodes: asynchronous training may end in a dip, which greedy play then shows."""
    found = re.findall(r"  best (\S+)  ", printed)
    assert found, printed
    return float(found[-1])


def test_own_environment(tmp_path):
    assert mean_return(printed_by("own_environment", tmp_path)) == pytest.approx(0.9, abs=0.05)


def test_masks(tmp_path):
    printed = printed_by("masks", tmp_path)
    assert mean_return(printed) > 12
    shelves, taken = re.search(r"of shelves \[([\d ]+)\] it takes (\d+)", printed).groups()
    assert taken in shelves.split()


def test_hybrid_actions(tmp_path):
    printed = printed_by("hybrid_actions", tmp_path)
    assert mean_return(printed) > 17
    modes = re.findall(r"^\S+ degrees: (\w+) at (\d+)%$", printed, re.MULTILINE)
    assert [mode for mode, _ in modes] == ["heat", "heat", "cool", "cool"]
    powers = [int(power) for _, power in modes]
    assert powers[0] > powers[1]
    assert powers[3] > powers[2]


def test_imitate(tmp_path):
    printed = printed_by("imitate", tmp_path)
    assert "accuracy 9" in printed
    assert mean_return(printed) > 400


def test_own_network(tmp_path):
    printed = printed_by("own_network", tmp_path)
    assert best_in_training(printed) >= 475
    assert mean_return(printed) > 100
    assert (tmp_path / "own_network.safetensors").exists()


@pytest.mark.skipif(find_spec("keras") is None, reason="needs Keras")
def test_keras_network(tmp_path):
    printed = printed_by("keras_network", tmp_path)
    assert best_in_training(printed) >= 475
    assert mean_return(printed) > 100
    assert (tmp_path / "cartpole.keras").exists()
    left, right = re.search(r"push left (\S+), right (\S+)", printed).groups()
    assert float(left) + float(right) == pytest.approx(1, abs=0.011)
    assert float(right) > 0.6


def test_trading_earns_on_prices_it_has_not_seen(tmp_path):
    printed = printed_by("trading", tmp_path)
    rows = re.findall(r"^(\w[\w ]*?) +(\S+)% +(\S+)%$", printed, re.MULTILINE)
    held_out = {name: float(percent) for name, _, percent in rows}
    # A year's return has a standard deviation of 16: over 20 years, of 3.6.
    assert held_out["agent"] > 25
    assert held_out["agent"] > max(held_out["random"], held_out["buy and hold"]) + 15


def test_memory_is_what_tells_the_velocities(tmp_path):
    # It trains for so long that programs as fast as XLA makes them are worth their compiling.
    printed = printed_by("memory", tmp_path, XLA_FLAGS="")
    with_memory, without, rest = re.split(r"an episode of \d+ steps\n", printed)
    assert rest == ""
    assert best_in_training(with_memory) > 120
    assert best_in_training(without) < 80
    assert mean_return(without) < 80
