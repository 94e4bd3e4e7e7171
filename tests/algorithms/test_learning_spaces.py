"""Every kind of action and observation, with every algorithm: learned, saved, and played."""

import gymnasium
import numpy as np
import pytest
from gymnasium.spaces import Box, Dict, Discrete, MultiBinary, MultiDiscrete, Tuple
from gymnasium.vector import AutoresetMode, SyncVectorEnv
from gymnasium.vector.utils import batch_space
from learning_agents import make

import a3c
from environments_for_tests import Guess, Sum

CONTINUOUS = Box(np.array([-2, 0], np.float32), np.array([2, 10], np.float32))
ACTIONS = {
    "choices": MultiDiscrete([[2, 3], [4, 2]], start=[[0, 1], [0, -5]]),
    "bits": MultiBinary(4),
    "numbers": CONTINUOUS,
}
HYBRID = Dict(lever=Discrete(3, start=1), force=CONTINUOUS, more=Tuple([MultiBinary(2), MultiDiscrete([2, 3])]))
FORMS = {
    "by state": {"action_std": "state"},
    "by state and smooth": {"action_std": "gsde", "log_std": -1.0, "hold_noise": 4},
    "squashed": {"action_bounds": "tanh"},
    "held": {"hold_noise": 3},
}
OBSERVATIONS = {
    "a choice": Discrete(5, start=1),
    "choices": MultiDiscrete([2, 3]),
    "bits": MultiBinary(2),
    "a tuple": Tuple([Discrete(3), MultiBinary(1)]),
    "a dict": Dict(gear=Discrete(2), box=Box(0, 1, (1,), np.int8)),
}
KINDS = {
    **{name: (Guess, space) for name, space in ACTIONS.items()},
    "parts": (Guess, HYBRID),
    **{"observed " + name: (Sum, space) for name, space in OBSERVATIONS.items()},
}


def learned_score(agent, steps):
    agent.learn(steps=steps, seconds=120)
    return agent.evaluate(episodes=50, seed=1).mean


@pytest.mark.parametrize("space", ACTIONS.values(), ids=ACTIONS)
def test_every_kind_of_action_is_learned(space):
    agent = make(lambda: Guess(space))
    assert agent.evaluate(episodes=200, deterministic=False).mean < 0.75
    assert learned_score(agent, 10_000) > 0.9


@pytest.mark.parametrize("settings", FORMS.values(), ids=FORMS)
def test_every_form_of_continuous_actions_is_learned(settings):
    assert learned_score(make(lambda: Guess(CONTINUOUS), **settings), 8_000) > 0.9


@pytest.mark.parametrize("algorithm", ["ga3c", "impala"])
def test_continuous_actions_are_learned_from_by_a_learner(algorithm):
    settings = FORMS["by state and smooth"] | {"lag_correction": "vtrace"}
    assert learned_score(make(lambda: Guess(CONTINUOUS), algorithm, **settings), 8_000) > 0.9


@pytest.mark.parametrize("space", OBSERVATIONS.values(), ids=OBSERVATIONS)
def test_every_kind_of_observation_is_learned(space):
    agent = make(lambda: Sum(space), normalize_advantages=False, entropy_coefficient=0.03)
    assert agent.evaluate(episodes=100).mean < 0.85
    # Whoever always says the same is at 0.875 at best.
    assert learned_score(agent, 6_000) > 0.9


@pytest.mark.parametrize(
    ("algorithm", "kind"),
    [
        # GA3C hands over all there is, for actions and for learning; A3C learns every kind above.
        *(("ga3c", kind) for kind in KINDS),
        *((algorithm, kind) for algorithm in ("a3c", "a2c", "impala") for kind in ("numbers", "observed a dict")),
        *((algorithm, "parts") for algorithm in ("a3c", "a2c", "appo", "impala", "impact")),
    ],
)
def test_every_algorithm_trains_saves_and_plays_every_kind(algorithm, kind, tmp_path):
    environment, space = KINDS[kind]
    agent = make(lambda: environment(space), algorithm)
    first = agent.parameters
    result = agent.learn(steps=200, run=tmp_path / "run")
    assert (result.latest.parameters != first).any()
    loaded = a3c.load(tmp_path / "run", environment=lambda: environment(space))
    best = result.best.parameters
    np.testing.assert_array_equal(loaded.parameters, best)
    assert len(loaded.evaluate(episodes=3).returns) == 3
    assert loaded.evaluate(episodes=20, seed=2).returns == loaded.evaluate(episodes=20, seed=2).returns


class Levers(gymnasium.Env):
    """One step: 1 for the lever that is shown, less the further the force is from what belongs to it; else 0."""

    observation_space, action_space = Discrete(3), Dict(lever=Discrete(3, start=1), force=Box(0, 10, (1,), np.float32))

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.shown = int(self.np_random.integers(3))
        return self.shown, {}

    def step(self, action):
        assert self.action_space.contains(action)
        close = 1 - abs(float(action["force"][0]) - (2, 5, 8)[self.shown]) / 10
        return self.shown, close * (action["lever"] == self.shown + 1), True, False, {}


def vector_of_levers(count):
    return SyncVectorEnv([Levers] * count, autoreset_mode=AutoresetMode.SAME_STEP)


@pytest.mark.parametrize("environment", [Levers, vector_of_levers], ids=["one by one", "a vector of its own"])
def test_a_choice_and_a_force_are_learned_together(environment, tmp_path):
    agent = make(environment)
    agent.learn(steps=4_000, seconds=240, run=tmp_path / "run")
    space = Levers.action_space
    for deterministic in (True, False):
        assert space.contains(agent.predict(1, deterministic=deterministic)[0])
        batch, _ = agent.predict(np.arange(3), deterministic=deterministic)
        assert batch_space(space, 3).contains(batch)
    batch, _ = agent.predict(np.arange(3), deterministic=True)
    assert batch["lever"].tolist() == [1, 2, 3]
    np.testing.assert_allclose(batch["force"][:, 0], [2, 5, 8], atol=1.0)
    before = agent.parameters
    gone_on = a3c.resume(tmp_path / "run", environment=environment, steps=4_300)
    assert (gone_on.latest.parameters != before).any()


def test_the_random_agent_draws_from_every_part():
    agent = a3c.RandomAgent(lambda: Guess(HYBRID), backend="inline", seed=1, envs_per_worker=4)
    assert agent.learn(steps=400).summary["steps"] >= 400
    actions, _ = agent.predict(np.ones((200, 1)))
    assert batch_space(HYBRID, 200).contains(actions)
    np.testing.assert_allclose(np.bincount(actions["lever"]) / 200, [0, 1 / 3, 1 / 3, 1 / 3], atol=0.1)


@pytest.mark.parametrize("space", ACTIONS.values(), ids=ACTIONS)
def test_the_random_agent_draws_from_every_space(space):
    agent = a3c.RandomAgent(lambda: Guess(space), backend="inline", seed=1, envs_per_worker=4)
    summary = agent.learn(steps=400).summary
    assert summary["episodes"] == summary["steps"]
    actions, _ = agent.predict(np.ones((100, 1)))
    assert len({action.tobytes() for action in actions}) > 5
    assert all(space.contains(action) for action in actions)


@pytest.mark.parametrize("count", [1, 3])
def test_two_processes_hand_over_what_has_many_parts(count):
    space = OBSERVATIONS["a dict"]
    agent = make(lambda: Sum(space), "ga3c", backend="processes", workers=2, envs_per_worker=count)
    summary = agent.learn(steps=600, seconds=120).summary
    assert summary["episodes"] == summary["steps"] >= 600
