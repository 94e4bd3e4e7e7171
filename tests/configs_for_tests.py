"""Settings as tests write them: flat, the algorithm by its name, and its own settings among the others. Nothing is
normalised unless they say so."""

from typing import Any

from a3c.config import TrainConfig
from a3c.config.making import make_config

PLAIN = {"normalize_observations": False, "normalize_rewards": False}


def config_with(environment: str = "", **settings: Any) -> TrainConfig:
    return make_config({"environment": environment, **PLAIN, **settings}, "")
