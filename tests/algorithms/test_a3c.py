import jax
import jax.numpy as jnp
import numpy as np
import pytest
from gymnasium.vector import AutoresetMode

from a3c import A3C
from a3c.algorithms import a3c
from a3c.algorithms.a3c import TrainingDiverged, make_gradient
from a3c.config import TrainConfig
from a3c.environments.making import EnvironmentMaker
from a3c.learning import schedules
from a3c.learning.optimizers import SharedOptimizer
from a3c.parallel.messages import WorkerTask
from a3c.parallel.parameter_store import ParameterStore
from a3c.parallel.worker import Work, Worker
from a3c.rollout.collector import Collector
from environments_for_tests import MODES, Bandit, Corridor, Endless, Mortal, counting, vector_of

each_mode = pytest.mark.parametrize("mode", MODES, ids=lambda mode: mode.value)
PAPER = {
    "segment_ends": "episode",
    "gae_lambda": 1.0,
    "normalize_advantages": False,
    "loss_reduction": "sum",
    "max_gradient_norm": 0.0,
}


def random_parameters(policy):
    return np.random.default_rng(0).normal(scale=0.1, size=policy.size).astype(np.float32)


def papers_loss(parameters, policy, segment, config):
    """Algorithm S3 for one environment, as it is written: R backwards from the last state."""
    distribution, values = policy(parameters, segment.observations[:, 0])
    log_probs, entropies = distribution.log_prob(jnp.append(segment.actions[:, 0], 0)), distribution.entropy()
    steps = segment.steps
    return_ = 0.0 if segment.terminated[steps - 1, 0] else jax.lax.stop_gradient(values[steps])
    loss = 0.0
    for t in reversed(range(steps)):
        return_ = segment.rewards[t, 0] + config.gamma * return_
        advantage = jax.lax.stop_gradient(return_ - values[t])
        loss -= log_probs[t] * advantage + config.entropy_coefficient * entropies[t]
        loss += config.value_coefficient * (return_ - values[t]) ** 2
    return loss


def test_the_gradient_is_that_of_the_papers_loop(make_collector):
    environments = counting(AutoresetMode.NEXT_STEP, 1, lengths=(3, 8, 2))
    collector = make_collector(environments, segment_length=5, reward_scale=0.1, gamma=0.7, **PAPER)
    policy, parameters = collector.policy, random_parameters(collector.policy)
    gradient_of = make_gradient(policy, collector.config)
    ends = set()
    for _ in range(6):
        segment, _ = collector.collect(parameters)
        expected = jax.grad(papers_loss)(parameters, policy, segment, collector.config)
        gradient, _ = gradient_of(parameters, segment, collector.config.entropy_coefficient)
        np.testing.assert_allclose(gradient, expected, rtol=1e-3, atol=1e-4)
        ends.add((bool(segment.terminated.any()), bool(segment.truncated.any()), bool(segment.mask.all())))
    assert len(ends) == 3


@pytest.mark.parametrize("settings", [{}, {"loss_reduction": "sum"}, {"normalize_advantages": False}])
@pytest.mark.parametrize("segment_ends", ["steps", "episode"])
def test_dummy_and_padding_rows_change_no_bit_of_the_gradient(settings, segment_ends, make_collector):
    environments = counting(AutoresetMode.NEXT_STEP, 2, lengths=(3, 4))
    collector = make_collector(environments, segment_length=8, segment_ends=segment_ends, reward_scale=0.1, **settings)
    parameters = random_parameters(collector.policy)
    gradient_of = make_gradient(collector.policy, collector.config)
    for _ in range(3):
        segment, _ = collector.collect(parameters)
        masked = ~segment.mask
        assert masked.any()
        # What a real step led to without terminating has a value that counts: that observation stays.
        bootstrapped = np.zeros_like(masked)
        bootstrapped[1:] = (segment.mask & ~segment.terminated)[:-1]
        observations = segment.observations.copy()
        observations[:-1][masked & ~bootstrapped] = -3.0
        changed = segment._replace(
            observations=observations,
            actions=np.where(masked, 1 - segment.actions, segment.actions),
            rewards=np.where(masked, np.float32(100), segment.rewards),
        )
        assert (changed.observations != segment.observations).any()
        before, after = (gradient_of(parameters, s, 0.01) for s in (segment, changed))
        np.testing.assert_array_equal(before[0], after[0])
        np.testing.assert_array_equal(before[1][:5], after[1][:5])


def test_a_gradient_is_clipped_and_its_own_norm_reported(make_collector):
    environments = counting(AutoresetMode.NEXT_STEP)
    unclipped = make_collector(environments, max_gradient_norm=0.0)
    clipped = make_collector(environments, max_gradient_norm=0.25)
    parameters = random_parameters(unclipped.policy)
    segment, _ = unclipped.collect(parameters)
    whole, diagnostics = make_gradient(unclipped.policy, unclipped.config)(parameters, segment, 0.0)
    short, short_diagnostics = make_gradient(clipped.policy, clipped.config)(parameters, segment, 0.0)
    norm = np.linalg.norm(whole)
    index = a3c.DIAGNOSTICS.index("gradient_norm")
    np.testing.assert_allclose([diagnostics[index], short_diagnostics[index]], norm, rtol=1e-4)
    np.testing.assert_allclose(short, whole * 0.25 / norm, rtol=1e-4)


def test_a_worker_starts_from_the_shared_parameters_and_applies_its_gradient_to_them(make_policy):
    maker = EnvironmentMaker(Corridor)
    config = TrainConfig(seed=0, hidden=(4,), envs_per_worker=2, segment_length=6, optimizer="sgd", steps=1)
    policy, seed = make_policy(Corridor(), config), np.random.SeedSequence(5)
    optimizer = SharedOptimizer("sgd", {}, policy.size)
    store = ParameterStore(policy.initial_parameters, optimizer.initial_state(), 1, shared=False)
    a3c.run(Worker(WorkerTask(0, config, store, seed), Work(maker, policy, optimizer), lambda report: None))

    collector = Collector(maker.make_vector(2), policy, config, np.random.SeedSequence(5))
    segment, _ = collector.collect(policy.initial_parameters)
    gradient, _ = make_gradient(policy, config)(policy.initial_parameters, segment, config.entropy_coefficient)
    expected = policy.initial_parameters - config.learning_rate * np.asarray(gradient)
    assert np.abs(gradient).max() > 1e-3
    np.testing.assert_allclose(store.parameters, expected, rtol=1e-5, atol=1e-7)
    assert store.totals() == {"steps": 12, "episodes": 0, "updates": 1}


def learned_value(environment, seed=0, **settings):
    settings = {"segment_length": 22, "gae_lambda": 0.0, "optimizer": "sgd", "learning_rate": 0.1} | settings
    agent = A3C(
        environment,
        backend="inline",
        seed=seed,
        envs_per_worker=2,
        gamma=0.9,
        hidden=(),
        max_gradient_norm=0,
        **settings,
    )
    agent.learn(steps=10_000)
    return agent.value(np.ones(1))


@each_mode
@pytest.mark.parametrize(("environment", "value"), [(Endless, 1 / (1 - 0.9)), (Mortal, 1 / (1 - 0.9 * 0.9))])
def test_a_time_limit_leaves_the_value_of_what_it_cut_off_and_a_termination_does_not(mode, environment, value):
    # Steps look alike. Of ten, one leads nowhere where the episode terminates: V = 1 + gamma * 0.9 V.
    assert learned_value(vector_of(environment, mode)) == pytest.approx(value, abs=0.4)


def test_a_time_limit_is_bootstrapped_in_segments_that_end_with_the_episode():
    settings = {"gae_lambda": 1.0, "segment_ends": "episode", "segment_length": 7}
    assert learned_value(Endless, **settings) == pytest.approx(10, abs=0.4)


def test_a_limit_given_as_a_setting_is_bootstrapped():
    assert learned_value(Endless, max_episode_steps=3) == pytest.approx(10, abs=0.4)


def learn(environment, steps, seed=0, **settings):
    defaults = {"backend": "inline", "envs_per_worker": 8, "segment_length": 8, "learning_rate": 0.02, "hidden": (16,)}
    agent = A3C(environment, seed=seed, **defaults | settings)
    return agent, agent.learn(steps=steps)


def probabilities(agent, observation):
    policy, parameters = agent._work.policy, agent._start.parameters
    return np.exp(policy(parameters, np.asarray([observation], np.float32))[0].log_probs)[0]


@pytest.mark.parametrize("start", [0, -2])
def test_a_bandit_is_learned(start):
    agent, result = learn(lambda: Bandit(start=start), 6000)
    assert probabilities(agent, [1])[2] > 0.95
    assert agent.predict(np.ones(1))[0] == start + 2
    assert result.summary["return_mean_100"] > 0.9


def test_a_large_entropy_bonus_keeps_the_policy_uniform_where_none_lets_it_decide():
    agent, _ = learn(Bandit, 6000, entropy_coefficient=30.0)
    np.testing.assert_allclose(probabilities(agent, [1]), 0.25, atol=0.1)


def test_a_corridor_is_walked_straight_to_its_end():
    agent, _ = learn(Corridor, 20_000, gamma=0.9)
    assert agent.evaluate(episodes=3).lengths == [5, 5, 5]
    np.testing.assert_allclose(agent.value(np.eye(6)[:5]), 0.9 ** np.arange(4, -1, -1), atol=0.1)


def test_the_plain_defaults_solve_cartpole():
    # Seeds 0 to 5 take 138 to 233 thousand steps.
    agent = A3C("CartPole-v1", backend="inline", seed=5, recipe="none")
    assert agent.learn(steps=700_000, target_return=475).solved
    assert agent.evaluate(episodes=20).mean > 400


def test_two_worker_processes_learn_together():
    agent, result = learn(Bandit, 12_000, backend="processes", workers=2)
    assert probabilities(agent, [1])[2] > 0.95
    assert 12_000 <= result.summary["steps"] < 12_000 + 2 * 64
    assert result.summary["episodes"] == result.summary["steps"]


@pytest.mark.parametrize("settings", [{}, {"epsilon": (0.3,)}, {"segment_ends": "episode", "envs_per_worker": 1}])
def test_inline_runs_of_one_seed_are_equal_bit_for_bit(settings):
    def parameters(seed):
        result = learn("CartPole-v1", 1500, seed, **settings)[1]
        return result.latest.parameters, result.latest.optimizer_state, result.latest.returns

    first, second, other = parameters(1), parameters(1), parameters(2)
    for a, b in zip(first, second, strict=True):
        np.testing.assert_array_equal(a, b)
    assert (first[0] != other[0]).all(where=first[0] != 0) or first[2] != other[2]


def test_dummy_steps_are_not_counted():
    # Episodes of one step: every second row is a dummy.
    _, result = learn(Bandit, 320, envs_per_worker=1)
    assert result.summary["episodes"] == result.summary["steps"] == 320
    assert result.summary["updates"] == 80


def test_training_that_diverges_stops_before_the_parameters_are_spoilt():
    class Huge(Endless):
        def step(self, action):
            observation, _, *rest = super().step(action)
            return observation, 1e30, *rest

    agent = A3C(Huge, backend="inline", seed=0)
    with pytest.raises(TrainingDiverged, match="--reward-scale"):
        agent.learn(steps=1000)
    assert np.isfinite(agent._start.parameters).all()


def test_annealing_follows_the_global_step():
    config = TrainConfig(
        steps=100,
        learning_rate=1.0,
        learning_rate_final=0.0,
        entropy_coefficient=0.2,
        entropy_coefficient_final=0.1,
        epsilon=(0.4, 0.8),
        epsilon_final=(0.0, 0.4),
        epsilon_anneal_steps=50,
    )
    assert [schedules.learning_rate_at(config, step) for step in (0, 50, 100, 200)] == [1, 0.5, 0, 0]
    np.testing.assert_allclose([schedules.entropy_coefficient_at(config, step) for step in (0, 50)], [0.2, 0.15])
    np.testing.assert_allclose(
        [[schedules.epsilon_at(config, worker, step) for step in (0, 25, 50, 99)] for worker in (0, 1, 2)],
        [[0.4, 0.2, 0, 0], [0.8, 0.6, 0.4, 0.4], [0.4, 0.2, 0, 0]],
    )
    assert schedules.epsilon_at(TrainConfig(steps=100), 0, 10) == 0
