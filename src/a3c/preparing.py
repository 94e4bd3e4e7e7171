"""Preparing: from a configuration to all that training needs. Whatever can be wrong is found here, before anything is
written."""

import dataclasses

import numpy as np

from a3c.checks import MOST_ASKING
from a3c.config import TrainConfig
from a3c.environments.generators import GlobalGenerators, play_seed
from a3c.environments.making import EnvironmentFactory, EnvironmentMaker
from a3c.environments.spaces import describe_space
from a3c.errors import SettingsError
from a3c.learning.optimizers import SharedOptimizer
from a3c.machine import available_cores
from a3c.parallel.messages import PackedWork
from a3c.parallel.worker import Work
from a3c.policy import Network, Policy
from a3c.runs.checkpoint import Checkpoint


def prepare(
    config: TrainConfig,
    environment: EnvironmentFactory | None = None,
    network: Network | None = None,
    checkpoint: Checkpoint | None = None,
) -> tuple[Work, Checkpoint]:
    """What workers work with, and where training starts: the checkpoint, or one with the first parameters.

    Its configuration has workers, seed and target filled in.

    Raises:
        SettingsError, InvalidEnvironment, UnsupportedSpace, CheckpointError: in one line each.
    """
    maker = EnvironmentMaker(environment or config.environment, config)
    if checkpoint is not None and network is None and checkpoint.own_network:
        raise SettingsError("this checkpoint was trained with a network of your own: give it again with network=")
    config = resolve(config, maker)
    with GlobalGenerators(play_seed(config.seed)).swapped():
        observation_space, action_space = maker.spaces()
    policy = Policy.make(observation_space, action_space, config, network)
    optimizer = SharedOptimizer(config.optimizer, config.optimizer_options, policy.size)
    work = Work(maker, policy, optimizer)
    spaces = {"observation": describe_space(observation_space), "action": describe_space(action_space)}
    if checkpoint is None:
        return work, Checkpoint(
            config,
            policy.initial_parameters,
            optimizer.initial_state(),
            spaces,
            own_environment=environment is not None,
            own_network=network is not None,
            moments=np.zeros(policy.layout.statistics.row_size),
        )
    checkpoint.check_fits(spaces, policy.size)
    state = checkpoint.optimizer_state
    if state.shape != (optimizer.rows, optimizer.size):
        # Another optimizer was asked for.
        state = optimizer.initial_state()
    return work, dataclasses.replace(checkpoint, config=config, optimizer_state=state)


def prepare_to_send(config: TrainConfig, checkpoint: Checkpoint | None) -> tuple[PackedWork, Checkpoint]:
    """`prepare` for a process that has no JAX: the work comes packed, for the workers to unpack."""
    work, start = prepare(config, checkpoint=checkpoint)
    return work.pack(), start


def resolve(config: TrainConfig, maker: EnvironmentMaker) -> TrainConfig:
    """The configuration with workers, seed and target filled in."""
    most = MOST_ASKING if config.algorithm == "ga3c" else available_cores()
    workers = 1 if config.backend == "inline" else config.workers or min(available_cores(), most)
    seed = int(np.random.SeedSequence().generate_state(1)[0] >> 1) if config.seed is None else config.seed
    spec = maker.spec
    target = config.target_return
    if target is None and spec is not None:
        target = spec.reward_threshold
    return dataclasses.replace(config, environment=maker.name, workers=workers, seed=seed, target_return=target)
