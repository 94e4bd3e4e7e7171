"""Notebooks: whether this is one, and tables for it."""

import html
import sys
from collections.abc import Mapping


def in_notebook() -> bool:
    """Whether what is printed is shown in a notebook, as Jupyter and Colab have it."""
    return type(sys.stdout).__module__.startswith("ipykernel")


def table(heading: str, rows: Mapping[str, object]) -> str:
    """HTML of a heading and rows, each a title and what is to be said; those of None are left out."""
    cells = "".join(
        f'<tr><th style="text-align:left">{html.escape(title)}</th>'
        f'<td style="text-align:left">{html.escape(f"{value:,}" if isinstance(value, int) else str(value))}</td></tr>'
        for title, value in rows.items()
        if value is not None
    )
    return f"<table><caption>{html.escape(heading)}</caption>{cells}</table>"
