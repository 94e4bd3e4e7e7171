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


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The built site. A link or a page that leads nowhere, and a tutorial that fails, are errors."""
    if importlib.util.find_spec("myst_nb") is None:
        pytest.skip("the site needs the extra docs")
    built = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "sphinx", "-W", "--keep-going", "-q", "-d", built / "trees", DOCS, built / "html"]
    outcome = subprocess.run(command, capture_output=True, text=True, check=False)
    assert outcome.returncode == 0, outcome.stderr
    return built / "html"


def text_of(page):
    return re.sub(r"<[^>]+>", "", page.read_text())


def test_tutorials_show_what_came_of_them(site):
    for name in ("first_agent", "own_environment", "comparing"):
        assert "cell_output" in (site / "tutorials" / f"{name}.html").read_text(), name


def test_every_public_name_setting_command_and_recipe_has_its_place(site):
    python = (site / "api.html").read_text()
    assert [name for name in a3c.__all__ if f'id="a3c.{name}"' not in python] == []
    settings = text_of(site / "_generated" / "settings.html")
    named = {*FIELDS, *all_own_fields()} - {"environment", "algorithm", "own"}
    assert [name for name in named if f"{name} (" not in settings] == []
    commands = (site / "_generated" / "commands.html").read_text()
    assert [name for name in COMMANDS if f'id="a3c-{name}"' not in commands] == []
    recipes = text_of(site / "_generated" / "recipes.html")
    assert [name for name in all_recipes() if name not in recipes] == []


def test_links_to_files_lead_to_the_repository(site):
    assert "/blob/main/src/a3c/algorithms/a3c.py" in (site / "a3c.html").read_text()


@pytest.mark.parametrize("page", WITH_EXAMPLES, ids=lambda page: page.name)
def test_examples_give_what_they_show(page):
    assert doctest.testfile(str(page), module_relative=False).failed == 0
