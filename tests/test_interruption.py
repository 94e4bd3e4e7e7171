"""What signals do that ask a process to end."""

import os
import signal
import subprocess
import sys
import threading

import pytest

from a3c.interruption import SIGNALS, Interruption


@pytest.fixture
def interruption():
    """One that was not installed, as in a user's script that ignores no signal."""
    ignored = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    before = {number: signal.getsignal(number) for number in SIGNALS}
    yield Interruption()
    assert {number: signal.getsignal(number) for number in SIGNALS} == before
    signal.signal(signal.SIGHUP, ignored)


@pytest.mark.parametrize("number", SIGNALS)
def test_the_first_signal_asks_and_the_second_interrupts(interruption, number):
    with interruption.deferred() as asked:
        assert not asked.is_set()
        os.kill(os.getpid(), number)
        assert asked.is_set()
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)
        # From a user's script a third does not end the process.
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGTERM)
    with interruption.deferred() as asked:
        assert not asked.is_set()


def test_a_signal_that_comes_while_the_first_is_handled_is_the_second(interruption):
    with interruption.deferred() as asked:
        setting = asked.set

        def set_and_signal():
            asked.set = setting
            os.kill(os.getpid(), signal.SIGTERM)
            setting()

        asked.set = set_and_signal
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGTERM)


def test_one_deferral_within_another_is_the_same(interruption):
    with interruption.deferred() as outer:
        with interruption.deferred() as inner:
            os.kill(os.getpid(), signal.SIGTERM)
        assert inner is outer
        assert outer.is_set()


def test_other_threads_get_no_signals(interruption):
    events = []

    def enter():
        with interruption.deferred() as asked:
            events.append(asked)

    thread = threading.Thread(target=enter)
    with interruption.deferred() as asked:
        thread.start()
        thread.join()
        os.kill(os.getpid(), signal.SIGTERM)
    assert asked.is_set()
    assert not events[0].is_set()


def test_a_hang_up_that_is_ignored_stays_ignored(interruption):
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with interruption.deferred() as asked:
            os.kill(os.getpid(), signal.SIGHUP)
            assert not asked.is_set()
    finally:
        signal.signal(signal.SIGHUP, before)


INSTALLED = """
import os, signal, sys
from a3c.interruption import interruption
interruption.install(lambda: print("cleared up", flush=True))
def send(): os.kill(os.getpid(), signal.SIGTERM)
class Swallows:
    def __del__(self): send()
"""


@pytest.mark.parametrize(
    ("script", "status", "out"),
    [
        # Before there is anything to save, the first raises; the next one ends the process.
        ("try: send()\nexcept KeyboardInterrupt: print('raised', flush=True)\nsend()", 130, "raised\ncleared up\n"),
        ("with interruption.deferred() as asked: send()\nprint(asked.is_set())", 0, "True\n"),
        # One that comes while the process exits, and one that comes where Python can only print it.
        ("interruption.leave()\nsend()", 130, "cleared up\n"),
        ("Swallows()", 130, "cleared up\n"),
        # One that was lost on its way up is raised again where it is asked for.
        (
            "try: send()\nexcept BaseException: pass\n"
            "try:\n with interruption.deferred(): print('went on')\nexcept KeyboardInterrupt: print('raised')",
            0,
            "raised\n",
        ),
    ],
)
def test_the_command_ends_with_130_and_clears_up(script, status, out):
    done = subprocess.run(
        [sys.executable, "-c", INSTALLED + script], capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (status, out, "")
