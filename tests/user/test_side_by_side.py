"""The page that counts lines beside Stable-Baselines3: its code runs here, and its table counts what it shows."""

import re
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from gymnasium import spaces
from odd_environments import Walk

from a3c.training.training import Result
from code_in_documents import HERE, SIDE_BY_SIDE

PAGE = SIDE_BY_SIDE.read_text()
FENCED = re.compile(r"^```\w*\n(.*?)^```", re.DOTALL | re.MULTILINE)
NEEDS = {"ALE/": "ale_py", "WandbLogger": "wandb", ".onnx": "jax2onnx"}
"""What is in code that is not run where a package is missing."""


class MyEnv(Walk):
    def __init__(self, length: int = 10):
        super().__init__()


class MyDictEnv(Walk):
    observation_space = spaces.Dict({"place": spaces.Box(-1, 1, (2,), np.float32), "gear": spaces.Discrete(3)})


def lines(code):
    return sum(bool(line.strip()) and not line.strip().startswith("#") for line in code.splitlines())


def test_the_table_counts_the_lines_that_the_page_shows():
    table = re.findall(r"^\| (?:\[([^\]]+)\]\(\S+\)|all of these) \| (\d+) \| (\d+) \|$", PAGE, re.MULTILINE)
    shown = {}
    for section in PAGE.split("\n## ")[1:]:
        here, there = FENCED.findall(section)
        shown[section.partition("\n")[0]] = lines(here), lines(there)
    shown[""] = tuple(map(sum, zip(*shown.values(), strict=True)))
    assert {title: (int(here), int(there)) for title, here, there in table} == shown
    assert max(len(line) for code in FENCED.findall(PAGE) for line in code.splitlines()) <= 120


def test_the_code_runs_up_to_where_training_begins(tmp_path, monkeypatch):
    """All but the training itself, which other tests do: agents are made, limits and callbacks read, folders begun."""

    def trained(start, work, *, folder, **_):
        return Result({"status": "finished"}, start, start, folder and folder.path)

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("a3c.training.beginning.train", trained)
    monkeypatch.setattr("a3c.training.repeating.Series.run", lambda series: None)
    monkeypatch.setattr("a3c.training.repeating.Series.report", lambda series: {"seeds": series})
    monkeypatch.setattr("a3c.training.calls.draw", lambda folder: None)
    np.savez("expert.npz", observations=np.random.default_rng(1).normal(size=(20, 4)), actions=np.arange(20) % 2)
    names = {"MyEnv": MyEnv, "MyDictEnv": MyDictEnv, "observation": np.zeros(4, np.float32)}
    first, *others = HERE.findall(PAGE)
    exec(compile(first, SIDE_BY_SIDE.name, "exec"), names)
    could_run = [code for code in others if all(find_spec(NEEDS[part]) for part in NEEDS if part in code)]
    for code in could_run:
        # `agent` is what the first script made; what a section makes is that section's.
        exec(compile(code, SIDE_BY_SIDE.name, "exec"), dict(names))
    assert len(could_run) >= len(others) - len(NEEDS)
    assert Path("runs/first/config.toml").exists()
