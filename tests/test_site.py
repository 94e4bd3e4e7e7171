"""The documentation as a site: built without a warning, with tutorials and examples that run, and what is public."""

import doctest
import importlib.util
import re
import subprocess
import sys
from pathlib import Path

import pytest

import a3c
from a3c.cli.main import COMMANDS
from a3c.config.making import FIELDS, all_own_fields
from a3c.recipes import all_recipes

DOCS = Path(__file__).parent.parent / "docs"
WITH_EXAMPLES = [page for page in DOCS.glob("*.md") if ">>> " in page.read_text()]


def text_of(page):
    return re.sub(r"<[^>]+>", "", page.read_text())


# In one, as it takes half a minute to build.
@pytest.mark.skipif(importlib.util.find_spec("myst_nb") is None, reason="the site needs the extra docs")
def test_the_site_is_built_without_a_warning_and_leaves_nothing_out(tmp_path):
    site = tmp_path / "html"
    command = [sys.executable, "-m", "sphinx", "-W", "--keep-going", "-q", "-d", tmp_path / "trees", DOCS, site]
    outcome = subprocess.run(command, capture_output=True, text=True, check=False)
    assert outcome.returncode == 0, outcome.stderr

    # Tutorials show what came of them.
    for name in ("first_agent", "own_environment", "comparing"):
        assert "cell_output" in (site / "tutorials" / f"{name}.html").read_text(), name
    # Every public name, setting, command and recipe has its place.
    python = (site / "api.html").read_text()
    assert [name for name in a3c.__all__ if f'id="a3c.{name}"' not in python] == []
    settings = text_of(site / "_generated" / "settings.html")
    named = {*FIELDS, *all_own_fields()} - {"environment", "algorithm", "own"}
    assert [name for name in named if f"{name} (" not in settings] == []
    commands = site / "_generated" / "commands.html"
    assert [name for name in COMMANDS if f'id="a3c-{name}"' not in commands.read_text()] == []
    assert [name for name in COMMANDS if f"usage: a3c {name}" not in text_of(commands)] == []
    recipes = text_of(site / "_generated" / "recipes.html")
    assert [name for name in all_recipes() if name not in recipes] == []
    # Pictures are the site's own, and flags keep their hyphens.
    assert [page.name for page in site.rglob("*.html") if re.search(r'<img[^>]* src="http', page.read_text())] == []
    assert "--wrapper gymnasium.wrappers:ClipReward" in settings
    # Links to files lead to the repository.
    assert "/blob/main/src/a3c/algorithms/a3c.py" in (site / "a3c.html").read_text()


@pytest.mark.parametrize("page", WITH_EXAMPLES, ids=lambda page: page.name)
def test_examples_give_what_they_show(page):
    assert doctest.testfile(str(page), module_relative=False).failed == 0
