"""The settings that a station's workers have."""

from a3c.config import TrainConfig
from a3c.config.cluster import ClusterSettings
from a3c.config.setting import names_of
from a3c.machine import available_cores


def of_station(config: TrainConfig) -> TrainConfig:
    """Those of a run on that machine alone, with as many workers as a station is to have there."""
    workers = config.workers_per_station or available_cores()
    alone = {name: getattr(ClusterSettings, name) for name in names_of(ClusterSettings)}
    return config.replace(**alone, workers=workers, checkpoint_steps=0)
