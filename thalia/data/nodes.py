"""Neurons from data: which rows are a population, their identifiers, and numbers of each."""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from thalia.data.endpoints import Identifiers
from thalia.data.faults import Faults
from thalia.data.selection import chosen, kinds
from thalia.data.tables import Chunk, Column, Kind, Table, Texts
from thalia.errors import fail
from thalia.syntax.column_formulas import ColumnFormula
from thalia.syntax.selection import WORDS, Selection
from thalia.syntax.units import DIMENSIONLESS, Dimension

MOST_NODES = 20_000_000  # of a table, all of whose wanted columns are kept in memory
IDENTIFIER = "id"
_WHOLE = re.compile(r"-?(0|[1-9]\d{0,17})")


@dataclass(frozen=True)
class NodeQuery:
    """What is read of a table of neurons: `aliases` are what its columns are called there.

    Of `columns`, by which neurons are chosen, those are kept that the table has.
    """

    formulas: Mapping[str, ColumnFormula] = field(default_factory=dict)
    aliases: Mapping[str, str] = field(default_factory=dict)
    where: Selection | None = None
    columns: Collection[str] = ()

    def column(self, name: str) -> str:
        """What the file calls a column that a formula names."""
        return self.aliases.get(name, name)


@dataclass(frozen=True, eq=False)
class Nodes:
    """The neurons of a population, in the order of the table; numbers are in SI.

    `columns` are kept to choose neurons by: numbers, or texts, whose dimension is None.
    """

    size: int
    identifiers: Identifiers | None
    numbers: Mapping[str, NDArray[np.float64]]
    columns: Mapping[str, NDArray[Any]] = field(default_factory=dict)
    dimensions: Mapping[str, Dimension | None] = field(default_factory=dict)


def read_nodes(table: Table, key: object, query: NodeQuery) -> Nodes:
    """The neurons of a population; `key` tells this table from others, whose rows are kept.

    Raises
    ------
    CircuitError
        With everything in the table that cannot be, each with its line.
    """
    identifier = query.column(IDENTIFIER)
    has_identifiers = identifier in table.columns or IDENTIFIER in query.aliases
    uses = {identifier: "the identifier of a neuron"} if has_identifiers else {}
    wanted = {identifier: Kind.TEXT} if has_identifiers else {}
    for name, formula in query.formulas.items():
        for column in sorted(formula.columns):
            uses.setdefault(query.column(column), f"in {name}, `{formula}`")
            wanted.setdefault(query.column(column), Kind.NUMBER)
    selected = kinds(query.where, query.aliases)
    uses |= {column: "in `where:`" for column in selected if column not in uses}
    table.require(uses)
    if selected.get(identifier) is Kind.NUMBER and has_identifiers:
        wanted[identifier] = Kind.INTEGER  # as whole numbers, which are exact
    wanted |= {name: kind for name, kind in selected.items() if name not in wanted}
    kept = {
        name: stored for name in query.columns if (stored := query.column(name)) in table.columns
    }
    wanted |= {stored: Kind.TEXT for stored in kept.values() if stored not in wanted}
    whole = _whole(_Keyed(table, key), tuple(wanted.items() or [(table.columns[0], Kind.TEXT)]))
    rows = chosen(whole, query.where, query.aliases)
    if not len(rows):
        raise fail(f"{table.name}: has no such neurons", "check `where:`, and that it has rows")
    faults = Faults(table)
    numbers = {}
    for name, formula in query.formulas.items():
        numbers[name] = _evaluated(table, query, name, formula, rows, faults)
    identifiers = None
    if has_identifiers:
        identifiers = _identifiers(table, rows.columns[identifier], rows, identifier, faults)
    faults.raise_all()
    columns = {name: _numbers_or_texts(rows.columns[stored]) for name, stored in kept.items()}
    dimensions: dict[str, Dimension | None] = {}
    for name, stored in kept.items():
        size, dimension = table.units.get(stored, (1.0, DIMENSIONLESS))
        dimensions[name] = WORDS if columns[name].dtype.kind == "O" else dimension
        if dimensions[name] is not WORDS and size != 1:
            columns[name] = columns[name] * size
    return Nodes(len(rows), identifiers, numbers, columns, dimensions)


def values_of(table: Table, key: object, by: str, query: NodeQuery) -> list[str]:
    """The distinct values of a column, in the order in which they come first.

    Raises
    ------
    CircuitError
        If neurons have none.
    """
    column, selected = query.column(by), kinds(query.where, query.aliases)
    table.require({column: "in `by:`"} | dict.fromkeys(selected, "in `where:`"))
    wanted = {**selected, column: Kind.TEXT}
    whole = _whole(_Keyed(table, key), tuple(wanted.items()))
    rows = chosen(whole, query.where, query.aliases)
    texts = rows.columns[column]
    assert isinstance(texts, Texts), "it was read as text"
    faults = Faults(table)
    faults.note(
        "no value",
        texts.are(frozenset(v for v in texts.values if not v.strip() or v.lower() == "nan")),
        rows,
        lambda k: f"the neuron has no {column}",
        f"give it one, or leave such neurons out: `where: \"{by} != ''\"`",
    )
    faults.raise_all()
    seen, first = np.unique(texts.codes, return_index=True)
    return [texts.values[code] for code in seen[np.argsort(first)]]


@dataclass(frozen=True)
class _Keyed:
    """A table that is the same as another one if their keys are."""

    table: Table = field(compare=False)
    key: object


@lru_cache(maxsize=8)
def _whole(keyed: _Keyed, wanted: tuple[tuple[str, Kind], ...]) -> Chunk:
    """Some columns of a table, all rows."""
    parts: dict[str, list[Column]] = {name: [] for name, _ in wanted}
    length = 0
    for chunk in keyed.table.chunks(dict(wanted)):
        length += len(chunk)
        if length > MOST_NODES:
            raise fail(f"{keyed.table.name}: has more than {MOST_NODES:,} rows of neurons")
        for name, column in chunk.columns.items():
            parts[name].append(column)
    return Chunk({name: _joined(columns, dict(wanted)[name]) for name, columns in parts.items()})


def _joined(columns: list[Column], kind: Kind) -> Column:
    if kind is not Kind.TEXT:
        return np.concatenate([np.asarray(c) for c in columns]) if columns else np.zeros(0)
    if len(columns) == 1 and isinstance(columns[0], Texts):
        return columns[0]
    arrays = [each.array() for each in columns if isinstance(each, Texts)]
    return Texts.of(np.concatenate(arrays).astype(str)) if arrays else Texts(np.zeros(0, "i4"), ())


def _evaluated(
    table: Table, query: NodeQuery, name: str, formula: ColumnFormula, rows: Chunk, faults: Faults
) -> NDArray[np.float64]:
    columns: dict[str, Any] = {}
    for column in formula.columns:
        stored = query.column(column)
        columns[column] = np.asarray(rows.columns[stored]) * table.units.get(stored, (1.0,))[0]
    values: NDArray[np.float64] = np.broadcast_to(formula.numbers(columns), len(rows))
    wrong = ~np.isfinite(values)
    faults.note(name, wrong, rows, lambda k: f"{name} is {values[k]}, not finite")
    return values


def _numbers_or_texts(column: Column) -> NDArray[Any]:
    """A column as numbers if all that it holds are, of which some may be missing; else as texts."""
    if not isinstance(column, Texts):
        return column
    try:
        numbers = [float(value) if value.strip() else np.nan for value in column.values]
    except ValueError:
        return column.array()
    return np.array(numbers, float)[column.codes]


def _identifiers(
    table: Table, texts: Column, rows: Chunk, column: str, faults: Faults
) -> Identifiers:
    """Identifiers as whole numbers, if all of them are; else as texts."""
    if not isinstance(texts, Texts):
        texts = Texts.of(texts.astype(str))
    seen, first = np.unique(texts.codes, return_index=True)
    empty = texts.are(frozenset(value for value in texts.values if not value.strip()))
    faults.note("empty", empty, rows, lambda k: f"'{column}' is empty")
    again = np.ones(len(texts), bool)
    again[first] = False
    faults.note(
        "twice",
        again & ~empty,
        rows,
        lambda k: f"'{column}' is {texts.values[texts.codes[k]]}, as of a neuron before it",
        "each neuron has an identifier of its own",
    )
    if all(_WHOLE.fullmatch(texts.values[code]) for code in seen):
        numbers = np.array([int(v) if _WHOLE.fullmatch(v) else 0 for v in texts.values], np.int64)
        return numbers[texts.codes]
    return texts.array()
