"""A checksum for every page of a run file, in a table that follows its contents.

HDF5 ends where its header says, so every reader of HDF5 reads the file as before; one that changes
it cuts the table off. Since the table covers all bytes, it covers every array, attribute and text,
and what HDF5 itself keeps about them.
"""

import io
import os
import struct
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path as FilePath
from typing import Any, BinaryIO
from zlib import crc32

import h5py
import numpy as np
from numpy.typing import NDArray

from thalia.data.hdf5 import EXPANSION
from thalia.errors import CircuitError, NoChecksums, fail, in_a_line
from thalia.recording.pending_commit import PAGE, Completed, Stamp, journal_of, read_journal
from thalia.syntax.folder import opened

MOST_PAGES = 64  # that a reader keeps
NO_TABLE = (
    "{file}: has no checksums (it is of an earlier version, or was changed by another program): "
    "damage to it would not be noticed"
)
_MAGIC = b"thalia-checks-01"
_END = struct.Struct("<QI16s")  # length of the contents, checksum of the table, and the mark
Table = NDArray[np.uint32]

_TOLD: dict[Any, Any] = {}  # what Python's filter for warnings has shown: each file once


class DamagedPage(OSError):
    """A page is not what was written."""


def table_of(file: BinaryIO | Completed) -> tuple[int, Table | None]:
    """The length of the contents of a file, and the checksums of its pages if it has them."""
    whole, stamp = file.seek(0, os.SEEK_END), Stamp.of_file(file)
    # it may have been made longer for a commit that did not begin
    size = stamp.size if stamp and stamp.size <= whole else whole
    if size < _END.size:
        return whole, None
    file.seek(size - _END.size)
    length, checksum, magic = _END.unpack(file.read(_END.size))
    count = -(-length // PAGE)
    if magic != _MAGIC or size != length + 4 * count + _END.size:
        return whole, None
    file.seek(length)
    raw = file.read(4 * count)
    if crc32(raw, length & 0xFFFFFFFF) != checksum:
        return whole, None
    return length, np.frombuffer(raw, "<u4").astype(np.uint32)


def bytes_for(length: int) -> int:
    """How many bytes follow contents of some length."""
    return 4 * -(-length // PAGE) + _END.size


def as_bytes(length: int, table: Table) -> bytes:
    """What follows the contents of a file."""
    raw = table.astype("<u4").tobytes()
    return raw + _END.pack(length, crc32(raw, length & 0xFFFFFFFF), _MAGIC)


def check(number: int, page: bytes | bytearray | memoryview, table: Table | None) -> None:
    """Compare a page with its checksum.

    Raises
    ------
    DamagedPage
        If it is not what was written.
    """
    if table is not None and number < len(table) and crc32(page) != table[number]:
        first = number * PAGE
        raise DamagedPage(f"bytes {first:,} to {first + len(page) - 1:,} are not what was written")


class CheckedFile(io.RawIOBase):
    """A run file for h5py to read, in which each page is compared with its checksum."""

    def __init__(self, file: BinaryIO | Completed):
        self.file = file
        self.length, self.table = table_of(file)
        self.position = 0
        self.pages: dict[int, bytes] = {}
        self.damage = ""

    def readable(self) -> bool:
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

    def readinto(self, buffer: Any) -> int:
        """Read, page by page."""
        view = memoryview(buffer).cast("B")
        count = max(0, min(len(view), self.length - self.position))
        done = 0
        while done < count:
            number, start = divmod(self.position, PAGE)
            size = min(PAGE - start, count - done)
            view[done : done + size] = self._page(number)[start : start + size]
            done += size
            self.position += size
        return count

    def _page(self, number: int) -> bytes:
        if number not in self.pages:
            self.file.seek(number * PAGE)
            page = self.file.read(min(PAGE, self.length - number * PAGE))
            try:
                check(number, page, self.table)
            except DamagedPage as error:
                self.damage = self.damage or str(error)
                raise
            if len(self.pages) == MOST_PAGES:
                del self.pages[next(iter(self.pages))]
            self.pages[number] = page
        return self.pages[number]


@contextmanager
def reading(file: FilePath, what: str = "") -> Iterator[h5py.File]:
    """A run file, open for reading; `what` is read of it.

    Raises
    ------
    CircuitError
        If it is damaged, or anything in it is not as Thalia writes it.
    """
    with opened(file, str(file)) as raw:
        before = os.fstat(raw.fileno())
        # that of a process that was killed, or is committing now, which nobody else completes
        pending = read_journal(journal_of(file), raw)
        checked = CheckedFile(Completed(raw, *pending) if pending else raw)
        try:
            with h5py.File(checked, "r") as h5:
                if checked.table is None:
                    told = NO_TABLE.format(file=file)
                    warnings.warn_explicit(told, NoChecksums, str(file), 0, registry=_TOLD)
                yield h5
        except CircuitError:
            raise
        except Exception as error:  # whatever HDF5 and NumPy raise for contents that make no sense
            if os.stat(file).st_mtime_ns != before.st_mtime_ns:
                raise fail(f"{file}: is just being written", "try again") from error
            raise _damaged(file, what, checked.damage, error) from error


@contextmanager
def edited(file: FilePath) -> Iterator[None]:
    """Tell what cannot be done with a file that another program has changed, whatever is raised.

    With a file that is as Thalia wrote it, it is a mistake of the program.

    Raises
    ------
    CircuitError
        If the file has no checksums, and anything goes wrong.
    """
    with opened(file, str(file)) as raw:  # before it is resumed, which writes checksums
        is_ours = table_of(raw)[1] is not None
    try:
        yield
    except CircuitError:
        raise
    except Exception as error:
        if is_ours:
            raise
        raise _damaged(file, "it was changed by another program", "", error) from error


def check_contents(h5: h5py.File, file: FilePath) -> None:
    """Refuse what Thalia never writes: what is in other files, and what cannot be in this one.

    Raises
    ------
    CircuitError
        For the first link, or dataset that is virtual, elsewhere, or larger than the file allows.
    """
    most = EXPANSION * file.stat().st_size

    def of_link(name: str, link: object) -> str | None:
        return None if isinstance(link, h5py.HardLink) else name

    def of_data(name: str, node: object) -> str | None:
        if not isinstance(node, h5py.Dataset):
            return None
        odd = node.external or node.is_virtual or node.nbytes > most
        return name if odd else None

    if name := h5.visititems_links(of_link) or h5.visititems(of_data):
        raise fail(
            f"{file}: {name} is not in the file itself, or larger than what is in it can be",
            "do not trust this file: no version of Thalia writes such",
        )


def unreadable(file: FilePath, error: OSError) -> CircuitError:
    """What is wrong with a file that is not HDF5."""
    if file.suffix in (".yaml", ".yml"):
        hint = (
            f"`thalia run {file}` writes one under runs/; `thalia check {file}` reads the circuit"
        )
        return fail(f"{file}: is a circuit, expected a run file", hint)
    return fail(f"{file}: cannot be read as HDF5 ({str(error).split('(')[0].strip()})")


def _damaged(file: FilePath, what: str, damage: str, error: Exception) -> CircuitError:
    place = f"{what}: " if what else ""
    if damage:
        return fail(f"{file}: is damaged: {place}{damage}", "take a copy of the file")
    if isinstance(error, OSError):
        return unreadable(file, error)
    return fail(
        f"{file}: is damaged, or no run: {place}{in_a_line(error)}", "take a copy of the file"
    )
