"""What is wrong with the rows of a table: the first row of each kind, and how many more."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from thalia.data.tables import Chunk, Table
from thalia.errors import CircuitError, Problem, counted


@dataclass
class _Fault:
    row: int
    message: str
    hint: str
    count: int


class Faults:
    """Collects what is wrong with rows, so that all kinds are told at once."""

    def __init__(self, table: Table):
        self.table = table
        self.found: dict[str, _Fault] = {}
        self.before: list[Problem] = []

    def note(
        self,
        kind: str,
        wrong: NDArray[np.bool_],
        chunk: Chunk,
        message: Callable[[int], str],
        hint: str = "",
    ) -> None:
        """Count the rows that are wrong; of the first one, keep the message for its place."""
        count = int(np.count_nonzero(wrong))
        if not count:
            return
        if kind in self.found:
            self.found[kind].count += count
            return
        first = int(np.flatnonzero(wrong)[0])
        row = int(chunk.numbers()[first])
        self.found[kind] = _Fault(row, message(first), hint, count)

    def first(self, message: str, hint: str) -> None:
        """Note something of the whole table, which is told before what is wrong with rows."""
        self.before.append(Problem((), message, hint))

    def raise_all(self) -> None:
        """Report everything.

        Raises
        ------
        CircuitError
            If anything is wrong.
        """
        problems = list(self.before)
        for fault in self.found.values():
            others = counted(fault.count - 1, "more row")
            more = f"; {others} of this kind" if fault.count > 1 else ""
            place = self.table.place(fault.row)
            problems.append(Problem((), f"{place}: {fault.message}{more}", fault.hint))
        if problems:
            raise CircuitError(problems)
