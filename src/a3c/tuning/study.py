"""The trials that there are, in a file: Optuna's journal, to which a line is added for all that happens.

The one file that imports Optuna. One process writes to it at a time, so trials that are running where it is opened are
those of a process that was killed. (In SQLite, Optuna's other file, the same takes seven times as long.)
"""

import json
import statistics
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, cast

from a3c.errors import RunFolderError, SettingsError, brief, described, install
from a3c.runs.files import exists
from a3c.runs.lock import locked_file
from a3c.tuning.spaces import Range, Space
from a3c.tuning.trial import EVALUATIONS

NAME, IDENTITY, SCORES, ERROR, DEFAULTS, CONFIRMED = (*("a3c", "tuning", "scores", "error", "defaults", "confirmed"),)
"""Of the study in the file, and of what is noted there: of the tuning, and of trials."""
FIRST = 4
"""Trials that are completed before any is pruned."""
FIRST_OF_ALL = b'{"op_code":'
"""What a journal begins with."""

State = Literal["complete", "pruned", "failed"]


@dataclass(frozen=True)
class Trial:
    """A trial that has come to its end."""

    number: int
    state: State
    values: dict[str, Any]
    """The settings that were searched."""
    score: float | None
    """The median over the seeds; of a trial that was pruned what it had come to then, as far as it had come."""
    scores: list[float]
    """Of the seeds that were trained to the end."""
    is_default: bool
    """Whether its settings are those that the search began with."""
    evaluations: int = 0
    """How far it came: evaluations beside training, over all seeds."""
    error: str = ""
    confirmed: tuple[float, ...] = ()
    """Of fresh seeds, which it was not chosen by."""
    seconds: float = 0.0
    """That it took."""

    @property
    def title(self) -> str:
        """What it is called in lines for people."""
        return f"trial {self.number}{' (the defaults)' if self.is_default else ''}"


class Running:
    """A trial that is running: its values, and what it has told."""

    def __init__(self, study: Any, trial: Any, values: dict[str, Any], seeds: int):
        self._study, self._trial, self.values = study, trial, values
        self._means: list[list[float]] = [[] for _ in range(EVALUATIONS)]
        self._seeds, self.scores = seeds, list[float]()
        self.evaluations = 0

    @property
    def number(self) -> int:
        return self._trial.number

    def report(self, seed: int, number: int, mean: float) -> bool:
        """An evaluation beside training; whether the trial is to be pruned.

        What is compared is the median over the seeds that have come as far, with those that earlier trials had there.
        """
        self._means[number].append(mean)
        self.evaluations += 1
        self._trial.report(statistics.median(self._means[number]), seed * EVALUATIONS + number)
        last = (seed + 1, number + 1) == (self._seeds, EVALUATIONS)
        return not last and self._trial.should_prune()

    def complete(self) -> None:
        self._trial.set_user_attr(SCORES, self.scores)
        self._study.tell(self._trial, statistics.median(self.scores))

    def prune(self, error: str = "") -> None:
        self._end("PRUNED", error)

    def fail(self, error: str) -> None:
        self._end("FAIL", error)

    def _end(self, state: str, error: str) -> None:
        from optuna.trial import TrialState

        self._trial.set_user_attr(SCORES, self.scores)
        if error:
            self._trial.set_user_attr(ERROR, error)
        self._study.tell(self._trial, state=TrialState[state])


class Study:
    """The trials of one tuning. `opened` gives it."""

    def __init__(self, study: Any, spaces: Mapping[str, Space], seeds: int):
        self._study, self._spaces, self._seeds = study, spaces, seeds

    def ask(self) -> Running:
        """The next trial: one that was given up before, or one that the search proposes."""
        trial = self._study.ask()
        values = {name: _suggest(trial, name, space) for name, space in self._spaces.items()}
        return Running(self._study, trial, values, self._seeds)

    def trials(self) -> list[Trial]:
        """Those that have come to their end, by number."""
        confirmed = self._confirmed()
        return [
            one
            for trial in self._study.get_trials(deepcopy=False)
            if (one := _ended(trial, confirmed.get(str(trial.number), {}))) is not None
        ]

    def confirm(self, number: int, seed: int, score: float) -> None:
        """Notes what a fresh seed of a trial came to."""
        confirmed = self._confirmed()
        confirmed[str(number)] = confirmed.get(str(number), {}) | {str(seed): score}
        self._study.set_user_attr(CONFIRMED, confirmed)

    def confirmed_seeds(self, number: int) -> set[int]:
        """The fresh seeds that a trial was trained with."""
        return set(map(int, self._confirmed().get(str(number), {})))

    def _confirmed(self) -> dict[str, dict[str, float]]:
        """By trial and seed."""
        return self._study.user_attrs.get(CONFIRMED, {})

    def give_up_running(self) -> int:
        """Has those that are running begin anew when it goes on; how many there were."""
        from optuna.trial import TrialState

        running = self._study.get_trials(deepcopy=False, states=(TrialState.RUNNING,))
        for trial in running:
            if set(trial.params) == set(self._spaces):
                # First, so that none is lost where this process is killed in between.
                self._study.enqueue_trial(trial.params, user_attrs=trial.user_attrs)
            self._study.tell(trial.number, state=TrialState.FAIL)
        return len(running)

    def begin_with(self, defaults: Mapping[str, Any]) -> None:
        """Has these be the first trial; tried again where that failed, as an environment may have been mended."""
        trials = self._study.get_trials(deepcopy=False)
        if not any(DEFAULTS in trial.user_attrs and trial.state.name != "FAIL" for trial in trials):
            self._study.enqueue_trial(dict(defaults), user_attrs={DEFAULTS: True})


class _NoLock:
    """The file is held already; a lock of Optuna's would stay behind where this process is killed."""

    def acquire(self) -> bool:
        return True

    def release(self) -> None: ...


@contextmanager
def opened(
    path: Path, identity: Mapping[str, Any], spaces: Mapping[str, Space], defaults: Mapping[str, Any], seeds: int
) -> Iterator[Study]:
    """The study in a file, which is made where there is none; no other process has it meanwhile.

    `identity` is all that makes scores comparable. Raises RunFolderError where the file is none, in use, or of another
    tuning, and SettingsError where Optuna is missing.
    """
    try:
        import optuna
    except ImportError:
        raise SettingsError(f"tuning needs Optuna, which is not installed: {install('tune')}") from None

    with locked_file(path):
        before = optuna.logging.get_verbosity()
        optuna.logging.set_verbosity(optuna.logging.ERROR)
        try:
            inner = _load(optuna, path)
            _check_same(inner, path, json.loads(json.dumps(identity)))
            inner.sampler = optuna.samplers.TPESampler(seed=identity["seeds"][0] + len(inner.trials))
            study = Study(inner, spaces, seeds)
            study.give_up_running()
            study.begin_with(defaults)
            try:
                yield study
            finally:
                study.give_up_running()
        finally:
            optuna.logging.set_verbosity(before)


def _load(optuna: Any, path: Path) -> Any:
    """The study in the file, which is made where there is none."""
    from optuna.storages import JournalStorage, journal

    if exists(path) and not _is_ours(path):
        raise RunFolderError(f"`storage` {path} holds something else than a tuning: name another file")
    try:
        storage = JournalStorage(journal.JournalFileBackend(str(path), cast(Any, _NoLock())))
        pruner = optuna.pruners.MedianPruner(n_startup_trials=FIRST)
        return optuna.create_study(
            storage=storage, study_name=NAME, direction="maximize", pruner=pruner, load_if_exists=True
        )
    except (OSError, ValueError, KeyError) as error:
        raise RunFolderError(f"`storage` {path} cannot be used: {brief(described(error))}") from None


def _is_ours(path: Path) -> bool:
    """Whether it is a journal, or empty. The end of a line that was not written whole is cut off."""
    if path.is_dir():
        return False
    with path.open("rb+") as file:
        content = file.read()
        whole = content.rfind(b"\n") + 1
        if not FIRST_OF_ALL.startswith(content[: len(FIRST_OF_ALL)]):
            return False
        file.truncate(whole)
    return True


def _check_same(study: Any, path: Path, identity: dict[str, Any]) -> None:
    """Notes what it is a tuning of, or compares that."""
    noted = study.user_attrs.get(IDENTITY)
    if noted is None:
        study.set_user_attr(IDENTITY, identity)
        return
    for name in ("environment", "algorithm"):
        if noted[name] != identity[name]:
            raise RunFolderError(
                f"`storage` {path} holds a tuning of {noted[name]}, not of {identity[name]}: name another file"
            )
    for part, values in identity.items():
        if noted[part] == values:
            continue
        different = [part]
        if isinstance(values, dict):
            different = [name for name in values | noted[part] if values.get(name) != noted[part].get(name)]
        raise RunFolderError(
            f"`storage` {path} holds a tuning with other {', '.join(different)}, whose scores say nothing of this: "
            "name another file, or give what it was begun with"
        )


def _suggest(trial: Any, name: str, space: Space) -> Any:
    if isinstance(space, Range):
        return trial.suggest_float(name, space.low, space.high, log=True)
    return trial.suggest_categorical(name, space.values)


def _ended(trial: Any, confirmed: dict[str, float]) -> Trial | None:
    """What there is to say of it; None of one that has not come to its end."""
    attributes, state = trial.user_attrs, trial.state.name
    states: dict[str, State] = {"COMPLETE": "complete", "PRUNED": "pruned"}
    if state == "FAIL" and ERROR in attributes:
        states["FAIL"] = "failed"
    if state not in states:
        return None
    # What a trial that was pruned had come to last.
    values = trial.intermediate_values
    score = trial.value if state == "COMPLETE" else values[max(values)] if values else None
    return Trial(
        trial.number,
        states[state],
        dict(trial.params),
        score,
        attributes.get(SCORES, []),
        bool(attributes.get(DEFAULTS)),
        len(values),
        attributes.get(ERROR, ""),
        tuple(confirmed.values()),
        trial.duration.total_seconds() if trial.duration else 0.0,
    )
