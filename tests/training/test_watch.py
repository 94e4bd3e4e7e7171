"""The Watch: what it says of a run's first updates, and of which runs it says nothing."""

import math

import pytest

from a3c.roles.messages import Report
from a3c.training.watch import Watch
from configs_for_tests import config_with

NONE = {"steps": 0, "episodes": 0, "updates": 0}

# Error of the value estimates, explained variance and largest reward of updates 1 to 25, 26 to 50, and so on, as they
# were measured with plain defaults.
LARGE = {
    "CartPole x 1e6": ([6.1e6, 5.9e6], [0.0, 0.0], 1e6),
    "CartPole x 10": ([62, 66], [0.0, 0.0], 10),
    "Hopper": ([7, 12.2], [-0.03, 0.02], 3.6),
    "Pendulum": ([45, 46], [0.01, 0.04], 16),
    "LunarLander": ([28, 25], [-0.01, -0.01], 110),
}
SMALL = {
    "CartPole x 1e-6": ([0.05, 0.014, 0.006, 0.005, 0.004], [-0.4, 0.1, 0.1, 0.1, -0.7], 1e-6),
    "CartPole x 1e-5": ([0.05, 0.014, 0.005, 0.004, 0.003], [-0.4, 0.07, 0.2, 0.25, 0.24], 1e-5),
}
SOUND = {
    "CartPole": ([6.2, 6.4, 6.4, 6.4, 6.6, 4.7], [0.0, -0.02, -0.1, -0.04, -0.01, 0.0], 1),
    "CartPole, longer returns": ([9.0, 11.0, 13.0, 14.0], [0.0, 0.05, 0.1, 0.15], 1),
    "MountainCar": ([6.9, 6.8, 6.4, 5.8, 5.0, 3.6], [0.0] * 6, 1),
    "CartPole x 1e-3": ([0.05, 0.014, 0.016, 0.016, 0.012, 0.035], [-0.2, 0.4, 0.6, 0.8, 0.8, 0.9], 1e-3),
    "CliffWalking, solved": ([9, 9.9, 9.9, 2.0], [0.0, 0.27, 0.9, 0.99], 100),
    "recipe of LunarLander": ([33.7, 0.8, 0.6, 0.6], [-0.5, 0.0, 0.1, 0.3], 100),
    "Blackjack": ([0.9] * 6, [0.1, 0.2, 0.2, 0.2, 0.2, 0.2], 1),
    "no reward yet": ([0.1, 0.05, 0.02, 0.02, 0.01, 0.01], [-1.0] * 6, 0),
    "a large error that is a small part": ([40.0] * 4, [0.5, 0.8, 0.9, 0.95], 50),
}


def said(errors, explained, largest, together=5, counts=NONE, **settings):
    """What is said of windows of 25 updates, told of in reports of several, and after how many it is."""
    watch, updates, lines = Watch(config_with("Some-v0", **settings), counts), 0, []
    for error, variance in zip(errors, explained, strict=True):
        for _ in range(25 // together):
            diagnostics = {"value_loss": error**2, "explained_variance": variance}
            report = Report(0, updates=together, diagnostics=diagnostics, largest_reward=largest)
            updates += together
            lines += [(updates, line) for line in watch.see(report, updates, now=updates / 100)]
    return lines


@pytest.mark.parametrize("case", LARGE)
@pytest.mark.parametrize("together", [1, 25])
def test_large_rewards_are_named_after_50_updates_with_what_helps(case, together):
    ((updates, line),) = said(*LARGE[case], together)
    assert updates == 50
    assert "rewards are too large" in line
    assert "`normalize_rewards`, or `reward_scale`" in line
    scale = float(line.rpartition(" ")[2])
    # What the errors would be then, about.
    assert 0.5 < scale * LARGE[case][0][1] < 2


@pytest.mark.parametrize("case", SMALL)
def test_small_rewards_are_named_after_100_updates(case):
    ((updates, line),) = said(*SMALL[case])
    assert 100 <= updates <= 125
    assert "rewards are too small" in line
    assert float(line.rpartition(" ")[2]) == pytest.approx(1 / SMALL[case][2])


@pytest.mark.parametrize("case", SOUND)
def test_nothing_is_said_of_what_can_be_learned_from(case):
    assert said(*SOUND[case]) == []


@pytest.mark.parametrize("algorithm", ["a3c", "a2c", "ga3c", "impala"])
def test_every_algorithm_is_told(algorithm):
    assert len(said(*LARGE["Hopper"], algorithm=algorithm)) == 1


def test_observations_as_large_as_prices_are_named_once():
    def scale(largest, own_network=False, **settings):
        watch = Watch(config_with("Some-v0", **settings), NONE, own_network)
        reports = [Report(worker, largest_observation=largest) for worker in (1, 0)]
        return [line for report in reports for line in watch.see(report, 0, 0.0)]

    (line,) = scale(30_123.0)
    assert line.startswith("observations reach 3.012e+04")
    assert line.endswith("`normalize_observations`")
    assert scale(99.0) == scale(1e6, normalize_observations=True) == scale(1e6, True) == []
    assert scale(1e6, algorithm="random") == []


def test_updates_of_a2c_are_counted_once_though_every_worker_tells_of_them():
    watch, lines = Watch(config_with("Some-v0", algorithm="a2c", workers=4), NONE), []
    wrong = {"value_loss": 1e6, "explained_variance": 0.0}
    for updates in range(1, 51):
        assert not lines
        for worker in range(4):
            lines += watch.see(Report(worker, updates=1, diagnostics=wrong, largest_reward=9.0), updates, updates / 100)
    assert len(lines) == 1


def test_it_is_said_once_a_run_and_not_where_it_is_done_already():
    errors, explained, largest = LARGE["Hopper"]
    assert len(said(errors * 5, explained * 5, largest)) == 1
    assert said(errors, explained, largest, normalize_rewards=True) == []
    assert said(errors, explained, largest, algorithm="random") == []


def test_a_scale_that_is_set_is_part_of_the_one_that_is_given():
    ((_, line),) = said(*LARGE["CartPole x 10"], reward_scale=10.0)
    assert line.endswith("`reward_scale` 0.2")


def test_a_first_critic_that_knows_nothing_yet_is_no_sign():
    assert said([1e6], [0.0], 1e6) == []


def test_a_worker_that_learns_nothing_tells_of_its_rewards():
    watch = Watch(config_with("Some-v0", algorithm="impala"), NONE)
    lines = []
    for updates in range(1, 150):
        lines += watch.see(Report(0, largest_reward=1e-6), updates, updates / 100)
        learned = {"value_loss": 0.004**2, "explained_variance": -0.5}
        lines += watch.see(Report(2, updates=1, diagnostics=learned), updates, updates / 100)
    assert len(lines) == 1
    assert "`reward_scale` 1e+06" in lines[0]


@pytest.mark.parametrize(
    ("settings", "updates"),
    [
        ({"steps": 256}, "1 update "),
        ({"steps": 20_000}, "79 updates of 256 steps"),
        ({"steps": 20_000, "envs_per_worker": 64, "segment_length": 8}, "40 updates of 512 steps"),
        ({"steps": 100_000, "algorithm": "a2c", "workers": 4}, "98 updates of 1,024 steps"),
        ({"steps": 20_000, "algorithm": "impala", "min_batch": 500}, "40 updates of 512 steps"),
    ],
)
def test_a_limit_of_few_updates_is_named_at_the_start(settings, updates):
    (line,) = Watch(config_with("Some-v0", **settings), NONE).begin()
    assert updates in line
    assert line.startswith(f"`steps` {settings['steps']:,} are ")


@pytest.mark.parametrize(
    "settings",
    [
        {"steps": 25_600},
        {"steps": 500, "envs_per_worker": 1, "segment_length": 5},
        {"episodes": 3},
        {"steps": 1, "algorithm": "random"},
    ],
)
def test_a_limit_of_enough_updates_is_not(settings):
    assert Watch(config_with("Some-v0", **settings), NONE).begin() == []


def test_a_run_that_goes_on_has_had_its_updates():
    before = {"steps": 10_000, "episodes": 1, "updates": 40}
    watch = Watch(config_with("Some-v0", steps=10_256, seconds=1.0), before)
    assert watch.begin() == watch.end(41) == []


def paced(every, count=20, **settings):
    """What is said of updates that come every so many seconds."""
    watch, lines = Watch(config_with("Some-v0", **settings), NONE), []
    for updates in range(1, count):
        lines += watch.see(Report(0, updates=1), updates, 100 + every * updates)
    return lines + watch.end(count - 1)


@pytest.mark.parametrize(
    ("settings", "flags"),
    [
        ({"backend": "inline"}, "`envs_per_worker` 1 `segment_length` 16"),
        ({"algorithm": "a2c", "workers": 2}, "`envs_per_worker` 1 `segment_length` 16"),
        ({"algorithm": "impala", "workers": 2}, "`envs_per_worker` 1 `segment_length` 9 `min_batch` 18"),
    ],
)
def test_updates_that_come_seldom_are_named_once_with_flags(settings, flags):
    (line,) = paced(13.0, **settings)
    assert line == f"updates come only every 13 s: {flags} makes that about 1 s"


@pytest.mark.parametrize("settings", [{}, {"algorithm": "a2c"}, {"backend": "inline"}])
def test_updates_that_come_often_are_not(settings):
    assert paced(0.01, 2000, **settings) == paced(1.5, **settings) == []


def test_sizes_that_somebody_set_are_theirs():
    assert paced(13.0, envs_per_worker=1, segment_length=2048) == []


def test_seconds_for_few_updates_are_named_as_soon_as_the_pace_is_known():
    (line,) = paced(13.0, seconds=60.0, backend="inline")
    assert line.startswith("`seconds` 60 will be about 5 updates, one every 13 s")
    assert line.endswith("give it longer, or `envs_per_worker` 1 `segment_length` 16")
    (line,) = paced(0.1, seconds=3.0)
    assert line.startswith("`seconds` 3 will be about 30 updates, one every 0.1 s")
    assert line.endswith("give it longer")


def test_seconds_that_end_before_the_pace_is_known_are_named_at_the_end():
    (line,) = paced(13.0, count=2, seconds=5.0)
    assert line.startswith("`seconds` 5 were 1 update,")
    assert paced(0.01, count=1500, seconds=12.0) == []


LARGEST = math.log(3)


def explored(entropies, largest=LARGEST, fraction=0.1, **settings):
    """What is said of updates with such entropies."""
    watch, lines = Watch(config_with("Some-v0", **settings), NONE, largest_entropy=largest), []
    for number, entropy in enumerate(entropies, 1):
        lines += watch.see(Report(0, updates=1, diagnostics={"entropy": entropy}), number, number / 100, fraction)
    return lines


def test_a_policy_that_explores_no_more_is_named_once_while_much_is_to_come():
    settles = [1.1] * 50 + [0.03] * 100
    (line,) = explored(settles)
    assert "its entropy is 0.03, and 1.1 where all actions are as likely" in line
    assert line.endswith("`entropy_coefficient` 0.1")
    (line,) = explored(settles, entropy_coefficient=0.0)
    assert line.endswith("`entropy_coefficient` 0.01")
    assert explored(settles, fraction=0.6) == []


def test_a_policy_that_explores_is_not_nor_one_of_numbers():
    assert explored([1.1] * 50 + [0.06] * 100) == []
    # For a moment.
    assert explored([1.1] * 50 + [0.03] * 12 + [1.1] * 50) == []
    assert explored([8.0] * 50 + [-3.0] * 100, largest=None) == []
    assert explored([1.1] * 50 + [0.03] * 100, epsilon=(0.1,)) == []
