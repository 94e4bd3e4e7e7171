import numpy as np
import pytest

from a3c.sharing.published import PublishedParameters
from processes_for_tests import answer, processes, publish


def vector(version, size=3):
    return np.full(size, version, np.float32)


@pytest.mark.parametrize("lag", [0, 1, 3, 10])
@pytest.mark.parametrize("first", [0, 7])
def test_a_reader_is_as_far_behind_as_it_should_be_once_there_are_so_many_versions(lag, first):
    published = PublishedParameters(vector(first), first, lag)
    for latest in range(first, first + 40):
        if latest > first:
            published.publish(vector(latest), latest)
        parameters, version = published.read()
        assert version == max(first, latest - lag)
        np.testing.assert_array_equal(parameters, vector(version))


def test_what_is_read_is_a_copy():
    published = PublishedParameters(vector(0), 0)
    mine, _ = published.read()
    mine[:] = 9
    again, _ = published.read()
    np.testing.assert_array_equal(again, vector(0))
    for version in range(1, 9):
        published.publish(vector(version), version)
    np.testing.assert_array_equal(again, vector(0))


@pytest.mark.parametrize("lag", [0, 2])
def test_a_version_is_read_whole_while_another_process_publishes(lag):
    size, last = 300_000, 600
    published = PublishedParameters(vector(0, size), 0, lag)
    seen = [0]
    with processes((answer, publish, published, size, range(1, last + 1))) as (writer,):
        while seen[-1] < last - lag:
            parameters, version = published.read()
            assert (parameters == version).all()
            seen.append(version)
        assert writer.answer() == "done"
    assert seen == sorted(seen)
    assert published.read()[1] == last - lag


class Overtaken:
    """The ring of a writer that publishes `more` versions while the first reader has a row in its hands."""

    def __init__(self, published, more):
        self.published, self.array, self.more = published, published._ring.array, more

    def __getitem__(self, slot):
        row, more, self.more = self.array[slot], self.more, 0
        self.published._ring.array = self.array
        latest = int(self.published._versions.array[1])
        publish(self.published, row.size, range(latest + 1, latest + 1 + more))
        self.published._ring.array = self
        return row


@pytest.mark.parametrize("lag", [0, 2])
@pytest.mark.parametrize("more", range(12))
def test_a_reader_that_is_overtaken_takes_a_newer_version(lag, more):
    published = PublishedParameters(vector(0), 0, lag)
    publish(published, 3, range(1, 6))
    published._ring.array = Overtaken(published, more)
    parameters, version = published.read()
    assert version in (5 - lag, 5 + more - lag)
    np.testing.assert_array_equal(parameters, vector(version))
