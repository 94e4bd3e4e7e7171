"""Shared arrays where there is no room, or none that can be written to."""

import errno
import os
import tempfile
from pathlib import Path

import numpy as np
import psutil
import pytest

from a3c.errors import DiskError
from a3c.processes import shared_memory
from a3c.processes.shared_memory import FileLock, SharedArray
from a3c.sharing.parameter_store import ParameterStore


def descriptors():
    return psutil.Process().num_fds()


@pytest.fixture
def refuse(monkeypatch):
    """Has the system give no room to files in these folders."""

    def refuse(*folders, code):
        allocate, make, folder_of = os.posix_fallocate, tempfile.TemporaryFile, {}

        def remember(dir):
            file = make(dir=dir)
            folder_of[file.fileno()] = dir
            if code == errno.EROFS and dir in folders:
                file.close()
                raise OSError(code, os.strerror(code))
            return file

        def maybe(descriptor, offset, size):
            if folder_of[descriptor] in folders:
                raise OSError(code, os.strerror(code))
            allocate(descriptor, offset, size)

        monkeypatch.setattr(tempfile, "TemporaryFile", remember)
        monkeypatch.setattr(os, "posix_fallocate", maybe)

    return refuse


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EROFS, errno.EFBIG])
def test_where_memory_is_full_or_read_only_the_folder_for_temporary_files_is_used(tmp_path, monkeypatch, refuse, code):
    monkeypatch.setattr(shared_memory, "MEMORY", tmp_path / "memory")
    (tmp_path / "memory").mkdir()
    refuse(tmp_path / "memory", code=code)
    array = SharedArray((1000,), np.float32)
    assert not array.array.any()
    array.array[:] = 7
    assert list((tmp_path / "memory").iterdir()) == []


@pytest.mark.parametrize("make", [lambda: SharedArray((2**18,), np.float32), FileLock], ids=["array", "lock"])
@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EROFS, errno.EFBIG])
def test_where_there_is_no_room_at_all_it_is_said_in_one_line(monkeypatch, refuse, make, code):
    before = descriptors()
    temporary = Path(tempfile.gettempdir())
    refuse(shared_memory.MEMORY, temporary, code=code)
    with pytest.raises(DiskError, match=rf"no room for .* MiB .*{temporary} \({os.strerror(code)}\)") as error:
        make()
    assert len(str(error.value).splitlines()) == 1
    assert descriptors() == before


def test_all_its_room_is_reserved_before_it_is_used(tmp_path, monkeypatch):
    monkeypatch.setattr(shared_memory, "MEMORY", tmp_path)
    array = SharedArray((3000,), np.float64)
    status = os.fstat(array._file.fileno())
    assert status.st_size == 24_000
    assert status.st_blocks * 512 >= 24_000


def test_nothing_is_open_any_more_when_a_store_is_gone():
    before = descriptors()
    store = ParameterStore(np.zeros(5, np.float32), np.zeros((2, 5), np.float32), 3, locked=True)
    assert descriptors() > before
    del store
    assert descriptors() == before
