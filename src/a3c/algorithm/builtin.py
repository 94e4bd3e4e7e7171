"""The algorithms of this package as values, and how one is found by its name. Their loops are the files beside this."""

from dataclasses import dataclass, field, replace
from importlib.metadata import entry_points
from typing import Literal

from a3c.algorithm import Algorithm, LearnerSettings, OwnSettings, QueueSettings
from a3c.errors import SettingsError, brief, described, nearest
from a3c.modules import import_here

GROUP = "a3c.algorithms"
"""The entry-point group by which installed packages offer algorithms."""


@dataclass(frozen=True)
class GA3CSettings(LearnerSettings):
    """Settings of GA3C."""

    lag_correction: Literal["vtrace", "epsilon", "none"] = "epsilon"
    """What is done about segments that older parameters collected: V-trace, the epsilon in the logarithm (ga3c's
    default; Babaeizadeh et al. 2017), or nothing."""

    predictors: int = field(default=1, metadata={"at_least": 1})
    """Threads of ga3c's learner that answer workers with actions (Babaeizadeh et al. 2017, section 4)."""

    trainers: int = field(default=1, metadata={"at_least": 1})
    """Threads of ga3c's learner that train."""

    adjust_threads: bool = False
    """Let ga3c try a predictor or trainer more or less while it runs, and keep what trains faster (Babaeizadeh et al.
    2017, section 4)."""


@dataclass(frozen=True)
class IMPALASettings(LearnerSettings):
    """Settings of IMPALA."""

    lag_correction: Literal["vtrace", "epsilon", "none"] = "vtrace"
    """What is done about segments that older parameters collected: V-trace (impala's default), the epsilon in the
    logarithm (Babaeizadeh et al. 2017), or nothing."""

    forced_lag: int = field(default=0, metadata={"at_least": 0})
    """Updates by which impala's workers act behind its learner, besides the lag there is: for studies of policy lag."""

    @property
    def published_late(self) -> int:
        return self.forced_lag


@dataclass(frozen=True)
class APPOSettings(OwnSettings):
    """Settings of APPO."""

    passes: int = field(default=10, metadata={"at_least": 1})
    """How often each segment is learned from; the epochs of PPO (Schulman et al. 2017, algorithm 1)."""

    minibatch_size: int = field(default=128, metadata={"at_least": 1})
    """Steps that one of appo's gradients is computed from, about: a segment is shared out evenly. A recurrent policy
    learns from whole sequences, of one environment at least."""

    clip_range: float = field(default=0.2, metadata={"above": 0})
    """How far the probability of an action may have moved, as a ratio, until it is moved no further (Schulman et al.
    2017, equation 7)."""

    value_clip_range: float | None = field(default=None, metadata={"above": 0})
    """The same for the value estimate, in its own units. Default: it is not clipped."""

    target_kl: float = field(default=0.02, metadata={"at_least": 0})
    """How far a segment is to move the policy away from what collected it, as the mean of approximate Kullback-Leibler
    divergences in nats: beyond 1.5 times this its passes end, and a worker's steps become smaller (Rudin et al. 2021).
    0: all passes are made, with steps of the learning rate."""

    recompute_advantages: bool = False
    """Compute returns and advantages anew before each pass, with the values of then (Andrychowicz et al. 2021,
    section 3.5)."""

    advantages: Literal["gae", "vtrace"] = "gae"
    """Generalised advantage estimates, or V-trace's, which correct for what the policy has moved since (Espeholt et al.
    2018)."""

    @property
    def carries(self) -> frozenset[str]:
        return frozenset({"log_probs", "values"})

    def minibatches(self, steps: int) -> int:
        """Minibatches that a pass over so many steps has."""
        return max(1, round(steps / self.minibatch_size))

    def updates_from(self, steps: int) -> int:
        return self.passes * self.minibatches(steps)


@dataclass(frozen=True)
class IMPACTSettings(QueueSettings):
    """Settings of IMPACT."""

    buffer_size: int = field(default=1, metadata={"at_least": 1})
    """Batches that impact's learner keeps; a new one takes the place of the oldest (Luo et al. 2020, section 3.2). One
    takes the fewest steps on CartPole."""

    passes: int = field(default=4, metadata={"at_least": 1})
    """How often each of those batches is learned from."""

    clip_range: float = field(default=0.2, metadata={"above": 0})
    """How far the probability of an action may have moved, as a ratio, until it is moved no further (Schulman et al.
    2017, equation 7)."""

    worker_clip: float = field(default=2.0, metadata={"at_least": 1})
    """How many times as probable an action may count for the worker that took it as for the target network: rho (Luo et
    al. 2020, section 3.1)."""

    target_updates: int | None = field(default=None, metadata={"at_least": 1})
    """Updates after which impact's target network becomes a copy of the parameters. Default: as many as it takes to
    replace all batches, buffer_size times passes."""

    @property
    def carries(self) -> frozenset[str]:
        return frozenset({"log_probs"})

    @property
    def updates_per_batch(self) -> int:
        return self.passes

    @property
    def batches_before(self) -> int:
        return self.buffer_size - 1


@dataclass(frozen=True)
class QLearningSettings(OwnSettings):
    """Settings of n-step Q-learning, one-step Q-learning and one-step Sarsa."""

    target_interval: int = field(default=1000, metadata={"at_least": 1})
    """Steps, over all workers, after which the target network becomes a copy of the parameters. 10,000 in Mnih et al.
    2016 (section 8: 40,000 frames, four a step); tasks that take fewer steps learn with a newer one."""


@dataclass(frozen=True)
class PQNSettings(OwnSettings):
    """Settings of PQN."""

    q_lambda: float = field(default=0.65, metadata={"at_least": 0, "at_most": 1})
    """Lambda of the returns that pqn learns from: 0, a step and the value of the best action; 1, n-step returns (0.65
    in Gallici et al. 2024)."""


A3C = Algorithm(
    name="a3c",
    title="workers that learn without waiting",
    paper="Mnih et al. 2016, arXiv 1602.01783",
    worker="a3c.algorithms.a3c:run",
    orders=True,
    ships="deltas",
)
A2C = Algorithm(
    name="a2c",
    title="workers in step, reproducible",
    paper="Mnih et al. 2016, in step; Wu et al. 2017, arXiv 1708.05144",
    worker="a3c.algorithms.a2c:run",
    shares=("team",),
)
GA3C = Algorithm(
    name="ga3c",
    title="actions and gradients in central batches, for a GPU",
    paper="Babaeizadeh et al. 2017, arXiv 1611.06256",
    worker="a3c.algorithms.ga3c:run",
    learner="a3c.algorithms.ga3c:duties",
    settings=GA3CSettings,
    acts="learner",
    learns="learner",
    shares=("queue", "board"),
    # Each takes two descriptors, and a process starts with 256.
    most_workers=80,
)
IMPALA = Algorithm(
    name="impala",
    title="workers that act and a learner that corrects for their lag",
    paper="Espeholt et al. 2018, arXiv 1802.01561",
    worker="a3c.algorithms.impala:run",
    learner="a3c.algorithms.impala:duties",
    settings=IMPALASettings,
    learns="learner",
    shares=("queue", "published"),
    orders=True,
    ships="segments",
)
APPO = Algorithm(
    name="appo",
    title="workers that learn several times from what they collect",
    paper="Schulman et al. 2017, arXiv 1707.06347, asynchronous",
    worker="a3c.algorithms.appo:run",
    settings=APPOSettings,
    defaults={"segment_length": 64},
    anneals=True,
    diagnostics=("clip_fraction", "approximate_kl", "passes", "step_size"),
    orders=True,
    ships="deltas",
)
IMPACT = replace(
    IMPALA,
    name="impact",
    title="workers that act and a learner that learns several times from what they send",
    paper="Luo et al. 2020, arXiv 1912.00167",
    learner="a3c.algorithms.impact:duties",
    settings=IMPACTSettings,
    has_target_network=True,
    diagnostics=("clip_fraction", "approximate_kl", "passes"),
)
VALUE_DEFAULTS: dict[str, object] = {
    "segment_length": 5,
    "epsilon": (1.0,),
    "epsilon_final": (0.1, 0.01, 0.5, 0.1, 0.01, 0.5, 0.1, 0.01, 0.5, 0.1),
    "epsilon_anneal_steps": 20_000,
}
"""Segments of 5 steps (Mnih et al. 2016, section 8). The epsilons that are drawn there for each worker, with
probabilities of 0.4, 0.3 and 0.3, are shared out to them in turn here; there they are reached after 4 million frames
(section 5.1)."""
N_STEP_Q = Algorithm(
    name="n-step-q",
    title="action values, learned from n-step returns",
    paper="Mnih et al. 2016, algorithm S2",
    worker="a3c.algorithms.q_learning:n_step_q",
    settings=QLearningSettings,
    defaults=VALUE_DEFAULTS,
    diagnostics=("action_value", "epsilon"),
    network="action_values",
    has_target_network=True,
    orders=True,
    ships="deltas",
)
ONE_STEP_Q = replace(
    N_STEP_Q,
    name="one-step-q",
    title="action values, learned from the next step",
    paper="Mnih et al. 2016, algorithm 1",
    worker="a3c.algorithms.q_learning:one_step_q",
    looks_ahead=0,
)
ONE_STEP_SARSA = replace(
    N_STEP_Q,
    name="one-step-sarsa",
    title="action values of the policy that explores",
    paper="Mnih et al. 2016, section 4.2",
    worker="a3c.algorithms.q_learning:one_step_sarsa",
    # For the action that is taken next.
    looks_ahead=1,
)
PQN = Algorithm(
    name="pqn",
    title="action values from lambda-returns, without a target network",
    paper="Gallici et al. 2024, arXiv 2407.04811, asynchronous",
    worker="a3c.algorithms.q_learning:pqn",
    settings=PQNSettings,
    defaults={**VALUE_DEFAULTS, "layer_norm": True},
    diagnostics=N_STEP_Q.diagnostics,
    network="action_values",
    orders=True,
    ships="deltas",
)
RANDOM = Algorithm(
    name="random",
    title="a baseline of uniformly random actions",
    paper="none: what any agent has to beat",
    worker="a3c.algorithms.random:run",
    acts="nowhere",
    learns="nowhere",
    orders=True,
)

BUILT_IN = {
    algorithm.name: algorithm
    for algorithm in (A3C, A2C, APPO, GA3C, IMPACT, IMPALA, N_STEP_Q, ONE_STEP_Q, ONE_STEP_SARSA, PQN, RANDOM)
}


def find_algorithm(name: str) -> Algorithm:
    """The algorithm of that name: one of this package, of an installed one (entry points), or `module:NAME`.

    Raises SettingsError in one line.
    """
    if name in BUILT_IN:
        return BUILT_IN[name]
    if ":" in name:
        module, _, attribute = name.partition(":")
        try:
            found = getattr(import_here(module), attribute, None)
        except ModuleNotFoundError as error:
            raise SettingsError(
                f"algorithm {name}: there is no module {error.name!r}, neither installed nor in the current folder"
            ) from None
        except Exception as error:
            raise SettingsError(f"algorithm {name}: importing {module} failed: {described(error)}") from None
        return replace(_checked(found, name), reference=name)
    offered = {point.name: point for point in entry_points(group=GROUP)}
    if name in offered:
        try:
            found = offered[name].load()
        except Exception as error:
            raise SettingsError(
                f"algorithm {name}: importing {offered[name].value} failed: {described(error)}"
            ) from None
        return replace(_checked(found, name), reference=name)
    known = [*BUILT_IN, *offered]
    raise SettingsError(
        f"there is no algorithm {brief(repr(name))}{nearest(name, known)}; there are: {', '.join(known)}, and your own "
        "by module:NAME"
    )


def _checked(found: object, name: str) -> Algorithm:
    if not isinstance(found, Algorithm):
        what = "there is nothing of that name" if found is None else f"it is {brief(repr(found))}"
        raise SettingsError(f"{name} is no Algorithm: {what}")
    return found
