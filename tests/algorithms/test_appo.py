"""APPO: the clipped objective, and how a segment is learned from several times."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from learning_agents import learn, make

from a3c.algorithms.appo import Shuffle, Stride, make_gradient, make_sample
from a3c.gradient import make_gradient as make_actor_critic_gradient
from a3c.learning.losses import clipped_loss
from a3c.learning.returns import Targets
from a3c.runs.folder import RunFolder
from configs_for_tests import config_with
from environments_for_tests import Corridor, Recall


def rows(shape=(5, 3), seed=0):
    generator = np.random.default_rng(seed)
    log_probs, before, entropies, values, values_before, returns, advantages = generator.normal(size=(7, *shape))
    mask = generator.random(shape) < 0.7
    mask.flat[:2] = True, False
    arrays = (log_probs, log_probs + 0.3 * before, entropies, values, values_before)
    return [a.astype(np.float32) for a in arrays], Targets(returns, advantages), mask


@pytest.mark.parametrize("value_clip", [None, 0.3])
def test_the_loss_equals_a_plain_loop(value_clip):
    (log_probs, before, entropies, values, values_before), targets, mask = rows()
    losses, clipped = clipped_loss(
        *(jnp.asarray(x) for x in (log_probs, before, entropies, values, values_before)),
        Targets(*(jnp.asarray(x, np.float32) for x in targets)), jnp.asarray(mask),
        clip_range=0.2, value_clip_range=value_clip, value_coefficient=0.5, entropy_coefficient=0.01,
    )  # fmt: skip
    gains, errors, beyond, kls = [], [], [], []
    for i in zip(*np.nonzero(mask), strict=True):
        ratio = np.exp(log_probs[i] - before[i])
        gains.append(min(ratio * targets.advantages[i], np.clip(ratio, 0.8, 1.2) * targets.advantages[i]))
        error = (targets.returns[i] - values[i]) ** 2
        if value_clip:
            near = values_before[i] + np.clip(values[i] - values_before[i], -value_clip, value_clip)
            error = max(error, (targets.returns[i] - near) ** 2)
        errors.append(error)
        beyond.append(abs(ratio - 1) > 0.2)
        kls.append(ratio - 1 - np.log(ratio))
    expected = -np.mean(gains), np.mean(errors), np.mean(entropies[mask])
    np.testing.assert_allclose(losses[1:], expected, rtol=1e-4)
    np.testing.assert_allclose(clipped, (np.mean(beyond), np.mean(kls)), rtol=1e-4)
    np.testing.assert_allclose(losses.total, expected[0] + 0.5 * expected[1] - 0.01 * expected[2], rtol=1e-4)


def test_what_is_clipped_moves_its_action_no_further():
    def loss(log_prob, advantage):
        one = jnp.ones(1)
        targets = Targets(0 * one, advantage * one)
        return clipped_loss(
            log_prob * one, 0 * one, 0 * one, 0 * one, 0 * one, targets, one > 0, clip_range=0.2, value_clip_range=None,
            value_coefficient=0.5, entropy_coefficient=0.0,
        )[0].total  # fmt: skip

    slope = jax.grad(loss)
    # More probable than it may become, or less: nothing is gained. The other way it may always come back.
    assert slope(0.5, 1.0) == 0.0 == slope(-0.5, -1.0)
    assert slope(0.1, 1.0) < 0.0 < slope(0.5, -1.0)
    assert slope(-0.5, 1.0) < 0.0


@pytest.mark.parametrize("judged", [False, True], ids=["as_acted", "judged"])
@pytest.mark.parametrize("environment", [Corridor, Recall])
def test_with_the_policy_that_collected_the_gradient_is_that_of_a3c(environment, judged, monkeypatch):
    recurrent = {"recurrent": "gru", "recurrent_units": 3} if environment is Recall else {}
    seen = []

    def look(worker):
        snapshot = worker.order.read()
        segment, episodes = worker.collector.collect(snapshot)
        own = worker.config.own
        sample = make_sample(worker.policy, worker.config, own)(snapshot if judged else None, segment)
        shuffle = Shuffle(worker.config, own, worker.policy.recurrent)
        (whole,) = shuffle.minibatches(np.random.default_rng(1), segment.mask)
        clipped = make_gradient(worker.policy, worker.config, own)(snapshot, sample, whole, 0.01)
        plain = make_actor_critic_gradient(worker.policy, worker.config)(snapshot, segment, 0.01)
        seen.append((clipped, plain))
        worker.record(segment, episodes)

    monkeypatch.setattr("a3c.algorithms.appo.run", look)
    learn(environment, 64, "appo", minibatch_size=64, passes=1, **recurrent)
    ((gradient, said), (expected, expected_said)) = seen[0]
    np.testing.assert_allclose(gradient, expected, rtol=1e-3, atol=1e-5)
    # The policy's part of the loss is another number, with the same gradient.
    np.testing.assert_allclose(said[2:6], expected_said[2:], rtol=1e-3)
    np.testing.assert_allclose(said[6:], 0.0, atol=1e-6)


def test_each_pass_has_every_real_row_once():
    config = config_with(algorithm="appo", envs_per_worker=3, segment_length=7, minibatch_size=5, passes=2)
    mask = np.ones((7, 3), bool)
    mask[2, 1] = mask[6] = False
    minibatches = list(Shuffle(config, config.own, False).minibatches(np.random.default_rng(0), mask))
    assert len(minibatches) == 8
    for part in (minibatches[:4], minibatches[4:]):
        places = np.concatenate([minibatch.places[minibatch.real] for minibatch in part])
        np.testing.assert_array_equal(np.sort(places), np.flatnonzero(mask))
        assert {minibatch.real.sum() for minibatch in part} == {4, 5}
    assert {minibatch.places.shape for minibatch in minibatches} == {(6,)}


def test_a_recurrent_policy_learns_from_whole_sequences():
    config = config_with(algorithm="appo", envs_per_worker=5, segment_length=7, minibatch_size=14, passes=1)
    shuffle = Shuffle(config, config.own, True)
    parts = list(shuffle.minibatches(np.random.default_rng(0), np.ones((7, 5), bool)))
    assert shuffle.count == len(parts) == 2
    assert sorted(np.concatenate([part.places[part.real] for part in parts])) == [0, 1, 2, 3, 4]


def rows_of(result, *names):
    header, *lines = (line.split(",") for line in RunFolder(result.run).metrics_path.read_text().splitlines())
    return [[float(line[header.index(name)]) for name in names] for line in lines]


def divergences(target_kl, folder):
    agent = make(Corridor, "appo", passes=3, minibatch_size=16, target_kl=target_kl, checkpoint_steps=0)
    result = agent.learn(steps=1024, run=folder)
    said = rows_of(result, "passes", "step_size", "approximate_kl", "clip_fraction")
    assert said
    assert all(0 <= fraction <= 1 and kl >= -1e-6 for *_, kl, fraction in said)
    return result.summary["updates"], [row[0] for row in said], [row[1] for row in said]


def test_without_a_target_all_passes_are_made_with_whole_steps(tmp_path):
    updates, passes, step_sizes = divergences(0, tmp_path / "run")
    # The limit ends the run before the last segment is learned from; resets are no steps.
    assert updates >= (1024 // 64 - 1) * 3 * 4
    assert updates % (3 * 4) == 0
    assert set(passes) == {3.0}
    assert set(step_sizes) == {1.0}


def test_passes_end_where_the_policy_has_moved_too_far_and_steps_become_smaller(tmp_path):
    updates, passes, step_sizes = divergences(1e-6, tmp_path / "run")
    assert updates < (1024 // 64 - 1) * 3 * 4
    assert 0 < passes[0] < 3.0
    assert step_sizes == sorted(step_sizes, reverse=True)
    assert step_sizes[-1] < 0.1


def test_a_stride_follows_from_how_far_the_last_segment_led():
    stride = Stride(0.02)
    assert not stride.is_too_far(0.029)
    assert stride.is_too_far(0.031)
    stride.adapt([0.001], False)
    assert stride.share == 1.0
    # Beyond the target, ended early, or ended before anything was learned.
    for count, (divergences, ended) in enumerate([([0.018, 0.024], False), ([0.001], True), ([], True)], 1):
        stride.adapt(divergences, ended)
        assert stride.share == pytest.approx(1 / 1.5**count)
    # As was right, or where nothing was learned as the run ended.
    for divergences in ([0.015], []):
        stride.adapt(divergences, False)
        assert stride.share == pytest.approx(1 / 1.5**3)
    stride.adapt([0.009], False)
    assert stride.share == pytest.approx(1 / 1.5**2)
    for _ in range(100):
        stride.adapt([], True)
    assert stride.share == 0.01
    stride.begin()
    assert stride.share == 1.0


@pytest.mark.parametrize(
    "settings", [{"advantages": "vtrace", "recompute_advantages": True}, {"value_clip_range": 0.2}]
)
def test_its_variants_learn(settings):
    agent, _ = learn(Corridor, 8000, "appo", gamma=0.9, **settings)
    assert agent.evaluate(episodes=3).lengths == [5, 5, 5]


def test_it_remembers():
    _, result = learn(Recall, 6000, "appo", recurrent="gru", recurrent_units=8, minibatch_size=16, passes=5)
    assert result.summary["return_mean_100"] > 0.9
