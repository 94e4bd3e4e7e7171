"""What the project says of itself: links that lead somewhere, and notes of a release from the changelog."""

import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

from a3c.cli.completion import _completed
from a3c.cli.main import COMMANDS

ROOT = Path(__file__).parent.parent
PAGES = [*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")]
WRITTEN_BY_CODE = "_generated/"
CODE = re.compile(r"^```.*?^```|`[^`\n]*`", re.DOTALL | re.MULTILINE)
LINK = re.compile(r"\]\(([^)\s]+)\)")

CHANGELOG = """# Changelog

## [Unreleased]

- Not yet.

## [0.2.0] - 2027-01-02

### Added

- Second.

## [0.1.0] - 2026-12-01

- First.
"""


def anchors(page):
    """What its headings are called in links."""
    headings = re.findall(r"^#+ (.+)$", CODE.sub("", page.read_text()), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_to_a_file_or_a_heading_leads_there(page):
    links = [link for link in LINK.findall(CODE.sub("", page.read_text())) if "://" not in link]
    for path, _, anchor in (link.partition("#") for link in links if not link.startswith(WRITTEN_BY_CODE)):
        target = page.parent / path if path else page
        assert target.exists(), path
        assert not anchor or anchor in anchors(target), f"{path}#{anchor}"


def test_every_page_is_linked_from_the_front_page():
    links = LINK.findall((ROOT / "README.md").read_text())
    assert {f"docs/{page.name}" for page in ROOT.glob("docs/*.md")} <= set(links)


def commands():
    """What the documentation tells to type, of commands of this package."""
    for page in PAGES:
        for block in re.findall(r"^```\n(.*?)^```", page.read_text(), re.DOTALL | re.MULTILINE):
            for line in re.sub(r"\\\n\s*", "", block).splitlines():
                if line.removeprefix("$ ").startswith("a3c ") and "..." not in line:
                    yield shlex.split(line.removeprefix("$ "), comments=True)[1:]


def test_commands_and_their_flags_are_there():
    flags = {name: {*_completed(name).flags, "--help", "--help-all"} for name in COMMANDS}
    unknown = [
        (name, *wrong)
        for name, *words in commands()
        if name != "COMMAND"
        and (wrong := [word for word in words if word.startswith("--") and word.split("=")[0] not in flags[name]])
    ]
    assert unknown == []


@pytest.mark.skipif(shutil.which("make") is None, reason="needs make")
@pytest.mark.parametrize(
    ("version", "status", "notes"),
    [
        ("Unreleased", 0, "- Not yet."),
        ("0.2.0", 0, "### Added\n\n- Second."),
        ("0.1.0", 0, "- First."),
        ("0.1", 2, ""),
        ("", 2, ""),
    ],
)
def test_the_notes_of_a_release_are_its_section_of_the_changelog(tmp_path, version, status, notes):
    (tmp_path / "CHANGELOG.md").write_text(CHANGELOG)
    make = ["make", "--no-print-directory", "-f", ROOT / "Makefile", "notes", f"VERSION={version}"]
    outcome = subprocess.run(make, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (outcome.returncode, outcome.stdout.strip()) == (status, notes)
    assert status == 0 or f"CHANGELOG.md has no section [{version}]" in outcome.stderr
