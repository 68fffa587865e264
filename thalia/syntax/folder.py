"""The folder of a circuit, the only place from which the files that it names are read."""

import os
import posixpath
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path as FilePath
from typing import BinaryIO

from thalia.errors import fail

MAX_TEXT = 4_000_000  # bytes of a circuit or a component, about what the most entries take
ALLOWED = "THALIA_ALLOW"


@dataclass(frozen=True)
class Folder:
    """Where the files of a circuit are: a folder on disk, or texts in memory by name.

    A file on disk must be in the folder once `..` and links are followed, or in one of the folders
    that the environment variable `THALIA_ALLOW` lists; so a circuit of a stranger cannot read
    anything else. With `texts`, as those in a run file, nothing on disk is read. `anywhere` is for
    files that the user's own code or command names.
    """

    path: FilePath = FilePath(".")
    texts: Mapping[str, str] | None = None
    anywhere: bool = False

    def named(self, name: str) -> str:
        """A file's name in messages and in run files."""
        return str(self.path / name) if self.texts is None else name

    def text(self, name: str) -> str:
        """The text of a file.

        Raises
        ------
        CircuitError
            If it is not there, is elsewhere, or cannot be read as text.
        """
        if self.texts is None:
            return read_text(self.file(name), self.named(name))
        if (stored := self._stored(name)) not in self.texts:
            raise fail(f"{name}: no such file among those stored with the circuit")
        return self.texts[stored]

    def has(self, name: str) -> bool:
        """Whether there is such a file."""
        return self.file(name).exists() if self.texts is None else self._stored(name) in self.texts

    def _stored(self, name: str) -> str:
        """The name of a text: that of a file in a run file has no ./ before it."""
        return name if name in (self.texts or {}) else posixpath.normpath(name)

    def file(self, name: str) -> FilePath:
        """The path of a file on disk, which need not exist, without any links in it.

        Raises
        ------
        CircuitError
            If it is outside the folder.
        """
        try:
            root, found = (
                FilePath(os.path.realpath(path)) for path in (self.path, self.path / name)
            )
        except (OSError, ValueError) as error:
            raise fail(f"{self.named(name)}: cannot be read: {error}") from None
        allowed = filter(None, os.environ.get(ALLOWED, "").split(os.pathsep))
        roots = (root, *(FilePath(os.path.realpath(each)) for each in allowed))
        if not self.anywhere and not any(map(found.is_relative_to, roots)):
            raise fail(
                f"{self.named(name)}: is outside the folder of the circuit",
                f"copy it there, or allow its folder: {ALLOWED}={found.parent}",
            )
        return found


HERE = Folder()
ANYWHERE = Folder(anywhere=True)


def folder_of(place: "FilePath | Folder") -> Folder:
    """A path as a folder."""
    return place if isinstance(place, Folder) else Folder(place)


def read_text(file: FilePath, name: str = "", most: int = MAX_TEXT) -> str:
    """The text of a file; `name` is its name in messages.

    Raises
    ------
    CircuitError
        If it does not exist, is no regular file, is larger than `most` bytes, cannot be read, or
        is not UTF-8.
    """
    name = name or str(file)
    try:
        return read_bytes(file, name, most).decode("utf-8-sig")
    except UnicodeDecodeError:
        raise fail(f"{name}: is not UTF-8 text") from None


def read_bytes(file: FilePath, name: str, most: int) -> bytes:
    """The contents of a regular file.

    Raises
    ------
    CircuitError
        If it does not exist, is no regular file, is larger than `most` bytes, or cannot be read.
    """
    with opened(file, name) as raw:
        # one more than allowed: the file may grow meanwhile
        content = raw.read(most + 1)
    if len(content) > most:
        raise fail(f"{name}: is larger than {most / 1e6:,.0f} MB, the most that is read")
    return content


@contextmanager
def opened(file: FilePath, name: str) -> Iterator[BinaryIO]:
    """A regular file, open for reading.

    Raises
    ------
    CircuitError
        If it does not exist, is no regular file, or cannot be read.
    """
    try:
        with open(file, "rb", opener=_without_waiting) as raw:
            if not stat.S_ISREG(os.fstat(raw.fileno()).st_mode):
                raise fail(f"{name}: is not a regular file", "save what it gives as a file")
            yield raw
    except FileNotFoundError:
        raise fail(f"{name}: no such file") from None
    except IsADirectoryError:
        raise fail(f"{name}: is a folder, expected a file") from None
    except (OSError, ValueError) as error:
        raise fail(f"{name}: cannot be read: {getattr(error, 'strerror', None) or error}") from None


def _without_waiting(path: str, flags: int) -> int:
    """Open a file; a pipe that nobody writes to would wait for ever."""
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))
