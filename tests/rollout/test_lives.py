"""Lost lives, in games whose lives are known at every step."""

from functools import partial

import numpy as np
import pytest
from gymnasium.vector import AutoresetMode, SyncVectorEnv

from a3c.environments.lives import Lives
from a3c.environments.serial import SerialVectorEnv
from a3c.errors import InvalidEnvironment
from environments_for_tests import MODES, Counting, counting, vector_of

GAMES = ((3, 3, 2, 2, 1, 0), (3, 2, 3, 3, 2), (2, 1))
"""The lives left after each step of a game: the first is over without any, the second gains one."""

each_mode = pytest.mark.parametrize("mode", MODES, ids=lambda mode: mode.value)


class Arcade(Counting):
    """Counts, and says how many lives are left: after step s of game g, `games[g % n][s]`."""

    def __init__(self, id_=0, games=GAMES, endings=("terminated",)):
        super().__init__(id_, tuple(len(game) - 1 for game in games), endings)
        self.games = games

    def _with_lives(self, info):
        return info | {"lives": self.lives_at(self.episode, self.steps)}

    def lives_at(self, episode, step):
        return self.games[episode % len(self.games)][step]

    def reset(self, *, seed=None, options=None):
        observation, info = super().reset(seed=seed)
        return observation, self._with_lives(info)

    def step(self, action):
        *result, info = super().step(action)
        return *result, self._with_lives(info)


def collect(collector, segments):
    """Rows and episodes: (game, step, terminated, truncated, reward) of each real row of the one environment."""
    rows, episodes = [], []
    for _ in range(segments):
        segment, ended = collector.collect(collector.policy.first_snapshot)
        assert not (segment.terminated & ~segment.mask).any()
        episodes += ended
        for t in np.flatnonzero(segment.mask[:, 0]):
            _, game, step = segment.observations[t, 0].astype(int).tolist()
            flags = bool(segment.terminated[t, 0]), bool(segment.truncated[t, 0])
            rows.append((game, step, *flags, float(segment.rewards[t, 0])))
    return rows, episodes


def expected_rows(count, games=GAMES, lost=True):
    """The same, from what the games are known to do when they terminate."""
    rows = []
    for number in range(count):
        lives = games[number % len(games)]
        for step in range(len(lives) - 1):
            over = step + 2 == len(lives) or (lost and lives[step + 1] < lives[step])
            rows.append((number, step, over, False, Counting.reward_of(number, step)))
    return rows[:count]


def test_a_life_is_lost_where_fewer_are_left():
    lives = Lives({"lives": np.array([3, 3, 3, 0])})
    going_on = np.zeros(4, bool)
    assert lives.lost({"lives": np.array([2, 3, 4, 0])}, going_on).tolist() == [True, False, False, False]
    assert lives.lost({"lives": np.array([2, 1, 3, 0])}, going_on).tolist() == [False, True, True, False]


def test_the_end_of_an_episode_is_not_a_lost_life():
    lives = Lives({"lives": np.array([1, 1])})
    assert lives.lost({"lives": np.array([0, 0])}, np.array([True, False])).tolist() == [False, True]
    # The first has started again.
    assert lives.lost({"lives": np.array([3, 0])}, np.zeros(2, bool)).tolist() == [False, False]
    assert lives.lost({"lives": np.array([2, 0])}, np.zeros(2, bool)).tolist() == [True, False]


def test_lives_are_kept_though_the_environment_writes_into_its_array():
    left = np.array([3])
    lives = Lives({"lives": left})
    left[0] = 2
    assert lives.lost({"lives": left}, np.array([False])).tolist() == [True]


@pytest.mark.parametrize("episodic_life", [True, False])
@pytest.mark.parametrize("length", [3, 7])
@pytest.mark.parametrize("segment_ends", ["steps", "episode"])
@each_mode
def test_a_lost_life_terminates_and_the_game_goes_on(mode, segment_ends, length, episodic_life, make_collector):
    settings = {"segment_length": length, "segment_ends": segment_ends, "episodic_life": episodic_life}
    collector = make_collector(vector_of(partial(Arcade, games=GAMES), mode)(1), **settings)
    rows, episodes = collect(collector, 6)
    assert rows == expected_rows(len(rows), GAMES, episodic_life)
    assert len(rows) >= 12
    for number, episode in enumerate(episodes):
        steps = len(GAMES[number % len(GAMES)]) - 1
        assert episode == (sum(Counting.reward_of(number, step) for step in range(steps)), steps)
    whole = [row for row in rows if row[1] + 2 == len(GAMES[row[0] % len(GAMES)])]
    assert len(episodes) == len(whole)


def test_a_single_environment_tells_its_lives_as_a_vector_of_one(make_collector):
    settings = {"segment_length": 10, "episodic_life": True}
    single = collect(make_collector(SerialVectorEnv([Arcade]), **settings), 3)
    vector = vector_of(Arcade, AutoresetMode.NEXT_STEP)(1)
    assert single == collect(make_collector(vector, **settings), 3)


def test_the_row_after_a_lost_life_is_real(make_collector):
    environments = SerialVectorEnv([lambda: Arcade(games=((2, 1, 1, 0),))])
    collector = make_collector(environments, segment_length=8, episodic_life=True)
    segment, episodes = collector.collect(collector.policy.first_snapshot)
    assert segment.terminated[:, 0].tolist() == [True, False, True, False, True, False, True, False]
    assert segment.mask[:, 0].tolist() == [True, True, True, False, True, True, True, False]
    assert segment.observations[:4, 0, 1:].tolist() == [[0, 0], [0, 1], [0, 2], [0, 3]]
    assert [episode.length for episode in episodes] == [3, 3]


def test_environments_lose_their_lives_apart(make_collector):
    environments = SyncVectorEnv(
        [partial(Arcade, 0, ((2, 1, 1, 0),)), partial(Arcade, 1, ((2, 2, 1, 1, 0),))],
        autoreset_mode=AutoresetMode.NEXT_STEP,
    )
    collector = make_collector(environments, segment_length=5, episodic_life=True)
    segment, _ = collector.collect(collector.policy.first_snapshot)
    assert segment.terminated.T.tolist() == [[True, False, True, False, True], [False, True, False, True, False]]
    assert segment.mask.T.tolist() == [[True, True, True, False, True], [True] * 4 + [False]]


def test_a_segment_does_not_end_with_a_life(make_collector):
    environments = SerialVectorEnv([lambda: Arcade(games=((3, 2, 1, 1, 1, 0),))])
    collector = make_collector(environments, segment_length=9, segment_ends="episode", episodic_life=True)
    segment, _ = collector.collect(collector.policy.first_snapshot)
    assert segment.mask[:, 0].tolist() == [True] * 5 + [False] * 4


def test_a_lost_life_is_given_the_reward_of_termination(make_collector):
    settings = {"segment_length": 4, "episodic_life": True, "termination_reward": -5.0}
    rows, episodes = collect(make_collector(SerialVectorEnv([lambda: Arcade(games=((2, 2, 1, 1, 0),))]), **settings), 1)
    assert [row[-1] for row in rows] == [1.0, -5.0, 3.0, -5.0]
    assert episodes == [(1.0 + 2.0 + 3.0 + 4.0, 4)]


def test_a_limit_truncates_and_the_next_game_loses_no_life_at_its_start(make_collector):
    environments = SerialVectorEnv([lambda: Arcade(games=((2, 2, 1),), endings=("truncated",))])
    segment, _ = (c := make_collector(environments, segment_length=6, episodic_life=True)).collect(
        c.policy.first_snapshot
    )
    assert segment.truncated[:, 0].tolist() == [False, True, False, False, True, False]
    assert not segment.terminated.any()


@pytest.mark.parametrize("single", [True, False])
def test_a_dummy_row_loses_no_life(single, make_collector):
    make = partial(Arcade, games=((2, 3, 3),), endings=("truncated",))
    environments = SerialVectorEnv([make]) if single else vector_of(make, AutoresetMode.NEXT_STEP)(1)
    collector = make_collector(environments, segment_length=6, episodic_life=True)
    segment, _ = collector.collect(collector.policy.first_snapshot)
    assert segment.mask[:, 0].tolist() == [True, True, False, True, True, False]
    assert not segment.terminated.any()


@each_mode
def test_a_life_lost_in_the_first_step_of_a_later_game_counts(mode, make_collector):
    environments = vector_of(partial(Arcade, games=((3, 2, 1, 0),)), mode)(1)
    rows, _ = collect(make_collector(environments, segment_length=12, episodic_life=True), 1)
    assert len(rows) >= 9
    assert all(terminated for _, _, terminated, _, _ in rows)


@each_mode
@pytest.mark.parametrize("count", [1, 3])
def test_an_environment_that_does_not_tell_its_lives_is_refused(mode, count, make_collector):
    with pytest.raises(InvalidEnvironment, match=r"`episodic_life` needs .* info\['lives'\]") as error:
        make_collector(counting(mode, count), episodic_life=True)
    assert "\n" not in str(error.value)


def test_a_single_environment_that_does_not_tell_is_refused(make_collector):
    with pytest.raises(InvalidEnvironment, match="`episodic_life`"):
        make_collector(SerialVectorEnv([Counting]), episodic_life=True)
