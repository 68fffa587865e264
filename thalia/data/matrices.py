"""Matrices of source by target as tables: dense ones of NumPy, and sparse ones as SciPy saves them.

A sparse matrix is never made dense, whatever its shape.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from thalia.data.files import DataFile
from thalia.data.nodes import MOST_NODES
from thalia.data.numpy_files import Archive, Header, read_header, read_numbers
from thalia.data.tables import ROWS, Chunk, Kind, Table
from thalia.errors import fail

MOST_ENTRIES = 4_000_000_000  # of a dense matrix, which is read some rows at a time
MOST_HELD = 500_000_000  # of a matrix all of which is in memory: a sparse one, or one by columns
_COMPRESSED = ("csr", "csc")
_ARRAYS = {
    "coo": ("row", "col", "data", "shape"),
    **dict.fromkeys(_COMPRESSED, ("indices", "indptr", "data", "shape")),
}
_LONGEST_FORMAT = 16  # bytes of the text that names it

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Span = tuple[int, int]


@dataclass(frozen=True, eq=False)
class _DenseRows:
    """Some rows of a dense matrix, from `first` on."""

    first: int
    values: Floats

    def entries(self) -> tuple[Ints, Ints, Floats]:
        """Source, target and value of what is neither zero nor NaN."""
        pre, post = np.nonzero((self.values != 0) & ~np.isnan(self.values))
        return pre + self.first, post, self.values[pre, post]

    def at(self, pre: Ints, post: Ints) -> Floats:
        """The values at some places."""
        return self.values[pre - self.first, post]


@dataclass(frozen=True, eq=False)
class _SparseRows:
    """Some rows of a sparse matrix of so many columns: its entries, in order."""

    pre: Ints
    post: Ints
    values: Floats
    columns: int

    def entries(self) -> tuple[Ints, Ints, Floats]:
        """Source, target and value of what is neither zero nor NaN."""
        there = (self.values != 0) & ~np.isnan(self.values)
        return self.pre[there], self.post[there], self.values[there]

    def at(self, pre: Ints, post: Ints) -> Floats:
        """The values at some places, zero where nothing is stored."""
        if not len(self.pre):
            return np.zeros(len(pre))
        stored, wanted = self.pre * self.columns + self.post, pre * self.columns + post
        places = np.minimum(np.searchsorted(stored, wanted), len(stored) - 1)
        return np.where(stored[places] == wanted, self.values[places], 0.0)


class MatrixTable(Table):
    """Matrices of source by target as a table: a row for each entry that is a synapse.

    `entries` are the files, by the name of the column; where the first has zero or NaN, there is no
    synapse. Files are npy, or npz of a sparse matrix as SciPy saves it.
    """

    def __init__(self, entries: Mapping[str, DataFile]):
        self.entries = {name: _matrix(file) for name, file in entries.items()}
        self.leading, first = next(iter(self.entries.items()))
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
        spans = self._spans([*names, self.leading])
        readers: dict[str, Iterator[_DenseRows | _SparseRows]] = {
            name: self.entries[name].rows(spans) for name in {self.leading, *names}
        }
        for _ in spans:
            rows = {name: next(reader) for name, reader in readers.items()}
            pre, post, leading = rows[self.leading].entries()
            columns: dict[str, Any] = {"pre": pre, "post": post}
            for name in names:
                columns[name] = leading if name == self.leading else rows[name].at(pre, post)
            if len(pre):
                number = pre * self.shape[1] + post  # type: ignore[index]
                yield Chunk({name: columns[name] for name in wanted}, rows=number)

    def _spans(self, names: list[str]) -> list[Span]:
        """Rows that are read together: so many that memory is bounded, with any number of them."""
        rows, columns = self.shape  # type: ignore[misc]
        leading = self.entries[self.leading]
        if isinstance(leading, _Sparse) and not any(
            isinstance(self.entries[name], _Dense) for name in names
        ):
            starts = np.unique(leading.pre[::ROWS]).tolist()
        else:
            starts = list(range(0, rows, max(1, ROWS // max(1, columns))))
        return list(pairwise([*starts, rows]))

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
            header = read_header(raw, self.name)
        if len(header.shape) != 2 or header.dtype.kind not in "biuf":
            raise fail(
                f"{self.name}: has the shape {header.shape} and the dtype {header.dtype}, "
                "expected a matrix of numbers",
                "rows are sources and columns targets; an entry is a weight",
            )
        self.header, self.shape = header, _shape(header.shape, self.name)
        _check_entries(header.count, MOST_HELD if header.by_columns else MOST_ENTRIES, self.name)

    def rows(self, spans: list[Span]) -> Iterator[_DenseRows]:
        """The rows of each span; spans follow one another from the first row on."""
        columns, dtype = self.shape[1], self.header.dtype
        with self.file.opened() as raw:
            read_header(raw, self.name)
            if self.header.by_columns:
                flat = read_numbers(raw, dtype, self.header.count, self.name)
                whole = flat.reshape(self.shape[::-1]).T
            for start, stop in spans:
                if self.header.by_columns:
                    block = whole[start:stop]
                else:
                    flat = read_numbers(raw, dtype, (stop - start) * columns, self.name)
                    block = flat.reshape((stop - start, columns))
                yield _DenseRows(start, block.astype(np.float64))


class _Sparse:
    """A sparse matrix as `scipy.sparse.save_npz` writes it: csr, csc or coo."""

    def __init__(self, file: DataFile):
        self.file, self.name = file, file.name
        with file.opened() as raw:
            archive = Archive(raw, self.name)
            if not {"format", "shape", "data"} <= archive.members.keys():
                raise fail(
                    f"{self.name}: is not a matrix",
                    "save a dense one with `numpy.save`, a sparse one with `scipy.sparse.save_npz`",
                )
            form = self._format(archive)
            self._check({name: archive.header(name) for name in _ARRAYS[form]})
            self.shape = self._sides(archive)
            pre, post = self._ends(archive, form)
            values = self._whole(archive, "data").astype(np.float64)
        fits = len(pre) == len(post) == len(values) and (
            not len(pre)
            or (
                min(pre.min(), post.min()) >= 0
                and pre.max() < self.shape[0]
                and post.max() < self.shape[1]
            )
        )
        if not fits:
            raise fail(f"{self.name}: has entries outside of its shape, {_by(self.shape)}")
        self.pre, self.post, self.values = _summed(pre, post, values)

    def rows(self, spans: list[Span]) -> Iterator[_SparseRows]:
        """The rows of each span."""
        for low, high in np.searchsorted(self.pre, np.array(spans, np.int64)):
            here = slice(low, high)
            yield _SparseRows(self.pre[here], self.post[here], self.values[here], self.shape[1])

    def _format(self, archive: Archive) -> str:
        with archive.array("format") as (header, _):
            named = header.shape == () and header.dtype.kind in "SU"
            short = header.dtype.itemsize <= _LONGEST_FORMAT
        text = str(self._whole(archive, "format").astype(str)[()]) if named and short else ""
        if text not in _ARRAYS:
            raise fail(
                f"{self.name}: is no sparse matrix of the kinds csr, csc and coo",
                "convert it, as with `matrix.tocsr()`",
            )
        return text

    def _check(self, held: Mapping[str, Header]) -> None:
        """Refuse arrays that are not those of a sparse matrix, before any of them is read."""
        for name, header in held.items():
            kinds, wanted = ("biuf", "numbers") if name == "data" else ("iu", "whole numbers")
            if len(header.shape) != 1 or header.dtype.kind not in kinds:
                raise fail(
                    f"{self.name}: '{name}' has the shape {header.shape} and the dtype "
                    f"{header.dtype}, expected {wanted} in one dimension"
                )
            _check_entries(header.count, MOST_HELD, self.name)
        if held["shape"].count != 2:
            raise fail(f"{self.name}: has {held['shape'].count} sides, expected a matrix")

    def _sides(self, archive: Archive) -> tuple[int, int]:
        return _shape(tuple(self._whole(archive, "shape").tolist()), self.name)

    def _ends(self, archive: Archive, form: str) -> tuple[Ints, Ints]:
        """The rows and the columns of all entries."""
        if form == "coo":
            row, col = (self._whole(archive, name).astype(np.int64) for name in ("row", "col"))
            return row, col
        across = self._whole(archive, "indices").astype(np.int64)
        starts = self._whole(archive, "indptr").astype(np.int64)
        lines = self.shape[_COMPRESSED.index(form)]
        is_index = (
            len(starts) == lines + 1
            and starts[0] == 0
            and (starts[1:] >= starts[:-1]).all()
            and starts[-1] == len(across)
        )
        if not is_index:
            raise fail(f"{self.name}: its 'indptr' is no index into its 'indices'")
        along = np.repeat(np.arange(lines), np.diff(starts))
        return (along, across) if form == "csr" else (across, along)

    def _whole(self, archive: Archive, name: str) -> NDArray[Any]:
        with archive.array(name) as (header, stream):
            place = f"{self.name}: '{name}'"
            return read_numbers(stream, header.dtype, header.count, place).reshape(header.shape)


def _summed(pre: Ints, post: Ints, values: Floats) -> tuple[Ints, Ints, Floats]:
    """Entries in the order of source and target; those of one place are added, as SciPy does."""
    order = np.lexsort((post, pre))
    pre, post, values = pre[order], post[order], values[order]
    first = np.ones(len(pre), bool)
    first[1:] = (np.diff(pre) != 0) | (np.diff(post) != 0)
    if first.all():
        return pre, post, values
    starts = np.flatnonzero(first)
    return pre[starts], post[starts], np.add.reduceat(values, starts)


def _matrix(file: DataFile) -> _Dense | _Sparse:
    if file.ending not in (".npy", ".npz"):
        raise fail(f"{file.name}: is no matrix", "matrices are .npy, or .npz of a sparse matrix")
    return _Sparse(file) if file.ending == ".npz" else _Dense(file)


def _shape(sides: tuple[int, ...], name: str) -> tuple[int, int]:
    """The sides of a matrix."""
    rows, columns = (int(side) for side in sides)
    if not 0 <= min(rows, columns) <= max(rows, columns) <= MOST_NODES:
        raise fail(
            f"{name}: is {_by((rows, columns))}, "
            f"and a population has at most {MOST_NODES:,} neurons"
        )
    return rows, columns


def _check_entries(count: int, most: int, name: str) -> None:
    if count > most:
        raise fail(f"{name}: has {count:,} entries, and at most {most:,} are read")
