"""What a run and repeats come to, as `summary.json` and `repeats.json` hold it. None: there is nothing to say."""

from typing import NotRequired, TypedDict


class Machine(TypedDict):
    """What a run was on."""

    system: str
    processor: str
    cores: int


class Figure(TypedDict):
    """What the best model came to in whole episodes that it was not chosen by."""

    step: int
    """Of the run, at which it was as it is."""
    policy: str
    """How it played, and is to be played: greedy or sampled."""
    mean: float
    std: float
    min: float
    max: float
    episodes: int


class StationSummary(TypedDict):
    """What one station of a cluster came to, with those that it replaced, since the run was begun or resumed."""

    host: str
    workers: int
    steps: int
    steps_per_second: float | None
    policy_lag: float | None
    bytes_per_step: float | None
    """That were sent, both ways."""
    restarts: int
    worker_restarts: int
    """Workers that failed there and were replaced; the run's own number counts those of all stations."""


class Summary(TypedDict):
    """What a run came to."""

    status: str
    """solved, finished, interrupted or failed."""
    algorithm: str
    environment: str
    seed: int | None
    workers: int | None
    steps: int
    episodes: int
    updates: int
    startup_seconds: float | None
    """Until the first update."""
    wall_seconds: float
    """Since the process started, and in the runs that it continues: start-up and the evaluation at the end included."""
    training_seconds: float
    """The same until training ended: without the evaluation at the end."""
    steps_per_second: float | None
    return_mean_100: float | None
    """Of the last 100 episodes; None where there are fewer."""
    best_return_mean_100: float | None
    target_return: float | None
    solved_at_step: int | None
    solved_at_second: float | None
    best_evaluation: Figure | None
    """Of a solved run those episodes that confirmed it; None where no evaluation was due."""
    evaluations: int
    """Rows of `evaluations.csv`."""
    confirmations_failed: int
    """How often training had reached the target, and evaluation did not confirm it."""
    policy_lag: float | None
    stop_reason: str | None
    """Why a callback ended it."""
    worker_restarts: int
    """Workers that failed and were replaced, alone or with all others, since it was begun or resumed."""
    skipped_updates: int
    """Updates that were not finite."""
    reproducible: bool
    """Whether the same seed and settings give the same parameters, bit for bit, however fast anything is."""
    reproducible_why_not: str | None
    remarks: list[str]
    """What was said of it while it ran."""
    versions: dict[str, str]
    machine: Machine
    stations: NotRequired[list[StationSummary]]
    """With a cluster."""
    info: NotRequired[dict[str, float | None]]
    """Means over the last 100 episodes, by the keys of `track_info`."""
    error: NotRequired[str]
    """Why it failed."""


class Measures(TypedDict):
    """What seeds are compared by."""

    steps: float | None
    seconds: float | None
    """Until training ended: the `training_seconds` of its summary."""
    return_mean_100: float | None
    best_return_mean_100: float | None
    best_evaluation: float | None
    """The mean of what the best model came to in whole episodes; None where no evaluation was due."""
    solved_at_step: float | None
    solved_at_second: float | None


class SeedSummary(Measures):
    """What one seed came to."""

    seed: int
    status: str | None


class RepeatsSummary(TypedDict):
    """What all seeds came to."""

    environment: str
    algorithm: str
    recipe: str | None
    workers: int | None
    target_return: float | None
    repeats: int
    solved: int
    """How many seeds were."""
    median: Measures
    worst: Measures
    seeds: list[SeedSummary]
    versions: NotRequired[dict[str, str] | None]
    machine: NotRequired[Machine | None]
