"""Which environment of a vector gave what it should not, and when."""

from gymnasium.vector import VectorEnv

from a3c.environments.observations import Observations
from a3c.environments.serial import SerialVectorEnv
from a3c.errors import InvalidEnvironment


def explain(error: Exception, environments: VectorEnv, observations: Observations, step: int, whose: str) -> None:
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
