"""Arrays in files of NumPy: npy, and npz, which is a zip archive of them.

Objects, which could run code, are refused before they are read. What a file says of its size is
compared with what it holds before there is memory for it.
"""

import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from math import prod
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from thalia.data.hdf5 import EXPANSION, MOST_ITEM_BYTES
from thalia.errors import did_you_mean, fail

MOST_ARRAYS = 10_000  # of an archive
_BLOCK = 1 << 24  # bytes that are read at once
_COMPRESSION = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)  # all that NumPy writes
# what archives and their decompression raise
_DAMAGE = (
    zipfile.BadZipFile,
    zlib.error,
    OSError,
    EOFError,
    KeyError,
    ValueError,
    NotImplementedError,
    RuntimeError,
)


@dataclass(frozen=True)
class Header:
    """What the beginning of an array of NumPy says of it."""

    shape: tuple[int, ...]
    by_columns: bool
    dtype: np.dtype[Any]

    @property
    def count(self) -> int:
        """The number of entries."""
        return prod(self.shape)


class Archive:
    """An npz file, open for reading: the headers of its arrays, by name.

    Raises
    ------
    CircuitError
        If it is no npz file, or one of its arrays is not as NumPy writes it, or larger than what
        is stored of it can be.
    """

    def __init__(self, raw: IO[bytes], name: str):
        self.name = name
        try:
            self.packed = zipfile.ZipFile(raw)
        except _DAMAGE:
            raise fail(f"{name}: is not an npz file", "write it with `numpy.savez`") from None
        self.members = {
            member.filename.removesuffix(".npy"): member
            for member in self.packed.infolist()
            if member.filename.endswith(".npy")
        }
        if len(self.members) > MOST_ARRAYS:
            raise fail(f"{name}: holds more than {MOST_ARRAYS:,} arrays")

    def header(self, array: str) -> Header:
        """The header of an array."""
        with self.array(array) as (header, _):
            return header

    @contextmanager
    def array(self, array: str) -> Iterator[tuple[Header, IO[bytes]]]:
        """The header of an array, and what follows it."""
        place = f"{self.name}: '{array}'"
        member = self._member(array)
        try:
            stream = self.packed.open(member)
        except _DAMAGE:
            raise fail(f"{place} cannot be read") from None
        with stream:
            header = read_header(stream, place)
            stored = member.file_size - stream.tell()
            if header.count * header.dtype.itemsize > stored:
                raise fail(f"{place} says that it has {header.count:,} entries, and ends before")
            yield header, stream

    def _member(self, array: str) -> zipfile.ZipInfo:
        if array not in self.members:
            raise fail(f"{self.name}: holds no array '{array}'", did_you_mean(array, self.members))
        member = self.members[array]
        if member.compress_type not in _COMPRESSION:
            raise fail(
                f"{self.name}: '{array}' is compressed otherwise than by NumPy",
                "write it with `numpy.savez_compressed`",
            )
        if member.file_size > EXPANSION * (member.compress_size + 1):
            raise fail(
                f"{self.name}: '{array}' says that it is larger than what is stored of it can be"
            )
        return member


def read_header(stream: IO[bytes], place: str) -> Header:
    """The header of an array of NumPy; what follows it is read from the stream next.

    Raises
    ------
    CircuitError
        If it is none, or of objects; `place` is what the message calls it.
    """
    try:
        version = np.lib.format.read_magic(stream)
        read = {
            (1, 0): np.lib.format.read_array_header_1_0,
            (2, 0): np.lib.format.read_array_header_2_0,
        }.get(version)
        found = Header(*read(stream)) if read else None
    except Exception:  # whatever NumPy and decompression raise for a header that makes no sense
        found = None
    if found is None or any(side < 0 for side in found.shape):
        raise fail(f"{place} is not an array of NumPy", "write it with `numpy.save`")
    if found.dtype.hasobject:
        raise fail(f"{place} holds objects, which are not read", "save numbers or texts")
    if not 0 < found.dtype.itemsize <= MOST_ITEM_BYTES:
        raise fail(f"{place} has entries of {found.dtype.itemsize:,} bytes")
    return found


def read_numbers(stream: IO[bytes], dtype: np.dtype[Any], count: int, place: str) -> NDArray[Any]:
    """The next entries of an array; memory is taken as they come, not as they are promised.

    Raises
    ------
    CircuitError
        If there are fewer, or they cannot be decompressed.
    """
    wanted = count * dtype.itemsize
    content = bytearray()
    try:
        while len(content) < wanted:
            block = stream.read(min(_BLOCK, wanted - len(content)))
            if not block:
                raise fail(f"{place}: ends before its {count:,} entries")
            content += block
    except _DAMAGE:
        raise fail(f"{place}: is damaged") from None
    return np.frombuffer(content, dtype)
