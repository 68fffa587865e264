"""Synapses from data: who connects to whom, with weights and delays, in arrays.

A table is read some rows at a time, each checked, so that besides the arrays themselves little
memory is needed: 8 bytes for the ends of a synapse, and 8 for each number that the data give.
"""

import os
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from math import inf
from typing import Any

import numpy as np
from numpy.typing import NDArray

from thalia.data.endpoints import Ends, Indices, Ints
from thalia.data.faults import Faults
from thalia.data.growing import Growing
from thalia.data.selection import chosen, kinds
from thalia.data.tables import Chunk, Column, Kind, Table, Texts
from thalia.errors import CircuitError, counted, fail
from thalia.syntax.column_formulas import ColumnFormula
from thalia.syntax.given import Given
from thalia.syntax.selection import Selection
from thalia.syntax.units import DIMENSIONLESS, Dimension, display_unit

BLOCK = 1 << 20  # synapses that are compared at once
_HELD = 24  # bytes of a synapse while they are sorted, besides 8 for each of its numbers

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Wanted:
    """A number that each synapse has from a formula, and the least that it can be, in SI."""

    formula: ColumnFormula
    dimension: Dimension
    least: float | None = None
    why: str = ""


@dataclass(frozen=True)
class EdgeQuery:
    """What is read of a table of synapses."""

    pre: str
    post: str
    numbers: Mapping[str, Wanted] = field(default_factory=dict)
    aliases: Mapping[str, str] = field(default_factory=dict)
    where: Selection | None = None
    duplicates: str = "refuse"
    ignore_unknown: bool = False
    autapses: bool = True
    one_population: bool = False  # at both ends, so that a neuron can reach itself
    memory: float = inf  # bytes that there are

    def column(self, name: str) -> str:
        """What the file calls a column that a formula names."""
        return self.aliases.get(name, name)


@dataclass(frozen=True, eq=False)
class Edges:
    """Synapses sorted by source and target: their ends as indices, and their numbers in SI.

    `notes` say what was left out of the data, or joined.
    """

    pre: Ints
    post: Ints
    numbers: Mapping[str, Given] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.pre)

    def between(self, pre: tuple[int, int], post: tuple[int, int]) -> "Edges":
        """Those from some neurons to some, each given by the first one and how many they are."""
        low, high = np.searchsorted(self.pre, (pre[0], pre[0] + pre[1]))
        mine = np.arange(low, high)
        targets = self.post[low:high]
        mine = mine[(targets >= post[0]) & (targets < post[0] + post[1])]
        numbers = {name: given.part(mine) for name, given in self.numbers.items()}
        sources = self.pre[mine] - np.int32(pre[0])
        return Edges(sources, self.post[mine] - np.int32(post[0]), numbers, self.notes)


def read_edges(table: Table, query: EdgeQuery, pre: Ends, post: Ends) -> Edges:
    """The synapses in a table.

    Raises
    ------
    CircuitError
        With everything in the table that cannot be: missing columns, unknown neurons, numbers that
        are not finite or too small, synapses that are there twice, each with its line.
    """
    wanted = _columns(table, query, pre, post)
    reading = _Reading(table, query, pre, post)
    for chunk in table.chunks(wanted):
        reading.take(chunk)
    return reading.result()


def _columns(table: Table, query: EdgeQuery, pre: Ends, post: Ends) -> dict[str, Kind]:
    """The columns of the file that are needed, each with what it is read as."""
    uses = {query.pre: "the presynaptic neuron", query.post: "the postsynaptic neuron"}
    columns = {query.pre: pre.kind, query.post: post.kind}
    for name, each in query.numbers.items():
        for column in sorted(each.formula.columns):
            uses.setdefault(query.column(column), f"in the {name}, `{each.formula}`")
            columns.setdefault(query.column(column), Kind.NUMBER)
    selected = kinds(query.where, query.aliases)
    for column in selected:
        uses.setdefault(column, "in `where:`")
    table.require(uses)
    return columns | _undisputed(table, columns, selected)


def _undisputed(
    table: Table, columns: Mapping[str, Kind], selected: Mapping[str, Kind]
) -> dict[str, Kind]:
    """The columns of a condition alone; one that is read elsewhere, too, is read there alike."""
    for name in columns.keys() & selected.keys():
        if (columns[name] is Kind.TEXT) != (selected[name] is Kind.TEXT):
            raise fail(
                f"{table.name}: `where:` compares '{name}' with {selected[name].value}, "
                f"and it is read as {columns[name].value}"
            )
    return {name: kind for name, kind in selected.items() if name not in columns}


class _Reading:
    """The rows that were read so far, and what is wrong with them."""

    def __init__(self, table: Table, query: EdgeQuery, pre: Ends, post: Ends):
        self.table, self.query, self.pre, self.post = table, query, pre, post
        self.faults = Faults(table)
        self.most = query.memory / (_HELD + 8 * len(query.numbers))
        count = int(min(table.length, self.most))
        self.ends = {side: Growing(np.int32, count) for side in ("pre", "post")}
        self.numbers = {name: Growing(np.float64, count) for name in query.numbers}
        self.elsewhere = self.unknown = self.autapses = 0
        self.seen = {"pre": _Range(), "post": _Range()}

    def take(self, chunk: Chunk) -> None:
        """Check some rows, and keep what they say."""
        taken = chosen(chunk, self.query.where, self.query.aliases)
        found = self._found(taken)
        known, unknown = np.ones(len(taken), bool), np.zeros(len(taken), bool)
        for side in ("pre", "post"):
            values = taken.columns[getattr(self.query, side)]
            self.seen[side].add(values)
            known &= found[side] >= 0
            unknown |= self._unknown(side, values, found[side], taken)
        self.unknown += int(np.count_nonzero(unknown))
        self.elsewhere += int(np.count_nonzero(~known & ~unknown))
        if not self.query.autapses and self.query.one_population:
            others = found["pre"] != found["post"]
            self.autapses += int(np.count_nonzero(known & ~others))
            known &= others
        if not known.all():
            taken = taken.where(known)
            found = {side: places[known] for side, places in found.items()}
        if self.ends["pre"].count + len(taken) > self.most:
            raise fail(
                f"{self.table.name}: has more synapses than fit into memory: more than "
                f"{int(self.most):,}, for the {self.query.memory / 1e9:.1f} GB that are free",
                "leave some out with `where:`, or use a larger machine",
            )
        if len(taken):
            for name, wanted in self.query.numbers.items():
                self.numbers[name].append(self._evaluated(name, wanted, taken))
            for side, places in found.items():
                self.ends[side].append(places)

    def _found(self, chunk: Chunk) -> dict[str, Ints]:
        """The places of both ends of each row, -1 where there is no such neuron."""
        return {
            "pre": self.pre.find(chunk.columns[self.query.pre]),
            "post": self.post.find(chunk.columns[self.query.post]),
        }

    def _unknown(self, side: str, values: Column, places: Ints, chunk: Chunk) -> NDArray[np.bool_]:
        """Which rows name a neuron that is nowhere in the circuit; it is noted."""
        ends = self.pre if side == "pre" else self.post
        missing: NDArray[np.bool_] = places < 0
        if missing.any():
            missing &= ~ends.is_elsewhere(values)
        if not self.query.ignore_unknown:
            column = getattr(self.query, side)
            self.faults.note(
                f"unknown {side}",
                missing,
                chunk,
                lambda k: f"'{column}' {ends.why(_cell(values, k))}",
            )
        return missing

    def _evaluated(self, name: str, wanted: Wanted, chunk: Chunk) -> Floats:
        """The values of a formula, checked."""
        columns: dict[str, Any] = {}
        for column in wanted.formula.columns:
            stored = self.query.column(column)
            size = self.table.units.get(stored, (1.0,))[0]
            values = chunk.columns[stored]
            assert isinstance(values, np.ndarray), "what a formula reads is read as numbers"
            columns[column] = values * size if size != 1 else values
        found: Floats = np.broadcast_to(wanted.formula.numbers(columns), len(chunk))
        wrong = ~np.isfinite(found)
        self.faults.note(
            f"{name} not finite", wrong, chunk, lambda k: f"the {name} is {found[k]}, not finite"
        )
        if wanted.least is not None:
            unit, size = display_unit(wanted.dimension)
            self.faults.note(
                f"{name} too small",
                (found < wanted.least) & ~wrong,
                chunk,
                lambda k: f"the {name} is {found[k] / size:.6g} {unit}, {wanted.why}",
            )
        return found

    def result(self) -> Edges:
        """The synapses, sorted; one array at a time, as they are large."""
        self._check_counting()
        self.faults.raise_all()
        pre, post = (self.ends[side].taken() for side in ("pre", "post"))
        numbers = {name: each.taken() for name, each in self.numbers.items()}
        order = _order(pre, post, sum(self.post.sizes))
        if order is not None:
            pre, post = pre[order], post[order]
            for name in numbers:
                numbers[name] = numbers[name][order]
            del order
        again = np.zeros(len(pre), bool)
        again[1:] = (pre[1:] == pre[:-1]) & (post[1:] == post[:-1])
        notes = list(self._notes())
        if again.any() and self.query.duplicates != "keep":
            if self.query.duplicates == "refuse":
                raise self._twice(pre, post, again)
            pre, post, numbers = self._summed(again, pre, post, numbers)
            count = int(np.count_nonzero(again))
            notes.append(f"{count:,} rows of {self.table.name} are added to others of their pair")
        given = {
            name: Given.of(values, self.query.numbers[name].dimension, self._text(name))
            for name, values in numbers.items()
        }
        return Edges(pre, post, given, tuple(notes))

    def _text(self, name: str) -> str:
        return str(self.query.numbers[name].formula)

    def _notes(self) -> Iterator[str]:
        name = self.table.name
        if self.elsewhere:
            yield f"{self.elsewhere:,} rows of {name} are of other populations, and left out"
        if self.unknown:
            yield f"{self.unknown:,} rows of {name} name neurons that are not here, and left out"
        if self.autapses:
            yield f"{self.autapses:,} rows of {name} are autapses, and left out"

    def _twice(self, pre: Ints, post: Ints, again: NDArray[np.bool_]) -> CircuitError:
        """The error for synapses that are there more than once, whose rows are looked for."""
        second = int(np.flatnonzero(again)[0])
        rows: list[int] = []
        for chunk in self.table.chunks(_columns(self.table, self.query, self.pre, self.post)):
            taken = chosen(chunk, self.query.where, self.query.aliases)
            found = self._found(taken)
            alike = (found["pre"] == pre[second]) & (found["post"] == post[second])
            rows += taken.numbers()[alike].tolist()
            if len(rows) > 1:
                break
        places = [self.table.place(row) for row in rows[:2]]
        more = int(np.count_nonzero(again)) - 1
        others = f"; {counted(more, 'more row')} of this kind" if more else ""
        return fail(
            f"{places[1]}: is the same pair of neurons as {places[0]}{others}",
            "`duplicates: sum` adds their weights, `duplicates: keep` makes a synapse of each",
        )

    def _summed(
        self, again: NDArray[np.bool_], pre: Ints, post: Ints, numbers: Mapping[str, Floats]
    ) -> tuple[Ints, Ints, dict[str, Floats]]:
        """One synapse of each pair, with the sum of the weights; delays must agree."""
        name = self.table.name
        if "weight" not in numbers:
            raise fail(
                f"{name}: `duplicates: sum` adds weights, and these are not of the data",
                "let the weight read a column, as in `weight: count * 0.1 nS`",
            )
        starts = np.flatnonzero(~again)
        summed = {"weight": np.add.reduceat(numbers["weight"], starts)}
        for key, values in numbers.items():
            if key == "weight":
                continue
            if (again[1:] & (values[1:] != values[:-1])).any():
                raise fail(
                    f"{name}: rows of one pair differ in the {key}, and cannot be added",
                    "`duplicates: keep` makes a synapse of each",
                )
            summed[key] = values[starts]
        return pre[starts], post[starts], summed

    def _check_counting(self) -> None:
        """Tell columns of indices that seem to be counted from the other number."""
        told: list[str] = []
        wrong: list[int] = []
        for side, ends in (("pre", self.pre), ("post", self.post)):
            low, high = self.seen[side].low, self.seen[side].high
            if not isinstance(ends, Indices) or low is None or high is None:
                continue
            column, start = getattr(self.query, side), ends.count_from
            seems = 1 if low >= 1 and high == ends.size else 0 if low == 0 else None
            if seems is not None:
                told.append(f"'{column}' from {seems}")
                wrong += [seems] if seems != start else []
        if not wrong:
            return
        for side in ("pre", "post"):
            self.faults.found.pop(f"unknown {side}", None)  # which this explains
        self.faults.first(
            f"{self.table.name}: indices seem to be counted, {' and '.join(told)}",
            "count both columns from 0"
            if len(told) > len(wrong)
            else f"say `count_from: {wrong[0]}`: they are counted from 0 by default",
        )


class _Range:
    """The least and the largest of the whole numbers in a column."""

    def __init__(self) -> None:
        self.low: int | None = None
        self.high: int | None = None

    def add(self, values: Any) -> None:
        if isinstance(values, np.ndarray) and len(values):
            low, high = int(values.min()), int(values.max())
            self.low = low if self.low is None else min(self.low, low)
            self.high = high if self.high is None else max(self.high, high)


def _cell(values: Column, row: int) -> object:
    return values.values[values.codes[row]] if isinstance(values, Texts) else values[row]


def _order(pre: Ints, post: Ints, targets: int) -> NDArray[np.int64] | None:
    """The order by source, target and row; None if that is how they are.

    Packed into one integer each, of which threads sort pieces, if the numbers are small enough.
    """
    if _is_in_order(pre, post):
        return None
    key = pre.astype(np.int64)
    key *= max(1, targets)
    key += post
    bits = max(1, len(key) - 1).bit_length()
    if int(key.max()).bit_length() + bits > 63:
        return np.argsort(key, kind="stable")
    key <<= bits
    for first in range(0, len(key), BLOCK):
        part = key[first : first + BLOCK]
        part |= np.arange(first, first + len(part))
    pieces = np.array_split(key, os.cpu_count() or 1)
    with ThreadPoolExecutor(len(pieces)) as pool:
        list(pool.map(lambda piece: piece.sort(), pieces))
    key.sort(kind="stable")  # which merges sorted pieces
    key &= (1 << bits) - 1
    return key


def _is_in_order(pre: Ints, post: Ints) -> bool:
    """Whether sources do not fall, nor targets of one source; in blocks, which need no memory."""
    for first in range(0, len(pre), BLOCK):
        part = slice(first, first + BLOCK + 1)
        sources, targets = pre[part], post[part]
        steps = np.diff(sources)
        if (steps < 0).any() or ((steps == 0) & (np.diff(targets) < 0)).any():
            return False
    return True


def check_dimensions(
    table: Table, formulas: Mapping[str, ColumnFormula], aliases: Mapping[str, str]
) -> dict[str, Dimension]:
    """The dimension of each formula, given the units that the file states.

    Raises
    ------
    EquationError
        If a formula adds what has different dimensions.
    """
    found = {}
    for name, formula in formulas.items():
        stored = {column: aliases.get(column, column) for column in formula.columns}
        known = {c: table.units.get(s, (1.0, DIMENSIONLESS))[1] for c, s in stored.items()}
        found[name] = formula.dimension(known)
    return found
