"""Arrays of NumPy as tables: columns in an npz file, and matrices of source by target."""

import lzma
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from thalia.data.files import DataFile
from thalia.data.tables import ROWS, Chunk, Kind, Table, as_kind, check_rows
from thalia.errors import fail

MOST_ENTRIES = 4_000_000_000  # of a matrix
Header = tuple[tuple[int, ...], bool, np.dtype[Any]]
_SPARSE = {"format", "shape", "data"}
_DAMAGED = (zlib.error, lzma.LZMAError)  # what decompression raises


class NpzTable(Table):
    """The arrays of an npz file, each one column; they are read in pieces."""

    def __init__(self, file: DataFile):
        self.file, self.name = file, file.name
        with file.opened() as raw, _zip(raw, self.name) as packed:
            names = [n.removesuffix(".npy") for n in packed.namelist() if n.endswith(".npy")]
            self.headers = {name: _member(packed, name, self.name)[0] for name in names}
        self.columns = tuple(names)
        sizes = [shape[0] for shape, _, _ in self.headers.values() if len(shape) == 1]
        self.length = min(max(sizes, default=0), MOST_ENTRIES)

    def chunks(self, wanted: Mapping[str, Kind]) -> Iterator[Chunk]:
        lengths = {name: self._length(name) for name in wanted}
        total = min(lengths.values())
        for name, length in lengths.items():
            if length != total:
                shortest = next(other for other, found in lengths.items() if found == total)
                raise fail(
                    f"{self.name}: '{name}' has {length:,} entries, and '{shortest}' {total:,}",
                    "columns have an entry for each row",
                )
        check_rows(total, self.name)
        with self.file.opened() as raw, _zip(raw, self.name) as packed:
            streams = {name: _member(packed, name, self.name)[1] for name in wanted}
            for first in range(0, total, ROWS):
                count = min(ROWS, total - first)
                yield Chunk(
                    {
                        name: as_kind(
                            _numbers(streams[name], self.headers[name][2], count, self.name),
                            kind,
                            f"{self.name}: '{name}'",
                        )
                        for name, kind in wanted.items()
                    },
                    first,
                )

    def whole(self, name: str) -> NDArray[Any]:
        """One of the arrays, in the shape that it has."""
        shape, _, dtype = self.headers[name]
        count = int(np.prod(shape, dtype=float))
        _check_entries(count, self.name)
        with self.file.opened() as raw, _zip(raw, self.name) as packed:
            stream = _member(packed, name, self.name)[1]
            return _numbers(stream, dtype, count, self.name).reshape(shape)

    def _length(self, name: str) -> int:
        shape, _, dtype = self.headers[name]
        if len(shape) != 1 or dtype.kind not in "biufUS":
            raise fail(
                f"{self.name}: '{name}' has the shape {shape} and the dtype {dtype}, "
                "expected numbers or texts in one dimension"
            )
        return shape[0]


def _zip(raw: IO[bytes], name: str) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(raw)
    except (zipfile.BadZipFile, OSError, ValueError):
        raise fail(f"{name}: is not an npz file", "write it with `numpy.savez`") from None


def _member(packed: zipfile.ZipFile, name: str, file: str) -> tuple[Header, IO[bytes]]:
    """The header of an array in an npz file, and what follows it."""
    try:
        stream = packed.open(f"{name}.npy")
        return _header(stream, f"{file}: '{name}'"), stream
    except (zipfile.BadZipFile, KeyError, OSError, NotImplementedError, RuntimeError):
        raise fail(f"{file}: '{name}' cannot be read") from None


def _header(stream: IO[bytes], place: str) -> Header:
    """Shape, order and dtype of an array of NumPy; objects, which could run code, are refused."""
    try:
        version = np.lib.format.read_magic(stream)
        read = {
            (1, 0): np.lib.format.read_array_header_1_0,
            (2, 0): np.lib.format.read_array_header_2_0,
        }.get(version)
        found: Header | None = read(stream) if read else None
    except Exception:  # whatever NumPy and decompression raise for a header that makes no sense
        found = None
    if found is None or any(side < 0 for side in found[0]):
        raise fail(f"{place} is not an array of NumPy", "write it with `numpy.save`")
    if found[2].hasobject:
        raise fail(f"{place} holds objects, which are not read", "save numbers or texts")
    return found


def _numbers(stream: IO[bytes], dtype: np.dtype[Any], count: int, name: str) -> NDArray[Any]:
    wanted = count * dtype.itemsize
    try:
        content = stream.read(wanted)
    except (zipfile.BadZipFile, OSError, EOFError, *_DAMAGED):
        raise fail(f"{name}: is damaged") from None
    if len(content) < wanted:
        raise fail(f"{name}: ends before its {count:,} entries")
    return np.frombuffer(content, dtype)


class MatrixTable(Table):
    """Matrices of source by target as a table: a row for each entry that is a synapse.

    `entries` are the files, by the name of the column; where the first has zero or NaN, there is no
    synapse. Files are npy, or npz of a sparse matrix as SciPy saves it.
    """

    def __init__(self, entries: Mapping[str, DataFile]):
        self.entries = {name: _matrix(file) for name, file in entries.items()}
        first = next(iter(self.entries.values()))
        self.name, self.shape = first.name, first.shape
        self.columns = ("pre", "post", *self.entries)
        for each in self.entries.values():
            if each.shape != self.shape:
                raise fail(
                    f"{each.name}: is {_by(each.shape)}, and {first.name} {_by(self.shape)}",
                    "matrices of one pathway have one shape",
                )

    def chunks(self, wanted: Mapping[str, Kind]) -> Iterator[Chunk]:
        names = [name for name in wanted if name in self.entries]
        leading = next(iter(self.entries))
        blocks = {name: self.entries[name].blocks() for name in {leading, *names}}
        for start, block in blocks[leading]:
            others = {name: next(blocks[name])[1] for name in blocks if name != leading}
            pre, post = np.nonzero((block != 0) & ~np.isnan(block))
            columns: dict[str, Any] = {"pre": pre + start, "post": post}
            columns |= {n: (block if n == leading else others[n])[pre, post] for n in names}
            if len(pre):
                rows = columns["pre"] * self.shape[1] + post  # type: ignore[index]
                yield Chunk({name: columns[name] for name in wanted}, rows=rows)

    def place(self, row: int) -> str:
        pre, post = divmod(row, self.shape[1])  # type: ignore[index]
        return f"{self.name}[{pre}, {post}]"


def _by(shape: tuple[int, int] | None) -> str:
    return " × ".join(f"{side:,}" for side in shape or ())


class _Dense:
    """A matrix in a file of NumPy, read some rows at a time."""

    def __init__(self, file: DataFile):
        self.file, self.name = file, file.name
        with file.opened() as raw:
            shape, self.by_columns, self.dtype = _header(raw, self.name)
        if len(shape) != 2 or self.dtype.kind not in "biuf":
            raise fail(
                f"{self.name}: has the shape {shape} and the dtype {self.dtype}, "
                "expected a matrix of numbers",
                "rows are sources and columns targets; an entry is a weight",
            )
        self.shape = (shape[0], shape[1])
        _check_entries(shape[0] * shape[1], self.name)

    def blocks(self) -> Iterator[tuple[int, NDArray[np.float64]]]:
        """The first row of each block, and the block."""
        rows, columns = self.shape
        with self.file.opened() as raw:
            _header(raw, self.name)
            if self.by_columns:
                flat = _numbers(raw, self.dtype, rows * columns, self.name)
                whole = flat.reshape((columns, rows)).T
            step = max(1, ROWS // max(1, columns))
            for start in range(0, rows, step):
                count = min(step, rows - start)
                if self.by_columns:
                    block = whole[start : start + count]
                else:
                    flat = _numbers(raw, self.dtype, count * columns, self.name)
                    block = flat.reshape((count, columns))
                yield start, block.astype(np.float64)


class _Sparse:
    """A sparse matrix as `scipy.sparse.save_npz` writes it: csr, csc or coo."""

    def __init__(self, file: DataFile):
        self.file, self.name = file, file.name
        table = NpzTable(file)
        if not {*table.columns} >= _SPARSE:
            raise fail(
                f"{self.name}: is not a matrix",
                "save a dense one with `numpy.save`, a sparse one with `scipy.sparse.save_npz`",
            )
        held = {name: table.whole(name) for name in table.columns}
        self.pre, self.post, self.values, self.shape = _triples(held, self.name)

    def blocks(self) -> Iterator[tuple[int, NDArray[np.float64]]]:
        """The first row of each block, and the block, with zeros where nothing is stored."""
        rows, columns = self.shape
        step = max(1, ROWS // max(1, columns))
        for start in range(0, rows, step):
            block = np.zeros((min(step, rows - start), columns))
            low, high = np.searchsorted(self.pre, (start, start + len(block)))
            here = slice(low, high)
            np.add.at(block, (self.pre[here] - start, self.post[here]), self.values[here])
            yield start, block


def _triples(held: Mapping[str, NDArray[Any]], name: str) -> tuple[Any, Any, Any, tuple[int, int]]:
    """Sources, targets and values of a sparse matrix, by source, and its shape."""
    try:
        form = held["format"].item()
        form = form.decode() if isinstance(form, bytes) else str(form)
        rows, columns = (int(side) for side in held["shape"])
        values = held["data"].astype(np.float64)
        if form == "coo":
            pre, post = held["row"].astype(np.int64), held["col"].astype(np.int64)
        else:
            along = np.repeat(np.arange(len(held["indptr"]) - 1), np.diff(held["indptr"]))
            across = held["indices"].astype(np.int64)
            pre, post = {"csr": (along, across), "csc": (across, along)}[form]
    except (KeyError, ValueError, TypeError):
        raise fail(f"{name}: is no sparse matrix of the kinds csr, csc and coo") from None
    _check_entries(len(values), name)
    fits = len(pre) == len(post) == len(values) and (
        not len(pre) or (min(pre.min(), post.min()) >= 0 and pre.max() < rows)
    )
    if not fits or (len(post) and post.max() >= columns):
        raise fail(f"{name}: has entries outside of its shape, {rows:,} × {columns:,}")
    order = np.argsort(pre, kind="stable")
    return pre[order], post[order], values[order], (rows, columns)


def _matrix(file: DataFile) -> _Dense | _Sparse:
    if file.ending not in (".npy", ".npz"):
        raise fail(f"{file.name}: is no matrix", "matrices are .npy, or .npz of a sparse matrix")
    return _Sparse(file) if file.ending == ".npz" else _Dense(file)


def _check_entries(count: int, name: str) -> None:
    if count > MOST_ENTRIES:
        raise fail(f"{name}: has {count:,} entries, and at most {MOST_ENTRIES:,} are read")
