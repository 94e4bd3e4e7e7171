"""Environments that do not do what Gymnasium says they should, each in one thing."""

import multiprocessing
import subprocess
import sys
import threading
import time
import types
import warnings
from pathlib import Path

import gymnasium
import numpy as np
from gymnasium.spaces import Box, Dict, Discrete

# The package that was before gymnasium need not be installed.
gym = types.ModuleType("gym")
OldEnv = type("Env", (), {"__module__": "gym.core"})
OldBox = type("Box", (), {"__module__": "gym.spaces.box", "__repr__": lambda self: "Box(3,)"})


class Well(gymnasium.Env):
    """Behaves: three numbers, two actions, episodes of five steps with a reward of 1 each."""

    observation_space = Box(-1, 1, (3,), np.float32)
    action_space = Discrete(2)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.taken = 0
        return self.observed(), self.info()

    def step(self, action):
        self.taken += 1
        return self.observed(), self.reward(), self.taken == 5, False, self.info()

    def observed(self):
        return self.odd() if self.due else np.zeros(3, np.float32)

    @property
    def due(self):
        return self.taken == 3

    def odd(self):
        return np.zeros(3, np.float32)

    def reward(self):
        return 1.0

    def info(self):
        return {}


class NoObservation(Well):
    def odd(self):
        return None


class Ragged(Well):
    def odd(self):
        return [[0.0], [0.0, 1.0], 0.0]


class Short(Well):
    def odd(self):
        return np.zeros(2, np.float32)


class Texts(Well):
    def odd(self):
        return ["a", "b", "c"]


class Parts(Well):
    observation_space = Dict(place=Box(-1, 1, (2,), np.float32), kind=Discrete(3))

    def right(self):
        return {"place": np.zeros(2, np.float32), "kind": 1}

    def observed(self):
        return self.odd() if self.due else self.right()

    def odd(self):
        return self.right()


class PartMissing(Parts):
    def odd(self):
        return {"place": np.zeros(2, np.float32)}


class PartText(Parts):
    def odd(self):
        return self.right() | {"place": ["left", "right"]}


class PartNone(Parts):
    def odd(self):
        return self.right() | {"kind": None}


class NoParts(Parts):
    def odd(self):
        return None


class RewardText(Well):
    def reward(self):
        return "1.0"


class RewardNone(Well):
    def reward(self):
        return None


class RewardsOfTwo(Well):
    def reward(self):
        return np.ones(2)


class FourResults(Well):
    def step(self, action):
        observation, reward, terminated, _, info = super().step(action)
        return observation, reward, terminated, info


class NoResults(Well):
    def step(self, action):
        super().step(action)


class ResetWithoutInfo(Well):
    def reset(self, *, seed=None, options=None):
        return super().reset(seed=seed)[0]


class ResetOfTwoNumbers(ResetWithoutInfo):
    """What a reset without info gives may look like two results."""

    observation_space = Box(-1, 1, (2,), np.float32)

    def observed(self):
        return np.zeros(2, np.float32)


class RaisesLines(Well):
    def odd(self):
        raise RuntimeError("the wheel came off\n  at place 3\n  and another line")


class RaisesNothing(Well):
    def odd(self):
        assert self.taken < 3


class RaisesValueError(Well):
    """Its own mistake, which is none of the API."""

    def odd(self):
        first, second = (1, 2, 3)
        return first + second


# What can be seen before a step.


class ResetWithoutKeywords(Well):
    def reset(self):
        return super().reset()


class ResetWithoutOptions(Well):
    def reset(self, seed=None):
        return super().reset(seed=seed)


class OldSpace(Well):
    observation_space = OldBox()


class NoSpace(Well):
    action_space = None


class Old(OldEnv):
    pass


class Silent(Well):
    def __init__(self):
        assert self.metadata is None


class Talkative(Well):
    def __init__(self):
        raise OSError("no licence\nask somebody\n")


class Needs(Well):
    def __init__(self, config):
        self.config = config


# What is odd and does no harm.


class RewardArray(Well):
    def reward(self):
        return np.ones(1, np.float32)


class RewardScalarArray(Well):
    def reward(self):
        return np.array(1)


class RewardBit(Well):
    def reward(self):
        return np.bool_(True)


class InfoNone(Well):
    def info(self):
        return None


class InfoVaries(Well):
    def info(self):
        return {
            "seen": np.zeros((self.taken, 2)),
            "lives": [1] * self.taken,
            "note": None if self.taken % 2 else "text",
        }


class Table:
    """An argument that no file can hold."""

    def __init__(self, rows):
        self.rows = rows


class Takes(Well):
    """Takes any arguments."""

    def __init__(self, table=None, level=1, sizes=(), nested=None):
        if table is not None:
            assert table.rows.shape == (2, 3)
        assert level == 2
        assert list(sizes) == [1, 2.5]
        assert nested == {"name": "a", "list": [True]}


class Family(Well):
    """Has a process, a thread that nobody ends, and writes into `log` where it starts what, and when it is closed."""

    def __init__(self, log, hangs_at=None):
        self.log, self.hangs_at, self.steps = log, hangs_at, 0
        threading.Thread(target=time.sleep, args=(600,)).start()
        command = subprocess.Popen(["sleep", "600"])
        fork = multiprocessing.get_context("fork").Process(target=time.sleep, args=(600,))
        with warnings.catch_warnings():
            # Forking beside threads is what environments do, and what Python warns of.
            warnings.simplefilter("ignore")
            fork.start()
        self.ended = subprocess.Popen(["sleep", "600"])
        self.note("child", command.pid, fork.pid)

    def note(self, *words):
        with Path(self.log).open("a") as file:
            file.write(f"{' '.join(map(str, words))}\n")

    def step(self, action):
        self.steps += 1
        if self.steps == self.hangs_at:
            self.note("hangs")
            time.sleep(600)
        return super().step(action)

    def close(self):
        # Only where SIGTERM is not blocked does this come to an end.
        self.ended.terminate()
        self.ended.wait()
        self.note("closed")
        raise OSError("the door is stuck\nfor good")


for name, kind in list(vars(sys.modules[__name__]).items()):
    if isinstance(kind, type) and issubclass(kind, Well):
        gymnasium.register(f"{name}-v0", kind)
