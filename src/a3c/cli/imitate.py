"""`a3c imitate`: a policy cloned from demonstrations, into a run folder that training goes on with."""

import dataclasses
import shlex
from dataclasses import dataclass
from pathlib import Path

from a3c.cli.agents import quiet_jax
from a3c.cli.command import Command
from a3c.cli.flags import read
from a3c.cli.train import groups, settings_of, trusting
from a3c.config.setting import names_of, setting
from a3c.environments.modules import module_of, to_be_named
from a3c.errors import SettingsError

DESCRIPTION = """Learn to do what was done in demonstrations (behavioural cloning), into a run folder:

  a3c imitate expert.npz CartPole-v1 --run runs/cloned     a file of numpy.savez: observations, actions, ...
  a3c imitate mujoco/hopper/expert-v0 --run runs/cloned    a Minari dataset, which knows its environment
  a3c evaluate runs/cloned                                 what that came to
  a3c train CartPole-v1 --resume runs/cloned --steps 1_000_000     go on from there

It takes the settings of a3c train, which the run goes on with."""


@dataclass(frozen=True)
class ImitateFlags:
    """Flags of `a3c imitate` beside the settings and those of ImitationSettings."""

    dataset: tuple[str, ...] = ()
    """What to learn from: an .npz file, or the id of a Minari dataset on this machine; and the environment, which a
    Minari dataset knows."""

    run: Path | None = setting(None, everyday="folder to write; default runs/ENV-ALGORITHM-SEED-TIME")
    """Run folder to write. Default: runs/ENV-ALGORITHM-SEED-TIME."""

    recipe: str | None = setting(None, everyday="tuned settings to start from (a3c recipes), or none")
    """Recipe to start from (see a3c recipes), or none for plain defaults. Default: the one for this environment."""

    progress: bool = True
    """Show a line for each pass."""


def run(arguments: list[str]) -> int:
    """Runs the command; `arguments` come after `imitate`."""
    from a3c.imitation.settings import ImitationSettings

    own = groups(("this imitation", ImitateFlags), ("learning from demonstrations", ImitationSettings))
    command = Command("a3c imitate", DESCRIPTION, own, "dataset", many=True, needed=True)
    given = read(command, arguments, unknown := {})
    dataset, *environment = given.pop("dataset")
    if len(environment) > 1:
        raise SettingsError(f"{environment[1]!r} is one argument too many; see a3c imitate --help")
    quiet_jax()
    from a3c.agent import AGENTS, Agent
    from a3c.imitation.demonstrations import environment_of
    from a3c.runs.folder import default_run_path
    from a3c.training.preparing import prepare

    named = environment[0] if environment else environment_of(dataset)
    if named is None:
        raise SettingsError(f"name the environment that {dataset} is of: a3c imitate {shlex.quote(dataset)} ENV")
    given["environment"] = named
    # The argument is read: what follows are flags alone.
    config = settings_of(dataclasses.replace(command, needed=False), given, unknown)
    work, start = prepare(config)
    path = given.get("run") or default_run_path(start.config)
    agent = AGENTS.get(config.algorithm.name, Agent)._from_checkpoint(work, start)
    how = {name: given[name] for name in names_of(ImitationSettings) if name in given}
    print(agent.imitate(dataset, run=path, progress=given.get("progress", True), **how))
    config, run = start.config, shlex.quote(str(path))
    modules = to_be_named(config)
    print(f"evaluate it   a3c evaluate {run}{trusting((module_of(config.environment), *modules))}")
    print(f"train on      a3c train {config.environment} --resume {run}{trusting(modules)} --steps N")
    return 0
