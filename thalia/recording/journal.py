"""A file that changes atomically, whatever happens to the process or the machine.

Changes are kept in memory, page by page. A commit first writes them to a journal next to the file,
with a checksum; once that is on disk they are applied to the file, and the journal is removed. A
file whose commit was interrupted is recovered from its journal when it is next opened; an
incomplete journal means that nothing has been changed yet. A commit also writes the checksums of
all pages (`page_checksums`).
"""

import errno
import io
import os
import struct
import zlib
from collections.abc import Mapping
from pathlib import Path as FilePath
from typing import IO, Any

import numpy as np

from thalia.recording.page_checksums import Table, as_bytes, bytes_for, check, table_of
from thalia.recording.pending_commit import (
    PAGE,
    STAMP_BLOCK,
    Stamp,
    journal_of,
    read_journal,
    sync_folder,
    write_journal,
)

try:
    import fcntl
except ImportError:  # not on Windows
    fcntl = None  # type: ignore[assignment]

_NO_LINK = getattr(os, "O_NOFOLLOW", 0)  # names of ours, at which a stranger may leave one
# what fcntl calls `struct flock`: for writing, from the beginning, for any length
_WHOLE_FILE = struct.pack("hhqqi4x", 0 if fcntl is None else fcntl.F_WRLCK, os.SEEK_SET, 0, 0, 0)


class MovedError(OSError):
    """A file is not under its name any more; `place` is where it is now, or empty."""

    def __init__(self, place: str):
        self.place = place
        super().__init__("was moved, replaced or deleted")

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.place,)


class JournalledFile(io.RawIOBase):
    """A file object for h5py, with exclusive access; nothing reaches the file before `commit`.

    Raises
    ------
    BlockingIOError
        If another process is writing the file.
    """

    def __init__(self, path: FilePath, create: bool = False):
        self.path = path
        self.journal = journal_of(path)
        try:
            number = os.open(path, os.O_RDWR | (os.O_CREAT | _NO_LINK if create else 0), 0o666)
        except OSError:
            super().close()  # else Python does when the object is gone, and there is no file
            raise
        self.file = os.fdopen(number, "r+b")
        try:
            # before anything is changed: another process may be committing
            lock(self.file)
            if not self._is_there():  # whoever had it has renamed it: it is theirs
                raise BlockingIOError
            if create:
                self.file.truncate(0)
                self.journal.unlink(missing_ok=True)
            else:
                _recover(self.file, self.journal)
        except BaseException:
            self.file.close()
            raise
        self.stored, table = table_of(self.file)
        self.length = self.stored
        self.table = np.zeros(0, np.uint32) if table is None else table
        self.pages: dict[int, bytearray] = {}
        self.position = 0

    def readable(self) -> bool:
        """Always true."""
        return True

    def writable(self) -> bool:
        """Always true."""
        return True

    def seekable(self) -> bool:
        """Always true."""
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Move to a position."""
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self.position, os.SEEK_END: self.length}[whence]
        self.position = base + offset
        return self.position

    def tell(self) -> int:
        """The position."""
        return self.position

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        """Read the file, with pages as they were changed."""
        view = memoryview(buffer).cast("B")
        count = max(0, min(len(view), self.length - self.position))
        done = 0
        while done < count:
            number, start = divmod(self.position, PAGE)
            size = min(PAGE - start, count - done)
            view[done : done + size] = self._page(number, keep=False)[start : start + size]
            done += size
            self.position += size
        return count

    def write(self, data: bytes | memoryview) -> int:  # type: ignore[override]
        """Change pages in memory."""
        view = memoryview(data).cast("B")
        done = 0
        while done < len(view):
            number, start = divmod(self.position, PAGE)
            size = min(PAGE - start, len(view) - done)
            self._page(number, keep=True)[start : start + size] = view[done : done + size]
            done += size
            self.position += size
        self.length = max(self.length, self.position)
        return done

    def truncate(self, size: int | None = None) -> int:
        """Set the length."""
        self.length = self.position if size is None else size
        return self.length

    def _page(self, number: int, keep: bool) -> bytearray:
        if number in self.pages:
            return self.pages[number]
        self.file.seek(number * PAGE)
        read = self.file.read(max(0, min(PAGE, self.stored - number * PAGE)))
        check(number, read, self.table)
        page = bytearray(read.ljust(PAGE, b"\0"))
        if keep:
            self.pages[number] = page
        return page

    @property
    def held(self) -> int:
        """Bytes of changed pages in memory."""
        return len(self.pages) * PAGE

    def commit(self) -> None:
        """Apply all changes so far to the file, atomically.

        Raises
        ------
        OSError
            If the disk has no room for the journal or the longer file, which is left unchanged.
        MovedError
            If the file is elsewhere, where its journal would not be found, or was deleted.
        """
        if not self.pages and self.length == self.stored:
            return
        if not self._is_there():
            raise MovedError(self._present_place())
        before = self.file.seek(0, os.SEEK_END)
        length, table, pages = self._after()
        try:
            _reserve(self.file, before, length)
            write_journal(self.journal, length, pages)
        except OSError:
            self.journal.unlink(missing_ok=True)
            self.file.truncate(before)
            raise
        _apply(self.file, length, pages)
        self.journal.unlink()
        self.pages.clear()
        self.stored, self.table = self.length, table

    def _after(self) -> tuple[int, Table, dict[int, bytearray]]:
        """The length of the file after a commit, its checksums, and the pages that change."""
        before = self.file.seek(0, os.SEEK_END)
        for number in range(self.stored // PAGE, -(-before // PAGE)):
            if number * PAGE < self.length:
                self._page(number, keep=True)  # in place of the former checksums
        length = self.length + bytes_for(self.length)
        if stamp := Stamp.of(self._page(0, keep=False)):
            self._set(stamp.next(length))
        table = self._checksums()
        return length, table, self._with(as_bytes(self.length, table))

    def stamp(self) -> None:
        """Stamp a new file, in the block before the contents, which leave it free."""
        self._set(Stamp.new())
        self.length = max(self.length, STAMP_BLOCK)

    def _set(self, stamp: Stamp) -> None:
        self._page(0, keep=True)[: len(bytes(stamp))] = bytes(stamp)

    def _checksums(self) -> Table:
        """The checksums of all pages after the changes; those of unchanged pages are kept."""
        table = np.zeros(-(-self.length // PAGE), np.uint32)
        kept = min(len(self.table), len(table), min(self.stored, self.length) // PAGE)
        table[:kept] = self.table[:kept]
        empty: dict[int, int] = {}  # by size: a dataset may be allocated before it is written
        for number in {*self.pages, *range(kept, len(table))}:
            size = min(PAGE, self.length - number * PAGE)
            if number not in self.pages and number * PAGE >= self.stored:
                if size not in empty:
                    empty[size] = zlib.crc32(bytes(size))
                table[number] = empty[size]
            elif size > 0:
                table[number] = zlib.crc32(memoryview(self._page(number, keep=False))[:size])
        return table

    def _with(self, end: bytes) -> dict[int, bytearray]:
        """The changed pages, and those in which the contents are followed by `end`."""
        pages = {n: page for n, page in self.pages.items() if n * PAGE < self.length}
        position, done = self.length, 0
        while done < len(end):
            number, start = divmod(position, PAGE)
            size = min(PAGE - start, len(end) - done)
            page = bytearray(self._page(number, keep=False))
            page[start : start + size] = end[done : done + size]
            pages[number] = page
            done, position = done + size, position + size
        return pages

    def rename(self, path: FilePath, overwrite: bool = False) -> None:
        """Rename the file; with `overwrite` it replaces any file of that name, and its journal.

        Raises
        ------
        FileExistsError
            If there is a file of that name, which is not to be overwritten.
        BlockingIOError
            If another process is writing it.
        """
        if os.path.lexists(path):
            if not overwrite:
                raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST))
            if is_being_written(path):
                raise BlockingIOError
        journal_of(path).unlink(missing_ok=True)
        self.path.replace(path)
        sync_folder(path)
        self.path, self.journal = path, journal_of(path)

    def remove(self) -> None:
        """Close the file and remove it, if it is still the one of its name."""
        if self._is_there():
            self.path.unlink()
        self.close()

    def _is_there(self) -> bool:
        """Whether its name still leads to the file."""
        try:
            return os.path.samestat(os.stat(self.path), os.fstat(self.file.fileno()))
        except FileNotFoundError:
            return False

    def _present_place(self) -> str:
        """Where the file is now, if the system tells."""
        try:
            found = os.readlink(f"/proc/self/fd/{self.file.fileno()}")
            return found if os.path.samestat(os.stat(found), os.fstat(self.file.fileno())) else ""
        except OSError:
            return ""

    def close(self) -> None:
        """Close the file; what was not committed is lost."""
        if not self.closed:
            self.file.close()
        super().close()


def recover(path: FilePath) -> None:
    """Complete a commit that was interrupted, if there was one.

    Raises
    ------
    BlockingIOError
        If another process is writing the file.
    """
    if journal_of(path).exists():
        JournalledFile(path).close()


def lock(file: IO[bytes]) -> None:
    """Exclude other writers; the system releases the lock when the process ends in any way.

    Raises
    ------
    BlockingIOError
        If there is another.
    """
    if fcntl is None:
        return
    try:
        # of this open file: that of `lockf` is of the process, and ends when anything in it closes
        # the file, as whoever reads it does; not flock, with which HDF5 excludes readers, too
        fcntl.fcntl(file, fcntl.F_OFD_SETLK, _WHOLE_FILE)
    except (AttributeError, OSError) as error:
        if isinstance(error, OSError) and error.errno != errno.EINVAL:
            raise
        fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)  # where the system has only those


def is_being_written(path: FilePath) -> bool:
    """Whether another process is writing a file."""
    try:
        with open(path, "r+b", opener=unfollowed) as file:
            lock(file)
    except BlockingIOError:
        return True
    except OSError:  # no file that Thalia could be writing
        return False
    return False


def unfollowed(path: str, flags: int) -> int:
    """Open a file, but no link, and no pipe that would wait; for `open`."""
    return os.open(path, flags | _NO_LINK | getattr(os, "O_NONBLOCK", 0), 0o666)


def _recover(file: io.BufferedRandom, journal: FilePath) -> None:
    """Complete a commit from its journal; discard one that is incomplete, or of another file."""
    if not journal.is_file() or journal.is_symlink():
        return
    if pending := read_journal(journal, file):
        _apply(file, *pending)
    journal.unlink()


def _reserve(file: io.BufferedRandom, before: int, length: int) -> None:
    """Reserve disk space for a longer file, so that it cannot run out during the changes."""
    if length > before and hasattr(os, "posix_fallocate"):
        os.posix_fallocate(file.fileno(), before, length - before)


def _apply(file: io.BufferedRandom, length: int, pages: Mapping[int, bytes | bytearray]) -> None:
    for number, page in sorted(pages.items()):
        file.seek(number * PAGE)
        file.write(page)
    file.truncate(length)
    file.flush()
    os.fsync(file.fileno())
