"""The command `a3c`: finds the subcommand, and turns errors into one line and an exit status."""

import importlib
import os
import sys
import time
from pathlib import Path

COMMANDS = {
    "inspect": "look at an environment: what it is, how fast, what to change",
    "train": "train an agent, into a run folder",
    "evaluate": "play whole episodes with a run's best agent, and print the returns",
    "play": "watch a run's best agent, in a window or as a video",
    "plot": "draw the learning curves of one or more runs",
    "recipes": "list the tuned settings and published systems that come with a3c",
}

HELP = """usage: a3c COMMAND ...

Asynchronous actor-critic training (A3C, A2C, GA3C, IMPALA) for any Gymnasium environment.

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


def main() -> None:
    """Runs the command line and exits."""
    sys.exit(run(sys.argv[1:]))


def run(arguments: list[str]) -> int:
    """Runs one command and returns its exit status."""
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

        print(f"a3c: there is no command {name!r}{nearest(name, COMMANDS)}; see a3c --help", file=sys.stderr)
        return 2
    from a3c.errors import A3CError

    try:
        return importlib.import_module(f"a3c.cli.{name}").run(rest) or 0
    except A3CError as error:
        if traceback := getattr(error, "traceback", ""):
            print(traceback, file=sys.stderr)
        print(f"a3c {name}: {error}", file=sys.stderr)
        return error.exit_status
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        # The reader of our output has gone, as `head` does; nobody is left to tell.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1


def process_started() -> float:
    """When this process started, on the clock of `time.monotonic`; now, where the system does not tell."""
    now = time.monotonic()
    try:
        ticks = int(Path("/proc/self/stat").read_text().rpartition(")")[2].split()[19])
        age = time.clock_gettime(time.CLOCK_BOOTTIME) - ticks / os.sysconf("SC_CLK_TCK")
    except (OSError, AttributeError, ValueError, IndexError):
        return now
    return now - age


if __name__ == "__main__":
    main()
