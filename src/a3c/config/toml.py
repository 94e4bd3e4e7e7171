"""TOML files, which hold settings: reading them, and writing values."""

import json
import tomllib
from pathlib import Path
from typing import Any

from a3c.errors import SettingsError


def read_toml(path: Path, title: str = "") -> dict[str, Any]:
    """The tables of a file; raises SettingsError in one line, with the path behind what `title` calls the file."""
    name = f"{title} {path}".lstrip()
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise SettingsError(f"{name} cannot be read: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"{name} is not a TOML file: {error}") from None
    except RecursionError:
        raise SettingsError(f"{name} is nested too deep") from None


def toml_value(value: Any) -> str:
    """A setting's value as TOML writes it."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(key)} = {toml_value(item)}" for key, item in value.items()) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(toml_value(item) for item in value) + "]"
    if isinstance(value, float):
        # TOML writes infinity as Python does, JSON otherwise.
        return float.__repr__(value)
    return json.dumps(value)
