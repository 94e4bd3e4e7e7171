"""Training rewards: what settings make of the environment's own."""

import numpy as np

from a3c.config.environment import EnvironmentSettings


def training_rewards(config: EnvironmentSettings, rewards: np.ndarray, terminated: np.ndarray) -> np.ndarray:
    """Scaled, clipped, and replaced where a step terminated, in this order, as far as each is set; `[T, B]` all."""
    if config.reward_scale != 1.0:
        rewards = rewards * config.reward_scale
    if config.reward_clip is not None:
        rewards = np.clip(rewards, -config.reward_clip, config.reward_clip)
    if config.termination_reward is not None:
        rewards = np.where(terminated, config.termination_reward, rewards)
    return rewards
