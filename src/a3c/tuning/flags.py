"""How is searched, as the command line and Python ask for it. Importing this takes no Optuna and no JAX."""

from dataclasses import dataclass
from pathlib import Path

from a3c.config.setting import setting


@dataclass(frozen=True)
class TuneFlags:
    """How is searched."""

    trials: int = setting(50, at_least=1, everyday="settings to try, in all")
    """Settings to try, in all: with a storage that holds some already, the rest."""

    seeds: int = setting(3, at_least=1, everyday="seeds that each is trained with; the median counts")
    """Seeds that each trial is trained with, S, S+1, ... from --seed S (default: 1) on. Its score is the median over
    them."""

    confirm: int = setting(5, at_least=0, everyday="fresh seeds that the best trials are confirmed with; 0: none")
    """Fresh seeds, those after the trials' own, that the best three trials and the defaults are trained with when the
    search has ended. The best by the mean over them becomes the recipe: a median over few seeds does not see that one
    run in three is bad. 0: the best by its score does."""

    storage: Path | None = setting(None, everyday="file of the trials; default tuning/ENV-ALGORITHM.journal")
    """File that holds the trials, a journal of Optuna, as its other tools read it. The same command goes on with what
    is in it; the recipe and the picture are written beside it, as .toml and .png. Default:
    tuning/ENV-ALGORITHM.journal."""

    search: tuple[str, ...] = setting((), everyday="search these settings alone: learning_rate,gamma")
    """Search these settings alone, with commas between them. Default: all that suit the algorithm and the task."""

    minutes: float | None = setting(None, above=0, everyday="stop after this many minutes; the same command goes on")
    """Stop after this many minutes, whatever runs then: it begins anew when the same command goes on."""

    jobs: int | None = setting(None, at_least=1, everyday="trials at once; by default as many as there are cores")
    """Trials at once, each on a core of its own. Default: the cores this process may use."""

    score_episodes: int = setting(50, at_least=1, everyday="fresh episodes that score a seed's final policy")
    """Episodes that the policy plays which a seed's training ends with; their mean return is the seed's score."""

    recipe: str | None = setting(None, everyday="settings to start from (a3c recipes, or a file), or none")
    """Recipe to start from (see a3c recipes), a file with one, or none for plain defaults: the first trial. Default:
    the one for this environment."""

    progress: bool = True
    """Show progress: a line a trial, and in a terminal one that is renewed."""
