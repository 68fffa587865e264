"""From what a file calls neurons, by index or by identifier, to their places in populations."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from thalia.data.tables import Column, Kind, Texts
from thalia.errors import fail

Ints = NDArray[np.int32]
Identifiers = NDArray[Any]  # int64, or objects that are texts


@dataclass(frozen=True)
class Indices:
    """Neurons by their number in one population, counted from 0 or from 1."""

    population: str
    size: int
    count_from: int = 0

    kind = Kind.INTEGER

    @property
    def sizes(self) -> tuple[int, ...]:
        """The number of neurons of the population."""
        return (self.size,)

    def find(self, column: Column) -> Ints:
        """The place of each neuron, -1 where there is none."""
        assert isinstance(column, np.ndarray), "indices are read as whole numbers"
        found = column - self.count_from
        outside = (found < 0) | (found >= self.size)
        if outside.any():
            found = np.where(outside, -1, found)
        return found.astype(np.int32)

    def is_elsewhere(self, column: Column) -> NDArray[np.bool_]:
        """Indices are of no other population."""
        return np.zeros(len(column), bool)

    def why(self, value: object) -> str:
        """Why a neuron is not there."""
        last = self.size - 1 + self.count_from
        return (
            f"is {value}, and the {self.size:,} neurons of {self.population} "
            f"are {self.count_from} to {last:,}"
        )


class Named:
    """Neurons by their identifiers, in some populations one after the other.

    Those of `others`, populations that a pathway does not reach, are told from unknown ones.
    """

    def __init__(self, populations: Mapping[str, Identifiers], others: Iterable[Identifiers] = ()):
        self.names, self.others = tuple(populations), tuple(others)
        self.sizes = tuple(map(len, populations.values()))
        every = list(populations.values())
        self.kind = _kind_of([*every, *self.others], self.names)
        self.identifiers = np.concatenate(every) if every else np.zeros(0, np.int64)
        self.order = np.argsort(self.identifiers, kind="stable").astype(np.int32)
        self.sorted = self.identifiers[self.order]
        self._check_distinct(self.sorted[1:] == self.sorted[:-1])

    def _check_distinct(self, alike: NDArray[np.bool_]) -> None:
        if not alike.any():
            return
        first = int(np.flatnonzero(alike)[0])
        bounds = np.cumsum(self.sizes)
        places = [
            self.names[int(np.searchsorted(bounds, self.order[k], "right"))]
            for k in (first, first + 1)
        ]
        both = places[0] != places[1]
        where = f"in {' and in '.join(places)}" if both else f"twice in {places[0]}"
        hint = "each neuron has one of its own"
        raise fail(f"the identifier {self.sorted[first]} is {where}", hint)

    def find(self, column: Column) -> Ints:
        """The place of each neuron in all the populations, -1 where there is none."""
        if isinstance(column, Texts):
            values = self._find(np.array(column.values, object))
            return values[column.codes] if len(values) else np.zeros(0, np.int32)
        return self._find(column)

    def _find(self, wanted: NDArray[Any]) -> Ints:
        if not len(self.sorted):
            return np.full(len(wanted), -1, np.int32)
        place = np.searchsorted(self.sorted, wanted)
        place[place == len(self.sorted)] = 0
        return np.where(self.sorted[place] == wanted, self.order[place], np.int32(-1))

    @cached_property
    def _elsewhere(self) -> NDArray[Any]:
        return np.unique(np.concatenate(self.others)) if self.others else self.sorted[:0]

    def is_elsewhere(self, column: Column) -> NDArray[np.bool_]:
        """Whether each is the identifier of a neuron in another population of the circuit."""
        if isinstance(column, Texts):
            return column.are(frozenset(map(str, self._elsewhere)))
        return np.isin(column, self._elsewhere)

    def why(self, value: object) -> str:
        """Why a neuron is not there."""
        return f"is {value}, and no neuron has this identifier"


Ends = Indices | Named


def _kind_of(identifiers: Sequence[Identifiers], names: Sequence[str]) -> Kind:
    kinds = {Kind.INTEGER if each.dtype.kind == "i" else Kind.TEXT for each in identifiers}
    if len(kinds) > 1:
        raise fail(
            f"the identifiers of {', '.join(names)} are numbers in one file, texts in another",
            "identifiers of one circuit are either whole numbers, or texts",
        )
    return kinds.pop() if kinds else Kind.INTEGER
