"""Rows of a segment for tests of what is computed from them."""

import numpy as np
from hypothesis import strategies as st


@st.composite
def segments(draw):
    """One environment's rows in the canonical layout: episodes that end, dummy rows after them, padding at the end."""
    length = draw(st.sampled_from([1, 2, 9]))
    padded_from = draw(st.integers(1, length))
    dummy = draw(st.booleans()) and padded_from > 1
    terminated, truncated, mask = np.zeros((3, length), bool)
    for t in range(padded_from):
        mask[t] = not dummy
        if mask[t]:
            terminated[t], truncated[t] = draw(st.sampled_from([(0, 0), (0, 0), (1, 0), (0, 1), (1, 1)]))
        dummy = terminated[t] or truncated[t]
    number = st.floats(-10, 10, width=32)
    rewards = np.array(draw(st.lists(number, min_size=length, max_size=length)), np.float32)
    values = np.array(draw(st.lists(number, min_size=length + 1, max_size=length + 1)), np.float32)
    return rewards, values, terminated, truncated, mask


def random_segments(generator, length, environments):
    """The same for several environments, `[T, B]`, with ends of both kinds and the dummy rows after them."""
    rewards, values = generator.normal(size=(length, environments)), generator.normal(size=(length + 1, environments))
    terminated, truncated = generator.random((2, length, environments)) < 0.15
    mask = np.ones((length, environments), bool)
    for t in range(1, length):
        mask[t] = ~(mask[t - 1] & (terminated[t - 1] | truncated[t - 1]))
    terminated, truncated = terminated & mask, truncated & mask
    return rewards.astype(np.float32), values.astype(np.float32), terminated, truncated, mask


def ends_at(t, terminated, truncated, mask):
    """Whether the return of real step `t`, of one environment, reaches no further."""
    return terminated[t] or truncated[t] or t + 1 == len(mask) or not mask[t + 1]


def with_masked_rows_changed(segment):
    """The segment with other observations, actions, rewards and log-probabilities where no step is real."""
    masked = ~segment.mask
    assert masked.any()
    # What a real step led to without terminating has a value that counts: that observation stays.
    bootstrapped = np.zeros_like(masked)
    bootstrapped[1:] = (segment.mask & ~segment.terminated)[:-1]
    observations = segment.observations.copy()
    observations[:-1][masked & ~bootstrapped] = -3.0
    assert (observations != segment.observations).any()
    log_probs = segment.log_probs
    return segment._replace(
        observations=observations,
        actions=np.where(masked, 1 - segment.actions, segment.actions),
        rewards=np.where(masked, np.float32(100), segment.rewards),
        log_probs=None if log_probs is None else np.where(masked, np.float32(-5), log_probs),
    )
