"""What sets one algorithm apart from another, as a value: all else in the package asks it, and nobody its name.

    SARSA = Algorithm("sarsa", "one-step Sarsa", "Mnih et al. 2016", worker="my_module:run", settings=SarsaSettings)

Looking at one takes no JAX: its loops are named, and loaded where they run, in `training/process.py`.
"""

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from a3c.errors import SettingsError, brief

MIN_BATCH = 256
"""Steps of a learner's batch where nothing else is set or chosen."""
MOST_WAITING = 32_768
"""Segments that a queue holds at most: their numbers fill a pipe."""

Shared = Literal["team", "queue", "board", "published"]
"""What processes may share beside the ParameterStore: see `sharing/exchange.py`."""
Ships = Literal["segments", "deltas", "none"]
"""What workers of other machines send: what they collected, or how far what they learned has moved the parameters."""
Learned = Literal["policy", "action_values"]
"""What a network gives: a policy and a value, or the value of each action, of which the policy takes the best."""


@dataclass(frozen=True)
class OwnSettings:
    """The settings that one algorithm has and others have not; their names differ from those of TrainConfig."""

    @property
    def carries(self) -> frozenset[str]:
        """Fields of a Segment that targets need and others do without: `log_probs`, and `values` beside them, of the
        policy that acted."""
        return frozenset()

    @property
    def published_late(self) -> int:
        """Updates by which the published parameters are to stay behind the learner's."""
        return 0

    @property
    def updates_per_batch(self) -> int:
        """Updates that a learner makes whenever a batch has come."""
        return 1

    def updates_from(self, steps: int) -> int:
        """Updates that are made from so many steps, collected by a worker or joined for a learner, at most."""
        return self.updates_per_batch

    @property
    def batches_before(self) -> int:
        """Batches that a learner gathers before it makes the first."""
        return 0


@dataclass(frozen=True)
class QueueSettings(OwnSettings):
    """Settings of algorithms with a learner process, which takes segments from a queue."""

    min_batch: int | None = field(default=None, metadata={"at_least": 1})
    """Steps that the learner trains on at once, at least: as many segments as hold them are joined. Default: 256;
    where envs_per_worker is chosen smaller, what all workers collect in about a second."""

    queue_size: int | None = field(default=None, metadata={"at_least": 1})
    """Segments that may wait for the learner before workers wait. Default: one batch, and at least one for each
    worker."""

    def segments_per_batch(self, steps: int) -> int:
        """Segments of so many steps that a learner trains on at once."""
        return math.ceil((self.min_batch or MIN_BATCH) / steps)

    def segments_that_may_wait(self, steps: int, workers: int) -> int:
        """How many segments of so many steps the queue to the learner holds."""
        return self.queue_size or max(self.segments_per_batch(steps), workers)


@dataclass(frozen=True)
class LearnerSettings(QueueSettings):
    """With those of learners that compute the gradient of the actor-critic loss, once from each segment."""

    lag_correction: Literal["vtrace", "epsilon", "none"] = "none"
    """What is done about segments that older parameters collected: V-trace (impala's default), the epsilon in the
    logarithm (ga3c's default; Babaeizadeh et al. 2017), or nothing."""

    rho_clip: float = field(default=1.0, metadata={"above": 0})
    """V-trace's clip of the importance ratios in its targets, rho-bar (Espeholt et al. 2018, section 4.1)."""

    c_clip: float = field(default=1.0, metadata={"above": 0})
    """V-trace's clip of the importance ratios that carry corrections back in time, c-bar."""

    log_epsilon: float = field(default=1e-6, metadata={"above": 0})
    """Epsilon in log(pi + epsilon), where lag_correction is epsilon (1e-6 in Espeholt et al. 2018, section 5.2.2)."""

    @property
    def carries(self) -> frozenset[str]:
        return frozenset({"log_probs"} if self.lag_correction == "vtrace" else ())


@dataclass(frozen=True)
class Algorithm:
    """All that sets one algorithm apart. Raises SettingsError for what doesn't go together."""

    name: str
    """What it is called on the command line, in files and folders."""
    title: str
    """What it does, in half a sentence, for help texts."""
    paper: str
    worker: str | Callable[..., None]
    """A worker's whole life, `run(worker)`: `module:function`, or the function."""
    learner: str | Callable[..., object] | None = None
    """What a learner does again and again, `duties(learner)` -> Duties; None where there is no learner process."""
    settings: type[OwnSettings] = OwnSettings
    acts: Literal["worker", "learner", "nowhere"] = "worker"
    """Where actions are chosen; nowhere, where they are drawn from the action space."""
    learns: Literal["worker", "learner", "nowhere"] = "worker"
    """Where gradients are computed."""
    shares: tuple[Shared, ...] = ()
    """What its processes share beside the parameters: `worker.exchange` has it."""
    ships: Ships = "none"
    """What its workers send from other machines, in stations of a cluster; none, where they have to be on this one."""
    network: Learned = "policy"
    """What its network gives: see `Learned`."""
    has_target_network: bool = False
    """Whether the ParameterStore has a target network, `snapshot.target`, which `store.renew_target` renews."""
    looks_ahead: int | None = None
    """Rows that a target needs behind its own: a segment begins with as many of the one before. By default, `n_step`
    says how many."""
    most_workers: int | None = None
    """How many workers it serves at most."""
    orders: bool = False
    """Whether its workers go by `worker.order`, reading and changing what is shared in their turns alone: they are
    asynchronous, and with `ordered` one seed gives one result."""
    defaults: Mapping[str, object] = field(default_factory=dict[str, object], compare=False)
    """What it takes for settings that every algorithm has, instead of their own defaults."""
    anneals: bool = False
    """Whether learning rate and entropy weight go to 0 until the limit on steps, where there is one and nothing else is
    set."""
    diagnostics: tuple[str, ...] = ()
    """What its gradients say of themselves besides DIAGNOSTICS, behind them: columns of `metrics.csv`."""
    reference: str = field(default="", compare=False)
    """The module and name by which it was found, if it was; what the files of a run call it."""

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[a-z0-9][a-z0-9_-]*", self.name):
            raise SettingsError(f"{brief(repr(self.name))} is no name of an algorithm: use small letters and digits")
        if (self.learner is not None) != (self.learns == "learner"):
            raise SettingsError(f"algorithm {self.name}: give `learner` where `learns` is 'learner', and only there")
        if self.has_learner and not (issubclass(self.settings, QueueSettings) and "queue" in self.shares):
            raise SettingsError(
                f"algorithm {self.name}: a learner needs 'queue' in `shares`, and settings that QueueSettings is a "
                "base of, as it is of LearnerSettings"
            )
        if self.ships == "segments" and not {"queue", "published"} <= {*self.shares}:
            raise SettingsError(f"algorithm {self.name}: who ships segments needs 'queue' and 'published' in `shares`")
        if self.ships == "deltas" and (self.learns != "worker" or self.in_step):
            raise SettingsError(f"algorithm {self.name}: who ships deltas needs workers that learn, each by itself")
        if (self.acts == "learner") != ("board" in self.shares):
            raise SettingsError(f"algorithm {self.name}: `acts` is 'learner' where 'board' is in `shares`")

    def __str__(self) -> str:
        return self.name

    @property
    def has_learner(self) -> bool:
        """Whether a learner process trains, and the workers only act."""
        return self.learns == "learner"

    @property
    def in_step(self) -> bool:
        """Whether workers wait for one another, so that one seed gives one result whatever the clock says."""
        return "team" in self.shares

    @property
    def recorded(self) -> str:
        """What a run's files call it."""
        return self.reference or self.name
