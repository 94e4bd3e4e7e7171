"""What this machine lets the process use, and what is installed on it."""

import math
import os
import sys
from functools import cache
from pathlib import Path


def available_cores() -> int:
    """Cores this process may use: its affinity, less any container limit (cgroup v2 `cpu.max`)."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    try:
        quota, period = Path("/sys/fs/cgroup/cpu.max").read_text().split()
    except (OSError, ValueError):
        return cores
    if quota == "max":
        return cores
    return max(1, min(cores, math.ceil(int(quota) / int(period))))


@cache
def versions() -> dict[str, str]:
    """Of Python, this package, and what results depend on."""
    from importlib.metadata import version

    names = ("a3c", "jax", "equinox", "optax", "gymnasium", "numpy")
    return {"python": sys.version.split()[0], **{name: version(name) for name in names}}
