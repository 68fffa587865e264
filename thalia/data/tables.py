"""Tables of users: named columns, read some rows at a time, whatever the format of the file."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from importlib import util
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from thalia.errors import did_you_mean, fail
from thalia.syntax.units import Dimension

MOST_ROWS = 2_000_000_000  # of a table; memory ends before
ROWS = 1 << 20  # that are read at once
EXTRA = "pip install 'thalia[data]'"


class Kind(Enum):
    """What a column is read as."""

    INTEGER = "a whole number"
    NUMBER = "a number"
    TEXT = "a text"


@dataclass(frozen=True, eq=False)
class Texts:
    """A column of texts, as the number of its text for each row; compared like an array of them."""

    codes: NDArray[np.int32]
    values: tuple[str, ...]
    dtype: ClassVar[np.dtype[Any]] = np.dtype(str)

    @classmethod
    def of(cls, texts: NDArray[Any]) -> "Texts":
        """An array of texts, each of which is stored once."""
        values, codes = np.unique(texts, return_inverse=True)
        return cls(codes.astype(np.int32), tuple(map(str, values.tolist())))

    def __len__(self) -> int:
        return len(self.codes)

    def __getitem__(self, rows: NDArray[Any]) -> "Texts":
        return Texts(self.codes[rows], self.values)

    def are(self, wanted: frozenset[str]) -> NDArray[np.bool_]:
        """For each row, whether its text is among some."""
        chosen = np.array([value in wanted for value in self.values], bool)
        return chosen[self.codes] if len(chosen) else np.zeros(0, bool)

    def astype(self, dtype: Any) -> "Texts":
        """The same column, which holds texts as it is."""
        return self

    def __eq__(self, text: object) -> NDArray[np.bool_]:  # type: ignore[override]
        return self.are(frozenset({str(text)}))

    def __ne__(self, text: object) -> NDArray[np.bool_]:  # type: ignore[override]
        return ~self.are(frozenset({str(text)}))

    def array(self) -> NDArray[Any]:
        """The texts, one for each row."""
        return np.array(self.values, object)[self.codes] if self.values else np.zeros(0, object)


Column = NDArray[Any] | Texts


@dataclass(frozen=True)
class Chunk:
    """Some rows of a table; `rows` are their numbers from 0, by default those from `first` on."""

    columns: Mapping[str, Column]
    first: int = 0
    rows: NDArray[np.int64] | None = None

    def __len__(self) -> int:
        return len(next(iter(self.columns.values())))

    def numbers(self) -> NDArray[np.int64]:
        """The number of each row in the table."""
        return np.arange(self.first, self.first + len(self)) if self.rows is None else self.rows

    def where(self, mask: NDArray[np.bool_]) -> "Chunk":
        """The rows where a mask is true."""
        if mask.all():
            return self
        kept = {name: column[mask] for name, column in self.columns.items()}
        return Chunk(kept, rows=self.numbers()[mask])


class Table(ABC):
    """Named columns of the same length; `name` is what messages call it.

    `units` are those that the file itself states, as their size in SI and their dimension.
    """

    name: str
    columns: tuple[str, ...]
    units: Mapping[str, tuple[float, Dimension]] = {}
    shape: tuple[int, int] | None = None  # of a matrix: sources and targets
    length: int = 0  # the number of rows, where the file says it

    @abstractmethod
    def chunks(self, wanted: Mapping[str, Kind]) -> Iterator[Chunk]:
        """The wanted columns, some rows at a time, in the order of the file.

        Raises
        ------
        CircuitError
            If the file is damaged, or a cell is not what its column should be.
        """

    def place(self, row: int) -> str:
        """Where a row is, by its number from 0, as messages say it."""
        return f"{self.name}: row {row}"

    def require(self, wanted: Mapping[str, str]) -> None:
        """Check that there are all columns that something needs; `wanted` says what needs each.

        Raises
        ------
        CircuitError
            With the nearest name of every one that is missing.
        """
        missing = [column for column in wanted if column not in self.columns]
        if missing:
            first = missing[0]
            others = f" (nor {', '.join(missing[1:])})" if len(missing) > 1 else ""
            raise fail(
                f"{self.name}: has no column '{first}'{others}, which is {wanted[first]}",
                f"{did_you_mean(first, self.columns)}; "
                "`columns:` says what columns are called in the file",
            )


class ArrayTable(Table):
    """Arrays in memory as a table."""

    def __init__(
        self,
        name: str,
        arrays: Mapping[str, NDArray[Any]],
        units: Mapping[str, tuple[float, Dimension]],
    ):
        self.name, self.columns, self.units, self.arrays = name, tuple(arrays), units, arrays
        self.length = min((len(each) for each in arrays.values()), default=0)

    def chunks(self, wanted: Mapping[str, Kind]) -> Iterator[Chunk]:
        for first in range(0, self.length, ROWS):
            part = slice(first, first + ROWS)
            columns = {
                name: as_kind(self.arrays[name][part], kind, f"{self.name}: '{name}'")
                for name, kind in wanted.items()
            }
            yield Chunk(columns, first)


def as_kind(values: NDArray[Any], kind: Kind, place: str) -> Column:
    """An array as a column of some kind; `place` is what messages call it.

    Raises
    ------
    CircuitError
        If it cannot be one, as fractions cannot be whole numbers.
    """
    if kind is Kind.TEXT:
        decoded = np.char.decode(values, "utf-8", "replace") if values.dtype.kind == "S" else values
        return Texts.of(decoded.astype(str))
    wanted = np.int64 if kind is Kind.INTEGER else np.float64
    if values.dtype.kind not in ("biu" if kind is Kind.INTEGER else "biuf"):
        what = "whole numbers" if kind is Kind.INTEGER else "numbers"
        raise fail(f"{place} holds {_spoken(values.dtype)}, expected {what}")
    if values.dtype == np.uint64 and values.size and values.max() > np.iinfo(np.int64).max:
        raise fail(f"{place} holds numbers beyond 64 bits with a sign")
    return values.astype(wanted, copy=False)


def _spoken(dtype: np.dtype[Any]) -> str:
    kinds = {"f": "fractions", "U": "texts", "S": "texts", "O": "objects", "c": "complex numbers"}
    return f"{kinds.get(dtype.kind, 'something else')} ({dtype})"


def has_pyarrow() -> bool:
    """Whether the library is installed that reads Parquet, and CSV on several cores."""
    return util.find_spec("pyarrow") is not None


def check_rows(count: int, name: str) -> None:
    """Refuse a table of more rows than are read.

    Raises
    ------
    CircuitError
        If there are more.
    """
    if count > MOST_ROWS:
        raise fail(f"{name}: has {count:,} rows, and at most {MOST_ROWS:,} are read")
