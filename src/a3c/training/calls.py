"""What `a3c train --resume` and `a3c train --repeats` do, in one call from Python."""

import time
from pathlib import Path
from typing import TYPE_CHECKING, Unpack, overload

from a3c.algorithm import Algorithm
from a3c.algorithm.builtin import A3C
from a3c.arguments import named_arguments
from a3c.config.keywords import AnyKeywords, Keywords
from a3c.config.making import make_config, recorded
from a3c.config.run import AMOUNTS
from a3c.environments.modules import check_loaded, with_modules
from a3c.errors import SettingsError, brief
from a3c.processes.starting import start_server
from a3c.recipes import recipe_name, with_recipe
from a3c.runs.folder import RunFolder, default_repeats_path
from a3c.runs.lock import locked
from a3c.runs.repeats import RepeatsFolder
from a3c.runs.summaries import RepeatsSummary
from a3c.training.beginning import Own, resumed_run
from a3c.training.callbacks import GivenCallbacks, GivenStopWhen, as_callbacks
from a3c.training.progress import NoDisplay, Warnings, is_wanted, make_display
from a3c.training.repeating import SeedsFailed, Series, draw
from a3c.training.training import Result

if TYPE_CHECKING:
    from a3c.environments.factories import EnvironmentFactory
    from a3c.networks.policy import Network


@overload
def resume(
    run: str | Path,
    *,
    environment: "str | EnvironmentFactory | None" = None,
    evaluation_environment: "str | EnvironmentFactory | None" = None,
    network: "Network | None" = None,
    algorithm: None = None,
    progress: bool | None = None,
    callback: GivenCallbacks = None,
    stop_when: GivenStopWhen = None,
    **settings: Unpack[AnyKeywords],
) -> Result: ...
@overload
def resume(
    run: str | Path,
    *,
    environment: "str | EnvironmentFactory | None" = None,
    evaluation_environment: "str | EnvironmentFactory | None" = None,
    network: "Network | None" = None,
    algorithm: Algorithm,
    progress: bool | None = None,
    callback: GivenCallbacks = None,
    stop_when: GivenStopWhen = None,
    **settings: object,
) -> Result: ...
@named_arguments
def resume(
    run: str | Path,
    *,
    environment: "str | EnvironmentFactory | None" = None,
    evaluation_environment: "str | EnvironmentFactory | None" = None,
    network: "Network | None" = None,
    algorithm: Algorithm | None = None,
    progress: bool | None = None,
    callback: GivenCallbacks = None,
    stop_when: GivenStopWhen = None,
    **settings: object,
) -> Result:
    """Goes on with a run in its folder, from its latest checkpoint, as `a3c train --resume` does.

    Args:
        run: the run's folder.
        environment, evaluation_environment, network, algorithm: as in `load`, where the run was trained with some of
            the caller's own, or where it names a module that is neither installed nor imported.
        progress: whether to show a progress line; by default in a terminal and in a notebook.
        callback, stop_when: as in `learn`.
        settings: settings to change. `steps` and `episodes` are totals; with a limit a run that was solved goes on.

    Raises:
        SettingsError: there is nothing left to do, or a setting is wrong.
        RunFolderError, CheckpointError: there is no run, or it cannot be continued.
        KeyboardInterrupt: on Ctrl-C, after saving.
    """
    started, callbacks = time.monotonic(), as_callbacks(callback, stop_when)
    path, progress = Path(run), is_wanted(progress)
    before = RunFolder.open(path).config(algorithm)
    if algorithm not in (None, before.algorithm):
        raise SettingsError(f"{path} is a run of {before.algorithm}, not of {algorithm}")
    own = own_of(environment, network, evaluation_environment, settings)
    config = make_config(recorded(before) | {"algorithm": before.algorithm} | settings, "settings")
    modules = config.import_modules if "import_modules" in settings else ()
    check_loaded(before, environment, evaluation_environment, settings.get("wrappers"), modules, path)
    config = config.replace(import_modules=with_modules(before.import_modules, modules))
    limited = any(settings.get(name) is not None for name in AMOUNTS)
    display = make_display(progress, Warnings)
    with resumed_run(path, config, limited, display.say, own) as begun:
        if isinstance(begun, str):
            raise SettingsError(begun)
        return begun.train(progress, started, otherwise=Warnings, callbacks=callbacks)


@overload
def repeat(
    environment: "str | EnvironmentFactory",
    repeats: int,
    *,
    evaluation_environment: "str | EnvironmentFactory | None" = None,
    network: "Network | None" = None,
    recipe: str | None = None,
    run: str | Path | None = None,
    progress: bool | None = None,
    callback: GivenCallbacks = None,
    stop_when: GivenStopWhen = None,
    **settings: Unpack[Keywords],
) -> RepeatsSummary: ...
@overload
def repeat(
    environment: "str | EnvironmentFactory",
    repeats: int,
    *,
    algorithm: Algorithm | str,
    evaluation_environment: "str | EnvironmentFactory | None" = None,
    network: "Network | None" = None,
    recipe: str | None = None,
    run: str | Path | None = None,
    progress: bool | None = None,
    callback: GivenCallbacks = None,
    stop_when: GivenStopWhen = None,
    **settings: object,
) -> RepeatsSummary: ...
@named_arguments
def repeat(
    environment: "str | EnvironmentFactory",
    repeats: object,
    *,
    algorithm: Algorithm | str = A3C,
    evaluation_environment: "str | EnvironmentFactory | None" = None,
    network: "Network | None" = None,
    recipe: str | None = None,
    run: str | Path | None = None,
    progress: bool | None = None,
    callback: GivenCallbacks = None,
    stop_when: GivenStopWhen = None,
    **settings: object,
) -> RepeatsSummary:
    """Trains with several seeds, one after another, as `a3c train --repeats` does: one run says little.

    Args:
        environment, evaluation_environment, network, recipe, settings: as in A3C. The seeds are `seed` (default: 1)
            and those that follow.
        repeats: how many seeds.
        run: the folder, which must be empty; `seed-S` in it are ordinary run folders.
            Default: runs/ENV-ALGORITHM-xN-TIME.
        progress: whether to show a progress line; by default in a terminal and in a notebook.
        callback, stop_when: as in `learn`, of each seed's training; `training.config.seed` tells them apart.

    Returns:
        What `repeats.json` in the folder holds: the seeds, their median and worst. Beside it is `repeats.png`.

    Raises:
        SeedsFailed: some seeds failed, after the others were trained.
    """
    callbacks, progress = as_callbacks(callback, stop_when), is_wanted(progress)
    if not isinstance(repeats, int) or repeats < 1:  # pyright: ignore[reportUnnecessaryIsInstance]  a caller may err
        raise SettingsError(f"repeats is {brief(repr(repeats))}, but must be a whole number of at least 1")
    given: dict[str, object] = {"environment": "", "algorithm": algorithm, **settings}
    own = own_of(environment, network, evaluation_environment, given)
    config = make_config(with_recipe(recipe, given), "settings")
    if config.backend != "inline":
        start_server()
    folder = RepeatsFolder.new(run or default_repeats_path(config, repeats))
    say = (make_display(progress, Warnings) if progress else NoDisplay()).say
    with locked(folder.path):
        series = Series(
            folder,
            config,
            repeats,
            recipe=recipe_name(recipe, config.environment),
            progress=progress,
            say=say,
            own=own,
            callbacks=callbacks,
        )
        series.run()
        report = series.report()
        draw(folder)
    if series.errors:
        raise SeedsFailed(series.errors, repeats)
    return report


def own_of(
    environment: "str | EnvironmentFactory | None",
    network: "Network | None",
    evaluation_environment: "str | EnvironmentFactory | None",
    settings: dict[str, object],
) -> Own:
    """What of these is the caller's own; names of environments go among the settings."""

    def taken(name: str, given: "str | EnvironmentFactory | None") -> "EnvironmentFactory | None":
        if isinstance(given, str):
            settings[name] = given
            return None
        return given

    evaluated_on = taken("evaluation_environment", evaluation_environment)
    return Own(taken("environment", environment), network, evaluated_on)
