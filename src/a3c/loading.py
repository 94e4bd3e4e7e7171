"""Agents from what was saved: a checkpoint, or a run folder."""

from collections.abc import Sequence
from pathlib import Path

from a3c.agent import AGENTS, Agent
from a3c.algorithm import Algorithm
from a3c.arguments import named_arguments
from a3c.config.wrappers import Wrapper, as_wrappers
from a3c.environments.factories import EnvironmentFactory
from a3c.environments.modules import check_loaded, with_modules
from a3c.errors import SettingsError, brief
from a3c.networks.policy import Network
from a3c.runs.checkpoint import Checkpoint
from a3c.runs.files import exists
from a3c.runs.folder import RunFolder
from a3c.training.preparing import moved, prepare


@named_arguments
def load(
    path: str | Path,
    environment: str | EnvironmentFactory | None = None,
    network: Network | None = None,
    algorithm: Algorithm | None = None,
    evaluation_environment: str | EnvironmentFactory | None = None,
    wrappers: Sequence[Wrapper] | None = None,
    import_modules: Sequence[str] = (),
) -> Agent:
    """An agent from a checkpoint file, or from a run folder (its best checkpoint).

    Args:
        path: what `save` wrote, or a run folder.
        environment: needed where the agent was trained on a factory, and where it names a module that is neither
            installed nor imported: none is imported that only the file names. Default: the id it was trained on.
            Another one's own target return takes the place of the one before, whoever set that.
        network: needed where it was trained with a network of its own.
        algorithm: needed where it was trained with one that has no `module:NAME`, as a script defines it.
        evaluation_environment: what it is evaluated on; needed to evaluate and to learn, where that was a factory.
            Default: what it was evaluated on.
        wrappers: all of them, in their order; needed where one cannot be imported by its name. Default: those it was
            trained with.
        import_modules: modules that may be imported, and whose functions may be called, though only the file names
            them.

    Raises:
        CheckpointError: damaged, foreign, or for other spaces or another network.
        SettingsError: an environment, a network or wrappers are needed.
    """
    is_folder = exists(Path(path)) and Path(path).is_dir()
    checkpoint = RunFolder.open(path).load(algorithm=algorithm) if is_folder else Checkpoint.load(path, algorithm)
    config = checkpoint.config
    check_loaded(config, environment, evaluation_environment, wrappers, import_modules, path)
    around = config.wrappers if wrappers is None else as_wrappers(wrappers)
    checkpoint.config = config.replace(
        wrappers=around, import_modules=with_modules(config.import_modules, import_modules)
    )
    agent = agent_from(checkpoint, environment, network, evaluation_environment)
    if is_folder:
        agent._holds = "the best parameters"  # pyright: ignore[reportPrivateUsage]
    return agent


def agent_from(
    checkpoint: Checkpoint,
    environment: str | EnvironmentFactory | None = None,
    network: Network | None = None,
    evaluation_environment: str | EnvironmentFactory | None = None,
) -> Agent:
    """The agent that a checkpoint describes; see `load`."""
    if checkpoint.own_environment and environment is None:
        name = brief(checkpoint.config.environment)
        raise SettingsError(
            f"this agent was trained on an environment factory, or with env_kwargs that no file can hold ({name}): "
            "give what makes its environment as environment="
        )
    factory = environment if not isinstance(environment, str) else None
    config = checkpoint.config if environment is None else moved(checkpoint.config, environment)
    evaluated_on = None
    if isinstance(evaluation_environment, str):
        config = config.replace(evaluation_environment=evaluation_environment)
    else:
        evaluated_on = evaluation_environment
    agent = AGENTS.get(config.algorithm.name, Agent)
    prepared = prepare(config, factory, network, checkpoint, evaluated_on)
    # For this function alone: users have `load`.
    return agent._from_checkpoint(*prepared)  # pyright: ignore[reportPrivateUsage]
