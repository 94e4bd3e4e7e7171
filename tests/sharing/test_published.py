import numpy as np
import pytest

from a3c.learning.snapshot import Snapshot
from a3c.sharing.published import PublishedSnapshots
from processes_for_tests import answer, processes, publish


def numbered(version, size=3):
    """A Snapshot whose numbers are its version."""
    return Snapshot(np.full(size, version, np.float32), np.full(2, version, np.float32), version)


def assert_whole(snapshot):
    assert (snapshot.parameters == snapshot.version).all()
    assert (snapshot.statistics == snapshot.version).all()


@pytest.mark.parametrize("lag", [0, 1, 3, 10])
@pytest.mark.parametrize("first", [0, 7])
def test_a_reader_is_as_far_behind_as_it_should_be_once_there_are_so_many_versions(lag, first):
    published = PublishedSnapshots(numbered(first), lag)
    for latest in range(first, first + 40):
        if latest > first:
            published.publish(numbered(latest))
        snapshot = published.read()
        assert snapshot.version == max(first, latest - lag)
        assert_whole(snapshot)


def test_what_is_read_is_a_copy():
    published = PublishedSnapshots(numbered(0))
    mine = published.read()
    with pytest.raises(ValueError, match="read-only"):
        mine.parameters[:] = 9
    for version in range(1, 9):
        published.publish(numbered(version))
    assert_whole(mine)


@pytest.mark.parametrize("lag", [0, 2])
def test_a_version_is_read_whole_while_another_process_publishes(lag):
    size, last = 300_000, 600
    published = PublishedSnapshots(numbered(0, size), lag)
    seen = [0]
    with processes((answer, publish, published, size, range(1, last + 1))) as (writer,):
        while seen[-1] < last - lag:
            snapshot = published.read()
            assert_whole(snapshot)
            seen.append(snapshot.version)
        assert writer.answer() == "done"
    assert seen == sorted(seen)
    assert published.read().version == last - lag


class Overtaken:
    """The ring of a writer that publishes `more` versions while the first reader has a row in its hands."""

    def __init__(self, published, more):
        self.published, self.array, self.more = published, published._ring.array, more

    def __getitem__(self, slot):
        row, more, self.more = self.array[slot], self.more, 0
        self.published._ring.array = self.array
        latest = int(self.published._versions.array[1])
        publish(self.published, row.size - 2, range(latest + 1, latest + 1 + more))
        self.published._ring.array = self
        return row


@pytest.mark.parametrize("lag", [0, 2])
@pytest.mark.parametrize("more", range(12))
def test_a_reader_that_is_overtaken_takes_a_newer_version(lag, more):
    published = PublishedSnapshots(numbered(0), lag)
    publish(published, 3, range(1, 6))
    published._ring.array = Overtaken(published, more)
    snapshot = published.read()
    assert snapshot.version in (5 - lag, 5 + more - lag)
    assert_whole(snapshot)
