"""What users met with environments: ids of their own scripts, global generators, and one object for all."""

import random
import sys
from functools import cache, partial

import equinox as eqx
import gymnasium
import numpy as np
import pytest
from a3c_command import SMALL
from odd_environments import Walk
from test_bad_input import assert_refused

import a3c
from a3c import A2C, A3C, GA3C, IMPALA
from a3c.errors import InvalidEnvironment
from a3c.inspecting import inspect
from a3c.playing import play
from configs_for_tests import config_with

pytestmark = pytest.mark.usefixtures("registry")

TINY = {"seed": 1, "hidden": (4,), "envs_per_worker": 2, "segment_length": 8}


class Mine(Walk):
    """Not to be imported by anyone else: its module is `__main__`, as in a script."""


Mine.__module__ = "__main__"


@pytest.mark.parametrize(
    ("agent", "environment"),
    [(A3C, "Own/Mine-v0"), (IMPALA, lambda: gymnasium.make("Own/Mine-v0", length=3))],
    ids=["id", "function"],
)
def test_an_id_that_the_script_registered_is_known_to_workers(agent, environment, monkeypatch):
    monkeypatch.setattr(sys.modules["__main__"], "Mine", Mine, raising=False)
    gymnasium.register("Own/Mine-v0", Mine, kwargs={"length": 3})
    trained = agent(environment, workers=1, **TINY)
    assert set(trained.learn(episodes=20).latest.returns) == {3}
    assert trained.evaluate(episodes=2).returns == [3, 3]


def test_what_workers_cannot_get_is_refused_before_anything_is_written(tmp_path):
    file = (tmp_path / "file").open("w")
    gymnasium.register("Mine-v0", lambda: file and Walk())
    with file, pytest.raises(a3c.errors.SettingsError, match="cannot be sent to worker processes"):
        A3C("Mine-v0", workers=1, **TINY).learn(steps=10, run=tmp_path / "run")
    assert not (tmp_path / "run").exists()


class Drawing(Walk):
    """Its observations and rewards are drawn from the global generators, where it is made too."""

    def __init__(self, length: int = 5):
        super().__init__(length)
        self.offset = np.random.uniform()

    def step(self, action):
        observation, _, *rest = super().step(action)
        return observation, random.random() + self.offset, *rest

    def _observation(self):
        return np.random.uniform(-1, 1, 3).astype(np.float32)


def learned(agent, **settings):
    return agent(Drawing, **TINY | settings).learn(episodes=20).latest


def differ(one, other):
    return not np.array_equal(one.parameters, other.parameters)


@pytest.mark.parametrize("agent", [A3C, IMPALA])
def test_an_inline_run_repeats_whatever_the_caller_has_drawn(agent):
    first = learned(agent, backend="inline")
    np.random.seed(5)
    random.seed(5)
    before = np.random.get_state()[1].copy(), random.getstate()
    again = learned(agent, backend="inline")
    assert (again.returns, differ(first, again)) == (first.returns, False)
    assert differ(first, learned(agent, backend="inline", seed=2))
    np.testing.assert_array_equal(np.random.get_state()[1], before[0])
    assert random.getstate() == before[1]


def test_a_callback_draws_from_the_callers_generators():
    def draw(progress):
        drawn.append((np.random.random(), random.random()))

    runs = []
    for report_interval in (0.0001, 1000.0):
        drawn = []
        np.random.seed(3)
        random.seed(3)
        agent = A3C(Drawing, backend="inline", report_interval=report_interval, **TINY)
        runs.append((agent.learn(episodes=50, callback=draw).latest.returns, drawn[0], np.random.random()))
    (returns, first, after), (same_returns, same_first, fewer) = runs
    assert (returns, first) == (same_returns, same_first)
    assert after != fewer


def test_a2c_with_processes_repeats_bit_for_bit_and_workers_differ():
    first, second = (learned(A2C, workers=2) for _ in range(2))
    assert not differ(first, second)
    assert sorted(first.returns) == sorted(second.returns)
    # No two episodes, of one worker or of two, have met the same numbers.
    assert len(set(first.returns)) == len(first.returns)


def test_workers_of_every_algorithm_draw_numbers_of_their_own():
    latest = learned(GA3C, workers=2, backend="processes")
    assert len(set(latest.returns)) == len(latest.returns)


def test_evaluation_play_and_inspection_repeat(tmp_path):
    agent = A3C(Drawing, backend="inline", **TINY)
    state = random.getstate()
    first, again, other = (agent.evaluate(episodes=3, seed=seed).returns for seed in (4, 4, 5))
    assert first == again != other
    first, again, other = (_played(agent, seed) for seed in (4, 4, 5))
    assert first == again != other
    plays = [inspect(config_with(seed=seed, steps=100, hidden=(4,)), Drawing, seconds=0).play for seed in (4, 4, 5)]
    first, again, other = (play.rewards for play in plays)
    assert first == again != other
    assert random.getstate() == state


def _played(agent, seed):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Drawing, "render_mode", "human", raising=False)
        patch.setattr(type(agent), "make_environment", lambda *_, **__: Drawing())
        return play(agent, 2, seed=seed, say=lambda _: None)


ONE = Walk()
VECTOR = gymnasium.vector.SyncVectorEnv([Walk])


@pytest.mark.parametrize(
    "make",
    [
        lambda: ONE,
        lambda: gymnasium.wrappers.TimeLimit(ONE, 9),
        cache(Walk),
        partial(lambda env: env, ONE),
        lambda count: VECTOR,
        lambda count: gymnasium.vector.SyncVectorEnv([lambda: ONE] * 2),
    ],
    ids=["itself", "wrapped", "cached", "partial", "vector", "in a vector"],
)
@pytest.mark.parametrize("settings", [{"backend": "inline", "envs_per_worker": 1}, {"workers": 2}], ids=str)
def test_one_object_for_all_is_refused(make, settings):
    with pytest.raises(InvalidEnvironment, match="gives the same environment at each call") as error:
        A3C(make, **settings)
    assert "make a new one" in str(error.value)
    assert "\n" not in str(error.value)


def test_one_object_for_all_is_refused_behind_an_id():
    gymnasium.register("One-v0", lambda: ONE)
    with pytest.raises(InvalidEnvironment, match="One-v0 gives the same environment at each call"):
        A3C("One-v0", backend="inline")


def test_one_object_for_all_is_refused_where_an_agent_is_loaded(tmp_path):
    A3C(Walk, backend="inline", **TINY).save(tmp_path / "agent.safetensors")
    with pytest.raises(InvalidEnvironment, match="gives the same environment"):
        a3c.load(tmp_path / "agent.safetensors", environment=lambda: ONE)


def test_a_slow_function_is_not_called_twice_to_see_whether_it_makes_anew(monkeypatch):
    calls = []

    def slow():
        calls.append(1)
        return ONE

    monkeypatch.setattr("a3c.environments.making.LONG_TO_MAKE", 0.0)
    agent = A3C(slow, backend="inline")
    assert len(calls) == 1
    with pytest.raises(InvalidEnvironment, match="slow gives the same environment"):
        agent.evaluate(episodes=2)


@pytest.mark.parametrize(
    ("environment", "words"),
    [
        (ONE, "this Walk is made already"),
        (gymnasium.make("CartPole-v1"), "this CartPoleEnv is made already"),
        (VECTOR, "this SyncVectorEnv is made already"),
        ({"id": "CartPole-v1"}, "no environment is made from a value of type dict"),
    ],
    ids=["bare", "wrapped", "vector", "else"],
)
@pytest.mark.parametrize("use", [A3C, a3c.make_environment], ids=["agent", "make_environment"])
def test_an_object_is_refused_with_what_to_give_instead(use, environment, words):
    with pytest.raises(InvalidEnvironment, match="give its id, its class, or a function that makes a new one") as error:
        use(environment)
    assert words in str(error.value)
    assert "\n" not in str(error.value)


def test_module_and_class_on_the_command_line(command, own_environments):
    module = own_environments / "own_things.py"
    module.write_text((own_environments / "odd_environments.py").read_text().partition("for environment in")[0])
    own = "own_things:Walk"
    flags = [*SMALL, "--backend", "inline", "--run", "run"]
    assert command("train", own, *flags, "--steps", "200", "--no-progress")[::2] == (0, "")
    assert command("train", own, "--resume", "run", "--steps", "400", "--no-progress")[::2] == (0, "")
    status, out, err = command("evaluate", "run", "--episodes", "2", "--checkpoint", "latest")
    assert (status, err) == (0, "")
    assert own in out
    assert "5.0 +- 0.0 over 2 episodes" in out
    status, out, err = command("inspect", own, "--seconds", "0", "--steps", "100")
    assert (status, err) == (0, "")
    assert own in out
    assert_refused(command("play", "run", "--checkpoint", "latest", "--filmstrip", "a.png"), own)
    sys.modules.pop("own_things")


def test_module_and_class_with_worker_processes(start, own_environments):
    module = own_environments / "own_things.py"
    module.write_text((own_environments / "odd_environments.py").read_text().partition("for environment in")[0])
    running = start("train", "own_things:Walk", *SMALL, "--workers", "2", "--steps", "200", "--run", "run")
    outcome = running.outcome()
    assert (outcome.status, outcome.err) == (0, "")
    assert running.folder.summary()["steps"] >= 200


@pytest.mark.parametrize("name", ["Wakl", "gymnasium", "np"])
def test_what_is_neither_id_nor_class_is_refused(command, own_environments, name):
    assert_refused(command("train", f"odd_environments:{name}", "--steps", "9"), "there is no environment")


def test_an_own_network_that_draws_from_the_global_generators_repeats_and_leaves_the_callers_alone():
    def drawing(space, key):
        # Equinox has the weights drawn from the key; these are added to them.
        layer = eqx.nn.Linear(3, 4, key=key)
        return eqx.tree_at(lambda one: one.weight, layer, layer.weight + np.random.random((4, 3)))

    def made(seed):
        return A3C(Drawing, backend="inline", network=drawing, **TINY | {"seed": seed}).parameters

    first, before = made(1), np.random.get_state()[1].copy()
    np.testing.assert_array_equal(made(1), first)
    np.testing.assert_array_equal(np.random.get_state()[1], before)
    assert np.abs(made(2) - first).max() > 0.01
