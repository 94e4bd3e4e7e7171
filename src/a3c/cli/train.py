"""`a3c train`: trains an agent into a run folder."""

import dataclasses
import shlex
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

from a3c.algorithms.builtin import A3C, BUILT_IN, find_algorithm
from a3c.cli.flags import HELP, HELP_ALL, Command, flag, with_flags
from a3c.cli.main import NO_FOLDER, folder_is_there, process_started
from a3c.config import GROUPS, TrainConfig
from a3c.config.checks import check_ends
from a3c.config.run import LIMITS
from a3c.config.setting import names_of, setting
from a3c.environments.modules import check_modules, module_of
from a3c.errors import CheckpointError, RunFolderError, SettingsError
from a3c.interruption import interruption
from a3c.modules import import_here
from a3c.parallel.processes import call, check_open_files, start_server
from a3c.recipes import with_recipe
from a3c.settings import FIELDS, all_own_fields, make_config, own_fields, recorded


def run(arguments: list[str]) -> int:
    """Runs the command; `arguments` come after `train`."""
    started = process_started()
    if not folder_is_there():
        raise RunFolderError(NO_FOLDER)
    if not {*HELP, HELP_ALL} & set(arguments) and "inline" not in arguments:
        # The server imports JAX on another core while flags are parsed and modules imported here.
        start_server()
    flags, config, limited = parse(arguments)
    if flags.resume and flags.run:
        raise SettingsError("--resume and --run contradict each other: what is resumed stays in its folder")
    if flags.repeats is not None:
        from a3c.cli.repeats import repeat

        return repeat(flags, config, limited)
    if flags.resume is not None:
        return resume(flags, flags.resume, config, started, limited)
    return start(flags, config, started)


@dataclass(frozen=True)
class TrainFlags:
    """Where a training starts from, and where it goes."""

    recipe: str | None = setting(None, everyday="tuned settings to start from (a3c recipes), or none")
    """Recipe to start from (see a3c recipes), or none for plain defaults. Default: the one for this environment."""

    run: Path | None = setting(None, everyday="folder to write; default runs/ENV-ALGORITHM-SEED-TIME")
    """Run folder to write. Default: runs/ENV-ALGORITHM-SEED-TIME."""

    resume: Path | None = setting(None, everyday="run folder to continue; other flags override it")
    """Run folder to continue, with its own settings except for flags given here; --steps is the total. With a limit
    given here a run that was solved goes on."""

    repeats: int | None = setting(None, at_least=1, everyday="train with this many seeds: a table, a picture")
    """Train this many times, one after another, as one run says little: with seeds S, S+1, ... from --seed S
    (default: 1) on, each into seed-S of the folder --run, its seconds counted from its own start. Ends with a table
    of the seeds, their median and worst, and a picture of their mean and spread. With --resume: the seeds that are
    not done."""

    config: Path | None = setting(None, everyday="config.toml of a run to repeat")
    """A run's config.toml, to repeat that run; flags given here override it."""

    import_module: tuple[str, ...] = ()
    """With --resume or --config: modules that may be imported though only that run names them and they are not
    installed, such as my_module in the current folder. Naming my_module:MyEnv-v0 does it too. Say so only of what
    you know."""

    progress: bool = True
    """Show progress: one live line in a terminal, else a line now and then."""


ALGORITHMS = "; ".join(f"{algorithm}, {algorithm.title}" for algorithm in BUILT_IN.values())


@dataclass(frozen=True)
class AlgorithmFlags:
    """What is trained with."""

    algorithm: str = setting(
        A3C.name,
        everyday=", ".join(BUILT_IN),
        doc=f"What to train with: {ALGORITHMS}; or module:NAME, an Algorithm of your own.",
    )


def groups(*first: tuple[str, type]) -> dict[str, type]:
    """The groups of flags of a command that takes settings, after its own ones."""
    own = {f"{name} alone": algorithm.settings for name, algorithm in BUILT_IN.items() if own_fields(algorithm)}
    return dict(first) | {"algorithm": AlgorithmFlags} | GROUPS | own


DESCRIPTION = "Train an agent, by default until the environment's target return is reached."
COMMAND = Command("a3c train", DESCRIPTION, groups(("this training", TrainFlags)), "environment")
SETTINGS = {"algorithm", *FIELDS, *all_own_fields()}


def parse(arguments: list[str]) -> tuple[TrainFlags, TrainConfig, bool]:
    """The flags that are no settings, the settings, and whether a limit is given: a wish to train on until then, also
    where the target is reached already. Raises SettingsError for a wrong one."""
    given = _with_own(COMMAND, arguments).read(arguments, unknown := {})
    config = settings_of(COMMAND, given, unknown)
    flags = TrainFlags(**{name: given[name] for name in names_of(TrainFlags) if name in given})
    return flags, config, not given.keys().isdisjoint(("steps", "episodes", "seconds"))


def _with_own(command: Command, arguments: list[str]) -> Command:
    """The flags for a help text: also those of an algorithm that is none of this package, where one is named."""
    if not {*HELP, HELP_ALL} & set(arguments):
        return command
    named = next((after for one, after in pairwise(arguments) if one == "--algorithm"), A3C.name)
    if named in BUILT_IN:
        return command
    algorithm = find_algorithm(named)
    return dataclasses.replace(command, groups={**command.groups, f"{algorithm} alone": algorithm.settings})


def settings_of(
    command: Command, given: dict[str, Any], unknown: dict[str, list[str]], limits: tuple[str, ...] = LIMITS
) -> TrainConfig:
    """The settings that flags ask for, over those of a recipe or a file. Raises SettingsError.

    `unknown` are flags that may be the own settings of an algorithm; `limits` those that are settings here.
    """
    files = {name: given[name] for name in ("resume", "config") if given.get(name)}
    if len(files) == 2:
        raise SettingsError("--resume and --config contradict each other: a resumed run has its own config.toml")
    if given.get("recipe") and files:
        raise SettingsError("--recipe cannot be joined with --resume or --config, which bring all settings")
    if given.get("import_module") and not files:
        raise SettingsError("--import-module goes with --resume or --config: a new run names my_module:MyEnv-v0 itself")
    measured = set(LIMITS) - set(limits)
    settings = {name: value for name, value in given.items() if name.partition(".")[0] in SETTINGS - measured}
    if files:
        base = _from_file(command, next(iter(files.items())), given)
    else:
        base = with_recipe(given.get("recipe"), settings)
    algorithm = find_algorithm(settings.get("algorithm") or base.get("algorithm", A3C.name))
    settings |= command.late(unknown, algorithm.settings)
    # Of a file's settings those of another algorithm stay behind.
    base = {name: value for name, value in base.items() if name in {"algorithm", *FIELDS, *own_fields(algorithm)}}
    for name, value in settings.items():
        # One pair is added to those that there are; pairs take the place of all of them.
        whole, dot, key = name.partition(".")
        base[whole] = {**base.get(whole, {}), key: value} if dot else value
    if not base.get("environment"):
        raise SettingsError("name an environment, such as CartPole-v1")
    return make_config({name: value for name, value in base.items() if name not in measured}, "")


def _from_file(command: Command, file: tuple[str, Path], given: dict[str, Any]) -> dict[str, Any]:
    """The settings of the run to resume, or of a config.toml."""
    which, path = file
    for module in given.get("import_module", ()):
        import_here(module)
    # Its module is then one that the user named.
    own = find_algorithm(given["algorithm"]) if "algorithm" in given else None
    from a3c.runs.folder import read_config
    from a3c.runs.repeats import settings_to_resume

    config = settings_to_resume(path, own) if which == "resume" else read_config(path, own)
    again = f"{command.prog} {flag(which)} {shlex.quote(str(path))} --import-module"
    named = {module_of(given.get("environment")), *given.get("import_module", ())}
    used = config if "environment" not in given else config.replace(environment=given["environment"])
    check_modules(used, named, path, lambda module: f"{again} {module}")
    return recorded(config)


def start(flags: TrainFlags, config: TrainConfig, started: float) -> int:
    """A new run."""
    from a3c.runs.folder import RunFolder, default_run_path
    from a3c.runs.lock import locked

    begun = RunFolder(flags.run) if flags.run and RunFolder(flags.run).unsaved else None
    work, begin = prepare(_as_drawn(config, begun.config()) if begun else config)
    path = flags.run or default_run_path(begin.config)
    # From here on there is a run, which is saved, and can be gone on with, however early Ctrl-C comes.
    with interruption.deferred(), locked(path):
        folder = RunFolder.create(path, begin.config)
        if begun:
            _say_anew(path)
        if flags.progress and (line := chosen_sizes(config, begin.config)):
            print(line, flush=True)
        return _train(work, begin, folder, flags, started)


def _as_drawn(config: TrainConfig, before: TrainConfig) -> TrainConfig:
    """The settings with what was drawn or measured before, where nothing is given: it would come out otherwise now."""
    names = [name for name in ("seed", "envs_per_worker", "segment_length") if getattr(config, name) is None]
    return dataclasses.replace(config, **{name: getattr(before, name) for name in names})


def _say_anew(path: Path) -> None:
    print(f"the run in {path} ended before its first checkpoint: it starts anew")


def chosen_sizes(asked: TrainConfig, resolved: TrainConfig) -> str | None:
    """A line that says which sizes were chosen for slow steps; None where none were."""
    if asked.envs_per_worker is not None or asked.segment_length is not None or resolved.has_default_sizes:
        return None
    count = resolved.environments_each
    return (
        f"steps take long, so a worker has {count} environment{'s' if count != 1 else ''} and segments of "
        f"{resolved.segment_steps} steps (--envs-per-worker, --segment-length)"
    )


def prepare(config: TrainConfig, checkpoint: Any = None) -> tuple[Any, Any]:
    """What training needs; made in another process, where JAX is imported already, unless it is to run in this one."""
    if config.backend == "inline":
        from a3c import preparing

        work, begin = preparing.prepare(config, checkpoint=checkpoint)
    else:
        work, begin = call("a3c.preparing:prepare_to_send", config, checkpoint)
        check_open_files(begin.config.processes)
    check_ends(begin.config)
    return work, begin


def prepare_in(folder: Any, config: TrainConfig, checkpoint: Any = None) -> tuple[Any, Any]:
    """What training needs to go on in the folder of a run, which gets these settings."""
    from a3c.runs.files import write_atomically
    from a3c.runs.folder import config_toml

    work, begin = prepare(config, checkpoint)
    write_atomically(folder.config_path, config_toml(begin.config).encode())
    return work, begin


def resume(flags: TrainFlags, path: Path, config: TrainConfig, started: float, limited: bool) -> int:
    """Continues a run from its latest checkpoint, or anew where there is none yet."""
    from a3c.runs.folder import RunFolder
    from a3c.runs.lock import locked
    from a3c.runs.repeats import RepeatsFolder

    if RepeatsFolder(path).seeds():
        raise SettingsError(f"{path} holds repeats: add --repeats N, the number of seeds in all")
    folder = RunFolder.open(path)
    with locked(folder.path):
        begun = go_on(folder, config, limited, print)
        if isinstance(begun, str):
            print(begun)
            return 0
        work, begin = begun
        return _train(work, begin, folder, flags, started)


def check_same(path: Path, before: TrainConfig, config: TrainConfig) -> None:
    """Raises SettingsError where what is there is of another environment or algorithm."""
    for name in ("environment", "algorithm"):
        if getattr(config, name) != getattr(before, name):
            raise SettingsError(f"{path} is a run of {getattr(before, name)}, not of {getattr(config, name)}")


def go_on(folder: Any, config: TrainConfig, limited: bool, say: Callable[[str], None]) -> Any:
    """What training needs to go on with these settings from a run's latest checkpoint, or anew where there is none; a
    sentence where they leave nothing to do. `limited` is whether a limit was asked for."""
    path, before = folder.path, folder.config(config.algorithm)
    check_same(path, before, config)
    if folder.unsaved:
        _say_anew(path)
        return prepare_in(folder, config)
    checkpoint = folder.load("latest", config.algorithm)
    if checkpoint.own_environment or checkpoint.own_network:
        raise CheckpointError(f"{path} was trained from Python with a factory: continue it there, with a3c.load")
    for name in ("steps", "episodes"):
        limit, done = getattr(config, name), checkpoint.counts[name]
        if limit is not None and done >= limit:
            return f"{path} already has {done:,} {name} of {limit:,}: give a larger --{name} to go on"
    if checkpoint.solved_at_step is not None and config.stop_when_solved:
        solved = f"{path} was solved at step {checkpoint.solved_at_step:,}"
        if before.target_return != config.target_return:
            checkpoint = dataclasses.replace(checkpoint, solved_at_step=None, solved_at_second=None)
        elif limited:
            say(f"{solved}: it goes on to the limit that is given now")
            config = dataclasses.replace(config, stop_when_solved=False)
        else:
            return f"{solved}: to go on, give --steps, --episodes or --seconds, or a higher --target-return"
    return prepare_in(folder, config, checkpoint)


def train_into(folder: Any, work: Any, begin: Any, progress: bool, started: float, heading: str = "") -> Any:
    """Trains, with progress under a line that says what. Raises what `a3c.training.train` raises."""
    from a3c.runs.progress import make_display
    from a3c.training import train

    config = begin.config
    workers = f"{config.workers} worker{'s' if config.workers != 1 else ''} of {config.envs_per_worker}"
    what = f"{config.algorithm} on {config.environment}, {workers}, seed {config.seed}, into {folder.path}"
    what += f"\n{work.description}"
    return train(
        begin,
        work,
        folder=folder,
        display=make_display(progress, spell=with_flags),
        heading=f"{heading}{what}" if progress else "",
        started=started,
    )


def _train(work: Any, begin: Any, folder: Any, flags: Any, started: float) -> int:
    from a3c.errors import OutputError, WorkerError
    from a3c.training import Interrupted

    resume = f"a3c train {begin.config.environment} --resume {folder.path}"
    try:
        result = train_into(folder, work, begin, flags.progress, started)
    except Interrupted as interrupted:
        # Who hung up the terminal sees nothing of it.
        with suppress(OSError):
            print(f"stopped after {interrupted.result.summary['steps']:,} steps and saved; continue with:")
            print(f"  {resume}", flush=True)
        return 130
    except OutputError as error:
        raise OutputError(f"{error}; stopped and saved, continue with {resume}") from None
    except WorkerError:
        print(f"what was learned until then is in {folder.path}", file=sys.stderr)
        raise
    if flags.progress:
        _say_what_is_left(result.summary, folder, begin.counts["steps"])
    return 0


def solved_now(summary: dict[str, Any], steps_before: int) -> str | None:
    """The line that says so; None where the run was not solved, or before it was continued from these steps."""
    if summary["solved_at_step"] is None or summary["solved_at_step"] <= steps_before:
        return None
    return f"solved: {summary['solved_at_step']:,} steps, {summary['solved_at_second']:.2f} s"


def _say_what_is_left(summary: dict[str, Any], folder: Any, steps_before: int) -> None:
    if line := solved_now(summary, steps_before):
        print(line)
    # There is no curve before the first episode, and no best before a hundred of them.
    which = "best" if folder.checkpoint_path("best").exists() else "latest"
    if folder.curve_path.exists():
        print(f"curve    {folder.curve_path}")
    print(f"{which:8} {folder.checkpoint_path(which)}")
    print(f"summary  {folder.summary_path}")
