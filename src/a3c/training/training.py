"""Training: from a configuration to a trained agent, with or without a run folder.

The main process makes the ParameterStore, starts the workers, and until a limit is reached only watches: reports go to
the Monitor. It imports no JAX for that.
"""

import threading
import time
from collections.abc import Callable, Sequence
from contextlib import closing, nullcontext, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from a3c.config import TrainConfig
from a3c.config.checks import check_ends
from a3c.config.making import number
from a3c.config.run import LIMITS
from a3c.config.schedules import with_limits
from a3c.environments.generators import GlobalGenerators
from a3c.environments.spaces import Layout
from a3c.errors import A3CError, OutputError, RunFolderError, WorkerError, described
from a3c.interruption import interruption
from a3c.learning.snapshot import Snapshot
from a3c.machine import available_cores
from a3c.notebook import table
from a3c.processes.alarm import Rang
from a3c.processes.pulse import Pulse
from a3c.roles.messages import PackedWork, Report, Task
from a3c.runs.checkpoint import Checkpoint, worker_seeds
from a3c.runs.files import disk_errors
from a3c.runs.folder import RunFolder
from a3c.runs.summaries import Summary
from a3c.sharing.exchange import Exchange, make_exchange
from a3c.sharing.parameter_store import ParameterStore
from a3c.sharing.target import episodes_to_wait
from a3c.training import process as worker_process
from a3c.training.callbacks import Callback, Events
from a3c.training.evaluators import EvaluatorProcess, EvaluatorProcesses, Evaluators, InlineEvaluator
from a3c.training.hangs import hurried, watched
from a3c.training.loggers import Loggers, make_loggers
from a3c.training.loggers.logger import Logger
from a3c.training.monitor import Monitor
from a3c.training.progress import Display, NoDisplay
from a3c.training.restarting import GoBack, Restarts
from a3c.training.supervisor import Supervisor

if TYPE_CHECKING:
    from a3c.roles.worker import Work


@dataclass(frozen=True)
class Result:
    """What `learn` gives back."""

    summary: Summary
    """What `summary.json` holds."""
    latest: Checkpoint
    """With the parameters that training ended with, which the agent has now."""
    best: Checkpoint
    """With those that were the best evaluated, or at the best mean of 100 episodes where nothing was evaluated: those
    that the agent takes on by `agent.load_best()`."""
    run: Path | None
    """The run folder, where there is one."""

    @property
    def solved(self) -> bool:
        return self.summary["status"] == "solved"

    @property
    def stop_reason(self) -> str | None:
        """Why a callback ended the run; None where none did."""
        return self.summary["stop_reason"]

    def __repr__(self) -> str:
        """Short, as it is printed where nobody asked for it; all there is to know is in the fields."""
        summary, mean = self.summary, self.summary["return_mean_100"]
        last = "" if mean is None else f", mean return of the last 100 {mean:.1f}"
        if (figure := summary["best_evaluation"]) is not None:
            last += f", best evaluated {figure['mean']:.1f} at step {figure['step']:,}"
        where = "" if self.run is None else f", in {self.run}"
        return (
            f"<Result: {summary['status']}, {summary['steps']:,} steps, {summary['episodes']:,} episodes{last}{where}>"
        )

    def _repr_html_(self) -> str:
        summary = self.summary
        mean, best, figure = summary["return_mean_100"], summary["best_return_mean_100"], summary["best_evaluation"]
        rows = {
            "status": summary["status"],
            "stopped": summary["stop_reason"],
            **{name: summary[name] for name in ("steps", "episodes", "updates")},
            "seconds": f"{summary['training_seconds']:.1f}",
            "mean return of the last 100": None if mean is None else f"{mean:.1f}",
            "best mean of 100": None if best is None else f"{best:.1f}",
            "target": summary["target_return"],
            "best evaluated": None
            if figure is None
            else f"{figure['mean']:.1f} +- {figure['std']:.1f}, {figure['policy']}, of step {figure['step']:,}",
            "solved at step": summary["solved_at_step"],
            "run folder": self.run,
            "remarks": "; ".join(summary["remarks"]) or None,
        }
        return table(f"{summary['algorithm']} on {summary['environment']}, seed {summary['seed']}", rows)


def limits_of_call(start: Checkpoint, limits: dict[str, Any]) -> TrainConfig:
    """The settings with the limits of one call of `learn`. Those on steps and episodes count from where it starts."""
    config = start.config
    given = {name: value if value is None else number(name, value) for name, value in limits.items()}
    if all(value is None for value in given.values()):
        given = {name: getattr(config, name) for name in LIMITS}
    if given["target_return"] is None:
        given["target_return"] = config.target_return
    for name in ("steps", "episodes"):
        value = given[name]
        given[name] = value if value is None else value + start.counts[name]
    return with_limits(config, given, start.counts["steps"])


def train(
    start: Checkpoint,
    work: "Work | PackedWork",
    *,
    folder: RunFolder | None = None,
    display: Display | None = None,
    heading: str = "",
    callbacks: Sequence[Callback] = (),
    started: float | None = None,
) -> Result:
    """Runs until a limit is reached.

    Args:
        start: where training starts, with the configuration resolved.
        work: what workers work with, from `preparing`; packed for worker processes, as it is for the inline backend.
        folder: where to write the run; without it nothing is written.
        display: where to show progress.
        heading: a line to show before it.
        callbacks: what is told while it runs.
        started: when seconds began to count, on `time.monotonic`; now by default.

    Raises:
        SettingsError: no limit would ever end the run.
        WorkerError: a worker raised, died or hung, and was not replaced. The run folder, checkpoints included, is
            complete up to then.
        DiskError: a file could not be written.
        OutputError: progress could not be shown, after saving.
        KeyboardInterrupt: on Ctrl-C, SIGTERM or SIGHUP, after saving; a second one ends at once.
    """
    check_ends(start.config)
    display, started = display or NoDisplay(), time.monotonic() if started is None else started
    tasks = _make_tasks(start, work.layout)
    swapped = GlobalGenerators(tasks[0].seed).swapped if start.config.backend == "inline" else nullcontext
    with interruption.deferred() as interrupted:
        given = [callback for callback in callbacks if isinstance(callback, Logger)]
        logs = Loggers([*make_loggers(start.config), *given], start, folder, display, interrupted)
        evaluators, display = _make_evaluators(start, work, interrupted), logs.display
        monitor = Monitor(start, tasks[0].store, folder, display, started, evaluators, tasks[0].exchange)
        logs.follow(monitor)
        events = Events([*callbacks, logs] if logs.any else callbacks, monitor, work, swapped)

        def run() -> None:
            if heading:
                display.say(heading)
            if not interrupted.is_set():
                _run(tasks, work, events, interrupted)

        try:
            with closing(evaluators):
                unseen = _attempt(run, monitor, interrupted)
            result = _keep(monitor, interrupted.is_set() or unseen is not None)
        finally:
            logs.end()
    if interrupted.is_set():
        raise Interrupted(result, monitor.trained_to_end)
    if unseen is not None:
        raise unseen
    return result


def _attempt(run: Callable[[], None], monitor: Monitor, interrupted: threading.Event) -> OutputError | None:
    """Runs, and gives the error where nobody can see its progress any more; what else is wrong is raised, after keeping
    what was learned until then."""
    try:
        run()
    except KeyboardInterrupt:
        # The second: it ends the run at once, and what was learned is saved all the same.
        interrupted.set()
    except OutputError as error:
        # Who reads the progress has gone, or the terminal, of which SIGHUP may tell before or after.
        return error
    except BaseException as error:
        monitor.store.stop()
        with suppress(A3CError):
            monitor.finish("failed", str(error) if isinstance(error, A3CError) else described(error))
        raise
    return None


def _keep(monitor: Monitor, interrupted: bool) -> Result:
    """Keeps a run that has come to its end, or was interrupted."""
    status = "interrupted" if interrupted else "finished"
    if monitor.measures.returns.solved_at_step is not None:
        status = "solved"
    monitor.finish(status)
    folder, keeper = monitor.keeper.folder, monitor.keeper
    if folder is not None:
        _draw_curve(folder)
    return Result(monitor.summary(status), keeper.checkpoint(), keeper.best_checkpoint(), folder and folder.path)


class Interrupted(KeyboardInterrupt):
    """Ctrl-C, SIGTERM or SIGHUP, after everything was saved; carries the result up to then, and whether training had
    come to its end, with the evaluation of its best under way."""

    def __init__(self, result: Result, trained_to_end: bool):
        super().__init__("interrupted")
        self.result, self.trained_to_end = result, trained_to_end


def _make_tasks(start: Checkpoint, layout: Layout, best: Snapshot | None = None) -> list[Task]:
    """A task for each process, the workers' first, with what all of them share; `best` are the parameters at the best
    mean before, where they are known."""
    # What is given to the environment travels with what makes it: it may be anything that a script defines.
    config = start.config.replace(env_kwargs={}, wrappers=())
    store = ParameterStore(
        start.parameters,
        start.optimizer_state,
        # Behind those of the processes, a row for each station.
        config.processes + config.station_count,
        counts=start.counts,
        shared=config.backend == "processes",
        locked=config.locked,
        normalizes=layout.statistics,
        statistics=start.statistics,
        moments=start.moments,
        setbacks=start.setbacks,
        target=start.target,
    )
    wait = episodes_to_wait(start.solved_at_step is not None, start.confirm_after, start.counts["episodes"])
    exchange = make_exchange(config, layout, store, start.returns, start.best_return_mean_100, wait, best)
    seeds = worker_seeds(config, start.counts["steps"], config.processes)
    pulse = Pulse(config.worker_processes, shared=config.backend == "processes")
    return [Task(index, config, store, seed, exchange, pulse) for index, seed in enumerate(seeds)]


def _make_evaluators(start: Checkpoint, work: "Work | PackedWork", interrupted: threading.Event) -> Evaluators:
    """Who plays the evaluations beside training."""
    random = start.config.algorithm.acts == "nowhere"
    if isinstance(work, PackedWork):
        given = work.pickled, start.snapshot, random, start.config.step_timeout
        return EvaluatorProcesses(lambda: EvaluatorProcess(*given), start.config.workers or available_cores())
    return InlineEvaluator(work, random, start.config.step_timeout, lambda: not interrupted.is_set())


def _run(tasks: list[Task], work: "Work | PackedWork", events: Events, interrupted: threading.Event) -> None:
    """From the first event of a run to its last."""
    monitor = events.monitor
    with events.swapped():
        events.start()
        if not monitor.store.stopping:
            if isinstance(work, PackedWork):
                _run_processes(tasks, work, events, interrupted)
            else:
                _run_inline(tasks, work, events, interrupted)
        with nullcontext() if isinstance(work, PackedWork) else hurried(interrupted):
            monitor.evaluate_at_end(lambda: not interrupted.is_set())
        monitor.report()
        events.tell()
        monitor.save()
        events.tell()
        events.end()


def _run_processes(tasks: list[Task], work: PackedWork, events: Events, interrupted: threading.Event) -> None:
    """Trains, from the last boundary again wherever a worker of a run that gives one result fails."""
    monitor = events.monitor
    restarts = Restarts(monitor.config, monitor.incidents.failed)
    while True:
        try:
            _follow_processes(tasks, work.pickled, restarts, events, interrupted)
            return
        except GoBack as back:
            death = back.death
        if interrupted.is_set() or monitor.done:
            # It ends here, with what was done until then.
            restarts.tell(death, False)
            return
        kept = monitor.kept
        # In place of the others, so that nobody holds what they shared any more.
        tasks[:] = _make_tasks(kept.checkpoint, work.layout, kept.returns.best_snapshot)
        monitor.go_back(death, tasks[0].store, tasks[0].exchange)
        events.go_back(kept.checkpoint.evaluations)


def _follow_processes(
    tasks: list[Task], work: bytes, restarts: Restarts, events: Events, interrupted: threading.Event
) -> None:
    config, exchange, pulse, monitor = tasks[0].config, tasks[0].exchange, tasks[0].pulse, events.monitor
    steps_before = monitor.store.total("steps")

    def watch() -> None:
        # Also while a callback runs, which may take as long as it likes.
        if monitor.measures.clock.is_over or interrupted.is_set():
            monitor.store.stop()

    with Supervisor(tasks, work, restarts, watch) as supervisor:
        try:
            while supervisor.alive and not monitor.done and not interrupted.is_set() and not monitor.store.stopping:
                for report in supervisor.reports(monitor.wait_at_most()):
                    monitor.receive(report)
                if config.has_learner and not supervisor.working:
                    exchange.queue.close()
                monitor.notice(pulse.look(), pulse.stands_still)
                for worker, what in pulse.late(config.step_timeout):
                    supervisor.give_up(worker, what)
                monitor.tick()
                events.tell()
                _go_on(events, exchange)
        finally:
            monitor.store.stop()
            # Also after a worker has failed: what the others did until then is kept. Before the first step there is
            # nothing to keep, and who is still compiling is not waited for.
            if not interrupted.is_set() or monitor.store.total("steps") > steps_before:
                for report in supervisor.finish(interrupted.is_set):
                    monitor.receive(report)
            monitor.settle()


def _go_on(events: Events, exchange: Exchange) -> None:
    """Where all wait for each other: has workers play what is to be evaluated, keeps what was learned, and lets all go
    on, unless that ends the run."""
    monitor, evaluations = events.monitor, events.monitor.evaluations
    if not monitor.is_paused or evaluations.workers_play:
        return
    if evaluations.ask_workers():
        assert exchange.gate is not None
        exchange.gate.open(range(monitor.config.workers or 1))
        return
    monitor.end_pause()
    events.tell()
    if not (monitor.done or monitor.store.stopping):
        exchange.go_on(monitor.store, evaluations.episodes_to_wait)


def _run_inline(tasks: list[Task], work: "Work", events: Events, interrupted: threading.Event) -> None:
    from a3c.roles.learner import Learner
    from a3c.roles.worker import Worker

    monitor = events.monitor

    def send(report: Report) -> None:
        monitor.receive(report)
        monitor.tick()
        events.tell()
        _go_on(events, tasks[0].exchange)
        if monitor.done or interrupted.is_set():
            monitor.store.stop()

    worker, *learners = tasks
    turns = worker.exchange.turns
    assert turns is not None
    for task in learners:
        # Duties are done in turn, whenever the worker has handed something over.
        turns.duties = worker_process.loop(worker.config.algorithm.learner)(Learner(task, work, send, report_every=0.0))
    try:
        with hurried(interrupted), watched(worker.pulse, worker.config.step_timeout, monitor.notice):
            made, at_once = Worker(worker, work, send, report_every=0.0), False
            try:
                worker_process.run(made)
            except KeyboardInterrupt:
                at_once = True
                raise
            finally:
                if not at_once and (wrong := made.close()):
                    monitor.receive(Report(worker.index, remarks={"close": wrong}))
    except Rang as rang:
        raise WorkerError(worker.failed(str(rang)), worker.index) from None
    finally:
        # They hold each other; what is shared is to be freed now.
        turns.duties = None


def _draw_curve(folder: RunFolder) -> None:
    from a3c.runs.plots import plot_curve

    # A run that ended before its first episode has no curve, which is not worth failing for; and a second Ctrl-C, after
    # all was saved, is about the picture alone. Drawing may write, too.
    with suppress(RunFolderError, KeyboardInterrupt), disk_errors(folder.curve_path):
        plot_curve(folder)
