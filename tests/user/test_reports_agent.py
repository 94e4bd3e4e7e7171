"""What users reported of agents: acting while they learn, learning in parts, and evaluating what never ends."""

import copy
import dataclasses
import json
import threading
from pathlib import Path

import numpy as np
import pytest
from odd_environments import Endless, Walk
from small_agents import BATCH, OBSERVATION, cartpole

import a3c
import a3c.algorithms.appo
from a3c import A3C, evaluation
from a3c.config.schedules import entropy_coefficient_at, epsilon_at, learning_rate_at
from a3c.errors import AgentLearning, InvalidObservation, SettingsError, TrainingWarning
from a3c.runs.checkpoint import Checkpoint
from a3c.runs.folder import RunFolder
from a3c.runs.metrics import METRIC_COLUMNS, read_rows
from a3c.training.training import Result
from configs_for_tests import config_with

USES = {
    "predict": lambda agent, path: agent.predict(OBSERVATION),
    "value": lambda agent, path: agent.value(OBSERVATION),
    "evaluate": lambda agent, path: agent.evaluate(episodes=1),
    "save": lambda agent, path: agent.save(path),
    "keras_model": lambda agent, path: agent.keras_model(),
    "learn": lambda agent, path: agent.learn(steps=64),
    "parameters": lambda agent, path: agent.parameters,
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
        what = name if name == "parameters" else f"{name}()"
        assert message.startswith(f"{what} while learn runs would take the parameters from before it: ")
        assert "\n" not in message
    assert list(tmp_path.iterdir()) == []
    agent.save(tmp_path / "agent.safetensors")
    np.testing.assert_array_equal(a3c.load(tmp_path / "agent.safetensors").value(BATCH), agent.value(BATCH))


@pytest.mark.parametrize("error", [ZeroDivisionError("mine"), KeyboardInterrupt(), SystemExit(3)], ids=repr)
def test_an_agent_acts_again_however_learning_ended(untrained, monkeypatch, error):
    def train(*arguments, **rest):
        with pytest.raises(AgentLearning):
            untrained.predict(OBSERVATION)
        raise error

    monkeypatch.setattr(a3c.training.beginning, "train", train)
    with pytest.raises(type(error)):
        untrained.learn(steps=64)
    with pytest.raises(SettingsError, match="but must be at least 1"):
        untrained.learn(steps=0)
    untrained.predict(OBSERVATION)


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

    monkeypatch.setattr(a3c.training.beginning, "train", train)
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
    assert schedules(config_with(**ANNEALED, **horizon)) == expected


def test_a_recipe_says_itself_how_long_it_anneals(learned):
    agent = cartpole(recipe=None)
    agent.learn(steps=64)
    agent.learn(episodes=1)
    assert [config.anneal_steps for config in learned] == [120_000] * 2
    assert [schedules(config) for config in learned] == [schedules(agent.config)] * 2


def test_a_run_that_was_learned_in_parts_goes_on_annealing_on_the_command_line(command, tmp_path):
    agent = cartpole(**ANNEALED, steps=2000)
    agent.learn(steps=400, run=tmp_path / "run")
    assert command("train", "CartPole-v1", "--resume", "run", "--steps", "1200", "--no-progress").status == 0
    steps, learning_rates = np.transpose(rates(RunFolder(tmp_path / "run")))
    assert steps[-1] >= 1200
    np.testing.assert_allclose(learning_rates, 1e-3 * (1 - steps / 2000), rtol=1e-5)


@pytest.fixture
def used(monkeypatch):
    """The learning rates that appo's worker learns with in this process, each with the step it was asked for at."""
    rates = []

    def asked(config, step):
        rates.append((step, learning_rate_at(config, step)))
        return rates[-1][1]

    monkeypatch.setattr(a3c.algorithms.appo, "learning_rate_at", asked)
    return rates


def small_appo(**settings):
    return a3c.APPO("CartPole-v1", recipe="none", backend="inline", seed=1, envs_per_worker=1, passes=1, **settings)


@pytest.mark.parametrize("horizon", [{"steps": 3200}, {"anneal_steps": 3200}], ids=str)
def test_what_an_algorithm_anneals_by_itself_goes_on_over_calls(used, horizon):
    agent = small_appo(**horizon)
    for _ in range(5):
        agent.learn(steps=640)
    steps, learned_at = np.transpose(used)
    assert steps[-1] >= 3000
    np.testing.assert_allclose(learned_at, 1e-3 * np.maximum(1 - steps / 3200, 0), rtol=1e-5)


def test_annealing_over_calls_of_which_nobody_said_how_many_come_ends_with_each(used):
    agent = small_appo()
    agent.learn(steps=640)
    before = len(used)
    with pytest.warns(TrainingWarning, match="goes on at 0.0004.* make the agent with `anneal_steps`"):
        ended = agent.learn(steps=640).latest
    (step, rate), until = used[before], ended.config.steps
    assert rate == pytest.approx(1e-3 * (1 - step / until))
    assert used[-1][1] < 1.5e-4
    assert ended.config.anneal_steps is None, "a limit that is moved moves the end of the annealing with it"
    agent = small_appo(anneal_steps=320)
    agent.learn(steps=320)
    with pytest.warns(TrainingWarning, match="has come to 0 by step"):
        agent.learn(steps=64)


def test_annealing_over_nobody_knows_how_long_is_refused():
    with pytest.raises(SettingsError, match="annealing needs to know how long: set `steps` or `anneal_steps`"):
        cartpole(learning_rate_final=0.0)
    with pytest.raises(SettingsError, match="annealing epsilon needs to know how long"):
        cartpole(epsilon=(0.5,), epsilon_final=(0.1,))


def test_what_learn_and_evaluate_give_prints_short():
    agent = cartpole()
    result = agent.learn(steps=64)
    summary = result.summary
    counts = f"{summary['steps']:,} steps, {summary['episodes']:,} episodes"
    mean = (
        "" if summary["return_mean_100"] is None else f", mean return of the last 100 {summary['return_mean_100']:.1f}"
    )
    assert repr(result) == f"<Result: finished, {counts}{mean}>"
    assert repr(dataclasses.replace(result, run=Path("runs/x"))).endswith(", in runs/x>")
    evaluation = agent.evaluate(episodes=3)
    assert repr(evaluation) == f"<Evaluation: {evaluation}>"
    assert len(evaluation.returns) == 3


@pytest.mark.parametrize("name", ["predict", "value"])
@pytest.mark.parametrize(
    ("given", "message"),
    [
        ((OBSERVATION, {}), "this is all that reset gives"),
        (np.full(4, np.nan), "observation holds nan"),
        (None, "observation is no array of numbers: None"),
        (np.zeros((0, 4)), "observation is a batch of none"),
    ],
    ids=str,
)
def test_what_is_no_observation_is_refused_in_one_line(untrained, name, given, message):
    with pytest.raises(InvalidObservation, match=message) as refused:
        getattr(untrained, name)(given)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda agent: agent.learn(total_timesteps=5), "learn: there is no argument 'total_timesteps'; .*'steps' here"),
        (lambda agent: agent.learn(stepps=5), "there is no argument 'stepps'; did you mean 'steps'"),
        (lambda agent: agent.learn(1.5), "steps cannot be 1.5; it must be a whole number"),
        (lambda agent: agent.learn(seconds="9"), "seconds cannot be '9'; it must be a number"),
        (lambda agent: agent.evaluate(0), "episodes is 0, but must be at least 1"),
        (lambda agent: agent.evaluate(2.5), "episodes cannot be 2.5; it must be a whole number"),
        (lambda agent: agent.evaluate(2, seed=-1), "seed is -1, but must be at least 0"),
        (lambda agent: agent.evaluate(2, max_episode_steps=0), "max_episode_steps is 0, but must be at least 1"),
        (lambda agent: cartpole(lr=1), "there is no setting 'lr'; it is called 'learning_rate' here"),
        (lambda agent: cartpole(n_steps=5), "there is no setting 'n_steps'; it is called 'segment_length' here"),
        (lambda agent: cartpole(steps=1.5), "`steps` cannot be 1.5; it must be a whole number"),
        (lambda agent: cartpole(steps="1e5"), "`steps` cannot be '1e5'; it must be a whole number"),
        (lambda agent: cartpole(hidden=[64, "x"]), "`hidden` cannot be .*; it must be whole numbers"),
        (lambda agent: cartpole(hidden=64), r"`hidden` cannot be 64; give a list: hidden = \[64\]"),
        (lambda agent: cartpole(log="wandb"), r"`log` cannot be 'wandb'; give a list: log = \['wandb'\]"),
        (lambda agent: cartpole(network="resnet"), "it must be one of mlp, a3c, nature, small"),
    ],
)
def test_a_wrong_argument_is_named_in_one_line(untrained, call, message):
    with pytest.raises(SettingsError, match=message) as refused:
        call(untrained)
    assert "\n" not in str(refused.value)
    assert "int |" not in str(refused.value)


def test_whole_numbers_may_be_written_as_floats_and_be_numpys(learned):
    agent = cartpole(steps=1e5, envs_per_worker=np.int64(2), learning_rate=np.float32(0.5), hidden=(8.0,))
    config = agent.config
    assert (config.steps, config.envs_per_worker, config.learning_rate, config.hidden) == (100_000, 2, 0.5, (8,))
    assert all(type(value) is int for value in (config.steps, config.envs_per_worker, *config.hidden))
    agent.learn(1e3)
    assert (learned[0].steps, type(learned[0].steps)) == (1000, int)
    assert len(agent.evaluate(2.0).returns) == 2


@pytest.fixture(scope="module")
def untrained():
    """An agent that tests only ask."""
    return cartpole()


@pytest.mark.parametrize(("trained", "says"), [(400.0, True), (1.0, False)])
@pytest.mark.parametrize("flags", [(), ("--json",), ("--stochastic",)], ids=str)
def test_greedy_play_far_below_training_gets_a_hint(command, tmp_path, untrained, trained, says, flags):
    untrained.save(tmp_path / "agent.safetensors")
    checkpoint = Checkpoint.load(tmp_path / "agent.safetensors")
    dataclasses.replace(checkpoint, returns=[trained] * 100, best_return_mean_100=trained).save(tmp_path / "a")
    outcome = command("evaluate", "a", "--episodes", "4", *flags)
    hint = "greedy play is far below the returns of training, where actions are drawn: try --stochastic\n"
    assert outcome.status == 0
    assert outcome.err == (hint if says and "--stochastic" not in flags else "")
    assert len(outcome.out.splitlines()) == 1


@pytest.mark.parametrize(("episodes", "says"), [(4, False), (100, True)])
def test_a_few_short_episodes_are_chance_where_many_of_training_were_as_short(
    command, tmp_path, untrained, episodes, says
):
    untrained.save(tmp_path / "agent.safetensors")
    checkpoint = Checkpoint.load(tmp_path / "agent.safetensors")
    dataclasses.replace(checkpoint, returns=[10.0, 190.0] * 50, best_return_mean_100=100.0).save(tmp_path / "a")
    outcome = command("evaluate", "a", "--episodes", episodes)
    assert ("try --stochastic" in outcome.err) == says


def test_evaluation_on_the_command_line_cuts_and_says_so(command, own_environments):
    A3C("odd_environments:Endless-v0", backend="inline", seed=1).save(own_environments / "agent")
    flags = ["--episodes", "3", "--max-episode-steps", "1e1"]
    outcome = command("evaluate", "agent", *flags)
    assert (outcome.status, outcome.err) == (0, "")
    assert outcome.out.endswith("over 3 episodes (worst 10, best 10); 3 cut after 10 steps, without an end\n")
    result = json.loads(command("evaluate", "agent", *flags, "--json").out)
    assert (result["cut"], result["returns"], result["lengths"]) == (3, [10.0] * 3, [10] * 3)
    played = command("play", "agent", "--video", "film.gif", "--max-episode-steps", "4")
    assert played.out.splitlines()[1] == "episode 1: return 4, cut after 4 steps without an end"


def test_a_long_evaluation_shows_where_it_is_but_not_where_it_is_read(command, own_environments, monkeypatch):
    A3C("odd_environments:Endless-v0", backend="inline", seed=1).save(own_environments / "agent")
    monkeypatch.setattr(evaluation, "SILENT", 0.0)
    outcome = command("evaluate", "agent", "--episodes", "2", "--max-episode-steps", "50", "--json")
    assert json.loads(outcome.out)["cut"] == 2
    (line,) = outcome.err.splitlines()
    assert line.startswith("0 of 2 episodes  2 steps  longest now 1")


def test_ctrl_c_ends_an_evaluation_without_a_word(command, own_environments, monkeypatch):
    A3C("odd_environments:Endless-v0", backend="inline", seed=1).save(own_environments / "agent")
    closed, step = [], Endless.step

    def interrupt(self, action):
        if self.taken == 20:
            raise KeyboardInterrupt
        return step(self, action)

    monkeypatch.setattr("odd_environments.Endless.step", interrupt)
    monkeypatch.setattr("odd_environments.Endless.close", lambda self: closed.append(1))
    assert command("evaluate", "agent", "--episodes", "3", "--json") == (130, "", "")
    assert sum(closed) >= 3
