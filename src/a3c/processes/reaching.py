"""Whether what a run needs on other machines can be reached, before it is begun. Takes no Ray."""

import socket
from importlib.util import find_spec
from pathlib import Path

from a3c.errors import SettingsError, install

CURRENT = Path("/tmp/ray/ray_current_cluster")
"""Where Ray writes the address of the cluster that a machine is a part of."""
WITHIN = 3.0
"""Seconds that a head gets to answer: connecting by Ray itself takes minutes to fail."""


def resolved(cluster: str) -> str:
    """HOST:PORT of a cluster's head, also of the one that `auto` means. Raises SettingsError where there is none."""
    if cluster != "auto":
        return cluster
    try:
        return CURRENT.read_text().strip()
    except OSError:
        raise SettingsError(
            "this machine is no part of a Ray cluster: run `ray start --head` here, or `ray start --address=HOST:PORT`"
        ) from None


def answers(address: str, within: float) -> bool:
    """Whether somebody takes connections at HOST:PORT."""
    host, _, port = address.rpartition(":")
    try:
        socket.create_connection((host, int(port)), within).close()
    except (OSError, OverflowError):
        return False
    return True


def check_cluster(cluster: str) -> None:
    """Raises SettingsError in one line where Ray is not installed, or no head answers."""
    if find_spec("ray") is None:
        raise SettingsError(f"`cluster` {cluster} needs Ray ({install('cluster')}); `cluster` pipes does without")
    address = resolved(cluster)
    if not answers(address, WITHIN):
        raise SettingsError(f"nothing answers at {address}: start a cluster with `ray start --head` there")
