"""What the algorithms with a learner, and returns of n steps, make of the gradient."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from gymnasium.vector import AutoresetMode

from a3c.gradient import lambda_targets, learned_steps, make_corrected_gradient, make_gradient, vtrace_targets
from a3c.learning.returns import Targets, lambda_returns, step_continues, step_discounts, vtrace
from a3c.learning.snapshot import Snapshot
from a3c.rollout.segment import Segment
from configs_for_tests import config_with
from environments_for_tests import MODES, Counting, counting
from segments_for_tests import ends_at, random_segments, with_masked_rows_changed

PLAIN = {"normalize_advantages": False, "loss_reduction": "sum", "max_gradient_norm": 0.0, "reward_scale": 0.1}
GAMMA = 0.5
WEIGHTS, BIAS = (0.0, 3.0, 1.0), 2.0
ENDINGS = ("terminated", "truncated")


def random_parameters(policy, seed=0):
    return np.random.default_rng(seed).normal(scale=0.1, size=policy.size).astype(np.float32)


@pytest.fixture
def make_segment(make_collector):
    """A collector and a segment, both kinds of end in it, of a learner's algorithm."""

    def make(algorithm, **settings):
        environments = counting(AutoresetMode.NEXT_STEP, 2, lengths=(3, 4), endings=ENDINGS)
        collector = make_collector(environments, algorithm=algorithm, segment_length=10, **PLAIN | settings)
        segment, _ = collector.collect(Snapshot(random_parameters(collector.policy)))
        assert segment.terminated.any()
        assert segment.truncated.any()
        return collector, segment

    return make


def loss_with(policy, segment, targets, change=lambda log_probs: log_probs):
    """The loss with these targets, over the real steps; `change` is what becomes of log pi.

    Value and entropy coefficients are 0.5 and 0.01.
    """
    rows = np.nonzero(segment.mask)
    actions, returns = segment.actions[rows], np.asarray(targets.returns)[rows]
    advantages = np.asarray(targets.advantages * targets.weights)[rows]

    def loss(parameters):
        distribution, values = policy(Snapshot(parameters), segment.observations)
        log_probs = distribution.log_probs[*rows, actions]
        policy_terms = -change(log_probs) * advantages - 0.01 * distribution.entropy()[rows]
        return jnp.sum(policy_terms + 0.5 * (returns - values[rows]) ** 2)

    return loss


@partial(jax.jit, static_argnames="gamma")
def steps_of(segment, gamma):
    continues = step_continues(segment.terminated, segment.truncated, segment.mask)
    return step_discounts(segment.terminated, gamma), continues


def close_to(gradient, expected):
    assert np.abs(expected).max() > 0.1
    np.testing.assert_allclose(gradient, expected, rtol=1e-3, atol=1e-3)


def test_the_epsilon_correction_learns_log_of_pi_plus_epsilon(make_segment):
    collector, segment = make_segment("ga3c", log_epsilon=0.3)
    policy, config, parameters = collector.policy, collector.config, random_parameters(collector.policy, 1)
    values = np.asarray(policy.value(Snapshot(parameters), segment.observations))
    returns = jax.jit(lambda_returns)(segment.rewards, values, *steps_of(segment, config.gamma), config.gae_lambda)
    targets = Targets(returns, returns - values[:-1])
    loss = loss_with(policy, segment, targets, lambda log_probs: jnp.log(jnp.exp(log_probs) + 0.3))
    gradient, _ = make_corrected_gradient(policy, config)(Snapshot(parameters), segment, 0.01)
    close_to(gradient, jax.jit(jax.grad(loss))(parameters))


@pytest.mark.parametrize(
    ("algorithm", "settings"),
    [
        ("impala", {"gae_lambda": 1.0, "rho_clip": 2.0, "c_clip": 0.8}),
        ("ga3c", {"lag_correction": "vtrace", "rho_clip": 0.6, "c_clip": 3.0, "log_epsilon": 0.5}),
    ],
)
def test_vtrace_compares_the_present_policy_with_the_one_that_acted(make_segment, algorithm, settings):
    collector, segment = make_segment(algorithm, **settings)
    policy, config, parameters = collector.policy, collector.config, random_parameters(collector.policy, 1)
    generator = np.random.default_rng(2)
    segment = segment._replace(log_probs=np.log(generator.uniform(0.1, 1.0, segment.mask.shape)).astype(np.float32))
    distribution, values = jax.jit(policy)(Snapshot(parameters), segment.observations)
    # Constants: no gradient flows through the ratios.
    now = np.take_along_axis(np.asarray(distribution.log_probs)[:-1], segment.actions[..., None], axis=-1)[..., 0]
    ratios = np.exp(now - segment.log_probs)
    assert ratios.min() < 0.6
    assert ratios.max() > 3
    clips = config.gae_lambda, config.own.rho_clip, config.own.c_clip
    targets = jax.jit(vtrace)(segment.rewards, np.asarray(values), *steps_of(segment, config.gamma), ratios, *clips)
    gradient, _ = make_corrected_gradient(policy, config)(Snapshot(parameters), segment, 0.01)
    close_to(gradient, jax.jit(jax.grad(loss_with(policy, segment, targets)))(parameters))


def test_vtrace_of_a_segment_that_the_present_parameters_collected_changes_nothing(make_segment):
    collector, segment = make_segment("impala", gae_lambda=0.9)
    policy, config, snapshot = collector.policy, collector.config, Snapshot(random_parameters(collector.policy))
    with_vtrace, without = (make_gradient(policy, config, targets) for targets in (vtrace_targets(), lambda_targets))
    corrected, plain = with_vtrace(snapshot, segment, 0.01)[0], without(snapshot, segment, 0.01)[0]
    np.testing.assert_allclose(corrected, plain, rtol=1e-4, atol=1e-4)
    snapshot = Snapshot(random_parameters(policy, 1))
    later, uncorrected = with_vtrace(snapshot, segment, 0.01)[0], without(snapshot, segment, 0.01)[0]
    assert np.abs(later - uncorrected).max() > 1e-3


@pytest.mark.parametrize("settings", [{}, {"normalize_advantages": True, "loss_reduction": "mean"}])
@pytest.mark.parametrize("segment_ends", ["steps", "episode"])
def test_dummy_and_padding_rows_change_no_bit_of_a_gradient_with_vtrace(settings, segment_ends, make_collector):
    environments = counting(AutoresetMode.NEXT_STEP, 2, lengths=(3, 4), endings=ENDINGS)
    settings = PLAIN | {"algorithm": "impala", "rho_clip": 2.0} | settings
    collector = make_collector(environments, segment_length=8, segment_ends=segment_ends, **settings)
    policy, parameters = collector.policy, random_parameters(collector.policy, 1)
    gradient_of = make_corrected_gradient(policy, collector.config)
    for _ in range(3):
        segment, _ = collector.collect(Snapshot(random_parameters(policy)))
        changed = with_masked_rows_changed(segment)
        before, after = (gradient_of(Snapshot(parameters), s, 0.01) for s in (segment, changed))
        np.testing.assert_array_equal(before[0], after[0])
        np.testing.assert_array_equal(before[1][:5], after[1][:5])


def value_of(episode, step):
    return 3 * episode + step + BIAS


def n_step_return(environment, episode, step, n):
    """From what the environment is known to do, and values of `value_of`."""
    total, weight = 0.0, 1.0
    for at in range(step, step + n):
        total, weight = total + weight * Counting.reward_of(episode, at), weight * GAMMA
        if at + 1 == environment.length_of(episode):
            cut_off = environment.endings[episode % len(environment.endings)] == "truncated"
            return total + weight * value_of(episode, at + 1) * cut_off
    return total + weight * value_of(episode, step + n)


@pytest.mark.parametrize("mode", MODES, ids=lambda mode: mode.value)
@pytest.mark.parametrize(("n", "length"), [(1, 4), (2, 5), (3, 4), (4, 3), (7, 2)])
def test_each_step_is_learned_once_with_the_return_of_n_steps(mode, n, length, make_collector, linear_values):
    environments = counting(mode, 2, lengths=(1, 9, 4), endings=("terminated", "truncated"))
    collector = make_collector(environments, n_step=n, segment_length=length, gamma=GAMMA, gae_lambda=1.0)
    config, parameters = collector.config, linear_values(collector.policy, WEIGHTS, BIAS)
    targets_of, learned = jax.jit(partial(lambda_targets, config)), [[], []]
    for _ in range(12):
        segment, _ = collector.collect(Snapshot(parameters))
        values = collector.policy.value(Snapshot(parameters), segment.observations)
        returns, advantages = (np.asarray(x) for x in targets_of(segment, values, values[:-1])[:2])
        np.testing.assert_allclose(advantages, returns - values[:-1], rtol=1e-5, atol=1e-4)
        mask = np.asarray(learned_steps(config, segment))
        for index, environment in enumerate(environments.envs):
            rows = segment.observations[:-1, index][mask[:, index]][:, 1:].astype(int).tolist()
            expected = [n_step_return(environment, *row, n) for row in rows]
            np.testing.assert_allclose(returns[mask[:, index], index], expected, rtol=1e-5)
            learned[index] += rows
    for index, environment in enumerate(environments.envs):
        steps = [[e, s] for e in range(environment.episode + 1) for s in range(environment.length_of(e))]
        # The last rows wait for the segment after.
        waiting = segment.mask[length:, index].sum()
        assert learned[index] == steps[: environment.calls - waiting]
        assert len(learned[index]) > 12


def test_the_gradient_is_that_of_the_learned_steps_alone(make_collector):
    environments = counting(AutoresetMode.NEXT_STEP, 2, lengths=(5, 7))
    collector = make_collector(environments, n_step=4, segment_length=6, gae_lambda=1.0, **PLAIN)
    policy, config, parameters = collector.policy, collector.config, random_parameters(collector.policy, 1)
    gradient_of, targets_of = make_gradient(policy, config, lambda_targets), jax.jit(partial(lambda_targets, config))
    for _ in range(3):
        segment, _ = collector.collect(Snapshot(parameters))
        values = np.asarray(policy.value(Snapshot(parameters), segment.observations))
        targets = targets_of(segment, values, values[:-1])
        first_rows = segment._replace(mask=segment.mask & (np.arange(9) < 6)[:, None])
        gradient, _ = gradient_of(Snapshot(parameters), segment, 0.01)
        close_to(gradient, jax.jit(jax.grad(loss_with(policy, first_rows, targets)))(parameters))


def points(length=40, environments=3):
    """A segment of a game of points, and values: rewards of -1, 0 and 1, ends of both kinds and dummy rows."""
    generator = np.random.default_rng(0)
    _, values, terminated, truncated, mask = random_segments(generator, length, environments)
    rewards = np.float32(generator.choice([-1, 0, 0, 0, 0, 1], (length, environments))) * mask
    assert (rewards[terminated] == 0).any()
    assert (rewards[truncated] == 0).any()
    assert (rewards[truncated] != 0).any()
    return Segment(None, None, rewards, terminated, truncated, mask), values


def targeting(**settings):
    """`(segment, values) -> returns, advantages`."""
    config = config_with(gamma=GAMMA, **settings)
    return jax.jit(lambda segment, values: lambda_targets(config, segment, values, values[:-1])[:2])


def test_returns_of_a_game_of_points_restart_at_every_point():
    rewards = np.array([0, 0, 1, 0, -1, 0.25, 0, 0], np.float32)[:, None]
    no = np.zeros((8, 1), bool)
    segment = Segment(None, None, rewards, no, no, ~no)
    values = np.full((9, 1), 100, np.float32)
    returns, advantages = targeting(gae_lambda=1.0, restart_at_reward=True)(segment, values)
    np.testing.assert_allclose(returns[:, 0], [0.25, 0.5, 1, -0.5, -1, 0.25, 25, 50], rtol=1e-6)
    np.testing.assert_allclose(advantages, returns - 100, rtol=1e-6)


def test_restarted_returns_end_with_their_episode_too():
    segment, values = points()
    returns, _ = targeting(gae_lambda=1.0, restart_at_reward=True)(segment, values)
    for index in range(values.shape[1]):
        rewards, terminated, truncated, mask = (
            getattr(segment, name)[:, index] for name in ("rewards", "terminated", "truncated", "mask")
        )
        return_ = 0.0
        for t in reversed(np.flatnonzero(mask)):
            after = values[t + 1, index] if ends_at(t, terminated, truncated, mask) else return_
            return_ = rewards[t] if rewards[t] != 0 or terminated[t] else GAMMA * after
            np.testing.assert_allclose(returns[t, index], return_, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("settings", [{"gae_lambda": 1.0}, {"gae_lambda": 0.9}, {"gae_lambda": 0.9, "n_step": 5}])
def test_nothing_after_a_point_changes_a_return_before_it(settings):
    segment, values = points()
    for restart in (True, False):
        targets_of = targeting(restart_at_reward=restart, **settings)
        returns, _ = map(np.asarray, targets_of(segment, values))
        unchanged = []
        for point in np.flatnonzero(segment.rewards[:, 0])[:-1]:
            later = np.arange(len(values))[:, None] > point
            changed = segment._replace(rewards=segment.rewards - np.float32(7) * later[:-1])
            other, _ = map(np.asarray, targets_of(changed, values + np.float32(50) * later))
            assert (other[point + 1 :, 0] != returns[point + 1 :, 0]).any()
            unchanged.append((other[: point + 1, 0] == returns[: point + 1, 0]).all())
        assert all(unchanged) == restart


@pytest.mark.parametrize("gae_lambda", [1.0, 0.9])
def test_vtrace_of_the_policy_itself_restarts_at_points_as_other_returns_do(gae_lambda):
    segment, values = points()
    segment = segment._replace(log_probs=np.zeros(segment.rewards.shape, np.float32))
    config = config_with(algorithm="impala", gamma=GAMMA, gae_lambda=gae_lambda, restart_at_reward=True)
    found = vtrace_targets()(config, segment, jnp.asarray(values), jnp.zeros(segment.rewards.shape))
    returns, advantages = targeting(gae_lambda=gae_lambda, restart_at_reward=True)(segment, values)
    np.testing.assert_allclose(found.returns[segment.mask], returns[segment.mask], rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(found.advantages[segment.mask], advantages[segment.mask], rtol=1e-4, atol=1e-5)


def test_without_points_nothing_restarts():
    segment, values = points()
    segment = segment._replace(rewards=np.zeros_like(segment.rewards))
    plain, restarted = (targeting(restart_at_reward=restart)(segment, values)[0] for restart in (False, True))
    np.testing.assert_array_equal(plain, restarted)


@pytest.mark.parametrize("settings", [{}, {"restart_at_reward": True}, {"n_step": 4}], ids=str)
def test_normalized_returns_have_mean_0_and_deviation_1_over_the_real_steps(settings):
    segment, values = points()
    mask = segment.mask
    assert not mask.all()
    plain = np.asarray(targeting(**settings)(segment, values)[0])
    returns, advantages = map(np.asarray, targeting(normalize_returns=True, **settings)(segment, values))
    np.testing.assert_allclose((returns[mask].mean(), returns[mask].std()), (0, 1), atol=1e-5)
    np.testing.assert_allclose(returns, (plain - plain[mask].mean()) / plain[mask].std(), rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(advantages, returns - values[:-1], rtol=1e-5, atol=1e-6)


def test_dummy_and_padding_rows_change_no_bit_of_normalized_and_restarted_returns(make_collector):
    environments = counting(AutoresetMode.NEXT_STEP, 2, lengths=(3, 4), endings=ENDINGS)
    settings = {"segment_ends": "episode", "restart_at_reward": True, "normalize_returns": True}
    collector = make_collector(environments, segment_length=8, **PLAIN | settings)
    parameters = random_parameters(collector.policy, 1)
    gradient_of = make_gradient(collector.policy, collector.config)
    for _ in range(2):
        segment, _ = collector.collect(Snapshot(parameters))
        changed = with_masked_rows_changed(segment)
        before, after = (gradient_of(Snapshot(parameters), s, 0.01) for s in (segment, changed))
        assert np.any(before[0])
        np.testing.assert_array_equal(before[0], after[0])
