"""Every setting of a training run: one dataclass whose fields are the command line's flags and `config.toml`."""

import dataclasses
import math
import sys
from dataclasses import dataclass, field
from typing import Any, Literal

from a3c.errors import SettingsError, nearest

SCHEMA_VERSION = 1
"""Version of `config.toml` and of the checkpoints; raised when an older file can no longer be read."""


@dataclass(frozen=True)
class TrainConfig:
    """Settings of a run. Defaults are sound for small vector tasks; recipes hold tuned ones."""

    environment: str = ""
    """Gymnasium id such as CartPole-v1, or module:Id, whose module (in the current folder too) comes first."""

    algorithm: Literal["a3c", "a2c", "ga3c", "impala", "random"] = "a3c"
    """What to train with: a3c, workers that learn without waiting; a2c, workers in step, reproducible; ga3c, actions
    and gradients in central batches, for a GPU; impala, workers that act and a learner that corrects for their lag;
    random, a baseline of uniformly random actions."""

    workers: int | None = None
    """Worker processes; ga3c and impala have a learner process beside them. Default: the cores this process may use
    (affinity and container limits)."""

    envs_per_worker: int = 16
    """Environments that each worker steps together, B. 1 is the form of the A3C paper; more is faster."""

    seed: int | None = None
    """Seed of everything random. Default: one is drawn and recorded in config.toml."""

    # When to stop: whichever limit is met first.
    steps: int | None = None
    """Stop after this many environment steps in total, over all workers and resumed runs."""

    episodes: int | None = None
    """Stop after this many finished episodes in total."""

    seconds: float | None = None
    """Stop after this many seconds, counted from the start of the process."""

    target_return: float | None = None
    """Mean return of the last 100 training episodes that counts as solved.
    Default: the threshold registered with the environment, if any."""

    stop_when_solved: bool = True
    """Stop as soon as the target return is reached."""

    # Environment
    max_episode_steps: int | None = None
    """Time limit of an episode, in steps, replacing the registered one. Reaching it truncates: the value of the
    final observation is bootstrapped."""

    env_kwargs: dict[str, bool | int | float | str] = field(default_factory=dict)
    """Keyword arguments for the environment, as KEY VALUE pairs."""

    reward_scale: float = 1.0
    """Factor on every training reward; reported returns stay the environment's own."""

    reward_clip: float | None = None
    """Clip training rewards to [-x, x] after scaling (1.0 in the A3C paper's Atari runs)."""

    termination_reward: float | None = None
    """Training reward given in place of the environment's at a step that terminates the episode."""

    # Segments and returns
    segment_length: int = 16
    """Steps each environment takes between two updates, T (t_max; 5 in the A3C paper, section 5)."""

    segment_ends: Literal["steps", "episode"] = "steps"
    """A segment ends after segment_length steps, or also as soon as an episode ends (the paper's algorithm S3)."""

    gamma: float = 0.99
    """Discount factor (Mnih et al. 2016, section 8)."""

    gae_lambda: float = 0.95
    """Lambda of generalised advantage estimation (Schulman et al. 2016); 1 gives the paper's n-step returns."""

    n_step: int | None = None
    """Steps that every return reaches: segments then overlap by n_step - 1 steps, each trained on once. Default: a
    return reaches to the end of its segment, as in the paper."""

    # Loss
    entropy_coefficient: float = 0.01
    """Weight of the policy's entropy, which is maximised (0.01 in Mnih et al. 2016)."""

    entropy_coefficient_final: float | None = None
    """Entropy weight at the end of annealing, reached linearly. Default: constant."""

    value_coefficient: float = 0.5
    """Weight of the squared error of the value estimate (0.5 in Mnih et al. 2016)."""

    normalize_advantages: bool = True
    """Shift and scale the advantages of each segment to mean 0 and standard deviation 1, so that one learning rate
    suits rewards of any size. Not in the paper."""

    loss_reduction: Literal["mean", "sum"] = "mean"
    """Average the loss over the real steps of a segment, or sum it as the paper's accumulated gradients do."""

    # Optimizer
    optimizer: str = "adam"
    """Name of an Optax optimizer whose state is per parameter: adam, rmsprop (the paper's form, epsilon inside the
    square root), sgd, adamw, lion, ..."""

    optimizer_options: dict[str, float] = field(default_factory=dict)
    """Further arguments of the optimizer, as KEY VALUE pairs: decay 0.99 eps 0.1. rmsprop starts from those two,
    the paper's values."""

    learning_rate: float = 1e-3
    """Step size of the optimizer (about 7e-4, with rmsprop, in Mnih et al. 2016, figure 2)."""

    learning_rate_final: float | None = None
    """Learning rate at the end of annealing, reached linearly (0 in the paper). Default: constant."""

    anneal_steps: int | None = None
    """Steps over which learning rate and entropy weight are annealed. Default: the limit --steps."""

    max_gradient_norm: float = 0.5
    """Global norm to which a gradient is clipped (40 in the paper, for summed losses); 0 turns clipping off."""

    locked: bool = False
    """Apply gradients one worker at a time under a lock, instead of lock-free (Hogwild!, Recht et al. 2011)."""

    # Learner of ga3c and impala
    min_batch: int = 256
    """Steps that ga3c and impala train on at once, at least: as many segments as hold them are joined."""

    queue_size: int | None = None
    """Segments that may wait for ga3c's and impala's learner before workers wait. Default: one batch, and at least one
    for each worker."""

    lag_correction: Literal["vtrace", "epsilon", "none"] | None = None
    """What ga3c and impala do about segments that older parameters collected: V-trace (impala's default), the epsilon
    in the logarithm (ga3c's default; Babaeizadeh et al. 2017), or nothing."""

    rho_clip: float = 1.0
    """V-trace's clip of the importance ratios in its targets, rho-bar (Espeholt et al. 2018, section 4.1)."""

    c_clip: float = 1.0
    """V-trace's clip of the importance ratios that carry corrections back in time, c-bar."""

    log_epsilon: float = 1e-6
    """Epsilon in log(pi + epsilon), where lag_correction is epsilon (1e-6 in Espeholt et al. 2018, section 5.2.2)."""

    predictors: int = 1
    """Threads of ga3c's learner that answer workers with actions (Babaeizadeh et al. 2017, section 4)."""

    trainers: int = 1
    """Threads of ga3c's learner that train."""

    adjust_threads: bool = False
    """Let ga3c try a predictor or trainer more or less while it runs, and keep what trains faster (Babaeizadeh et al.
    2017, section 4)."""

    forced_lag: int = 0
    """Updates by which impala's workers act behind its learner, besides the lag there is: for studies of policy lag."""

    # Exploration
    epsilon: tuple[float, ...] = ()
    """Probability of a uniformly random action, mixed into the policy: one value, or one per worker taken in turn."""

    epsilon_final: tuple[float, ...] = ()
    """Epsilon at the end of its annealing, one value or one per worker. Default: constant."""

    epsilon_anneal_steps: int | None = None
    """Steps over which epsilon is annealed linearly. Default: the limit --steps."""

    # Network
    hidden: tuple[int, ...] = (64, 64)
    """Width of each hidden layer."""

    activation: Literal["tanh", "relu", "elu"] = "tanh"
    """Activation after each hidden layer."""

    shared_trunk: bool = False
    """Policy and value share the hidden layers; otherwise each has a tower of its own, which needs less tuning: large
    returns then cannot drown the policy's gradient."""

    # How it runs
    backend: Literal["processes", "inline"] = "processes"
    """Worker processes, or one worker in the calling process: for debugging, and exactly reproducible."""

    checkpoint_interval: float = 30.0
    """Seconds between two checkpoints; the last three are kept, besides the best."""

    report_interval: float = 1.0
    """Seconds between two rows of metrics.csv, which are also the points of TensorBoard."""

    tensorboard: bool = True
    """Write TensorBoard event files into the run folder."""

    def check_ends(self) -> None:
        """Raises SettingsError where no limit would ever end a run."""
        if self.steps is None and self.episodes is None and self.seconds is None:
            if self.target_return is None:
                raise SettingsError(
                    f"nothing would ever end this run, as {self.environment} registers no target: "
                    "set --steps, --episodes, --seconds or --target-return"
                )
            if not self.stop_when_solved:
                raise SettingsError(
                    "nothing would ever end this run with --no-stop-when-solved: set --steps, --episodes or --seconds"
                )

    def __post_init__(self) -> None:
        for name in ("epsilon", "epsilon_final", "hidden"):
            object.__setattr__(self, name, tuple(getattr(self, name)))
        self._check_ranges()
        self._check_contradictions()

    def _check_ranges(self) -> None:
        at_least_one = (
            "workers envs_per_worker steps episodes max_episode_steps segment_length anneal_steps epsilon_anneal_steps "
            "n_step min_batch queue_size predictors trainers"
        )
        for name in at_least_one.split():
            value = getattr(self, name)
            if value is not None and value < 1:
                raise SettingsError(f"{flag(name)} is {value}, but must be at least 1")
        positive = (
            "seconds reward_scale reward_clip learning_rate checkpoint_interval report_interval "
            "rho_clip c_clip log_epsilon"
        )
        for name in positive.split():
            value = getattr(self, name)
            if value is not None and not value > 0:
                raise SettingsError(f"{flag(name)} is {value}, but must be above 0")
        non_negative = (
            "seed entropy_coefficient entropy_coefficient_final value_coefficient learning_rate_final "
            "max_gradient_norm forced_lag"
        )
        for name in non_negative.split():
            value = getattr(self, name)
            if value is not None and not value >= 0:
                raise SettingsError(f"{flag(name)} is {value}, but must not be below 0")
        for name in ("gamma", "gae_lambda"):
            if not 0 <= getattr(self, name) <= 1:
                raise SettingsError(f"{flag(name)} is {getattr(self, name)}, but must lie between 0 and 1")
        for name in ("epsilon", "epsilon_final"):
            if any(not 0 <= value <= 1 for value in getattr(self, name)):
                raise SettingsError(f"{flag(name)} holds a value outside 0 to 1")
        if any(width < 1 for width in self.hidden):
            raise SettingsError("--hidden holds a width below 1")
        for name in ("algorithm", "segment_ends", "loss_reduction", "lag_correction", "activation", "backend"):
            value, allowed = getattr(self, name), choices(name)
            if value not in allowed and not (value is None and name == "lag_correction"):
                raise SettingsError(f"{flag(name)} is {value!r}, but must be one of {', '.join(allowed)}")

    def _check_contradictions(self) -> None:
        if self.backend == "inline" and self.workers not in (None, 1):
            raise SettingsError("--backend inline runs one worker in this process: leave --workers out, or set it to 1")
        if self.backend == "inline" and self.locked:
            raise SettingsError("--locked needs worker processes: leave it out with --backend inline")
        if self.locked and sys.platform == "win32":
            raise SettingsError("--locked needs a file lock that Windows does not have: leave it out")
        if self.epsilon_final and not self.epsilon:
            raise SettingsError("--epsilon-final is set without --epsilon: set where the annealing starts too")
        if self.anneals and self.anneal_steps is None and self.steps is None:
            raise SettingsError("annealing needs to know how long: set --steps or --anneal-steps")
        if self.epsilon_final and self.epsilon_anneal_steps is None and self.steps is None:
            raise SettingsError("annealing epsilon needs to know how long: set --steps or --epsilon-anneal-steps")
        for name, algorithms in SETTINGS_OF.items():
            if self.algorithm not in algorithms and getattr(self, name) != getattr(type(self), name):
                raise SettingsError(f"{flag(name)} is a setting of {' and '.join(algorithms)}, not of {self.algorithm}")
        if self.has_learner and sys.platform == "win32":
            raise SettingsError(f"--algorithm {self.algorithm} needs pipes that Windows does not have: use a3c or a2c")
        if self.has_learner and self.locked:
            raise SettingsError(f"--locked is of no use to {self.algorithm}, where one process trains: leave it out")
        if self.has_learner and self.segments_that_may_wait > MOST_WAITING:
            raise SettingsError(
                f"--queue-size and --min-batch ask for a queue of {self.segments_that_may_wait:,} segments; it holds "
                f"at most {MOST_WAITING:,}: make them smaller, or segments longer with --segment-length"
            )
        if self.algorithm == "ga3c" and (self.workers or 1) > MOST_ASKING:
            raise SettingsError(
                f"--workers is {self.workers}, but ga3c serves at most {MOST_ASKING}: give each more environments with "
                "--envs-per-worker"
            )
        if self.queue_size is not None and self.queue_size < self.segments_per_batch:
            raise SettingsError(
                f"--queue-size is {self.queue_size}, but a batch of --min-batch {self.min_batch} steps takes "
                f"{self.segments_per_batch} segments: make it at least that"
            )
        if self.n_step is not None and self.segment_ends == "episode":
            raise SettingsError("--n-step needs segments of fixed length: leave --segment-ends episode out")
        if self.n_step is not None and self.correction == "vtrace":
            raise SettingsError("--n-step is not defined for V-trace: leave it out, or set --lag-correction epsilon")

    @property
    def has_learner(self) -> bool:
        """Whether a learner process trains, and the workers only act."""
        return self.algorithm in LEARNERS

    @property
    def correction(self) -> str:
        """The lag correction that applies."""
        return self.lag_correction or {"impala": "vtrace", "ga3c": "epsilon"}.get(self.algorithm, "none")

    @property
    def overlap(self) -> int:
        """Rows that a segment has in common with the one before."""
        return (self.n_step or 1) - 1

    @property
    def segments_per_batch(self) -> int:
        """Segments that a learner trains on at once."""
        return math.ceil(self.min_batch / (self.segment_length * self.envs_per_worker))

    @property
    def segments_that_may_wait(self) -> int:
        """How many segments the queue to a learner holds."""
        return self.queue_size or max(self.segments_per_batch, self.workers or 1)

    @property
    def anneals(self) -> bool:
        return self.learning_rate_final is not None or self.entropy_coefficient_final is not None


LIMITS = ("steps", "episodes", "seconds", "target_return")
"""The settings that end a run."""


LEARNERS = ("ga3c", "impala")
MOST_WAITING = 32_768
"""Segments that a queue holds at most: their numbers fill a pipe."""
MOST_ASKING = 100
"""Workers that ga3c serves at most: each takes two descriptors, and a process starts with 256."""
SETTINGS_OF = {
    **dict.fromkeys(["min_batch", "queue_size", "lag_correction", "rho_clip", "c_clip", "log_epsilon"], LEARNERS),
    **dict.fromkeys(["predictors", "trainers", "adjust_threads"], ("ga3c",)),
    "forced_lag": ("impala",),
}
"""Settings that only some algorithms have: setting one for another is a mistake that is named."""


def choices(name: str) -> tuple[str, ...]:
    """The words that a field allows."""
    import typing

    annotation = TrainConfig.__annotations__[name]
    if typing.get_origin(annotation) is not Literal:
        annotation = typing.get_args(annotation)[0]
    return typing.get_args(annotation)


def flag(name: str) -> str:
    """The command-line flag of a field: `envs_per_worker` -> `--envs-per-worker`."""
    return "--" + name.replace("_", "-")


def make_config(settings: dict[str, Any], source: str = "the settings") -> TrainConfig:
    """A TrainConfig from a dictionary, as a recipe, `config.toml` or keyword arguments give it.

    Raises SettingsError for an unknown name or a value of the wrong type, naming `source`.
    """
    fields = {f.name: f for f in dataclasses.fields(TrainConfig)}
    for name, value in settings.items():
        if name not in fields:
            raise SettingsError(f"{source}: there is no setting {name!r}{nearest(name, fields)}")
        if not _fits(value, fields[name].type):
            raise SettingsError(f"{source}: {name} cannot be {value!r}; it must be {_type_name(fields[name].type)}")
    try:
        return TrainConfig(**settings)
    except SettingsError as error:
        raise SettingsError(f"{source}: {error}") from None


def _fits(value: Any, annotation: Any) -> bool:
    import typing

    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is Literal:
        return value in arguments
    if origin is tuple:
        return isinstance(value, (tuple, list)) and all(_fits(item, arguments[0]) for item in value)
    if origin is dict:
        return isinstance(value, dict) and all(_fits(item, arguments[1]) for item in value.values())
    if arguments:
        return any(_fits(value, argument) for argument in arguments)
    if annotation is float:
        return isinstance(value, (int, float)) and not isinstance(value, bool) and not math.isnan(value)
    if annotation is int:
        return isinstance(value, int) and not isinstance(value, bool)
    return isinstance(value, annotation)


def _type_name(annotation: Any) -> str:
    return str(annotation if hasattr(annotation, "__args__") else annotation.__name__).replace("typing.", "")
