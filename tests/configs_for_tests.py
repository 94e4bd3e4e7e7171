"""Settings as tests write them: flat, the algorithm by its name, and its own settings among the others. Nothing is
normalised unless they say so."""

from typing import Any

from a3c.config import TrainConfig
from a3c.config.making import make_config


def config_with(environment: str = "", **settings: Any) -> TrainConfig:
    plain = {"normalize_observations": False, "normalize_rewards": False}
    return make_config({"environment": environment, **plain, **settings}, "")
