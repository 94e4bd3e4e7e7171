"""Who may ask which algorithm runs: an algorithm is a value, and all else asks that."""

import ast
import importlib
from pathlib import Path

import pytest

import a3c
from a3c.algorithm.builtin import BUILT_IN

SOURCE = Path(a3c.__file__).parent
MAY_NAME_ONE = ("algorithms/", "recipes/", "agent.py")
NETWORKS = ("networks/", "config/network.py")
"""Where "a3c" is a network, that of the paper."""


def strings(node: ast.AST) -> set[str]:
    return {one.value for one in ast.walk(node) if isinstance(one, ast.Constant) and isinstance(one.value, str)}


def named(code: str) -> set[str]:
    """The strings that code compares with, matches, or lists as the words of a type."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, (ast.Compare, ast.MatchValue)):
            found |= strings(node)
        if isinstance(node, ast.Subscript) and "Literal" in ast.unparse(node.value):
            found |= strings(node.slice)
    return found


@pytest.mark.parametrize(
    "code", ['x = 1 if config.algorithm == "ga3c" else 2', 'kind: Literal["a2c", "b"]', 'y = name in ("x", "impala")']
)
def test_naming_one_is_noticed(code):
    assert named(code) & BUILT_IN.keys()


def test_nothing_asks_for_an_algorithms_name():
    asking = {}
    for path in sorted(SOURCE.rglob("*.py")):
        name = path.relative_to(SOURCE).as_posix()
        found = (named(path.read_text()) & BUILT_IN.keys()) - ({"a3c"} if name.startswith(NETWORKS) else set())
        if found and not name.startswith(MAY_NAME_ONE):
            asking[name] = found
    assert asking == {}


def test_every_built_in_algorithm_has_its_loops():
    for algorithm in BUILT_IN.values():
        for loop in filter(None, (algorithm.worker, algorithm.learner)):
            module, _, function = str(loop).partition(":")
            assert callable(getattr(importlib.import_module(module), function))
