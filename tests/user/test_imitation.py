"""Behavioural cloning: from demonstrations to a policy that does the same, and learning on from there."""

from importlib.util import find_spec

import gymnasium
import numpy as np
import pytest
from gymnasium import spaces
from odd_environments import Walk
from small_agents import cartpole

import a3c
from a3c.environments.observations import Observations
from a3c.errors import RunFolderError, SettingsError
from a3c.imitation.demonstrations import load_demonstrations
from a3c.networks.actions import DiscreteActions


@pytest.fixture(scope="module")
def agent():
    return cartpole()


def balanced(episodes=12):
    """What keeps the pole up does, for 60 steps each."""
    environment, rows = gymnasium.make("CartPole-v1", max_episode_steps=60), []
    for seed in range(episodes):
        observation, ended = environment.reset(seed=seed)[0], False
        while not ended:
            action = int(3 * observation[2] + observation[3] + 0.1 * observation[1] > 0)
            after, reward, terminated, truncated, _ = environment.step(action)
            rows.append((observation, action, reward, terminated, truncated))
            observation, ended = after, terminated or truncated
    names = ("observations", "actions", "rewards", "terminations", "truncations")
    return {name: np.array(column) for name, column in zip(names, zip(*rows, strict=True), strict=True)}


def test_a_clone_does_what_was_done_and_learns_on(tmp_path):
    data, agent = balanced(), cartpole(learning_rate=3e-3)
    before = agent.evaluate(episodes=5).mean
    imitation = agent.imitate(data, epochs=40, run=tmp_path / "run")
    assert imitation.accuracy > 0.9
    assert imitation.held_out_loss < 0.3
    assert (imitation.steps, imitation.episodes) == (len(data["actions"]), 12)
    assert agent.evaluate(episodes=5).mean > 3 * before
    # What is normalised by is the data's.
    snapshot = agent.snapshot
    np.testing.assert_allclose(snapshot.statistics[:4], data["observations"].mean(axis=0), atol=1e-5)
    saved = a3c.load(tmp_path / "run")
    np.testing.assert_array_equal(saved.parameters, agent.parameters)
    assert agent.learn(steps=64).summary["steps"] >= 64
    assert a3c.resume(tmp_path / "run", steps=64).summary["steps"] >= 64
    with pytest.raises(RunFolderError, match="already holds a run"):
        agent.imitate(data, run=tmp_path / "run")


def test_values_are_learned_where_returns_are_known():
    data = balanced()
    data["terminations"] = data["terminations"] | data.pop("truncations")
    agent = cartpole(learning_rate=3e-3, gamma=0.9)
    agent.imitate(data, epochs=60, patience=60)
    assert agent.value(data["observations"][5]) == pytest.approx(10, rel=0.2)


@pytest.mark.parametrize("bounds", ["clip", "tanh"])
def test_numbers_are_cloned_in_the_units_of_the_environment(bounds):
    class Steers(Walk):
        action_space = spaces.Box(np.array([-3.0, 0.0]), np.array([5.0, 100.0]), dtype=np.float64)

    observations = np.random.default_rng(1).uniform(-1, 1, (2000, 3)).astype(np.float32)
    actions = np.stack([1 + 2 * observations[:, 0], 50 - 30 * observations[:, 1]], axis=1)
    agent = a3c.A3C(Steers, backend="inline", seed=1, action_bounds=bounds, learning_rate=3e-3)
    imitation = agent.imitate({"observations": observations, "actions": actions}, epochs=40)
    assert (imitation.accuracy, imitation.learned_values) == (None, False)
    assert imitation.error < 0.05
    np.testing.assert_allclose(agent.predict(observations)[0], actions, atol=15)
    # It explores from here on.
    assert (agent.distribution(observations[0]).std > [0.3, 3.0]).all()


def test_actions_and_observations_of_several_parts_are_cloned():
    class Levers(Walk):
        observation_space = spaces.Dict(place=spaces.Box(-1, 1, (2,)), rest=spaces.Tuple([spaces.Discrete(3)]))
        action_space = spaces.Dict(lever=spaces.Discrete(3, start=5), force=spaces.Box(0, 10, (1,)))

    generator = np.random.default_rng(1)
    place, rest = generator.uniform(-1, 1, (2000, 2)).astype(np.float32), generator.integers(3, size=2000)
    lever, force = 5 + rest, 5 + 4 * place[:, :1]
    data = {"observations/place": place, "observations/rest/0": rest, "actions/lever": lever, "actions/force": force}
    agent = a3c.A3C(Levers, backend="inline", seed=1, learning_rate=3e-3)
    imitation = agent.imitate(data, epochs=30)
    assert imitation.accuracy > 0.99
    assert imitation.error < 0.1
    assert f"accuracy {imitation.accuracy:.1%}, mean error {imitation.error:.3f}" in str(imitation)
    actions, _ = agent.predict({"place": place[:50], "rest": (rest[:50],)})
    np.testing.assert_array_equal(actions["lever"], lever[:50])
    np.testing.assert_allclose(actions["force"], force[:50], atol=2)
    with pytest.raises(SettingsError, match="it holds the action 9 in actions/lever, which is not in Discrete"):
        agent.imitate({**data, "actions/lever": np.full(2000, 9)})
    with pytest.raises(SettingsError, match=r"holds no 'actions/force': it needs .*, actions/lever and actions/force;"):
        agent.imitate({name: array for name, array in data.items() if name != "actions/force"})


def test_masks_of_demonstrations_are_those_that_are_learned_under():
    class Masked(Walk):
        action_space = spaces.Discrete(4)

        def action_masks(self):
            return np.ones(4)

    generator = np.random.default_rng(1)
    observations = generator.uniform(-1, 1, (1000, 3)).astype(np.float32)
    # One of two, of which nothing observed says which they are: without the mask no more than half is right.
    masks = np.tile(np.array([[1, 1, 0, 0], [0, 0, 1, 1]]), (500, 1))
    actions = np.where(observations[:, 0] > 0, 1, 0) + 2 * (np.arange(1000) % 2)
    agent = a3c.A3C(Masked, backend="inline", seed=1, learning_rate=3e-3)
    data = {"observations": observations, "actions": actions, "action_mask": masks}
    assert agent.imitate(data, epochs=15).accuracy > 0.9
    with pytest.raises(SettingsError, match="the action of step 0 is not valid by its action_mask"):
        agent.imitate({**data, "action_mask": masks[::-1]})


STEPS = {"observations": np.random.default_rng(2).uniform(-1, 1, (12, 4)), "actions": np.arange(12) % 2}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"actions": np.zeros(3)}, "observations has shape .* but there are 3 actions"),
        ({"actions": np.full(12, 2)}, r"it holds the action 2, which is not in Discrete\(2\)"),
        ({"actions": np.full(12, 0.5)}, r"it holds the action 0.5, which is not in Discrete\(2\)"),
        ({"actions": np.full(12, "left")}, "actions is of <U4, and not of numbers"),
        ({"observations": np.zeros((12, 3))}, r"observation has shape \(12, 3\); expected \(4,\)"),
        ({"observations": [[1.0], [1.0, 2.0]]}, "observations is ragged"),
        ({"obs": np.zeros(12)}, "no array 'obs' to learn from; it is called 'observations' here; there may be obs"),
        ({"dones": np.zeros(12)}, "'dones' .* called 'terminations' or 'truncations' here"),
        ({"observations": np.full((12, 4), np.nan)}, "observations holds nan, which is no finite number"),
        ({"rewards": np.full(12, np.inf)}, "rewards holds inf, which is no finite number"),
        ({"rewards": np.zeros((12, 3))}, r"rewards has shape \(12, 3\); expected one number for each step"),
        ({"terminations": np.full(12, "False")}, "terminations is of <U5, and not of numbers"),
    ],
)
def test_data_that_does_not_fit_is_one_line(agent, change, message):
    with pytest.raises(SettingsError, match=message):
        agent.imitate({**STEPS, **change})


@pytest.mark.parametrize(
    ("dataset", "how", "message"),
    [
        (None, {}, "demonstrations are an .npz file, a Minari dataset, or arrays by their names, .* not a NoneType"),
        ([1, 2], {}, "not a list"),
        ("it.npy", {}, "it.npy is no .npz file of plain arrays"),
        ("arrays.npz", {}, "arrays.npz: there is no array 'arr_0' to learn from"),
        ("observed.npz", {}, "observed.npz holds no 'actions': it needs observations and actions"),
        (STEPS, {"epochs": 1.5}, "epochs cannot be 1.5; it must be a whole number"),
        (STEPS, {"held_out": 0}, "held_out is 0, but must be"),
        (STEPS, {"n_epochs": 3}, "there is no argument 'n_epochs'"),
        (STEPS, {"lr": 3}, "'lr'; it is called 'learning_rate' here, a setting, given where the agent is made"),
    ],
)
def test_what_is_no_dataset_and_wrong_settings_are_one_line(agent, tmp_path, monkeypatch, dataset, how, message):
    monkeypatch.chdir(tmp_path)
    np.save("it.npy", STEPS["observations"])
    np.savez("arrays.npz", *STEPS.values())
    np.savez("observed.npz", observations=STEPS["observations"])
    with pytest.raises(SettingsError, match=message):
        agent.imitate(dataset, **how)


def test_observations_of_many_parts_are_given_as_the_environment_gives_them():
    speed = spaces.Box(-1, 1, (3,), np.float32)
    space = spaces.Dict({"own": spaces.Dict({"speed": speed, "gear": spaces.Discrete(4)}), "rest": spaces.Discrete(2)})
    observations, actions = Observations(space), DiscreteActions(spaces.Discrete(2))
    space.seed(1)
    rows = [space.sample() for _ in range(5)]
    expected = np.concatenate([observations.pack_any(row)[0] for row in rows])
    parts = {
        "observations/own/speed": np.array([row["own"]["speed"] for row in rows]),
        "observations/own/gear": np.array([row["own"]["gear"] for row in rows]),
        "observations/rest": np.array([row["rest"] for row in rows]),
        # Hidden of the policy, or its masks: left out.
        "observations/action_mask": np.ones((5, 2)),
    }
    nested = {"own": {"speed": parts["observations/own/speed"], "gear": parts["observations/own/gear"]}}
    nested["rest"] = parts["observations/rest"]
    for given in (parts, {"observations": nested}, {"observations": rows}):
        data = load_demonstrations({**given, "actions": [0, 1, 0, 1, 1]}, observations, actions)
        np.testing.assert_array_equal(data.observations, expected)

    pair = Observations(spaces.Tuple((speed, spaces.Discrete(4))))
    given = {"observations": (np.zeros((5, 3)), np.arange(5) % 4), "actions": [0, 1, 0, 1, 1]}
    assert load_demonstrations(given, pair, actions).observations.shape == (5, 4)
    frames = Observations(spaces.Box(0, 255, (8, 8, 1), np.uint8))
    with pytest.raises(SettingsError, match=r"holds 0\.5, which is not in Box"):
        load_demonstrations({"observations": np.full((5, 8, 8, 1), 0.5), "actions": [0, 1, 0, 1, 1]}, frames, actions)


def test_what_cannot_be_taught_is_one_line(command, tmp_path):
    data = {"observations": np.zeros((9, 4)), "actions": np.zeros(9)}
    with pytest.raises(SettingsError, match="a policy with memory"):
        cartpole(recurrent="gru").imitate(data)
    with pytest.raises(SettingsError, match="pqn has no policy"):
        a3c.PQN("CartPole-v1", backend="inline").imitate(data)
    np.savez(tmp_path / "it.npz", **data)
    refused = command("imitate", "it.npz")
    assert refused == (2, "", "a3c imitate: name the environment that it.npz is of: a3c imitate it.npz ENV\n")


def test_the_command_writes_a_run_that_is_trained_on(command, tmp_path):
    np.savez(tmp_path / "it.npz", **balanced())
    flags = ["--recipe", "none", "--seed", 3, "--backend", "inline", "--no-progress"]
    outcome = command("imitate", "it.npz", "CartPole-v1", *flags, "--epochs", 5, "--run", "run")
    assert (outcome.status, outcome.err) == (0, "")
    assert "of 12 episodes, 5 passes: loss" in outcome.out
    assert command("evaluate", "run", "--episodes", 2).status == 0
    resumed = command("train", "CartPole-v1", "--resume", "run", "--steps", 256, "--no-progress")
    assert (resumed.status, resumed.err) == (0, "")


@pytest.mark.skipif(find_spec("minari") is None, reason="needs Minari")
@pytest.mark.filterwarnings("ignore")
def test_a_minari_dataset_knows_its_environment(command, tmp_path, monkeypatch):
    from minari import DataCollector

    monkeypatch.setenv("MINARI_DATASETS_PATH", str(tmp_path / "minari"))
    environment = DataCollector(gymnasium.make("CartPole-v1"))
    for seed in range(12):
        environment.reset(seed=seed)
        while not any(environment.step(seed % 2)[2:4]):
            pass
    environment.create_dataset("mine/pole-v0", algorithm_name="none", author="a", author_email="b", code_permalink="c")
    flags = ["--recipe", "none", "--seed", 3, "--backend", "inline", "--epochs", 2, "--run", "run"]
    outcome = command("imitate", "mine/pole-v0", *flags)
    assert outcome.status == 0, outcome.err
    assert "of 12 episodes, 2 passes" in outcome.out
    assert a3c.load("run").config.environment == "CartPole-v1"
