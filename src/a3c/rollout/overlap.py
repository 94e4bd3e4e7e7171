"""Segments that overlap, so that returns of n steps reach far enough."""

from a3c.rollout.segment import Segment


class Overlap:
    """Begins each segment with the last `rows` of the one before, whose returns could not reach far enough there."""

    def __init__(self, rows: int):
        self._rows = rows
        self._before: Segment | None = None

    def repeat(self, segment: Segment) -> None:
        """Writes them into the first rows; masked ones where there was no segment before."""
        rows = self._rows
        if not rows:
            return
        if self._before is None:
            segment.observations[:rows] = segment.observations[rows]
        else:
            last = self._before.from_row(len(segment.mask) - rows)
            for array, before in zip(segment, last, strict=True):
                if array is not None and before is not None:
                    array[:rows] = before[:rows]
        self._before = segment
