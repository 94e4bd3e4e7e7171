"""Modules by their names: importing one that a user named, and where one would come from."""

import importlib
import site
import sys
import sysconfig
from contextlib import suppress
from functools import cache
from importlib.machinery import PathFinder
from pathlib import Path
from types import ModuleType


def import_here(module: str) -> ModuleType:
    """The module, also from the current folder; raises whatever importing it raises."""
    if str(Path.cwd()) not in sys.path:
        sys.path.append(str(Path.cwd()))
    return importlib.import_module(module)


def own_place(module: str) -> Path | None:
    """Where a module would be imported from, if it is not imported yet, nor installed."""
    if module in sys.modules:
        return None
    folders = list(sys.path)
    with suppress(OSError):
        # It may have been deleted.
        folders.append(str(Path.cwd()))
    # Of a.b.c it is a that is looked for: looking for b would import it.
    found = PathFinder.find_spec(module.partition(".")[0], folders)
    if found is None:
        return None
    places = [found.origin] if found.has_location and found.origin else list(found.submodule_search_locations or ())
    for place in (Path(place).resolve() for place in places):
        if not any(place.is_relative_to(folder) for folder in _installed()):
            return place
    return None


@cache
def _installed() -> tuple[Path, ...]:
    """The folders of Python's own modules and of what is installed, also in place (`pip install -e`)."""
    folders = {sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")}
    packages = {Path(folder) for folder in (*folders, *site.getsitepackages(), site.getusersitepackages())}
    in_place = {
        folder / line.strip()
        for folder in packages
        for links in folder.glob("*.pth")
        for line in links.read_text(errors="replace").splitlines()
        if line.strip() and not line.startswith(("#", "import ", "import\t"))
    }
    return tuple(folder.resolve() for folder in packages | in_place)
