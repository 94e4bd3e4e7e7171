"""What a file can hold of the values that are given from Python, and what stands there for all others."""

from typing import Any

ONLY_PYTHON = "only from Python"
"""Stands in files for what no file can hold, beside what it is."""


def can_be_held(value: Any) -> bool:
    """Whether `config.toml` and checkpoints can hold the value: numbers, text, and lists and tables of these."""
    if isinstance(value, (list, tuple)):
        return all(map(can_be_held, value))
    if isinstance(value, dict):
        return all(isinstance(key, str) and can_be_held(inner) for key, inner in value.items())
    return isinstance(value, (bool, int, float, str))
