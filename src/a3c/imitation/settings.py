"""The settings of behavioural cloning."""

import dataclasses
from dataclasses import dataclass
from typing import Any

from a3c.config.making import no_argument, number
from a3c.config.setting import setting
from a3c.errors import SettingsError


@dataclass(frozen=True)
class ImitationSettings:
    """How demonstrations are learned from; steps of the optimizer, Adam, are of the agent's `learning_rate`."""

    epochs: int = setting(100, at_least=1, everyday="passes over the demonstrations, at most")
    """Passes over the demonstrations, at most."""

    batch_size: int = setting(256, at_least=1, everyday="steps that an update is made from")
    """Steps that an update is made from."""

    held_out: float = setting(0.1, above=0, below=1, everyday="share that is not learned from, to judge by")
    """Share of the episodes (of the steps, where there are few episodes) that is not learned from, to judge by."""

    patience: int = setting(5, at_least=1, everyday="passes without a better loss on that, after which it ends")
    """Passes without a better loss on what is held out, after which it ends; the best parameters are kept."""

    @classmethod
    def of(cls, given: dict[str, Any]) -> "ImitationSettings":
        """From keyword arguments. Raises SettingsError."""
        fields = {one.name: one for one in dataclasses.fields(cls)}
        for name in given:
            if name not in fields:
                raise SettingsError(no_argument("imitate", name, fields))
        return cls(**{name: number(name, value, fields) for name, value in given.items()})
