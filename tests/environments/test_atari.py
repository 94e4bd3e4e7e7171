"""Atari games, against Gymnasium's preprocessing and against one another."""

import sys

import gymnasium
import numpy as np
import pytest
from gymnasium.vector import AutoresetMode, SyncVectorEnv, VectorEnv

from a3c.environments.atari import AtariVector, Game
from a3c.environments.making import EnvironmentMaker, find
from a3c.environments.serial import SerialVectorEnv
from a3c.errors import InvalidEnvironment, SettingsError
from a3c.networks.policy import Policy
from a3c.rollout.collector import Collector
from a3c.rollout.random_policy import RandomPolicy
from configs_for_tests import config_with

pytest.importorskip("ale_py")

PLAIN = {"noop_max": 0, "fire_reset": False}
# Quick to make: a quarter of the rows, in blocks.
SMALL = {"frame_size": (42, 40)}
PONG, BREAKOUT = "PongNoFrameskip-v4", "BreakoutNoFrameskip-v4"


def make(source, **settings):
    return EnvironmentMaker(source, config_with(**settings)).make()


def make_vector(source, count=2, **settings):
    return EnvironmentMaker(source, config_with(**settings)).make_vector(count)


def gymnasiums(rom, height, width, grey=True):
    """Gymnasium's own form of the game. Its observations are `[4, height, width(, 3)]`."""
    from ale_py.env import AtariEnv

    environment = AtariEnv(rom, frameskip=1, repeat_action_probability=0.0)
    environment = gymnasium.wrappers.AtariPreprocessing(
        environment, noop_max=0, frame_skip=4, screen_size=(width, height), grayscale_obs=grey
    )
    return gymnasium.wrappers.FrameStackObservation(environment, 4)


def channels_last(stack):
    """`[4, h, w(, 3)]` -> `[h, w, 4 (* 3)]`."""
    frames = stack if stack.ndim == 4 else stack[..., None]
    return np.concatenate(list(frames), axis=-1)


def differ(a, b):
    return np.abs(a.astype(int) - b.astype(int)).max()


def random_actions(environment, steps, count=None, seed=0):
    size = steps if count is None else (steps, count)
    space = environment.action_space if count is None else environment.single_action_space
    return np.random.default_rng(seed).integers(space.n, size=size)


def recorded(environments):
    """What the environments' steps give, which grows as they are stepped."""
    step, given = environments.step, []

    def recording(actions):
        given.append(step(actions))
        return given[-1]

    environments.step = recording
    return given


def collect(environments, segments=1, **settings):
    """Segments and episodes of uniformly random actions."""
    spaces = environments.single_observation_space, environments.single_action_space
    policy = RandomPolicy(Policy.make(*spaces, config_with(network="mlp", hidden=())))
    collector = Collector(environments, policy, config_with(**settings), np.random.SeedSequence(0))
    collected = [collector.collect(None) for _ in range(segments)]
    return [segment for segment, _ in collected], [episode for _, episodes in collected for episode in episodes]


@pytest.mark.parametrize(
    ("rom", "source", "size", "grey", "steps"),
    [
        ("pong", PONG, (84, 84), True, 12),
        ("pong", PONG, (42, 40), True, 1000),
        ("breakout", BREAKOUT, (84, 84), False, 6),
        ("breakout", BREAKOUT, (42, 40), False, 200),
    ],
)
def test_games_look_as_gymnasiums_do(rom, source, size, grey, steps):
    ours, theirs = make(source, **PLAIN, grayscale=grey, frame_size=size), gymnasiums(rom, *size, grey)
    assert ours.observation_space.shape == (*size, 4 if grey else 12)
    assert differ(ours.reset(seed=1)[0], channels_last(theirs.reset(seed=1)[0])) <= 1
    for action in random_actions(ours, steps):
        mine, other = ours.step(int(action)), theirs.step(int(action))
        assert mine[1:4] == other[1:4]
        if mine[2]:
            break
        # Where a game ends Gymnasium shows the frame before, hence after the break.
        assert differ(mine[0], channels_last(other[0])) <= 1
    assert mine[2] is (steps >= 200)


@pytest.mark.parametrize(
    ("source", "steps", "settings"),
    [
        (PONG, 10, {}),
        (PONG, 780, SMALL),
        (BREAKOUT, 250, {**SMALL, "grayscale": False}),
        (BREAKOUT, 50, {**SMALL, "fire_reset": True, "noop_max": 1}),
        (PONG, 50, {"crop": (35, 195), "threshold": 100, "frame_size": (40,)}),
        (PONG, 50, {"crop": (35, 195), "frame_size": (80,), "resize": "sample", "grayscale": False}),
        (PONG, 50, {**SMALL, "frame_skip": 3, "max_pool": False, "full_action_space": True, "frame_stack": 2}),
        (BREAKOUT, 50, {**SMALL, "max_episode_steps": 17}),
        ("ALE/SpaceInvaders-v5", 50, {**SMALL, "sticky_actions": 0.0}),
    ],
)
def test_a_vector_of_games_plays_as_single_ones_do(source, steps, settings):
    settings = PLAIN | settings
    vector, single = make_vector(source, **settings), make(source, **settings)
    assert isinstance(vector, AtariVector)
    assert vector.single_observation_space == single.observation_space
    assert vector.single_action_space == single.action_space
    observations, info = vector.reset(seed=1)
    observation, single_info = single.reset(seed=1)
    assert differ(observations[1], observation) <= 1
    ended, ends = False, 0
    for actions in random_actions(vector, steps, 2):
        observations, rewards, terminated, truncated, info = vector.step(actions)
        assert vector.observation_space.contains(observations)
        if ended:
            observation, single_info = single.reset()
            expected = [0.0, False, False]
        else:
            observation, *expected, single_info = single.step(int(actions[1]))
        assert [rewards[1], terminated[1], truncated[1]] == expected
        assert info["lives"][1] == single_info["lives"]
        ended = terminated[1] or truncated[1]
        ends += ended
        # ALE's vector shows the frame before where a game ends: the newest one of that row is another.
        newest = 1 if settings.get("grayscale", True) else 3
        same = observation.shape[-1] - (newest if ended else 0)
        assert differ(observations[1][..., :same], observation[..., :same]) <= 1
    assert ends > 0 or steps <= 50


@pytest.mark.parametrize(
    ("source", "frame_skip", "sticky", "noop_max"),
    [
        ("ALE/Pong-v5", 4, 0.25, 0),
        ("PongNoFrameskip-v4", 4, 0, 30),
        ("PongNoFrameskip-v0", 4, 0.25, 0),
        ("PongDeterministic-v4", 4, 0, 30),
        ("PongDeterministic-v0", 4, 0.25, 0),
        ("SpaceInvadersDeterministic-v4", 3, 0, 30),
        ("SpaceInvadersNoFrameskip-v4", 4, 0, 30),
        ("Pong-v0", (2, 5), 0.25, 0),
        ("Pong-v4", (2, 5), 0, 30),
    ],
)
def test_an_id_says_which_protocol_is_meant(source, frame_skip, sticky, noop_max):
    game = Game.of(find(source), config_with())
    assert (game.frame_skip, game.config.sticky_actions, game.config.noop_max) == (frame_skip, sticky, noop_max)
    assert (game.config.grayscale, game.config.frame_size, game.config.frame_stack) == (True, (84, 84), 4)


@pytest.mark.parametrize("source", ["ALE/Pong-v5", "PongNoFrameskip-v4", "Pong-v0"])
def test_a_flag_goes_before_the_id(source):
    settings = {"frame_skip": 2, "noop_max": 7, "grayscale": False, "frame_size": (30,), "frame_stack": 1}
    game = Game.of(find(source), config_with(sticky_actions=0.5, **settings))
    assert (game.frame_skip, game.config.sticky_actions, game.config.noop_max) == (2, 0.5, 7)
    assert (game.config.grayscale, game.config.frame_size, game.config.frame_stack) == (False, (30,), 1)
    assert Game.of(find(source), config_with(sticky_actions=0.0)).config.noop_max == 30
    assert Game.of(find(source), config_with(frame_skip=1)).frame_skip == 1


def test_what_a_vector_of_games_cannot_do_single_ones_do():
    assert isinstance(make_vector("ALE/Pong-v5", 1), AtariVector)
    assert isinstance(make_vector("Pong-v0", frame_skip=4), AtariVector)
    assert isinstance(make_vector("Pong-v0"), SerialVectorEnv)
    modes = make_vector("ALE/Pong-v5", env_kwargs={"mode": 1}, **SMALL)
    assert isinstance(modes, SerialVectorEnv)
    assert len(modes.reset(seed=0)[1]["lives"]) == 2
    assert modes.envs[0].unwrapped._game.ale.getFloat("repeat_action_probability") == pytest.approx(0.25)


@pytest.mark.parametrize(
    ("name", "value", "flag"),
    [
        ("frameskip", 4, "`frame_skip`"),
        ("repeat_action_probability", 0.0, "`sticky_actions`"),
        ("full_action_space", True, "`full_action_space`"),
        ("obs_type", "rgb", "`grayscale`"),
        ("max_num_frames_per_episode", 100, "`max_episode_steps`"),
    ],
)
def test_arguments_that_are_settings_are_named(name, value, flag):
    for making in (make, make_vector):
        with pytest.raises(SettingsError, match=f"^`env_kwargs` {name}: set {flag} instead$"):
            making("ALE/Pong-v5", env_kwargs={name: value})


def test_scores_are_the_games_own():
    environments = make_vector("AssaultNoFrameskip-v4", **SMALL, max_episode_steps=60)
    given = recorded(environments)
    segments, episodes = collect(environments, 2, segment_length=61, reward_clip=1.0)
    rewards = np.array([rewards for _, rewards, *_ in given])
    assert rewards.max() > 1
    np.testing.assert_array_equal(np.concatenate([s.rewards for s in segments]), np.clip(rewards, -1, 1))
    games = rewards.reshape(2, 61, 2).sum(axis=1)
    assert [episode.length for episode in episodes] == [60] * 4
    assert [episode.return_ for episode in episodes] == games.ravel().tolist()
    assert games.max() > 1


@pytest.mark.parametrize("episodic_life", [True, False])
def test_a_lost_life_ends_no_game(episodic_life):
    environments = make_vector(BREAKOUT, **SMALL)
    lives_at_first = []
    reset = environments.reset
    environments.reset = lambda **kwargs: lives_at_first.append(reset(**kwargs)) or lives_at_first[-1]
    given = recorded(environments)
    segments, episodes = collect(environments, 3, segment_length=150, episodic_life=episodic_life)
    terminated, mask = (np.concatenate([getattr(s, name) for s in segments]) for name in ("terminated", "mask"))
    over = np.array([result[2] for result in given])
    left = np.array([lives_at_first[0][1]["lives"], *(result[4]["lives"] for result in given)])
    lost = (left[1:] < left[:-1]) & ~over
    assert lost.sum() >= 8
    np.testing.assert_array_equal(terminated, (over | lost) if episodic_life else over)
    assert mask[1:][lost[:-1]].all()
    assert not mask[1:][over[:-1]].any()
    assert len(episodes) == over.sum() >= 2
    # The first game of each environment, from its start to the last of five lives.
    ends = over.argmax(axis=0)
    rewards = np.array([rewards for _, rewards, *_ in given])
    first = [(rewards[: end + 1, index].sum(), end + 1) for index, end in enumerate(ends)]
    assert set(first) <= set(map(tuple, episodes))
    assert left[0].tolist() == [5, 5]


@pytest.mark.parametrize(("source", "count"), [("ALE/Breakout-v5", 1), (BREAKOUT, 2), ("Breakout-v0", 1)])
def test_a_limit_truncates_after_as_many_steps(source, count):
    environments = make_vector(source, count, **SMALL, max_episode_steps=9)
    environments.reset(seed=[0] * count if "v0" in source else 0)
    results = [environments.step(np.zeros(count, int)) for _ in range(20)]
    assert [truncated.tolist() for _, _, _, truncated, _ in results] == (
        [[False] * count] * 8 + [[True] * count] + [[False] * count] * 9 + [[True] * count] + [[False] * count]
    )
    assert not any(result[2].any() for result in results)


def played(environments, seed, steps=30):
    observations = [environments.reset(seed=seed)[0]]
    observations += [environments.step(a)[0] for a in random_actions(environments, steps, 2)]
    return np.array(observations)


@pytest.mark.parametrize(("source", "seed", "other"), [("ALE/Breakout-v5", 3, 5), ("Breakout-v4", [3, 5], [4, 6])])
def test_the_seed_decides_all(source, seed, other):
    first, second = make_vector(source, **SMALL), make_vector(source, **SMALL)
    observations = played(first, seed)
    assert (played(second, other) != observations).any()
    np.testing.assert_array_equal(played(second, seed), observations)


def test_games_start_with_different_no_ops():
    environments = make_vector(BREAKOUT, **SMALL, max_episode_steps=1)
    starts = [environments.reset(seed=3)[0]]
    starts += [environments.step(np.zeros(2, int))[0] for _ in range(8)][1::2]
    assert (starts[0][0] != starts[0][1]).any()
    assert len({observations[0].tobytes() for observations in starts}) > 2


@pytest.mark.parametrize(("settings", "kinds"), [({}, 3), ({"noop_max": 0}, 1)])
def test_a_single_game_starts_with_different_no_ops(settings, kinds):
    environment = make(BREAKOUT, **SMALL, **settings)
    environment.reset(seed=0)
    starts = {environment.reset()[0].tobytes() for _ in range(6)}
    assert len(starts) >= kinds
    assert (len(starts) == 1) is (kinds == 1)


@pytest.mark.parametrize("settings", [{}, {"crop": (10,), "frame_size": (50, 40), "grayscale": False}])
def test_stacks_start_again_with_a_game(settings):
    environments = make_vector(BREAKOUT, **{**SMALL, **settings}, max_episode_steps=6)
    channels = 3 if settings.get("grayscale") is False else 1
    observations, _ = environments.reset(seed=0)
    before = observations
    for step in range(20):
        newest = observations[..., -channels:]
        if step % 7 == 0:
            assert newest.any()
            np.testing.assert_array_equal(observations, np.tile(newest, 4))
        else:
            np.testing.assert_array_equal(observations[..., :-channels], before[..., channels:])
        before = observations
        observations, *_ = environments.step(np.full(2, 2 + step % 2))


def test_a_vector_of_games_says_how_it_resets_and_others_still_do():
    other = SyncVectorEnv([lambda: gymnasium.make("CartPole-v1")], autoreset_mode=AutoresetMode.SAME_STEP)
    games = make_vector("ALE/Pong-v5")
    assert games.metadata["autoreset_mode"] is AutoresetMode.NEXT_STEP
    assert games.metadata is not VectorEnv.metadata
    assert other.metadata["autoreset_mode"] is AutoresetMode.SAME_STEP
    assert (games.num_envs, games.observation_space.shape, games.action_space.shape) == (2, (2, 84, 84, 4), (2,))


def test_a_game_can_be_drawn():
    environment = EnvironmentMaker("ALE/Pong-v5").make(render_mode="rgb_array")
    environment.reset(seed=0)
    assert environment.render().shape == (210, 160, 3)
    assert environment.metadata["render_fps"] == 15


@pytest.mark.parametrize(
    ("source", "close"), [("ALE/Pnog-v5", "ALE/Pong-v5"), ("PnogNoFrameskip-v4", "PongNoFrameskip-v4")]
)
def test_the_nearest_game_is_suggested(source, close):
    with pytest.raises(InvalidEnvironment, match=f"no environment '{source}'; did you mean .*'{close}'") as error:
        make(source)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("source", ["ALE/Pong-v5", "PongNoFrameskip-v4", "PongDeterministic-v4"])
def test_without_ale_its_extra_is_named(source, monkeypatch):
    monkeypatch.delitem(gymnasium.registry, source, raising=False)
    monkeypatch.setitem(sys.modules, "ale_py", None)
    for making in (make, make_vector):
        with pytest.raises(InvalidEnvironment, match=r"needs the module ale_py, .* pip install '\.\[atari\]'"):
            making(source)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"frame_size": (211, 160)}, "`frame_size` 211 160 is larger"),
        ({"crop": (0, 80)}, "`frame_size` 84 84 .* after `crop`"),
    ],
)
def test_what_does_not_fit_the_screen_is_named(settings, message):
    for making in (make, make_vector):
        with pytest.raises(SettingsError, match=message) as error:
            making("ALE/Pong-v5", **settings)
        assert "\n" not in str(error.value)
