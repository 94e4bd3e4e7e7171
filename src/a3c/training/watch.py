"""The Watch looks at a run's updates, and says in a line what keeps it from learning and which setting helps.

Value estimates start around 0 and move by about the learning rate: to returns of thousands they never come, and returns
of a millionth they never tell from their own noise. The policy then learns from advantages that are mostly wrong.
"""

import math

from a3c.config import TrainConfig
from a3c.config.sizes import FEW_UPDATES, UPDATE_WITHIN, few_updates, flags_for, steps_of_an_update
from a3c.roles.messages import Report

WINDOW = 25
"""Updates over which means are taken. Those of the first are left out: everything is still new to the critic."""
LARGE_ERROR = 10.0
"""Error of the value estimates beyond which returns are too large for them. With rewards of 1 and segments of 16 it is
6.4 at the start, which can be learned from; on Hopper it is 13."""
ORDINARY = 1.0
"""Rewards up to this are of the size that settings are made for: a policy learns from them before the critic does."""
EXPLAINED = 0.2
"""Explained variance below which the value estimates have learned nothing."""
SMALL_AFTER = 100
"""Updates that value estimates have to come down from their first values, before rewards are called too small."""
FURTHEST = 100.0
"""Returns are at most about so many rewards."""
LARGE_OBSERVATION = 100.0
"""Numbers beyond this saturate a first layer whose weights are made for numbers of about 1."""
SETTLED = 0.05
"""Share of the largest entropy below which a policy explores no more."""
EARLY = 0.5
"""Share of a run before whose end that is worth a remark: later policies may well be sure."""
SLOW = 2 * UPDATE_WITHIN
"""Seconds between two updates that are too many."""
LOOK_AFTER = 5.0
"""Seconds after the first update after which the pace is looked at."""


class Watch:
    """Of one run. Each remark comes once."""

    def __init__(
        self,
        config: TrainConfig,
        counts: dict[str, int],
        own_network: bool = False,
        largest_entropy: float | None = None,
    ):
        """`counts` are those that the run starts with; `own_network` is one that may scale what it sees itself;
        `largest_entropy` is that of a policy which chooses among actions."""
        self._config = config
        self._new = counts["steps"] == 0
        self._learns = config.algorithm.learns != "nowhere"
        self._size_seen = config.rewards_are_normalized or not self._learns
        self._scale_seen = config.normalize_observations is not False or own_network or not self._learns
        self._pace_seen = not self._learns
        # With epsilon, actions are explored whatever the policy is sure of.
        self._largest_entropy = None if config.epsilon else largest_entropy
        self._entropies, self._told = 0.0, 0
        self._before, self._began, self._reported = counts["updates"], counts["updates"], 0
        self._error, self._explained, self._largest = 0.0, 0.0, 0.0
        self._first: tuple[float, int] | None = None

    def begin(self) -> list[str]:
        """What the limits alone say; nothing of a run that goes on, which has had updates."""
        line = few_updates(self._config) if self._new else None
        return [line] if line else []

    def see(self, report: Report, updates: int, now: float, fraction: float = 0.0) -> list[str]:
        """What there is to say after a report; `updates` are those of the whole run until then, and `fraction` is how
        much of its limits they are."""
        lines = [
            self._scale(report),
            self._size(report, updates),
            self._exploration(report, fraction),
            self._pace(updates, now),
        ]
        return [line for line in lines if line]

    def end(self, updates: int) -> list[str]:
        """What there is to say of a run that has reached its limit, if that was too soon to be seen before."""
        seconds = self._config.seconds
        if self._pace_seen or not self._new or seconds is None or updates >= FEW_UPDATES:
            return []
        few = f"{_counted(updates)}, and a network hardly learns by fewer than {FEW_UPDATES}"
        return [f"`seconds` {seconds:g} were {few}: give it longer"]

    def _scale(self, report: Report) -> str | None:
        """Whether observations are too large for a network, as prices are."""
        if self._scale_seen or report.largest_observation <= LARGE_OBSERVATION:
            return None
        self._scale_seen = True
        return (
            f"observations reach {report.largest_observation:.4g}, and networks learn from numbers of about 1: "
            "`normalize_observations`"
        )

    def _size(self, report: Report, updates: int) -> str | None:
        """Whether rewards are too large or too small for the value estimates."""
        if self._size_seen:
            return None
        self._largest = max(self._largest, report.largest_reward)
        if "value_loss" in report.diagnostics:
            self._reported += report.updates
            self._error += report.updates * report.diagnostics["value_loss"]
            # Where returns hardly vary it falls without bound.
            self._explained += report.updates * max(report.diagnostics["explained_variance"], -1.0)
        # With a2c every worker reports each update.
        if self._reported == 0 or updates - self._began < WINDOW:
            return None
        error, explained = math.sqrt(self._error / self._reported), self._explained / self._reported
        largest, seen, first = self._largest, updates - self._before, self._began == self._before
        self._began, self._reported, self._error, self._explained = updates, 0, 0.0, 0.0
        if first:
            return None
        furthest = min(1 / (1 - self._config.gamma), FURTHEST) if self._config.gamma < 1 else FURTHEST
        if error > LARGE_ERROR and largest > ORDINARY and explained < EXPLAINED:
            what, size = "large", error
        elif 0 < largest * furthest < error and seen >= SMALL_AFTER:
            what, size = "small", largest
        else:
            return None
        self._size_seen = True
        scale = float(f"{self._config.reward_scale / size:.0e}")
        return (
            f"rewards are too {what} for the value estimates, which after {seen} updates are wrong by {error:.2g} "
            f"and tell nothing: `normalize_rewards`, or `reward_scale` {scale:g}"
        )

    def _exploration(self, report: Report, fraction: float) -> str | None:
        """Whether the policy is sure of all that it does while much of the run is to come."""
        largest, entropy = self._largest_entropy, report.diagnostics.get("entropy")
        if largest is None or entropy is None or fraction > EARLY:
            return None
        self._entropies, self._told = self._entropies + report.updates * entropy, self._told + report.updates
        if self._told < WINDOW:
            return None
        mean, self._entropies, self._told = self._entropies / self._told, 0.0, 0
        if mean >= SETTLED * largest:
            return None
        self._largest_entropy = None
        more = float(f"{10 * (self._config.entropy_coefficient or 0.001):.0e}")
        return (
            f"the policy hardly explores any more: its entropy is {mean:.2g}, and {largest:.2g} where all actions are "
            f"as likely. If returns stand still from here on: `entropy_coefficient` {more:g}"
        )

    def _pace(self, updates: int, now: float) -> str | None:
        """Whether updates come often enough, in themselves and for a limit on seconds."""
        config = self._config
        if self._pace_seen or not updates:
            return None
        if self._first is None:
            self._first = now, updates
        passed, since = now - self._first[0], updates - self._first[1]
        if since == 0 or passed < min(LOOK_AFTER, (config.seconds or math.inf) / 4):
            return None
        self._pace_seen = True
        every = passed / since
        flags = flags_for(config, every * config.workers_of_all / steps_of_an_update(config))
        expected = round(config.seconds / every) if config.seconds else FEW_UPDATES
        if self._new and expected < FEW_UPDATES:
            few = f"{_counted(expected)}, one every {every:.2g} s, and a network hardly learns by fewer than"
            what = f"{FEW_UPDATES}: give it longer{f', or {flags}' if flags else ''}"
            return f"`seconds` {config.seconds:g} will be about {few} {what}"
        if every > SLOW and flags and config.has_default_sizes:
            return f"updates come only every {every:.2g} s: {flags} makes that about {UPDATE_WITHIN:g} s"
        return None


def _counted(updates: int) -> str:
    return f"{updates} update{'s' if updates != 1 else ''}"
