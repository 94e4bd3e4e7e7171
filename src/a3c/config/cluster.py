"""Settings of a run whose workers are on several machines."""

import math
from dataclasses import dataclass

from a3c.config.setting import setting

PIPES = "pipes"
"""What `cluster` is where stations are processes on this machine."""
OF_PIPES, OF_MACHINES = 2, 8
"""Stations where nothing else is set: with pipes, and on a cluster, of as many machines at most."""
STATIONS_PER_RELAY = 8
"""Stations that one relay process serves: it copies what they send, 28 us a step over frames of 84x84."""


@dataclass(frozen=True)
class ClusterSettings:
    """Stations: the workers of one machine each, all its cores."""

    cluster: str | None = None
    """Where the workers are: `auto`, on the machines of the Ray cluster that this one is a part of; HOST:PORT, of the
    one whose head is there; `pipes`, in stations on this machine, to try it without Ray. Default: worker processes of
    this machine alone."""

    stations: int | None = setting(None, at_least=1)
    """With cluster: stations, each on a machine of its own. Those that have none yet are started when one joins.
    Default: 8; 2 with pipes."""

    workers_per_station: int | None = setting(None, at_least=1)
    """With cluster: worker processes of each station. Default: the cores of its machine."""

    station_restarts: int = setting(10, at_least=0)
    """With cluster: stations that are lost and replaced, in all; one more ends the run."""

    sync_interval: float | None = setting(None, above=0)
    """With cluster, where workers learn: seconds between two exchanges of what a station and the others have learned.
    What a station knows of the others' steps is as old: limits are overshot by what they do meanwhile.
    Default: what takes 10 MB/s for each station, from 0.02 to 1 s."""

    @property
    def station_count(self) -> int:
        """How many stations there may be; 0 without a cluster."""
        if self.cluster is None:
            return 0
        return self.stations or (OF_PIPES if self.cluster == PIPES else OF_MACHINES)

    @property
    def relays(self) -> int:
        """Processes here that talk to stations, in the place of workers; 0 without a cluster."""
        return math.ceil(self.station_count / STATIONS_PER_RELAY)
