"""Coefficients that change with the global step."""

import dataclasses
from collections.abc import Mapping
from typing import Any

from a3c.config import TrainConfig


def linear_schedule(start: float, final: float | None, step: int, steps: int | None) -> float:
    """From `start` at step 0 to `final` at `steps` and after; constant where either is None."""
    if final is None or steps is None:
        return start
    return start + (final - start) * min(step / steps, 1.0)


def learning_rate_at(config: TrainConfig, step: int) -> float:
    """The learning rate at this global step."""
    return _annealed(config, config.learning_rate, config.learning_rate_final, step)


def entropy_coefficient_at(config: TrainConfig, step: int) -> float:
    """The weight of the entropy at this global step."""
    return _annealed(config, config.entropy_coefficient, config.entropy_coefficient_final, step)


def _annealed(config: TrainConfig, start: float, final: float | None, step: int) -> float:
    final = 0.0 if final is None and config.algorithm.anneals else final
    return linear_schedule(start, final, step, config.anneal_steps or config.steps)


def epsilon_at(config: TrainConfig, worker: int, step: int) -> float:
    """A worker's share of uniformly random actions at this global step."""
    if not config.epsilon:
        return 0.0
    start = config.epsilon[worker % len(config.epsilon)]
    final = config.epsilon_final[worker % len(config.epsilon_final)] if config.epsilon_final else None
    return linear_schedule(start, final, step, config.epsilon_anneal_steps or config.steps)


def with_limits(config: TrainConfig, limits: Mapping[str, Any]) -> TrainConfig:
    """The configuration with other limits, and the schedules that it had with its own."""
    horizons = {}
    if config.anneals:
        horizons["anneal_steps"] = config.anneal_steps or config.steps
    if config.epsilon_final:
        horizons["epsilon_anneal_steps"] = config.epsilon_anneal_steps or config.steps
    return dataclasses.replace(config, **limits, **horizons)
