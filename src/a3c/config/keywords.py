"""The settings as keyword arguments, for editors and type checkers: `A3C("CartPole-v1", learning_rate=1e-3)`.

The dataclasses say what each setting is. Here their names and types stand once more, as Python has no other way to say
it of keyword arguments; several values may be given as a list too. A test compares the two.
"""

from collections.abc import Mapping, Sequence
from typing import Literal, TypedDict

from a3c.config.run import LoggerName
from a3c.config.wrappers import Wrapper


class Keywords(TypedDict, total=False):
    """The settings that every algorithm has, but those that an agent takes under its own arguments."""

    # EnvironmentSettings
    max_episode_steps: int | None
    env_kwargs: Mapping[str, object]
    wrappers: Sequence[Wrapper]
    import_modules: Sequence[str]
    hide: Sequence[int | str]
    action_masks: bool | None
    track_info: Sequence[str]
    episodic_life: bool
    reward_scale: float
    reward_clip: float | None
    termination_reward: float | None

    # FrameSettings
    frame_skip: int | None
    crop: Sequence[int]
    grayscale: bool | None
    threshold: int | None
    frame_size: Sequence[int]
    resize: Literal["area", "sample"]
    frame_stack: int | None
    pixel_mean: float
    pixel_std: float

    # AtariSettings
    sticky_actions: float | None
    noop_max: int | None
    max_pool: bool
    fire_reset: bool
    full_action_space: bool

    # RolloutSettings
    envs_per_worker: int | None
    segment_length: int | None
    segment_ends: Literal["steps", "episode"]
    n_step: int | None
    normalize_observations: bool | None
    normalize_rewards: bool | None

    # ObjectiveSettings
    gamma: float
    gae_lambda: float
    restart_at_reward: bool
    normalize_returns: bool
    normalize_advantages: bool
    entropy_coefficient: float
    entropy_coefficient_final: float | None
    value_coefficient: float
    loss_reduction: Literal["mean", "sum"]

    # OptimizerSettings
    optimizer: str
    optimizer_options: Mapping[str, float]
    learning_rate: float
    learning_rate_final: float | None
    anneal_steps: int | None
    max_gradient_norm: float
    locked: bool

    # ExplorationSettings
    epsilon: Sequence[float]
    epsilon_final: Sequence[float]
    epsilon_anneal_steps: int | None

    # ContinuousSettings
    action_bounds: Literal["clip", "tanh"]
    action_std: Literal["learned", "state", "gsde"]
    log_std: float | None
    hold_noise: int

    # NetworkSettings
    input_layout: Literal["flat", "HW", "HWC", "CHW", "HWCS", "SHWC", "SCHW"] | None
    input_scaling: Literal["pixels", "bounds", "one_hot", "raw", "bytes"] | None
    input_parts: Mapping[str, str]
    hidden: Sequence[int] | None
    activation: Literal["tanh", "relu", "elu"] | None
    layer_norm: bool
    shared_trunk: bool
    recurrent: Literal["lstm", "gru"] | None
    recurrent_units: int | None

    # EvaluationSettings
    evaluate_every: int | None
    evaluation_episodes: int
    evaluation_policy: Literal["greedy", "sampled", "both"]

    # RunSettings
    workers: int | None
    seed: int | None
    steps: int | None
    episodes: int | None
    seconds: float | None
    target_return: float | None
    stop_when_solved: bool
    backend: Literal["processes", "inline"]
    worker_restarts: int
    step_timeout: float
    ordered: bool
    checkpoint_steps: int | None
    checkpoint_interval: float
    report_interval: float
    log: Sequence[LoggerName]

    # ClusterSettings
    cluster: str | None
    stations: int | None
    workers_per_station: int | None
    station_restarts: int
    sync_interval: float | None


class APPOKeywords(Keywords, total=False):
    """With those of APPO."""

    passes: int
    minibatch_size: int
    clip_range: float
    value_clip_range: float | None
    target_kl: float
    recompute_advantages: bool
    advantages: Literal["gae", "vtrace"]


class QLearningKeywords(Keywords, total=False):
    """With those of the algorithms that learn action values."""

    target_interval: int


class PQNKeywords(Keywords, total=False):
    """With those of PQN."""

    q_lambda: float


class QueueKeywords(Keywords, total=False):
    """With those of algorithms with a learner."""

    min_batch: int | None
    queue_size: int | None


class IMPACTKeywords(QueueKeywords, total=False):
    """With those of IMPACT."""

    buffer_size: int
    passes: int
    clip_range: float
    worker_clip: float
    target_updates: int | None


class LearnerKeywords(QueueKeywords, total=False):
    """With those of learners that learn once from each segment."""

    lag_correction: Literal["vtrace", "epsilon", "none"]
    rho_clip: float
    c_clip: float
    log_epsilon: float


class GA3CKeywords(LearnerKeywords, total=False):
    """With those of GA3C."""

    predictors: int
    trainers: int
    adjust_threads: bool


class IMPALAKeywords(LearnerKeywords, total=False):
    """With those of IMPALA."""

    forced_lag: int


class AnyKeywords(
    APPOKeywords, GA3CKeywords, IMPACTKeywords, IMPALAKeywords, PQNKeywords, QLearningKeywords, total=False
):
    """Those of all algorithms of this package, where the algorithm is not known from the call."""
