"""Q-learning and Sarsa: what targets are made of, the target network, and how action values are played."""

from itertools import pairwise

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from gymnasium.spaces import Box, Discrete, MultiBinary, MultiDiscrete
from gymnasium.vector import AutoresetMode
from learning_agents import WITH_TARGET, learn, make, probabilities

import a3c
from a3c.algorithms.q_learning import best, make_gradient, taken
from a3c.config.schedules import epsilon_at
from a3c.errors import SettingsError, UnsupportedSpace
from a3c.learning.distributions import EpsilonGreedy
from a3c.learning.snapshot import Snapshot
from a3c.networks.policy import Policy
from a3c.runs.checkpoint import Checkpoint
from a3c.runs.folder import RunFolder
from a3c.sharing.parameter_store import ParameterStore
from configs_for_tests import config_with
from environments_for_tests import Bandit, Corridor, Endless, counting, vector_of

BOOTSTRAPS = {"n-step-q": (best, 1.0), "one-step-q": (best, 0.0), "one-step-sarsa": (taken, 0.0)}
OBSERVATIONS, GENERATOR = Box(-1, 1, (3,), np.float32), np.random.default_rng(0)
WHOLE = {"max_gradient_norm": 0.0, "loss_reduction": "sum"}


def papers_loss(parameters, target, policy, segment, algorithm, gamma):
    """Algorithms 1 and S2 for one environment, as they are written: backwards from the last state."""

    def values_of(vector):
        return policy(Snapshot(vector), segment.observations[:, 0])[0].values

    values, frozen, loss, return_ = values_of(parameters), values_of(target), 0.0, None
    real, actions = segment.mask[:, 0], segment.actions[:, 0]
    for t in reversed(range(len(real))):
        if not real[t] or (algorithm == "one-step-sarsa" and t + 1 == len(real)):
            # Sarsa's last step waits for the action that is taken next.
            return_ = None
            continue
        after = frozen[t + 1, actions[t + 1]] if algorithm == "one-step-sarsa" else frozen[t + 1].max()
        if segment.terminated[t, 0]:
            after = 0.0
        elif algorithm == "n-step-q" and return_ is not None and not segment.truncated[t, 0]:
            after = return_
        return_ = segment.rewards[t, 0] + gamma * after
        loss += (return_ - values[t, actions[t]]) ** 2
    return loss


@pytest.mark.parametrize("algorithm", WITH_TARGET)
def test_the_gradient_is_that_of_the_papers_loop(algorithm, make_collector):
    environments = counting(AutoresetMode.NEXT_STEP, 1, lengths=(3, 8, 2), endings=("terminated", "truncated"))
    settings = {"segment_length": 6, "reward_scale": 0.1, "gamma": 0.7, **WHOLE}
    collector = make_collector(environments, algorithm=algorithm, **settings)
    policy, config = collector.policy, collector.config
    parameters, target = GENERATOR.normal(scale=0.1, size=(2, policy.size)).astype(np.float32)
    gradient_of = make_gradient(policy, config, *BOOTSTRAPS[algorithm])
    rows = []
    for _ in range(5):
        segment, _ = collector.collect(Snapshot(parameters), 0.5)
        loss = jax.value_and_grad(papers_loss)
        value, expected = loss(parameters, target, policy, segment, algorithm, config.gamma)
        gradient, said = gradient_of(Snapshot(parameters), Snapshot(target), segment)
        np.testing.assert_allclose(gradient, expected, rtol=1e-3, atol=1e-4)
        np.testing.assert_allclose(said[0], value, rtol=1e-4)
        # There is no policy that has a loss or an entropy of its own.
        np.testing.assert_array_equal(np.isnan(said), [False, True, False, True, False, False, False])
        rows.append(segment)
    if algorithm == "one-step-sarsa":
        # Each segment begins with the last row of the one before, to learn from that too.
        assert not rows[0].mask[0]
        for before, after in pairwise(rows):
            assert len(after.mask) == 7
            np.testing.assert_array_equal(after.observations[0], before.observations[6])


def test_the_best_is_taken_but_for_what_is_random():
    values = GENERATOR.normal(size=(5, 4)).astype(np.float32)
    given = EpsilonGreedy(values)
    np.testing.assert_array_equal(given.mode(), values.argmax(axis=-1))
    np.testing.assert_array_equal(given.sample(GENERATOR.random(5, np.float32)), values.argmax(axis=-1))
    mixed = given.mix_uniform(np.full(5, 0.2, np.float32))
    expected = np.full((5, 4), 0.05)
    expected[np.arange(5), values.argmax(axis=-1)] = 0.85
    np.testing.assert_allclose(np.exp(mixed.log_probs), expected, rtol=1e-5)
    np.testing.assert_allclose(
        np.exp(mixed.log_prob(np.arange(5) % 4)), expected[range(5), np.arange(5) % 4], rtol=1e-5
    )
    np.testing.assert_allclose(mixed.mix_uniform(0.5).epsilon, 0.6, rtol=1e-6)
    np.testing.assert_allclose(mixed.entropy(), -(expected * np.log(expected)).sum(-1), rtol=1e-5)
    np.testing.assert_array_equal(mixed.value_of(np.full(5, 3)), values[:, 3])
    one = EpsilonGreedy(np.array([0.0, 2.0, 1.0], np.float32)).mix_uniform(0.3)
    drawn = jax.vmap(one.sample)(jnp.linspace(0, 0.9999, 1000))
    np.testing.assert_allclose(np.bincount(drawn, minlength=3) / 1000, [0.1, 0.8, 0.1], atol=0.002)


@pytest.mark.parametrize("space", [MultiDiscrete([2, 3]), MultiBinary(2), Box(-1, 1, (2,), np.float32)], ids=str)
def test_other_actions_than_discrete_ones_are_refused_in_a_line(space):
    with pytest.raises(UnsupportedSpace) as caught:
        Policy.make(OBSERVATIONS, space, config_with(algorithm="n-step-q"))
    assert str(caught.value) == (
        f"n-step-q learns a value for each action of a Discrete space, and these are {space}: use a3c, a2c, appo, "
        "ga3c, impact, impala"
    )


@pytest.mark.parametrize(
    ("algorithm", "settings", "says"),
    [
        ("one-step-q", {"n_step": 4}, "`n_step` is not defined for one-step-q: leave it out"),
        ("one-step-sarsa", {"segment_ends": "episode"}, "one-step-sarsa needs segments of fixed length"),
        ("n-step-q", {"target_interval": 0}, "`target_interval` is 0, but must be at least 1"),
    ],
)
def test_what_means_nothing_is_refused(algorithm, settings, says):
    with pytest.raises(SettingsError, match=says):
        config_with(algorithm=algorithm, **settings)


def test_the_network_has_one_head():
    policy = Policy.make(OBSERVATIONS, Discrete(4, start=7), config_with(algorithm="n-step-q", seed=1, hidden=(5,)))
    assert policy.size == 3 * 5 + 5 + 5 * 4 + 4
    observations = GENERATOR.normal(size=(6, 3)).astype(np.float32)
    given, values = policy(policy.first_snapshot, observations)
    np.testing.assert_array_equal(policy.best_action(policy.first_snapshot, observations), given.values.argmax(-1))
    np.testing.assert_array_equal(values, given.values.max(-1))
    np.testing.assert_allclose(policy.value(policy.first_snapshot, observations), values, rtol=1e-6)


def test_drawn_play_is_random_once_in_twenty():
    agent, _ = learn(Bandit, 1500, "n-step-q")
    assert agent.evaluate(episodes=50, deterministic=True).returns == [1.0] * 50
    assert agent.evaluate(episodes=2000, deterministic=False).mean == pytest.approx(1 - 0.05 * 3 / 4, abs=0.02)
    assert probabilities(agent, [1])[2] == pytest.approx(1)


def test_each_worker_anneals_to_an_epsilon_of_its_own():
    config = config_with(algorithm="n-step-q", steps=100_000)
    assert [epsilon_at(config, worker, 0) for worker in range(3)] == [1.0] * 3
    finals = [round(epsilon_at(config, worker, 90_000), 6) for worker in range(10)]
    # The proportions of the paper.
    assert [finals.count(one) for one in (0.1, 0.01, 0.5)] == [4, 3, 3]
    assert epsilon_at(config_with(algorithm="n-step-q", epsilon=[0.2], epsilon_final=[]), 1, 90_000) == 0.2


def test_the_target_network_is_renewed_when_the_steps_pass_a_multiple():
    def store_at(steps, target):
        store = ParameterStore(
            *(np.full(2, 5, np.float32), np.zeros((0, 2), np.float32), 1),
            shared=False, target=np.full(2, target, np.float32), counts={"steps": steps},
        )  # fmt: skip
        store.attach(0)
        return store

    store, seen = store_at(95, 1), []
    for _ in range(4):
        store.count(steps=60)
        store.renew_target(100)
        seen.append((store.total("steps"), store.target[0]))
        store._floats.array[0] += 1
    assert seen == [(155, 5), (215, 6), (275, 6), (335, 8)]
    # A run that goes on there waits for the same multiple.
    store = store_at(275, 6)
    store.renew_target(100)
    assert store.read().target[0] == store.read().bootstrap.parameters[0] == 6
    store.count(steps=25)
    store.renew_target(100)
    assert store.target[0] == 5


def test_final_observations_are_valued_by_the_target_network(make_collector):
    environments = vector_of(Endless, AutoresetMode.SAME_STEP)(1)
    collector = make_collector(environments, algorithm="n-step-q", segment_length=10, gamma=0.5)
    target = np.zeros(collector.policy.size, np.float32)
    target[-2:] = 3.0, 4.0
    segment, _ = collector.collect(Snapshot(0 * target, target=target))
    np.testing.assert_allclose(segment.rewards[-1], 1 + 0.5 * 4)


def test_a_checkpoint_holds_the_target_network(tmp_path):
    result = make(Corridor, "one-step-q", target_interval=10_000).learn(steps=200, run=tmp_path / "run")
    folder = RunFolder(tmp_path / "run")
    latest = folder.load("latest")
    first = make(Corridor, "one-step-q").parameters
    np.testing.assert_array_equal(latest.target, first)
    assert (latest.parameters != first).any()
    # None is refused, as is one of another network.
    for target in (latest.target[:0], latest.target[1:]):
        latest.target = target
        with pytest.raises(a3c.A3CError, match="its target network is for another number of parameters"):
            latest.save(tmp_path / "other.safetensors")
    assert result.latest.target.shape == first.shape
    plain = make(Corridor, "a3c").learn(steps=64, run=tmp_path / "plain").latest
    plain.save(tmp_path / "plain.safetensors")
    assert Checkpoint.load(tmp_path / "plain.safetensors").target.size == 0


def test_metrics_have_action_values_and_no_policy(tmp_path):
    make(Corridor, "n-step-q", checkpoint_steps=0).learn(steps=640, run=tmp_path / "run")
    header, *lines = (line.split(",") for line in RunFolder(tmp_path / "run").metrics_path.read_text().splitlines())
    row = dict(zip(header, lines[-1], strict=True))
    assert row["entropy"] == row["policy_loss"] == ""
    assert float(row["epsilon"]) == 0.2
    assert float(row["value_loss"]) >= 0
    assert np.isfinite(float(row["action_value"]))


def test_pqn_learns_from_lambda_returns_of_its_own_values(make_collector):
    collector = make_collector(counting(AutoresetMode.NEXT_STEP), algorithm="pqn", reward_scale=0.1, **WHOLE)
    policy, config = collector.policy, collector.config
    parameters = GENERATOR.normal(scale=0.1, size=policy.size).astype(np.float32)
    segment, _ = collector.collect(Snapshot(parameters), 0.5)
    values, discounts = policy.value(Snapshot(parameters), segment.observations), config.gamma * ~segment.terminated
    # There is nothing to go on with after the last row, an episode's end, or a row that is none.
    through = 0.65 * (~(segment.terminated | segment.truncated) & np.append(segment.mask[1:], [[True, True]], axis=0))
    returns = [values[-1]]
    for t in reversed(range(len(segment.mask))):
        after = (1 - through[t]) * values[t + 1] + through[t] * returns[0]
        returns.insert(0, segment.rewards[t] + discounts[t] * after)
    chosen = policy(Snapshot(parameters), segment.observations[:-1])[0].value_of(segment.actions)
    expected = ((np.array(returns[:-1]) - chosen) ** 2)[segment.mask].sum()
    snapshot = Snapshot(parameters)
    assert snapshot.bootstrap is snapshot
    _, said = make_gradient(policy, config, best, config.own.q_lambda)(snapshot, snapshot.bootstrap, segment)
    np.testing.assert_allclose(said[0], expected, rtol=1e-4)


def test_pqn_has_no_target_network_and_normalised_layers():
    agent = make(Corridor, "pqn", hidden=(8,))
    assert agent.config.layer_norm
    assert agent.learn(steps=64).latest.target.size == 0
    assert not make(Corridor, "n-step-q").config.layer_norm


def test_sarsa_values_what_explores_and_q_learning_what_is_best():
    values = {}
    for algorithm in ("one-step-q", "one-step-sarsa"):
        settings = {"epsilon": (0.5,), "gamma": 0.9, "learning_rate_final": 0.0, "anneal_steps": 16_000}
        agent, _ = learn(Corridor, 16_000, algorithm, target_interval=64, **settings)
        values[algorithm] = agent.value(np.eye(6)[3])
    assert values["one-step-q"] == pytest.approx(0.9, abs=0.05)
    assert values["one-step-sarsa"] < 0.85
