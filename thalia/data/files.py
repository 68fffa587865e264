"""The files of data that a circuit names, found in its folder, or again by their digest.

A run file holds no data but for small arrays and what is asked for: only a reference, a text with
the digest of a file and the place where it was.
"""

import gzip
import os
import zlib
from base64 import b64decode, b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from io import BytesIO
from itertools import islice
from pathlib import Path as FilePath
from typing import BinaryIO, cast

from thalia.errors import fail
from thalia.syntax.folder import Folder, opened

BLOCK = 1 << 20
MOST_FILES = 1_000_000  # in a folder of data
_HEADING = "file of data"


@dataclass(frozen=True)
class DataFile:
    """A file of data: on disk at `path`, or with its content in memory; `name` is for messages."""

    name: str
    path: FilePath | None = None
    content: bytes | None = None

    @property
    def ending(self) -> str:
        """What its name ends with, as in '.csv'; of a compressed text, that of the text."""
        return FilePath(self.name.lower().removesuffix(".gz")).suffix

    @contextmanager
    def opened(self) -> Iterator[BinaryIO]:
        """The file, open for reading from its beginning; a compressed text is decompressed.

        Raises
        ------
        CircuitError
            If it does not exist, is no regular file, or cannot be read.
        """
        with self.raw() as raw:
            packed = self.name.lower().endswith(".gz")
            try:
                yield cast(BinaryIO, gzip.GzipFile(fileobj=raw)) if packed else raw
            except (EOFError, gzip.BadGzipFile, zlib.error) as error:
                raise fail(f"{self.name}: cannot be decompressed ({error})") from None

    @contextmanager
    def raw(self) -> Iterator[BinaryIO]:
        """The file as it is stored."""
        if self.content is not None:
            yield BytesIO(self.content)
        else:
            assert self.path is not None, "a file without content is on disk"
            with opened(self.path, self.name) as raw:
                yield raw

    @property
    def identity(self) -> tuple[object, ...]:
        """What tells this state of the file from another, for what is kept of it in memory."""
        if self.content is not None:
            return (sha256(self.content).digest(),)
        with self.raw() as raw:
            state = os.fstat(raw.fileno())
        return (str(self.path), state.st_ino, state.st_size, state.st_mtime_ns)

    @property
    def digest(self) -> str:
        """Its SHA-256 in hexadecimal, as `sha256sum` prints it."""
        if self.content is not None:
            return sha256(self.content).hexdigest()
        return _digest(self, self.identity)

    def reference(self, keep: bool = False) -> str:
        """The text that stands for it in a run file: its digest and its place, or its content.

        A content is in base 64, as what a run is rebuilt from is text.
        """
        keep = keep or self.path is None
        lines = [_HEADING, f"sha256: {self.digest}"]
        if keep:
            with self.raw() as raw:
                lines.append(f"content: {b64encode(raw.read()).decode()}")
        else:
            lines.append(f"place: {self.path}")
        return "\n".join(lines) + "\n"


@dataclass(frozen=True)
class DataFolder(DataFile):
    """A folder of data at `path`, with everything below it but hidden files."""

    def files(self) -> list[tuple[str, DataFile]]:
        """All files in it, by their paths from it with `/`, in alphabetical order.

        Raises
        ------
        CircuitError
            If it cannot be read, holds links, or too many files.
        """
        assert self.path is not None, "a folder is on disk"
        found: list[tuple[str, DataFile]] = []
        waiting = [(self.path, "")]
        try:
            while waiting:
                here, within = waiting.pop()
                with os.scandir(here) as scanned:
                    entries = list(islice(scanned, MOST_FILES + 1))
                for entry in entries:
                    name = f"{within}{entry.name}"
                    if entry.name.startswith("."):
                        continue
                    if entry.is_symlink():
                        raise fail(f"{self.name}/{name}: is a link", "copy what it stands for")
                    if entry.is_dir():
                        waiting.append((FilePath(entry.path), f"{name}/"))
                    else:
                        file = DataFile(f"{self.name}/{name}", FilePath(entry.path))
                        found.append((name, file))
                if len(found) + len(waiting) > MOST_FILES:
                    raise fail(f"{self.name}: holds more than {MOST_FILES:,} files")
        except OSError as error:
            raise fail(f"{self.name}: cannot be read: {error.strerror}") from None
        return sorted(found, key=lambda each: each[0])

    @property
    def identity(self) -> tuple[object, ...]:
        """The identities of all its files."""
        return (str(self.path), *((path, file.identity) for path, file in self.files()))

    @property
    def digest(self) -> str:
        """The SHA-256 of the paths and digests of all its files, a line each, as in `sha256sum`."""
        lines = [f"{file.digest}  {path}\n" for path, file in self.files()]
        return sha256("".join(lines).encode("utf-8", "surrogateescape")).hexdigest()


@lru_cache(maxsize=64)
def _digest(file: DataFile, identity: tuple[object, ...]) -> str:
    found = sha256()
    with file.raw() as raw:
        while block := raw.read(BLOCK):
            found.update(block)
    return found.hexdigest()


def is_reference(text: str) -> bool:
    """Whether a text stands for a file of data."""
    return text.startswith(f"{_HEADING}\n")


def data_file(folder: Folder, name: str, folders: bool = False) -> DataFile:
    """A file of data that a circuit names, or where `folders` may be, a folder of them.

    Raises
    ------
    CircuitError
        If it is outside the folder; or, of a run, if it is not there any more or has changed.
    """
    if folder.texts is None:
        return _at(folder.named(name), folder.file(name), folders)
    heading, *lines = folder.text(name).split("\n")
    entries = dict(line.split(": ", 1) for line in lines if ": " in line)
    if heading != _HEADING or "sha256" not in entries:
        raise fail(f"{name}: is stored with the circuit, but not as a file of data")
    if "content" in entries:
        return _checked(
            DataFile(name, content=decoded(entries["content"], name)), entries["sha256"]
        )
    place = FilePath(entries.get("place", ""))
    beside = folder.path / FilePath(name).name
    found = next((p for p in (place, beside) if p.is_file() or (folders and p.is_dir())), None)
    if found is None:
        raise fail(
            f"{name}: is not at {place} any more, and the run file holds only its digest",
            f"put it back, or beside the run file as {beside}; "
            "`record: {data: true}` keeps the data in the run file",
        )
    return _checked(_at(name, found, folders), entries["sha256"])


def _at(name: str, path: FilePath, folders: bool) -> DataFile:
    return DataFolder(name, path) if folders and path.is_dir() else DataFile(name, path)


def decoded(text: str, name: str) -> bytes:
    """What a run file holds of a file in base 64.

    Raises
    ------
    CircuitError
        If it is not.
    """
    try:
        return b64decode(text, validate=True)
    except ValueError:
        raise fail(f"{name}: is stored with the circuit, but not in base 64") from None


def _checked(file: DataFile, digest: str) -> DataFile:
    """The file, if it is the one that the run used; nothing else of it is read before that."""
    if file.digest != digest:
        where = f" (at {file.path})" if file.path else ""
        raise fail(
            f"{file.name}: is not the file that the run used{where}: "
            f"its SHA-256 begins with {file.digest[:8]}, not {digest[:8]}",
            "put the former file back, or run the circuit again",
        )
    return file
