"""Which environment of a vector gave what it should not, and when."""

from collections.abc import Callable
from typing import Any

import numpy as np
from gymnasium.vector import VectorEnv

from a3c.environments.observations import Observations
from a3c.environments.serial import SerialVectorEnv
from a3c.errors import InvalidEnvironment


def explain(
    error: Exception, environments: VectorEnv, observations: Observations, step: int, whose: str = "this worker"
) -> None:
    """Raises InvalidEnvironment, with environment and step, for an observation that is not what its space says, or for
    what was found wrong already; leaves what the environment raised itself.

    What makes no batch fails there, without a word of which it was; the vector has noted what each environment gave.
    """
    ours = isinstance(environments, SerialVectorEnv)
    for index, observation in enumerate(getattr(environments, "_env_obs", ())):
        if observation is None and not ours:
            # Gymnasium's note before the first reset.
            continue
        try:
            observations.check(observation)
        except InvalidEnvironment as wrong:
            raise InvalidEnvironment(f"{wrong} (environment {index} of {whose}, step {step})") from None
    if isinstance(error, InvalidEnvironment):
        raise InvalidEnvironment(f"{error} (step {step} of {whose}'s environments)") from None


class Checked:
    """A vector environment whose observations are held against their space: for those who don't collect segments."""

    def __init__(self, environments: VectorEnv):
        self._environments, self._steps = environments, 0
        self._observations = Observations(environments.single_observation_space)

    def reset(self, **arguments: Any) -> tuple[Any, dict[str, Any]]:
        """Raises InvalidEnvironment, with environment and step, as `step` does."""
        return self._checked(lambda: self._environments.reset(**arguments))

    def step(self, actions: np.ndarray) -> tuple[Any, ...]:
        self._steps += 1
        return self._checked(lambda: self._environments.step(actions))

    def _checked(self, give: Callable[[], tuple[Any, ...]]) -> Any:
        try:
            given = give()
            self._observations.pack(given[0])
        except Exception as error:
            explain(error, self._environments, self._observations, self._steps, "those stepped together")
            raise
        return given
