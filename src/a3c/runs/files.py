"""Writing a file whole or not at all."""

import contextlib
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from a3c.errors import DiskError


def write_atomically(path: Path, content: bytes, *, sync: bool = False) -> None:
    """Writes to a temporary name in the same folder and renames it, so that `path` is never half-written.

    With `sync` the content is on the disk before the rename, so that it survives a power cut.
    Raises DiskError, leaving what was there before as it was.
    """
    with disk_errors(path):
        descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(content)
                if sync:
                    file.flush()
                    os.fsync(file.fileno())
            Path(temporary).chmod(0o644)
            Path(temporary).replace(path)
        except BaseException:
            with contextlib.suppress(OSError):
                Path(temporary).unlink()
            raise


@contextmanager
def disk_errors(path: Path) -> Iterator[None]:
    """Turns a failed write into one line: what could not be written, and why."""
    try:
        yield
    except OSError as error:
        raise DiskError(
            f"could not write {path}: {error.strerror or error}; what was written before is kept"
        ) from error
