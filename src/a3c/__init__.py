"""Asynchronous advantage actor-critic (A3C) training for any Gymnasium environment.

In use:

    from a3c import A3C
    agent = A3C("CartPole-v1", workers=4, seed=1)
    agent.learn(steps=200_000)
    print(agent.evaluate(episodes=100))
"""

from typing import TYPE_CHECKING

__version__ = "0.1.0"

# Where each public name lives. They are imported when first used: importing a3c itself takes no time.
_HOMES = {
    "Agent": "a3c.agent",
    "A3C": "a3c.agent",
    "A2C": "a3c.agent",
    "APPO": "a3c.agent",
    "GA3C": "a3c.agent",
    "IMPACT": "a3c.agent",
    "IMPALA": "a3c.agent",
    "NStepQ": "a3c.agent",
    "OneStepQ": "a3c.agent",
    "OneStepSarsa": "a3c.agent",
    "PQN": "a3c.agent",
    "RandomAgent": "a3c.agent",
    "load": "a3c.loading",
    "ActingAgent": "a3c.acting",
    "Training": "a3c.training.callbacks",
    "Callback": "a3c.training.callbacks",
    "Logger": "a3c.training.loggers.logger",
    "MlflowLogger": "a3c.training.loggers.to_mlflow",
    "TrackioLogger": "a3c.training.loggers.to_trackio",
    "WandbLogger": "a3c.training.loggers.to_wandb",
    "RunEvaluation": "a3c.training.run_evaluation",
    "Result": "a3c.training.training",
    "Snapshot": "a3c.learning.snapshot",
    "resume": "a3c.training.calls",
    "repeat": "a3c.training.calls",
    "tune": "a3c.tuning.calls",
    "Algorithm": "a3c.algorithm",
    "TrainConfig": "a3c.config",
    "make_environment": "a3c.environment",
    "A3CError": "a3c.errors",
}

if TYPE_CHECKING:
    from a3c.acting import ActingAgent as ActingAgent
    from a3c.agent import A2C as A2C
    from a3c.agent import A3C as A3C
    from a3c.agent import APPO as APPO
    from a3c.agent import GA3C as GA3C
    from a3c.agent import IMPACT as IMPACT
    from a3c.agent import IMPALA as IMPALA
    from a3c.agent import PQN as PQN
    from a3c.agent import Agent as Agent
    from a3c.agent import NStepQ as NStepQ
    from a3c.agent import OneStepQ as OneStepQ
    from a3c.agent import OneStepSarsa as OneStepSarsa
    from a3c.agent import RandomAgent as RandomAgent
    from a3c.algorithm import Algorithm as Algorithm
    from a3c.config import TrainConfig as TrainConfig
    from a3c.environment import make_environment as make_environment
    from a3c.errors import A3CError as A3CError
    from a3c.learning.snapshot import Snapshot as Snapshot
    from a3c.loading import load as load
    from a3c.training.callbacks import Callback as Callback
    from a3c.training.callbacks import Training as Training
    from a3c.training.calls import repeat as repeat
    from a3c.training.calls import resume as resume
    from a3c.training.loggers.logger import Logger as Logger
    from a3c.training.loggers.to_mlflow import MlflowLogger as MlflowLogger
    from a3c.training.loggers.to_trackio import TrackioLogger as TrackioLogger
    from a3c.training.loggers.to_wandb import WandbLogger as WandbLogger
    from a3c.training.run_evaluation import RunEvaluation as RunEvaluation
    from a3c.training.training import Result as Result
    from a3c.tuning.calls import tune as tune

__all__ = [
    "A2C",
    "A3C",
    "APPO",
    "GA3C",
    "IMPACT",
    "IMPALA",
    "PQN",
    "A3CError",
    "ActingAgent",
    "Agent",
    "Algorithm",
    "Callback",
    "Logger",
    "MlflowLogger",
    "NStepQ",
    "OneStepQ",
    "OneStepSarsa",
    "RandomAgent",
    "Result",
    "RunEvaluation",
    "Snapshot",
    "TrackioLogger",
    "TrainConfig",
    "Training",
    "WandbLogger",
    "load",
    "make_environment",
    "repeat",
    "resume",
    "tune",
]  # fmt: skip


if not TYPE_CHECKING:
    # A checker that saw this would take any name for one of these.
    def __getattr__(name: str) -> object:
        if name not in _HOMES:
            raise AttributeError(f"module 'a3c' has no attribute {name!r}")
        import importlib

        return getattr(importlib.import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
