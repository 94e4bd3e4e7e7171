"""What users reported of agents: acting while they learn, learning in parts, and evaluating what never ends."""

import copy
import dataclasses
import threading

import numpy as np
import pytest
from odd_environments import Walk
from small_agents import BATCH, OBSERVATION, cartpole

import a3c
from a3c.config import TrainConfig
from a3c.errors import AgentLearning, SettingsError
from a3c.learning.schedules import entropy_coefficient_at, epsilon_at, learning_rate_at
from a3c.runs.folder import RunFolder
from a3c.runs.metrics import METRIC_COLUMNS, read_rows
from a3c.training import Result

USES = {
    "predict": lambda agent, path: agent.predict(OBSERVATION),
    "value": lambda agent, path: agent.value(OBSERVATION),
    "evaluate": lambda agent, path: agent.evaluate(episodes=1),
    "save": lambda agent, path: agent.save(path),
    "keras_model": lambda agent, path: agent.keras_model(),
    "learn": lambda agent, path: agent.learn(steps=64),
    "copy": lambda agent, path: copy.deepcopy(agent),
}


def in_another_thread(call):
    """What the call raises in a thread of its own."""
    raised = []

    def run():
        try:
            call()
        except BaseException as error:
            raised.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    return raised


def test_an_agent_does_nothing_else_while_it_learns(tmp_path):
    agent, refused = cartpole(), []

    def callback(progress):
        for name, use in USES.items():
            with pytest.raises(AgentLearning) as error:
                use(agent, tmp_path / "agent.safetensors")
            (elsewhere,) = in_another_thread(lambda use=use: use(agent, tmp_path / "agent.safetensors"))
            assert str(elsewhere) == str(error.value)
            refused.append((name, str(error.value)))
        return False

    agent.learn(steps=64, callback=callback)
    assert [name for name, _ in refused[: len(USES)]] == list(USES)
    for name, message in refused:
        assert message.startswith(f"{name}() while learn runs would take the parameters from before it: ")
        assert "\n" not in message
    assert list(tmp_path.iterdir()) == []
    agent.save(tmp_path / "agent.safetensors")
    np.testing.assert_array_equal(a3c.load(tmp_path / "agent.safetensors").value(BATCH), agent.value(BATCH))


@pytest.mark.parametrize("error", [ZeroDivisionError("mine"), KeyboardInterrupt(), SystemExit(3)], ids=repr)
def test_an_agent_acts_again_however_learning_ended(error):
    agent = cartpole()

    def callback(progress):
        raise error

    with pytest.raises(type(error)):
        agent.learn(steps=64, callback=callback)
    with pytest.raises(SettingsError, match="but must be at least 1"):
        agent.learn(steps=0)
    agent.predict(OBSERVATION)
    assert agent.learn(steps=64).summary["steps"] >= 64


ANNEALED = {"learning_rate": 1e-3, "learning_rate_final": 0.0, "entropy_coefficient_final": 0.0}
ANNEALED |= {"epsilon": (0.5,), "epsilon_final": (0.0,), "report_interval": 0.001}


def rates(folder):
    """Total steps and learning rate of every row of a run's metrics.csv."""
    columns = [METRIC_COLUMNS.index(name) for name in ("steps", "learning_rate")]
    return [[float(row[column]) for column in columns] for row in read_rows(folder.metrics_path)]


def schedules(config):
    """What is annealed, at some total steps."""
    steps = range(0, 2500, 100)
    return [[learning_rate_at(config, s), entropy_coefficient_at(config, s), epsilon_at(config, 0, s)] for s in steps]


@pytest.fixture
def learned(monkeypatch):
    """The settings that `learn` trains with, of one call after another; it takes no time."""
    configs = []

    def train(start, work, **rest):
        configs.append(start.config)
        counts = {name: count + 300 for name, count in start.counts.items()}
        latest = dataclasses.replace(start, counts=counts)
        return Result({}, latest, latest, None)

    monkeypatch.setattr(a3c.agent, "train", train)
    return configs


@pytest.mark.parametrize("algorithm", ["a3c", "a2c", "ga3c", "impala"])
@pytest.mark.parametrize("horizon", [{"steps": 2000}, {"anneal_steps": 1000, "epsilon_anneal_steps": 500}], ids=str)
def test_learning_in_parts_anneals_as_one_call_does(tmp_path, learned, algorithm, horizon):
    agent = a3c.agent.AGENTS[algorithm](Walk, backend="inline", seed=1, **ANNEALED, **horizon)
    expected = schedules(agent.config)
    for limit in ({"steps": 500}, {"episodes": 9}, {"seconds": 0.3}, {"target_return": 9}):
        agent.learn(**limit)
        agent.save(tmp_path / "agent.safetensors")
        agent = a3c.load(tmp_path / "agent.safetensors", environment=Walk)
    assert [schedules(config) for config in learned] == [expected] * 4
    assert learned[0].steps == 500
    assert schedules(TrainConfig(**ANNEALED, **horizon)) == expected


def test_a_recipe_says_itself_how_long_it_anneals(learned):
    agent = cartpole(recipe=None)
    agent.learn(steps=64)
    agent.learn(episodes=1)
    assert [config.anneal_steps for config in learned] == [120_000] * 2
    assert [schedules(config) for config in learned] == [schedules(agent.config)] * 2


def test_a_run_that_was_learned_in_parts_goes_on_annealing_on_the_command_line(command, tmp_path):
    agent = cartpole(**ANNEALED, steps=2000)
    agent.learn(steps=400, run=tmp_path / "run")
    for total in (800, 1200):
        assert command("train", "CartPole-v1", "--resume", "run", "--steps", total, "--no-progress").status == 0
    steps, learning_rates = np.transpose(rates(RunFolder(tmp_path / "run")))
    assert steps[-1] >= 1200
    np.testing.assert_allclose(learning_rates, 1e-3 * (1 - steps / 2000), rtol=1e-5)


def test_annealing_over_nobody_knows_how_long_is_refused():
    with pytest.raises(SettingsError, match="annealing needs to know how long: set --steps or --anneal-steps"):
        cartpole(learning_rate_final=0.0)
    with pytest.raises(SettingsError, match="annealing epsilon needs to know how long"):
        cartpole(epsilon=(0.5,), epsilon_final=(0.1,))
