"""How a tuning begins: what is searched and what is fixed, checked before anything is written."""

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from a3c.config import TrainConfig
from a3c.config.making import recorded
from a3c.config.run import LIMITS
from a3c.errors import RunFolderError, SettingsError
from a3c.interruption import interruption
from a3c.machine import available_cores
from a3c.runs.files import disk_errors, exists
from a3c.runs.folder import file_name
from a3c.training.beginning import NOTHING_OWN, Own, prepare
from a3c.training.progress import Display
from a3c.tuning.confirming import Confirmation, chosen
from a3c.tuning.flags import TuneFlags
from a3c.tuning.report import draw, picture_path, recipe_path, write_recipe
from a3c.tuning.spaces import Task, searched, spelled, value_of
from a3c.tuning.study import Study, Trial, opened
from a3c.tuning.trial import for_trials, way_of
from a3c.tuning.tuner import FINALISTS, Tuner, Tuning

STEPS_ALONE = tuple(name for name in LIMITS if name != "steps")
"""Limits that trials do not have."""
EVALUATION_EPISODES = 10
"""Of an evaluation beside training, where nothing else is set: they only say which trials are not worth more."""
NOT_HERE = {
    "workers": "a trial has one worker: `jobs` says how many run at once",
    "backend": "a trial has one worker, in a process of its own",
    "cluster": "trials run on this machine: leave it out",
    "ordered": "a trial has one worker, which gives one result anyway",
    "evaluate_every": "trials are evaluated five times: leave it out",
    "stop_when_solved": "trials all train to the same steps: leave it out",
    **dict.fromkeys(
        ("log", "report_interval", "checkpoint_interval", "checkpoint_steps"), "trials keep no run: leave it out"
    ),
    "worker_restarts": "a trial that fails is not begun again: leave it out",
    **dict.fromkeys(STEPS_ALONE, "trials all train to the same `steps`: set those, and leave it out"),
}
"""Settings that trials cannot have, and why."""


@dataclass(frozen=True)
class Tuned:
    """What a tuning has come to."""

    trials: list[Trial] = field(repr=False)
    """All that have come to their end, by number."""
    best: Trial | None
    """The one that is best by fresh seeds, or by its score where none was confirmed; None where none was trained to the
    end."""
    recipe: str | None
    """The file with its settings, which `recipe=` takes."""
    picture: Path | None
    storage: Path


def begin(
    config: TrainConfig, fixed: Collection[str], flags: TuneFlags, own: Own | None = None
) -> tuple[Tuning, list[str]]:
    """What is to be tuned, and the lines that say so. `fixed` are the settings that the user has set, `own` what a
    caller in Python made, where it is one.

    Raises SettingsError, InvalidEnvironment and whatever else is wrong with the first trial, in one line each.
    """
    _check(config, fixed)
    first = 1 if config.seed is None else config.seed
    if "evaluation_episodes" not in fixed:
        config = config.replace(evaluation_episodes=EVALUATION_EPISODES)
    _, start = prepare(for_trials(config).replace(backend="processes", seed=first), own=own or NOTHING_OWN)
    resolved = start.config
    task = Task(_has_numbers(start.spaces["action"]), _has_frames(resolved))
    names = tuple(name for given in flags.search for name in given.split(",") if name)
    spaces = searched(resolved, task, fixed, names)
    sent = None
    if own is not None:
        from a3c.environments.registrations import packed

        sent = packed(own)
    default = Path("tuning") / f"{file_name(resolved)}.journal"
    tuning = Tuning(
        config=config.replace(environment=resolved.environment, seed=None),
        spaces=spaces,
        defaults={name: value_of(resolved, name) for name in spaces},
        seeds=tuple(range(first, first + flags.seeds)),
        score_episodes=flags.score_episodes,
        storage=flags.storage or default,
        trials=flags.trials,
        jobs=min(flags.jobs or available_cores(), flags.trials),
        minutes=flags.minutes,
        confirm=flags.confirm,
        own=sent,
    )
    _check_storage(tuning.storage)
    return tuning, _heading(tuning, task)


def _check(config: TrainConfig, fixed: Collection[str]) -> None:
    for name, why in NOT_HERE.items():
        if name in fixed:
            raise SettingsError(f"`{name}` is not for tuning: {why}")
    if config.algorithm.learns == "nowhere":
        raise SettingsError(f"{config.algorithm} learns nothing, so there is nothing to tune")
    if config.evaluation_policy == "both":
        raise SettingsError("`evaluation_policy` both gives two scores: choose greedy or sampled")
    if config.steps is None:
        raise SettingsError("say how long a trial trains: set `steps`")


def _check_storage(path: Path) -> None:
    if path.suffix in (".toml", ".png"):
        raise SettingsError(f"`storage` {path} is where the recipe or the picture goes: name it .journal")
    for other in (recipe_path(path), picture_path(path)):
        if exists(other) and not exists(path):
            raise RunFolderError(f"`storage` {path} is new, but would write over {other}: move that, or name another")


@contextmanager
def _study(tuning: Tuning) -> Iterator[Study]:
    settings = recorded(tuning.config) | dict.fromkeys((*STEPS_ALONE, "seed"))
    identity = {
        "environment": tuning.config.environment,
        "algorithm": tuning.config.algorithm.recorded,
        "seeds": tuning.seeds,
        "score_episodes": tuning.score_episodes,
        "settings": settings,
        "search": {name: str(space) for name, space in tuning.spaces.items()},
    }
    with opened(tuning.storage, identity, tuning.spaces, tuning.defaults, len(tuning.seeds)) as study:
        yield study


def tune(tuning: Tuning, heading: list[str], display: Display) -> Tuned:
    """Runs the trials that are to be run yet. Raises Interrupted on Ctrl-C, with what there is then."""
    with interruption.deferred() as interrupted, _study(tuning) as study:
        trials = study.trials()
        for line in heading:
            display.say(line)
        if trials:
            display.say(f"{tuning.storage} holds {_trials(len(trials))}: it goes on")
        tuner = shown = Tuner(tuning, study, display, lambda _: _keep_recipe(tuning, study.trials()))
        try:
            with disk_errors(tuning.storage):
                tuner.run(interrupted)
                confirmation = Confirmation(tuning, study, display)
                if confirmation.any and not interrupted.is_set():
                    display.say(tuner.state.line())
                    shown = confirmation
                    confirmation.run(interrupted)
        finally:
            display.close(shown.state)
        tuned = _tuned(tuning, study.trials())
    if interrupted.is_set():
        raise Interrupted(tuned)
    return tuned


class Interrupted(KeyboardInterrupt):
    """Ctrl-C, SIGTERM or SIGHUP, after all was kept; carries what there is."""

    def __init__(self, tuned: Tuned):
        super().__init__("interrupted")
        self.tuned = tuned


def _keep_recipe(tuning: Tuning, trials: list[Trial]) -> None:
    """Has the recipe be that of the best so far; where some were confirmed before, of the best of these."""
    if (best := chosen(trials, tuning.confirm)) is not None:
        write_recipe(tuning, best, trials)


def _tuned(tuning: Tuning, trials: list[Trial]) -> Tuned:
    best = chosen(trials, tuning.confirm)
    if best is None:
        return Tuned(trials, None, None, None, tuning.storage)
    recipe = str(write_recipe(tuning, best, trials))
    return Tuned(trials, best, recipe, draw(tuning, trials, best), tuning.storage)


def _heading(tuning: Tuning, task: Task) -> list[str]:
    config, seeds = tuning.config, len(tuning.seeds)
    which = f"{seeds} seeds ({tuning.seeds[0]} to {tuning.seeds[-1]})" if seeds > 1 else f"seed {tuning.seeds[0]}"
    median = "median over the seeds of the " if seeds > 1 else ""
    width = max(map(len, tuning.spaces))
    return [
        f"tuning {config.algorithm} on {config.environment} ({task}): {_trials(tuning.trials)} of {which}, "
        f"{config.steps:,} steps each, {tuning.jobs} at once, into {tuning.storage}",
        f"score: {median}mean return of {tuning.score_episodes} fresh episodes ({way_of(config)}) of the final policy",
        *_confirming(tuning),
        "searched (a setting's flag fixes it, `search` names those to search):",
        *(
            f"  {name:{width}}  {space}; first {spelled(tuning.defaults[name])}"
            for name, space in tuning.spaces.items()
        ),
    ]


def _confirming(tuning: Tuning) -> list[str]:
    seeds = tuning.fresh_seeds
    if not seeds:
        return []
    by = f"the mean over fresh seeds ({seeds[0]} to {seeds[-1]})" if len(seeds) > 1 else f"a fresh seed ({seeds[0]})"
    return [f"chosen at the end: of the best {FINALISTS} and the defaults, by {by}"]


def _has_numbers(space: Any) -> bool:
    """Whether there are numbers among the actions of a space that is described so."""
    parts = space.get("parts", ())
    return space["kind"] == "Box" or any(map(_has_numbers, parts.values() if isinstance(parts, dict) else parts))


def _has_frames(config: TrainConfig) -> bool:
    networks = [config.network, *(reading.partition("/")[0] for reading in config.input_parts.values())]
    return any(network not in (None, "mlp") for network in networks)


def _trials(count: int) -> str:
    return f"{count} trial{'s' if count != 1 else ''}"
