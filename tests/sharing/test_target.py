"""The Target: what the workers of a run that promises one result judge by themselves."""

import numpy as np
import pytest

from a3c.learning.snapshot import Snapshot
from a3c.runs.checkpoint import Checkpoint
from a3c.sharing.target import AVERAGE, BEST, NEVER, Target
from a3c.training.measures import Returns
from configs_for_tests import config_with

RETURNS = (np.random.default_rng(0).normal(size=350) + np.linspace(0, 3, 350)).tolist()


def judged(target, returns, at_once, before=()):
    """A Target that was given these returns, so many at once; an episode ends at each step."""
    judge = Target(target, list(before), snapshot(0))
    for first in range(0, len(returns), at_once):
        some = returns[first : first + at_once]
        judge.add(some, first + len(some), snapshot(first + len(some)))
    return judge


def snapshot(version):
    """Its one parameter is its version."""
    return Snapshot(np.full(1, version, np.float32), version=version)


def main_process(target, returns, before=()):
    """What the main process makes of the same returns; and after how many of them it first is at the target."""
    checkpoint = Checkpoint(
        config_with("Some-v0", target_return=target), snapshot(0).parameters, np.zeros((0, 1)), {}, returns=list(before)
    )
    measured, reached = Returns(checkpoint), None
    for number, return_ in enumerate(returns, 1):
        measured.follow(snapshot(number), 1)
        measured.add(return_, 1, number)
        if reached is None and measured.reaches_target:
            reached = number
    return measured, reached


@pytest.mark.parametrize("before", [0, 40, 100])
@pytest.mark.parametrize("target", [0.5, 1.5, 2.0, 9.0, None])
def test_it_is_reached_and_averaged_as_the_main_process_says(target, before):
    measured, reached = main_process(target, RETURNS[before:], RETURNS[:before])
    judge = judged(target, RETURNS[before:], 1, RETURNS[:before])
    assert judge.reached_at_step == reached
    assert judge.returns == measured.last
    assert judge.reached == (judge.reached_at_step is not None) == (target is not None and target < 2.2)
    for ours, theirs in ((judge.average, measured.average), (judge.best, measured.best_snapshot)):
        assert (ours.version, ours.parameters) == (theirs.version, theirs.parameters)


@pytest.mark.parametrize("at_once", [2, 7, 350])
def test_of_several_at_once_the_step_is_that_of_their_turn(at_once):
    alone, together = judged(1.5, RETURNS, 1), judged(1.5, RETURNS, at_once)
    assert together.reached_at_step == min(-(-alone.reached_at_step // at_once) * at_once, len(RETURNS))
    assert together.returns == alone.returns


def test_a_target_that_was_reached_may_be_set_anew():
    judge = judged(1.5, RETURNS, 1)
    judge.begin(RETURNS[:150], snapshot(3))
    assert judge.reached_at_step is None
    assert judge.returns == RETURNS[50:150]
    assert judge.average.version == 3
    judge.add(RETURNS[150:], 7, snapshot(4))
    assert judge.reached_at_step == 7


def test_it_is_judged_again_after_as_many_episodes_as_it_is_to_wait():
    judge = judged(1.5, RETURNS, 1)
    judge.judge_after(3)
    reached = []
    for _ in range(4):
        judge.add([9.0], 1, snapshot(1))
        reached.append(judge.reached)
    assert reached == [False, False, True, True]
    judge.judge_after(NEVER)
    judge.add([9.0], 1, snapshot(1))
    assert not judge.reached


def test_the_best_is_written_once_for_all_episodes_of_a_turn(monkeypatch):
    written, put = [], Target._put
    judge = Target(None, [0.0] * 100, snapshot(0))
    monkeypatch.setattr(Target, "_put", lambda self, which, what: written.append(which) or put(self, which, what))
    judge.add([1.0] * 50, 50, snapshot(50))
    assert written == [AVERAGE, BEST]
    judge.add([-1.0] * 50, 100, snapshot(100))
    assert written == [AVERAGE, BEST, AVERAGE]
    assert judge.best.version == 50
