"""Whether groups of runs differ in what they reached, said as surely as their seeds allow.

In use:

    comparison = compare(groups)
    for verdict in comparison.verdicts:
        print(verdict.sentence)

Intervals are of 95%, by bootstrap over seeds, each group by itself; the interquartile mean and the probability of
improvement are those of Agarwal et al. 2021, "Deep Reinforcement Learning at the Edge of the Statistical Precipice".
With few seeds such an interval is too narrow (of two that do not overlap it is a point), so that a difference must also
pass the rank test of Mann and Whitney 1947 at 5%, over all ways to deal the runs out to the groups.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import NamedTuple

import numpy as np

from a3c.errors import SettingsError
from a3c.runs.groups import Group, differing
from a3c.runs.listing import ListedRun

RESAMPLES = 10_000
MOST_DEALS = 20_000
"""Ways to deal runs out to two groups that are gone through; where there are more, so many are drawn."""
SIGNIFICANT = 0.05


class Interval(NamedTuple):
    """An estimate and its interval of 95%."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.value:.2f} [{self.low:.2f}, {self.high:.2f}]"


@dataclass(frozen=True)
class Measure:
    """What groups are compared by: a number of each run; infinite where a run never reached the target."""

    name: str
    better: str
    """What one is whose numbers are better: better, or sooner."""
    values: list[np.ndarray]
    """Of each group, `[R]`."""

    @property
    def sign(self) -> int:
        """1 where more is better, -1 where less is."""
        return 1 if self.better == "better" else -1


@dataclass(frozen=True)
class Verdict:
    """What one measure says of the group that is best by it and another."""

    measure: str
    best: str
    other: str
    probability: Interval
    """That a run of the best is better than one of the other; ties count half."""
    chance: float
    """How probable it is that groups that are alike differ by as much: the p-value of the rank test."""
    differs: bool
    sentence: str


@dataclass(frozen=True)
class Comparison:
    """Groups of runs side by side."""

    groups: list[Group]
    settings: dict[str, list[str]]
    """Those that differ: of each group the value, or the values."""
    measures: list[Measure]
    verdicts: list[Verdict]
    remarks: list[str]
    """What was not compared, and why."""

    def reached(self, index: int) -> int | None:
        """How many of a group's runs reached the target; None where there is none."""
        found = [measure.values[index] for measure in self.measures if measure.better == "sooner"]
        return int(np.isfinite(found[0]).sum()) if found else None

    def results(self) -> list[list[str]]:
        """A row for each measure: its title, and of each group what it reached."""
        rows = [["seeds", *(str(len(group.runs)) for group in self.groups)]]
        for measure in self.measures:
            form = ",.0f" if measure.name == "steps to target" else ",.1f"
            middles = [middle(values) for values in measure.values]
            if measure.name == "steps to target":
                reached = [f"{self.reached(n)} of {len(group.runs)}" for n, group in enumerate(self.groups)]
                rows.append(["reached the target", *reached])
            rows.append(
                [f"{measure.name}, median", *(format(m, form) if math.isfinite(m) else "never" for m in middles)]
            )
            if measure.better == "better":
                intervals = [interquartile_interval(values) for values in measure.values]
                said = [
                    f"{one.value:,.1f} [{one.low:,.1f}, {one.high:,.1f}]" if len(values) > 1 else f"{one.value:,.1f}"
                    for one, values in zip(intervals, measure.values, strict=True)
                ]
                rows.append([f"{measure.name}, interquartile mean", *said])
        return rows


def compare(groups: Sequence[Group]) -> Comparison:
    """The groups, two at least, side by side. Runs that came to no end are left out, which a remark says. Raises
    SettingsError where of some group none is left."""
    remarks, ended = [], []
    for group in groups:
        runs = [run for run in group.runs if run.has_ended]
        if not runs:
            raise SettingsError(f"no run of {group.name} has ended yet: there is nothing to compare")
        remarks += [f"left out: {run.path}, {run.status}" for run in group.runs if run not in runs]
        ended.append(Group(group.name, runs))
    every = [run for group in ended for run in group.runs]
    settings = {name: [group.spelled(name) for group in ended] for name in differing(run.settings for run in every)}
    measures = _measures(ended, every)
    if len({run.get("environment") for run in every}) > 1:
        remarks.append("the environments differ, and with them what returns mean: no verdict")
        return Comparison(ended, settings, measures, [], remarks)
    most = max(len(group.runs) for group in ended)
    if most == 1:
        remarks.append(f"1 seed each can't tell: train {_needed(_significant(ended))} seeds of each")
        return Comparison(ended, settings, measures, [], remarks)
    left_out = set()
    if len({run.get("target_return") for run in every}) > 1:
        remarks.append("the targets differ: no verdict on how soon they were reached")
        left_out |= {"steps to target", "seconds to target"}
    elif len({repr(run.summary.get("machine")) for run in every}) > 1:
        remarks.append("the machines differ: no verdict on seconds")
        left_out |= {"seconds to target"}
    verdicts = [one for measure in measures if measure.name not in left_out for one in _verdicts(ended, measure)]
    return Comparison(ended, settings, measures, verdicts, remarks)


def _significant(groups: list[Group]) -> float:
    """The p-value of a difference between two of these groups: of several pairs, one could differ by chance."""
    return SIGNIFICANT / math.comb(len(groups), 2)


def _needed(significant: float) -> int:
    """Seeds that each of two groups needs for such a p-value."""
    return next(count for count in range(2, 100) if least_chance(count, count) <= significant)


def _measures(groups: list[Group], every: list[ListedRun]) -> list[Measure]:
    def of_each(name: str, better: str, values: dict[int, float | None]) -> Measure:
        numbers = [[values[id(run)] for run in group.runs] for group in groups]
        nothing = math.inf if better == "sooner" else math.nan
        return Measure(
            name, better, [np.array([nothing if one is None else one for one in of_group]) for of_group in numbers]
        )

    found = []
    if all(run.evaluated is not None for run in every):
        found.append(of_each("evaluated", "better", {id(run): run.evaluated for run in every}))
    elif all(run.summary.get("return_mean_100") is not None for run in every):
        found.append(of_each("last 100", "better", {id(run): run.summary["return_mean_100"] for run in every}))
    if any(run.summary.get("solved_at_step") is not None for run in every):
        for name, key in (("steps to target", "solved_at_step"), ("seconds to target", "solved_at_second")):
            found.append(of_each(name, "sooner", {id(run): run.summary.get(key) for run in every}))
    return found


def _verdicts(groups: list[Group], measure: Measure) -> list[Verdict]:
    """The best group by a measure against each of the others."""
    middles = [measure.sign * middle(values) for values in measure.values]
    # Of groups whose medians are equal, that which is better in more pairs with all others.
    pooled = np.concatenate(measure.values) * measure.sign
    wins = [probability(values * measure.sign, pooled) for values in measure.values]
    best = max(range(len(groups)), key=lambda index: (middles[index], wins[index]))
    significant = _significant(groups)
    return [
        _verdict(
            *(groups[best].name, groups[other].name, measure),
            *(measure.values[best], measure.values[other], significant),
        )
        for other in range(len(groups))
        if other != best
    ]


def _verdict(
    best: str, other: str, measure: Measure, ours: np.ndarray, theirs: np.ndarray, significant: float
) -> Verdict:
    ours, theirs = measure.sign * ours, measure.sign * theirs
    improved, chance = probability_interval(ours, theirs), rank_test(ours, theirs)
    differs = chance <= significant and improved.low > 0.5
    count, least = _seeds(len(ours), len(theirs)), least_chance(len(ours), len(theirs))
    if differs:
        sentence = f"{count}: {best} is {measure.better} than {other}, probability {improved}"
    elif least > significant:
        sentence = (
            f"{count} can't tell {best} from {other}: of two that are alike, one wins every pair by chance 1 time in "
            f"{1 / least:.0f}; train {_needed(significant)} seeds of each"
        )
    else:
        sentence = f"{count} show no difference: {best} is {measure.better} than {other} with probability {improved}"
    return Verdict(measure.name, best, other, improved, chance, differs, f"{measure.name}: {sentence}")


def _seeds(ours: int, theirs: int) -> str:
    if ours == theirs:
        return f"{ours} seed{'s' if ours != 1 else ''} each"
    return f"{ours} and {theirs} seeds"


def middle(values: np.ndarray) -> float:
    """The median; with values that are infinite it may be so too."""
    low, high = np.quantile(values, 0.5, method="lower"), np.quantile(values, 0.5, method="higher")
    return float(low if low == high else (low + high) / 2)


def interquartile_mean(values: np.ndarray) -> np.ndarray:
    """The mean of what is left without the lowest and the highest quarter, of the last axis; `[..., N]` -> `[...]`."""
    cut = values.shape[-1] // 4
    return np.sort(values, axis=-1)[..., cut : values.shape[-1] - cut].mean(axis=-1)


def interquartile_interval(values: np.ndarray) -> Interval:
    """The interquartile mean of a group's runs `[N]`."""
    drawn = np.random.default_rng(0).integers(len(values), size=(RESAMPLES, len(values)))
    return _interval(float(interquartile_mean(values)), interquartile_mean(values[drawn]))


def probability(ours: np.ndarray, theirs: np.ndarray) -> float:
    """That one of ours is more than one of theirs, over all pairs; ties count half."""
    return float(_wins(ours, theirs).mean())


def probability_interval(ours: np.ndarray, theirs: np.ndarray) -> Interval:
    """The same with its interval: runs of each group are drawn again among themselves."""
    generator, wins = np.random.default_rng(0), _wins(ours, theirs)
    # How often each run was drawn stands for the runs that were.
    mine, other = (
        generator.multinomial(count, np.full(count, 1 / count), size=RESAMPLES) / count for count in wins.shape
    )
    return _interval(float(wins.mean()), ((mine @ wins) * other).sum(axis=1))


def rank_test(ours: np.ndarray, theirs: np.ndarray) -> float:
    """The two-sided p-value of Mann and Whitney's test: how many ways to deal these numbers out to two groups of the
    same sizes set them as far apart. Exact where there are few ways, else over ways that are drawn."""
    everything, count = np.concatenate([ours, theirs]), len(ours)
    _, place, times = np.unique(everything, return_inverse=True, return_counts=True)
    # Numbers that are equal share the mean of their ranks.
    ranks = (np.cumsum(times) - (times - 1) / 2)[place]
    expected = ranks.mean() * count
    exact = math.comb(len(ranks), count) <= MOST_DEALS
    if exact:
        deals = np.array(list(combinations(range(len(ranks)), count)))
    else:
        generator = np.random.default_rng(0)
        deals = np.argsort(generator.random((MOST_DEALS, len(ranks))), axis=1)[:, :count]
    apart = abs(ranks[deals].sum(axis=1) - expected) >= abs(ranks[:count].sum() - expected) - 1e-9
    # Of those that are drawn the one that is there is one more.
    return float(apart.mean()) if exact else float((apart.sum() + 1) / (MOST_DEALS + 1))


def least_chance(ours: int, theirs: int) -> float:
    """The p-value of so many runs where each of one group is better than each of the other."""
    return min(1.0, 2 / math.comb(ours + theirs, ours))


def _wins(ours: np.ndarray, theirs: np.ndarray) -> np.ndarray:
    mine, other = ours[:, None], theirs[None, :]
    return (mine > other) + 0.5 * (mine == other)


def _interval(value: float, resampled: np.ndarray) -> Interval:
    low, high = np.quantile(resampled, (0.025, 0.975))
    return Interval(value, float(low), float(high))
