"""Whole episodes are played, in vectors of every kind; one that does not end is cut, counted and marked."""

import gymnasium
import numpy as np
import pytest
from gymnasium.spaces import Box, Discrete
from gymnasium.vector import AutoresetMode, SyncVectorEnv

from a3c.environments.making import EnvironmentMaker
from a3c.evaluation import Evaluation, evaluate
from environments_for_tests import MODES


class Rounds(gymnasium.Env):
    """A reward of 1 a step. Of the episodes of one environment, the first ends after 3 steps, the second never, the
    third after 3 again, and so on; it counts those that it began. Action 2 ends any."""

    observation_space = Box(0, 100, (2,), np.float32)
    action_space = Discrete(3)

    def __init__(self, endless: bool = False):
        self.endless, self.episodes = endless, 0

    def _observation(self):
        return np.array([self.episodes, self.taken], np.float32)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.taken = 0
        self.episodes += 1
        return self._observation(), {}

    def step(self, action):
        self.taken += 1
        ends = action == 2 or (not self.endless and self.episodes % 2 == 1 and self.taken == 3)
        return self._observation(), 1.0, bool(ends), False, {}


def vectors(mode, **settings):
    """A maker of vectors in a mode."""

    def make(count):
        return SyncVectorEnv([lambda: Rounds(**settings)] * count, autoreset_mode=mode)

    return EnvironmentMaker(make)


def always(action):
    return lambda observations, state: (np.full(len(observations), action), state)


def play(maker, episodes, choose=None, most=10):
    return evaluate(maker, choose or always(0), episodes, seed=1, max_episode_steps=most)


@pytest.mark.parametrize("mode", MODES)
def test_episodes_that_never_end_are_cut_in_every_kind_of_vector(mode):
    evaluation = play(vectors(mode, endless=True), 70)
    assert (evaluation.returns, evaluation.lengths, evaluation.cut) == ([10.0] * 70, [10] * 70, 70)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("episodes", [1, 5, 100])
def test_episodes_that_end_are_whole_beside_those_that_are_cut(mode, episodes):
    evaluation = play(vectors(mode), episodes)
    assert len(evaluation.returns) == episodes
    assert evaluation.lengths == evaluation.returns
    assert set(evaluation.returns) <= {3.0, 10.0}
    assert evaluation.returns.count(10.0) == evaluation.cut
    # Each of 32 environments plays three or four: one of two is cut.
    assert evaluation.cut == {1: 0, 5: 0, 100: 32 + 4}[episodes]


def test_one_environment_alone_is_cut_too():
    maker = EnvironmentMaker(Rounds)
    evaluation = evaluate(maker, always(0), 1, seed=1, max_episode_steps=2)
    assert (evaluation.returns, evaluation.cut) == ([2.0], 1)


@pytest.mark.parametrize("mode", MODES)
def test_an_episode_that_ends_at_the_last_step_is_whole(mode):
    evaluation = play(vectors(mode), 3, most=3)
    assert (evaluation.returns, evaluation.cut) == ([3.0] * 3, 0)


def test_what_goes_on_after_it_was_cut_does_not_count():
    """An episode that ends by itself while the others are waited for gives way to a new one."""

    def choose(observations, state):
        # The first environment's episode is ended 4 steps after it was cut.
        actions = np.zeros(len(observations), int)
        actions[0] = 2 if observations[0, 1] == 13 else 0
        return actions, state

    evaluation = play(vectors(AutoresetMode.NEXT_STEP, endless=True), 64, choose)
    assert evaluation.returns == [10.0] * 64


def test_a_time_limit_is_no_cut():
    maker = EnvironmentMaker(lambda: gymnasium.wrappers.TimeLimit(Rounds(endless=True), 7))
    assert play(maker, 40) == Evaluation([7.0] * 40, [7] * 40, cut=0)


@pytest.mark.parametrize("mode", MODES)
def test_memory_starts_anew_where_an_episode_was_cut(mode):
    seen = []

    def choose(observations, state):
        state = np.zeros((len(observations), 1)) if state is None else state
        seen.append((observations[:, 1].copy(), state[:, 0].copy()))
        return np.zeros(len(observations), int), state + 1

    play(vectors(mode, endless=True), 65, choose)
    for taken, remembered in seen:
        np.testing.assert_array_equal(taken, remembered)


def test_an_evaluation_prints_short_and_says_what_was_cut():
    evaluation = Evaluation([1.0] * 500 + [9.0] * 500, [1] * 500 + [3000] * 500, cut=500)
    assert str(evaluation) == (
        "5.0 +- 4.0 over 1000 episodes (worst 1, best 9); 500 cut after 3,000 steps, without an end"
    )
    assert repr(evaluation) == f"<Evaluation: {evaluation}>"
    assert str(Evaluation([1.0], [1])) == "1.0 +- 0.0 over 1 episodes (worst 1, best 1)"
