"""Episodes of workers that take turns, put into the order of their turns: reports come when the clock says."""

from a3c.roles.messages import EpisodeRecord, Report


class InTurns:
    """Holds episodes back until all of earlier turns are there: for as long as a worker takes to report, at most.

    In use:

        for worker, episode in turns.take(report): ...
        for worker, episode in turns.rest(): ...           at the end, when nobody reports any more
    """

    def __init__(self, workers: int):
        self._next = list(range(workers))
        """The earliest turn that each worker may yet report."""
        self._early: list[tuple[int, int, EpisodeRecord]] = []

    def take(self, report: Report) -> list[tuple[int, EpisodeRecord]]:
        """The episodes, each with its worker, that this report completes the order of; at once where there is none."""
        if report.turn is None:
            return [(report.worker, episode) for episode in report.episodes]
        self._early += [(episode.turn or 0, report.worker, episode) for episode in report.episodes]
        self._next[report.worker] = report.turn + len(self._next)
        return self._until(min(self._next))

    def rest(self) -> list[tuple[int, EpisodeRecord]]:
        return self._until(None)

    def _until(self, turn: int | None) -> list[tuple[int, EpisodeRecord]]:
        if not self._early:
            return []
        # Those of one turn stay in the order in which they ended.
        self._early.sort(key=lambda early: early[0])
        ready = [early for early in self._early if turn is None or early[0] < turn]
        self._early = self._early[len(ready) :]
        return [(worker, episode) for _, worker, episode in ready]
