"""Which settings go together."""

import pytest

from a3c.algorithm.builtin import IMPALA
from a3c.config import TrainConfig
from a3c.config.making import all_own_fields, make_config, recorded
from a3c.errors import SettingsError
from configs_for_tests import config_with

WITH_TARGET = ("n-step-q", "one-step-q", "one-step-sarsa")
ALGORITHMS = ("a3c", "a2c", "ga3c", "impact", "impala", "random", "appo", "pqn", *WITH_TARGET)
QUEUE_SETTINGS = {"min_batch": 64, "queue_size": 99}
LEARNERS_SETTINGS = {"lag_correction": "none", "rho_clip": 2.0, "c_clip": 0.5, "log_epsilon": 0.1}
GA3C_SETTINGS = {"predictors": 2, "trainers": 3, "adjust_threads": True}
IMPACT_SETTINGS = {"buffer_size": 3, "worker_clip": 1.5, "target_updates": 5}
IMPALA_SETTINGS = {"forced_lag": 4}
Q_LEARNING_SETTINGS = {"target_interval": 500}
PQN_SETTINGS = {"q_lambda": 0.5}
CLIPPED_SETTINGS = {"passes": 3, "clip_range": 0.1}
APPO_SETTINGS = {
    "minibatch_size": 32, "value_clip_range": 0.3, "target_kl": 0.01, "recompute_advantages": True,
    "advantages": "vtrace",
}  # fmt: skip


def refusal(**settings):
    """The one line that these settings get."""
    with pytest.raises(SettingsError) as refused:
        config_with(**settings)
    message = str(refused.value)
    assert "\n" not in message
    return message


@pytest.mark.parametrize(
    ("settings", "owners"),
    [
        (QUEUE_SETTINGS, ("ga3c", "impact", "impala")),
        (LEARNERS_SETTINGS, ("ga3c", "impala")),
        (GA3C_SETTINGS, ("ga3c",)),
        (IMPACT_SETTINGS, ("impact",)),
        (IMPALA_SETTINGS, ("impala",)),
        (CLIPPED_SETTINGS, ("appo", "impact")),
        (APPO_SETTINGS, ("appo",)),
        (Q_LEARNING_SETTINGS, WITH_TARGET),
        (PQN_SETTINGS, ("pqn",)),
    ],
)
@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_a_setting_of_some_algorithms_is_refused_for_others(settings, owners, algorithm):
    for name, value in settings.items():
        if algorithm in owners:
            assert getattr(config_with(algorithm=algorithm, **{name: value}).own, name) == value
        else:
            expected = f"`{name}` is a setting of {' and '.join(owners)}, not of {algorithm}"
            assert refusal(algorithm=algorithm, **{name: value}) == expected


def test_every_setting_of_some_algorithms_is_tested_here():
    assert set(all_own_fields()) == {
        *QUEUE_SETTINGS,
        *LEARNERS_SETTINGS,
        *GA3C_SETTINGS,
        *IMPACT_SETTINGS,
        *IMPALA_SETTINGS,
        *CLIPPED_SETTINGS,
        *APPO_SETTINGS,
        *Q_LEARNING_SETTINGS,
        *PQN_SETTINGS,
    }


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_defaults_are_right_for_every_algorithm_and_survive_a_file(algorithm):
    config = config_with(algorithm=algorithm)
    assert make_config(recorded(config)) == config


@pytest.mark.parametrize(
    ("name", "value", "bound"),
    [
        *((name, 0, "at least 1") for name in ("n_step", "min_batch", "queue_size", "predictors", "trainers")),
        *((name, 0.0, "above 0") for name in ("rho_clip", "c_clip", "log_epsilon")),
        *((name, float("nan"), "a number") for name in ("rho_clip", "c_clip", "log_epsilon")),
        ("forced_lag", -1, "be at least 0"),
        ("lag_correction", "retrace", "one of vtrace, epsilon, none"),
    ],
)
def test_settings_out_of_range_are_named(name, value, bound):
    algorithm = "impala" if name == "forced_lag" else "ga3c"
    message = refusal(algorithm=algorithm, **{name: value})
    assert message.startswith((f"`{name}` is {value!r}, but must ", f"`{name}` cannot be {value!r}; it must be "))
    assert message.endswith(bound)


@pytest.mark.parametrize(
    ("min_batch", "length", "environments", "segments"),
    [(512, 16, 16, 2), (513, 16, 16, 3), (256, 16, 16, 1), (1, 16, 16, 1), (257, 16, 16, 2), (10, 3, 1, 4)],
)
def test_a_batch_has_as_many_segments_as_hold_its_steps(min_batch, length, environments, segments):
    settings = {"min_batch": min_batch, "segment_length": length, "envs_per_worker": environments}
    config = config_with(algorithm="impala", **settings)
    assert config.segments_per_batch == segments
    assert (segments - 1) * length * environments < min_batch <= segments * length * environments
    assert config_with(algorithm="impala", queue_size=segments, **settings).segments_that_may_wait == segments
    if segments > 1:
        message = refusal(algorithm="impala", queue_size=segments - 1, **settings)
        assert message.startswith(f"`queue_size` is {segments - 1}, but")
        assert f"takes {segments} segments" in message


@pytest.mark.parametrize(("workers", "segments"), [(None, 2), (1, 2), (2, 2), (5, 5)])
def test_without_a_size_the_queue_holds_a_batch_and_one_for_each_worker(workers, segments):
    settings = {"min_batch": 512, "segment_length": 16, "envs_per_worker": 16}
    assert config_with(algorithm="ga3c", workers=workers, **settings).segments_that_may_wait == segments


@pytest.mark.parametrize("algorithm", ["a3c", "a2c", "ga3c"])
def test_returns_of_n_steps_need_segments_of_fixed_length(algorithm):
    message = refusal(algorithm=algorithm, n_step=5, segment_ends="episode")
    assert message == "`n_step` needs segments of fixed length: leave `segment_ends` episode out"


@pytest.mark.parametrize("settings", [{"algorithm": "impala"}, {"algorithm": "ga3c", "lag_correction": "vtrace"}])
def test_returns_of_n_steps_do_not_go_with_vtrace(settings):
    assert refusal(n_step=5, **settings).startswith("`n_step` is not defined for V-trace")
    assert config_with(n_step=5, **settings | {"lag_correction": "none"}).own.lag_correction == "none"


@pytest.mark.parametrize(("n_step", "overlap"), [(None, 0), (1, 0), (2, 1), (20, 19)])
@pytest.mark.parametrize("algorithm", ["a3c", "ga3c"])
def test_segments_overlap_by_one_step_less_than_returns_reach(algorithm, n_step, overlap):
    assert config_with(algorithm=algorithm, n_step=n_step).overlap == overlap


@pytest.mark.parametrize(
    ("algorithm", "correction"),
    [("a3c", None), ("a2c", None), ("random", None), ("ga3c", "epsilon"), ("impact", None), ("impala", "vtrace")],
)
def test_each_algorithm_has_its_own_correction(algorithm, correction):
    config = config_with(algorithm=algorithm)
    assert getattr(config.own, "lag_correction", None) == correction
    assert config.has_learner == (algorithm in ("ga3c", "impact", "impala"))


@pytest.mark.parametrize("algorithm", ["ga3c", "impala"])
def test_a_lock_is_refused_where_one_process_trains(algorithm):
    assert refusal(algorithm=algorithm, locked=True).startswith(f"`locked` is of no use to {algorithm}")


@pytest.mark.parametrize("algorithm", ["ga3c", "impala"])
def test_windows_has_not_the_pipes_that_a_learner_needs(algorithm, monkeypatch):
    monkeypatch.setattr("sys.platform", "win32")
    assert "Windows" in refusal(algorithm=algorithm)


def test_a_queue_longer_than_a_pipe_can_number_is_refused():
    assert "at most 32,768" in refusal(algorithm="impala", queue_size=32_769)
    assert "at most 32,768" in refusal(algorithm="impala", min_batch=10**9)
    config_with(algorithm="impala", queue_size=32_768)


@pytest.mark.parametrize(("settings", "most"), [
    ({"algorithm": "ga3c"}, 80),
    ({"ordered": True}, 80),
    ({"algorithm": "impala", "ordered": True}, 40),
    ({"algorithm": "impala"}, None),
    ({"algorithm": "a2c", "ordered": True}, None),
])  # fmt: skip
def test_more_workers_than_can_be_handed_a_pipe_each_are_refused(settings, most):
    assert config_with(**settings, workers=most or 1000).most_workers == most
    if most is not None:
        assert "`envs_per_worker`" in refusal(**settings, workers=most + 1)


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("frame_skip", 0, "is 0, but must be at least 1"),
        ("frame_stack", 0, "is 0, but must be at least 1 and at most 100"),
        ("pixel_std", 0.0, "is 0.0, but must be above 0"),
        ("pixel_std", -1.0, "is -1.0, but must be above 0"),
        ("pixel_std", float("nan"), "is nan, but must be above 0"),
        ("noop_max", -1, "is -1, but must be at least 0"),
        *(
            ("sticky_actions", value, f"is {value}, but must be at least 0 and below 1")
            for value in (1.0, -0.1, float("nan"))
        ),
        *(("threshold", value, f"is {value}, but must be at least 0 and at most 254") for value in (-1, 255)),
        ("hidden", (64, 0), "is 0, but must be at least 1"),
        ("frame_size", (0,), "is 0, but must be at least 1"),
        ("frame_size", (84, -84), "is -84, but must be at least 1"),
        ("frame_size", (84, 84, 4), "takes at most 2 numbers, not 3"),
        ("crop", (0, 1, 2, 3, 4), "takes at most 4 numbers, not 5"),
        ("resize", "cubic", "is 'cubic', but must be one of area, sample"),
        ("network", "resnet", "is 'resnet', but must be one of mlp, a3c, nature, small, grid"),
        ("activation", "gelu", "is 'gelu', but must be one of tanh, relu, elu"),
    ],
)
def test_a_setting_of_frames_games_or_layers_out_of_range_is_named(name, value, words):
    with pytest.raises(SettingsError) as refused:
        TrainConfig(**{name: value})
    assert str(refused.value) == f"`{name}` {words}"


@pytest.mark.parametrize(
    "settings",
    [
        {"frame_skip": 1, "frame_stack": 1, "noop_max": 0, "sticky_actions": 0.0, "threshold": 0},
        {"sticky_actions": 0.99, "threshold": 254, "crop": [0, 1, 2, 3], "frame_size": [1], "hidden": []},
        {"hidden": None, "activation": None, "network": None, "frame_size": [84, 80], "crop": []},
    ],
)
def test_what_is_just_in_range_is_kept_and_survives_a_file(settings):
    config = make_config(settings)
    for name, value in settings.items():
        assert getattr(config, name) == (tuple(value) if isinstance(value, list) else value)
    assert make_config(recorded(config)) == config


@pytest.mark.parametrize("settings", [{"algorithm": "impala"}, {"algorithm": "ga3c", "lag_correction": "vtrace"}])
def test_normalized_returns_do_not_go_with_vtrace(settings):
    message = refusal(normalize_returns=True, **settings)
    assert message.startswith("`normalize_returns` is not defined for V-trace: leave it out")
    assert config_with(normalize_returns=True, **settings | {"lag_correction": "none"}).normalize_returns
    assert config_with(normalize_returns=True, algorithm="a2c").normalize_returns


@pytest.mark.parametrize(
    ("name", "value"),
    [("crop", 5), ("crop", [1.5]), ("frame_size", "84"), ("hidden", [None]), ("grayscale", 1), ("threshold", True)],
)
def test_a_setting_of_frames_of_the_wrong_type_is_named(name, value):
    with pytest.raises(SettingsError, match=f"here: `{name}` cannot be "):
        make_config({name: value}, "here")


def test_a_width_without_a_recurrent_layer_is_named():
    with pytest.raises(
        SettingsError, match="`recurrent_units` is set without `recurrent`: set `recurrent` lstm or gru"
    ):
        config_with(recurrent_units=8)
    with pytest.raises(SettingsError, match="`recurrent_units` is 0, but must be at least 1"):
        config_with(recurrent="lstm", recurrent_units=0)
    assert config_with(recurrent="gru", recurrent_units=8).recurrent_units == 8


def test_settings_of_another_algorithm_are_refused():
    config = config_with(algorithm="ga3c", predictors=3)
    with pytest.raises(SettingsError, match=r"`own` is GA3CSettings, but .* impala alone are IMPALASettings"):
        config.replace(algorithm=IMPALA)
    assert config.replace(algorithm=IMPALA, own=IMPALA.settings()).own == IMPALA.settings()


@pytest.mark.parametrize(("settings", "interval", "worth"), [
    ({}, 100_000, 100_000),
    ({"steps": 5_000_000}, 100_000, 100_000),
    ({"steps": 100_000}, 10_000, 10_000),
    ({"steps": 100_000, "evaluate_every": 300}, 300, 300),
    ({"evaluate_every": 0}, 0, 0),
    # Where training waits for evaluations, it does so at boundaries.
    ({"steps": 100_000, "backend": "inline", "checkpoint_steps": 200_000}, 200_000, 10_000),
    ({"steps": 100_000, "backend": "inline", "checkpoint_steps": 200_000, "evaluate_every": 300}, 300, 300),
    ({"steps": 100_000, "backend": "inline", "checkpoint_steps": 0}, 10_000, 10_000),
])  # fmt: skip
def test_a_run_is_evaluated_so_often(settings, interval, worth):
    config = config_with(**settings)
    assert (config.evaluation_interval, config.steps_worth_evaluating) == (interval, worth)
