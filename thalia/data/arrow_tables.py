"""Parquet and Feather files, which need pyarrow."""

from collections.abc import Iterator, Mapping
from typing import Any

from thalia.data.csv_tables import from_arrow
from thalia.data.files import DataFile
from thalia.data.tables import EXTRA, ROWS, Chunk, Kind, Table, check_rows, has_pyarrow
from thalia.errors import fail, in_a_line


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

    source = pa.PythonFile(raw, "r")
    if ending == ".parquet":
        file = parquet.ParquetFile(source)
        batches = file.iter_batches(ROWS, columns=wanted) if wanted else ()
        return file.schema_arrow, file.metadata.num_rows, batches
    opened = ipc.open_file(source)
    return (
        opened.schema,
        0,  # which the file does not say
        (opened.get_batch(k) for k in range(opened.num_record_batches)) if wanted else (),
    )
