"""IMPACT: the objective with a clipped target network, and the circle of batches that are learned from."""

import jax.numpy as jnp
import numpy as np
import pytest
from gymnasium.vector import AutoresetMode
from learning_agents import make

from a3c.algorithms.impact import Circle, make_judge
from a3c.errors import SettingsError
from a3c.gradient import make_clipped_gradient
from a3c.learning.losses import clipped_loss
from a3c.learning.returns import Targets
from a3c.learning.snapshot import Snapshot
from a3c.sharing.parameter_store import ParameterStore
from a3c.sharing.published import PublishedSnapshots
from environments_for_tests import Corridor, counting

GAMMA, RHO, CLIP = 0.5, 1.5, 0.2


@pytest.mark.parametrize(
    ("worker", "target", "now", "advantage", "gain"),
    [
        # The ratio is to the target network: 0.22 / 0.2. V-trace's weight is 0.2 / 0.25.
        (0.25, 0.2, 0.22, 1.0, 0.8 * 1.1),
        # It has moved too far from there, and gains no more by it.
        (0.25, 0.2, 0.3, 1.0, 0.8 * 1.2),
        # The worker's probability counts as rho times the target network's: the ratio is to 0.6 / 1.5.
        (0.6, 0.2, 0.44, 1.0, 1 / 3 * 1.1),
        (0.6, 0.2, 0.2, -1.0, -1 / 3 * 0.8),
        # The target network takes it more often than the worker did: weights are at most 1.
        (0.2, 0.5, 0.5, 2.0, 2.0),
    ],
)
def test_the_gain_of_an_action_is_that_worked_out_by_hand(worker, target, now, advantage, gain):
    one = jnp.ones(1)
    before = jnp.maximum(jnp.log(target), jnp.log(worker / RHO)) * one
    targets = Targets(0 * one, advantage * one, min(1.0, target / worker) * one)
    losses, _ = clipped_loss(
        jnp.log(now) * one, before, 0 * one, 0 * one, 0 * one, targets, one > 0, clip_range=CLIP,
        value_clip_range=None, value_coefficient=0.5, entropy_coefficient=0.0,
    )  # fmt: skip
    np.testing.assert_allclose(losses.policy, -gain, rtol=1e-5)
    # As the paper has it (section 3.1).
    ratio = min(worker / target, RHO) * now / worker
    paper = min(ratio * advantage, np.clip(ratio, 1 - CLIP, 1 + CLIP) * advantage)
    np.testing.assert_allclose(gain, min(1.0, target / worker) * paper, rtol=1e-5)


def papers_rows(policy, segment, parameters, target):
    """Value target, advantage, weight, target network's and present log-probability and value, of each step of one
    environment: backwards from the last state."""
    frozen, values = policy(Snapshot(target), segment.observations[:, 0])
    now, values_now = policy(Snapshot(parameters), segment.observations[:, 0])
    rows, after = {}, values[-1]
    for t in reversed(range(len(segment.mask))):
        if not segment.mask[t, 0]:
            after = values[t]
            continue
        before = frozen.log_probs[t, segment.actions[t, 0]]
        weight = min(1.0, np.exp(before - segment.log_probs[t, 0]))
        if segment.terminated[t, 0]:
            after = 0.0
        elif segment.truncated[t, 0]:
            after = values[t + 1]
        advantage = segment.rewards[t, 0] + GAMMA * after - values[t]
        after = values[t] + weight * advantage
        rows[t] = (after, advantage, weight, before, now.log_probs[t, segment.actions[t, 0]], values_now[t])
    return rows


def test_a_batch_is_judged_and_learned_from_as_in_the_paper(make_collector):
    environments = counting(AutoresetMode.NEXT_STEP, 1, lengths=(3, 4), endings=("terminated", "truncated"))
    settings = {"gamma": GAMMA, "gae_lambda": 1.0, "reward_scale": 0.1, "normalize_advantages": False}
    collector = make_collector(
        environments, algorithm="impact", segment_length=10, worker_clip=RHO, clip_range=CLIP, **settings
    )
    policy, config = collector.policy, collector.config
    draws = np.random.default_rng(1).normal(scale=0.15, size=(3, policy.size)).astype(np.float32)
    acted, target, now = draws[0], draws[1], draws[1] + 0.7 * draws[2]
    segment, _ = collector.collect(Snapshot(acted))
    sample = make_judge(policy, config, config.own)(Snapshot(target), segment)
    rows = papers_rows(policy, segment, now, target)
    real, expected = sorted(rows), np.asarray([rows[t] for t in sorted(rows)])
    assert len(real) < len(segment.mask)
    np.testing.assert_allclose(np.stack(sample.targets)[:, real, 0], expected[:, :3].T, rtol=1e-4, atol=1e-5)

    said = make_clipped_gradient(policy, config, CLIP)(Snapshot(now), sample, 0.0)[1]
    returns, advantages, weights, before, log_probs, values = expected.T
    worker = segment.log_probs[real, 0]
    ratios = np.minimum(np.exp(worker - before), RHO) * np.exp(log_probs - worker)
    clipped = np.clip(ratios, 1 - CLIP, 1 + CLIP)
    gains = weights * np.minimum(ratios * advantages, clipped * advantages)
    assert 0 < (clipped != ratios).mean() < 1
    np.testing.assert_allclose(said[1:3], (-gains.mean(), np.mean((returns - values) ** 2)), rtol=1e-3)
    np.testing.assert_allclose(said[6:], ((clipped != ratios).mean(), (ratios - 1 - np.log(ratios)).mean()), rtol=1e-3)


@pytest.mark.parametrize(("size", "passes"), [(1, 1), (1, 3), (4, 2), (3, 2), (2, 4), (3, 5)])
def test_each_batch_is_learned_from_as_often_as_it_is_to_be(size, passes):
    circle, learned = Circle(size, passes), []
    for again in range(2):
        for batch in range(12):
            turns = list(circle.put(batch, 10 + batch))
            assert len(turns) == (passes if batch >= size - 1 else 0)
            assert all(batch - size < there <= batch and version == 10 + there for there, version, _ in turns)
            learned += [(again, there, times) for there, _, times in turns]
        circle.clear()
    for batch in range(12):
        times = [time for again, there, time in learned if (again, there) == (1, batch)]
        assert times == list(range(1, len(times) + 1))
        # The first have fewer turns, and the last are in the circle still.
        assert len(times) == passes if size - 1 <= batch <= 12 - size else len(times) <= passes


def test_workers_in_order_act_with_what_is_learned_from_the_batches_that_were_whole():
    published = PublishedSnapshots(Snapshot(np.zeros(2, np.float32)), readers=3, batch=2, updates=5, before=2)
    # Of three batches the learner has made 5 updates; a fourth may be under way.
    assert [published.version_at(turns) for turns in (0, 5, 6, 7, 8, 10)] == [0, 0, 0, 0, 5, 10]


def test_the_target_network_is_renewed_when_the_updates_pass_a_multiple():
    store = ParameterStore(
        *(np.zeros(2, np.float32), np.zeros((0, 2), np.float32), 1),
        shared=False, target=np.full(2, 9, np.float32), counts={"steps": 95, "updates": 5},
    )  # fmt: skip
    store.attach(0)
    seen = []
    for update in range(6, 13):
        store._floats.array[0] = update
        store.count(updates=1, steps=100)
        store.renew_target(3, "updates")
        seen.append(store.target[0])
    assert seen == [6, 6, 6, 9, 9, 9, 12]


def test_it_makes_as_many_updates_as_it_has_passes_and_says_so(tmp_path):
    agent = make(Corridor, "impact", passes=3, buffer_size=2, checkpoint_steps=0)
    result = agent.learn(steps=640, run=tmp_path / "run")
    updates = result.summary["updates"]
    # None from the first batch alone, and resets are rows without a step.
    assert updates % 3 == 0
    assert (640 // 64 - 1) * 3 <= updates <= 14 * 3
    header, *rows = (line.split(",") for line in (tmp_path / "run" / "metrics.csv").read_text().splitlines())
    for row in rows:
        said = dict(zip(header, row, strict=True))
        assert 1 <= float(said["passes"]) <= 3
        assert 0 <= float(said["clip_fraction"]) <= 1
        assert float(said["approximate_kl"]) >= -1e-6


@pytest.mark.parametrize(
    ("settings", "line"),
    [
        ({"buffer_size": 0}, "`buffer_size` is 0, but must be at least 1"),
        ({"worker_clip": 0.5}, "`worker_clip` is 0.5, but must be at least 1"),
        ({"n_step": 3}, "`n_step` is not defined for impact: leave it out"),
        ({"lag_correction": "none"}, "`lag_correction` is a setting of ga3c and impala, not of impact"),
    ],
)
def test_a_wrong_setting_gets_one_line(settings, line):
    with pytest.raises(SettingsError) as refused:
        make(Corridor, "impact", **settings)
    assert str(refused.value) == f"settings: {line}"
