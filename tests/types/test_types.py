"""What a user's editor says of a right script, a wrong one and those of the documentation; and that keyword arguments
are the settings."""

import dataclasses
import json
import os
import subprocess
import sys
import typing
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

import a3c
from a3c.algorithm import LearnerSettings
from a3c.algorithm.builtin import (
    APPOSettings,
    GA3CSettings,
    IMPACTSettings,
    IMPALASettings,
    PQNSettings,
    QLearningSettings,
)
from a3c.config.keywords import (
    AnyKeywords,
    APPOKeywords,
    GA3CKeywords,
    IMPACTKeywords,
    IMPALAKeywords,
    Keywords,
    LearnerKeywords,
    PQNKeywords,
    QLearningKeywords,
)
from a3c.config.making import FIELDS, all_own_fields
from code_in_documents import modules

HERE = Path(__file__).parent


def test_a_checker_finds_what_is_wrong_and_nothing_else(tmp_path: Path):
    pytest.importorskip("pyright")
    pytest.importorskip("gymnasium", minversion="1.4", reason="the types of older libraries say less")
    for name in ("right.py", "wrong.py"):
        (tmp_path / name).write_text((HERE / name).read_text())
    for name, text in modules():
        (tmp_path / f"{name}.py").write_text(text)
    (tmp_path / "pyrightconfig.json").write_text('{"typeCheckingMode": "strict"}')
    command = [sys.executable, "-m", "pyright", "--outputjson", "--pythonpath", sys.executable, "-p", tmp_path]
    quiet = os.environ | {"PYRIGHT_PYTHON_IGNORE_WARNINGS": "1"}
    said = subprocess.run(command, capture_output=True, text=True, check=False, env=quiet)
    if not said.stdout.startswith("{"):
        pytest.skip(f"pyright does not run here: {said.stderr[-200:]}")
    found = {
        (Path(one["file"]).name, one["range"]["start"]["line"] + 1): one["message"]
        for one in json.loads(said.stdout)["generalDiagnostics"]
    }
    lines = enumerate((HERE / "wrong.py").read_text().splitlines(), start=1)
    wrong = {("wrong.py", number) for number, line in lines if line.endswith("# wrong")}
    assert wrong == found.keys(), {place: found.get(place) for place in wrong ^ found.keys()}


def test_a_name_that_a3c_has_not_is_an_error_when_it_runs_too():
    with pytest.raises(AttributeError, match="no attribute 'A4C'"):
        _ = a3c.A4C


NAMED = ("environment", "evaluation_environment", "network")
"""Settings that have arguments of their own."""


@pytest.mark.parametrize(
    ("keywords", "fields"),
    [
        (Keywords, {name: field for name, field in FIELDS.items() if name not in NAMED}),
        *(
            (keywords, {field.name: field for field in dataclasses.fields(settings)})
            for keywords, settings in (
                (LearnerKeywords, LearnerSettings),
                (APPOKeywords, APPOSettings),
                (GA3CKeywords, GA3CSettings),
                (IMPACTKeywords, IMPACTSettings),
                (IMPALAKeywords, IMPALASettings),
                (QLearningKeywords, QLearningSettings),
                (PQNKeywords, PQNSettings),
            )
        ),
    ],
)
def test_keyword_arguments_are_the_settings(keywords: type, fields: dict[str, dataclasses.Field]):
    types = typing.get_type_hints(keywords)
    if keywords is not Keywords:
        types = {name: types[name] for name in types.keys() - typing.get_type_hints(Keywords).keys()}
    assert types == {name: _as_keyword(name, field.type) for name, field in fields.items()}


def test_where_the_algorithm_is_not_known_those_of_all_are():
    assert typing.get_type_hints(AnyKeywords).keys() == typing.get_type_hints(Keywords).keys() | all_own_fields()


def _as_keyword(name: str, kind: Any) -> Any:
    """The type of what may be given for a field of this type."""
    arguments = typing.get_args(kind)
    if name == "env_kwargs":
        return Mapping[str, object]
    if typing.get_origin(kind) is tuple:
        return Sequence[arguments[0]]
    if typing.get_origin(kind) is dict:
        return Mapping[arguments]
    if typing.get_origin(kind) is not typing.Literal and arguments:
        return typing.Union[tuple(_as_keyword("", one) for one in arguments)]  # noqa: UP007
    return kind
