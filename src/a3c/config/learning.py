"""Settings of what is collected and how it is learned from."""

from dataclasses import dataclass, field
from typing import Literal

from a3c.config.setting import setting

ENVIRONMENTS = 16
SEGMENT_LENGTH = 16
"""What a worker has where nothing else is set or chosen: see `config/sizes.py`."""


@dataclass(frozen=True)
class RolloutSettings:
    """What workers collect between two updates."""

    envs_per_worker: int | None = setting(None, at_least=1, everyday="environments that each worker steps together")
    """Environments that each worker steps together, B. 1 is the form of the A3C paper; more is faster. Default: 16;
    where the steps of a segment would then take more than a second, and segment_length is not set either, fewer (but 16
    with a2c and inline, whose results hang on no clock)."""

    segment_length: int | None = setting(None, at_least=1, everyday="steps between two updates, T")
    """Steps each environment takes between two updates, T (t_max; 5 in the A3C paper, section 5). Default: 16
    (appo: 64; n-step-q and other action values: 5); where those of one environment would take more than a second, and
    envs_per_worker is not set either, fewer, at least 5."""

    segment_ends: Literal["steps", "episode"] = "steps"
    """A segment ends after segment_length steps, or also as soon as an episode ends (the paper's algorithm S3)."""

    n_step: int | None = setting(None, at_least=1)
    """Steps that every return reaches: segments then overlap by one step less, and each step is trained on once.
    Default: a return reaches to the end of its segment, as in the paper."""

    normalize_observations: bool | None = setting(None, everyday="by their running mean and deviation")
    """Shift and scale what is observed by its running mean and standard deviation: numbers and pixels, each by its own.
    They stay as they are when an agent is evaluated, and are part of its checkpoint. Default: numbers that a multilayer
    perceptron would see as they are; not pixels, grids, choices, nor what a network of your own sees."""

    normalize_rewards: bool | None = setting(None, everyday="by the deviation of discounted returns")
    """Divide training rewards by the running standard deviation of discounted returns (Engstrom et al. 2020). Value
    estimates can then learn returns of any size, as one learning rate suits them all. Default: unless reward_scale,
    reward_clip, termination_reward or normalize_returns say what rewards are learned from."""

    @property
    def overlap(self) -> int:
        """Rows that a segment has in common with the one before."""
        return (self.n_step or 1) - 1

    @property
    def default_sizes(self) -> tuple[int, int]:
        """Environments of a worker and steps of a segment, where nothing else is set or chosen."""
        return ENVIRONMENTS, SEGMENT_LENGTH

    @property
    def environments_each(self) -> int:
        """Environments of a worker, B."""
        return self.envs_per_worker or self.default_sizes[0]

    @property
    def segment_steps(self) -> int:
        """Steps of a segment, T."""
        return self.segment_length or self.default_sizes[1]

    @property
    def segment_size(self) -> int:
        """Steps of a segment over all environments of a worker."""
        return self.segment_steps * self.environments_each

    @property
    def has_default_sizes(self) -> bool:
        """Whether workers have the default number of environments, and segments the default length."""
        return (self.environments_each, self.segment_steps) == self.default_sizes


@dataclass(frozen=True)
class ObjectiveSettings:
    """Returns, advantages and the loss."""

    gamma: float = setting(0.99, at_least=0, at_most=1, everyday="discount factor")
    """Discount factor (Mnih et al. 2016, section 8)."""

    gae_lambda: float = setting(0.95, at_least=0, at_most=1)
    """Lambda of generalised advantage estimation (Schulman et al. 2016); 1 gives the paper's n-step returns."""

    restart_at_reward: bool = False
    """Returns end at a reward that is not 0: for games of points, such as Pong (Karpathy 2016)."""

    normalize_returns: bool = False
    """Shift and scale the returns of each segment to mean 0 and standard deviation 1, which the value estimates learn
    then."""

    normalize_advantages: bool = True
    """Shift and scale the advantages of each segment to mean 0 and standard deviation 1, so that the policy's part of
    the gradient is as large for rewards of any size. The value estimate's is not: see normalize_rewards. Not in the
    paper."""

    entropy_coefficient: float = setting(0.01, at_least=0, everyday="weight of the policy's entropy")
    """Weight of the policy's entropy, which is maximised (0.01 in Mnih et al. 2016)."""

    entropy_coefficient_final: float | None = setting(None, at_least=0)
    """Entropy weight at the end of annealing, reached linearly. Default: constant; with appo 0, where there is a limit
    on steps."""

    value_coefficient: float = setting(0.5, at_least=0)
    """Weight of the squared error of the value estimate (0.5 in Mnih et al. 2016)."""

    loss_reduction: Literal["mean", "sum"] = "mean"
    """Average the loss over the real steps of a segment, or sum it as the paper's accumulated gradients do."""


@dataclass(frozen=True)
class OptimizerSettings:
    """The optimizer that the workers share."""

    optimizer: str = setting("adam", everyday="adam, rmsprop, sgd, adamw, lion, ...")
    """Name of an Optax optimizer that treats each parameter by itself: adam, rmsprop (the paper's form, epsilon inside
    the square root), sgd, adamw, lion, ...; not those that look at whole layers, such as lamb, lars and adafactor."""

    optimizer_options: dict[str, float] = field(default_factory=dict[str, float])
    """Further arguments of the optimizer, as KEY VALUE pairs: decay 0.99 eps 0.1. rmsprop starts from those two,
    the paper's values."""

    learning_rate: float = setting(1e-3, above=0, everyday="step size of the optimizer")
    """Step size of the optimizer (about 7e-4, with rmsprop, in Mnih et al. 2016, figure 2)."""

    learning_rate_final: float | None = setting(None, at_least=0, everyday="the same at the end, reached linearly")
    """Learning rate at the end of annealing, reached linearly (0 in the paper). Default: constant; with appo 0, where
    there is a limit on steps."""

    anneal_steps: int | None = setting(None, at_least=1)
    """Steps over which learning rate and entropy weight are annealed. Default: the limit --steps."""

    max_gradient_norm: float = setting(0.5, at_least=0)
    """Global norm to which a gradient is clipped (40 in the paper, for summed losses); 0 turns clipping off."""

    locked: bool = False
    """Apply gradients one worker at a time under a lock, instead of lock-free (Hogwild!, Recht et al. 2011)."""


@dataclass(frozen=True)
class LearningSettings(OptimizerSettings, ObjectiveSettings, RolloutSettings):
    """All that a gradient is computed by."""


@dataclass(frozen=True)
class ExplorationSettings:
    """Actions besides those of the policy."""

    epsilon: tuple[float, ...] = setting((), at_least=0, at_most=1)
    """Probability of a uniformly random action, mixed into the policy: one value, or one per worker taken in turn.
    Default: none; with action values (n-step-q, one-step-q, one-step-sarsa, pqn) 1, annealed over 20,000 steps to 0.1,
    0.01 or 0.5."""

    epsilon_final: tuple[float, ...] = setting((), at_least=0, at_most=1)
    """Epsilon at the end of its annealing, one value or one per worker. Default: constant."""

    epsilon_anneal_steps: int | None = setting(None, at_least=1)
    """Steps over which epsilon is annealed linearly. Default: the limit --steps."""


@dataclass(frozen=True)
class ContinuousSettings:
    """Continuous actions."""

    action_bounds: Literal["clip", "tanh"] = "clip"
    """How continuous actions keep within their bounds, which are -1 and 1 to the policy: clip what it gives, or squash
    it by tanh (Haarnoja et al. 2018)."""

    action_std: Literal["learned", "state", "gsde"] = "learned"
    """Standard deviation of continuous actions: learned, a parameter for each number; state, an output of the network;
    gsde, noise that is a function of the state and smooth (Raffin et al. 2021), for which hold_noise is meant."""

    log_std: float | None = None
    """Logarithm of the standard deviation that training starts from. Default: 0, with gsde -2."""

    hold_noise: int = setting(1, at_least=1)
    """Steps that the noise in continuous actions is held for: what moves slowly is explored further."""
