"""Locks of files between processes: shared while something is used, exclusive to change it."""

import errno
import os
import warnings
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path as FilePath

from thalia.errors import NoLocks, system_reason

try:
    import fcntl
except ImportError:  # Windows: nothing can be locked, so nothing is removed
    fcntl = None  # type: ignore[assignment]

# of a file system without locks, such as some network file systems
_WITHOUT = (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.EINVAL, errno.EBADF)


class Hold:
    """Keeps a file locked for as long as this object lives."""

    def __init__(self, descriptor: int | None = None):
        if descriptor is not None:
            weakref.finalize(self, os.close, descriptor)


def shared(file: FilePath, note_use: bool = True) -> Hold | None:
    """Hold a file, which is made if need be, for as long as it is used; None if it is gone.

    With `note_use`, its time says that it was used now. Where files cannot be locked or written, it
    counts as held.
    """
    try:
        descriptor = _opened(file, make=note_use)
    except FileNotFoundError:
        return None if note_use else Hold()
    except OSError:
        return Hold()
    hold = Hold(descriptor)
    if fcntl is None or not _locked(file, descriptor, fcntl.LOCK_SH):
        return hold
    if note_use:
        with suppress(OSError):  # of another user, in a shared folder
            os.utime(descriptor)
    return hold if _is_at(file, descriptor) else None


def exclusive(file: FilePath) -> Hold | None:
    """Hold a file alone; None if that is not possible now, or never on this file system."""
    try:
        descriptor = _opened(file, make=True)
    except OSError:
        return None
    hold = Hold(descriptor)
    if fcntl is None or not _locked(file, descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB):
        return None
    return hold if _is_at(file, descriptor) else None


@contextmanager
def alone(file: FilePath, waits: Callable[[], None] = lambda: None) -> Iterator[None]:
    """Wait until no other process is within the same block; where files cannot be locked, go on.

    `waits` is called if there is one. The file is removed at the end.
    """
    while True:
        hold = Hold(descriptor := _opened(file, make=True))
        if fcntl is not None and not _locked(file, descriptor, fcntl.LOCK_EX, waits):
            break
        if fcntl is None or _is_at(file, descriptor):  # else who had it before removed it
            break
    try:
        yield
    finally:
        with suppress(OSError):  # of another user, in a shared folder
            file.unlink()
        del hold


def _opened(file: FilePath, make: bool) -> int:
    """A descriptor of a file; of one that belongs to another user, for reading only."""
    if not make:
        return os.open(file, os.O_RDONLY)
    try:
        return os.open(file, os.O_RDWR | os.O_CREAT, 0o666)
    except OSError as error:
        if error.errno not in (errno.EACCES, errno.EPERM, errno.EROFS):
            raise
        return os.open(file, os.O_RDONLY)


def _locked(
    file: FilePath, descriptor: int, how: int, waits: Callable[[], None] = lambda: None
) -> bool:
    """Lock a file; False if another process keeps it from that, or the file system has no locks."""
    try:
        fcntl.flock(descriptor, how | fcntl.LOCK_NB)
    except BlockingIOError:
        if how & fcntl.LOCK_NB:
            return False
        waits()
        fcntl.flock(descriptor, how)
    except OSError as error:
        if error.errno not in _WITHOUT:
            raise
        warnings.warn(
            f"{file.parent}: files cannot be locked there ({system_reason(error)}), so processes "
            "may build the same program at once, and none is ever removed\n"
            "    hint: set THALIA_CACHE to a folder on a local disk",
            NoLocks,
            stacklevel=2,
        )
        return False
    return True


def _is_at(file: FilePath, descriptor: int) -> bool:
    """Whether what was opened is still there under its name."""
    try:
        return os.path.samestat(os.stat(file), os.fstat(descriptor))
    except FileNotFoundError:
        return False
