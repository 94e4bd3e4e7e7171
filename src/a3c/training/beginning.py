"""How a training begins: anew, or from where a run stopped. The command line and Python begin theirs here."""

import dataclasses
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from a3c.config import TrainConfig
from a3c.config.checks import check_ends
from a3c.config.cluster import PIPES
from a3c.config.wrappers import is_held
from a3c.errors import CheckpointError, SettingsError, brief
from a3c.interruption import interruption
from a3c.processes.reaching import check_cluster
from a3c.processes.starting import call, check_open_files
from a3c.roles.messages import PackedWork
from a3c.runs.checkpoint import Checkpoint
from a3c.runs.files import write_atomically
from a3c.runs.folder import RunFolder, config_toml, default_run_path
from a3c.runs.lock import locked
from a3c.runs.repeats import RepeatsFolder
from a3c.training.callbacks import Callback
from a3c.training.loggers import check_loggers
from a3c.training.progress import NoDisplay, make_display
from a3c.training.training import Result, train

if TYPE_CHECKING:
    # The main process of a command needs no JAX.
    from a3c.environments.factories import EnvironmentFactory
    from a3c.networks.policy import Network
    from a3c.roles.worker import Work

Say = Callable[[str], None]


@dataclass(frozen=True)
class Own:
    """What a caller in Python made, and no file can hold."""

    environment: "EnvironmentFactory | None" = None
    network: "Network | None" = None
    evaluation_environment: "EnvironmentFactory | None" = None


NOTHING_OWN = Own()


@dataclass(frozen=True)
class Begun:
    """A run that is ready to be trained."""

    work: "Work | PackedWork"
    start: Checkpoint
    folder: RunFolder | None
    """Where it is written; None where it is not."""

    def train(
        self,
        progress: bool,
        started: float,
        heading: str = "",
        spell: Callable[[str], str] = str,
        *,
        otherwise: type[NoDisplay] = NoDisplay,
        callbacks: Sequence[Callback] = (),
    ) -> Result:
        """Trains, with progress under a line that says what, or else with what `otherwise` shows. Raises what
        `training.train` raises."""
        config = self.start.config
        workers = f"{config.workers} worker{'s' if config.workers != 1 else ''} of {config.environments_each}"
        if config.cluster is not None:
            stations = f"{config.station_count} station{'s' if config.station_count != 1 else ''}"
            workers = f"up to {stations} ({config.cluster}), workers of {config.environments_each}"
        what = f"{config.algorithm} on {config.environment}, {workers}, seed {config.seed}"
        into = "" if self.folder is None else f", into {self.folder.path}"
        return train(
            self.start,
            self.work,
            folder=self.folder,
            display=make_display(progress, otherwise, spell),
            heading="\n".join([f"{heading}{what}{into}", self.work.description, *self.work.notes]) if progress else "",
            callbacks=callbacks,
            started=started,
        )


@contextmanager
def new_run(config: TrainConfig, path: Path | None, say: Say, progress: bool) -> Iterator[Begun]:
    """A run that begins in a folder of its own, which is locked; `say` gets what a user should know, with `progress`
    also what was chosen."""
    before = RunFolder(path) if path and RunFolder(path).unsaved else None
    work, start = prepare(_as_drawn(config, before.config(config.algorithm)) if before else config)
    path = path or default_run_path(start.config)
    # From here on there is a run, which is saved, and can be continued, however early Ctrl-C comes.
    with interruption.deferred(), locked(path):
        folder = RunFolder.create(path, start.config)
        if before:
            say(_anew(path))
        if progress and (line := chosen_sizes(config, start.config)):
            say(line)
        yield Begun(work, start, folder)


@contextmanager
def resumed_run(
    path: Path, config: TrainConfig, limited: bool, say: Say, own: Own = NOTHING_OWN
) -> Iterator[Begun | str]:
    """A run that goes on with these settings, its folder locked; a sentence where they leave nothing to do.

    `limited` is whether a limit was asked for: a wish to train on until then, also where it was solved.
    """
    if RepeatsFolder(path).seeds():
        raise SettingsError(f"{path} holds repeats: give `repeats`, the number of seeds in all")
    folder = RunFolder.open(path)
    with locked(folder.path):
        yield go_on(folder, config, limited, say, own)


def go_on(folder: RunFolder, config: TrainConfig, limited: bool, say: Say, own: Own = NOTHING_OWN) -> Begun | str:
    """From a run's latest checkpoint, or anew where there is none; its folder gets the settings."""
    path, before = folder.path, folder.config(config.algorithm)
    check_same(path, before, config)
    if folder.unsaved:
        say(_anew(path))
        return _in_folder(folder, config, None, own)
    latest = checkpoint = folder.load("latest", config.algorithm)
    if (checkpoint.own_environment and own.environment is None) or (checkpoint.own_network and own.network is None):
        raise CheckpointError(
            f"{path} was trained from Python with a factory: continue it there, with a3c.resume(..., environment=) or "
            "network=, or with a3c.load"
        )
    if own.evaluation_environment is None and (name := checkpoint.own_evaluation(config)) is not None:
        raise CheckpointError(
            f"{path} is evaluated on {brief(name)}, a function given from Python: continue it there, with "
            "a3c.resume(..., evaluation_environment=), or name an environment with `evaluation_environment`"
        )
    for name in ("steps", "episodes"):
        limit, done = getattr(config, name), latest.counts[name]
        # Who was killed while its best was evaluated, at the end, has that to do yet.
        if limit is not None and done >= limit and folder.has_ended:
            return f"{path} already has {done:,} {name} of {limit:,}: give a larger `{name}` to go on"
    checkpoint = folder.load_to_resume(config)
    if (again := latest.counts["steps"] - checkpoint.counts["steps"]) > 0:
        step = checkpoint.counts["steps"]
        say(f"it goes on from its last boundary, at step {step:,}: {again:,} steps are taken again")
    if latest.solved_at_step is not None and config.stop_when_solved:
        solved = f"{path} was solved at step {latest.solved_at_step:,}"
        if before.target_return != config.target_return:
            checkpoint = dataclasses.replace(checkpoint, solved_at_step=None, solved_at_second=None)
        elif limited:
            say(f"{solved}: it goes on to the limit that is given now")
            config = config.replace(stop_when_solved=False)
        else:
            return f"{solved}: to go on, give `steps`, `episodes` or `seconds`, or a higher `target_return`"
    return _in_folder(folder, config, checkpoint, own)


def check_same(path: Path, before: TrainConfig, config: TrainConfig) -> None:
    """Raises SettingsError where what is there is of another environment or algorithm."""
    for name in ("environment", "algorithm"):
        if getattr(config, name) != getattr(before, name):
            raise SettingsError(f"{path} is a run of {getattr(before, name)}, not of {getattr(config, name)}")


def prepare(
    config: TrainConfig, checkpoint: Checkpoint | None = None, own: Own = NOTHING_OWN
) -> tuple["Work | PackedWork", Checkpoint]:
    """What training needs; made in another process, where JAX is imported already, unless it is to run in this one."""
    work: Any
    if config.backend == "inline" or own != NOTHING_OWN or not all(map(is_held, config.wrappers)):
        from a3c.training import preparing

        work, start = preparing.prepare(config, own.environment, own.network, checkpoint, own.evaluation_environment)
        work = work if config.backend == "inline" else work.pack()
    else:
        work, start = call("a3c.training.preparing:prepare_to_send", config, checkpoint)
    check_processes(start.config)
    check_loggers(start.config)
    check_ends(start.config)
    return work, start


def check_processes(config: TrainConfig) -> None:
    """Raises ProcessError and SettingsError where this run could not have the processes that it needs."""
    if config.backend == "inline":
        return
    # With an evaluator beside them.
    check_open_files(config.processes + 1)
    if config.cluster not in (None, PIPES):
        check_cluster(config.cluster)


def _in_folder(folder: RunFolder, config: TrainConfig, checkpoint: Checkpoint | None, own: Own) -> Begun:
    work, start = prepare(config, checkpoint, own)
    write_atomically(folder.config_path, config_toml(start.config).encode())
    return Begun(work, start, folder)


def _as_drawn(config: TrainConfig, before: TrainConfig) -> TrainConfig:
    """The settings with what was drawn or measured before, where nothing is given: it would come out otherwise now."""
    names = [name for name in ("seed", "envs_per_worker", "segment_length") if getattr(config, name) is None]
    return config.replace(**{name: getattr(before, name) for name in names})


def _anew(path: Path) -> str:
    return f"the run in {path} ended before its first checkpoint: it starts anew"


def chosen_sizes(asked: TrainConfig, resolved: TrainConfig) -> str | None:
    """A line that says which sizes were chosen for slow steps; None where none were."""
    if asked.envs_per_worker is not None or asked.segment_length is not None or resolved.has_default_sizes:
        return None
    count = resolved.environments_each
    return (
        f"steps take long, so a worker has {count} environment{'s' if count != 1 else ''} and segments of "
        f"{resolved.segment_steps} steps (`envs_per_worker`, `segment_length`)"
    )
