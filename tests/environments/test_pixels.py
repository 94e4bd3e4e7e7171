"""Environments whose frames say which episode and step they are of."""

from functools import partial

import gymnasium
import numpy as np
import pytest
from gymnasium.spaces import Box, Discrete
from gymnasium.vector import AutoresetMode, SyncVectorEnv

from a3c.environments.making import EnvironmentMaker
from a3c.environments.pixels import FrameSkip, PixelEnv
from a3c.environments.serial import SerialVectorEnv
from a3c.errors import InvalidEnvironment, SettingsError
from configs_for_tests import config_with
from environments_for_tests import Endless, vector_of

EPISODE = 20


class Painted(gymnasium.Env):
    """All pixels are 20 * episode + step. Episodes have `lengths` steps, in turn; a step's reward is its number."""

    def __init__(self, shape=(6, 4, 3), lengths=(3, 7, 1), truncates=False):
        self.observation_space, self.action_space = Box(0, 255, shape, np.uint8), Discrete(2)
        self.lengths, self.truncates, self.episode = lengths, truncates, -1

    def _frame(self):
        return np.full(self.observation_space.shape, EPISODE * self.episode + self.steps, np.uint8)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.episode, self.steps = self.episode + 1, 0
        return self._frame(), {"episode": self.episode}

    def step(self, action):
        self.steps += 1
        ended = self.steps == self.lengths[self.episode % len(self.lengths)]
        flags = (ended and not self.truncates, ended and self.truncates)
        return self._frame(), float(self.steps), *flags, {"episode": self.episode}


def stack_at(episode, step, depth):
    """What each pixel's channels hold when all goes right."""
    return [EPISODE * episode + max(0, step - back) for back in range(depth)][::-1]


def channels(observation):
    """The channels of a stack of grey frames, which must be alike in all pixels."""
    assert (observation == observation[:1, :1]).all()
    return observation[0, 0].tolist()


@pytest.mark.parametrize(
    ("shape", "settings", "expected"),
    [
        ((6, 4, 3), {"frame_stack": 4}, (6, 4, 12)),
        ((6, 4, 3), {"grayscale": True}, (6, 4, 1)),
        ((6, 4, 3), {"frame_size": (3, 2), "frame_stack": 2}, (3, 2, 6)),
        ((6, 4), {"frame_stack": 3, "crop": (1, 5, 1)}, (4, 3, 3)),
        ((6, 4), {"resize": "sample", "frame_size": (2,)}, (2, 2, 1)),
        ((6, 4, 1), {"threshold": 3}, (6, 4, 1)),
    ],
)
def test_observations_are_inside_their_space(shape, settings, expected):
    environment = EnvironmentMaker(Painted, config_with(env_kwargs={"shape": shape}, **settings)).make()
    assert isinstance(environment, PixelEnv)
    assert environment.observation_space == Box(0, 255, expected, np.uint8)
    assert environment.action_space == Discrete(2)
    observation, info = environment.reset(seed=0)
    assert environment.observation_space.contains(observation)
    assert info == {"episode": 0}
    observation, reward, terminated, truncated, info = environment.step(1)
    assert environment.observation_space.contains(observation)
    assert (reward, terminated, truncated, info) == (1.0, False, False, {"episode": 0})


def test_without_settings_of_frames_nothing_is_wrapped():
    assert type(EnvironmentMaker(Painted).make()) is Painted
    assert EnvironmentMaker(Painted).make_vector(2).single_observation_space.shape == (6, 4, 3)


def test_a_stack_starts_again_at_a_reset():
    environment = PixelEnv(Painted((6, 4)), config_with(frame_stack=3))
    for episode in range(3):
        assert channels(environment.reset()[0]) == stack_at(episode, 0, 3)
        for step in range(1, (3, 7, 1)[episode] + 1):
            observation, _, terminated, _, _ = environment.step(0)
            assert channels(observation) == stack_at(episode, step, 3)
        assert terminated


@pytest.mark.parametrize("skip", [1, 2, 3, 9])
@pytest.mark.parametrize("truncates", [False, True])
def test_skipped_frames_add_their_rewards_and_stop_at_the_end(skip, truncates):
    environment = FrameSkip(Painted((2, 2), lengths=(7,), truncates=truncates), skip)
    environment.reset()
    for first in range(1, 8, skip):
        last = min(first + skip - 1, 7)
        frame, reward, terminated, truncated, _ = environment.step(0)
        assert frame[0, 0] == last
        assert reward == sum(range(first, last + 1))
        assert (terminated, truncated) == ((last == 7) and not truncates, (last == 7) and truncates)
    assert environment.unwrapped.steps == 7


@pytest.mark.parametrize("count", [1, 3])
@pytest.mark.parametrize("truncates", [False, True])
def test_stacks_of_a_vector_never_cross_the_end_of_an_episode(count, truncates):
    arguments = {"shape": (6, 4), "truncates": truncates}
    maker = EnvironmentMaker(Painted, config_with(env_kwargs=arguments, frame_stack=4, frame_size=(3, 2)))
    vector = maker.make_vector(count)
    assert vector.metadata["autoreset_mode"] is AutoresetMode.NEXT_STEP
    assert isinstance(vector, SerialVectorEnv)
    assert vector.single_observation_space.shape == (3, 2, 4)
    observations, _ = vector.reset(seed=0 if count > 1 else [0])
    # Each row after one that ends an episode is the next one's first.
    expected = [(e, step) for e, length in enumerate((3, 7, 1, 3, 7)) for step in range(length + 1)]
    for episode, step in expected[1:]:
        assert all(channels(o) == stack_at(*before, 4) for o in observations for before in [_before(episode, step)])
        observations, _, terminated, truncated, _ = vector.step(np.zeros(count, int))
        assert observations.shape == (count, 3, 2, 4)
        assert all(channels(o) == stack_at(episode, step, 4) for o in observations)
        ended = step == (3, 7, 1)[episode % 3]
        assert (truncated if truncates else terminated).tolist() == [ended] * count


def _before(episode, step):
    return (episode, step - 1) if step else (episode - 1, (3, 7, 1)[(episode - 1) % 3])


def test_environments_of_a_vector_have_stacks_of_their_own():
    # The second one's episodes are shorter: it is reset while the others go on.
    vector = SyncVectorEnv(
        [lambda n=n: PixelEnv(Painted((2, 2), lengths=(n,)), config_with(frame_stack=2)) for n in (4, 2)],
        autoreset_mode=AutoresetMode.NEXT_STEP,
    )
    rows = [vector.reset()[0]] + [vector.step(np.zeros(2, int))[0] for _ in range(5)]
    first, second = ([channels(row[index]) for row in rows] for index in range(2))
    assert first == [[0, 0], [0, 1], [1, 2], [2, 3], [3, 4], [20, 20]]
    assert second == [[0, 0], [0, 1], [1, 2], [20, 20], [20, 21], [21, 22]]


def test_frames_are_skipped_before_they_are_stacked():
    config = config_with(env_kwargs={"shape": (6, 4)}, frame_skip=3, frame_stack=2)
    environment = EnvironmentMaker(partial(Painted, lengths=(8,)), config).make()
    seen = [channels(environment.reset()[0])] + [channels(environment.step(0)[0]) for _ in range(3)]
    assert seen == [[0, 0], [0, 3], [3, 6], [6, 8]]


@pytest.mark.parametrize("skip", [1, 4])
@pytest.mark.parametrize("count", [None, 1, 3])
@pytest.mark.parametrize("source", [Endless, partial(Painted, lengths=(200,)), "MountainCar-v0", "CartPole-v1"])
def test_a_limit_counts_steps_of_several_frames(source, count, skip):
    limit = 2 if skip == 4 else 5
    maker = EnvironmentMaker(source, config_with(frame_skip=skip, max_episode_steps=limit))
    environment = maker.make() if count is None else maker.make_vector(count)
    environment.reset(seed=[0] if count == 1 else 0)
    actions = 0 if count is None else np.zeros(count, int)
    ends = [np.any(environment.step(actions)[3]) for _ in range(limit)]
    assert ends == [False] * (limit - 1) + [True]


FRAMES = [
    ({"crop": (1, 5)}, "`crop`"),
    ({"grayscale": True}, "`grayscale`"),
    ({"threshold": 0}, "`threshold`"),
    ({"frame_size": (4,)}, "`frame_size`"),
    ({"resize": "sample"}, "`resize`"),
    ({"frame_stack": 4}, "`frame_stack`"),
]
GAMES = [
    ({"sticky_actions": 0.25}, "`sticky_actions`"),
    ({"noop_max": 30}, "`noop_max`"),
    ({"max_pool": False}, "`max_pool`"),
    ({"fire_reset": False}, "`fire_reset`"),
    ({"full_action_space": True}, "`full_action_space`"),
]


@pytest.mark.parametrize(("settings", "message"), FRAMES)
@pytest.mark.parametrize("make", [EnvironmentMaker.make, lambda maker: maker.make_vector(3)], ids=["one", "vector"])
def test_settings_of_frames_where_there_are_none_are_named(settings, message, make):
    with pytest.raises(SettingsError, match=rf"^{message}: only for frames, .* leave out$") as error:
        make(EnvironmentMaker("CartPole-v1", config_with(**settings)))
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(("settings", "message"), GAMES)
@pytest.mark.parametrize("make", [EnvironmentMaker.make, lambda maker: maker.make_vector(3)], ids=["one", "vector"])
@pytest.mark.parametrize("source", ["CartPole-v1", Painted])
def test_settings_of_games_where_there_are_none_are_named(settings, message, make, source):
    with pytest.raises(SettingsError, match=rf"^{message}: only Atari games") as error:
        make(EnvironmentMaker(source, config_with(**settings)))
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(("settings", "message"), [*FRAMES, *GAMES, ({"frame_skip": 4}, "`frame_skip`")])
def test_settings_that_cannot_reach_into_a_vector_are_named(settings, message):
    with pytest.raises(InvalidEnvironment, match=rf"^{message} cannot be applied") as error:
        EnvironmentMaker(vector_of(Painted, AutoresetMode.NEXT_STEP), config_with(**settings)).make_vector(3)
    assert "\n" not in str(error.value)


def test_all_settings_that_are_wrong_are_named():
    config = config_with(grayscale=True, frame_stack=4)
    with pytest.raises(SettingsError, match="`grayscale` `frame_stack`"):
        EnvironmentMaker("CartPole-v1", config).make()


def test_frames_of_floats_are_refused():
    environment = Painted()
    environment.observation_space = Box(0, 1, (6, 4, 3), np.float32)
    with pytest.raises(SettingsError, match="`frame_stack`: only for frames, uint8"):
        PixelEnv(environment, config_with(frame_stack=2))
