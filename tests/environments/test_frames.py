"""Frames, against OpenCV and against what can be worked out by hand."""

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from a3c.environments.frames import FrameStack, Preprocessing, area, sample
from a3c.errors import SettingsError
from configs_for_tests import config_with

some = settings(max_examples=40, deadline=None)
frame_shapes = st.tuples(st.integers(1, 3), st.integers(1, 30), st.integers(1, 30), st.sampled_from([1, 2, 3]))


def noise(*shape, seed=0):
    return np.random.default_rng(seed).integers(256, size=shape, dtype=np.uint8)


def preprocess(frames, **settings):
    """The frames afterwards, whose shape and type are checked."""
    preprocessing = Preprocessing(frames.shape[1:], config_with(**settings))
    before = frames.copy()
    result = preprocessing(frames)
    assert result.shape == (len(frames), *preprocessing.shape)
    assert result.dtype == np.uint8
    np.testing.assert_array_equal(frames, before)
    return result


def resized_by_opencv(frames, height, width):
    return np.stack([cv2.resize(frame, (width, height), interpolation=cv2.INTER_AREA) for frame in frames])


def difference(a, b):
    return np.abs(a.astype(int) - b.astype(int)).max()


@pytest.mark.parametrize("channels", [(), (1,), (3,), (4,)])
def test_without_settings_frames_stay_as_they_are(channels):
    frames = noise(2, 6, 5, *channels)
    np.testing.assert_array_equal(preprocess(frames), frames.reshape(2, 6, 5, *(channels or (1,))))


@pytest.mark.parametrize(
    ("crop", "rows", "columns"),
    [
        ((2,), slice(2, 9), slice(0, 7)),
        ((2, 8), slice(2, 8), slice(0, 7)),
        ((2, 8, 3), slice(2, 8), slice(3, 7)),
        ((2, 8, 3, 4), slice(2, 8), slice(3, 4)),
        ((0, 9, 0, 7), slice(0, 9), slice(0, 7)),
    ],
)
@pytest.mark.parametrize("channels", [1, 3])
def test_a_crop_keeps_rows_and_columns(crop, rows, columns, channels):
    frames = noise(2, 9, 7, channels)
    np.testing.assert_array_equal(preprocess(frames, crop=crop), frames[:, rows, columns])


@pytest.mark.parametrize(
    ("colour", "grey"), [((255, 0, 0), 76), ((0, 255, 0), 150), ((0, 0, 255), 29), ((255, 255, 255), 255)]
)
def test_grey_is_that_of_bt_601(colour, grey):
    assert preprocess(np.full((1, 2, 2, 3), colour, np.uint8), grayscale=True).tolist() == [[[[grey]] * 2] * 2]


def test_grey_is_rounded_to_the_nearest():
    frames = noise(3, 40, 40, 3)
    grey = preprocess(frames, grayscale=True)[..., 0]
    assert np.abs(grey - frames @ np.array([0.299, 0.587, 0.114])).max() <= 0.5 + 1e-4
    assert difference(grey, np.stack([cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY) for frame in frames])) <= 1


@pytest.mark.parametrize("channels", [(), (1,)])
def test_what_is_grey_stays_so(channels):
    frames = noise(2, 4, 4, *channels)
    np.testing.assert_array_equal(preprocess(frames, grayscale=True), frames.reshape(2, 4, 4, 1))


@pytest.mark.parametrize("threshold", [0, 100, 254])
def test_white_is_what_lies_strictly_above_the_threshold(threshold):
    frames = np.arange(256, dtype=np.uint8).reshape(1, 16, 16)
    white = preprocess(frames, threshold=threshold).ravel()
    assert white.tolist() == [0] * (threshold + 1) + [255] * (255 - threshold)


@pytest.mark.parametrize(
    ("before", "after"),
    [((210, 160), (84, 84)), ((160, 160), (80, 80)), ((210, 160), (42, 40)), ((37, 23), (11, 22)), ((9, 9), (9, 4))],
)
@pytest.mark.parametrize("channels", [(), (3,)])
def test_area_is_that_of_opencv(before, after, channels):
    frames = noise(2, *before, *channels)
    frames[0] //= 128
    assert difference(area(frames, *after), resized_by_opencv(frames, *after)) <= 1


@some
@given(frame_shapes, st.integers(1, 30), st.integers(1, 30), st.integers(0, 99))
def test_area_is_that_of_opencv_for_any_size(shape, height, width, seed):
    frames = noise(*shape, seed=seed)
    height, width = min(height, shape[1]), min(width, shape[2])
    expected = resized_by_opencv(frames, height, width).reshape(shape[0], height, width, shape[3])
    assert difference(area(frames, height, width), expected) <= 1


@some
@given(st.integers(1, 20), st.integers(1, 20), st.sampled_from([(), (3,)]), st.integers(0, 99))
def test_area_is_the_mean_of_blocks(rows, columns, channels, seed):
    frames = noise(2, 3 * rows, 2 * columns, *channels, seed=seed)
    means = frames.reshape(2, 3, rows, 2, columns, *channels).mean(axis=(2, 4))
    assert np.abs(area(frames, 3, 2) - means).max() <= 0.5 + 1e-3


@pytest.mark.parametrize("size", [(2, 2), (3, 5), (40, 40), (40, 30)])
@pytest.mark.parametrize("value", [0, 1, 254, 255])
def test_area_leaves_one_colour_as_it_is(size, value):
    assert set(area(np.full((1, 40, 40, 3), value, np.uint8), *size).ravel().tolist()) == {value}


def test_area_of_blocks_by_hand():
    frames = np.array([[[0, 4, 255, 255], [8, 12, 255, 251]]], np.uint8)
    assert preprocess(frames, frame_size=(1, 2))[..., 0].tolist() == [[[6, 254]]]
    assert preprocess(frames, frame_size=(2, 1))[..., 0].tolist() == [[[128], [132]]]


def test_area_shares_a_pixel_that_two_cover():
    frames = np.array([[[30, 60, 90]]], np.uint8)
    assert area(frames, 1, 2).tolist() == [[[40, 80]]]


@pytest.mark.parametrize("channels", [(), (3,)])
def test_a_sample_of_half_the_size_takes_every_second_pixel(channels):
    frames = noise(2, 160, 160, *channels)
    np.testing.assert_array_equal(sample(frames, 80, 80), frames[:, ::2, ::2])


@some
@given(frame_shapes, st.integers(1, 30), st.integers(1, 30))
def test_a_sample_holds_pixels_in_order(shape, height, width):
    height, width = min(height, shape[1]), min(width, shape[2])
    places = np.broadcast_to(np.arange(shape[1])[:, None] * 30 + np.arange(shape[2]), shape[:3])
    taken = sample(places, height, width)
    rows, columns = taken[0, :, 0] // 30, taken[0, 0] % 30
    assert rows[0] == columns[0] == 0
    np.testing.assert_array_equal(taken[0], rows[:, None] * 30 + columns)
    for where, before in ((rows, shape[1]), (columns, shape[2])):
        assert where.max() < before
        distances = np.diff(where)
        assert len(where) == 1 or (distances.min() >= 1 and np.ptp(distances) <= 1)


@pytest.mark.parametrize(("size", "shape"), [((8,), (8, 8)), ((8, 4), (8, 4)), ((4, 8), (4, 8))])
@pytest.mark.parametrize("resize", ["area", "sample"])
def test_a_frame_size_is_height_and_width_or_a_square(size, shape, resize):
    assert preprocess(noise(2, 16, 12, 3), frame_size=size, resize=resize).shape == (2, *shape, 3)


def test_frames_are_cropped_then_greyed_then_thresholded_then_resized():
    frames = np.zeros((1, 6, 4, 3), np.uint8)
    frames[0, :2] = 255
    # The grey of this red is 76: above the threshold only where the colours are looked at one by one.
    frames[0, 2:4, :2] = (255, 0, 0)
    frames[0, 4, 2:] = (0, 255, 0)
    frames[0, 2, 2] = (101, 101, 101)
    frames[0, 3, 3] = (100, 100, 100)
    settings = {"crop": (2,), "grayscale": True, "threshold": 100, "frame_size": (2,)}
    # Of the four pixels in a block, one or two are white: thresholds after the mean would leave 0 and 255 only.
    assert preprocess(frames, **settings)[0, ..., 0].tolist() == [[0, 64], [0, 128]]
    assert preprocess(frames, **settings, resize="sample")[0, ..., 0].tolist() == [[0, 255], [0, 255]]


def test_the_form_of_pylessons():
    frame = np.full((210, 160, 3), (20, 20, 20), np.uint8)
    frame[:35], frame[195:] = 255, 255
    frame[101:105, 16:20] = (92, 186, 92)
    frame[35, 0] = frame[194, 158] = frame[193, 158] = (236, 236, 236)
    settings = {"crop": (35, 195), "grayscale": True, "frame_size": (80,), "resize": "sample", "threshold": 100}
    seen = preprocess(frame[None], **settings)[0, ..., 0]
    assert seen.shape == (80, 80)
    assert np.argwhere(seen == 255).tolist() == [[0, 0], [33, 8], [33, 9], [34, 8], [34, 9], [79, 79]]
    assert set(seen.ravel().tolist()) == {0, 255}


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"crop": (0, 11)}, "`crop` 0 11 is not inside"),
        ({"crop": (5, 5)}, "`crop` 5 5"),
        ({"crop": (-2, 5)}, "`crop` -2 5"),
        ({"crop": (10,)}, "`crop` 10"),
        ({"crop": (0, 10, 0, 9)}, r"RIGHT <= 8"),
        ({"crop": (0, 10, 4, 2)}, "`crop`"),
        ({"frame_size": (9,)}, "`frame_size` 9 9 is larger than the frames, which are 10 8$"),
        ({"frame_size": (11, 4)}, "`frame_size` 11 4"),
        ({"crop": (5,), "frame_size": (6, 4)}, "`frame_size` 6 4 is larger .* 5 8 after `crop`"),
    ],
)
def test_what_does_not_fit_the_frames_is_named(settings, message):
    with pytest.raises(SettingsError, match=message) as error:
        Preprocessing((10, 8, 3), config_with(**settings))
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("shape", [(), (4,), (2, 3, 4, 5)])
def test_what_is_no_frame_is_refused(shape):
    with pytest.raises(SettingsError, match=r"\[H, W\] or \[H, W, C\]"):
        Preprocessing(shape, config_with(crop=(1,)))


def test_a_stack_holds_the_oldest_frame_first():
    stack = FrameStack(1, (1, 1, 1), 3)
    first = stack.push(np.full((1, 1, 1, 1), 7, np.uint8), np.array([True]))
    assert first.tolist() == [[[[7, 7, 7]]]]
    pushed = [stack.push(np.full((1, 1, 1, 1), n, np.uint8), np.array([False])) for n in (8, 9, 10)]
    assert [p[0, 0, 0].tolist() for p in pushed] == [[7, 7, 8], [7, 8, 9], [8, 9, 10]]


def test_colours_of_a_frame_stay_together():
    stack = FrameStack(1, (1, 2, 3), 2)
    first, second = noise(1, 1, 2, 3, seed=1), noise(1, 1, 2, 3, seed=2)
    stack.push(first, np.array([True]))
    stacked = stack.push(second, np.array([False]))
    np.testing.assert_array_equal(stacked, np.concatenate([first, second], axis=-1))


def stacked_by_hand(frames, started, depth):
    """Stacks of `frames` `[T, B, ...]`, one environment and one step at a time."""
    result = []
    for t in range(len(frames)):
        row = []
        for index in range(frames.shape[1]):
            first = max(np.flatnonzero(started[: t + 1, index]))
            row.append(np.concatenate([frames[max(first, t - back), index] for back in range(depth)][::-1], axis=-1))
        result.append(row)
    return np.array(result)


@some
@given(
    st.integers(1, 4),
    st.tuples(st.integers(1, 3), st.integers(1, 3), st.sampled_from([1, 3])),
    st.integers(1, 5),
    st.integers(0, 99),
)
def test_environments_never_mix_and_earlier_stacks_stay(environments, shape, depth, seed):
    frames = noise(9, environments, *shape, seed=seed)
    started = np.random.default_rng(seed).random((9, environments)) < 0.2
    started[0] = True
    stack = FrameStack(environments, shape, depth)
    pushed = [stack.push(f, s) for f, s in zip(frames, started, strict=True)]
    np.testing.assert_array_equal(np.array(pushed), stacked_by_hand(frames, started, depth))
