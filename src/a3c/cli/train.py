"""`a3c train`: trains an agent into a run folder."""

import dataclasses
import shlex
import sys
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

from a3c.algorithm.builtin import A3C, BUILT_IN, find_algorithm
from a3c.cli.command import HELP, HELP_ALL, Command, flag, with_flags
from a3c.cli.flags import read, read_late
from a3c.cli.main import NO_FOLDER, folder_is_there, process_started
from a3c.config import GROUPS, TrainConfig
from a3c.config.making import FIELDS, all_own_fields, make_config, own_fields, recorded
from a3c.config.run import AMOUNTS, LIMITS
from a3c.config.setting import names_of, setting
from a3c.environments.importing import import_all
from a3c.environments.modules import check_modules, module_of, to_be_named, with_modules
from a3c.errors import RunFolderError, SettingsError
from a3c.processes.starting import start_server
from a3c.recipes import with_recipe
from a3c.runs.summaries import Summary


def run(arguments: list[str]) -> int:
    """Runs the command; `arguments` come after `train`."""
    started = process_started()
    if not arguments:
        print(START, file=sys.stderr)
        return 2
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

    recipe: str | None = setting(None, everyday="tuned settings to start from (a3c recipes, or a .toml), or none")
    """Recipe to start from: a name (see a3c recipes), a file of your own, such as a3c tune writes, or none for plain
    defaults. Default: the one for this environment."""

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

    progress: bool = True
    """Show progress: one live line in a terminal, else a line now and then."""


ALGORITHMS = "; ".join(f"{algorithm}, {algorithm.title}" for algorithm in BUILT_IN.values())


@dataclass(frozen=True)
class AlgorithmFlags:
    """What is trained with."""

    algorithm: str = setting(
        A3C.name,
        everyday=", ".join(name for name, algorithm in BUILT_IN.items() if algorithm.learns != "nowhere"),
        doc=f"What to train with: {ALGORITHMS}; or module:NAME, an Algorithm of your own.",
    )


def groups(*first: tuple[str, type]) -> dict[str, type]:
    """The groups of flags of a command that takes settings, after its own ones."""
    having: dict[type, list[str]] = {}
    for name, algorithm in BUILT_IN.items():
        if own_fields(algorithm):
            having.setdefault(algorithm.settings, []).append(name)
    own = {f"{', '.join(names)} alone": settings for settings, names in having.items()}
    return dict(first) | {"algorithm": AlgorithmFlags} | GROUPS | own


START = """a3c train: name an environment; for example:
  a3c train CartPole-v1                                a first run: until it is solved, with every core
  a3c train ALE/Pong-v5 --run runs/pong                a game, from its pixels, into this folder
  a3c train my_module:MyEnv --steps 1_000_000          your own: a class in my_module.py
a3c inspect ENV looks at one before; a3c train --help says what can be set"""
DESCRIPTION = "Train an agent, by default until the environment's target return is reached."
COMMAND = Command("a3c train", DESCRIPTION, groups(("this training", TrainFlags)), "environment")
SETTINGS = {"algorithm", *FIELDS, *all_own_fields()}


def parse(arguments: list[str]) -> tuple[TrainFlags, TrainConfig, bool]:
    """The flags that are no settings, the settings, and whether a limit is given: a wish to train on until then, also
    where the target is reached already. Raises SettingsError for a wrong one."""
    given = read(_with_own(COMMAND, arguments), arguments, unknown := {})
    config = settings_of(COMMAND, given, unknown)
    flags = TrainFlags(**{name: given[name] for name in names_of(TrainFlags) if name in given})
    return flags, config, not given.keys().isdisjoint(AMOUNTS)


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
    measured = set(LIMITS) - set(limits)
    settings = {name: value for name, value in given.items() if name.partition(".")[0] in SETTINGS - measured}
    if files:
        base = _from_file(command, next(iter(files.items())), given)
    else:
        base = with_recipe(given.get("recipe"), settings)
    algorithm = find_algorithm(settings.get("algorithm") or base.get("algorithm", A3C.name))
    settings |= read_late(command, unknown, algorithm.settings)
    # Of a file's settings those of another algorithm stay behind.
    base = {name: value for name, value in base.items() if name in {"algorithm", *FIELDS, *own_fields(algorithm)}}
    if "import_modules" in settings and files:
        settings["import_modules"] = with_modules(base["import_modules"], settings["import_modules"])
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
    import_all(given.get("import_modules", ()))
    # Its module is then one that the user named.
    own = find_algorithm(given["algorithm"]) if "algorithm" in given else None
    from a3c.runs.folder import read_config
    from a3c.runs.repeats import settings_to_resume

    config = settings_to_resume(path, own) if which == "resume" else read_config(path, own)
    again = f"{command.prog} {flag(which)} {shlex.quote(str(path))} --import-module"
    others = {name: given[name] for name in ("environment", "evaluation_environment") if name in given}
    named = {*map(module_of, others.values()), *given.get("import_modules", ())}
    used = config.replace(**others, **({"wrappers": ()} if "wrappers" in given else {}))
    check_modules(used, named, path, lambda module: f"{again} {module}")
    return recorded(config)


def start(flags: TrainFlags, config: TrainConfig, started: float) -> int:
    """A new run."""
    from a3c.training.beginning import new_run

    with new_run(config, flags.run, _say, flags.progress) as begun:
        return _train(begun, flags, started)


def resume(flags: TrainFlags, path: Path, config: TrainConfig, started: float, limited: bool) -> int:
    """Continues a run from its latest checkpoint, or anew where there is none yet."""
    from a3c.training.beginning import resumed_run

    with resumed_run(path, config, limited, _say) as begun:
        if isinstance(begun, str):
            print(with_flags(begun))
            return 0
        return _train(begun, flags, started)


def _say(line: str) -> None:
    print(with_flags(line), flush=True)


def _train(begun: Any, flags: TrainFlags, started: float) -> int:
    from a3c.errors import OutputError, WorkerError
    from a3c.training.training import Interrupted

    folder = begun.folder
    config = begun.start.config
    resume = f"a3c train {config.environment} --resume {folder.path}{trusting(to_be_named(config))}"
    try:
        result = begun.train(flags.progress, started, spell=with_flags)
    except Interrupted as interrupted:
        # Who hung up the terminal sees nothing of it.
        steps = interrupted.result.summary["steps"]
        lines = [f"stopped after {steps:,} steps and saved; continue with:", f"  {resume}"]
        if interrupted.trained_to_end:
            lines = after_training(interrupted, config)
        with suppress(OSError):
            print("\n".join(lines), flush=True)
        return 130
    except OutputError as error:
        raise OutputError(f"{error}; stopped and saved, continue with {resume}") from None
    except WorkerError:
        print(f"what was learned until then is in {folder.path}", file=sys.stderr)
        raise
    if flags.progress:
        _say_what_is_left(result.summary, folder, begun.start.counts["steps"])
    return 0


def trusting(modules: Iterable[str]) -> str:
    """The flags that name these modules."""
    return "".join(f" --import-module {module}" for module in dict.fromkeys(modules) if module)


def after_training(interrupted: Any, config: TrainConfig) -> list[str]:
    """What is said where it was interrupted when training had come to its end: there is nothing to continue."""
    summary = interrupted.result.summary
    ended = f"training had ended, after {summary['steps']:,} steps, and is saved"
    if summary["best_evaluation"] is not None:
        return [ended]
    modules = (module_of(config.environment), *to_be_named(config))
    return [
        f"{ended}; its best was not evaluated to the end: do that with:",
        f"  a3c evaluate {shlex.quote(str(interrupted.result.run))}{trusting(modules)}",
    ]


def _say_what_is_left(summary: Summary, folder: Any, steps_before: int) -> None:
    from a3c.training.repeating import solved_now

    if line := solved_now(summary, steps_before):
        print(line)
    # There is no curve before the first episode, and no best before a hundred of them.
    which = "best" if folder.checkpoint_path("best").exists() else "latest"
    if folder.curve_path.exists():
        print(f"curve    {folder.curve_path}")
    print(f"{which:8} {folder.checkpoint_path(which)}")
    print(f"summary  {folder.summary_path}")
