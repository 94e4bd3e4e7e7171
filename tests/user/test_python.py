"""The Python surface: what is trained, how learning ends, and errors."""

import dataclasses
import os
import signal

import gymnasium
import numpy as np
import pytest
from gymnasium.vector import AutoresetMode, SyncVectorEnv
from odd_environments import Walk
from small_agents import BATCH, OBSERVATION, cartpole

import a3c
from a3c import A3C, A3CError, RandomAgent
from a3c.errors import InvalidEnvironment, RunFolderError, SettingsError, UnsupportedSpace, WorkerError
from a3c.runs.folder import RunFolder


def make_walks(count: int, length: int = 5) -> SyncVectorEnv:
    return SyncVectorEnv([lambda: Walk(length)] * count, autoreset_mode=AutoresetMode.NEXT_STEP)


@pytest.mark.parametrize("name", a3c.__all__)
def test_the_public_names_are_there(name):
    assert getattr(a3c, name) is not None
    assert name in dir(a3c)


def test_what_is_not_public_is_no_attribute():
    with pytest.raises(AttributeError, match="module 'a3c' has no attribute 'A4C'"):
        a3c.A4C  # noqa: B018


def test_learn_reports_what_happened():
    agent = cartpole()
    result = agent.learn(steps=640)
    assert result.summary["status"] == "finished"
    # Segments of 16 steps of 4 environments; the steps that only start an episode do not count.
    assert 640 <= result.summary["steps"] < 640 + 64
    assert 10 <= result.summary["updates"] <= 12
    assert not result.solved
    assert result.run is None


def test_learning_changes_the_policy():
    agent = cartpole()
    before = agent.value(BATCH)
    agent.learn(steps=640)
    assert not np.allclose(agent.value(BATCH), before)


def test_learn_called_again_continues():
    agent = cartpole()
    first, second = agent.learn(steps=640), agent.learn(steps=320)
    assert 320 <= second.summary["steps"] - first.summary["steps"] < 320 + 64
    assert second.summary["episodes"] > first.summary["episodes"] > 0
    assert second.summary["updates"] >= first.summary["updates"] + 5
    episodes = agent.learn(episodes=5).summary["episodes"]
    assert episodes >= second.summary["episodes"] + 5


def test_each_call_judges_its_own_episodes():
    agent = cartpole()
    assert agent.learn(target_return=12).solved
    second = agent.learn(steps=64)
    assert second.summary["solved_at_step"] is None
    assert second.summary["best_return_mean_100"] is None


def test_a_target_return_ends_learning():
    result = cartpole().learn(target_return=12)
    assert result.solved
    assert result.summary["best_return_mean_100"] >= 12


def test_seconds_end_learning():
    result = cartpole().learn(seconds=2, target_return=501)
    assert result.summary["status"] == "finished"
    assert result.summary["wall_seconds"] >= 2


def test_the_same_seed_inline_learns_the_same():
    values = []
    for _ in range(2):
        agent = cartpole()
        agent.learn(steps=640)
        values.append(agent.value(BATCH))
    np.testing.assert_array_equal(*values)


def test_another_seed_learns_something_else():
    assert not np.allclose(cartpole(seed=3).value(BATCH), cartpole(seed=4).value(BATCH))


def test_a_run_folder_is_written_when_asked_for(tmp_path):
    result = cartpole().learn(steps=2000, run=tmp_path / "run")
    assert result.run == tmp_path / "run"
    folder = RunFolder(tmp_path / "run")
    assert folder.summary() == result.summary | {"wall_seconds": folder.summary()["wall_seconds"]} | {
        "steps_per_second": folder.summary()["steps_per_second"]
    }
    assert a3c.load(tmp_path / "run").config == folder.config()


def test_without_a_run_folder_nothing_is_written(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    cartpole().learn(steps=64)
    assert list(tmp_path.iterdir()) == []


def test_a_run_folder_is_not_overwritten(tmp_path):
    agent = cartpole()
    agent.learn(steps=64, run=tmp_path / "run")
    with pytest.raises(RunFolderError, match="already holds a run"):
        agent.learn(steps=64, run=tmp_path / "run")


def test_the_second_run_of_an_agent_has_its_own_best(tmp_path):
    agent = cartpole()
    agent.learn(target_return=20)
    # Enough episodes for a mean of a hundred.
    agent.learn(episodes=150, run=tmp_path / "run")
    folder = RunFolder(tmp_path / "run")
    assert folder.load("best").best_return_mean_100 == folder.summary()["best_return_mean_100"]
    assert folder.checkpoint_path("best").exists()


def test_the_best_is_taken_on_where_it_is_asked_for():
    agent = cartpole(evaluate_every=640)
    assert repr(agent) == "<A3C: a3c on CartPole-v1, not trained yet>"
    with pytest.raises(SettingsError, match="load_best: this agent has not learned since it was made or loaded"):
        agent.load_best()
    result = agent.learn(steps=640)
    best = dataclasses.replace(result.best, parameters=result.best.parameters + 1)
    agent._best = best
    np.testing.assert_array_equal(agent.parameters, result.latest.parameters)
    assert repr(agent).endswith("updates, holds the latest parameters>")
    agent.load_best()
    np.testing.assert_array_equal(agent.parameters, best.parameters)
    assert repr(agent).endswith("updates, holds the best parameters>")
    assert agent.learn(steps=64).summary["steps"] > result.summary["steps"]


def test_what_is_printed_is_one_line_and_in_a_notebook_a_table():
    agent = cartpole(evaluate_every=640)
    result = agent.learn(steps=640)
    evaluation = agent.evaluate(episodes=2)
    for one in (agent, result, result.best, evaluation):
        assert repr(one).startswith(f"<{type(one).__name__}: ")
        assert "\n" not in repr(one)
        assert len(repr(one)) < 160
    assert f"best evaluated {result.summary['best_evaluation']['mean']:.1f} at step" in repr(result)
    for one, cell in (
        (agent, f"{result.summary['steps']:,}"),
        (result, "finished"),
        (evaluation, f"{evaluation.mean:.1f}"),
    ):
        assert one._repr_html_().startswith("<table>")
        assert f">{cell}</td>" in one._repr_html_()
    assert "&lt;lambda&gt;" in A3C(lambda: Walk(3), backend="inline")._repr_html_()


def test_a_callback_sees_progress_and_stops_learning():
    seen = []

    def callback(progress):
        seen.append(progress)
        return len(seen) < 3

    result = cartpole(report_interval=0.001).learn(steps=10_000_000, callback=callback)
    assert result.summary["steps"] < 10_000_000
    assert result.summary["status"] == "finished"
    steps = [progress.steps for progress in seen]
    assert steps == sorted(steps)
    assert steps[0] > 0
    assert seen[-1].return_mean_100 is None or seen[-1].return_mean_100 > 0


def test_a_callback_is_called_at_the_end_of_a_short_run_too():
    seen = []
    result = cartpole().learn(steps=128, callback=seen.append)
    assert seen[-1].steps == result.summary["steps"]


def test_a_callback_that_returns_none_goes_on():
    result = cartpole(report_interval=0.001).learn(steps=640, callback=lambda progress: None)
    assert result.summary["steps"] >= 640


def test_an_exception_of_a_callback_comes_out_and_the_run_says_so(tmp_path):
    calls = []

    def callback(progress):
        calls.append(progress)
        raise ZeroDivisionError("mine")

    with pytest.raises(ZeroDivisionError, match="mine"):
        cartpole().learn(steps=640, run=tmp_path / "run", callback=callback)
    assert len(calls) == 1
    summary = RunFolder(tmp_path / "run").summary()
    assert (summary["status"], summary["error"]) == ("failed", "ZeroDivisionError: mine")


@pytest.mark.parametrize("backend", ["inline", "processes"])
def test_ctrl_c_keeps_what_was_learned_and_is_raised_again(tmp_path, backend):
    agent = cartpole(backend=backend, workers=1, report_interval=0.001)
    before, handler = agent.value(BATCH), signal.getsignal(signal.SIGINT)
    sent = []

    def interrupt(progress):
        if progress.steps > 640 and not sent:
            sent.append(progress)
            os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        agent.learn(steps=100_000_000, run=tmp_path / "run", callback=interrupt)
    assert signal.getsignal(signal.SIGINT) is handler
    summary = RunFolder(tmp_path / "run").summary()
    assert summary["status"] == "interrupted"
    assert not np.allclose(agent.value(BATCH), before)
    # It goes on from there.
    assert agent.learn(steps=64).summary["steps"] >= summary["steps"] + 64


def test_the_random_agent_learns_nothing_and_draws_actions():
    agent = RandomAgent("CartPole-v1", backend="inline", seed=1)
    before = agent.value(BATCH)
    assert agent.learn(steps=512).summary["updates"] == 0
    np.testing.assert_array_equal(agent.value(BATCH), before)
    actions = [int(agent.predict(OBSERVATION)[0]) for _ in range(200)]
    assert 60 < sum(actions) < 140
    assert 15 < agent.evaluate(episodes=100).mean < 30


def test_a_factory_of_vector_environments():
    agent = A3C(make_walks, backend="inline", seed=1, envs_per_worker=3, env_kwargs={"length": 4})
    summary = agent.learn(steps=600).summary
    assert summary["environment"] == "make_walks"
    assert summary["return_mean_100"] == 4
    assert agent.evaluate(episodes=5).returns == [4.0] * 5


def make_walk(length: int = 5) -> Walk:
    return Walk(length)


@pytest.mark.parametrize("environment", [Walk, make_walk, "odd_environments:Walk-v0"], ids=["class", "function", "id"])
def test_env_kwargs_reach_the_environment(environment):
    agent = A3C(environment, backend="inline", envs_per_worker=2, env_kwargs={"length": 3})
    assert agent.learn(episodes=100).summary["return_mean_100"] == 3
    assert agent.evaluate(episodes=2).lengths == [3, 3]


def test_an_episode_limit_truncates():
    agent = A3C(Walk, backend="inline", envs_per_worker=2, env_kwargs={"length": 1000}, max_episode_steps=6)
    assert agent.learn(episodes=100).summary["return_mean_100"] == 6


def test_make_environment_makes_what_training_sees():
    environment = a3c.make_environment("odd_environments:Walk-v0", env_kwargs={"length": 2})
    environment.reset(seed=1)
    assert [environment.step(0)[2] for _ in range(2)] == [False, True]
    environment.close()


@pytest.mark.parametrize(
    ("arguments", "shape"),
    [
        ({}, (40, 40, 4)),
        ({"recipe": "atari"}, (42, 42, 4)),
        ({"recipe": "none"}, (84, 84, 4)),
        ({"settings": {"frame_stack": 2}}, (40, 40, 2)),
        ({"recipe": "atari", "settings": {"frame_size": [42, 36], "grayscale": False}}, (42, 36, 12)),
    ],
    ids=str,
)
def test_make_environment_shows_what_the_recipe_and_the_settings_say(arguments, shape):
    pytest.importorskip("ale_py")
    environment = a3c.make_environment("ALE/Pong-v5", **arguments)
    assert environment.observation_space == gymnasium.spaces.Box(0, 255, shape, np.uint8)
    observation, _ = environment.reset(seed=1)
    assert environment.observation_space.contains(observation)
    assert environment.observation_space.contains(environment.step(0)[0])
    # In the recipe for Pong frames are black and white before they are reduced.
    assert (observation.max() == 255) == (shape[0] == 40)
    environment.close()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"workers": 0}, "`workers` is 0"),
        ({"learning_rat": 1.0}, "there is no setting 'learning_rat'; did you mean 'learning_rate'"),
        ({"learning_rate": "fast"}, "`learning_rate` cannot be 'fast'"),
        ({"segment_length": 2.5}, "`segment_length` cannot be 2.5"),
        ({"gamma": float("nan")}, "gamma"),
        ({"algorithm": "a3c", "optimizer": "addam"}, "no optimizer 'addam'"),
        ({"backend": "threads"}, "backend"),
        ({"recipe": "nothing"}, "there is no recipe 'nothing'"),
    ],
)
def test_wrong_settings_raise_settings_error(settings, message):
    with pytest.raises(SettingsError, match=message):
        cartpole(**settings)


@pytest.mark.parametrize(
    ("environment", "error"),
    [
        ("CartPol-v1", InvalidEnvironment),
        ("odd_environments:Unmakeable-v0", InvalidEnvironment),
        (lambda: gymnasium.spaces.Discrete(2), InvalidEnvironment),
        ("odd_environments:TextActions-v0", UnsupportedSpace),
    ],
)
def test_wrong_environments_raise_errors_of_their_kind(environment, error):
    with pytest.raises(error) as raised:
        A3C(environment, backend="inline")
    assert isinstance(raised.value, A3CError)
    assert len(str(raised.value).splitlines()) == 1


def test_learning_without_an_end_is_refused():
    with pytest.raises(SettingsError, match="nothing would ever end this run"):
        A3C(Walk, backend="inline").learn()


@pytest.mark.parametrize("limits", [{"steps": 0}, {"episodes": -1}, {"seconds": 0}])
def test_limits_below_one_are_refused(limits):
    with pytest.raises(SettingsError, match="but must be"):
        cartpole().learn(**limits)


def test_a_worker_that_fails_raises_worker_error():
    agent = A3C(Walk, workers=2, seed=5, worker_restarts=0, env_kwargs={"breaks_at": 20})
    with pytest.raises(
        WorkerError, match=r"worker \d failed \(Walk, seed 5\): RuntimeError: the wheel came off"
    ) as error:
        agent.learn(steps=10_000)
    assert error.value.worker in (0, 1)
    assert "the wheel came off" in error.value.traceback
