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


def with_limits(config: TrainConfig, limits: Mapping[str, Any], done: int = 0) -> TrainConfig:
    """The configuration with other limits, for a call that begins after `done` steps, and the schedules that it had.

    Where nothing says how long is annealed but `steps`, and these do not reach into the call, or less far than the
    call's own, it is so over all steps until the call's end.
    """
    known, until = config.steps, limits["steps"]
    reaches = known is not None and known > done and (until is None or until - done <= known)
    whole = known if reaches or until is None else until
    horizons = {
        "anneal_steps": config.anneal_steps or whole,
        "epsilon_anneal_steps": config.epsilon_anneal_steps or whole,
    }
    if not (config.anneals or config.algorithm.anneals) or horizons["anneal_steps"] == until:
        # Where it ends with the limit, it does so too where a later command moves the limit.
        horizons["anneal_steps"] = config.anneal_steps
    if not config.epsilon_final or horizons["epsilon_anneal_steps"] == until:
        horizons["epsilon_anneal_steps"] = config.epsilon_anneal_steps
    return dataclasses.replace(config, **limits, **horizons)


def schedule_remark(config: TrainConfig, call: TrainConfig, done: int) -> str | None:
    """What is to be known of the annealing in a call that begins after `done` steps, with the settings of the agent and
    those of the call; None where it is as anybody expects."""
    if not done or not (config.anneals or config.algorithm.anneals):
        return None
    rate = learning_rate_at(call, done)
    if rate == 0.0:
        return (
            f"the learning rate has come to 0 by step {done:,}, so nothing is learned from here on: make the agent "
            "with larger `anneal_steps`"
        )
    if call.anneal_steps is None and call.steps is not None:
        return (
            f"what is annealed goes on at {rate:.2g} and ends with this call, at step {call.steps:,}: for one schedule "
            "over several calls make the agent with `anneal_steps`, the steps of all of them"
        )
    return None
