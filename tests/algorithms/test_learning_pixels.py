"""A game is learned from its pixels alone."""

from a3c import A3C, RandomAgent
from environments_for_tests import Catch

INLINE = {"backend": "inline", "seed": 1}


def test_a_ball_is_caught_by_who_sees_only_pixels():
    # The ball is 8 of 400 pixels: on a scale of 0 to 4 it is learned sooner. Seeds 0 to 2 catch every one.
    settings = {"envs_per_worker": 4, "segment_length": 18, "learning_rate": 4e-3, "entropy_coefficient": 0.01}
    agent = A3C(Catch, **INLINE, **settings, hidden=(64,), pixel_std=64.0, normalize_rewards=False)
    assert len(agent.policy.network(agent.parameters).torso.convolutions) == 2
    agent.learn(steps=14_000, seconds=120)
    assert agent.evaluate(episodes=100).mean > 0.8


def test_random_actions_miss_most_balls():
    report = RandomAgent(Catch, **INLINE, hidden=(8,)).evaluate(episodes=100)
    assert -0.9 < report.mean < 0
    assert set(report.lengths) == {9}
