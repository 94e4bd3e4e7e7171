"""`a3c inspect`, and the findings it prints."""

import math

import gymnasium
import numpy as np
import pytest
from gymnasium.spaces import Box, Dict, Discrete, MultiDiscrete, Sequence, Text

from a3c import advice
from a3c.advice import Speed, remarks
from a3c.cli.inspect import _bounds
from a3c.errors import InvalidEnvironment
from a3c.inspecting import RANDOM_STEPS, inspect
from a3c.rollout.random_play import RandomPlay
from configs_for_tests import config_with
from environments_for_tests import Broken, Catch

NUMBERS = Box(-1, 1, (2,), np.float32)


class Sound(gymnasium.Env):
    """Nothing is wrong with it, but for what is given: episodes of 5 to 14 steps with rewards of 0 and 1."""

    def __init__(self, observations=NUMBERS, actions=None, reward=1.0, draw=None, endless=False, length=None):
        self.observation_space, self.action_space = observations, actions or Discrete(2)
        self.reward, self.draw, self.endless, self.length = reward, draw, endless, length

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.left = self.length or int(self.np_random.integers(5, 15))
        return self._observation(), {}

    def step(self, action):
        self.left -= 1
        reward = self.reward * float(self.np_random.integers(2))
        return self._observation(), reward, self.left == 0 and not self.endless, False, {}

    def _observation(self):
        if self.draw is not None:
            return self.draw(self.np_random)
        space = self.observation_space
        if space.dtype == np.uint8:
            return self.np_random.integers(0, 256, space.shape, np.uint8)
        return self.np_random.uniform(-1, 1, space.shape).astype(space.dtype)


def sound(**changes):
    return lambda: Sound(**changes)


def look(make, seconds=0.0, **settings):
    """The inspection of what `make` makes, whose training would end after some steps."""
    return inspect(config_with(**{"hidden": (4,), "steps": 100_000} | settings), make, seconds=seconds)


def topics(inspection):
    return [remark.topic for remark in inspection.remarks]


@pytest.mark.parametrize("make", [Sound, sound(actions=Box(-2, 5, (3,), np.float32))], ids=["discrete", "box"])
def test_where_nothing_is_wrong_nothing_is_remarked_on(make):
    inspection = look(make)
    assert (inspection.remarks, inspection.checks) == ([], [])
    assert inspection.trainable
    assert inspection.speed is None
    assert inspection.play.steps == sum(inspection.play.lengths) + (RANDOM_STEPS - sum(inspection.play.lengths))
    assert inspection.play.steps == len(inspection.play.rewards) == RANDOM_STEPS


@pytest.mark.parametrize(
    ("low", "high", "said"),
    [
        ([0] * 9, [math.inf] * 9, "from 0 on"),
        ([-1, 0, -math.inf], [1, math.inf, 2], "-1 to 1, from 0 on, up to 2"),
        (
            [-1] * 5 + [-math.inf] * 4 + [0],
            [2] * 5 + [math.inf] * 5,
            "-1 to 2 at most, 1 with one bound, 4 without bounds",
        ),
    ],
)
def test_bounds_that_only_some_numbers_have_are_not_said_to_be_none(low, high, said):
    assert _bounds(Box(np.array(low, np.float32), np.array(high, np.float32))) == said


def test_cartpole():
    inspection = inspect(config_with("CartPole-v1"), seconds=0)
    assert inspection.remarks == []
    assert inspection.observation_space.shape == (4,)
    assert inspection.action_space == Discrete(2)
    assert inspection.time_limit == 500
    assert inspection.own_vector
    assert inspection.frames_per_second == 50
    assert inspection.config.target_return == 475
    assert inspection.policy.actions == "Categorical over 2"
    assert inspection.policy.size == 9155
    assert inspection.play.returns == inspection.play.lengths


def test_of_the_same_seed_random_play_is_the_same():
    first, second, third = (inspect(config_with("CartPole-v1", seed=seed), seconds=0).play for seed in (1, 1, 2))
    assert first.lengths == second.lengths != third.lengths
    np.testing.assert_array_equal(first.low, second.low)


@pytest.mark.parametrize(
    ("settings", "limit"), [({}, 200), ({"max_episode_steps": 50}, 50), ({"frame_skip": 4}, 50)], ids=str
)
def test_the_time_limit_is_in_steps_of_the_policy(settings, limit):
    inspection = inspect(config_with("MountainCar-v0", **settings), seconds=0)
    assert inspection.time_limit == limit
    assert set(inspection.play.lengths) == {limit}
    assert not inspection.own_vector


def test_mountain_car_is_sparse_and_of_unlike_scale():
    inspection = inspect(config_with("MountainCar-v0"), seconds=0)
    assert topics(inspection) == ["scale", "sparse"]
    scale, sparse = (remark.text for remark in inspection.remarks)
    assert "number 1 from -0.0" in scale
    assert "`normalize_observations`" in scale
    assert "met no reward but -1" in sparse
    assert "`entropy_coefficient`" in sparse


def test_a_game():
    pytest.importorskip("ale_py")
    inspection = inspect(config_with("ALE/Pong-v5", hidden=(8,)), seconds=0)
    assert inspection.observation_space.shape == (84, 84, 4)
    assert inspection.time_limit == 27_000
    assert inspection.own_vector
    assert inspection.play.lives
    assert topics(inspection) == ["target"]


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Broken("observation", np.nan, 3), "the observation of step 3 holds nan (number 0)"),
        (lambda: Broken("observation", -np.inf, 0), "the observation of step 0 holds -inf"),
        (lambda: Broken("reward", np.inf, 4), "the reward of step 4 is inf"),
        (sound(observations=Box(0, 255, (4,), np.uint8), draw=lambda _: np.full(4, 0.5)), "of float64, such as 0.5"),
        (sound(draw=lambda _: np.zeros(3, np.float32)), "of shape (3,), but its observation space says (2,)"),
        (sound(observations=Discrete(3), draw=lambda _: 3), "gave 3, which is not in Discrete(3)"),
        (sound(reward="one"), "raised TypeError"),
        (sound(observations=Text(5), draw=lambda _: "abc"), "observation space Text"),
        (sound(actions=Text(5)), "action space Text"),
        (sound(actions=Dict(go=Discrete(2), say=Text(5))), "'say' of the actions is text"),
        (sound(observations=Dict(on=Discrete(2), log=Sequence(Discrete(2))), draw=lambda _: {}), "with `hide` log"),
    ],
)
def test_what_cannot_be_trained_on(make, words):
    inspection = look(make)
    assert not inspection.trainable
    first = inspection.remarks[0]
    assert first.problem
    assert words in first.text
    assert [remark.problem for remark in inspection.remarks].count(True) == 1
    assert "\n" not in first.text


def test_settings_that_do_not_fit_are_a_problem():
    inspection = look(sound(observations=Box(0, 255, (24, 24, 3), np.uint8)), network="nature")
    assert not inspection.trainable
    assert "too small for this network" in inspection.remarks[0].text
    assert inspection.policy is None


def test_an_environment_that_cannot_be_made_is_an_error():
    with pytest.raises(InvalidEnvironment, match="could not be made"):
        look(lambda: 1 / 0)


@pytest.mark.parametrize(
    ("topic", "make", "words", "remedy"),
    [
        ("bounds", sound(draw=lambda r: np.array([r.random(), 1.5], np.float32)), "number 1 of the observation was 1.5 "
         "at step 0, outside its bounds -1 to 1", None),
        ("scale", sound(observations=Box(-99, 99, (2,)), draw=lambda r: (r.random(2) * [1, 80]).astype(np.float32)),
         "(number 1 from ", {"normalize_observations": True}),
        ("scale", sound(draw=lambda r: (r.random(2) * [1, 0.01]).astype(np.float32)), "number 1 from ",
         {"normalize_observations": True}),
        ("dtype", sound(draw=lambda r: r.random(2)), "are float64, and their space says float32: return .astype", None),
        ("rewards", sound(reward=500.0), "0 to 500: `normalize_rewards`, or `reward_scale` 0.002",
         {"reward_scale": 0.002}),
        ("rewards", sound(reward=-400.0), "-400 to 0: `normalize_rewards`", {"normalize_rewards": True}),
        ("rewards", sound(reward=400.0), "large", {"reward_clip": 1.0}),
        ("rewards", sound(reward=9.0, length=80), "returns are large, ", {"normalize_rewards": True}),
        ("rewards", sound(reward=-9.0, length=80), "returns are large, ", {"reward_scale": 0.05}),
        ("rewards", sound(reward=9.0, length=80), "`normalize_rewards`, or `reward_scale` 0.0", {"gamma": 0.5}),
        ("rewards", sound(reward=1e-6), "rewards are small, 0 to 1e-06: `normalize_rewards`, or `reward_scale` 1e+06",
         {"reward_scale": 1e6}),
        ("sparse", sound(reward=0.0), "no reward but 0: explore more, `entropy_coefficient` above 0.01, or learn from "
         "further ahead, `n_step` 16", None),
        ("sparse", sound(reward=0.0, actions=NUMBERS), "`action_std` gsde `hold_noise` 8", None),
        ("time limit", sound(endless=True), "`max_episode_steps`", {"max_episode_steps": 100}),
        ("truncation", sound(length=20), "terminated after 20 steps", {"max_episode_steps": 19}),
        ("target", Sound, "`steps`, `episodes`, `seconds` or `target_return`", {"steps": 10}),
        ("actions", sound(actions=Box(-np.inf, np.inf, (2,), np.float32)), "without bounds", None),
        ("actions", sound(actions=Box(0, 9, (2,), np.int64)), "MultiDiscrete", None),
        ("actions", sound(actions=Dict(a=Discrete(2), b=Box(0, 9, (2,), np.int64))), "'b' of the actions: whole", None),
        ("seed", sound(draw=lambda r: np.zeros(2, np.float32), reward=0.0, length=20), "self.np_random", None),
        ("frames", sound(observations=Box(0, 255, (3, 160, 160), np.uint8)), "reduce them in the environment", None),
        ("reach", sound(observations=Box(0, 255, (9,), np.uint8), draw=lambda r: r.integers(0, 9, 9, np.uint8)),
         "observations were 0 to 8 in 1,000 steps, but are scaled by their bounds 0 to 255",
         {"normalize_observations": True}),
        ("frames", sound(observations=Box(0, 255, (160, 160, 3), np.uint8)), "`frame_size` 84", {"frame_size": (84,)}),
    ],
)  # fmt: skip
def test_what_is_worth_changing(topic, make, words, remedy):
    open_end = {"steps": None} if topic == "target" else {}
    inspection = look(make, **open_end)
    (remark,) = [remark for remark in inspection.remarks if remark.topic == topic]
    assert words in remark.text
    assert "\n" not in remark.text
    assert inspection.trainable
    if remedy is not None:
        assert topic not in topics(look(make, **open_end | remedy))


def test_a_limit_of_few_updates_is_worth_changing():
    (remark,) = [remark for remark in look(Sound, steps=1000).remarks if remark.topic == "updates"]
    assert remark.text.startswith("`steps` 1,000 are 4 updates of 256 steps")


@pytest.mark.parametrize(
    ("settings", "flags"),
    [
        ({"backend": "inline"}, "`envs_per_worker` 1 `segment_length` 16"),
        ({"algorithm": "a2c"}, "`envs_per_worker` 1 `segment_length` 16"),
        ({"envs_per_worker": 1, "segment_length": 16}, None),
        ({"algorithm": "random"}, None),
    ],
)
def test_sizes_of_slow_steps_are_worth_changing_where_they_are_not_chosen(settings, flags):
    play = RandomPlay(steps=40, lengths=[40], terminated=[True], rewards=[0.0, 1.0] * 20, seconds=2.0)
    found = remarks(config_with(workers=1, steps=10**6, **settings), Sound(), None, play, seeded=True, speed=None)
    said = [remark.text for remark in found if remark.topic == "updates"]
    assert said == ([] if flags is None else [f"a segment takes 13 s: {flags} makes that about 1 s"])


def test_numbers_of_a_dict_are_named_and_bytes_are_scaled_anyway():
    space = Dict(eye=Box(0, 255, (4,), np.uint8), speed=Box(-500, 500, (2,), np.float32))
    scaled = {"eye": np.arange(0, 240, 60, dtype=np.uint8), "speed": np.zeros(2, np.float32)}

    def draw(generator):
        return scaled | {"speed": generator.uniform(-400, [1, 400], 2).astype(np.float32)}

    inspection = look(sound(observations=space, draw=draw, actions=MultiDiscrete([2, 3])))
    (scale,) = [remark.text for remark in inspection.remarks]
    assert "of speed from -4" in scale
    assert look(sound(observations=space, draw=lambda r: scaled | {"speed": r.random(2, np.float32)})).remarks == []
    assert inspection.policy.actions == "independent Categoricals over 2, 3"


def test_frames_get_convolutions():
    inspection = look(Catch)
    names = [layer.name for layer in inspection.policy.layers["policy and value"]]
    assert [name.split()[0] for name in names] == ["convolution", "convolution", "dense,"]


def test_gymnasiums_checker_has_its_say():
    inspection = look(sound(draw=lambda r: np.array([r.random(), 7], np.float32)))
    (line,) = inspection.checks
    assert "not within the observation space" in line
    assert "\n" not in line
    assert inspection.trainable


def test_an_inline_training_is_measured():
    said = []
    config = config_with(hidden=(4,), steps=50, learning_rate_final=0.0, backend="inline", envs_per_worker=2)
    inspection = inspect(config, Sound, seconds=0.4, say=said.append)
    speed = inspection.speed
    assert (speed.workers, speed.environments) == (1, 2)
    assert speed.together > 0
    assert speed.training > 0
    assert 0 < speed.environment_share <= 1
    assert len(said) == 4


def test_a_failure_in_the_measured_training_is_a_problem():
    class Late(Sound):
        made = 0

        def __init__(self):
            super().__init__()
            Late.made += 1
            self.sound = Late.made < made_before_training

        def _observation(self):
            return super()._observation() * np.float32(1 if self.sound else np.nan)

    # One each to play, to check and to see the spaces of; two to step together.
    made_before_training = 6
    inspection = look(Late, seconds=0.2, backend="inline", envs_per_worker=2)
    assert Late.made == 7
    assert [remark.problem for remark in inspection.remarks] == [True]
    assert "observation nan (number 0, environment 0 of this worker, step 0)" in inspection.remarks[0].text


@pytest.mark.parametrize(
    ("workers", "training", "computed", "words"),
    [
        (2, 1900.0, 1.0, ["95% of a worker's time", "a vector form of its own"]),
        (1, 900.0, 1.0, ["90%", "`workers` 2 uses every core"]),
        (2, 1900.0, 0.1, ["wait more than they compute", "`workers` 8"]),
        (2, 900.0, 1.0, None),
        (2, None, 1.0, None),
    ],
)
def test_what_sets_the_pace(monkeypatch, workers, training, computed, words):
    monkeypatch.setattr(advice, "available_cores", lambda: 2)
    speed = Speed(workers, 16, together=1000.0, training=training)
    play = RandomPlay(steps=10, lengths=[10], terminated=[False], rewards=[0.0, 1.0] * 5, seconds=1.0)
    play.processor_seconds = computed
    config = config_with(steps=10**6, envs_per_worker=1, segment_length=10)
    found = remarks(config, Sound(), None, play, True, speed)
    assert [remark.topic for remark in found] == ([] if words is None else ["pace"])
    for word in words or []:
        assert word in found[0].text


def test_the_command_looks_and_measures(command, own_environments):
    outcome = command(
        "inspect", "odd_environments:Walk-v0", "--seconds", "0.4", "--steps", "30000", "--hidden", "8", "--workers", "2"
    )
    assert (outcome.status, outcome.err) == (0, "")
    for words in ("observations     3 numbers, float32: -1 to 1", "dense, tanh", "one environment, random actions",
                  "training, 2 workers of 16", "nothing is wrong, and nothing worth changing was seen"):  # fmt: skip
        assert words in outcome.out
    assert {path.name for path in own_environments.iterdir()} <= {"odd_environments.py", "__pycache__"}


def test_the_command_takes_the_settings_of_train(command):
    plain = command(
        "inspect", "CartPole-v1", "--seconds", "0", "--recipe", "none", "--hidden", "8", "--algorithm", "a2c"
    )
    assert plain.status == 0
    assert "policy of a2c" in plain.out
    assert "none: plain defaults" in plain.out
    assert "\nsteps a second" not in plain.out
    # The recipe's settings, as training has them: policy and value share their layers.
    tuned = command("inspect", "CartPole-v1", "--seconds=0")
    assert "policy and value" in tuned.out
    assert "policy and value" not in plain.out
    assert "CartPole-v1: CartPole, tuned" in tuned.out
    assert "\n  time limit       500 steps\n" in tuned.out


@pytest.mark.parametrize(
    ("environment", "words"),
    [
        ("NotANumber-v0", ["cannot be trained on", "the observation of step 12 holds nan (number 1)"]),
        ("TextObservations-v0", ["cannot be trained on", "observation space Text(1, 5"]),
        ("TextActions-v0", ["cannot be trained on", "action space Text(1, 5"]),
    ],
)
def test_the_command_fails_where_training_would(command, own_environments, environment, words):
    outcome = command("inspect", f"odd_environments:{environment}", "--seconds", "0")
    assert (outcome.status, outcome.err) == (2, "")
    for word in words:
        assert word in outcome.out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["CartPol-v1"], "there is no environment 'CartPol-v1'; did you mean 'CartPole-v1'"),
        (["odd_environments:Unmakeable-v0"], "could not be made: OSError: the camera is not connected"),
        (["CartPole-v1", "--seconds", "-1"], "--seconds is -1.0, but must be at least 0"),
        (["CartPole-v1", "--frame-stack", "4"], "--frame-stack: only for frames"),
        ([], "name an environment"),
    ],
)
def test_a_mistake_is_one_line(command, own_environments, arguments, words):
    outcome = command("inspect", *arguments)
    assert outcome.status == 2
    assert outcome.err.startswith("a3c inspect: ")
    assert words in outcome.err
    assert len(outcome.err.splitlines()) == 1


def test_training_goes_on_outside_the_bounds_and_says_so_once(command, own_environments):
    flags = ["--recipe", "none", "--steps", "300", "--backend", "inline", "--envs-per-worker", "2", "--run", "run"]
    outcome = command("train", "odd_environments:Outside-v0", *flags)
    assert outcome.status == 0
    (line,) = [line for line in outcome.out.splitlines() if "outside its bounds" in line]
    assert line.startswith("worker 0: the environment gave observation 2.5, outside its bounds -1 to 1 (number 2, ")
    assert "step 3)" in line
