"""The compilation cache: what JAX has compiled is kept for the next process, and the next run.

In use:

    folder = use_compilation_cache()
    mark = mark_of(folder, settings)        # mark.exists(): whether these programs are there already
"""

import hashlib
import os
import re
import sys
import warnings
from pathlib import Path
from typing import Any

from a3c.machine import versions


def use_compilation_cache() -> Path | None:
    """Keeps compiled programs in the user's cache folder, which turns seconds of compiling into tenths.

    Returns the folder; None where there can be none.

    JAX does not write entries atomically and never repairs one that a killed process left truncated: on its warning
    the entry is deleted here, and then written anew.
    """
    import jax

    try:
        folder = Path(os.environ.get("JAX_COMPILATION_CACHE_DIR") or cache_folder())
        folder.mkdir(parents=True, exist_ok=True)
    except (OSError, RuntimeError):
        # RuntimeError where nobody knows the user's home.
        jax.config.update("jax_compilation_cache_dir", None)
        return None
    jax.config.update("jax_compilation_cache_dir", str(folder))
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0)
    jax.config.update("jax_persistent_cache_min_entry_size_bytes", -1)
    show = warnings.showwarning

    def repair(message: Any, *details: Any, **more: Any) -> None:
        unreadable = re.search(r"reading persistent compilation cache entry for '([^']+)'", str(message))
        if unreadable is None:
            show(message, *details, **more)
            return
        for entry in folder.glob(f"{unreadable[1]}-*"):
            entry.unlink(missing_ok=True)

    warnings.showwarning = repair
    warnings.filterwarnings("always", message="Error reading persistent compilation cache")
    warnings.filterwarnings("ignore", message="Error writing persistent compilation cache")
    return folder


def mark_of(folder: Path, programs: object) -> Path:
    """A file of our own, for whoever has compiled these programs into the folder to make; `programs` prints as what
    they are made from, besides the versions of what is installed."""
    made_from = repr((versions(), programs))
    return folder / f"compiled-{hashlib.sha256(made_from.encode()).hexdigest()[:32]}"


def cache_folder() -> Path:
    """Where compiled programs are kept: `a3c/` in the user's cache folder."""
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "a3c"
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA", Path.home())) / "a3c" / "cache"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "a3c"
