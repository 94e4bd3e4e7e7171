"""Every setting of a training run: one dataclass whose fields are the command line's flags and `config.toml`."""

import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal

from a3c.checks import LEARNERS, MIN_BATCH, check_contradictions, check_ranges

SCHEMA_VERSION = 1
"""Version of `config.toml` and of the checkpoints; raised with a step in `runs/migrations.py` that older ones take."""
ENVIRONMENTS = 16
SEGMENT_LENGTH = 16
"""What a worker has where nothing else is set or chosen: see `sizes.py`."""


@dataclass(frozen=True)
class TrainConfig:
    """Settings of a run. Defaults are sound for small vector tasks; recipes hold tuned ones."""

    environment: str = ""
    """Gymnasium id such as CartPole-v1, or module:NAME, for an id that your module registers, its class, or a
    function in it that makes one; a module in the current folder too."""

    algorithm: Literal["a3c", "a2c", "ga3c", "impala", "random"] = "a3c"
    """What to train with: a3c, workers that learn without waiting; a2c, workers in step, reproducible; ga3c, actions
    and gradients in central batches, for a GPU; impala, workers that act and a learner that corrects for their lag;
    random, a baseline of uniformly random actions."""

    workers: int | None = None
    """Worker processes; ga3c and impala have a learner process beside them. Default: the cores this process may use
    (affinity and container limits)."""

    envs_per_worker: int | None = None
    """Environments that each worker steps together, B. 1 is the form of the A3C paper; more is faster. Default: 16;
    where a step takes more than 4 ms and segment_length is not set either, fewer, so that an update comes about every
    second (but 16 with a2c and inline, whose results hang on no clock)."""

    seed: int | None = None
    """Seed of everything random. Default: one is drawn and recorded in config.toml."""

    # When to stop: whichever limit is met first.
    steps: int | None = None
    """Stop after this many environment steps in total, over all workers and resumed runs."""

    episodes: int | None = None
    """Stop after this many finished episodes in total."""

    seconds: float | None = None
    """Stop after this many seconds of training, counted from the first update of this call or process: imports,
    environments and compiling come before it, for which two minutes are allowed."""

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
    """Keyword arguments for the environment, as KEY VALUE pairs; in Python any values."""

    hide: tuple[int, ...] = ()
    """Numbers of a vector observation that the agent is not shown, counted from 0: for studies of memory."""

    episodic_life: bool = False
    """Nothing is to be gained after a lost life, in environments that tell how many are left (Mnih et al. 2015).
    Episodes and their returns still are whole games."""

    reward_scale: float = 1.0
    """Factor on every training reward; reported returns stay the environment's own."""

    reward_clip: float | None = None
    """Clip training rewards to [-x, x] after scaling (1.0 in the A3C paper's Atari runs)."""

    termination_reward: float | None = None
    """Training reward given in place of the environment's at a step that terminates the episode."""

    # Frames: uint8 observations [H, W] or [H, W, C]. Defaults of Atari games in brackets.
    frame_skip: int | None = None
    """Frames that every action is repeated for. Default: 1 [what the id says, 4 in most]."""

    crop: tuple[int, ...] = ()
    """Rows and columns of a frame to keep: TOP BOTTOM LEFT RIGHT, where the last ones may be left out."""

    grayscale: bool | None = None
    """Turn colours into grey. Default: False [True]."""

    threshold: int | None = None
    """Turn pixels above this black and white: above it 255, else 0."""

    frame_size: tuple[int, ...] = ()
    """Reduce frames to this height and width, or to a square. Default: as they are [84]."""

    resize: Literal["area", "sample"] = "area"
    """Reduce frames by taking the mean of the area that a pixel covers, or by taking pixels at even distances."""

    frame_stack: int | None = None
    """Frames seen at once, the last of the same episode; the first of an episode is repeated. Default: 1 [4]."""

    pixel_mean: float = 0.0
    """What the network sees of a pixel (uint8 from 0 to 255) is (pixel - pixel_mean) / pixel_std."""

    pixel_std: float = 255.0
    """See pixel_mean. What hardly differs from its surroundings on a grey background is hard to learn from."""

    # Atari games: the protocol of Machado et al. 2018 (ALE/Pong-v5) or of Mnih et al. 2015 (PongNoFrameskip-v4).
    sticky_actions: float | None = None
    """Probability that a game repeats the action before instead. Default: 0.25 for ids of -v5 and -v0, 0 for -v4."""

    noop_max: int | None = None
    """A game starts with fewer than this many no-ops, drawn each time. Default: 30 without sticky actions, else 0."""

    max_pool: bool = True
    """Show the brighter of a game's last two frames in each pixel, as some things blink."""

    fire_reset: bool = True
    """Press FIRE at the start of games that have it."""

    full_action_space: bool = False
    """All 18 actions, instead of those that the game uses."""

    # Normalisation
    normalize_observations: bool = False
    """Shift and scale what is observed by its running mean and standard deviation: numbers and pixels, each by its own.
    They stay as they are when an agent is evaluated, and are part of its checkpoint."""

    normalize_rewards: bool = False
    """Divide training rewards by the running standard deviation of discounted returns (Engstrom et al. 2020). Value
    estimates can then learn returns of any size, as one learning rate suits them all."""

    # Segments and returns
    segment_length: int | None = None
    """Steps each environment takes between two updates, T (t_max; 5 in the A3C paper, section 5). Default: 16; where a
    step takes more than 60 ms and envs_per_worker is not set either, fewer, at least 5."""

    segment_ends: Literal["steps", "episode"] = "steps"
    """A segment ends after segment_length steps, or also as soon as an episode ends (the paper's algorithm S3)."""

    gamma: float = 0.99
    """Discount factor (Mnih et al. 2016, section 8)."""

    gae_lambda: float = 0.95
    """Lambda of generalised advantage estimation (Schulman et al. 2016); 1 gives the paper's n-step returns."""

    n_step: int | None = None
    """Steps that every return reaches: segments then overlap by n_step - 1 steps, each trained on once. Default: a
    return reaches to the end of its segment, as in the paper."""

    restart_at_reward: bool = False
    """Returns end at a reward that is not 0: for games of points, such as Pong (Karpathy 2016)."""

    normalize_returns: bool = False
    """Shift and scale the returns of each segment to mean 0 and standard deviation 1, which the value estimates learn
    then."""

    # Loss
    entropy_coefficient: float = 0.01
    """Weight of the policy's entropy, which is maximised (0.01 in Mnih et al. 2016)."""

    entropy_coefficient_final: float | None = None
    """Entropy weight at the end of annealing, reached linearly. Default: constant."""

    value_coefficient: float = 0.5
    """Weight of the squared error of the value estimate (0.5 in Mnih et al. 2016)."""

    normalize_advantages: bool = True
    """Shift and scale the advantages of each segment to mean 0 and standard deviation 1, so that the policy's part of
    the gradient is as large for rewards of any size. The value estimate's is not: see normalize_rewards. Not in the
    paper."""

    loss_reduction: Literal["mean", "sum"] = "mean"
    """Average the loss over the real steps of a segment, or sum it as the paper's accumulated gradients do."""

    # Optimizer
    optimizer: str = "adam"
    """Name of an Optax optimizer that treats each parameter by itself: adam, rmsprop (the paper's form, epsilon inside
    the square root), sgd, adamw, lion, ...; not those that look at whole layers, such as lamb, lars and adafactor."""

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
    min_batch: int | None = None
    """Steps that ga3c and impala train on at once, at least: as many segments as hold them are joined. Default: 256;
    where envs_per_worker is chosen smaller, what all workers collect in about a second."""

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

    # Continuous actions
    action_bounds: Literal["clip", "tanh"] = "clip"
    """How continuous actions keep within their bounds, which are -1 and 1 to the policy: clip what it gives, or squash
    it by tanh (Haarnoja et al. 2018)."""

    action_std: Literal["learned", "state", "gsde"] = "learned"
    """Standard deviation of continuous actions: learned, a parameter for each number; state, an output of the network;
    gsde, noise that is a function of the state and smooth (Raffin et al. 2021), for which hold_noise is meant."""

    log_std: float | None = None
    """Logarithm of the standard deviation that training starts from. Default: 0, with gsde -2."""

    hold_noise: int = 1
    """Steps that the noise in continuous actions is held for: what moves slowly is explored further."""

    # Network
    network: Literal["mlp", "a3c", "nature", "small", "grid"] | None = None
    """Layers: mlp, dense ones; a3c and nature, the convolutions of Mnih et al. 2016 and 2015; small, for about 40x40;
    grid, one of 3x3 without stride (Young and Tian 2019), for about 10x10. Default: what suits, which a run says."""

    input_layout: Literal["flat", "HW", "HWC", "CHW", "HWCS", "SHWC", "SCHW"] | None = None
    """Axes of what convolutions see: H rows, W columns, C channels, S frames; flat, none. Default: by the shape."""

    input_scaling: Literal["pixels", "bounds", "one_hot", "raw", "bytes"] | None = None
    """What a network is given of numbers: pixels, (pixel - pixel_mean) / pixel_std; bounds, 0 to 1 between the bounds
    of the space; one_hot, for whole numbers; raw, as they are; bytes, uint8 as pixels and all else as it is, with
    convolutions for uint8 [H, W, C] alone, as before runs recorded it. Default: what suits the space."""

    input_parts: dict[str, str] = field(default_factory=dict)
    """The same for parts of a Dict or Tuple, as PART NETWORK/LAYOUT/SCALING pairs, of which words may be left out:
    map grid/HWC/one_hot. Default: network, input_layout and input_scaling where they fit, else what suits each."""

    hidden: tuple[int, ...] | None = None
    """Width of each hidden layer; after convolutions, of the dense ones. Default: 64 64; after convolutions 256 (a3c),
    512 (nature), 128 (small, grid)."""

    activation: Literal["tanh", "relu", "elu"] | None = None
    """Activation after each hidden layer. Default: tanh, and relu in networks with convolutions."""

    shared_trunk: bool = False
    """Policy and value share the hidden layers; otherwise each has a tower of its own, which needs less tuning: large
    returns then cannot drown the policy's gradient. Networks with convolutions and recurrent ones always share them."""

    recurrent: Literal["lstm", "gru"] | None = None
    """A recurrent layer after the hidden ones, for environments that don't show all of their state: the agent then
    remembers what it has seen of an episode. It learns over the steps of a segment: make segment_length long enough."""

    recurrent_units: int | None = None
    """Width of the recurrent layer. Default: that of the layer before it."""

    # How it runs
    backend: Literal["processes", "inline"] = "processes"
    """Worker processes, or one worker in the calling process: for debugging, and exactly reproducible."""

    checkpoint_interval: float = 30.0
    """Seconds between two checkpoints; the last three are kept, besides the best."""

    report_interval: float = 1.0
    """Seconds between two rows of metrics.csv, which are also the points of TensorBoard."""

    tensorboard: bool = True
    """Write TensorBoard event files into the run folder."""

    def __post_init__(self) -> None:
        for name in ("epsilon", "epsilon_final", "hidden", "crop", "frame_size", "hide"):
            if getattr(self, name) is not None:
                object.__setattr__(self, name, tuple(getattr(self, name)))
        check_ranges(self)
        check_contradictions(self)

    def changed(self, names: Iterable[str]) -> list[str]:
        """Those of these settings that do not have their default."""
        return [name for name in names if getattr(self, name) != getattr(TrainConfig, name)]

    @property
    def has_learner(self) -> bool:
        """Whether a learner process trains, and the workers only act."""
        return self.algorithm in LEARNERS

    @property
    def processes(self) -> int:
        """Workers, and the learner where there is one; `workers` is filled in."""
        return (self.workers or 1) + self.has_learner

    @property
    def correction(self) -> str:
        """The lag correction that applies."""
        return self.lag_correction or {"impala": "vtrace", "ga3c": "epsilon"}.get(self.algorithm, "none")

    @property
    def overlap(self) -> int:
        """Rows that a segment has in common with the one before."""
        return (self.n_step or 1) - 1

    @property
    def environments_each(self) -> int:
        """Environments of a worker, B."""
        return self.envs_per_worker or ENVIRONMENTS

    @property
    def segment_steps(self) -> int:
        """Steps of a segment, T."""
        return self.segment_length or SEGMENT_LENGTH

    @property
    def has_default_sizes(self) -> bool:
        """Whether workers have the default number of environments, and segments the default length."""
        return (self.environments_each, self.segment_steps) == (ENVIRONMENTS, SEGMENT_LENGTH)

    @property
    def segments_per_batch(self) -> int:
        """Segments that a learner trains on at once."""
        return math.ceil((self.min_batch or MIN_BATCH) / (self.segment_steps * self.environments_each))

    @property
    def segments_that_may_wait(self) -> int:
        """How many segments the queue to a learner holds."""
        return self.queue_size or max(self.segments_per_batch, self.workers or 1)

    @property
    def anneals(self) -> bool:
        return self.learning_rate_final is not None or self.entropy_coefficient_final is not None


LIMITS = ("steps", "episodes", "seconds", "target_return")
"""The settings that end a run."""

MOST_EPISODE_STEPS = 100_000
"""Steps after which evaluation and play cut an episode: some never end, and some policies go round in circles."""

FRAME_SETTINGS = ("crop", "grayscale", "threshold", "frame_size", "resize", "frame_stack")
"""The settings that change frames."""

ATARI_SETTINGS = ("sticky_actions", "noop_max", "max_pool", "fire_reset", "full_action_space")
"""The settings that only Atari games have."""

CONTINUOUS_SETTINGS = ("action_bounds", "action_std", "log_std", "hold_noise")
"""The settings that only continuous actions have."""
