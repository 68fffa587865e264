"""The journal of a commit: the pages that a file is to have, kept next to it until it has them.

A file begins with a stamp, its random identifier and the number of its commits, so that a journal
is never applied to another file that took the name, or to an older copy.
"""

import io
import os
import struct
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path as FilePath
from typing import BinaryIO

PAGE = 1 << 16
STAMP_BLOCK = 512  # bytes before the contents of a file, of which a stamp takes the first ones
_STAMPED = b"thalia-stamp-001"
_STAMP = struct.Struct("<16s16sQQ")
_MAGIC = b"thalia-journal-1"
# magic, length of the file, number of pages, checksum of what follows
_HEADER = struct.Struct("<16sQQI")


@dataclass(frozen=True)
class Stamp:
    """What a file begins with: its identifier, the number of its commits, and its size in bytes.

    A file of an earlier version has none.
    """

    identifier: bytes
    commits: int = 0
    size: int = 0

    @classmethod
    def new(cls) -> "Stamp":
        """That of a new file."""
        return cls(os.urandom(16))

    @classmethod
    def of(cls, beginning: bytes | bytearray) -> "Stamp | None":
        """The stamp at the beginning of a file, if it has one."""
        if len(beginning) < _STAMP.size:
            return None
        mark, *numbers = _STAMP.unpack_from(beginning)
        return cls(*numbers) if mark == _STAMPED else None

    @classmethod
    def of_file(cls, file: "BinaryIO | Completed") -> "Stamp | None":
        """The stamp of a file."""
        file.seek(0)
        return cls.of(file.read(_STAMP.size))

    def __bytes__(self) -> bytes:
        return _STAMP.pack(_STAMPED, self.identifier, self.commits, self.size)

    def next(self, size: int) -> "Stamp":
        """That of the same file after one more commit, of so many bytes."""
        return replace(self, commits=self.commits + 1, size=size)

    def precedes(self, later: "Stamp") -> bool:
        """Whether a commit that leads to another stamp is, or was, the next one of this file."""
        return self.identifier == later.identifier and later.commits - self.commits in (0, 1)


def journal_of(path: FilePath) -> FilePath:
    """The path of a file's journal: a hidden file next to it."""
    return path.with_name(f".{path.name}.journal")


def write_journal(journal: FilePath, length: int, pages: Mapping[int, bytearray]) -> None:
    """Write the length and the changed pages of a file to its journal, and wait for the disk."""
    journal.unlink(missing_ok=True)
    with open(journal, "xb") as file:
        file.write(b"\0" * _HEADER.size)
        checksum = 0
        for number, page in pages.items():
            index = number.to_bytes(8, "little")
            checksum = zlib.crc32(page, zlib.crc32(index, checksum))
            file.write(index)
            file.write(page)
        file.seek(0)
        file.write(_HEADER.pack(_MAGIC, length, len(pages), checksum))
        file.flush()
        os.fsync(file.fileno())
    sync_folder(journal)


def read_journal(
    journal: FilePath, file: "BinaryIO | Completed"
) -> tuple[int, dict[int, bytes]] | None:
    """The length and the changed pages of a file; None without a complete journal of it."""
    if not journal.is_file() or journal.is_symlink():
        return None
    try:
        raw = journal.read_bytes()
    except FileNotFoundError:  # the commit is complete now
        return None
    if len(raw) < _HEADER.size:
        return None
    magic, length, count, checksum = _HEADER.unpack_from(raw)
    body = memoryview(raw)[_HEADER.size :]
    if magic != _MAGIC or len(body) != count * (8 + PAGE) or zlib.crc32(body) != checksum:
        return None
    pages = {
        int.from_bytes(body[start : start + 8], "little"): bytes(body[start + 8 : start + 8 + PAGE])
        for start in range(0, len(body), 8 + PAGE)
    }
    return (length, pages) if _is_of(file, length, pages) else None


def _is_of(file: "BinaryIO | Completed", length: int, pages: Mapping[int, bytes]) -> bool:
    """Whether pages are those of the next commit of a file, which can be as long as it says."""
    # among the pages are the checksums of all others
    if length > len(pages) * PAGE * PAGE // 2 or any(number * PAGE >= length for number in pages):
        return False
    before, after = Stamp.of_file(file), Stamp.of(pages.get(0, b""))
    if before is None or after is None:
        return before is after
    return before.precedes(after) and after.size == length


def sync_folder(path: FilePath) -> None:
    """Flush the directory entry of a new file to disk."""
    if hasattr(os, "O_DIRECTORY"):
        folder = os.open(path.parent, os.O_DIRECTORY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


class Completed(io.RawIOBase):
    """A file as it is once its pending commit is complete, for reading."""

    def __init__(self, file: BinaryIO, length: int, pages: Mapping[int, bytes]):
        self.file, self.length, self.pages = file, length, pages
        self.position = 0

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

    def read(self, size: int | None = -1) -> bytes:
        """Read so many bytes, or all that are left."""
        left = max(0, self.length - self.position)
        end = self.position + (left if size is None or size < 0 else min(size, left))
        found = bytearray()
        while self.position < end:
            number, start = divmod(self.position, PAGE)
            count = min(PAGE - start, end - self.position)
            found += self._page(number)[start : start + count].ljust(count, b"\0")
            self.position += count
        return bytes(found)

    def _page(self, number: int) -> bytes:
        if number in self.pages:
            return self.pages[number]
        self.file.seek(number * PAGE)
        return self.file.read(PAGE)
