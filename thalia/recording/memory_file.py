"""The file of a memory: arrays and texts in HDF5, of which each commit writes what has changed.

A kill at any instant leaves it as it was before or after a commit, and nobody else may write it
meanwhile.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path as FilePath
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from thalia.errors import fail, system_error
from thalia.recording.journal import JournalledFile
from thalia.recording.outputs import Claim, busy, claim
from thalia.recording.page_checksums import check_contents, reading
from thalia.recording.pending_commit import STAMP_BLOCK
from thalia.recording.writer import FORMAT as RUN

FORMAT, VERSION = "thalia-memory", 1
BLOCK = 512  # numbers that are compared, and written, together

type Arrays = Mapping[str, NDArray[Any]]


@dataclass(frozen=True)
class Contents:
    """What is in the file of a memory: settings, arrays by name, and a text for each item.

    `version` is that of the Thalia that made the file.
    """

    settings: Mapping[str, str | int]
    arrays: Arrays
    texts: tuple[str, ...]
    version: str


class MemoryFile:
    """The file of a memory, open for writing; a new one is there after the first commit.

    Raises
    ------
    CircuitError
        If another process is writing it, or it cannot be read or written.
    """

    def __init__(self, file: FilePath):
        self.file = file
        if file.is_dir():
            raise fail(f"{file}: is a folder", "name the file of the memory")
        self.claim = _opened(file) if file.exists() else claim(file)
        self.contents: Contents | None = None
        try:
            if self.claim.disk.path == file:
                self.contents = read(file)
                self.h5 = h5py.File(self.claim.disk, "r+")
            else:
                self.h5 = h5py.File(self.claim.disk, "w", userblock_size=STAMP_BLOCK)
                self.claim.disk.stamp()
                self._describe()
        except BaseException:
            self.claim.disk.close()
            raise
        self.written = dict(self.contents.arrays) if self.contents else {}
        self.texts = self.contents.texts if self.contents else ()

    @property
    def is_new(self) -> bool:
        """Whether nothing was committed yet."""
        return self.claim.disk.path != self.file

    def keep(self, settings: Mapping[str, str | int], arrays: Arrays, texts: Sequence[str]) -> None:
        """Commit all of it; when this returns, it is on disk.

        Raises
        ------
        CircuitError
            If the file was moved or deleted meanwhile, or the disk is full.
        """
        try:
            self.h5.attrs.update({**settings, "settings": sorted(settings)})
            for name in self.written.keys() - arrays.keys():
                del self.h5[f"arrays/{name}"]
            for name, values in arrays.items():
                self._write(name, values)
            self._write_texts(tuple(texts))
            self.h5.flush()
            self.claim.commit()
        except OSError as error:
            raise system_error(error, self.file) from None
        self.written = dict(arrays)

    def close(self) -> None:
        """Close the file; what was not committed is lost."""
        try:
            self.h5.close()
        finally:
            if self.is_new:
                self.claim.drop()
            else:
                self.claim.disk.close()

    def _describe(self) -> None:
        created = datetime.now(UTC).isoformat(timespec="seconds")
        told = {"format": FORMAT, "version": VERSION, "thalia": version("thalia")}
        self.h5.attrs.update({**told, "created": created})
        self.h5.create_group("arrays")
        self.h5.create_dataset("texts", (0,), h5py.string_dtype(), maxshape=(None,))

    def _write(self, name: str, values: NDArray[Any]) -> None:
        """Write an array, or the blocks of it that have changed; tables may grow by rows."""
        group, before = self.h5["arrays"], self.written.get(name)
        is_table = values.ndim > 1
        if before is None or not _fits(before, values):
            if before is not None:
                del group[name]
            more = {"maxshape": (None, *values.shape[1:]), "chunks": True} if is_table else {}
            group.create_dataset(name, data=values, **more)
            return
        data = group[name]
        if len(before) != len(values):
            data.resize(len(values), axis=0)
        rows = min(len(before), len(values))
        for first, end in _changed(before[:rows], values[:rows]):
            data[first:end] = values[first:end]
        if len(values) > rows:
            data[rows:] = values[rows:]

    def _write_texts(self, texts: tuple[str, ...]) -> None:
        data = self.h5["texts"]
        data.resize(len(texts), axis=0)
        for place, text in enumerate(texts):
            if place >= len(self.texts) or self.texts[place] != text:
                data[place] = text
        self.texts = texts


def _fits(before: NDArray[Any], values: NDArray[Any]) -> bool:
    """Whether an array can be written in the place of another."""
    first = 1 if values.ndim > 1 else 0
    shapes = before.shape[first:], values.shape[first:]
    return values.ndim > 0 and before.dtype == values.dtype and shapes[0] == shapes[1]


def _changed(before: NDArray[Any], after: NDArray[Any]) -> list[tuple[int, int]]:
    """The ranges of rows, each of some whole blocks, in which two arrays differ in any bit."""
    if not before.size:
        return []
    bits = f"u{before.itemsize}"  # so that NaN is itself, and -0 is not 0
    first, second = (np.ascontiguousarray(each).view(bits) for each in (before, after))
    differs = first != second
    differs = np.flatnonzero(differs if differs.ndim == 1 else differs.any(axis=1))
    per_block = max(1, BLOCK * len(before) // before.size)
    blocks = np.unique(differs // per_block)
    runs = np.split(blocks, np.flatnonzero(np.diff(blocks) > 1) + 1) if len(blocks) else []
    return [(int(run[0]) * per_block, (int(run[-1]) + 1) * per_block) for run in runs]


def _opened(file: FilePath) -> Claim:
    try:
        return Claim(file, JournalledFile(file), overwrite=False)
    except BlockingIOError:
        raise busy(file) from None
    except OSError as error:
        raise system_error(error, file) from None


def read(file: FilePath) -> Contents:
    """What is in the file of a memory.

    Raises
    ------
    CircuitError
        If it is something else, damaged, or of a later version.
    """
    with reading(file, "the memory") as h5:
        check_contents(h5, file)
        found = h5.attrs.get("format")
        if found != FORMAT:
            kind = "a run" if found == RUN else "no memory"
            raise fail(f"{file}: is {kind}, expected a file that `thalia memory store` wrote")
        if int(h5.attrs["version"]) > VERSION:
            raise fail(f"{file}: was written by a later version of Thalia", "update Thalia")
        settings = {str(name): h5.attrs[name] for name in h5.attrs["settings"]}
        return Contents(
            {n: v if isinstance(v, str) else int(v) for n, v in settings.items()},
            {name: data[...] for name, data in h5["arrays"].items()},
            tuple(h5["texts"].asstr()[...].tolist()),
            str(h5.attrs["thalia"]),
        )
