"""CSV: text with a line of column names; read with pyarrow where it is installed, or with NumPy."""

import csv
import io
import re
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from typing import Any, NoReturn

import numpy as np

from thalia.data.files import DataFile
from thalia.data.tables import ROWS, Chunk, Kind, Table, Texts, check_rows, has_pyarrow
from thalia.errors import fail

LONGEST_LINE = 1_000_000  # bytes
BLOCK = 1 << 20  # bytes that pyarrow parses at once; it reads some dozens of blocks ahead
_CELLS = {
    Kind.INTEGER: re.compile(r"\s*[+-]?\d{1,19}\s*"),
    Kind.NUMBER: re.compile(
        r"\s*[+-]?(\d+\.?\d*([eE][+-]?\d+)?|\.\d+([eE][+-]?\d+)?|nan|inf(inity)?)\s*", re.I
    ),
    Kind.TEXT: re.compile(r".*", re.S),
}


@dataclass(frozen=True)
class _Layout:
    """How a file is written: lines before the first row, the separator, the names of columns."""

    skipped: int
    separator: str
    names: tuple[str, ...]


class CsvTable(Table):
    """A CSV file whose first line, comments aside, names the columns."""

    def __init__(self, file: DataFile):
        self.file, self.name = file, file.name
        self.layout = _layout(file)
        self.columns = self.layout.names

    def chunks(self, wanted: Mapping[str, Kind]) -> Iterator[Chunk]:
        read = _by_pyarrow if has_pyarrow() else _by_numpy
        first = 0
        try:
            for columns in read(self.file, self.layout, wanted):
                chunk = Chunk(columns, first)
                first += len(chunk)
                check_rows(first, self.name)
                yield chunk
        except _Unreadable as error:
            self._explain(wanted, str(error))

    def place(self, row: int) -> str:
        """The line on which a row ends, as `edges.csv:17`."""
        with _text(self.file, self.layout) as text:
            rows = _rows(text, self.layout)
            next(islice(rows, row, None), None)
            return f"{self.name}:{self.layout.skipped + rows.line_num}"

    def _explain(self, wanted: Mapping[str, Kind], reason: str) -> NoReturn:
        """Say which line cannot be read, without quoting it: it may be of any file."""
        names, cells = self.layout.names, [(self.layout.names.index(c), c) for c in wanted]
        with _text(self.file, self.layout) as text:
            rows = _rows(text, self.layout)
            try:
                for row in rows:
                    place = f"{self.name}:{self.layout.skipped + rows.line_num}"
                    if not row:
                        continue
                    if len(row) != len(names):
                        raise fail(f"{place}: expected {len(names)} columns, found {len(row)}")
                    for index, column in cells:
                        kind = wanted[column]
                        if not row[index].strip() and kind is not Kind.TEXT:
                            raise fail(f"{place}: '{column}' is empty, expected {kind.value}")
                        if not _CELLS[kind].fullmatch(row[index]):
                            raise fail(f"{place}: '{column}' is not {kind.value}")
            except UnicodeDecodeError:
                raise fail(f"{self.name}: is not UTF-8 text") from None
            except csv.Error as error:
                raise fail(f"{self.name}:{rows.line_num}: {error}") from None
        raise fail(f"{self.name}: cannot be read as CSV: {reason}")


class _Unreadable(Exception):
    """Something in a file that the fast readers do not read; `_explain` finds where."""


def _layout(file: DataFile) -> _Layout:
    """The layout of a file, from its first lines."""
    skipped = 0
    with file.opened() as raw:
        while True:
            line = raw.readline(LONGEST_LINE)
            if not line.strip():
                raise fail(
                    f"{file.name}: has no line of column names", "begin it with `pre,post,weight`"
                )
            if len(line) == LONGEST_LINE or b"\0" in line:
                raise fail(f"{file.name}: is not CSV", _FORMATS)
            skipped += 1
            if not line.lstrip().startswith(b"#"):
                break
    try:
        text = line.decode("utf-8-sig").strip("\r\n")
    except UnicodeDecodeError:
        raise fail(f"{file.name}: is not UTF-8 text") from None
    separators = [each for each in ",\t; " if len(_cells(text, each)) > 1]
    separator = separators[0] if separators else ","
    names = tuple(name.strip() for name in _cells(text, separator))
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise fail(f"{file.name}:{skipped}: two columns are called '{twice[0]}'", "rename one")
    return _Layout(skipped, separator, names)


_FORMATS = "CSV, Parquet and Feather, npz, and SONATA's HDF5 are read, by the ending of the name"


def _cells(line: str, separator: str) -> list[str]:
    return next(csv.reader([line], delimiter=separator), [])


@contextmanager
def _text(file: DataFile, layout: _Layout) -> Iterator[io.TextIOWrapper]:
    """The text after the line of names."""
    with file.opened() as raw:
        for _ in range(layout.skipped):
            raw.readline(LONGEST_LINE)
        text = io.TextIOWrapper(raw, encoding="utf-8", newline="")
        try:
            yield text
        finally:
            text.detach()


def _rows(text: io.TextIOWrapper, layout: _Layout) -> Any:
    return csv.reader(text, delimiter=layout.separator)


def _by_pyarrow(
    file: DataFile, layout: _Layout, wanted: Mapping[str, Kind]
) -> Iterator[dict[str, Any]]:
    import pyarrow as pa
    from pyarrow import csv as arrow_csv

    types = {Kind.INTEGER: pa.int64(), Kind.NUMBER: pa.float64(), Kind.TEXT: pa.string()}
    with file.opened() as raw:
        for _ in range(layout.skipped):
            raw.readline(LONGEST_LINE)
        try:
            batches = arrow_csv.open_csv(
                pa.PythonFile(raw, "r"),
                arrow_csv.ReadOptions(block_size=BLOCK, column_names=list(layout.names)),
                arrow_csv.ParseOptions(delimiter=layout.separator),
                arrow_csv.ConvertOptions(
                    include_columns=list(wanted),
                    column_types={name: types[kind] for name, kind in wanted.items()},
                    null_values=[""],
                    strings_can_be_null=False,
                ),
            )
            for batch in batches:
                yield {
                    name: from_arrow(batch.column(k), kind)
                    for k, (name, kind) in enumerate(wanted.items())
                }
        except pa.ArrowInvalid as error:
            if "Empty CSV" in str(error):
                return
            raise _Unreadable(str(error).partition(":")[0]) from None


def from_arrow(column: Any, kind: Kind) -> Any:
    """A column of pyarrow as an array, or as texts."""
    if kind is Kind.TEXT:
        encoded = column.dictionary_encode()
        return Texts(
            encoded.indices.to_numpy(zero_copy_only=False).astype(np.int32),
            tuple(encoded.dictionary.to_pylist()),
        )
    if column.null_count:
        raise _Unreadable("a cell is empty")
    return column.to_numpy(zero_copy_only=False)


def _by_numpy(
    file: DataFile, layout: _Layout, wanted: Mapping[str, Kind]
) -> Iterator[dict[str, Any]]:
    places = [layout.names.index(name) for name in wanted]
    with _text(file, layout) as text:
        if Kind.TEXT in wanted.values():
            yield from _with_texts(_rows(text, layout), places, wanted)
            return
        codes = {Kind.INTEGER: "i8", Kind.NUMBER: "f8"}
        dtype = [(f"c{k}", codes[kind]) for k, kind in enumerate(wanted.values())]
        lines = iter(lambda: text.readline(LONGEST_LINE), "")
        separator = None if layout.separator == " " else layout.separator
        while True:
            try:
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")  # that there are no more rows
                    rows = np.loadtxt(
                        lines,
                        dtype,
                        comments=None,
                        delimiter=separator,
                        usecols=places,
                        max_rows=ROWS,
                        ndmin=1,
                        quotechar='"',
                    )
            except (ValueError, OverflowError, UnicodeDecodeError) as error:
                raise _Unreadable(str(error)) from None
            if not len(rows):
                return
            yield {name: rows[f"c{k}"].copy() for k, name in enumerate(wanted)}


def _with_texts(rows: Any, places: list[int], wanted: Mapping[str, Kind]) -> Iterator[Any]:
    """Rows that hold texts, which NumPy does not read."""
    dtypes: dict[Kind, Any] = {Kind.INTEGER: np.int64, Kind.NUMBER: np.float64}
    try:
        while some := [row for row in islice(rows, ROWS) if row]:
            columns = zip(*([row[place] for place in places] for row in some), strict=True)
            yield {
                name: Texts.of(np.array(column))
                if kind is Kind.TEXT
                else np.array(column).astype(dtypes[kind])
                for (name, kind), column in zip(wanted.items(), columns, strict=True)
            }
    except (ValueError, OverflowError, IndexError, csv.Error, UnicodeDecodeError) as error:
        raise _Unreadable(str(error)) from None
