"""Writing a file whole or not at all, and a file that grows by pieces, each whole or not at all."""

import contextlib
import errno
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from a3c.errors import DiskError

UNFINISHED = ".partial"
"""How the name of a file ends that is not written whole yet."""


def exists(path: Path) -> bool:
    """Whether there is such a file or folder; of a name that none can have, as it is too long, there is none."""
    try:
        return path.exists()
    except OSError:
        return False


def write_atomically(path: Path, content: bytes, *, sync: bool = False) -> None:
    """Writes a file under another name in the same folder and renames it, so that `path` is never half-written.

    With `sync` the content is on the disk before the rename, so that it survives a power cut.
    Raises DiskError, leaving what was there before as it was.
    """
    # A part of the name: the whole may be as long as names can be.
    temporary = path.parent / f".{path.name[:20]}.{secrets.token_hex(4)}{UNFINISHED}"
    with disk_errors(path):
        try:
            if not _write_without_name(temporary, content, sync):
                with temporary.open("xb") as file:
                    _fill(file, content, sync)
            temporary.replace(path)
        except BaseException:
            with contextlib.suppress(OSError):
                temporary.unlink()
            raise


def _write_without_name(path: Path, content: bytes, sync: bool) -> bool:
    """Writes a file that gets its name when it is whole: a process that is killed meanwhile leaves nothing behind.
    False where the system cannot do that, as Linux alone can."""
    try:
        descriptor = os.open(path.parent, os.O_TMPFILE | os.O_WRONLY)
    except (AttributeError, OSError):
        return False
    with os.fdopen(descriptor, "wb") as file:
        _fill(file, content, sync)
        try:
            # The folder is not looked at, as the name is absolute: with one the system follows the link.
            os.link(f"/proc/self/fd/{descriptor}", path, src_dir_fd=descriptor)
        except OSError:
            return False
    return True


def _fill(file: BinaryIO, content: bytes, sync: bool) -> None:
    file.write(content)
    file.flush()
    os.fchmod(file.fileno(), 0o644)
    if sync:
        os.fsync(file.fileno())


def clear_unfinished(folder: Path) -> None:
    """Deletes what a process that was killed while it wrote has left; nobody may be writing there."""
    with disk_errors(folder):
        for path in folder.glob(f".*{UNFINISHED}"):
            path.unlink(missing_ok=True)


class GrowingFile:
    """A file that grows by pieces: of one that cannot be written whole, nothing stays. Raises DiskError."""

    def __init__(self, path: Path):
        self.path = path
        with disk_errors(path):
            # Without a buffer, which would keep what could not be written and try again.
            self._file = path.open("ab", buffering=0)

    def __del__(self) -> None:
        # Of what could not begin: files that were opened before it failed.
        if "_file" in self.__dict__:
            self._file.close()

    def append(self, content: bytes) -> None:
        with disk_errors(self.path):
            before, rest = os.fstat(self._file.fileno()).st_size, memoryview(content)
            try:
                while rest:
                    rest = rest[self._file.write(rest) :]
            except BaseException:
                with contextlib.suppress(OSError):
                    self._file.truncate(before)
                raise

    def sync(self) -> None:
        """Has what was written survive a power cut; notices, too, where the file was deleted meanwhile."""
        with disk_errors(self.path):
            os.fsync(self._file.fileno())
            if os.fstat(self._file.fileno()).st_nlink == 0:
                raise OSError(errno.ENOENT, "it was deleted while the run wrote to it")

    def close(self) -> None:
        with disk_errors(self.path):
            self._file.close()


@contextmanager
def disk_errors(path: Path) -> Iterator[None]:
    """Turns a failed write into one line: what could not be written, and why."""
    try:
        yield
    except OSError as error:
        raise DiskError(
            f"could not write {path}: {error.strerror or error}; what was written before is kept"
        ) from error
