"""A vector environment of one, without the batching that costs more than a small environment's step."""

from typing import Any

import gymnasium
import numpy as np
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space


class SingleVectorEnv(VectorEnv):
    """One environment as a vector of one, in NEXT_STEP mode: what SyncVectorEnv does, in half the time."""

    metadata = {"autoreset_mode": AutoresetMode.NEXT_STEP}  # noqa: RUF012  as VectorEnv has it

    def __init__(self, environment: gymnasium.Env):
        self._environment = environment
        self.num_envs = 1
        self.single_observation_space = environment.observation_space
        self.single_action_space = environment.action_space
        self.observation_space = batch_space(environment.observation_space, 1)
        self.action_space = batch_space(environment.action_space, 1)
        self.envs = (environment,)
        self._ended = False

    def reset(self, *, seed: Any = None, options: dict[str, Any] | None = None) -> tuple[np.ndarray, dict[str, Any]]:
        """`seed` is an integer, or a list of one."""
        observation, info = self._environment.reset(seed=seed[0] if isinstance(seed, list) else seed, options=options)
        self._ended = False
        return np.array(observation)[None], _lives(info)

    def step(self, actions: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, dict[str, Any]]:
        if self._ended:
            observation, info = self._environment.reset()
            reward, terminated, truncated = 0.0, False, False
        else:
            observation, reward, terminated, truncated, info = self._environment.step(actions[0])
        self._ended = bool(terminated or truncated)
        flags = np.array([terminated]), np.array([truncated])
        return np.array(observation)[None], np.array([reward]), *flags, _lives(info)

    def close_extras(self, **kwargs: Any) -> None:
        self._environment.close()


def _lives(info: dict[str, Any]) -> dict[str, Any]:
    """All of the information that is used here: the lives that are left."""
    return {"lives": np.array([info["lives"]])} if "lives" in info else {}
