"""Whether a run has action masks: by its settings, and by what its environment offers."""

import dataclasses

import gymnasium

from a3c.config import TrainConfig
from a3c.environments.making import EnvironmentMaker
from a3c.environments.masks import HOW, OFFERS, Offer, mask_counts, offered_by
from a3c.environments.serial import close
from a3c.errors import SettingsError

ACTIONS = "Discrete and MultiDiscrete actions"


def with_masks(
    config: TrainConfig, maker: EnvironmentMaker, offer: Offer | None, space: gymnasium.Space
) -> tuple[TrainConfig, EnvironmentMaker, str]:
    """The settings with `action_masks` filled in, what makes the environments then, and what people should know of it.

    `offer` is where one of the environments gives masks, and `space` that of its actions. Raises SettingsError where
    masks are asked for, and there can be none.
    """
    found, line = config.action_masks, ""
    if found and not mask_counts(space):
        raise SettingsError(f"`action_masks` are for {ACTIONS}, and these are {space}: leave it out")
    if found and offer is None:
        raise SettingsError(f"`action_masks` is on, but {maker.name} gives no masks: {HOW}")
    if found is None:
        found = offer is not None and bool(mask_counts(space))
        if offer is not None and not found:
            line = f"; its action masks are not used, as they are for {ACTIONS} alone"
    maker = dataclasses.replace(maker, config=dataclasses.replace(maker.config, action_masks=found))
    if found and offer is not None:
        line = f"; action masks from {OFFERS[offer]}"
        if maker.spec is not None and maker.has_own_vector and not _vector_offers(maker):
            maker = dataclasses.replace(maker, one_by_one=True)
            line += ", which the environment's vector form lacks: they are stepped one by one"
    return config.replace(action_masks=found), maker, line


def _vector_offers(maker: EnvironmentMaker) -> bool:
    """Whether the vector form of an id gives masks too."""
    vector = maker.make_vector(2)
    try:
        return offered_by(vector) is not None
    finally:
        close(vector)


def check_evaluated(config: TrainConfig, maker: EnvironmentMaker, offer: Offer | None) -> None:
    """Raises SettingsError where evaluation's environment gives no masks, and training has them."""
    if config.action_masks and offer is None:
        raise SettingsError(
            f"`evaluation_environment` {maker.name} gives no action masks, and training has them: {HOW}, or turn "
            "`action_masks` off"
        )
