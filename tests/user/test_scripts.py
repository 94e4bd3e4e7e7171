"""Python as people run it: a script without a guard, standard input, a notebook's exec; each with worker processes."""

import json
import sys

import pytest
from a3c_command import run_command

SCRIPT = """
import functools, json, os, signal, sys, threading
import equinox as eqx
import gymnasium
import jax
import numpy as np

print("the script runs", file=sys.stderr)
variables, handlers = dict(os.environ), [signal.getsignal(number) for number in signal.valid_signals()]
blocked = signal.pthread_sigmask(signal.SIG_BLOCK, [])

from a3c import A3C

WIDTH = 3
SIZES = {"envs_per_worker": 4, "segment_length": 4}


def without_libraries(variables):
    # Gymnasium sets the first of these when it is imported, tensorboardX the second.
    return {k: v for k, v in variables.items() if k not in ("PYGAME_HIDE_SUPPORT_PROMPT", "CRC32C_SW_MODE")}


class Walk(gymnasium.Env):
    observation_space = gymnasium.spaces.Box(-1, 1, (WIDTH,), np.float32)
    action_space = gymnasium.spaces.Discrete(2)

    def __init__(self, length=5):
        self.length = length

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.taken = 0
        return np.zeros(WIDTH, np.float32), {}

    def step(self, action):
        self.taken += 1
        return np.zeros(WIDTH, np.float32), 1.0, self.taken >= self.length, False, {}


class Features(eqx.Module):
    layer: eqx.nn.Linear

    def __init__(self, observation_space, key):
        self.layer = eqx.nn.Linear(observation_space.shape[0], 4, key=key)

    def __call__(self, observation):
        return jax.nn.relu(self.layer(observation))


def make_walk(length):
    return gymnasium.make("Own/Walk-v0", length=length)


gymnasium.register("Own/Walk-v0", Walk)
agent = A3C(functools.partial(make_walk, length=4), network=Features, workers=2, seed=1, **SIZES)
result = agent.learn(steps=2000, run="run")
report = agent.evaluate(episodes=3)
result = {
    "steps": result.summary["steps"],
    "returns": report.returns,
    "variables": without_libraries(os.environ) == without_libraries(variables),
    "handlers": [signal.getsignal(number) for number in signal.valid_signals()] == handlers,
    "blocked": signal.pthread_sigmask(signal.SIG_BLOCK, []) == blocked,
    "main": sys.modules["__main__"].__dict__.get("WIDTH"),
}
print(json.dumps(result))
"""

NOTEBOOK = f"""
import sys
cell = {SCRIPT!r}
# As a notebook's kernel does: statements run in the namespace of the main module, which has no file.
main = sys.modules["__main__"]
exec(compile(cell, "<ipython-input-1>", "exec"), main.__dict__)
"""


@pytest.fixture(scope="module", params=["a file", "standard input", "a notebook's exec"])
def script_outcome(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp("script")
    (folder / "script.py").write_text(SCRIPT)
    if request.param == "a file":
        return run_command(sys.executable, "script.py", cwd=folder)
    if request.param == "standard input":
        return run_command(sys.executable, "-", cwd=folder, input=SCRIPT)
    return run_command(sys.executable, "-c", NOTEBOOK, cwd=folder)


def test_it_trains_what_is_defined_in_it_without_a_guard(script_outcome):
    assert (script_outcome.status, script_outcome.err) == (0, "the script runs\n")
    result = json.loads(script_outcome.out)
    assert result["steps"] >= 2000
    assert result["returns"] == [4.0, 4.0, 4.0]


@pytest.mark.parametrize("what", ["variables", "handlers", "blocked"])
def test_learning_leaves_the_process_as_it_was(script_outcome, what):
    assert json.loads(script_outcome.out)[what] is True


def test_the_main_module_is_back_afterwards(script_outcome):
    assert json.loads(script_outcome.out)["main"] == 3
