"""Whether a process that hangs is told from one that waits for a core."""

import os
import time
from pathlib import Path

import pytest

from a3c.processes.time_had import SHARE, WINDOW, TimeHad, cpu_seconds


def had(share, seconds=60):
    """What one has had after so many seconds, who gets this share of a core."""
    it, found = TimeHad(), 0.0
    for now in range(seconds + 1):
        found = it.look(float(now), None if share is None else share * now)
    return found


@pytest.mark.parametrize(("share", "counted"), [
    (0.0, 60.0),  # it sleeps, or waits for what never comes
    (0.001, 60.0),  # so it does, and a thread of it looks up now and then
    (0.05, 3.0),  # others have the cores
    (1.0, 60.0),  # it calculates for ever
    (8.0, 60.0),  # with many threads
    (None, SHARE * 60),
])  # fmt: skip
def test_what_it_has_had(share, counted):
    assert had(share) == pytest.approx(counted)


def test_it_begins_anew():
    it = TimeHad()
    it.look(0.0, 0.0)
    assert it.look(2 * WINDOW, 0.0) == 2 * WINDOW
    it.begin()
    assert it.look(3 * WINDOW, 0.0) == 0.0
    assert it.look(4 * WINDOW, 0.0) == WINDOW


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="the system does not tell")
def test_the_cpu_time_of_a_process():
    assert cpu_seconds(os.getpid()) == pytest.approx(time.process_time(), abs=0.5)
    assert cpu_seconds(2**30) is None
