"""Training: from a configuration to a trained agent, with or without a run folder.

The main process makes the ParameterStore, starts the workers, and until a limit is reached only watches: reports go to
the Monitor. It needs no accelerator and runs no network meanwhile.
"""

import dataclasses
import importlib
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from a3c.algorithms import worker_process
from a3c.algorithms.a3c import entropy_coefficient_of, learning_rate_of
from a3c.config import TrainConfig, available_cores
from a3c.environments.making import EnvironmentFactory, EnvironmentMaker
from a3c.environments.spaces import describe_space
from a3c.errors import A3CError, SettingsError
from a3c.learning.optimizers import SharedOptimizer
from a3c.parallel.parameter_store import ParameterStore
from a3c.parallel.supervisor import Supervisor
from a3c.parallel.worker import Report, Worker, WorkerTask
from a3c.policy import NetworkFactory, Policy
from a3c.runs.checkpoint import Checkpoint, worker_seeds
from a3c.runs.folder import RunFolder
from a3c.runs.monitor import Monitor
from a3c.runs.progress import Display, NoDisplay, Progress


@dataclass(frozen=True)
class Setup:
    """A task made ready: what to train, on what, from where. Made before anything is written."""

    environments: EnvironmentMaker
    policy: Policy
    optimizer: SharedOptimizer
    start: Checkpoint


@dataclass(frozen=True)
class Result:
    """What `learn` gives back."""

    summary: dict[str, Any]
    """What `summary.json` holds: status, steps, episodes, seconds, returns, ..."""
    latest: Checkpoint
    best: Checkpoint
    run: Path | None

    @property
    def solved(self) -> bool:
        return self.summary["status"] == "solved"


def prepare(
    config: TrainConfig,
    environment: EnvironmentFactory | None = None,
    network: NetworkFactory | None = None,
    checkpoint: Checkpoint | None = None,
) -> Setup:
    """Checks everything that can be wrong, and fills in what was left to choose: workers, seed, target.

    Raises SettingsError, InvalidEnvironment, UnsupportedSpace, CheckpointError.
    """
    maker = EnvironmentMaker(environment or config.environment, config.env_kwargs, config.max_episode_steps)
    if checkpoint is not None and network is None and checkpoint.own_network:
        raise SettingsError("this checkpoint was trained with a network of your own: give it again with network=")
    config = resolve(config, maker)
    observation_space, action_space = maker.spaces()
    policy = Policy.make(observation_space, action_space, config, network)
    optimizer = SharedOptimizer(config.optimizer, config.optimizer_options, policy.size)
    if checkpoint is None:
        spaces = {"observation": describe_space(observation_space), "action": describe_space(action_space)}
        checkpoint = Checkpoint(
            config,
            policy.initial_parameters,
            optimizer.initial_state(),
            spaces,
            own_environment=environment is not None,
            own_network=network is not None,
        )
    else:
        checkpoint.check_fits(observation_space, action_space, policy.size)
        checkpoint = dataclasses.replace(checkpoint, config=config)
        if checkpoint.optimizer_state.shape != (optimizer.rows, optimizer.size):
            checkpoint.optimizer_state = optimizer.initial_state()
    return Setup(maker, policy, optimizer, checkpoint)


def resolve(config: TrainConfig, maker: EnvironmentMaker) -> TrainConfig:
    """The configuration with workers, seed and target filled in."""
    workers = 1 if config.backend == "inline" else config.workers or available_cores()
    seed = int(np.random.SeedSequence().entropy) % 2**31 if config.seed is None else config.seed  # type: ignore[arg-type, operator]
    spec = maker.spec
    target = config.target_return
    if target is None and spec is not None:
        target = spec.reward_threshold
    return dataclasses.replace(config, environment=maker.name, workers=workers, seed=seed, target_return=target)


def train(
    setup: Setup,
    *,
    folder: RunFolder | None = None,
    display: Display | None = None,
    callback: Callable[[Progress], bool | None] | None = None,
    started: float | None = None,
) -> Result:
    """Runs until a limit is reached. `started` is when seconds began to count, on `time.monotonic`.

    Raises:
        SettingsError: no limit would ever end the run.
        WorkerError: a worker raised or died. The run folder, checkpoints included, is complete up to then.
        DiskError: a file could not be written.
        KeyboardInterrupt: on Ctrl-C or SIGTERM, after saving.
    """
    config = setup.start.config
    config.check_ends()
    store = ParameterStore(
        setup.start.parameters,
        setup.optimizer,
        config.workers or 1,
        optimizer_state=setup.start.optimizer_state,
        counts=setup.start.counts,
        shared=config.backend == "processes",
        locked=config.locked,
    )
    seeds = worker_seeds(config, setup.start.counts["steps"], config.workers or 1)
    tasks = [
        WorkerTask(index, config, setup.environments, setup.policy, store, seed) for index, seed in enumerate(seeds)
    ]
    started = time.monotonic() if started is None else started
    monitor = Monitor(setup.start, store, folder, display or NoDisplay(), started, callback, annealed)
    with _interruptible() as interrupted:
        try:
            if config.backend == "inline":
                _run_inline(tasks[0], monitor, interrupted)
            else:
                _run_processes(tasks, monitor, interrupted)
            monitor.report()
        except BaseException as error:
            store.stop()
            with suppress(A3CError):
                status = "interrupted" if isinstance(error, KeyboardInterrupt) else "failed"
                monitor.finish(status, str(error) or type(error).__name__)
            raise
        status = "finished"
        if monitor.solved_at_step is not None:
            status = "solved"
        elif interrupted.is_set():
            status = "interrupted"
        monitor.finish(status)
        if folder is not None:
            _draw_curve(folder)
    result = Result(monitor.summary(status), monitor.checkpoint(), monitor.best_checkpoint(), folder and folder.path)
    if interrupted.is_set():
        raise Interrupted(result)
    return result


class Interrupted(KeyboardInterrupt):
    """Ctrl-C or SIGTERM, after everything was saved; carries the result up to then."""

    def __init__(self, result: Result):
        super().__init__("interrupted")
        self.result = result


def _run_processes(tasks: list[WorkerTask], monitor: Monitor, interrupted: threading.Event) -> None:
    with Supervisor(worker_process.main, tasks) as supervisor:
        while supervisor.alive and not monitor.done and not interrupted.is_set() and not monitor.store.stopping:
            for report in supervisor.reports(monitor.wait_at_most()):
                monitor.receive(report)
            monitor.tick()
        monitor.store.stop()
        for report in supervisor.finish():
            monitor.receive(report)


def _run_inline(task: WorkerTask, monitor: Monitor, interrupted: threading.Event) -> None:
    def send(report: Report) -> None:
        monitor.receive(report)
        monitor.tick()
        if monitor.done or interrupted.is_set():
            monitor.store.stop()

    worker = Worker(task, send, report_every=0.0)
    importlib.import_module(f"a3c.algorithms.{task.config.algorithm}").run(worker)
    worker.flush()


def annealed(config: TrainConfig, step: int) -> dict[str, float]:
    """The annealed coefficients at this step, for the metrics."""
    return {
        "learning_rate": learning_rate_of(config, step),
        "entropy_coefficient": entropy_coefficient_of(config, step),
    }


def _draw_curve(folder: RunFolder) -> None:
    from a3c.runs.plots import plot_curve

    # A run that ended before its first episode has no curve, which is not worth failing for.
    with suppress(A3CError):
        plot_curve(folder)


@contextmanager
def _interruptible() -> Iterator[threading.Event]:
    """Sets the event on the first Ctrl-C or SIGTERM; a second one interrupts at once."""
    event = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield event
        return

    def handle(number: int, frame: Any) -> None:
        if event.is_set():
            raise KeyboardInterrupt
        event.set()

    before = {number: signal.signal(number, handle) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield event
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
