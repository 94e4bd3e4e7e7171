"""Reading safetensors files: what others write is read; what a header says is believed only where it can be true."""

import json

import numpy as np
import pytest
from safetensors.numpy import save

from a3c.runs.tensors import MOST_HEADER, read_header, read_tensors

WANTED = {"weights": ("F32", 2), "nothing": ("F32", 2), "moments": ("F64", 1)}
TENSORS = {
    "weights": np.arange(6, dtype=np.float32).reshape(2, 3),
    "nothing": np.empty((0, 3), np.float32),
    "moments": np.arange(2.0),
}


def read(path):
    with path.open("rb") as file:
        text, entries = read_header(file, "text")
        return text, read_tensors(file, entries, WANTED)


def file_of(header, data=bytes(24)) -> bytes:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + data


def weights(**changes) -> bytes:
    entry = {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]} | changes
    return file_of({"__metadata__": {"text": "it"}, "weights": entry})


def test_what_safetensors_writes_is_read(tmp_path):
    (tmp_path / "it").write_bytes(save(TENSORS, {"text": "it", "other": "one"}))
    text, tensors = read(tmp_path / "it")
    assert text == "it"
    assert tensors.keys() == TENSORS.keys()
    for name, tensor in TENSORS.items():
        assert tensors[name].dtype == tensor.dtype
        np.testing.assert_array_equal(tensors[name], tensor)


def test_a_file_of_somebody_else_has_no_such_text(tmp_path):
    (tmp_path / "it").write_bytes(save(TENSORS, {"format": "pt"}))
    with pytest.raises(KeyError):
        read(tmp_path / "it")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        bytes(8),
        (2**63).to_bytes(8, "little") + b"{}",
        file_of(b"[" * 100_000),
        file_of(b"\xff\xfe"),
        file_of([]),
        file_of({"__metadata__": 5}),
        file_of({"__metadata__": {"text": 5}}),
        file_of({"__metadata__": {"text": "it"}, "weights": 5}),
        file_of({"__metadata__": {"text": "it"}, "more": {"dtype": "F32", "shape": [6], "data_offsets": [0, 24]}}),
        file_of(b'{"__metadata__": {"text": "it"}}' + b" " * MOST_HEADER, b""),
        weights(dtype="F8_E4M3"),
        weights(dtype="I32"),
        weights(dtype=None),
        weights(shape=[6]),
        weights(shape=[3, 3]),
        weights(shape=[2**32, 2**32]),
        weights(shape=[0, 2**64], data_offsets=[0, 0]),
        weights(shape=[-2, -3]),
        weights(shape=[2, 3.0]),
        weights(shape="23"),
        weights(data_offsets=[0, 20]),
        weights(data_offsets=[4, 28]),
        weights(data_offsets=[-24, 0]),
        weights(data_offsets=[24, 0]),
        weights(data_offsets=[0]),
        weights(more=1),
        weights() + b"more",
        weights()[:-1],
    ],
)
def test_what_cannot_be_true_is_refused(tmp_path, content):
    (tmp_path / "it").write_bytes(content)
    with pytest.raises(ValueError, match=r"\w+") as refused:
        read(tmp_path / "it")
    assert "\n" not in str(refused.value)


def test_a_header_that_promises_more_than_there_is_takes_no_memory(tmp_path):
    """A terabyte, of which nothing is on the disk."""
    path = tmp_path / "it"
    path.write_bytes(weights(shape=[2**19, 2**19], data_offsets=[0, 2**40]))
    with path.open("r+b") as file:
        file.truncate(2**40)
    with pytest.raises(ValueError, match="shorter or longer"):
        read(path)
