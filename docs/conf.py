"""The documentation as a site: `make docs` builds it into docs/_build/html."""

import re
import sys
import tomllib
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))

about = tomllib.loads((HERE.parent / "pyproject.toml").read_text(encoding="utf-8"))["project"]
project, release, author = about["name"], about["version"], "the a3c authors"
source_url = about["urls"]["Source"]

extensions = ["myst_nb", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "generated_pages"]
exclude_patterns = ["_build"]
myst_enable_extensions = ["deflist"]
# A page that leads nowhere, or that nothing leads to, is an error (make docs turns warnings into errors).
nitpicky = False

html_theme = "furo"
html_title = f"a3c {release}"
html_static_path = []
html_theme_options = {"source_repository": source_url, "source_branch": "main", "source_directory": "docs/"}

# Headings as GitHub names them, so that one link does for both.
myst_heading_anchors = 4
# Blocks of code without a language are for a shell, or drawings.
highlight_language = "text"

# A flag in the text keeps its two hyphens.
smartquotes = False

# Tutorials are run where the site is built: what a reader sees is what came of it.
nb_execution_mode = "force"
nb_execution_raise_on_error = True
nb_execution_timeout = 600
nb_execution_in_temp = True
nb_merge_streams = True

# Docstrings are prose with names in backticks, arguments as Google has them.
default_role = "code"
autodoc_member_order = "bysource"
autodoc_typehints = "none"
autodoc_default_options = {"members": True, "inherited-members": True, "exclude-members": "algorithm"}
napoleon_google_docstring, napoleon_numpy_docstring = True, False


def link_to_source(app, page, text):
    """Has links to files outside this folder lead to the repository, where readers of the site find them."""
    if page.startswith("_generated/"):
        # What is above those is this folder.
        return
    text[0] = re.sub(r"\]\(\.\./([^)\s]+)\)", rf"]({source_url}/blob/main/\1)", text[0])


def setup(app):
    app.connect("source-read", link_to_source)
