"""Arrays and a lock that processes share, and of which nothing is left when they end, however they end."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing import get_context, reduction
from typing import Any

import numpy as np

from a3c.parallel.processes import START_METHOD


class SharedArray:
    """A NumPy array in shared memory, `.array`; zeros at first.

    Its memory is a file that is unlinked as soon as it is made and travels to workers by descriptor, so the system
    frees it when the last process ends. It can be pickled only while a process is being started.
    """

    def __init__(self, shape: tuple[int, ...], dtype: Any):
        self._shape, self._dtype = shape, np.dtype(dtype)
        size = max(1, int(np.prod(shape)) * self._dtype.itemsize)
        self._memory = get_context(START_METHOD).RawArray("B", size)
        self._view()

    def _view(self) -> None:
        count = int(np.prod(self._shape))
        self.array = np.frombuffer(self._memory, self._dtype, count).reshape(self._shape)

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name != "array"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._view()


class FileLock:
    """A lock between processes that the kernel releases when its holder dies, unlike `multiprocessing.Lock`."""

    def __init__(self) -> None:
        self._file = tempfile.TemporaryFile()  # noqa: SIM115  held as long as the lock

    @contextmanager
    def held(self) -> Iterator[None]:
        import fcntl

        fcntl.lockf(self._file, fcntl.LOCK_EX)
        try:
            yield
        finally:
            fcntl.lockf(self._file, fcntl.LOCK_UN)

    def __del__(self) -> None:
        self._file.close()

    def __getstate__(self) -> dict[str, Any]:
        return {"descriptor": reduction.DupFd(self._file.fileno())}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self._file = os.fdopen(state["descriptor"].detach(), "r+b")
