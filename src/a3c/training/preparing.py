"""Preparing: from a configuration to all that training needs. Whatever can be wrong is found here, before anything is
written."""

import dataclasses
from typing import Any

import gymnasium
import numpy as np
from gymnasium.vector import VectorEnv

from a3c.config import TrainConfig
from a3c.config.making import not_recorded
from a3c.config.sizes import open_sizes, with_boundaries, with_sizes
from a3c.environments.factories import EnvironmentFactory
from a3c.environments.generators import GlobalGenerators, play_seed
from a3c.environments.making import EnvironmentMaker
from a3c.environments.masks import Offer, offered_by, unmasked
from a3c.environments.spaces import describe_space, other_order
from a3c.environments.step_time import step_seconds
from a3c.errors import CheckpointError, SettingsError, brief
from a3c.learning.optimizers import SharedOptimizer
from a3c.learning.snapshot import nothing
from a3c.machine import available_cores
from a3c.networks.limits import MoreParameters
from a3c.networks.policy import Network, Policy
from a3c.networks.readings import describe, with_readings
from a3c.recipes import find_recipe, recipes_for
from a3c.roles.messages import PackedWork
from a3c.roles.worker import Work
from a3c.runs.checkpoint import Checkpoint
from a3c.training.masking import check_evaluated, with_masks


def prepare(
    config: TrainConfig,
    environment: EnvironmentFactory | None = None,
    network: Network | None = None,
    checkpoint: Checkpoint | None = None,
    evaluated_on: EnvironmentFactory | None = None,
) -> tuple[Work, Checkpoint]:
    """What workers work with, and where training starts: the checkpoint, or one with the first parameters.

    Its configuration has workers, seed, target, sizes, and what the network is and is given, filled in.

    Raises:
        SettingsError, InvalidEnvironment, UnsupportedSpace, CheckpointError: in one line each.
    """
    maker = EnvironmentMaker(environment or config.environment, config)
    if checkpoint is not None and network is None and checkpoint.own_network:
        raise SettingsError("this checkpoint was trained with a network of your own: give it again with network=")
    config = resolve(config, maker)
    own_environment = environment is not None or bool(not_recorded(config))
    took = [0.0]
    timed = open_sizes(config) and not maker.has_own_vector
    offers: list[Offer | None] = [None]

    def look(one: gymnasium.Env | VectorEnv) -> None:
        if timed and isinstance(one, gymnasium.Env):
            took.append(step_seconds(one))
        if config.action_masks is not False:
            offers.append(offered_by(one))

    with GlobalGenerators(play_seed(config.seed)).swapped():
        observation_space, action_space = maker.spaces(look)
        config, maker, masked = with_masks(config, maker, offers[-1], action_space)
    if config.action_masks:
        observation_space = unmasked(observation_space)
    config = with_boundaries(with_sizes(config, took[-1]), maker.time_limit)
    with maker.blaming_wrappers():
        config = with_readings(config, observation_space, network is not None)
        spaces = {"observation": describe_space(observation_space), "action": describe_space(action_space)}
        if checkpoint is not None:
            checkpoint.check_spaces(spaces)
        policy = _policy(config, observation_space, action_space, network, checkpoint)
    optimizer = SharedOptimizer(config.optimizer, config.optimizer_options, policy.size)
    missing = None if checkpoint is None or evaluated_on is not None else checkpoint.own_evaluation(config)
    other = None if missing is not None else _evaluation_maker(config, evaluated_on, spaces)
    if other is not None:
        config = dataclasses.replace(config, evaluation_environment=other.name)
    description = describe(config, observation_space, network is not None) + masked
    work = Work(maker, policy, optimizer, description, other, missing, maker.notes)
    own_evaluation = evaluated_on is not None or missing is not None
    if checkpoint is None:
        first = policy.first_snapshot
        return work, Checkpoint(
            config,
            first.parameters,
            optimizer.initial_state(),
            spaces,
            own_environment=own_environment,
            own_network=network is not None,
            own_evaluation_environment=own_evaluation,
            statistics=first.statistics,
            moments=np.zeros(policy.layout.statistics.row_size),
            target=first.parameters if config.algorithm.has_target_network else nothing(),
        )
    checkpoint.check_size(policy.size)
    statistics = policy.layout.statistics
    if not (statistics.fits(checkpoint.moments) and statistics.fits_vector(checkpoint.statistics)):
        raise CheckpointError(f"{checkpoint.source} holds statistics that are not those of what its run normalises")
    return work, dataclasses.replace(
        checkpoint,
        config=config,
        optimizer_state=_optimizer_state(checkpoint, optimizer),
        own_environment=own_environment,
        own_network=network is not None,
        own_evaluation_environment=own_evaluation,
    )


def _evaluation_maker(
    config: TrainConfig, given: EnvironmentFactory | None, spaces: dict[str, Any]
) -> EnvironmentMaker | None:
    """What makes the environments of evaluations, where they are others; raises SettingsError for other spaces."""
    asked = given or config.evaluation_environment
    if asked is None:
        return None
    maker, offers = EnvironmentMaker(asked, config), list[Offer | None]()
    with GlobalGenerators(play_seed(config.seed)).swapped():
        observed, acted = maker.spaces(lambda one: offers.append(offered_by(one)) if config.action_masks else None)
    check_evaluated(config, maker, offers[-1] if offers else None)
    theirs = describe_space(unmasked(observed) if config.action_masks else observed), describe_space(acted)
    for (kind, trained), there in zip(spaces.items(), theirs, strict=True):
        if there != trained:
            raise SettingsError(
                f"`evaluation_environment` {maker.name} has another {kind} space, {brief(there)}, than training, "
                f"{brief(trained)}: give one with the same"
            )
        if order := other_order(there, trained):
            raise SettingsError(f"`evaluation_environment` {maker.name} has another {kind} space than with {order}")
    return maker


def _policy(
    config: TrainConfig,
    observation_space: gymnasium.Space,
    action_space: gymnasium.Space,
    network: Network | None,
    checkpoint: Checkpoint | None,
) -> Policy:
    """The policy; a network of the user's own may draw from the global generators. Raises SettingsError and
    CheckpointError."""
    most = None if checkpoint is None else checkpoint.parameters.size
    try:
        with GlobalGenerators(play_seed(config.seed)).swapped():
            return Policy.make(observation_space, action_space, config, network, most)
    except MoreParameters:
        source = checkpoint and checkpoint.source
        raise CheckpointError(f"{source} holds {most} parameters, but this network has more") from None
    except MemoryError:
        raise SettingsError(
            "the network does not fit into memory: make `hidden` or `recurrent_units` smaller"
        ) from None


def _optimizer_state(checkpoint: Checkpoint, optimizer: SharedOptimizer) -> np.ndarray:
    """The checkpoint's; for another optimizer, or one with other options that keeps something else, a new one."""
    state, before = checkpoint.optimizer_state, checkpoint.config
    if optimizer.name != before.optimizer:
        return optimizer.initial_state()
    if len(state) != optimizer.rows:
        if optimizer.rows != SharedOptimizer(before.optimizer, before.optimizer_options, optimizer.size).rows:
            return optimizer.initial_state()
        raise CheckpointError(f"{checkpoint.source} holds an optimizer state that is not that of {optimizer.name}")
    if (state[optimizer.nonnegative_rows] < 0).any():
        raise CheckpointError(f"{checkpoint.source} holds an optimizer state below 0 where {optimizer.name} has none")
    return state


def moved(config: TrainConfig, environment: str | EnvironmentFactory) -> TrainConfig:
    """The settings of a checkpoint for another environment, with the target return of that: a recipe's for it, or the
    one registered with it.

    Where it has none, a target stays that was the user's: neither registered for the one before nor in a recipe for it.
    """
    before, maker = config.environment, EnvironmentMaker(environment, config)
    if maker.name == before:
        return config
    name = environment if isinstance(environment, str) else ""
    recipe = find_recipe(None, name)
    target = recipe.settings(config.algorithm.name, name).get("target_return") if recipe else None
    # Looked up first, as that may register both.
    if target is None and maker.spec is not None:
        target = maker.spec.reward_threshold
    if target is None:
        registered = gymnasium.registry.get(before.rpartition(":")[2])
        brought = {r.settings(config.algorithm.name, before).get("target_return") for r in recipes_for(before)}
        brought.add(registered and registered.reward_threshold)
        target = None if config.target_return in brought else config.target_return
    return dataclasses.replace(config, environment=name, target_return=target, evaluation_environment=None)


def prepare_to_send(config: TrainConfig, checkpoint: Checkpoint | None) -> tuple[PackedWork, Checkpoint]:
    """`prepare` for a process that has no JAX: the work comes packed, for the workers to unpack."""
    work, start = prepare(config, checkpoint=checkpoint)
    return work.pack()._replace(made=None), start


def resolve(config: TrainConfig, maker: EnvironmentMaker) -> TrainConfig:
    """The configuration with workers, seed and target filled in."""
    cores = available_cores()
    workers = 1 if config.backend == "inline" else config.workers or min(cores, config.most_workers or cores)
    if config.cluster is not None:
        # Each station has those of its machine.
        workers = None
    seed = int(np.random.SeedSequence().generate_state(1)[0] >> 1) if config.seed is None else config.seed
    spec = maker.spec
    target = config.target_return
    if target is None and spec is not None:
        target = spec.reward_threshold
    return dataclasses.replace(config, environment=maker.name, workers=workers, seed=seed, target_return=target)
