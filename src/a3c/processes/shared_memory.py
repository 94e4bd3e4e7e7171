"""Arrays and a lock that processes share, and of which nothing is left when they end, however they end."""

import math
import mmap
import os
import tempfile
from multiprocessing import reduction
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from a3c.errors import DiskError

MEMORY = Path("/dev/shm")
"""Where Linux keeps files in memory; without it, or where it is full, the folder for temporary files takes them."""


class SharedArray:
    """A NumPy array in shared memory, `.array`; zeros at first. Raises DiskError where there is no room for it.

    Its memory is a file that is unlinked as soon as it is made and travels to workers by descriptor, so the system
    frees it when the last process ends. It can be pickled only while a process is being started.
    """

    def __init__(self, shape: tuple[int, ...], dtype: Any):
        self._shape, self._dtype = shape, np.dtype(dtype)
        self._file = _nameless_file(max(1, math.prod(shape) * self._dtype.itemsize))
        self._view()

    def _view(self) -> None:
        memory = mmap.mmap(self._file.fileno(), 0)
        self.array = np.frombuffer(memory, self._dtype, math.prod(self._shape)).reshape(self._shape)

    def __del__(self) -> None:
        # Without one where there was no room.
        if "_file" in self.__dict__:
            self._file.close()

    def __getstate__(self) -> dict[str, Any]:
        return {"shape": self._shape, "dtype": self._dtype, "descriptor": reduction.DupFd(self._file.fileno())}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self._shape, self._dtype = state["shape"], state["dtype"]
        with os.fdopen(state["descriptor"].detach(), "r+b") as self._file:
            self._view()


def _nameless_file(size: int) -> BinaryIO:
    """A file of zeros that has no name any more, with all its room reserved: a process that writes where there is none
    gets no error, but is killed."""
    refusals = []
    for folder in ([MEMORY] if MEMORY.is_dir() else []) + [Path(tempfile.gettempdir())]:
        try:
            file = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115  held as long as what is in it
            try:
                if hasattr(os, "posix_fallocate"):
                    os.posix_fallocate(file.fileno(), 0, size)
                else:
                    os.truncate(file.fileno(), size)
            except BaseException:
                file.close()
                raise
            return file  # type: ignore[return-value]
        except OSError as error:
            refusals.append(f"{folder} ({error.strerror})")
    raise DiskError(
        f"there is no room for {size / 2**20:,.1f} MiB that processes share, neither in {' nor in '.join(refusals)}: "
        "make some, or set TMPDIR to a folder that has it"
    )


class FileLock:
    """A lock between processes that the kernel releases when its holder dies, unlike `multiprocessing.Lock`.

    In use:

        with lock: ...
    """

    def __init__(self) -> None:
        self._file = _nameless_file(1)
        self._descriptor = self._file.fileno()

    def __enter__(self) -> None:
        # What Windows does not have.
        import fcntl

        fcntl.lockf(self._descriptor, fcntl.LOCK_EX)

    def __exit__(self, *_: object) -> None:
        import fcntl

        fcntl.lockf(self._descriptor, fcntl.LOCK_UN)

    def __del__(self) -> None:
        if "_file" in self.__dict__:
            self._file.close()

    def __getstate__(self) -> dict[str, Any]:
        return {"descriptor": reduction.DupFd(self._file.fileno())}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self._file = os.fdopen(state["descriptor"].detach(), "r+b")
        self._descriptor = self._file.fileno()
