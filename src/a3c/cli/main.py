"""The command `a3c`: finds the subcommand, and turns errors into one line and an exit status."""

import errno
import importlib
import os
import sys
import time
from contextlib import suppress

from a3c.interruption import STATUS as INTERRUPTED
from a3c.interruption import interruption

COMMANDS = {
    "inspect": "look at an environment: what it is, how fast, what to change",
    "train": "train an agent, into a run folder",
    "imitate": "learn from demonstrations first, into a run folder to train on from",
    "evaluate": "play whole episodes with a run's best agent, and print the returns",
    "play": "watch a run's best agent, in a window or as a video",
    "tune": "search for good settings: trials with several seeds each, the best as a recipe",
    "runs": "list the runs in a folder: what was trained, how it ended, what it reached",
    "plot": "draw learning curves: runs in groups, with median and quartiles over their seeds",
    "compare": "say which settings of runs differ, and whether what they reached does",
    "report": "write a page about one or more runs, for a browser",
    "export": "write a run's agent as an ONNX file, which acts without JAX",
    "recipes": "list the tuned settings and published systems that come with a3c",
    "completion": "print a script by which bash, zsh or fish complete what is typed",
}

HELP = """usage: a3c COMMAND ...

Asynchronous training (A3C, A2C, APPO, GA3C, IMPALA, IMPACT, Q-learning) for any Gymnasium environment.

commands:
{commands}

  a3c COMMAND --help tells more.

first steps:
  a3c inspect my_module:MyEnv-v0             look at an environment before training on it
  a3c train CartPole-v1 --run runs/first     until solved, with every core
  a3c evaluate runs/first                    100 episodes with the best agent
  a3c plot runs/first -o curve.png           the learning curve
  a3c train my_module:MyEnv --steps 1_000_000      an environment of your own: a class, or an id
  a3c train CartPole-v1 --resume runs/first  go on where a run stopped
  a3c train CartPole-v1 --algorithm impala --repeats 10   another algorithm, ten seeds: a table and a picture

exit status: 0 done, 1 the run failed, 2 a wrong flag, environment or file, 130 stopped by Ctrl-C after saving
"""

NO_FOLDER = "the current folder has been deleted: change to another"


def main() -> None:
    """Runs the command line and exits."""
    _open_streams()
    interruption.install(_clear_up)
    status = INTERRUPTED
    with suppress(KeyboardInterrupt):
        status = run(sys.argv[1:])
        interruption.leave()
        if leaving := sys.modules.get("a3c.processes.leaving"):
            leaving.leave(status)
    # Where KeyboardInterrupt passed through code that was compiled from a string, as that of a dataclass is, Python
    # remembers it, and would end by SIGINT instead of with this status; it forgets when such code is run again.
    exec("")
    sys.exit(status)


def run(arguments: list[str]) -> int:
    """Runs one command and returns its exit status."""
    name = f"a3c {arguments[0]}" if arguments and arguments[0] in COMMANDS else "a3c"
    try:
        status = _run(arguments)
        # What cannot be written is to be noticed here, and not while Python exits.
        sys.stdout.flush()
        return status
    except KeyboardInterrupt:
        return _interrupted()
    except OSError as error:
        said = _what_to_say(error)
        if said is None:
            return _unexpected(name, error)
        status, line = said
        if line:
            _complain(f"{name}: {line}")
        return status
    except Exception as error:
        if interruption.raised:
            # What it hit, an import perhaps, made an error of its own of it.
            return _interrupted()
        from a3c.errors import A3CError

        if not isinstance(error, A3CError):
            return _unexpected(name, error)
        if traceback := getattr(error, "traceback", ""):
            _complain(traceback)
        from a3c.cli.command import with_flags

        # Whatever is missing is so as nothing is found from here.
        _complain(f"{name}: {with_flags(str(error)) if folder_is_there() else NO_FOLDER}")
        _drop_output()
        return error.exit_status


def _run(arguments: list[str]) -> int:
    if not arguments or arguments[0] in ("-h", "--help"):
        listing = "\n".join(f"  {name:10} {text}" for name, text in COMMANDS.items())
        print(HELP.format(commands=listing), end="")
        return 0 if arguments else 2
    if arguments[0] == "--version":
        from a3c import __version__

        print(f"a3c {__version__}")
        return 0
    name, *rest = arguments
    if name not in COMMANDS:
        from a3c.errors import nearest

        _complain(f"a3c: there is no command {name!r}{nearest(name, COMMANDS)}; see a3c --help")
        return 2
    from a3c.cli.command import HelpAsked

    try:
        return importlib.import_module(f"a3c.cli.{name}").run(rest) or 0
    except HelpAsked as asked:
        from a3c.cli.help import help_text

        print(help_text(asked.command, asked.everything))
        return 0


def _open_streams() -> None:
    """Standard streams that are there, and that take any text.

    Where one is closed, what is opened next would take its place, and get what others print.
    """
    for descriptor, name in enumerate(("stdin", "stdout", "stderr")):
        try:
            os.fstat(descriptor)
        except OSError:
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)
            setattr(sys, name, open(descriptor, "r+" if descriptor else "r"))  # noqa: PTH123, SIM115  not a path
    for stream in (sys.stdout, sys.stderr):
        # In an encoding such as ASCII: a question mark for what it has no letter for.
        stream.reconfigure(errors="replace")  # type: ignore[union-attr]


def _unexpected(name: str, error: Exception) -> int:
    """A mistake of an environment or network, or of ours: where it is, and at the end in one line what it is."""
    import traceback

    from a3c.errors import described

    _complain("".join(traceback.format_exception(error)))
    _complain(f"{name}: {described(error)}")
    _drop_output()
    return 1


def _complain(line: str) -> None:
    with suppress(OSError):
        print(line, file=sys.stderr)


def _what_to_say(error: OSError) -> tuple[int, str] | None:
    """The exit status, and what is wrong; None where nobody but its author can know."""
    if error.errno in (errno.EMFILE, errno.ENFILE):
        return 1, f"{error.strerror}: allow more (ulimit -n)"
    if not folder_is_there():
        return 2, NO_FOLDER
    # Files that are named in a flag are looked for where the flag is read: what is missing here an environment missed.
    if error.filename is not None and error.errno != errno.ENOENT:
        return 2, f"{error.filename}: {error.strerror}"
    if not _drop_output("\n"):
        return None
    # Where the reader of our output has gone, as `head` does, nobody is left to tell.
    return 1, "" if isinstance(error, BrokenPipeError) else f"could not write the output: {error.strerror}"


def _drop_output(more: str = "") -> bool:
    """Whether what was printed, and `more`, cannot be written; it is dropped, or it would fail again at exit."""
    try:
        sys.stdout.write(more)
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return True
    return False


def folder_is_there() -> bool:
    """Whether the current folder is, in which files are looked for and runs are written."""
    try:
        return bool(os.getcwd())  # noqa: PTH109  as fast as can be
    except OSError:
        return False


def _interrupted() -> int:
    _clear_up()
    _drop_output()
    return INTERRUPTED


def _clear_up() -> None:
    """Ends the processes that were started, of whom nobody is needed any more."""
    if processes := sys.modules.get("a3c.processes.starting"):
        processes.kill_all()


def process_started() -> float:
    """When this process started, on the clock of `time.monotonic`; now, where the system does not tell."""
    now = time.monotonic()
    try:
        from pathlib import Path

        ticks = int(Path("/proc/self/stat").read_text().rpartition(")")[2].split()[19])
        age = time.clock_gettime(time.CLOCK_BOOTTIME) - ticks / os.sysconf("SC_CLK_TCK")
    except (OSError, AttributeError, ValueError, IndexError):
        return now
    return now - age


if __name__ == "__main__":
    main()
