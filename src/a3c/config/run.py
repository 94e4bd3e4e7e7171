"""Settings of a run."""

from dataclasses import dataclass
from typing import Literal

from a3c.config.setting import setting

AMOUNTS = ("steps", "episodes", "seconds")
"""The settings that say how much is trained."""
LIMITS = (*AMOUNTS, "target_return")
"""The settings that end a run."""

CHECKPOINT_INTERVAL = 30.0
"""Seconds between two checkpoints where nothing else is set."""
REPORT_INTERVAL = 1.0
"""Seconds between two rows of metrics where nothing else is set."""
ROWS = 10_000
"""Steps between two rows of metrics that fall due by steps."""
BOUNDARIES, TIME_LIMITS = 100_000, 10
"""Steps between two boundaries where nothing else is set; and time limits that each environment has between them."""


LoggerName = Literal["tensorboard", "wandb", "trackio", "mlflow"]
"""Where a run can be logged, besides its own files."""


@dataclass(frozen=True)
class RunSettings:
    """How a run runs, and when it ends."""

    workers: int | None = setting(None, at_least=1, everyday="worker processes; by default all cores")
    """Worker processes; ga3c, impact and impala have a learner process beside them. Default: the cores this process may
    use (affinity and container limits)."""

    seed: int | None = setting(None, at_least=0, everyday="of everything random")
    """Seed of everything random. Default: one is drawn and recorded in config.toml."""

    steps: int | None = setting(None, at_least=1, everyday="stop after this many environment steps in total")
    """Stop after this many environment steps in total, over all workers and resumed runs."""

    episodes: int | None = setting(None, at_least=1, everyday="stop after this many episodes in total")
    """Stop after this many finished episodes in total."""

    seconds: float | None = setting(None, above=0, everyday="stop after this many seconds of training")
    """Stop after this many seconds of training, counted from the first update of this call or process: imports,
    environments and compiling come before it, for which two minutes are allowed."""

    target_return: float | None = setting(None, everyday="mean of 100 episodes that counts as solved")
    """Mean return of the last 100 training episodes that counts as solved.
    Default: the threshold registered with the environment, if any."""

    stop_when_solved: bool = True
    """Stop as soon as the target return is reached."""

    backend: Literal["processes", "inline"] = setting(
        "processes", everyday="processes, or one worker in this one, to debug"
    )
    """Worker processes, or one worker in the calling process: for debugging, and exactly reproducible."""

    worker_restarts: int = setting(3, at_least=0)
    """Workers that fail and are replaced, within 10 minutes; one more ends the run, and so does any with 0. Where one
    seed gives one result (one worker, a2c, ordered) all are, and go back to the last boundary; inline none is."""

    step_timeout: float = setting(60.0, at_least=0)
    """Seconds that a worker's environments may take for a step or a reset, all of them together, before the worker is
    replaced or the run ended; 0 waits for ever. At the start each of them has as many for being made and reset."""

    ordered: bool = setting(False, everyday="one seed, one result, though workers are asynchronous")
    """Workers are asynchronous, and yet one seed gives one result, bit for bit, however fast each of them is: they take
    turns to apply what they have computed (Langford, Smola and Zinkevich 2009). a2c and inline runs give one result
    anyway, and ga3c has no order."""

    checkpoint_steps: int | None = setting(None, at_least=0)
    """Steps between two boundaries of a run that gives one result (one worker, inline, a2c, ordered): all environments
    start anew there, with new seeds, and a run that was killed and resumed ends as one that was not, bit for bit; 0
    turns them off. An episode that is cut off there counts nowhere: let boundaries be many episodes apart. Default:
    100,000, or ten time limits for each environment where that is more."""

    checkpoint_interval: float = setting(CHECKPOINT_INTERVAL, above=0)
    """Seconds between two checkpoints, where there are no boundaries (checkpoint_steps); the last three are kept,
    besides the best."""

    report_interval: float = setting(REPORT_INTERVAL, above=0)
    """Seconds between two rows of metrics.csv, which are also the points of loggers. Where there are boundaries
    (checkpoint_steps) and nothing is set, a row falls due every 10,000 steps, so that it is the same in every run."""

    log: tuple[LoggerName, ...] = setting(("tensorboard",), again=True)
    """Where else to log what metrics.csv holds, one or several: tensorboard (event files in the run folder), wandb,
    trackio, mlflow. Given again, it adds to those before; without a name: nowhere. See docs/logging.md."""
