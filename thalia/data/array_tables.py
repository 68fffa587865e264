"""Arrays of NumPy as tables: columns in an npz file."""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack

from thalia.data.files import DataFile
from thalia.data.numpy_files import Archive, read_numbers
from thalia.data.tables import ROWS, Chunk, Kind, Table, as_kind, check_rows
from thalia.errors import fail

_CHUNK_BYTES = 64_000_000  # of one column that are read at once


class NpzTable(Table):
    """The arrays of an npz file, each one column; they are read in pieces."""

    def __init__(self, file: DataFile):
        self.file, self.name = file, file.name
        with file.opened() as raw:
            archive = Archive(raw, self.name)
            self.headers = {name: archive.header(name) for name in archive.members}
        self.columns = tuple(self.headers)
        self.length = max(
            (each.count for each in self.headers.values() if len(each.shape) == 1), default=0
        )

    def chunks(self, wanted: Mapping[str, Kind]) -> Iterator[Chunk]:
        total = self._rows(wanted)
        widest = max(self.headers[name].dtype.itemsize for name in wanted)
        rows = max(1, min(ROWS, _CHUNK_BYTES // widest))
        with self.file.opened() as raw, ExitStack() as streams:
            archive = Archive(raw, self.name)
            arrays = {name: streams.enter_context(archive.array(name)) for name in wanted}
            for first in range(0, total, rows):
                count = min(rows, total - first)
                yield Chunk(
                    {
                        name: as_kind(
                            read_numbers(stream, header.dtype, count, self.name),
                            wanted[name],
                            f"{self.name}: '{name}'",
                        )
                        for name, (header, stream) in arrays.items()
                    },
                    first,
                )

    def _rows(self, wanted: Mapping[str, Kind]) -> int:
        """How many rows the wanted columns have, which must be as long as one another."""
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
        return total

    def _length(self, name: str) -> int:
        header = self.headers[name]
        if len(header.shape) != 1 or header.dtype.kind not in "biufUS":
            raise fail(
                f"{self.name}: '{name}' has the shape {header.shape} and the dtype "
                f"{header.dtype}, expected numbers or texts in one dimension"
            )
        return header.count
