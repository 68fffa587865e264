"""The table of a fit, read again: what was tried, and how far each trial was from the target."""

from dataclasses import dataclass
from math import isfinite
from pathlib import Path as FilePath

from thalia.errors import fail
from thalia.parallel.table_files import read_rows

TABLE = "table.csv"


@dataclass(frozen=True)
class Tried:
    """A trial: its values by path, its distance to the target, and the means of its numbers.

    The distance is None if a run of it failed.
    """

    index: int
    settings: dict[str, str]
    distance: float | None
    numbers: dict[str, float]


def read_fit(folder: FilePath) -> tuple[Tried, ...]:
    """The trials of a fit in order, from the text in its folder.

    Raises
    ------
    CircuitError
        If there is no table, or it is damaged.
    """
    head, rows = read_rows(folder / TABLE)
    try:
        if head[0] != "trial":
            raise ValueError("its first column is not 'trial'")
        place = head.index("distance")
        return tuple(_trial(row, head, place) for row in rows)
    except (ValueError, IndexError) as error:
        raise fail(f"{folder / TABLE}: is damaged, or no table of a fit: {error}") from None


def _trial(row: list[str], head: list[str], place: int) -> Tried:
    values = dict(zip(head[1:place], row[1:place], strict=True))
    cells = zip(head[place + 1 :], row[place + 1 :], strict=True)
    distance = float(row[place]) if row[place] else None
    if distance is not None and not (isfinite(distance) and distance >= 0):
        raise ValueError(f"a distance is {distance}")
    return Tried(int(row[0]), values, distance, {n: float(v) for n, v in cells if v})
