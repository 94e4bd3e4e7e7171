"""What older versions wrote, brought to the form of this one step by step.

A file of schema n goes through all steps from n on. A step is given a checkpoint's header, its settings under "config",
and its tensors; of a `config.toml` the settings alone. Nothing of it was checked: what a step does not expect it leaves
as it is, to be refused by the checks that follow.

Who raises SCHEMA_VERSION adds a step here, unless defaults say what older files mean, and a folder beside
`tests/golden/schema-1`.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from a3c.algorithm.builtin import BUILT_IN
from a3c.config import SCHEMA_VERSION
from a3c.config.setting import names_of
from a3c.errors import A3CError, brief

Header = dict[str, Any]
Tensors = dict[str, np.ndarray]


def check_schema(schema: Any, path: Path, error: type[A3CError]) -> None:
    """Raises `error`, in one line, for a schema that this version cannot read."""
    if type(schema) is not int or schema < 1:
        raise error(f"{path} has schema {brief(repr(schema))}, which no version of a3c has written")
    if schema > SCHEMA_VERSION:
        raise error(
            f"{path} has schema {brief(schema)}, of a newer version of a3c than this one, which reads up to "
            f"{SCHEMA_VERSION}: update a3c"
        )


def migrated(schema: int, header: Header, tensors: Tensors) -> tuple[Header, Tensors]:
    """Header and tensors of a file of this schema, as this version writes them."""
    for before, step in STEPS:
        if schema <= before:
            header, tensors = step(header, tensors)
    return header, tensors


def migrated_settings(schema: int, settings: dict[str, Any]) -> dict[str, Any]:
    """The settings of a `config.toml` of this schema, as this version writes them."""
    return migrated(schema, {"config": settings}, {})[0]["config"]


def _moments(header: Header, tensors: Tensors) -> tuple[Header, Tensors]:
    """Before anything was normalised there were no moments."""
    return header, {"moments": np.empty(0)} | tensors


OWN_BEFORE = {
    "min_batch": 256, "rho_clip": 1.0, "c_clip": 1.0, "log_epsilon": 1e-6, "predictors": 1, "trainers": 1,
    "adjust_threads": False, "forced_lag": 0, "queue_size": None, "lag_correction": None,
}  # fmt: skip
"""The settings that not every algorithm has, and what schema 1 recorded of them for those that have them not."""


def _own(header: Header, tensors: Tensors) -> tuple[Header, Tensors]:
    """Before algorithms had settings of their own, all of those were recorded for every algorithm."""
    algorithm = BUILT_IN.get(str(header["config"].get("algorithm", "a3c")))
    theirs = names_of(algorithm.settings) if algorithm is not None else ()

    def says_something(name: str, value: Any) -> bool:
        return name not in OWN_BEFORE or (value is not None and (name in theirs or value != OWN_BEFORE[name]))

    settings = {name: value for name, value in header["config"].items() if says_something(name, value)}
    return header | {"config": settings}, tensors


def _readings(header: Header, tensors: Tensors) -> tuple[Header, Tensors]:
    """Before runs recorded how they read observations, they read bytes."""
    before = {} if "input_parts" in header["config"] else {"input_scaling": "bytes"}
    return header | {"config": before | header["config"]}, tensors


def _statistics(header: Header, tensors: Tensors) -> tuple[Header, Tensors]:
    """What a policy normalises with was the end of the parameters, and of the optimizer's state."""
    if not {"parameters", "optimizer_state", "moments"} <= tensors.keys():
        return header, tensors
    rewards = int(header["config"].get("normalize_rewards") is True)
    # A row of moments has a count, means and squares of the observations' numbers, and three numbers of the returns.
    size = rewards + max(0, len(tensors["moments"]) - 3 * rewards - 1)
    learned = max(0, tensors["parameters"].size - size)
    parts = {
        "parameters": tensors["parameters"][:learned],
        "statistics": tensors["parameters"][learned:],
        "optimizer_state": tensors["optimizer_state"][:, :learned],
    }
    return header, tensors | parts


def _boundaries(header: Header, tensors: Tensors) -> tuple[Header, Tensors]:
    """Before there were boundaries every run was saved by the clock."""
    return header | {"config": {"checkpoint_steps": 0} | header["config"]}, tensors


def _plain(header: Header, tensors: Tensors) -> tuple[Header, Tensors]:
    """Before anything was normalised by default it was as the settings said, which is no where they said nothing."""
    before = {"normalize_observations": False, "normalize_rewards": False}
    return header | {"config": before | header["config"]}, tensors


def _unmasked(header: Header, tensors: Tensors) -> tuple[Header, Tensors]:
    """Before there were action masks every action was valid, and a mask in an observation was seen as all else."""
    return header | {"config": {"action_masks": False} | header["config"]}, tensors


def _log(header: Header, tensors: Tensors) -> tuple[Header, Tensors]:
    """Before there were other loggers there was TensorBoard, or none."""
    settings = dict(header["config"])
    wanted = settings.pop("tensorboard", None)
    if isinstance(wanted, bool):
        settings["log"] = ["tensorboard"] if wanted else []
    return header | {"config": settings}, tensors


STEPS: tuple[tuple[int, Callable[[Header, Tensors], tuple[Header, Tensors]]], ...] = (
    (1, _moments),
    (1, _own),
    (1, _readings),
    (2, _statistics),
    (3, _boundaries),
    (3, _plain),
    (4, _unmasked),
    (4, _log),
)
"""The schema that a step starts from, and the step, in their order. What came within schema 1 tells by what is missing,
or too much, whether there is anything to do. In schema 2 `config.toml` has tables, and the rest is as before. Since
schema 4 a checkpoint says how it is played and what evaluations found; what was written before is played greedily.
Since schema 5 a run says whether it has action masks, and its setting `log` is what `tensorboard` was."""
