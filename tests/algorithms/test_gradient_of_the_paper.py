"""The gradient that the algorithms have in common, against the paper's own loop."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from gymnasium.vector import AutoresetMode

from a3c.gradient import make_gradient
from a3c.learning.diagnostics import DIAGNOSTICS
from a3c.learning.snapshot import Snapshot
from environments_for_tests import counting
from segments_for_tests import with_masked_rows_changed

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
    distribution, values = policy(Snapshot(parameters), segment.observations[:, 0])
    log_probs, entropies = distribution.log_prob(jnp.append(segment.actions[:, 0], 0)), distribution.entropy()
    steps = int(segment.mask.sum())
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
        segment, _ = collector.collect(Snapshot(parameters))
        expected = jax.grad(papers_loss)(parameters, policy, segment, collector.config)
        gradient, _ = gradient_of(Snapshot(parameters), segment, collector.config.entropy_coefficient)
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
        segment, _ = collector.collect(Snapshot(parameters))
        changed = with_masked_rows_changed(segment)
        before, after = (gradient_of(Snapshot(parameters), s, 0.01) for s in (segment, changed))
        np.testing.assert_array_equal(before[0], after[0])
        np.testing.assert_array_equal(before[1][:5], after[1][:5])


def test_a_gradient_is_clipped_and_its_own_norm_reported(make_collector):
    environments = counting(AutoresetMode.NEXT_STEP)
    unclipped = make_collector(environments, max_gradient_norm=0.0)
    clipped = make_collector(environments, max_gradient_norm=0.25)
    parameters = random_parameters(unclipped.policy)
    segment, _ = unclipped.collect(Snapshot(parameters))
    whole, diagnostics = make_gradient(unclipped.policy, unclipped.config)(Snapshot(parameters), segment, 0.0)
    short, short_diagnostics = make_gradient(clipped.policy, clipped.config)(Snapshot(parameters), segment, 0.0)
    norm = np.linalg.norm(whole)
    index = DIAGNOSTICS.index("gradient_norm")
    np.testing.assert_allclose([diagnostics[index], short_diagnostics[index]], norm, rtol=1e-4)
    np.testing.assert_allclose(short, whole * 0.25 / norm, rtol=1e-4)
