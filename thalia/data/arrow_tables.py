"""Parquet and Feather files, which need pyarrow."""

import os
import struct
from collections.abc import Iterator, Mapping
from typing import Any

from thalia.data.csv_tables import from_arrow
from thalia.data.files import DataFile
from thalia.data.tables import EXTRA, ROWS, Chunk, Kind, Table, check_rows, has_pyarrow
from thalia.errors import fail, in_a_line

FEATHER = b"ARROW1\0\0"
CONTINUES = 0xFFFFFFFF  # before each message of a stream
DICTIONARY, BATCH = 2, 3  # the kinds of messages that hold rows
MOST_IN_A_BATCH = 50_000_000  # 0.4 GB of a column of numbers


class ArrowTable(Table):
    """A Parquet or a Feather file."""

    def __init__(self, file: DataFile):
        if not has_pyarrow():
            raise fail(f"{file.name}: needs pyarrow, which is not installed", EXTRA)
        self.file, self.name = file, file.name
        with file.opened() as raw, _Readable(file.name):
            schema, self.length, _ = _reader(raw, file.ending)
            self.columns = tuple(schema.names)
        if twice := sorted({name for name in self.columns if self.columns.count(name) > 1}):
            raise fail(f"{self.name}: two columns are called '{twice[0]}'", "rename one")

    def chunks(self, wanted: Mapping[str, Kind]) -> Iterator[Chunk]:
        import pyarrow as pa

        types = {Kind.INTEGER: pa.int64(), Kind.NUMBER: pa.float64(), Kind.TEXT: pa.string()}
        first = 0
        with self.file.opened() as raw, _Readable(self.name):
            _, count, batches = _reader(raw, self.file.ending, list(wanted))
            check_rows(count, self.name)
            for batch in batches:
                columns: dict[str, Any] = {}
                for name, kind in wanted.items():
                    column = batch.column(batch.schema.get_field_index(name))
                    if column.null_count:
                        row = first + column.is_null().to_pylist().index(True)
                        raise fail(f"{self.place(row)}: '{name}' is empty, expected {kind.value}")
                    try:
                        columns[name] = from_arrow(column.cast(types[kind]), kind)
                    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
                        what = f"holds {column.type}, and not all of it is {kind.value}"
                        raise fail(f"{self.name}: '{name}' {what}") from None
                yield Chunk(columns, first)
                first += batch.num_rows


class _Readable:
    """Reports what pyarrow raises for a damaged file."""

    def __init__(self, name: str):
        self.name = name

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: Any, error: Any, trace: Any) -> None:
        import pyarrow as pa

        if isinstance(error, pa.ArrowException | OSError):
            raise fail(f"{self.name}: cannot be read ({in_a_line(error)})") from None


def _reader(raw: Any, ending: str, wanted: list[str] | None = None) -> tuple[Any, int, Any]:
    """The schema of a file, its number of rows, and its batches."""
    import pyarrow as pa
    from pyarrow import ipc, parquet

    if ending == ".parquet":
        file = parquet.ParquetFile(pa.PythonFile(raw, "r"))
        batches = file.iter_batches(ROWS, columns=wanted) if wanted else ()
        return file.schema_arrow, file.metadata.num_rows, batches
    if raw.read(len(FEATHER)) != FEATHER:
        raise pa.ArrowInvalid("is no Feather file of version 2")
    count = _count_of_batches(raw)
    raw.seek(len(FEATHER))
    # the stream that was counted: the table of contents at the end may list other batches
    opened = ipc.open_stream(pa.PythonFile(raw, "r"))
    return opened.schema, count, opened if wanted else ()


def _count_of_batches(raw: Any) -> int:
    """The rows of the batches of a stream, none of which may be large, since each is read whole.

    A compressed batch takes as much memory as its rows do, whatever the size of the file; so what
    the messages say is read before them. They are FlatBuffers, as in the format of Arrow.
    """
    import pyarrow as pa

    rows = 0
    while True:
        mark, size = struct.unpack("<Ii", raw.read(8).ljust(8, b"\0"))
        if mark != CONTINUES or size <= 0:
            return rows
        message = raw.read(size)
        try:
            root = _Table(message, *struct.unpack_from("<I", message))
            kind, body = root.number(1, "B"), root.number(3, "q")
            if kind in (DICTIONARY, BATCH):
                header = root.inner(2)
                found = (header.inner(1) if kind == DICTIONARY else header).number(0, "q")
                if not 0 <= found <= MOST_IN_A_BATCH:
                    raise pa.ArrowInvalid(
                        f"a batch has {found:,} rows, and at most {MOST_IN_A_BATCH:,} are read"
                    )
                rows += found if kind == BATCH else 0
        except struct.error:
            raise pa.ArrowInvalid("a message is damaged") from None
        if body < 0:
            raise pa.ArrowInvalid("a message is damaged")
        raw.seek(body, os.SEEK_CUR)


class _Table:
    """A table of FlatBuffers: fields by number, those that are left out are zero."""

    def __init__(self, data: bytes, start: int):
        self.data, self.start = data, start

    def _place(self, field: int) -> int:
        fields = self.start - struct.unpack_from("<i", self.data, self.start)[0]
        (size,) = struct.unpack_from("<H", self.data, fields)
        place = 4 + 2 * field
        offset = struct.unpack_from("<H", self.data, fields + place)[0] if place < size else 0
        return self.start + offset if offset else -1

    def number(self, field: int, form: str) -> int:
        place = self._place(field)
        return 0 if place < 0 else int(struct.unpack_from(f"<{form}", self.data, place)[0])

    def inner(self, field: int) -> "_Table":
        place = self._place(field)
        if place < 0:
            raise struct.error
        return _Table(self.data, place + struct.unpack_from("<I", self.data, place)[0])
