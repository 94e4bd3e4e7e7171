"""Small agents of every algorithm, for the tests of what is learned."""

from typing import Any

import numpy as np

from a3c import A2C, A3C, APPO, GA3C, IMPACT, IMPALA, PQN, NStepQ, OneStepQ, OneStepSarsa
from a3c.agent import Agent
from a3c.training.training import Result
from configs_for_tests import PLAIN

ALGORITHMS = {
    agent.algorithm.name: agent for agent in (A3C, A2C, APPO, GA3C, IMPACT, IMPALA, NStepQ, OneStepQ, OneStepSarsa, PQN)
}
LEARNERS = ("ga3c", "impact", "impala")
WITH_TARGET = ("n-step-q", "one-step-q", "one-step-sarsa")
VALUES = (*WITH_TARGET, "pqn")
"""Those that learn what each action is worth."""
EXPLORING = {"epsilon": (0.2,), "epsilon_final": (), "hidden": ()}
SMALL = {"backend": "inline", "envs_per_worker": 8, "segment_length": 8, "learning_rate": 0.02, "hidden": (16,)} | PLAIN
"""Segments of at most 64 steps."""


def make(environment: Any, algorithm: str = "a3c", *, seed: int = 0, **settings: Any) -> Agent:
    """An agent that trains on one segment at a time, unless `min_batch` says otherwise."""
    more = {"min_batch": 1} if algorithm in LEARNERS else EXPLORING if algorithm in VALUES else {}
    more = more | ({"target_interval": 128} if algorithm in WITH_TARGET else {})
    return ALGORITHMS[algorithm](environment, seed=seed, **SMALL | more | settings)


def learn(
    environment: Any, steps: int, algorithm: str = "a3c", *, seed: int = 0, **settings: Any
) -> tuple[Agent, Result]:
    """An agent that has learned for so many steps. The seconds are there to end a run that hangs."""
    agent = make(environment, algorithm, seed=seed, **settings)
    return agent, agent.learn(steps=steps, seconds=120)


def probabilities(agent: Agent, observation: Any) -> np.ndarray:
    """The probability of each action."""
    return np.exp(agent.policy(agent.snapshot, np.asarray([observation], np.float32))[0].log_probs)[0]


def learned(result: Result) -> tuple[np.ndarray, np.ndarray]:
    """Parameters and optimizer state, to be compared."""
    return result.latest.parameters, result.latest.optimizer_state
