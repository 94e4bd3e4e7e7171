"""One process at a time writes to the folder of a run, or of repeats."""

import errno
import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from a3c.errors import RunFolderError
from a3c.runs.files import clear_unfinished

LOCK = ".lock"
"""The file that is locked, with the number of the process that holds it. One that is left over is in nobody's way: the
system releases the lock when its holder ends, however it ends."""

NO_LOCKS = (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP)
"""How a file system says that it has none: then nobody is kept out."""

LOOKING = 0.02
"""Seconds after which whoever only looks has long let go of a lock."""

_held: set[int] = set()


def _close_in_child() -> None:
    for descriptor in _held:
        os.close(descriptor)
    _held.clear()


# A process that an environment forks from this one must not hold the lock when this one has ended.
os.register_at_fork(after_in_child=_close_in_child)


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Holds a folder, which is made where there is none, until the block is left.

    Raises RunFolderError where another process holds it, or another training of this one, and where nothing can be
    written there.
    """
    lock = folder / LOCK
    new: list[Path] = []
    try:
        if folder.exists() and not folder.is_dir():
            raise RunFolderError(f"`run` {folder} is a file; name a folder")
        new = [path for path in (folder, *folder.parents) if not path.exists()]
        folder.mkdir(parents=True, exist_ok=True)
        descriptor = _take(lock, f"{folder} is in use", "trains in it")
    except (OSError, ValueError) as error:
        # ValueError for a name with a zero in it.
        raise RunFolderError(f"`run` {folder} cannot be written: {getattr(error, 'strerror', error)}") from None
    try:
        with _holding(lock, descriptor):
            for path in (folder, folder / "checkpoints"):
                clear_unfinished(path)
            yield
    finally:
        for path in new:
            # Where nothing came of it.
            with suppress(OSError):
                path.rmdir()


@contextmanager
def locked_file(path: Path) -> Iterator[None]:
    """Holds a file, by another beside it, until the block is left; folders that it is in are made.

    Raises RunFolderError where another process holds it, and where nothing can be written there.
    """
    lock = path.with_name(f".{path.name[:200]}{LOCK}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = _take(lock, f"{path} is in use", "writes to it")
    except (OSError, ValueError) as error:
        raise RunFolderError(f"{path} cannot be written: {getattr(error, 'strerror', error)}") from None
    with _holding(lock, descriptor):
        yield


@contextmanager
def _holding(lock: Path, descriptor: int) -> Iterator[None]:
    """Lets go of a lock that was taken when the block is left."""
    _held.add(descriptor)
    try:
        yield
    finally:
        # A process forked from this one has none of its own: see above.
        if descriptor in _held:
            _held.remove(descriptor)
            with suppress(OSError):
                lock.unlink(missing_ok=True)
            os.close(descriptor)


def is_held(folder: Path) -> bool:
    """Whether a process trains in this folder: looks by sharing the lock for a moment, and changes nothing."""
    try:
        descriptor = os.open(folder / LOCK, os.O_RDONLY)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError as error:
        return isinstance(error, BlockingIOError)
    finally:
        os.close(descriptor)
    return False


def _take(lock: Path, in_use: str, does: str) -> int:
    while True:
        descriptor = os.open(lock, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            _lock(descriptor)
            if _is_there(lock, descriptor):
                os.ftruncate(descriptor, 0)
                os.write(descriptor, f"{os.getpid()}\n".encode())
                return descriptor
        except BlockingIOError:
            holder = os.read(descriptor, 32).decode(errors="replace").strip()
            os.close(descriptor)
            who = f"process {holder}" if holder.isdecimal() else "another process"
            raise RunFolderError(f"{in_use}: {who} {does}; wait until that has ended, or stop it") from None
        except BaseException:
            os.close(descriptor)
            raise
        # Who held it before has taken the file away as it left: the next one counts.
        os.close(descriptor)


def _lock(descriptor: int) -> None:
    for last in (False, True):
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            if last:
                raise
            # It may be somebody who only looks, see `is_held`.
            time.sleep(LOOKING)
        except OSError as error:
            if error.errno not in NO_LOCKS:
                raise
            return


def _is_there(lock: Path, descriptor: int) -> bool:
    with suppress(FileNotFoundError):
        return os.path.samestat(lock.stat(), os.fstat(descriptor))
    return False
