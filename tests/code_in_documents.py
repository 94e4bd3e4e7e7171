"""The Python code of the documentation's pages, as a reader would copy it."""

import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parent.parent
SIDE_BY_SIDE = ROOT / "docs" / "side_by_side.md"
BLOCK = re.compile(r"^```python\n(.*?)^```", re.DOTALL | re.MULTILINE)
HERE = re.compile(r"^Here:\n\n```python\n(.*?)^```", re.DOTALL | re.MULTILINE)

BEFORE = """# pyright: basic, reportMissingImports=false, reportMissingModuleSource=false
from typing import Any as _Any

import a3c as _a3c
import gymnasium as _gymnasium

agent: _a3c.Agent = _a3c.A3C("CartPole-v1")
observation: _Any = None
reward, terminated, truncated = 0.0, False, False


class Mine(_gymnasium.Wrapper[_Any, _Any, _Any, _Any]): ...


class MyEnv(_gymnasium.Env[_Any, _Any]): ...


class MyDictEnv(MyEnv): ...


"""
"""What readers have already where a page shows a part of a script."""


def modules() -> Iterator[tuple[str, str]]:
    """Of each page with Python code a module's name, and its text: all blocks of the page, one after the other."""
    for page in (ROOT / "README.md", *sorted(ROOT.glob("docs/*.md"))):
        blocks = (HERE if page == SIDE_BY_SIDE else BLOCK).findall(page.read_text())
        blocks = [block for block in blocks if not block.startswith(">>> ")]
        if blocks:
            yield f"{page.stem.lower()}_page", BEFORE + "\n".join(blocks)
