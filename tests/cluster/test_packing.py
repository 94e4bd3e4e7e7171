"""Segments of frames on their way: the same when they arrive, in fewer bytes."""

import numpy as np
import pytest

from a3c.cluster.packing import Packing, channels_of, unpacked
from a3c.environments.frames import FrameStack
from a3c.rollout.segment import Segment


def segment_of(observations):
    rows = observations.shape[0] - 1, observations.shape[1]
    terminated, truncated, mask = np.zeros((3, *rows), bool)
    return Segment(observations, np.zeros(rows, np.int64), np.zeros(rows, np.float32), terminated, truncated, mask)


def stacks(generator, channels=1, depth=4, rows=9, count=3, restarts=0.1):
    """Stacked frames of random pixels, of episodes that start anew now and then."""
    stack = FrameStack(count, (6, 5, channels), depth)
    return np.stack(
        [
            stack.push(
                generator.integers(0, 256, (count, 6, 5, channels), np.uint8), generator.random(count) < restarts
            )
            for _ in range(rows)
        ]
    )


@pytest.mark.parametrize("link", [np.inf, 1.0], ids=["fast", "slow"])
@pytest.mark.parametrize(("channels", "depth"), [(1, 4), (3, 2), (1, 2), (2, 3)])
def test_what_arrives_is_what_was_sent(channels, depth, link):
    generator, packing = np.random.default_rng(0), Packing()
    for _ in range(5):
        segment = segment_of(stacks(generator, channels, depth))
        packed = packing.pack(segment, link)
        for sent, arrived in zip(segment, unpacked(packed), strict=True):
            np.testing.assert_array_equal(sent, arrived)
        assert packed.frames is not None
        assert channels_of(segment.observations) == channels


def test_newest_frames_are_a_fraction_of_the_bytes():
    segment = segment_of(stacks(np.random.default_rng(0), rows=41, restarts=0.0))
    assert Packing().pack(segment).frames.newest.nbytes == segment.observations[1:].nbytes / 4


def test_frames_that_compress_well_are_compressed_where_the_link_is_slow():
    observations = np.zeros((41, 3, 40, 40, 4), np.uint8)
    segment, packing = segment_of(observations), Packing()
    assert packing.pack(segment, link=1e12).compressed is None
    packed = packing.pack(segment, link=1.0)
    assert packed.compressed is not None
    assert packed.size < observations.nbytes / 20
    np.testing.assert_array_equal(unpacked(packed).observations, observations)


@pytest.mark.parametrize(
    "observations",
    [np.zeros((5, 2, 4), np.float32), np.random.default_rng(0).integers(0, 256, (5, 2, 6, 6, 4), np.uint8)],
    ids=["numbers", "no stacks"],
)
def test_what_is_no_stack_of_frames_travels_as_it_is(observations):
    segment = segment_of(observations)
    packed = Packing().pack(segment, link=1.0)
    assert packed.frames is None
    assert unpacked(packed) is segment
