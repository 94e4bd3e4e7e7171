"""What `a3c tune` does, in one call from Python."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Unpack

from a3c.algorithm import Algorithm
from a3c.algorithm.builtin import A3C
from a3c.arguments import named_arguments
from a3c.config.checks import check_ranges
from a3c.config.keywords import AnyKeywords
from a3c.config.making import make_config
from a3c.processes.starting import start_server
from a3c.recipes import with_recipe
from a3c.training.calls import own_of
from a3c.training.progress import make_display
from a3c.tuning.beginning import STEPS_ALONE, Tuned, begin
from a3c.tuning.beginning import tune as run_tuning
from a3c.tuning.flags import TuneFlags

if TYPE_CHECKING:
    from a3c.environments.factories import EnvironmentFactory
    from a3c.networks.policy import Network


@named_arguments
def tune(
    environment: "str | EnvironmentFactory",
    *,
    trials: int = 50,
    seeds: int = 3,
    storage: str | Path | None = None,
    search: Sequence[str] = (),
    minutes: float | None = None,
    jobs: int | None = None,
    score_episodes: int = 50,
    confirm: int = 5,
    algorithm: Algorithm | str | None = None,
    evaluation_environment: "str | EnvironmentFactory | None" = None,
    network: "Network | None" = None,
    recipe: str | None = None,
    progress: bool = False,
    **settings: Unpack[AnyKeywords],
) -> Tuned:
    """Searches for good settings, as `a3c tune` does, and writes the best as a recipe: `A3C(ID, recipe=tuned.recipe)`.

    Called again with the same arguments it goes on with the trials that its storage holds.

    Args:
        environment, evaluation_environment, network, recipe, settings: as in A3C. `steps` says how long each seed of a
            trial trains; what is set here is fixed, and leaves the search. The seeds are `seed` (default: 1) and those
            that follow.
        trials: settings to try, in all.
        seeds: how many seeds each is trained with; its score is the median over them.
        storage: the file of the trials. Default: tuning/ENV-ALGORITHM.journal.
        search: the settings to search; by default all that suit the algorithm and the task.
        minutes: after which it ends, whatever runs then.
        jobs: trials at once; by default as many as there are cores.
        score_episodes: fresh episodes by which a seed's final policy is scored.
        confirm: fresh seeds that the best three trials and the defaults are trained with at the end; the best by the
            mean over them becomes the recipe. 0: the best by its score does.
        progress: whether to show what comes of each trial.

    Raises:
        SettingsError: a setting is wrong, or Optuna is not installed.
        RunFolderError: `storage` is of another tuning, in use, or cannot be written.
        TuningFailed: no trial could be trained.
        KeyboardInterrupt: on Ctrl-C, after what there is was kept.
    """
    start_server()
    given: dict[str, object] = {"environment": "", **settings}
    if algorithm is not None:
        given["algorithm"] = algorithm
    own = own_of(environment, network, evaluation_environment, given)
    base = {"algorithm": A3C, **with_recipe(recipe, given)}
    limits = {name for name in STEPS_ALONE if name not in settings}
    config = make_config({name: value for name, value in base.items() if name not in limits}, "settings")
    flags = TuneFlags(
        trials=trials,
        seeds=seeds,
        confirm=confirm,
        storage=Path(storage) if storage is not None else None,
        search=tuple(search),
        minutes=minutes,
        jobs=jobs,
        score_episodes=score_episodes,
    )
    check_ranges(flags)
    tuning, heading = begin(config, settings.keys() - {"seed", "steps"}, flags, own)
    return run_tuning(tuning, heading, make_display(progress))
