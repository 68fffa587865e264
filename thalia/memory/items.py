"""What a memory knows of each item beside its weights: cells, contents, and their tables."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from thalia.memory.answers import Content
from thalia.memory.encoder import Cells, Floats, text_vector

FREE, WAITING = 0, -1  # the numbers of a row without an item, and of what may become one


class Told(BaseModel):
    """What can be read of an item: when it was stored, its text, and how it has fared.

    `expected` is the outcome that was expected last, from 0 to 1, and `surprise` how far from it
    the outcome was. Steps are `seen`, of the last time that it was stored, recalled or judged,
    `recalled`, when it came first, and `moved`, when it was bound to another cue. `cues` are those
    by which it was ranked when it was recalled, until there is an outcome, and `partners` the
    numbers of items that it is associated with; `confidence` is that with which its own code
    recalled it in the last sleep, and `card` that of its reviews.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    at: str
    text: str | None = None
    outcomes: int = 0
    expected: float = 0.5
    surprise: float = 0.0
    seen: int = 0
    cues: tuple[float, ...] = ()
    recalled: int | None = None
    moved: int | None = None
    partners: tuple[int, ...] = ()
    confidence: float | None = None
    card: str = ""


@dataclass(frozen=True)
class Item:
    """An item: its number, its code, its own cells of the index, its vector unless it is a text."""

    number: int
    code: Cells
    own: Cells
    told: Told
    vector: Floats | None = None

    @property
    def content(self) -> Content:
        """What it was stored as."""
        return "text" if self.vector is None else "vector"

    def as_vector(self) -> Floats:
        """Its vector, or that of its text."""
        return text_vector(self.told.text or "") if self.vector is None else self.vector

    def with_told(self, **changes: Any) -> "Item":
        """The same item, of which something else is told."""
        return replace(self, told=self.told.model_copy(update=changes))


@dataclass(frozen=True)
class Items:
    """All items, each in a row of its own; free rows are used again.

    `waiting` is what was offered, oldest first, of which cells mean nothing yet.
    """

    rows: tuple[Item | None, ...] = ()
    last: int = 0  # the number of the newest
    waiting: tuple[Item, ...] = ()

    @property
    def present(self) -> list[Item]:
        """The items, oldest first."""
        return sorted((each for each in self.rows if each), key=lambda each: each.number)

    def find(self, number: object) -> Item | None:
        """The item of a number."""
        return next((each for each in self.rows if each and each.number == number), None)

    def with_item(self, item: Item) -> "Items":
        """With one more, or another in the place of the one of its number."""
        rows, old = list(self.rows), self.find(item.number)
        free = self.rows.index(old) if old or None in self.rows else len(rows)
        rows[free : free + 1] = [item]
        return replace(self, rows=tuple(rows), last=max(self.last, item.number))

    def without(self, item: Item) -> "Items":
        """Without one."""
        return replace(self, rows=tuple(None if each is item else each for each in self.rows))

    def tables(self) -> tuple[dict[str, NDArray[Any]], list[str]]:
        """Arrays with a row for each, and the texts."""
        every = (*self.rows, *self.waiting)
        some = next((each for each in every if each), None)
        arrays: dict[str, NDArray[Any]] = {
            "items.number": np.array([each.number if each else FREE for each in every], int)
        }
        for name in ("code", "own", "vector"):
            empty = getattr(some, name, None)
            if empty is not None:
                zeros = np.zeros_like(empty)
                arrays[f"items.{name}"] = np.array(
                    [getattr(each, name) if each else zeros for each in every]
                )
        return arrays, [each.told.model_dump_json() if each else "" for each in every]

    @classmethod
    def of_tables(
        cls, arrays: Mapping[str, NDArray[Any]], texts: Sequence[str], last: int
    ) -> "Items":
        """What `tables` gave.

        Raises
        ------
        ValueError, KeyError
            If they cannot be of items.
        """
        numbers = arrays["items.number"].tolist()
        columns = {name: arrays.get(f"items.{name}") for name in ("code", "own", "vector")}
        if any(
            len(each) != len(numbers) for each in (texts, *columns.values()) if each is not None
        ):
            raise ValueError("tables of items are not equally long")
        rows = [
            Item(
                number,
                told=Told.model_validate_json(texts[row]),
                **{name: column[row] for name, column in columns.items() if column is not None},
            )
            if number != FREE
            else None
            for row, number in enumerate(numbers)
        ]
        waiting = tuple(each for each in rows if each and each.number == WAITING)
        return cls(tuple(rows[: len(rows) - len(waiting)]), last, waiting)
