"""`a3c tune`: searches for good settings, and writes the best as a recipe."""

import shlex
from contextlib import suppress
from typing import Any

from a3c.cli.command import HELP, HELP_ALL, Command, with_flags
from a3c.cli.flags import read
from a3c.cli.train import SETTINGS, groups, settings_of
from a3c.config.checks import check_ranges
from a3c.config.setting import names_of
from a3c.errors import OutputError
from a3c.processes.starting import start_server
from a3c.tuning.flags import TuneFlags

DESCRIPTION = """Search for good settings. Every trial trains with other settings, with several seeds and to the same
--steps; its score is the median over the seeds of what the final policy reaches in fresh episodes. Trials run side by
side, one on each core. The first has the settings that a3c train would start from; one that is worse than the median of
the trials before it, at the same steps, is pruned. At the end the best three and the defaults are trained with fresh
seeds, --confirm of each, and the best by the mean over these is chosen.

  a3c tune Acrobot-v1 --steps 50_000 --trials 40
  a3c tune Acrobot-v1 --steps 50_000 --minutes 20 --search learning_rate,gamma,segment_length
  a3c tune my_module:MyEnv --steps 200_000 --algorithm appo --gamma 0.99     gamma is fixed: it is not searched

What is searched is printed first. Every setting of a3c train can be fixed by its flag. Trials are kept in a file:
after Ctrl-C, --minutes or a kill the same command goes on. At the end there are a table, a picture and a recipe:

  a3c train Acrobot-v1 --recipe tuning/Acrobot-v1-a3c.toml"""

SHOWN, WIDEST = 10, 120
"""Trials in the table, and its columns where no terminal says how many there are."""


def run(arguments: list[str]) -> int:
    """Runs the command; `arguments` come after `tune`."""
    if not {*HELP, HELP_ALL} & set(arguments):
        # It imports JAX on another core meanwhile.
        start_server()
    command = Command("a3c tune", DESCRIPTION, groups(("this tuning", TuneFlags)), "environment")
    given = read(command, arguments, unknown := {})
    # Flags of an algorithm that is none of this package are not known yet.
    fixed = {name.partition(".")[0] for name in given} & SETTINGS
    fixed |= {title.removeprefix("--").replace("-", "_") for title in unknown}
    flags = TuneFlags(**{name: given[name] for name in names_of(TuneFlags) if name in given})
    check_ranges(flags)
    config = settings_of(command, given, unknown, limits=("steps",))
    from a3c.training.progress import make_display
    from a3c.tuning.beginning import Interrupted, begin, tune

    tuning, heading = begin(config, fixed - {"environment", "algorithm", "seed", "steps"}, flags)
    again = f"a3c tune {shlex.join(arguments)}"
    try:
        tuned = tune(tuning, heading, make_display(flags.progress, spell=with_flags))
    except Interrupted as interrupted:
        with suppress(OSError):
            _print(interrupted.tuned, config.environment)
            print(f"stopped, and kept; continue with:\n  {again}", flush=True)
        return 130
    except OutputError as error:
        raise OutputError(f"{error}; stopped and kept, continue with {again}") from None
    _print(tuned, config.environment)
    if len(tuned.trials) < flags.trials:
        print(f"the time was over; continue with:\n  {again}")
    return 0


def _print(tuned: Any, environment: str) -> None:
    from statistics import fmean

    from rich.console import Console
    from rich.table import Table

    from a3c.tuning.spaces import spelled, spelled_all
    from a3c.tuning.tuner import ranked

    # What was chosen first, then by score.
    rows = sorted(ranked(tuned.trials), key=lambda trial: trial is not tuned.best)
    if tuned.best is None:
        print("no trial has been trained to its end yet")
        return
    table = Table("trial", box=None, header_style="bold", pad_edge=False)
    confirmed = any(trial.confirmed for trial in rows)
    for title in ("score", "its seeds", *(("fresh", "its seeds") if confirmed else ())):
        table.add_column(title, justify="right")
    table.add_column("settings", overflow="fold")
    shown = rows[:SHOWN] + [trial for trial in rows[SHOWN:] if trial.is_default]
    for trial in shown:
        name = f"{trial.number}{' (defaults)' if trial.is_default else ''}"
        fresh = (
            [spelled(fmean(trial.confirmed)), " ".join(map(spelled, trial.confirmed))] if trial.confirmed else ["", ""]
        )
        row = [name, spelled(trial.score), " ".join(map(spelled, trial.scores)), *(fresh if confirmed else ())]
        table.add_row(*row, spelled_all(trial.values))
    Console(width=None if Console().is_terminal else WIDEST).print(table)
    _print_counts(tuned.trials)
    print(f"picture  {tuned.picture}\nrecipe   {tuned.recipe}\ntrials   {tuned.storage}")
    print(f"train with the best:\n  a3c train {environment} --recipe {shlex.quote(str(tuned.recipe))}")


def _print_counts(trials: list[Any]) -> None:
    counts = {state: sum(trial.state == state for trial in trials) for state in ("complete", "pruned", "failed")}
    print(", ".join(f"{count} {state}" for state, count in counts.items() if count) + " trials")
