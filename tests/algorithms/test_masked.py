"""Action masks in every algorithm: no action that is not valid is ever taken, or counts for anything."""

from functools import partial

import numpy as np
import pytest
from learning_agents import ALGORITHMS, make

import a3c
from a3c.algorithms import q_learning
from a3c.gradient import judged, lambda_targets, make_clipped_gradient, make_gradient, vtrace_targets
from a3c.learning.distributions import EpsilonGreedy
from a3c.learning.snapshot import Snapshot
from environments_for_tests import MODES
from masked_for_tests import WAYS, Masked, masked_vectors

SMALL = {"envs_per_worker": 2, "segment_length": 6, "hidden": ()}
SEVERAL = ("a2c", "ga3c")
"""Those that are tried with several choices."""
MORE = {"impact": {"recurrent": "gru", "recurrent_units": 2}, "appo": {"minibatch_size": 6}, "a3c": {"epsilon": (0.5,)}}


@pytest.mark.parametrize("algorithm", [*ALGORITHMS, "random"])
def test_no_action_is_taken_that_is_not_valid(algorithm):
    # Masked raises at one.
    says = WAYS[len(algorithm) % 3]
    environment = partial(Masked, says, **({"choices": (2, 3)} if algorithm in SEVERAL else {"start": 3}))
    settings = SMALL | MORE.get(algorithm, {})
    if algorithm == "random":
        agent = a3c.RandomAgent(environment, backend="inline", seed=1, **settings)
    else:
        agent = make(environment, algorithm, seed=1, **settings)
    assert agent.config.action_masks is True
    result = agent.learn(steps=60)
    assert result.summary["steps"] >= 60
    assert np.isfinite(result.latest.parameters).all()
    assert 0 < agent.evaluate(episodes=3).mean <= 5


@pytest.mark.parametrize("settings", [{}, {"n_step": 3}, {"segment_ends": "episode"}], ids=str)
@pytest.mark.parametrize("mode", MODES, ids=lambda mode: mode.value)
def test_a_segment_holds_the_masks_that_were_acted_by(mode, settings, make_collector):
    environments = masked_vectors(mode)(3)
    collector = make_collector(environments, action_masks=True, segment_length=7, **settings)
    snapshot = collector.policy.first_snapshot
    for _ in range(4):
        segment, _ = collector.collect(snapshot)
        masks, seen = segment.action_masks, segment.observations[..., :6].astype(bool)
        assert np.take_along_axis(masks[:-1], segment.actions[..., None], -1).all()
        # What a step was taken in or led to. All are valid in the last observation of an episode, where none is, and
        # where no step was taken.
        met = np.pad(segment.mask, [(0, 1), (0, 0)]) | np.pad(segment.mask, [(1, 0), (0, 0)])
        np.testing.assert_array_equal(masks[met], (seen | ~seen.any(axis=-1, keepdims=True))[met])
        assert masks[2:][~met[2:] & ~met[1:-1]].all()


@pytest.mark.parametrize("loss", ["once", "clipped", "values"])
def test_the_gradient_of_what_is_not_valid_is_0(loss, make_collector):
    algorithm = {"once": "impala", "clipped": "appo", "values": "pqn"}[loss]
    collector = make_collector(masked_vectors(MODES[0])(2), algorithm=algorithm, action_masks=True, segment_length=6)
    policy, config = collector.policy, collector.config
    snapshot = Snapshot(np.random.default_rng(0).normal(size=policy.size).astype(np.float32))
    segment, _ = collector.collect(snapshot)
    # As if the last action had never been valid.
    masks = np.broadcast_to(np.arange(6) < 5, segment.action_masks.shape)
    segment = segment._replace(action_masks=masks, actions=segment.actions % 5)
    if loss == "once":
        gradient, _ = make_gradient(policy, config, vtrace_targets())(snapshot, segment, 0.01)
    elif loss == "values":
        gradient, _ = q_learning.make_gradient(policy, config, q_learning.best, 0.5)(snapshot, snapshot, segment)
    else:
        sample, _ = judged(policy, config, lambda_targets, snapshot, segment)
        gradient, _ = make_clipped_gradient(policy, config, 0.2)(snapshot, sample, 0.01)
    network = policy.network(np.asarray(gradient))
    head = network.head if loss == "values" else network.policy_head
    assert np.isfinite(gradient).all()
    assert head.bias[:5].any()
    assert not head.bias[5].any()
    assert not head.weight[:, 5].any()


def test_the_best_value_is_that_of_a_valid_action():
    values, mask = np.array([[1.0, 5.0, 3.0]], np.float32), np.array([[True, False, True]])
    assert q_learning.best(EpsilonGreedy(values, mask=mask), None).tolist() == [3.0]
    agent = make(Masked, "pqn", **SMALL)
    observation, some = np.zeros(7, np.float32), [0, 1, 0, 0, 1, 0]
    each = [agent.value(observation, action_mask=np.eye(6, dtype=int)[action]) for action in (1, 4)]
    assert agent.value(observation, action_mask=some) == max(each)
    assert agent.value(observation) >= max(each)
