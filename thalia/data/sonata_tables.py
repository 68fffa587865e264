"""Neurons and synapses in SONATA's HDF5, with what their types in a CSV file say of all of a kind.

The layout is that of the SONATA developer guide (github.com/AllenInstitute/sonata): attributes of a
row are in the group that `edge_group_id` names, at `edge_group_index`, and take precedence over
those of its type. Files without groups' indices, as of Blue Brain, have the group 0 only; texts may
be numbers of entries in `@library`.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from thalia.data.csv_tables import CsvTable
from thalia.data.files import DataFile
from thalia.data.hdf5 import check_stored, members, numbers, texts
from thalia.data.tables import MOST_ROWS, ROWS, Chunk, Column, Kind, Table, Texts, as_kind
from thalia.errors import did_you_mean, fail
from thalia.syntax.units import Dimension, ValueSyntaxError, parse_unit

if TYPE_CHECKING:
    import h5py

NODES, EDGES = "nodes", "edges"
LIBRARY = "@library"
MOST_GROUPS = 1000
_ENDS = {
    NODES: {"id": "node_id", "node_id": "node_id", "node_type_id": "node_type_id"},
    EDGES: {
        "pre": "source_node_id",
        "post": "target_node_id",
        "source_node_id": "source_node_id",
        "target_node_id": "target_node_id",
        "edge_type_id": "edge_type_id",
    },
}
_MISSING = ("", "NULL", "nan")


class SonataTable(Table):
    """A population of nodes or of edges, `what` of the two, and the table of its types."""

    def __init__(self, file: DataFile, what: str, population: str | None, types: DataFile | None):
        self.file, self.name, self.what = file, file.name, what
        with self._opened() as h5:
            self.path = self._population(h5, population)
            group = members(members(h5)[what])[self.path]
            held = members(group)
            self.fixed = {n: key for n, key in _ENDS[what].items() if key in held}
            self.length = len(self._checked(held, f"{what[:-1]}_type_id", "iu"))
            self.groups = _attributes(held)
            self.units = self._units(held)
        self.types = {} if types is None else _types(types, f"{what[:-1]}_type_id")
        of_groups = [name for columns in self.groups.values() for name in columns]
        self.columns = tuple(dict.fromkeys([*self.fixed, *of_groups, *self.types]))

    def place(self, row: int) -> str:
        return f"{self.name}: {self.what}/{self.path}[{row}]"

    def chunks(self, wanted: Mapping[str, Kind]) -> Iterator[Chunk]:
        with self._opened() as h5:
            held = members(members(members(h5)[self.what])[self.path])
            for first in range(0, self.length, ROWS):
                rows = slice(first, min(first + ROWS, self.length))
                columns = {
                    name: self._column(held, name, kind, rows) for name, kind in wanted.items()
                }
                yield Chunk(columns, first)

    @contextmanager
    def _opened(self) -> Iterator["h5py.File"]:
        import h5py  # a tenth of a second, and only such files need it

        with self.file.raw() as raw:  # which reports what is no file
            try:
                with h5py.File(raw if self.file.path is None else self.file.path, "r") as h5:
                    yield h5
            except (OSError, RuntimeError, KeyError, TypeError, ValueError) as error:
                # whatever HDF5 raises for a damaged file
                reason = str(error).split("(")[0].strip()
                raise fail(f"{self.name}: cannot be read as HDF5 ({reason})") from None

    def _population(self, h5: "h5py.File", wanted: str | None) -> str:
        import h5py

        top = members(h5).get(self.what)
        found = members(top) if isinstance(top, h5py.Group) else {}
        if not found:
            raise fail(
                f"{self.name}: is HDF5 without {self.what} in SONATA's layout",
                f"it should have /{self.what}/POPULATION",
            )
        if wanted is None and len(found) > 1:
            raise fail(
                f"{self.name}: has {len(found)} populations of {self.what}",
                f"say `population:`; {did_you_mean('', found)}",
            )
        name = wanted or next(iter(found))
        if not isinstance(found.get(name), h5py.Group):
            raise fail(f"{self.name}: has no {self.what} '{name}'", did_you_mean(name, found))
        return name

    def _checked(self, held: Mapping[str, Any], key: str, kinds: str) -> "h5py.Dataset":
        place = f"{self.name}: {self.what}/{self.path}/{key}"
        if key not in held:
            raise fail(f"{place} is missing, which SONATA requires")
        return numbers(held[key], place, kinds, MOST_ROWS)

    def _units(self, held: Mapping[str, Any]) -> dict[str, tuple[float, Dimension]]:
        """The units that the file states of its columns, which all groups must agree on."""
        found: dict[str, tuple[float, Dimension]] = {}
        for number, columns in self.groups.items():
            group = members(held[str(number)])
            for name in columns:
                unit = group[name].attrs.get("units")
                if unit is None:
                    continue
                text = unit.decode() if isinstance(unit, bytes) else str(unit)
                try:
                    read = parse_unit(text)
                except ValueSyntaxError as error:
                    raise fail(f"{self.name}: states a unit of '{name}': {error}") from None
                if found.setdefault(name, read) != read:
                    raise fail(f"{self.name}: states two units of '{name}'", "use one of them")
        return found

    def _column(self, held: Mapping[str, Any], name: str, kind: Kind, rows: slice) -> Column:
        if name in self.fixed:
            data = self._checked(held, self.fixed[name], "iu")
            self._check_length(data, self.fixed[name])
            return as_kind(data[rows], kind, f"{self.name}: '{name}'")
        dtype: Any = {Kind.TEXT: object, Kind.INTEGER: np.int64, Kind.NUMBER: np.float64}[kind]
        values = np.full(rows.stop - rows.start, "" if kind is Kind.TEXT else 0, dtype)
        given = np.zeros(len(values), bool)
        try:
            self._fill(held, name, rows, values, given)
        except (ValueError, TypeError):
            raise fail(f"{self.name}: not all of '{name}' is {kind.value}") from None
        if kind is Kind.TEXT:
            return Texts.of(values.astype(str))
        if not given.all():
            row = rows.start + int(np.flatnonzero(~given)[0])
            raise fail(f"{self.place(row)}: '{name}' is given neither for it nor for its type")
        return values

    def _fill(
        self,
        held: Mapping[str, Any],
        name: str,
        rows: slice,
        values: NDArray[Any],
        given: NDArray[np.bool_],
    ) -> None:
        """Write an attribute of some rows, that of their type first, and which have it."""
        if name in self.types:
            kinds = self._checked(held, f"{self.what[:-1]}_type_id", "iu")[rows]
            for key in np.unique(kinds).tolist():
                text = self.types[name].get(key, "")
                if text not in _MISSING:
                    mask = kinds == key
                    values[mask], given[mask] = text, True
        for number, mask, indices in self._grouped(held, rows):
            if name in self.groups.get(number, ()):
                values[mask] = self._of_group(held[str(number)], name, indices)
                given[mask] = True

    def _check_length(self, data: "h5py.Dataset", key: str) -> None:
        if len(data) != self.length:
            raise fail(
                f"{self.name}: {self.what}/{self.path}/{key} has {len(data):,} entries, "
                f"and there are {self.length:,} {self.what}"
            )

    def _grouped(
        self, held: Mapping[str, Any], rows: slice
    ) -> Iterator[tuple[int, NDArray[np.bool_], NDArray[np.int64]]]:
        """The rows of each group, and where in the group their attributes are."""
        stem = self.what[:-1]
        count = rows.stop - rows.start
        if f"{stem}_group_id" not in held:
            yield 0, np.ones(count, bool), np.arange(rows.start, rows.stop)
            return
        ids = self._checked(held, f"{stem}_group_id", "iu")
        indices = self._checked(held, f"{stem}_group_index", "iu")
        for data, key in ((ids, f"{stem}_group_id"), (indices, f"{stem}_group_index")):
            self._check_length(data, key)
        here, places = ids[rows].astype(np.int64), indices[rows].astype(np.int64)
        for number in np.unique(here).tolist():
            mask = here == number
            yield number, mask, places[mask]

    def _of_group(self, group: "h5py.Group", name: str, indices: NDArray[np.int64]) -> NDArray[Any]:
        """An attribute of some rows of a group."""
        data, place = members(group)[name], f"{self.name}: '{name}'"
        low, high = int(indices.min()), int(indices.max()) + 1
        if low < 0 or high > len(data):
            raise fail(f"{place} has {len(data):,} entries, and an index of {high - 1:,}")
        values = texts(data, place, low, high) if data.dtype.kind == "O" else data[low:high]
        library = members(members(group).get(LIBRARY))
        if name in library:
            entries = texts(library[name], f"{place} in its {LIBRARY}")
            if len(values) and not 0 <= int(values.min()) <= int(values.max()) < len(entries):
                raise fail(f"{place} has numbers that are not in its {LIBRARY}")
            values = entries[values]
        found: NDArray[Any] = values[indices - low]
        return found


def _attributes(held: Mapping[str, Any]) -> dict[int, tuple[str, ...]]:
    """The attributes in each group, by the number of the group."""
    import h5py

    found: dict[int, tuple[str, ...]] = {}
    for name, group in held.items():
        if not name.isdecimal() or not isinstance(group, h5py.Group):
            continue
        if len(found) >= MOST_GROUPS:
            raise fail(f"there are more than {MOST_GROUPS:,} groups of attributes")
        found[int(name)] = tuple(
            key for key, data in members(group).items() if _is_column(data, f"{name}/{key}")
        )
    return found


def _is_column(data: Any, place: str) -> bool:
    import h5py

    if not isinstance(data, h5py.Dataset) or data.ndim != 1:
        return False
    if data.dtype.kind == "O":
        if h5py.check_string_dtype(data.dtype) is None:
            return False
        check_stored(data, place, MOST_ROWS)
        return True
    if data.dtype.kind not in "biuf":
        return False
    numbers(data, place, "biuf", MOST_ROWS)
    return True


def _types(file: DataFile, key: str) -> dict[str, dict[int, str]]:
    """What a table of types says, by column and type."""
    table = CsvTable(file)
    table.require({key: "the number of a type"})
    found: dict[str, dict[int, str]] = {name: {} for name in table.columns if name != key}
    for chunk in table.chunks({key: Kind.INTEGER, **dict.fromkeys(found, Kind.TEXT)}):
        kinds = np.asarray(chunk.columns[key]).tolist()
        for name, entries in found.items():
            texts = chunk.columns[name]
            assert isinstance(texts, Texts), "it was read as text"
            entries.update(zip(kinds, texts.array().tolist(), strict=True))
    return found
