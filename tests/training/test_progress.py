"""What a progress line says, and where it is shown."""

import io
import os
import sys
import types
from pathlib import Path

import pytest

from a3c.errors import OutputError, TrainingWarning
from a3c.training.progress import LiveLine, NoDisplay, PlainLines, Progress, Warnings, is_wanted, make_display

START = Progress(
    steps=1500, episodes=0, updates=1, seconds=2.4, steps_per_second=None, return_mean_100=None,
    best_return_mean_100=None, target_return=None, evaluation_mean=None, policy_lag=None, queue_length=None,
    entropy=None, fraction=None, eta=None,
)  # fmt: skip
FULL = Progress(
    steps=1_234_567, episodes=900, updates=99, seconds=61.0, steps_per_second=45678.9, return_mean_100=123.46,
    best_return_mean_100=200.04, target_return=475.0, evaluation_mean=187.25, policy_lag=1.26, queue_length=7.46,
    entropy=0.654, fraction=0.5, eta=3725.0,
)  # fmt: skip


def test_a_line_says_what_is_known():
    assert START.line() == "1,500 steps  2 s"


def test_a_full_line():
    assert FULL.line() == (
        "1,234,567 steps (50%)  45,679 steps/s  return 123.5 of 475  best 200.0  evaluated 187.2  lag 1.3  queue 7.5  "
        "entropy 0.65  61 s, 1:02:05 left"
    )


@pytest.mark.parametrize(("wanted", "terminal", "kind"), [
    (True, True, LiveLine), (True, False, PlainLines), (False, True, NoDisplay), (False, False, NoDisplay),
])  # fmt: skip
def test_the_display_fits_where_it_is_shown(monkeypatch, wanted, terminal, kind):
    monkeypatch.setattr(sys.stdout, "isatty", lambda: terminal)
    assert type(make_display(wanted)) is kind


def test_progress_is_shown_to_people_alone_unless_it_is_asked_for(monkeypatch):
    assert [is_wanted(None), is_wanted(True), is_wanted(False)] == [False, True, False]
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    assert [is_wanted(None), is_wanted(False)] == [True, False]
    monkeypatch.setattr(sys, "stdout", None)
    assert not is_wanted(None)


def test_a_notebook_gets_one_line_that_is_renewed(monkeypatch):
    """With what stands for Jupyter's output and display, as neither needs to be installed."""
    cell = {}

    class Handle:
        def update(self, data, raw):
            cell["line"], cell["updates"] = data["text/plain"], cell.get("updates", 0) + 1

    def display(data, raw, display_id):
        cell["line"] = data["text/plain"]
        return Handle()

    monkeypatch.setitem(sys.modules, "IPython", types.ModuleType("IPython"))
    monkeypatch.setitem(sys.modules, "IPython.display", types.SimpleNamespace(display=display))
    monkeypatch.setattr(sys, "stdout", type("OutStream", (io.StringIO,), {"__module__": "ipykernel.iostream"})())
    assert is_wanted(None)
    shown = make_display(True)
    shown.show(START)
    shown.close(FULL)
    assert cell == {"line": FULL.line(), "updates": 1}


def test_plain_lines_are_whole_lines(capsys):
    display = PlainLines()
    display.show(START)
    display.close(FULL)
    assert capsys.readouterr().out == f"{START.line()}\n{FULL.line()}\n"


def test_no_display_shows_nothing(capsys):
    NoDisplay().show(FULL)
    NoDisplay().close(FULL)
    assert capsys.readouterr().out == ""


def test_what_is_said_stays(capsys):
    for display in (PlainLines(), LiveLine()):
        display.show(START)
        display.say("something [red] to know, " + "x" * 200)
        display.close(FULL)
        assert f"something [red] to know, {'x' * 200}\n" in capsys.readouterr().out
    NoDisplay().say("nothing")
    assert capsys.readouterr().out == ""


def test_without_progress_what_is_said_may_be_a_warning():
    with pytest.warns(TrainingWarning, match="something to know") as warned:
        make_display(False, Warnings).say("something to know")
    # It names the line that trains, not one of this package.
    assert warned[0].filename == __file__


@pytest.mark.parametrize("display", [PlainLines, LiveLine])
def test_letters_that_the_encoding_has_not_become_question_marks(monkeypatch, display):
    shown = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    monkeypatch.setattr(sys, "stdout", shown)
    shows = display()
    shows.say("a3c on Übung-v0")
    shows.show(FULL)
    shows.say("…")
    shows.close(FULL)
    shown.seek(0)
    text = shown.read()
    assert "a3c on ?bung-v0\n" in text
    assert "\n?\n" in text


@pytest.mark.parametrize("display", [PlainLines, LiveLine])
def test_progress_that_cannot_be_shown_is_one_line(monkeypatch, display):
    shows = display()
    with Path("/dev/full").open("w", buffering=1) as full:
        monkeypatch.setattr(sys, "stdout", full)
        with pytest.raises(OutputError, match=r"^could not show progress: No space left on device$"):
            shows.close(START)
        monkeypatch.undo()
        os.dup2(os.open(os.devnull, os.O_WRONLY), full.fileno())


def test_without_a_standard_output_nothing_is_shown(monkeypatch):
    monkeypatch.setattr(sys, "stdout", None)
    assert type(make_display(True)) is NoDisplay


def test_a_reader_that_has_gone_is_noticed_before_the_next_line(monkeypatch):
    display = PlainLines()
    # Under pytest the output is a file.
    display.check()
    reader, writer = os.pipe()
    with os.fdopen(writer, "w") as stream:
        monkeypatch.setattr(sys, "stdout", stream)
        display.check()
        os.close(reader)
        with pytest.raises(OutputError, match="could not show progress: its reader has gone"):
            display.check()
    monkeypatch.setattr(sys, "stdout", io.StringIO())
    display.check()
